"""Which columns a SCALE-Sim topology has: read by position, as SCALE-Sim does, with the header as a check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from simulator.errors import Problem, refuse
from simulator.spec.validation import did_you_mean, shown

Kind = Literal["conv", "gemm"]

TITLES: Final[dict[str, str]] = {
    "name": "Layer name",
    "H": "IFMAP Height",
    "W": "IFMAP Width",
    "R": "Filter Height",
    "S": "Filter Width",
    "C": "Channels",
    "filters": "Num Filter",
    "stride": "Strides",
    "stride_width": "Stride width",
    "M": "M",
    "N": "N",
    "K": "K",
    "sparsity": "Sparsity",
    "batch": "Batch Size",
}
"""Columns as messages call them."""

_POSITIONS: Final[dict[Kind, tuple[str, ...]]] = {
    "conv": ("name", "H", "W", "R", "S", "C", "filters", "stride"),
    "gemm": ("name", "M", "N", "K"),
}
_EXTRAS: Final[dict[Kind, tuple[str, ...]]] = {
    "conv": ("stride_width", "sparsity", "batch"),
    "gemm": ("sparsity", "batch"),
}
_SPELLINGS: Final[dict[str, str]] = {
    spelling: column
    for column, spellings in {
        "H": "ifmapheight ifmaph inputheight",
        "W": "ifmapwidth ifmapw inputwidth",
        "R": "filterheight filterh",
        "S": "filterwidth filterw",
        "C": "channels channel numchannels numchannel",
        "filters": "numfilter numfilters filters",
        "stride": "strides stride strideheight strideh",
        "stride_width": "stridewidth stridew",
        "M": "m",
        "N": "n",
        "K": "k",
        "sparsity": "sparsity sparsityratio",
        "batch": "batchsize batch",
    }.items()
    for spelling in spellings.split()
}


@dataclass(frozen=True, slots=True)
class Columns:
    """What stands where in every row of a file, the name first; and what the user should know about it."""

    kind: Kind
    order: tuple[str, ...]
    notes: tuple[Problem, ...] = ()

    @property
    def required(self) -> int:
        """Columns that no row may lack."""
        fixed = [column for column in self.order if column != "sparsity"]
        return len(fixed) if self.order[-1] == "sparsity" else len(self.order)

    @property
    def titles(self) -> str:
        """The columns in words."""
        return ", ".join(TITLES[column] for column in self.order)


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number in plain digits, of any size and sign."""
    digits = cell[1:] if cell[:1] in ("+", "-") else cell
    return digits.isascii() and digits.isdigit()


def columns_of(cells: Sequence[str], place: str, line: int, *, gemm: bool) -> tuple[Columns, bool]:
    """The columns by a file's first row, and whether that row is a header.

    ``gemm`` says that M, N and K are expected. Raises `InputError` where the columns are not known.
    """
    if any(is_whole(cell) for cell in cells[1:]):
        return _without_header(cells, place, line, gemm=gemm), False
    return _by_header(cells, place, line, gemm=gemm), True


def _by_header(cells: Sequence[str], place: str, line: int, *, gemm: bool) -> Columns:
    found = [_column(cell) for cell in cells]
    kind: Kind = "gemm" if gemm or _is_gemm(found) else "conv"
    fixed = _POSITIONS[kind]
    if len(cells) < len(fixed) or (gemm and not _is_gemm(found)):
        raise _not_columns(cells, place, line, gemm=gemm)
    _check_order(cells, found, fixed, place, line)
    order = [*fixed, *(_extra(found, cells, i, kind, place, line) for i in range(len(fixed), len(cells)))]
    return Columns(kind, tuple(order), tuple(_odd_titles(cells, found, fixed, place, line)))


def _column(cell: str) -> str | None:
    return _SPELLINGS.get("".join(c for c in cell.casefold() if c.isalnum()))


def _is_gemm(found: Sequence[str | None]) -> bool:
    fixed, other = _POSITIONS["gemm"], _POSITIONS["conv"]
    near = sum(column in fixed for column in found[1 : len(fixed)])
    return near >= 2 or (4 <= len(found) <= 6 and not any(column in other for column in found[1:]))


def _check_order(
    cells: Sequence[str], found: Sequence[str | None], fixed: Sequence[str], place: str, line: int
) -> None:
    """Refuse columns that changed places: SCALE-Sim reads by position, so nobody knows which was meant."""
    for i, column in enumerate(fixed):
        given = found[i]
        elsewhere = given in fixed and given != column and found[fixed.index(str(given))] != given
        if i and elsewhere:
            told = f"{TITLES[column]} was expected in column {i + 1}: SCALE-Sim reads columns by position"
            raise refuse(place, f"line {line}", shown(cells[i]), told)


def _extra(
    found: Sequence[str | None], cells: Sequence[str], i: int, kind: Kind, place: str, line: int
) -> str:
    column = found[i]
    where = f"line {line}, column {i + 1}"
    if column not in _EXTRAS[kind]:
        known = [TITLES[extra] for extra in _EXTRAS[kind]]
        told = f"a known column was expected; {did_you_mean(cells[i], known, family='known here')}"
        raise refuse(place, where, shown(cells[i]), told)
    if column in found[:i]:
        raise refuse(place, where, shown(cells[i]), "every column once was expected")
    if column == "stride_width" and i != len(_POSITIONS["conv"]):
        raise refuse(place, where, shown(cells[i]), "Stride width was expected right after Stride height")
    return column


def _odd_titles(
    cells: Sequence[str], found: Sequence[str | None], fixed: Sequence[str], place: str, line: int
) -> list[Problem]:
    """Titles that are not known where they stand; whatever the first column is called, it holds names."""
    return [
        Problem(
            place,
            f"line {line}, column {i + 1}",
            shown(cells[i]),
            f"this column is read as {TITLES[column]}, by its position, as SCALE-Sim does",
        )
        for i, column in enumerate(fixed)
        if i and found[i] != column
    ]


def _without_header(cells: Sequence[str], place: str, line: int, *, gemm: bool) -> Columns:
    kind: Kind = "gemm" if gemm or len(cells) < len(_POSITIONS["conv"]) - 1 else "conv"
    fixed = _POSITIONS[kind]
    rest = cells[len(fixed) :]
    if len(cells) < len(fixed) or len(rest) > 1:
        raise _not_columns(cells, place, line, gemm=gemm)
    if rest and ":" not in rest[0]:
        extras = " or ".join(TITLES[extra] for extra in _EXTRAS[kind] if extra != "sparsity")
        told = f"a header was expected that says what column {len(cells)} is, such as {extras}"
        raise refuse(place, f"line {line}", shown(rest[0]), told)
    told = "a row of sizes stands where a header was expected; it is read as a layer, SCALE-Sim would skip it"
    order = (*fixed, "sparsity") if rest else fixed
    return Columns(kind, order, (Problem(place, f"line {line}", "", told),))


def _not_columns(cells: Sequence[str], place: str, line: int, *, gemm: bool) -> Exception:
    kinds: tuple[Kind, ...] = ("gemm",) if gemm else ("conv", "gemm")
    wanted = ", or ".join(", ".join(TITLES[column] for column in _POSITIONS[kind]) for kind in kinds)
    joined = ",".join(cells)
    hint = ""
    if len(cells) == 1 and ("\t" in joined or ";" in joined):
        hint = ", with commas between them"
    return refuse(place, f"line {line}", shown(joined), f"the columns {wanted} were expected{hint}")
