"""SCALE-Sim's topologies (v1, v2, v3): a layer per row, a convolution or M, N and K of a matrix multiply.

SCALE-Sim itself skips the first row unread, drops what stands behind a row's last comma, and reads columns by
position. Here the header is a check, a trailing comma means nothing, and what cannot be meant is refused.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.errors import InputError, Problem, refuse
from simulator.formats.scalesim_columns import TITLES, Columns, columns_of, is_whole
from simulator.spec.parameters import LARGEST
from simulator.spec.reader import read_text
from simulator.spec.validation import shown

MAXIMUM_ROWS: Final = 20_000
"""No network has more layers; a longer file is something else."""
MAXIMUM_PROBLEMS: Final = 50
"""Rows with mistakes that are listed before the rest is left unread."""

_SPARSITY: Final = re.compile(r"([0-9]{1,9}) ?: ?([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class ConvRow:
    """A convolution without groups or dilation; pairs are (vertical, horizontal), ``input_size`` is padded.

    ``sparsity`` is N of every M weights, (1, 1) where all are there; ``line`` is where it stands, from 1.
    """

    line: int
    name: str
    input_size: tuple[int, int]
    filter_size: tuple[int, int]
    channels: int
    filters: int
    stride: tuple[int, int]
    batch: int = 1
    sparsity: tuple[int, int] = (1, 1)

    @property
    def output_size(self) -> tuple[int, int]:
        """Rows and columns, rounded up as SCALE-Sim does: the last window may reach beyond the input."""
        sizes = zip(self.input_size, self.filter_size, self.stride, strict=True)
        rows, columns = (-(-(size - taps) // step) + 1 for size, taps, step in sizes)
        return rows, columns

    @property
    def read_size(self) -> tuple[int, int]:
        """Rows and columns of the input up to the last window's end, which are never fewer than given."""
        sizes = zip(self.output_size, self.stride, self.filter_size, strict=True)
        rows, columns = ((outputs - 1) * step + taps for outputs, step, taps in sizes)
        return rows, columns


@dataclass(frozen=True, slots=True)
class GemmRow:
    """A matrix multiply, M × K by K × N; the K × N operand is the weights."""

    line: int
    name: str
    M: int
    N: int
    K: int
    batch: int = 1
    sparsity: tuple[int, int] = (1, 1)


Row = ConvRow | GemmRow


@dataclass(frozen=True, slots=True)
class Topology:
    """A file's rows in their order, and what its user should know about how it was read."""

    name: str
    place: str
    rows: tuple[Row, ...]
    notes: tuple[Problem, ...] = ()


def read_topology(path: Path, *, gemm: bool = False) -> Topology:
    """Read a topology, which must have columns M, N and K with ``gemm``; `InputError` lists all mistakes."""
    return parse_topology(read_text(path, str(path)), str(path), path.stem, gemm=gemm)


def parse_topology(text: str, place: str, name: str, *, gemm: bool = False) -> Topology:
    """`read_topology` on text. ``place`` stands in the messages."""
    if "\0" in text[:4096]:
        raise refuse(place, "", None, "a text file was expected, this one is binary")
    lines = _filled(text)
    first = next(lines, None)
    if first is None:
        raise refuse(place, "", None, "a header and a row per layer were expected, the file is empty")
    columns, is_header = columns_of(first[1], place, first[0], gemm=gemm)
    rows, problems = _rows(lines if is_header else _again(first, lines), columns, place)
    if problems:
        raise InputError(problems)
    if not rows:
        raise refuse(place, "", None, "a row per layer was expected below the header")
    return Topology(name, place, tuple(rows), columns.notes)


