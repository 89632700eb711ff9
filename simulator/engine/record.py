"""Takes what is traced out of the kernel's tables while a layer runs, and keeps it in bounded room."""

from typing import TYPE_CHECKING

import numpy as np

from simulator.kernels import tables as kernel
from simulator.traces.rows import REPEATS, Chunk, Ints, Repeat, Rows, cut_key, merged, split_at, state_numbers

if TYPE_CHECKING:
    from simulator.engine.machine import LayerMachine

MOST_CROSSINGS = 1 << 20
"""Most transactions of all ports that are kept; of more only their sums over time are."""


class Recorder:
    """Slices of PEs and transactions of ports of one layer that runs.

    Where there are more slices than ``most``, only those that repeat others are kept, and ``pe_cycles``
    are how much the others take. A second run then keeps what lies in some stretches of time (``only``),
    or merges what is shorter than ``width`` cycles, but not across ``cuts``, which slices that come
    over ``splits`` are cut at, too.
    """

    def __init__(
        self,
        machine: "LayerMachine",
        most: int,
        *,
        width: int = 0,
        cuts: Ints | None = None,
        splits: Ints | None = None,
        only: list[tuple[int, int]] | None = None,
    ) -> None:
        self.machine, self.most, self.width, self.only = machine, most, width, only
        none = np.zeros(0, dtype=np.int64)
        self.splits = none if splits is None else np.unique(splits)
        self.cuts = np.union1d(none if cuts is None else cuts, self.splits)
        self.chunks: list[Chunk] = []
        self.repeats: dict[Repeat, int] = {}
        self.count = self.pe_cycles = self._pass = 0
        self.crossings: list[Ints] = []
        self.crossed = 0

    @property
    def overflowed(self) -> bool:
        """Whether slices were left out."""
        return self.count > self.most and not self.width

    def take(self, passes_each: int = 0) -> None:
        """Take out everything; what the last skip repeats holds ``passes_each`` passes per period."""
        s = self.machine.state
        rows = s.slices[: int(s.scalars[kernel.TRACED])]
        s.scalars[kernel.TRACED] = 0
        begins = rows[:, kernel.SLICE_PE] == kernel.PASS_BEGINS
        again = rows[:, kernel.SLICE_NAME] == kernel.REPEATED
        passes = self._pass + np.cumsum(begins)
        each = np.zeros(len(rows), dtype=np.int64)
        if passes_each:
            each[-len(self.machine.tables.group_pes) :] = passes_each
        self._pass = int(passes[-1]) if len(rows) else self._pass
        length = rows[:, kernel.SLICE_LENGTH]
        self.pe_cycles += int(length.sum() - length[again].sum() - np.count_nonzero(begins))
        wanted = again if self.overflowed else ~begins
        self._keep(rows[wanted], passes[wanted], each[wanted])
        if passes_each:
            last = rows[again][-1]
            self._pass += passes_each * int(last[kernel.SLICE_LENGTH] // last[kernel.SLICE_PERIOD])
        self._take_log()

    def _keep(self, rows: Ints, passes: Ints, each: Ints) -> None:
        name, cause = rows[:, kernel.SLICE_NAME], rows[:, kernel.SLICE_CAUSE]
        what = state_numbers(name, cause, len(self.machine.tables.causes))
        again = name == kernel.REPEATED
        what[again] = REPEATS
        repeats = np.stack((rows[again, kernel.SLICE_PERIOD], each[again], passes[again]), axis=1)
        distinct, which = np.unique(repeats, axis=0, return_inverse=True)
        numbers = [self.repeats.setdefault((a, b, c), len(self.repeats)) for a, b, c in distinct.tolist()]
        passes[again] = np.array(numbers, dtype=np.int64)[which.ravel()]
        self._add(
            Chunk(
                rows[:, kernel.SLICE_PE].astype(np.int32),
                rows[:, kernel.SLICE_START].copy(),
                rows[:, kernel.SLICE_LENGTH].copy(),
                what.astype(np.int16),
                passes,
            )
        )

    def _add(self, chunk: Chunk) -> None:
        if self.only is not None:
            end, wanted = chunk.start + chunk.length, chunk.what == REPEATS
            for low, high in self.only:
                wanted |= (chunk.start < high) & (end > low)
            chunk = chunk.where(wanted)
        if not len(chunk):
            return
        before, self.count = self.overflowed, self.count + len(chunk)
        if self.width:
            chunk = merged(split_at(chunk, self.splits), self.width, self.cuts)
        elif self.overflowed:
            if not before:
                self.chunks = [old.where(old.what == REPEATS) for old in self.chunks]
            chunk = chunk.where(chunk.what == REPEATS)
        self.chunks.append(chunk)

    def _take_log(self) -> None:
        s = self.machine.state
        first, last = int(s.scalars[kernel.COPIED]), int(s.scalars[kernel.LOGGED])
        s.scalars[kernel.COPIED] = last
        self.crossed += last - first
        if self.crossed > MOST_CROSSINGS:
            self.crossings = []
        elif last > first:
            self.crossings.append(s.log[np.arange(first, last) % kernel.LOG_ROWS])

    def note(self, name: int, start: Ints, cycles: Ints, cause: int = -1) -> None:
        """Every PE does the same, from its own ``start`` on for so many ``cycles``."""
        self.take()
        pes = np.flatnonzero(cycles > 0)
        rows = np.zeros((len(pes), kernel.SLICE_COLUMNS), dtype=np.int64)
        rows[:, kernel.SLICE_PE], rows[:, kernel.SLICE_NAME], rows[:, kernel.SLICE_CAUSE] = pes, name, cause
        rows[:, kernel.SLICE_START], rows[:, kernel.SLICE_LENGTH] = start[pes], cycles[pes]
        self._keep(rows, np.full(len(pes), self._pass), np.zeros(len(pes), dtype=np.int64))

    def skipped(self, passes_each: int) -> None:
        """A skip of whole passes was written down last, ``passes_each`` of them in a period."""
        self.take(passes_each)

    def rows(self) -> Rows:
        """All slices."""
        return Rows.of(self.machine.tables.group_pes, self.chunks, list(self.repeats))

    def needed_for(self, window: tuple[int, int]) -> list[tuple[int, int]]:
        """Stretches of time in which what a window shows lies: in it, and in what is repeated there."""
        again = self.rows_that_repeat()
        periods = self._periods()[again.passes]
        pes, needed = len(self.machine.tables.group_pes), [window]
        skips = zip(
            *(column.reshape(-1, pes) for column in (again.start, again.length, periods)), strict=True
        )
        for start, length, period in reversed(list(skips)):
            low, high = int(start.min()), int(start.max())
            if any(first < high + length[0] and last > low for first, last in needed):
                needed.append((low - int(period[0]), high))
        return needed

    def edges_of(self, window: tuple[int, int]) -> Ints:
        """The ``splits`` for another run: a window's edges in every PE, and in what is repeated there."""
        rows = Rows.of(self.machine.tables.group_pes, [self.rows_that_repeat()], list(self.repeats))
        starts, out = cut_key(rows.pe, rows.start), []
        for edge in window:
            pe, at = np.arange(rows.pes), np.full(rows.pes, edge, dtype=np.int64)
            while len(pe):
                out.append(cut_key(pe, at))
                row = np.searchsorted(starts, out[-1]) - 1
                inside = row >= rows.first[pe]
                inside[inside] = at[inside] < (rows.start + rows.length)[row[inside]]
                pe, at, row = pe[inside], at[inside], row[inside]
                period = rows.periods[rows.passes[row]]
                at = rows.start[row] - period + (at - rows.start[row]) % period
        return np.concatenate(out)

    def rows_that_repeat(self) -> Chunk:
        """The slices that repeat others, skip by skip and PE by PE."""
        return Chunk.joined([chunk.where(chunk.what == REPEATS) for chunk in self.chunks])

    def _periods(self) -> Ints:
        return np.array([period for period, _, _ in self.repeats] or [0], dtype=np.int64)

    def edges_of_repeats(self) -> Ints:
        """The ``cuts`` for another run: where each PE's repeated periods start, and where they repeat."""
        again = self.rows_that_repeat()
        begin = again.start - self._periods()[again.passes]
        edges = (begin, again.start, again.start + again.length)
        return np.unique(np.concatenate([cut_key(again.pe, cycle) for cycle in edges]))
