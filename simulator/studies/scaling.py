"""The same machine with other numbers of PEs: what scales and what does not."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from simulator.errors import InputError, Problem
from simulator.report.numbers import short
from simulator.report.result import Run
from simulator.report.tables import Grid
from simulator.spec.architecture import Architecture
from simulator.spec.validation import shown
from simulator.studies.metrics import inferences_per_second, on_chip_bytes, per_cycle_pj

MOST_PES = 1 << 20
GIVEN = "as given"
SHIPPED = "as shipped"
CHOSEN = "chosen by the dataflow"

Shape = tuple[int, int]
"""Rows and columns of an array."""


@dataclass(frozen=True, slots=True)
class Point:
    """One array of the sweep: its run, or why there is none; ``mapping`` says where its mappings are from."""

    rows: int
    columns: int
    mapping: str
    storage_bytes: float
    run: Run | None = None
    refused: tuple[str, ...] = ()

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.rows * self.columns

    def to_dict(self, base: Run) -> dict[str, Any]:
        """Plain values; ``speed_up`` is over the machine as described."""
        told = {"rows": self.rows, "columns": self.columns, "pes": self.pes, "mapping": self.mapping}
        if self.run is None:
            return {**told, "storage_bytes": self.storage_bytes, "refused": list(self.refused)}
        total = self.run.total
        return {
            **told,
            "storage_bytes": self.storage_bytes,
            "cycles": total.cycles,
            "latency_ms": total.milliseconds,
            "inferences_per_s": inferences_per_second(self.run),
            "speed_up": base.total.cycles / total.cycles,
            "utilization": total.utilization,
            "mean_active_pes": total.mean_active_pes,
            "energy_mj_per_inference": total.energy_pj / 1e9 / self.run.batch,
            "bytes_dram_per_inference": total.bytes_dram / self.run.batch,
            "refused": [],
        }


def read_shapes(texts: Iterable[str | int | Shape], architecture: Architecture) -> list[Shape]:
    """Arrays from texts such as ``64`` (PEs) or ``8x16`` (rows x columns), each once.

    `InputError` lists all faults. A number of PEs becomes the two factors whose ratio is nearest to that of
    the machine's own array.
    """
    shapes: list[Shape] = []
    problems = []
    for text in texts:
        given = "x".join(map(str, text)) if isinstance(text, tuple) else str(text).strip()
        found = re.fullmatch(r"([1-9]\d{0,7})(?:x([1-9]\d{0,7}))?", given, re.ASCII)
        rows, columns = (int(found[1]), int(found[2] or 1)) if found else (0, 0)
        if not 0 < rows * columns <= MOST_PES:
            told = f"PEs such as 64, or rows x columns such as 8x8, up to {MOST_PES:,} PEs, were expected"
            problems.append(Problem("--pes", "", shown(given), told))
            continue
        shape = (rows, columns) if found and found[2] else shape_of(rows, architecture)
        shapes += [shape] if shape not in shapes else []
    if problems:
        raise InputError(problems)
    return shapes


def shape_of(pes: int, architecture: Architecture) -> Shape:
    """Rows and columns of ``pes`` PEs, in a ratio as near as possible to that of the machine's array."""
    wanted = log(architecture.array.rows / architecture.array.columns)
    pairs = [(rows, pes // rows) for rows in range(1, pes + 1) if pes % rows == 0]
    return min(pairs, key=lambda pair: abs(log(pair[0] / pair[1]) - wanted))


def resized(architecture: Architecture, shape: Shape) -> Architecture:
    """The machine with another array; shipped mappings, which are made for its own, are dropped."""
    return architecture.replace(array__rows=shape[0], array__columns=shape[1], mappings={})


def point_of(run: Run, mapping: str) -> Point:
    """A run that went through, as a point of the sweep."""
    array = run.architecture.array
    return Point(array.rows, array.columns, mapping, sum(on_chip_bytes(run.architecture).values()), run)


def refused_point(architecture: Architecture, error: InputError) -> Point:
    """An array on which something does not run."""
    array = architecture.array
    reasons = tuple(str(problem) for problem in error.problems)
    storage = sum(on_chip_bytes(architecture).values())
    return Point(array.rows, array.columns, CHOSEN, storage, refused=reasons)


COLUMNS = (
    "array",
    "PEs",
    "mapping",
    "ms",
    "inferences/s",
    "speed-up",
    "util. %",
    "PEs with work",
    "mJ/inference",
    "DRAM MB/inference",
    "storage kB",
)


def scaling_grid(points: Sequence[Point], base: Run) -> Grid:
    """One row per array, the machine as described first."""
    title = "Scaling with the number of PEs: only rows and columns change; first the machine as described"
    return Grid(title, COLUMNS, tuple(_cells(point, base) for point in points))


def _cells(point: Point, base: Run) -> tuple[str, ...]:
    head = (f"{point.rows} x {point.columns}", f"{point.pes:,}", point.mapping)
    if point.run is None:
        return (*head, *["-"] * 7, short(point.storage_bytes / 1e3))
    told = point.to_dict(base)
    return (
        *head,
        short(told["latency_ms"]),
        short(told["inferences_per_s"]),
        f"{told['speed_up']:.2f}",
        f"{100 * told['utilization']:.1f}",
        f"{told['mean_active_pes']:.1f}",
        short(told["energy_mj_per_inference"]),
        short(told["bytes_dram_per_inference"] / 1e6),
        short(point.storage_bytes / 1e3),
    )


def remarks(points: Sequence[Point], base: Run) -> list[str]:
    """What must be said beside the table."""
    lines = []
    if any(point.mapping != points[0].mapping for point in points):
        told = "no published mapping, which is made for the machine's own array"
        lines.append(f"mapping {CHOSEN}: {told}.")
    share = per_cycle_pj(base) / base.total.energy_pj if base.total.energy_pj else 0.0
    if share:
        told = f"they are {100 * share:.0f} % of the energy of the machine as described"
        lines.append(f"Clock and leakage are priced per cycle, whatever the number of PEs: {told}.")
    for point in points:
        lines += [f"{point.rows} x {point.columns} is not simulated: {reason}" for reason in point.refused]
    return lines