def _filled(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with something in them: number and cells."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        cells = _cells(line)
        if cells:
            yield number, cells


def _again(
    first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _cells(line: str) -> list[str]:
    """The cells of a line without comments, quotes and what commas leave empty at its end."""
    if line.lstrip().startswith("#"):
        return []
    cells = [cell.strip() for cell in line.split(",")]
    for i, cell in enumerate(cells[1:], start=1):
        if "#" in cell:  # a name may have one
            cells = [*cells[:i], cell[: cell.index("#")].strip()]
            break
    cells = [cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _rows(
    lines: Iterator[tuple[int, list[str]]], columns: Columns, place: str
) -> tuple[list[Row], list[Problem]]:
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, cells in lines:
        row, faults = _row(number, cells, columns, place)
        problems += faults
        if row is not None:
            rows.append(row)
        if len(problems) >= MAXIMUM_PROBLEMS:
            told = f"after {len(problems)} mistakes the rest of the file was not read"
            return rows, [*problems, Problem(place, f"line {number}", "", told)]
        if len(rows) > MAXIMUM_ROWS:
            raise refuse(place, f"line {number}", None, f"at most {MAXIMUM_ROWS:,} layers were expected")
    return rows, problems


def _row(number: int, cells: Sequence[str], columns: Columns, place: str) -> tuple[Row | None, list[Problem]]:
    where = f"line {number}"
    if not columns.required <= len(cells) <= len(columns.order):
        told = f"{columns.required} columns were expected ({columns.titles})"
        return None, [Problem(place, where, f"{len(cells)}: {shown(','.join(cells))}", told)]
    problems: list[Problem] = []
    given = dict(zip(columns.order, cells, strict=False))
    name = given.pop("name")
    if not name:
        problems.append(Problem(place, f"{where}, Layer name", "", "a name was expected"))
    sparsity = _sparsity(given.pop("sparsity", "1:1"), place, where, problems)
    sizes = {column: _size(cell, column, place, where, problems) for column, cell in given.items()}
    if not problems and columns.kind == "conv":
        problems += _misfits(sizes, place, where)
    if problems:
        return None, problems
    return _built(columns, number, name, sizes, sparsity), []


def _size(cell: str, column: str, place: str, where: str, problems: list[Problem]) -> int:
    """A whole number above 0; 1 where there is none, which is a problem."""
    number = int(cell) if is_whole(cell) and len(cell) <= 12 else 0
    if 0 < number <= LARGEST:
        return number
    told = f"a whole number from 1 to {LARGEST} was expected"
    problems.append(Problem(place, f"{where}, {TITLES[column]}", shown(cell) if cell else "nothing", told))
    return 1


def _sparsity(cell: str, place: str, where: str, problems: list[Problem]) -> tuple[int, int]:
    match = _SPARSITY.fullmatch(cell)
    if match and 0 < int(match[1]) <= int(match[2]):
        return int(match[1]), int(match[2])
    told = "N:M, N of every M weights, was expected, such as 1:1 or 2:4"
    problems.append(Problem(place, f"{where}, Sparsity", shown(cell) if cell else "nothing", told))
    return 1, 1


def _misfits(sizes: dict[str, int], place: str, where: str) -> Iterator[Problem]:
    """Filters that are larger than their input."""
    for taps, size in (("R", "H"), ("S", "W")):
        if sizes[taps] > sizes[size]:
            told = f"at most the {TITLES[size]}, which is {sizes[size]}, was expected"
            yield Problem(place, f"{where}, {TITLES[taps]}", str(sizes[taps]), told)


def _built(
    columns: Columns, line: int, name: str, sizes: dict[str, int], sparsity: tuple[int, int]
) -> Row:
    batch = sizes.get("batch", 1)
    if columns.kind == "gemm":
        return GemmRow(line, name, sizes["M"], sizes["N"], sizes["K"], batch, sparsity)
    return ConvRow(
        line=line,
        name=name,
        input_size=(sizes["H"], sizes["W"]),
        filter_size=(sizes["R"], sizes["S"]),
        channels=sizes["C"],
        filters=sizes["filters"],
        stride=(sizes["stride"], sizes.get("stride_width", sizes["stride"])),
        batch=batch,
        sparsity=sparsity,
    )
