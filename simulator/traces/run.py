"""The traces of a run's layers, one after another, and the files they are written to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simulator.errors import refuse
from simulator.traces.layer import MOST_SLICES, LayerTrace, Window
from simulator.traces.rows import Ints
from simulator.traces.shown import ARRAY, BUFFERS, NETWORKS, OUTSIDE, VECTOR_UNIT, Shown
from simulator.writing import write_arrays, write_whole

FORMATS = (".json.gz", ".json", ".csv", ".npz")
"""What a trace can be written as, by the end of the file's name: Perfetto (twice), a table, NumPy arrays."""
MOST_NAMED = 4
"""Layers that a note names one by one."""


@dataclass(frozen=True)
class RunTrace:
    """Layers with the cycle of the run in which each begins; ``told``: what they are of, and without what.

    ``outside`` are memories off chip, ``buffers`` those on it.
    """

    layers: tuple[tuple[str, int, LayerTrace], ...]
    outside: tuple[str, ...]
    buffers: tuple[str, ...]
    networks: tuple[str, ...]
    told: dict[str, Any]

    @property
    def heading(self) -> str:
        """What ran on what."""
        told = f"{self.told['workload']} on {self.told['architecture']}, batch {self.told['batch']}"
        relaxed = ", ".join(self.told.get("relax", ()))
        return f"{told}, unlimited: {relaxed}" if relaxed else told

    @property
    def cycles(self) -> int:
        """Where the last layer ends."""
        return max((begin + trace.cycles for _, begin, trace in self.layers), default=0)

    @property
    def notes(self) -> tuple[str, ...]:
        """Where the trace keeps less than everything."""
        out = []
        if left_out := self.told.get("not_simulated"):
            out.append(f"without {_listed(left_out)}: no part of the machine runs them")
        if self.told.get("interrupted"):
            out.append("without the layers after the interruption")
        merged = {name: trace.merged for name, _, trace in self.layers if trace.merged}
        if merged:
            below = " to ".join(map(str, sorted({min(merged.values()), max(merged.values())})))
            told = f"stretches below {below} cycles are merged (their PE-cycles are kept)"
            out.append(f"{_listed(list(merged))}: {told}; a short window of a layer shows single steps")
        sums = [name for name, _, trace in self.layers if not trace.crossings.complete]
        if sums:
            told = "too many transactions to list each; ports are shown as sums over time"
            out.append(f"{_listed(sums)}: {told}")
        return tuple(out)

    def shown(self, window: Window = None, most: int = MOST_SLICES) -> list[Shown]:
        """The layers in a window (cycles of the run), with at most about ``most`` slices of PEs in all."""
        parts = list(self._clipped(window))
        if not parts:
            known = f"cycles FROM:TO within 0:{self.cycles} were expected"
            raise refuse("--window", "", "{}:{}".format(*window) if window else None, known)
        kinds = {"vector_unit": VECTOR_UNIT, "array": ARRAY} | dict.fromkeys(self.outside, OUTSIDE)
        kinds |= dict.fromkeys(self.buffers, BUFFERS) | dict.fromkeys(self.networks, NETWORKS)
        each = max(1, most // len(parts))
        return [
            Shown(name, begin, trace, own, trace.slices(own, each), each, kinds)
            for name, begin, trace, own in parts
        ]

    def _clipped(self, window: Window) -> Iterator[tuple[str, int, LayerTrace, tuple[int, int]]]:
        for name, begin, trace in self.layers:
            first, last = trace.window
            if window is not None:
                first, last = max(first, window[0] - begin), min(last, window[1] - begin)
            if first < last:
                yield name, begin, trace, (first, last)

    def accounting(self, window: Window = None) -> dict[str, dict[str | None, int]]:
        """PE-cycles by name and cause (None: it has none) in a window of the run."""
        out: dict[str, dict[str | None, int]] = {}
        for _, _, trace, own in self._clipped(window):
            for name, causes in trace.accounting(own).items():
                for cause, count in causes.items():
                    by_cause = out.setdefault(name, {})
                    by_cause[cause] = by_cause.get(cause, 0) + count
        return out

    def arrays(self, window: Window = None, most: int = MOST_SLICES) -> dict[str, dict[str, Ints]]:
        """The slices of every layer as arrays, by the columns of `simulator.traces.table.COLUMNS`."""
        from simulator.traces.table import columns

        return {x.name: columns(x) for x in self.shown(window, most)}

    def save(self, *paths: str | Path, window: Window = None, most: int = MOST_SLICES) -> None:
        """Write the trace to files; their names' ends say what (see `FORMATS`). `InputError`.

        A file appears whole or not at all.
        """
        for path in paths:
            check_format(Path(path))
        shown = self.shown(window, most)
        for path in map(Path, paths):
            write_whole(path, partial(self._write, path=path, shown=shown, window=window))

    def _write(self, draft: Path, path: Path, shown: Sequence[Shown], window: Window) -> None:
        if path.name.endswith((".json", ".json.gz")):
            from simulator.traces.perfetto import write_perfetto

            found = self.accounting(window)
            said = {name: {cause or "": n for cause, n in causes.items()} for name, causes in found.items()}
            told = {**self.told, "notes": list(self.notes), "pe_cycles": said}
            write_perfetto(draft, shown, told, compressed=path.suffix == ".gz")
        elif path.suffix == ".csv":
            from simulator.traces.table import write_table

            write_table(draft, shown)
        else:
            from simulator.traces.table import columns

            write_arrays(draft, {x.name: columns(x) for x in shown})


def _listed(names: Sequence[str]) -> str:
    """Names of layers, or the first ones and how many there are."""
    few = len(names) <= MOST_NAMED
    return ", ".join(names) if few else f"{names[0]}, {names[1]} ... ({len(names)} layers)"


def check_window(window: tuple[int, int], cycles: int | None = None) -> None:
    """Raise `InputError` unless a window is [first, last) and, where given, within ``cycles``."""
    first, last = window
    if not 0 <= first < last:
        raise refuse("--window", "", f"{first}:{last}", "cycles FROM:TO with 0 <= FROM < TO were expected")
    if cycles is not None and last > cycles:
        raise refuse("--window", "", f"{first}:{last}", f"cycles FROM:TO within 0:{cycles} were expected")


def check_format(path: Path) -> None:
    """Raise `InputError` unless a trace can be written to a file of this name."""
    if not path.name.endswith(FORMATS):
        raise refuse(str(path), "", None, f"a file ending in {', '.join(FORMATS)} was expected")
