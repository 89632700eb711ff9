"""SCALE-Sim's reports of a run on a systolic array: files, columns and spelling of its version 3.0.0.

Layers with MACs have a row each, also where SCALE-Sim would take one apart into channels; ``LayerID`` counts
them from 0 in the order of the run. Numbers are ours:

* Cycles. Here a layer begins with its first fetch and ends when its last word is in DRAM. SCALE-Sim tells
  the number of the last cycle, and has what it fetches before the first use in negative cycles, what it
  drains after the last nowhere. Both ``Total Cycles`` here are the number of the last cycle of all, one
  less than our cycles. Where nothing is limited it is SCALE-Sim's number.
* ``Stall Cycles``. Those beyond what the folds take by SCALE-Sim's count, 2 R + C + T - 2 each (outputs
  stationary: R + C + T - 2) in an array of R rows and C columns with T vectors per fold; 0 where they take
  less.
* ``Overall Util %``. MACs per PE and cycle of ``Total Cycles``. ``Mapping Efficiency %``: PEs with work, mean
  over folds. ``Compute Util %``: MACs per PE and cycle of a fold, mean over folds; by SCALE-Sim's count it
  has C - 1 cycles more than above where weights or inputs are stationary.
* Reads and writes are words, exact. SRAM: what crosses the array's edges (SCALE-Sim adds a row and a column
  per fold of stationary outputs). DRAM: what it gives and takes; partial sums that come back have no column.
* Start and stop: the first and last cycle of a transaction. Exact in layers of less than 512 cycles, else to
  the windows of 2, 4, 8, ... cycles in which a run counts: never too late a start, never too early a stop.
* Bandwidths. Words per cycle: SRAM of ``Total Cycles``, DRAM from start to stop.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from simulator.errors import refuse
from simulator.names import DATA_TYPES, DataType
from simulator.spec.architecture import Architecture

if TYPE_CHECKING:
    from simulator.report.result import LayerResult, Run

Number = int | float

HEADERS: Final = {
    "COMPUTE_REPORT.csv": "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, "
    "Overall Util %, Mapping Efficiency %, Compute Util %,",
    "BANDWIDTH_REPORT.csv": "LayerID, Avg IFMAP SRAM BW, Avg FILTER SRAM BW, Avg OFMAP SRAM BW, "
    "Avg IFMAP DRAM BW, Avg FILTER DRAM BW, Avg OFMAP DRAM BW,",
    "DETAILED_ACCESS_REPORT.csv": "LayerID, "
    + ", ".join(
        f"{memory} {operand} Start Cycle, {memory} {operand} Stop Cycle, {memory} {operand} {way}"
        for memory in ("SRAM", "DRAM")
        for operand, way in (("IFMAP", "Reads"), ("Filter", "Reads"), ("OFMAP", "Writes"))
    )
    + ",",
}
"""First line of each file."""

ORDER: Final[tuple[DataType, ...]] = ("input", "weight", "output")
"""Data types as the reports list them."""


def check_fits(architecture: Architecture) -> None:
    """Raise `InputError` unless a machine has what SCALE-Sim reports on.

    That is a systolic array with a buffer of its own for every data type, right below DRAM.
    """
    if architecture.systolic is None:
        told = "a systolic array was expected with --compat scalesim"
        raise refuse(architecture.name, "array.kind", architecture.array.kind, told)
    for data_type in DATA_TYPES:
        levels = architecture.levels(data_type)
        kept = [architecture.memories[name] for name in levels]
        if len(kept) != 2 or not kept[0].off_chip or kept[1].keeps != (data_type,):
            told = f"DRAM and a buffer for {data_type} alone were expected with --compat scalesim"
            raise refuse(architecture.name, "memories", ", ".join(levels) or None, told)


def write_reports(run: "Run", directory: Path) -> None:
    """Write the reports of ``run`` into ``directory``; raises as `check_fits`, and without windows."""
    check_fits(run.architecture)
    for layer in run.layers.values():
        if layer.macs and not layer.windows:
            told = "series over time were expected: the run was read from a directory without windows.npz"
            raise refuse(layer.name, "windows", None, told)
    for (name, header), rows in zip(HEADERS.items(), _tables(run), strict=True):
        lines = [header, *(", ".join(map(str, row)) + "," for row in rows)]
        (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _tables(run: "Run") -> Iterator[list[list[Number]]]:
    """Rows of the three files."""
    buffers = {d: run.architecture.levels(d)[1] for d in DATA_TYPES}
    layers = [_Layer(layer, run.architecture, buffers) for layer in run.layers.values() if layer.macs]
    for row in (_Layer.compute_row, _Layer.bandwidth_row, _Layer.access_row):
        yield [[number, *row(layer)] for number, layer in enumerate(layers)]


@dataclass(frozen=True, slots=True)
class _Accesses:
    """Words of one data type at one memory, and the first and last cycle in which some crossed."""

    start: int
    stop: int
    words: int

    @property
    def per_cycle(self) -> float:
        """Words per cycle from start to stop."""
        return self.words / (self.stop - self.start + 1)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What the reports say of one layer."""

    result: "LayerResult"
    architecture: Architecture
    buffers: dict[DataType, str]

    @property
    def _total(self) -> int:
        """Number of the last cycle; SCALE-Sim divides by it, too."""
        return self.result.cycles - 1

    def compute_row(self) -> list[Number]:
        """Cycles and percentages."""
        result, array = self.result, self.architecture.systolic
        assert array is not None
        rows, columns, held = array.rows, array.columns, self._sram(array.stationary).words
        outputs_stay = array.stationary == "output"
        folds, vectors = held / result.mean_active_pes, result.macs / held
        fold_cycles = vectors + rows + columns - 2 + (0 if outputs_stay else rows)
        mapped = result.mean_active_pes / result.pes * 100
        return [
            self._total,
            self._total,
            max(0, result.cycles - round(folds * fold_cycles)),
            result.macs * 100 / (self._total * result.pes) if self._total else 0.0,
            mapped,
            mapped * vectors / (fold_cycles + (0 if outputs_stay else columns - 1)),
        ]

    def bandwidth_row(self) -> list[Number]:
        """Words per cycle: SRAM, then DRAM."""
        total = max(1, self._total)
        return [
            *(self._sram(data_type).words / total for data_type in ORDER),
            *(self._dram(data_type).per_cycle for data_type in ORDER),
        ]

    def access_row(self) -> list[Number]:
        """Start, stop and words: SRAM, then DRAM."""
        found = [memory(data_type) for memory in (self._sram, self._dram) for data_type in ORDER]
        return [n for x in found for n in (float(x.start), float(x.stop), x.words)]

    def _sram(self, data_type: DataType) -> _Accesses:
        """What crossed the array's edge."""
        way, stream = ("write", "psum_out") if data_type == "output" else ("read", data_type)
        return self._accesses(f"words.{stream}", self.buffers[data_type], data_type, way)

    def _dram(self, data_type: DataType) -> _Accesses:
        """What DRAM gave or took."""
        buffer, home = self.buffers[data_type], self.architecture.home(data_type)
        way, outer = ("write", "read") if data_type == "output" else ("read", "write")
        port, _ = self.architecture.memories[buffer].outer_port(data_type, outer)
        return self._accesses(f"units.{buffer}.{port}", home, data_type, way)

    def _accesses(self, series: str, memory: str, data_type: DataType, way: str) -> _Accesses:
        words, windows = self.result.words[memory][data_type][f"array_{way}"], self.result.windows
        width, used = int(windows["width_cycles"]), np.flatnonzero(windows[series])
        if not len(used):
            return _Accesses(0, 0, words)
        first, last = (int(used[i]) * width for i in (0, -1))
        return _Accesses(min(first, self._total), min(last + width - 1, self._total), words)
