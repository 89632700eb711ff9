"""Our workload from SCALE-Sim's rows: the same layers with the same MACs."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from simulator.errors import InputError, Problem
from simulator.formats.scalesim_topology import ConvRow, GemmRow, Row, Topology
from simulator.spec.layers import folded
from simulator.spec.reader import Provenance, validate
from simulator.spec.workload import Workload

DEPTHWISE: Final = "DP"
"""SCALE-Sim splits a row with this in its name into a convolution of one channel for every channel."""
_SHOWN_LINES: Final = 5
_LAYER: Final = re.compile(r"layers\.(\d+)(?:\.(.+))?")


def workload_of(topology: Topology) -> tuple[Workload, tuple[Problem, ...]]:
    """The workload of a topology, and what its user should know: everything that was not taken as it stands.

    Raises `InputError` with every row that has no equal here: sparse weights, and batches that differ.
    """
    problems = [*_sparse(topology), *_mixed_batches(topology)]
    if problems:
        raise InputError(problems)
    names = _layer_names(topology.rows)
    layers = [{"name": name, **_operator(row)} for name, row in zip(names, topology.rows, strict=True)]
    data = {
        "name": _in_words(topology.name)[:200] or "topology",
        "source": f"SCALE-Sim topology {_in_words(topology.name)}",
        "layers": layers,
        "provenance": _rounded_sizes(topology.rows),
    }
    try:
        workload = validate(Workload, data, topology.place)
    except InputError as error:
        raise InputError(_in_lines(problem, topology) for problem in error.problems) from None
    return workload, (*topology.notes, *_notes(topology, names))


def _operator(row: Row) -> dict[str, dict[str, Any]]:
    if isinstance(row, GemmRow):
        return {"matmul": {"M": row.N, "K": row.K, "rows": row.M}}
    (H, W), (R, S), (down, right) = row.read_size, row.filter_size, row.stride
    sizes: dict[str, Any] = {"H": H, "W": W, "R": R, "S": S}
    if row.stride != (1, 1):
        sizes["stride"] = down if down == right else [down, right]
    if _is_depthwise(row):
        filters = {} if row.filters == 1 else {"multiplier": row.filters}
        return {"depthwise": {"C": row.channels, **sizes, **filters}}
    return {"conv": {"C": row.channels, "M": row.filters, **sizes}}


def _is_depthwise(row: Row) -> bool:
    return isinstance(row, ConvRow) and row.name.startswith(DEPTHWISE)


def _sparse(topology: Topology) -> Iterator[Problem]:
    told = "1:1 was expected: sparse weights are not modelled, and the timing of dense ones would be wrong"
    for row in topology.rows:
        kept, of = row.sparsity
        if kept != of:
            yield Problem(topology.place, f"line {row.line}, Sparsity", f"{kept}:{of}", told)


def _mixed_batches(topology: Topology) -> Iterator[Problem]:
    first = topology.rows[0]
    for row in topology.rows:
        if row.batch != first.batch:
            told = f"the batch of line {first.line}, {first.batch}, was expected: a run has only one"
            yield Problem(topology.place, f"line {row.line}, Batch Size", str(row.batch), told)
            return


def _in_words(name: str) -> str:
    """A name as layers have it here: printable, without slashes."""
    return "".join(c if c.isprintable() and c not in "/\\" else "-" for c in name).strip()


def _layer_names(rows: Sequence[Row]) -> list[str]:
    """A name of its own for every row, with a number behind it where it has been there before."""
    taken = {folded(_in_words(row.name)) for row in rows}
    used: set[str] = set()
    counts: dict[str, int] = {}
    names = []
    for row in rows:
        base = name = _in_words(row.name)
        while folded(name) in used or (name != base and folded(name) in taken):
            counts[base] = counts.get(base, 1) + 1
            name = f"{base}-{counts[base]}"
        used.add(folded(name))
        names.append(name)
    return names


def _rounded_sizes(rows: Sequence[Row]) -> Provenance:
    told: Provenance = {}
    for i, row in enumerate(rows):
        if not isinstance(row, ConvRow):
            continue
        kind = "depthwise" if _is_depthwise(row) else "conv"
        for key, given, used in zip("HW", row.input_size, row.read_size, strict=True):
            if given != used:
                why = f"{given} in the file; SCALE-Sim rounds the number of outputs up"
                told[f"layers.{i}.{kind}.{key}"] = {"derived": why}
    return told


def _notes(topology: Topology, names: Sequence[str]) -> Iterator[Problem]:
    rows = topology.rows
    if rows[0].batch > 1:
        told = f"a run's batch is no part of a workload here: use --batch {rows[0].batch}"
        yield Problem(topology.place, "Batch Size", str(rows[0].batch), told)
    new = {row.line: name for row, name in zip(rows, names, strict=True) if row.name != name}
    kinds: list[tuple[Callable[[Row], bool], str]] = [
        (
            lambda row: isinstance(row, ConvRow) and row.input_size != row.read_size,
            "sizes that strides do not divide are read as the next ones, as SCALE-Sim rounds outputs up",
        ),
        (
            _is_depthwise,
            "the name begins with DP: read as a depthwise convolution with Num Filter filters for every "
            "channel, which SCALE-Sim runs as a convolution of one channel for each",
        ),
        (
            lambda row: isinstance(row, ConvRow) and DEPTHWISE in row.name[1:] and not _is_depthwise(row),
            "read as written, though SCALE-Sim splits layers with DP anywhere in the name into channels; "
            "begin the name with DP if that is meant",
        ),
        (
            lambda row: row.line in new,
            "the name cannot stand here, or has been there before (case does not count, _ is -); read as "
            f"{_few(list(new.values()))}",
        ),
    ]
    for concerns, told in kinds:
        lines = [str(row.line) for row in rows if concerns(row)]
        if lines:
            yield Problem(topology.place, f"line{'s'[: len(lines) > 1]} {_few(lines)}", "", told)


def _few(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN_LINES
    return ", ".join(words[:_SHOWN_LINES]) + (f" and {more} more" if more > 0 else "")


def _in_lines(problem: Problem, topology: Topology) -> Problem:
    """A problem of a layer as one of its row."""
    match = _LAYER.fullmatch(problem.key)
    if match is None:
        return problem
    rest = f", {match[2]}" if match[2] else ""
    return Problem(
        problem.place, f"line {topology.rows[int(match[1])].line}{rest}", problem.value, problem.expected
    )
