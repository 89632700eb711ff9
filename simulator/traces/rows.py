"""The slices of all PEs of a layer, with what repeats kept once; PEs that do the same are one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.names import PE_CYCLE_NAMES, STALL_NAMES

Ints = NDArray[Any]
Cause = str | None
Repeat = tuple[int, int, int]
"""Period in cycles, passes in it, the pass before."""

MERGED = 1 << 12
"""Mark of a slice's ``what``: part of several that were merged; their sums are kept, their order is not."""
ROOM = 1 << 16
"""Single slices that there is room for at first."""
REPEATS = -1
"""In place of what a PE does: it repeats what it did before."""


def states(causes: Sequence[str]) -> list[tuple[str, Cause]]:
    """Everything that a PE-cycle can be, by number: names, then every stall with every cause."""
    plain: list[tuple[str, Cause]] = [(name, None) for name in PE_CYCLE_NAMES]
    return plain + [(name, cause) for name in STALL_NAMES for cause in causes]


def state_numbers(name: Ints, cause: Ints, causes: int) -> Ints:
    """The numbers of states: names as numbers, causes likewise (-1: none)."""
    first_stall = PE_CYCLE_NAMES.index(STALL_NAMES[0])
    return np.where(cause < 0, name, len(PE_CYCLE_NAMES) + (name - first_stall) * causes + cause)


