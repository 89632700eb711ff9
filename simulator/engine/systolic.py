"""From a layer, its mapping and a systolic array to the tables that the kernel runs.

PEs that are used in the same folds have one account, so the kernel's PEs are groups of them: bands of rows
by bands of columns, between the lengths that folds have.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from simulator.components.arrays.systolic import SystolicArray
from simulator.components.networks.base import Delivery, Ints
from simulator.engine.program import Tables, ints
from simulator.engine.steps import Needs, StepKind, Supply
from simulator.kernels import tables as kernel
from simulator.mapping.check import FOLDS
from simulator.mapping.nest import INDEX
from simulator.names import DataType

STREAM = {"weight": kernel.W, "input": kernel.I, "output": kernel.POUT}


class SystolicTables(Tables):
    """Builds a layer's `Program` for a systolic array."""

    @cached_property
    def array(self) -> SystolicArray:
        """The array."""
        found = self.architecture.systolic
        assert found is not None
        return found

    @cached_property
    def _used(self) -> list[tuple[int, int]]:
        """(rows, columns) that folds of each kind use."""
        axes = [INDEX[d] for d in FOLDS[self.array.stationary][:2]]
        most = [self.mapping.step_extents[i] for i in axes]
        return [
            (min(extent[axes[0]], most[0]), min(extent[axes[1]], most[1]))
            for extent in self.nest.step_extents()
        ]

    @cached_property
    def bands(self) -> tuple[list[int], list[int]]:
        """Where bands of rows and of columns end."""
        rows, columns = ({used[axis] for used in self._used} for axis in (0, 1))
        return sorted(rows | {self.array.rows}), sorted(columns | {self.array.columns})

    def _group_pes(self) -> Ints:
        rows, columns = (_lengths(ends) for ends in self.bands)
        return ints(np.outer(rows, columns).ravel())

    def of_pes(self, names: Ints) -> Ints:
        """An account per group as one per PE of the array [rows, columns, 10]."""
        rows, columns = (_lengths(ends) for ends in self.bands)
        grid = names.reshape(len(rows), len(columns), -1)
        return np.repeat(np.repeat(grid, rows, axis=0), columns, axis=1)

    def renewing(self, data_type: DataType) -> int:
        """The loops whose turns bring words: all of them, but for what stays in the PEs."""
        if data_type == self.array.stationary:
            return super().renewing(data_type)
        return (1 << len(self.nest.loops)) - 1

    def _make_kinds(self) -> list[StepKind]:
        return [self._of(rows, columns) for rows, columns in self._used]

    def _of(self, rows: int, columns: int) -> StepKind:
        """A step of a fold that uses so many rows and columns."""
        inside = np.logical_and.outer(np.array(self.bands[0]) <= rows, np.array(self.bands[1]) <= columns)
        used, stays = inside.ravel(), self.array.stationary
        words = columns if stays != "output" else rows * columns
        tile = self._tile(rows, columns, used)
        left = _vector(rows, rows * columns, used)
        top = _vector(columns, rows * columns, used)
        weight, moving = {"weight": (tile, left), "input": (left, tile), "output": (top, left)}[stays]
        psums = _vector(columns, 0, used), _vector(words, 0, used)
        none = np.full(len(used), -1, dtype=np.int64)
        return StepKind(
            used.astype(np.int64), used.astype(np.int64), none, none, np.arange(len(used)),
            (weight, moving, moving, *psums), 1, 1,
        )  # fmt: skip

    def _tile(self, rows: int, columns: int, used: Ints) -> Supply:
        """A tile of the stationary operand: its rows come one after another, each on its own."""
        ends = np.arange(rows + 1, dtype=np.int64) * columns
        nothing = np.zeros(rows, dtype=np.int64)
        needs = Needs(ends[1:], nothing, np.arange(1, rows + 1), nothing)
        shifts = columns * rows * (rows + 1) // 2
        return Supply(_delivery(ends, used), np.where(used, 0, -1), needs, shifts)

    def _moves(self, kind: int) -> tuple[int, int]:
        """Moves from a vector's to its result's last one; from a vector on until the next tile may come."""
        array, (rows, columns) = self.array, self._used[kind]
        far, pipeline = self.far(rows, columns), array.pipeline_cycles
        if array.stationary != "output":
            place = (0 if array.shift == "skewed" else far) + (0 if array.shadow else 1)
            return array.rows + columns - 3 + pipeline, place
        out = {"at_once": far + pipeline - 1, "each": rows + columns - 3 + pipeline}
        free = {"at_once": far + pipeline, "down": array.rows + pipeline - 1}
        return out.get(array.drain, 2 * array.rows + columns - 4 + pipeline), free.get(array.drain, 1)

    def far(self, rows: int, columns: int) -> int:
        """Moves from a fold's first PE to its last one."""
        return rows + columns - 2 if self.array.wavefront == "used" else self.array.wave

    def through(self, state: kernel.State) -> int:
        """The cycle in which the array is through with the layer's last vector."""
        if self.array.stationary == "output":
            return 0
        kind = int(state.scalars[kernel.TILE_KIND])
        return self._later(state, self.far(*self._used[kind]) + 1)

    def _later(self, state: kernel.State, moves: int) -> int:
        """The cycle so many moves after the layer's last vector."""
        last = int(state.wave[kernel.LAST_ENTRY])
        found = last + moves
        for start, length, _ in _stills(state):
            if last < start <= found:
                found += length
        return found

    def after_last(self, state: kernel.State) -> Iterator[tuple[int, int, int]]:
        """(name, cause, cycles) of what PEs do after the last vector, until the array is through with it."""
        clock, tile = int(state.pe[kernel.CLOCK, 0]), int(state.scalars[kernel.ACC_TILE]) - 1
        end = max(self.through(state), int(state.leaving[kernel.OUT_READY, tile % state.leaving.shape[1]]))
        for start, length, result in _stills(state):
            if start + length <= clock or start >= end:
                continue
            yield kernel.FILL, -1, max(start - clock, 0)
            clock = max(clock, start)
            part = result % state.part.shape[1]
            marks = zip(state.until[kernel.POUT, part], state.cause[kernel.POUT, part], strict=True)
            for until, cause in marks:
                upto = min(int(until), start + length)
                if upto > clock:
                    yield kernel.S_OUTPUT, int(cause), upto - clock
                    clock = upto
        yield kernel.FILL, -1, max(end - clock, 0)

    def _capacity(self) -> list[int]:
        array = self.array
        left, top = array.left_fifo_words, array.top_fifo_words
        weight, inputs = (left, top) if array.stationary == "input" else (top, left)
        return [weight, inputs, array.psum_in_fifo_words, 0]

    def _refuse_what_does_not_fit(self, deliveries: list[Delivery]) -> None:
        """Tiles of the stationary operand come in parts as there is room."""

    def _machine(self, link_rate: object, ticks: int, *, tells: bool) -> list[int]:
        """See `Tables`: psums start at zero, and a result is one transaction."""
        row = super()._machine("unlimited", ticks, tells=tells)
        fifo, under_way = self.array.output_fifo_words, 4
        if self.array.stationary != "output":
            under_way += max(self._moves(kind)[0] for kind in range(len(self.kinds)))
        changed = {
            kernel.OPEN_TILES: 1, kernel.LEAVING_TILES: fifo, kernel.SHARED_ADDER: 0, kernel.PIPELINE: 0,
            kernel.IDLE_TILES: under_way, kernel.FIRST_BACK: fifo,
            kernel.FIRST_WORDS: 1, kernel.LAST_WORDS: 1,
        }  # fmt: skip
        if self.architecture.accumulates():
            changed[kernel.REDUCTION_MASK] = 0
        for column, value in changed.items():
            row[column] = value
        return row

    def _systolic(self) -> list[int]:
        array = self.array
        rows = array.rows if array.shifted_rows == "all" and array.stationary != "output" else 0
        waits = array.rows if array.drain == "apart" else 0
        return [1, STREAM[array.stationary], array.bubbles == "freeze", array.shadow, rows, waits]


def _lengths(ends: Sequence[int]) -> list[int]:
    return [b - a for a, b in pairwise([0, *ends])]


def _delivery(prefix: Ints, used: Ints) -> Delivery:
    """Words that cross once each; how far PEs have them is what the supply's needs say."""
    none = np.zeros(len(used), dtype=np.int64)
    return Delivery(int(prefix[-1]), none, prefix[1:, None], none, prefix, int(prefix[-1]))


def _vector(words: int, writes: int, used: Ints) -> Supply:
    """Words that are of use together, when the last of them has come."""
    ends = np.array([0, words], dtype=np.int64)
    nothing = np.zeros(1, dtype=np.int64)
    needs = Needs(ends[1:], nothing, nothing + 1, nothing)
    return Supply(_delivery(ends, used), np.where(used, 0, -1), needs, writes)


def _stills(state: kernel.State) -> Iterator[tuple[int, int, int]]:
    """(first cycle, cycles, result) of the stand-stills that are still known, in order."""
    count, ring = int(state.array[kernel.STILLS]), len(state.still_at)
    for number in range(max(0, count - ring), count):
        at = number % ring
        yield int(state.still_at[at]), int(state.still[at, 0]), int(state.still[at, 1])
