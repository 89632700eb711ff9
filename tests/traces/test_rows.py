"""The kernels that walk slices with repeats, against plain Python that writes every cycle down."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.traces.rows import MERGED, REPEATS, Chunk, Rows, cut_key, merged, runs, split_at

STATES = 5
ONE = np.ones(1, dtype=np.int64)
Slice = tuple[int, int, int]
"""(cycles, state, 0), or (cycles, times, period)."""


@st.composite
def timelines(draw: st.DrawFn, *, from_rows: bool = False, groups: bool = False) -> tuple[Rows, list[list[tuple[int, int, int]]]]:
    """Rows of a few PEs, and every cycle of each as (state, pass, number of its slice).

    What repeats may start inside of what repeats already, unless ``from_rows``, as in the simulator. With ``groups``
    a PE may stand for several.
    """
    chunks, repeats, every = [], [], []
    for pe in range(draw(st.integers(1, 3))):
        rows, cycles, serial = [], [], 0
        for _ in range(draw(st.integers(1, 12))):
            if cycles and draw(st.integers(0, 2)) == 0:
                # a period ends here and starts where some slice did
                starts = [i for i in range(len(cycles)) if i == 0 or cycles[i][2] != cycles[i - 1][2]]
                starts = [row[0] for row in rows] if from_rows else starts
                begin = draw(st.sampled_from(starts))
                period, times, each = len(cycles) - begin, draw(st.integers(1, 4)), draw(st.integers(0, 3))
                now, source = cycles[-1][1], cycles[begin:]
                rows.append((len(cycles), period * times, REPEATS, len(repeats)))
                repeats.append((period, each, now))
                for turn in range(times):
                    fresh = {number: serial + i for i, number in enumerate(dict.fromkeys(n for _, _, n in source))}
                    serial += len(fresh)
                    cycles += [(state, number + (turn + 1) * each, fresh[n]) for state, number, n in source]
            else:
                length, state = draw(st.integers(1, 6)), draw(st.integers(0, STATES - 1))
                number = cycles[-1][1] + draw(st.integers(0, 1)) if cycles else 0
                rows.append((len(cycles), length, state, number))
                cycles += [(state, number, serial)] * length
                serial += 1
        start, length, what, passes = (np.array(column) for column in zip(*rows, strict=True))
        chunks.append(Chunk(np.full(len(rows), pe, dtype=np.int32), start, length, what.astype(np.int16), passes.astype(np.int32)))
        every.append(cycles)
    counts = np.array([draw(st.integers(1, 3)) if groups else 1 for _ in every])
    return Rows.of(counts, chunks, repeats), every


@given(timelines(groups=True), st.data())
@settings(max_examples=150, deadline=None)
def test_sums_and_single_slices(timeline: tuple[Rows, list[list[tuple[int, int, int]]]], data: st.DataObject) -> None:
    rows, every = timeline
    shortest = min(len(cycles) for cycles in every)
    edges = sorted(data.draw(st.lists(st.integers(0, shortest), min_size=2, max_size=5)))
    groups = np.array([data.draw(st.integers(0, 1)) for _ in every])
    sums = rows.sums(np.array(edges), groups, STATES)
    for group in range(int(groups.max()) + 1):
        for i, (low, high) in enumerate(pairwise(edges)):
            members = [n * cycles[low:high] for cycles, n, own in zip(every, rows.counts.tolist(), groups, strict=True) if own == group]
            wanted = [sum(state == s for cycles in members for state, _, _ in cycles) for s in range(STATES)]
            assert sums[group, i].tolist() == wanted
    low, high = edges[0], edges[-1]
    found = rows.single(low, high, 10_000)
    assert found is not None
    wanted_slices = []
    for pe, cycles in enumerate(every):
        for at in range(low, high):
            if at == low or cycles[at][2] != cycles[at - 1][2]:
                wanted_slices.append([pe, at, 1, cycles[at][0], cycles[at][1]])
            else:
                wanted_slices[-1][2] += 1
    assert found.tolist() == wanted_slices
    if wanted_slices:
        assert rows.single(low, high, len(wanted_slices) - 1) is None


@given(timelines(groups=True))
@settings(max_examples=60, deadline=None)
def test_sums_of_stretches(timeline: tuple[Rows, list[list[tuple[int, int, int]]]]) -> None:
    rows, every = timeline
    stretches = [(pe, low, high) for pe, cycles in enumerate(every) for low in range(0, len(cycles), 5) for high in (low, len(cycles))]
    pe, low, high = (np.array(column) for column in zip(*stretches, strict=True))
    out = rows.sums_of(pe, low, high, np.arange(len(stretches)), len(stretches), STATES)
    for (number, first, last), sums in zip(stretches, out, strict=True):
        count = rows.counts[number]
        assert sums.tolist() == [count * sum(state == s for state, _, _ in every[number][first:last]) for s in range(STATES)]


@given(timelines(from_rows=True), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_merging_keeps_sums_wherever_nothing_is_cut(timeline: tuple[Rows, list[list[tuple[int, int, int]]]], width: int) -> None:
    """Merged rows still sum up, repeats included: no run reaches over an edge of what repeats."""
    rows, every = timeline
    again = np.flatnonzero(rows.what == REPEATS)
    periods = rows.periods[rows.passes[again]]
    edges = [rows.start[again] - periods, rows.start[again], rows.start[again] + rows.length[again]]
    cuts = np.unique(np.concatenate([cut_key(rows.pe[again], edge) for edge in edges]))
    whole = Chunk(rows.pe.astype(np.int32), rows.start, rows.length, rows.what, rows.passes)
    fewer = merged(whole, width, cuts)
    assert len(fewer) <= len(whole)
    back = Rows.of(rows.counts, [fewer], [*zip(rows.periods.tolist(), rows.passes_each.tolist(), rows.passes_before.tolist(), strict=True)])
    for pe, cycles in enumerate(every):
        first, last = int(back.first[pe]), int(back.first[pe + 1])
        ends = back.start[first:last] + back.length[first:last]
        assert back.start[first] == 0
        assert (back.start[first + 1 : last] == ends[:-1]).all()
        out = back.sums_of(np.array([pe]), np.array([0]), np.array([len(cycles)]), np.array([0]), 1, STATES)[0]
        assert out.tolist() == [sum(state == s for state, _, _ in cycles) for s in range(STATES)]
    single = back.what & MERGED == 0
    known = {(pe, start, length) for pe, start, length in zip(rows.pe.tolist(), rows.start.tolist(), rows.length.tolist(), strict=True)}
    assert all(key in known for key in zip(back.pe[single].tolist(), back.start[single].tolist(), back.length[single].tolist(), strict=True))


@given(timelines(), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_splitting_changes_nothing_but_where_slices_end(timeline: tuple[Rows, Any], places: list[tuple[int, int]]) -> None:
    rows, _ = timeline
    cuts = np.unique(np.array([cut_key(np.array(pe), np.array(at)) for pe, at in places], dtype=np.int64))
    found = split_at(Chunk(rows.pe.astype(np.int32), rows.start, rows.length, rows.what, rows.passes), cuts)

    def cycles(pe: Any, start: Any, length: Any, what: Any, passes: Any) -> list[tuple[int, ...]]:
        columns = (column.tolist() for column in (pe, start, length, what, passes))
        return [(p, at, w, n) for p, s, length, w, n in zip(*columns, strict=True) for at in range(s, s + length)]

    assert cycles(found.pe, found.start, found.length, found.what, found.passes) == cycles(rows.pe, rows.start, rows.length, rows.what, rows.passes)
    single = found.what != REPEATS
    for pe, at in places:
        over = (found.pe == pe) & (found.start < at) & (found.start + found.length > at)
        assert not (over & single).any()


def test_runs_join_short_neighbours_of_one_pe_in_one_bin() -> None:
    pe = np.array([0, 0, 0, 0, 0, 1, 1])
    start = np.array([0, 3, 6, 11, 30, 0, 4])
    length = np.array([3, 3, 5, 19, 2, 4, 4])
    none = np.zeros(7, dtype=bool)
    assert runs(pe, start, length, none, 10).tolist() == [0, 0, 0, 1, 2, 3, 3]  # 19 cycles are long, the last two another PE's
    assert runs(pe, start, length, none, 1).tolist() == [0, 1, 2, 3, 4, 5, 6]
    cut = np.array([cut_key(np.array(0), np.array(3))])
    assert runs(pe, start, length, none, 10, cut).tolist() == [0, 1, 1, 2, 3, 4, 4]
    assert runs(pe, start, length, np.array([0, 1, 0, 0, 0, 0, 0], dtype=bool), 10).tolist() == [0, 1, 2, 3, 4, 5, 5]


def test_what_was_not_kept_counts_nothing() -> None:
    """Rows of a window only: before, between and behind them nothing is known."""
    gap = Chunk(np.zeros(2, np.int32), np.array([10, 30]), np.array([5, 5]), np.array([1, 2], np.int16), np.zeros(2, np.int32))
    rows = Rows.of(ONE, [gap], [])
    assert rows.sums(np.array([0, 12, 40]), np.array([0]), STATES)[0].tolist() == [[0, 2, 0, 0, 0], [0, 3, 5, 0, 0]]
    assert rows.single(12, 40, 9).tolist() == [[0, 12, 3, 1, 0], [0, 30, 5, 2, 0]]  # type: ignore[union-attr]


@pytest.mark.parametrize("cycles", [1000, 70_000, 300_000])
def test_room_grows_with_what_there_is(cycles: int) -> None:
    """Ten slices that repeat: as many single ones as asked for take room, not as many as allowed."""
    ones = np.ones(10, dtype=np.int64)
    chunk = Chunk(np.zeros(11, np.int32), np.arange(11), np.append(ones, 10 * cycles), np.append(np.arange(10) % 3, REPEATS).astype(np.int16), np.zeros(11, np.int64))
    rows = Rows.of(ONE, [chunk], [(10, 0, 0)])
    single = rows.single(0, cycles, 1 << 50)
    assert single is not None
    assert single[:, 1].tolist() == list(range(cycles))
    assert single[:, 3].tolist() == [i % 10 % 3 for i in range(cycles)]
    assert rows.single(0, cycles, cycles - 1) is None


@pytest.mark.parametrize("most", [0, 1])
def test_nothing_fits_into_no_room(most: int) -> None:
    chunk = Chunk(np.zeros(2, np.int32), np.array([0, 5]), np.array([5, 5]), np.array([1, 2], np.int16), np.zeros(2, np.int32))
    assert Rows.of(ONE, [chunk], []).single(0, 10, most) is None
