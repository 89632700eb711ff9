"""The trace of one layer: what every PE and every port did in every cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from simulator.errors import refuse
from simulator.traces.bands import Bands
from simulator.traces.crossings import Crossings, Port
from simulator.traces.places import Places
from simulator.traces.rows import MERGED, REPEATS, Cause, Ints, Rows, runs, states

MOST_SLICES = 40_000
"""Slices that a trace shows unless told otherwise; what is above is merged."""
MOST_TRACKS = 512
"""PEs up to which each has its own track; of more, whole rows of the array share one."""
GROUPS = 64
"""About how many tracks there are where PEs share them."""
MIXED = -1
"""In place of a state: several."""
UNCOUNTED = 0
"""In place of how many slices one was merged of: several."""
MOST_KEPT = 1 << 22
"""Slices of a layer that are kept, at about 30 bytes each; of a layer with more the neighbours are merged."""
LEAST_KEPT = 1 << 18
"""However many layers share that, each may keep so many."""
Window = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of a layer is traced: about ``most`` slices, those of ``window`` (cycles) in any case."""

    most: int = MOST_KEPT
    window: Window = None

    def shared(self, layers: int) -> "Wanted":
        """The same room for so many layers together."""
        return replace(self, most=max(LEAST_KEPT, self.most // max(1, layers)))


@dataclass(frozen=True)
class Slices:
    """Slices of time as they are shown, track by track and in order of time; columns of one entry per slice.

    ``start`` and ``length`` are cycles; the PEs from ``first_pe`` (upper left) to ``last_pe`` (lower right)
    share the track. ``state`` is a number of ``states`` or `MIXED`; it lies in passes ``first_pass`` to
    ``last_pass``. ``times`` is how often it repeats what came before (0: it does not), ``period`` the cycles
    of that, ``steps`` of how many slices it was merged (or `UNCOUNTED`). ``pe_cycles`` split every slice: of
    slice ``owner`` in state ``part``.
    """

    states: Sequence[tuple[str, Cause]]
    start: Ints
    length: Ints
    first_pe: Ints
    last_pe: Ints
    state: Ints
    first_pass: Ints
    last_pass: Ints
    times: Ints
    period: Ints
    steps: Ints
    owner: Ints
    part: Ints
    pe_cycles: Ints

    def __len__(self) -> int:
        return len(self.start)

    def accounting(self) -> dict[str, dict[Cause, int]]:
        """PE-cycles by name and cause (None: it has none) of all slices together."""
        return _accounting(self.states, np.bincount(self.part, self.pe_cycles, len(self.states)))


def _accounting(known: Sequence[tuple[str, Cause]], sums: Ints) -> dict[str, dict[Cause, int]]:
    out: dict[str, dict[Cause, int]] = {}
    for (name, cause), count in zip(known, sums.tolist(), strict=True):
        if count:
            out.setdefault(name, {})[cause] = int(count)
    return out


@dataclass(frozen=True)
class LayerTrace:
    """What happened in one layer of ``cycles``.

    ``pe_rows`` are the slices of all PEs, those of a rectangle of ``bands`` as one; in runs of less than
    ``merged`` cycles they have lost their order (0: nowhere). ``window`` is where they are known, outside of
    it nothing is. ``series`` are sums over time.
    """

    cycles: int
    bands: Bands
    causes: tuple[str, ...]
    pe_rows: Rows
    crossings: Crossings
    ports: tuple[Port, ...]
    streams: tuple[str, ...]
    places: Places
    merged: int = 0
    window: tuple[int, int] = (0, 0)
    series: Mapping[str, Any] = field(default_factory=dict)

    @property
    def states(self) -> list[tuple[str, Cause]]:
        """Everything that a PE-cycle can be: (name, cause)."""
        return states(self.causes)

    def within(self, window: tuple[int, int] | None) -> tuple[int, int]:
        """The window, or all that is known; `InputError` where it is not in the layer."""
        if window is None:
            return self.window
        first, last = window
        if not self.window[0] <= first < last <= self.window[1]:
            known = f"{self.window[0]}:{self.window[1]}"
            raise refuse("--window", "", f"{first}:{last}", f"cycles FROM:TO within {known} were expected")
        return first, last

    def accounting(self, window: tuple[int, int] | None = None) -> dict[str, dict[Cause, int]]:
        """PE-cycles by name and cause in the cycles [first, last) of ``window``, or of all that is known."""
        edges = np.array(self.within(window), dtype=np.int64)
        sums = self.pe_rows.sums(edges, np.zeros(self.pe_rows.pes), len(self.states))
        return _accounting(self.states, sums[0, 0])

    def of_pe(self, pe: int, window: tuple[int, int] | None = None) -> dict[str, dict[Cause, int]]:
        """The same for one PE of the array alone."""
        edges, own = np.array(self.within(window), dtype=np.int64), self.bands.of_pe(pe)
        others = (np.arange(self.pe_rows.pes) != own).astype(np.int64)
        sums = self.pe_rows.sums(edges, others, len(self.states))[0, 0]
        return _accounting(self.states, sums // self.pe_rows.counts[own])

    def over_time(self, bins: int, window: tuple[int, int] | None = None) -> tuple[Ints, Ints]:
        """(edges in cycles [bins + 1], PE-cycles [bins, states]) of the whole array."""
        first, last = self.within(window)
        edges = first + (last - first) * np.arange(bins + 1, dtype=np.int64) // bins
        return edges, self.pe_rows.sums(edges, np.zeros(self.pe_rows.pes), len(self.states))[0]

    def slices(self, window: tuple[int, int] | None = None, most: int = MOST_SLICES) -> Slices:
        """Slices of the cycles [first, last): all single ones if they are at most ``most``.

        Otherwise what repeats stays one slice, and short neighbours are merged; their PE-cycles are kept.
        """
        first, last = self.within(window)
        if self.pe_rows.pes > MOST_TRACKS:
            return self._shared(first, last, most)
        single = self.pe_rows.single(first, last, most)
        return self._folded(first, last, most) if single is None else self._single(single)

    def _single(self, found: Ints) -> Slices:
        pe, start, length, what, number = found.T
        state, ones = what & (MERGED - 1), np.ones(len(found), dtype=np.int64)
        steps = np.where(what & MERGED, UNCOUNTED, 1)
        none, every = np.zeros_like(ones), np.arange(len(found))
        return Slices(
            self.states, start, length, *self.bands.corners(pe, pe), state, number, number, none, none, steps,
            every, state, length * self.pe_rows.counts[pe],
        )  # fmt: skip

    def _folded(self, first: int, last: int, most: int) -> Slices:
        rows = self.pe_rows
        end = rows.start + rows.length
        seen = np.flatnonzero((rows.start < last) & (end > first))
        pe, what, number = rows.pe[seen], rows.what[seen], rows.passes[seen]
        start, end = np.maximum(rows.start[seen], first), np.minimum(end[seen], last)
        length, again = end - start, what == REPEATS
        run = _few_runs(pe, start, length, most, last - first)
        count = int(run[-1]) + 1
        heads = np.searchsorted(run, np.arange(count))
        sums = np.zeros((count, len(self.states)), dtype=np.int64)
        pe_cycles = length * rows.counts[pe]
        np.add.at(sums, (run[~again], what[~again] & (MERGED - 1)), pe_cycles[~again])
        sums += rows.sums_of(pe[again], start[again], end[again], run[again], count, len(self.states))
        steps = np.bincount(run)
        alone = steps == 1
        period = np.where(alone & again[heads], rows.periods[np.where(again, number, 0)][heads], 0)
        spans = np.add.reduceat(length, heads)
        first_pass, last_pass = self._passes(seen, again, number, heads)
        steps = np.where(np.logical_or.reduceat((what & MERGED != 0) & ~again, heads), UNCOUNTED, steps)
        times = np.where(period > 0, -(-spans // np.maximum(period, 1)), 0)
        place = (start[heads], spans, *self.bands.corners(pe[heads], pe[heads]))
        return _split(self.states, place, first_pass, last_pass, times, period, steps, sums)

    def _passes(self, seen: Ints, again: Ints, number: Ints, heads: Ints) -> tuple[Ints, Ints]:
        """First and last pass of runs of slices; one that repeats may reach over many."""
        rows, table = self.pe_rows, np.where(again, number, 0)
        each, before = rows.passes_each[table], rows.passes_before[table]
        begin = np.where(again, before + (each > 0), number)
        upto = np.where(again, before + each * (rows.length[seen] // rows.periods[table]), number)
        return np.minimum.reduceat(begin, heads), np.maximum.reduceat(upto, heads)

    def _shared(self, first: int, last: int, most: int) -> Slices:
        each = len(self.bands.column_ends) * -(-len(self.bands.row_ends) // GROUPS)
        groups = np.arange(self.pe_rows.pes) // each
        tracks = int(groups[-1]) + 1
        bins = max(1, min(most // tracks, last - first))
        edges = first + (last - first) * np.arange(bins + 1, dtype=np.int64) // bins
        sums = self.pe_rows.sums(edges, groups, len(self.states)).reshape(tracks * bins, -1)
        track = np.repeat(np.arange(tracks), bins)
        start, none = np.tile(edges[:-1], tracks), np.zeros(tracks * bins, dtype=np.int64)
        upto = np.minimum((track + 1) * each, self.pe_rows.pes) - 1
        place = (start, np.tile(np.diff(edges), tracks), *self.bands.corners(track * each, upto))
        return _split(self.states, place, none - 1, none - 1, none, none, none + UNCOUNTED, sums)


def _few_runs(pe: Ints, start: Ints, length: Ints, most: int, span: int) -> Ints:
    """Merge as little as gives at most ``most`` runs, or one per PE."""
    alone, width = np.zeros(len(pe), dtype=np.bool_), 1
    while True:
        run = runs(pe, start, length, alone, width)
        if int(run[-1]) < most or width > 2 * span:
            return run
        width *= 2


def _split(
    known: Sequence[tuple[str, Cause]],
    place: tuple[Ints, Ints, Ints, Ints],
    first_pass: Ints,
    last_pass: Ints,
    times: Ints,
    period: Ints,
    steps: Ints,
    sums: Ints,
) -> Slices:
    """Slices from dense sums [slices, states]."""
    owner, part = np.nonzero(sums)
    parts = np.bincount(owner, minlength=len(sums))
    only = np.where(parts == 1, sums.argmax(axis=1), MIXED)
    return Slices(
        known, *place, only, first_pass, last_pass, times, period, steps, owner, part, sums[owner, part]
    )