@dataclass(frozen=True)
class Rows:
    """Slices, PE by PE and in order of time, each starting where the one before ends.

    ``counts``: of how many PEs of the array each one is; ``first``: [PEs + 1] where its slices start;
    ``start`` and ``length`` are cycles, ``what`` numbers of `states` (with `MERGED`), ``passes`` the pass.
    Where ``what`` is `REPEATS`, the slice repeats the period right before it, and ``passes`` is a row of the
    tables ``periods`` (cycles), ``passes_each`` (passes in a period) and ``passes_before`` (the pass before
    the first one that is repeated, or in which all lies).
    """

    counts: Ints
    first: Ints
    start: Ints
    length: Ints
    what: Ints
    passes: Ints
    periods: Ints
    passes_each: Ints
    passes_before: Ints

    @classmethod
    def of(cls, counts: Ints, chunks: "Sequence[Chunk]", repeats: "Sequence[Repeat]") -> "Rows":
        """From chunks in the order in which they were written down, and the table of what repeats."""
        whole, pes = Chunk.joined(chunks), len(counts)
        small = np.uint16 if pes <= 1 << 16 else np.int32
        order = np.argsort(whole.pe.astype(small), kind="stable")
        first = np.searchsorted(whole.pe[order], np.arange(pes + 1))
        rest = [getattr(whole, key)[order] for key in Chunk.__slots__[1:]]
        table = np.array(repeats or [(1, 0, 0)], dtype=np.int64).T.copy()
        return cls(counts, first.astype(np.int64), *rest, *table)

    @property
    def pes(self) -> int:
        """Number of PEs that have slices of their own."""
        return len(self.counts)

    @cached_property
    def pe(self) -> Ints:
        """The PE of every slice."""
        return np.repeat(np.arange(self.pes), np.diff(self.first))

    @property
    def cycles(self) -> int:
        """Where the slices end."""
        last = int(self.first[1]) - 1
        return int(self.start[last] + self.length[last])

    @property
    def tables(self) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
        """What the kernels take."""
        return self.first, self.start, self.length, self.what, self.passes, self.periods

    def sums(self, edges: Ints, groups: Ints, number: int) -> Ints:
        """PE-cycles [groups, len(edges) - 1, ``number`` of states] between one edge and the next.

        ``groups``: each PE's group.
        """
        from simulator.kernels.slices import sum_bins

        edges, groups = (np.asarray(x, dtype=np.int64) for x in (edges, groups))
        alone = bool((self.counts == 1).all())
        into = groups if alone else np.arange(self.pes)
        out = np.zeros((int(into.max()) + 1, len(edges) - 1, number), dtype=np.int64)
        sum_bins(*self.tables, edges, into, out)
        if alone:
            return out
        sums = np.zeros((int(groups.max()) + 1, *out.shape[1:]), dtype=np.int64)
        np.add.at(sums, groups, out * self.counts[:, None, None])
        return sums

    def sums_of(self, pe: Ints, low: Ints, high: Ints, into: Ints, groups: int, number: int) -> Ints:
        """PE-cycles [groups, ``number`` of states] of stretches: [low, high) of a PE, added to a group."""
        from simulator.kernels.slices import sum_stretches

        out = np.zeros((groups, number), dtype=np.int64)
        pe, low, high, into = (np.asarray(x, dtype=np.int64) for x in (pe, low, high, into))
        for count in np.unique(self.counts).tolist():
            own, some = np.zeros_like(out), self.counts[pe] == count
            sum_stretches(*self.tables, pe[some], low[some], high[some], into[some], own)
            out += count * own
        return out

    def single(self, low: int, high: int, most: int) -> Ints | None:
        """Single slices in [low, high): PE, start, length, what, pass; None if more than ``most``."""
        from simulator.kernels.slices import expand

        room = min(most, ROOM)
        while True:
            out = np.zeros((room, 5), dtype=np.int64)
            count = expand(*self.tables, self.passes_each, low, high, out)
            if count <= room:
                return out[:count]
            if room == most:
                return None
            room = min(most, 4 * room)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some slices, in the order in which they were written down; columns as in `Rows`."""

    pe: Ints
    start: Ints
    length: Ints
    what: Ints
    passes: Ints

    def __len__(self) -> int:
        return len(self.pe)

    def where(self, wanted: Ints) -> "Chunk":
        """Some of the slices."""
        return self if wanted.all() else Chunk(*(getattr(self, key)[wanted] for key in Chunk.__slots__))

    @classmethod
    def joined(cls, chunks: "Sequence[Chunk]") -> "Chunk":
        """All chunks as one."""
        none = (np.zeros(0, dtype=kind) for kind in (np.int32, np.int64, np.int64, np.int16, np.int64))
        every = [cls(*none), *chunks]
        return cls(*(np.concatenate([getattr(chunk, key) for chunk in every]) for key in cls.__slots__))


def runs(pe: Ints, start: Ints, length: Ints, alone: Ints, width: int, cuts: Ints | None = None) -> Ints:
    """Number the runs of neighbours that are merged: short slices that start in one bin of ``width``.

    Slices come PE by PE in order of time; those ``alone`` and those of ``width`` cycles or more stay by
    themselves, and nothing is merged across ``cuts`` (sorted values of PE << 42 | cycle).
    """
    lone = alone | (length >= width)
    new = np.ones(len(pe), dtype=np.bool_)
    bins = start // width
    new[1:] = (pe[1:] != pe[:-1]) | (bins[1:] != bins[:-1]) | lone[1:] | lone[:-1]
    if cuts is not None and len(cuts):
        before = np.searchsorted(cuts, cut_key(pe, start), side="right")
        new[1:] |= before[1:] != before[:-1]
    return np.cumsum(new) - 1


def cut_key(pe: Ints, cycle: Ints) -> Ints:
    """A number that orders places in the slices of all PEs."""
    return (np.asarray(pe, dtype=np.int64) << 42) | np.asarray(cycle, dtype=np.int64)


def split_at(chunk: Chunk, cuts: Ints) -> Chunk:
    """The same slices with none over a cut (sorted `cut_key`s), but for those that repeat others."""
    end = chunk.start + chunk.length
    first = np.searchsorted(cuts, cut_key(chunk.pe, chunk.start), side="right")
    more = np.searchsorted(cuts, cut_key(chunk.pe, end), side="left") - first
    more = np.where(chunk.what == REPEATS, 0, np.maximum(more, 0))
    if not more.any():
        return chunk
    owner = np.repeat(np.arange(len(chunk)), more + 1)
    number = np.arange(len(owner)) - (np.cumsum(more + 1) - more - 1)[owner]
    pe, later = chunk.pe[owner], number > 0
    begin = chunk.start[owner].copy()
    begin[later] = cuts[(first[owner] + number - 1)[later]] - cut_key(pe[later], np.zeros(1, dtype=np.int64))
    upto = np.where(number < more[owner], np.append(begin[1:], 0), end[owner])
    return Chunk(pe, begin, upto - begin, chunk.what[owner], chunk.passes[owner])


def merged(chunk: Chunk, width: int, cuts: Ints) -> Chunk:
    """The same PE-cycles in fewer slices: what a PE does in a run is sorted by state and laid end to end."""
    order = np.argsort(chunk.pe, kind="stable")
    pe, start, length, what, passes = (getattr(chunk, key)[order] for key in Chunk.__slots__)
    run = runs(pe, start, length, what == REPEATS, width, cuts)
    single = np.bincount(run)[run] == 1
    what = np.where(single | (what < 0), what, what | MERGED)
    key = run.astype(np.int64) * (2 * MERGED) + np.where(what < 0, 0, what)
    _, where, which = np.unique(key, return_index=True, return_inverse=True)
    sums = np.zeros(len(where), dtype=np.int64)
    np.add.at(sums, which, length)
    owner = run[where]
    heads = np.searchsorted(owner, np.arange(int(run[-1]) + 1 if len(run) else 0))
    begin = start[np.searchsorted(run, np.arange(len(heads)))]
    ends = np.cumsum(sums)
    offset = ends - sums - (ends - sums)[heads][owner]
    return Chunk(pe[where], begin[owner] + offset, sums, what[where].astype(chunk.what.dtype), passes[where])
