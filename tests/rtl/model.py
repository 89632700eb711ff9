"""When everything enters and leaves the arrays, as recurrences from the comments in the Verilog; no PE is simulated."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .harness import Fold, Port, Tile


class Words:
    """The words behind an edge port: when each was started on, and when it was taken at the edge."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.starts: list[int] = []
        self.taken: list[int] = []

    def there(self, needs: int, cycle: int) -> bool:
        """Whether the next ``needs`` words are at the edge in this cycle."""
        if self.port.words is None:
            return needs == 0 or cycle not in self.port.blocked
        while len(self.starts) < len(self.taken) + needs:
            self.starts.append(self.next_start())
        return needs == 0 or cycle >= self.starts[len(self.taken) + needs - 1] + self.port.every

    def next_start(self) -> int:
        """A word joins the transfer before it, where that had room for it, or starts the next one."""
        number, port = len(self.starts), self.port
        room = self.taken[number - port.depth] + 1 if number >= port.depth else 0
        if number and room <= self.starts[-1] and self.starts.count(self.starts[-1]) < port.words:
            return self.starts[-1]
        start = max(room, self.starts[-1] + port.every if number else 0)
        while start in port.blocked:
            start += 1
        return start

    def take(self, needs: int, cycle: int) -> None:
        self.taken += [cycle] * needs


class Clock:
    """The cycles in which an array stands still, and the counting of those in which it moves."""

    def __init__(self, freeze: bool) -> None:
        self.freeze = freeze
        self.still: set[int] = set()

    def later(self, cycle: int, moves: int) -> int:
        """The cycle of the array's move that is this many after the one in ``cycle``."""
        for _ in range(moves):
            cycle += 1
            while cycle in self.still:
                cycle += 1
        return cycle

    def enter(self, due: int, there: Callable[[int], bool]) -> int:
        """The cycle in which a vector enters that is due in ``due``; until then the array may stand still."""
        while not there(due):
            if self.freeze:
                self.still.add(due)
            due += 1
        return due


def weight_stationary(
    rows: int,
    columns: int,
    folds: Sequence[Fold],
    *,
    shadow: bool,
    skewed: bool,
    freeze: bool,
    inputs: Port,
    weights: Port,
    psums: Port,
    shift_used_rows: bool = False,
) -> tuple[list[list[int]], list[list[int]], list[Any]]:
    """Cycles in which rows and vectors enter, by fold, and in which sums leave: [vectors, c] of every fold."""
    clock = Clock(freeze)
    left, top, sums = Words(inputs), Words(weights), Words(psums)
    entered: list[list[int]] = []
    vectors: list[list[int]] = []
    row, vector, place = -1, -1, 0  # the last row, the last vector, and when the next tile's place is free
    for fold in folds:
        r, c = fold.weights.shape
        entered.append([])
        zeros = 0 if shift_used_rows else rows - r
        for needs in [0] * zeros + [c] * r:
            row = max(row + 1, place)
            while row in clock.still or not top.there(needs, row):
                row += 1
            top.take(needs, row)
            entered[-1].append(row)
        vectors.append([])
        p = 0 if fold.psums is None else c
        for _ in fold.inputs:
            vector = clock.enter(max(vector, row) + 1, lambda at, r=r, p=p: left.there(r, at) and sums.there(p, at))
            left.take(r, vector)
            sums.take(p, vector)
            vectors[-1].append(vector)
        # The last PE comes R + C - 2 moves after the first one.
        wave = 0 if skewed else rows + columns - 2
        place = clock.later(vectors[-1][0], wave) if shadow else clock.later(vector, wave + 1)
    leaves = [
        np.array([[clock.later(t, rows - 1 + j) + 1 for j in range(fold.weights.shape[1])] for t in of_fold])
        for fold, of_fold in zip(folds, vectors, strict=True)
    ]
    return entered, vectors, leaves


def output_stationary(
    rows: int,
    columns: int,
    tiles: Sequence[Tile],
    *,
    drain: str,
    freeze: bool,
    inputs: Port,
    weights: Port,
    wait_for_used: bool = False,
) -> tuple[list[list[int]], list[Any]]:
    """Cycles in which vectors enter, by tile, and in which sums leave: [r, c] of every tile."""
    clock = Clock(freeze)
    left, top = Words(inputs), Words(weights)
    vectors: list[list[int]] = []
    vector, before = -1, None  # the last vector; the last one of the tile before and the moves to wait from it
    waits = []  # for an output of PE (i, j): moves from the tile's last vector to the sum's last move
    for tile in tiles:
        (r, depth), c = tile.inputs.shape, tile.weights.shape[1]
        far = (r + c if wait_for_used else rows + columns) - 2
        vectors.append([])
        for k in range(depth):
            needs_place = k == (depth - 1 if drain == "down_apart" else 0)
            due = max(vector + 1, clock.later(*before) if before and needs_place else 0)
            vector = clock.enter(due, lambda at, r=r, c=c: left.there(r, at) and top.there(c, at))
            left.take(r, vector)
            top.take(c, vector)
            vectors[-1].append(vector)
        before = vector, {"at_once": far + 1, "each": 1}.get(drain, rows)
        i, j = np.indices((r, c))
        waits.append({"at_once": far + 0 * i, "each": i + j}.get(drain, rows - 1 + j + rows - 1 - i))
    leaves = [
        np.vectorize(lambda moves, last=of_tile[-1]: clock.later(last, moves) + 1)(wait)
        for of_tile, wait in zip(vectors, waits, strict=True)
    ]
    return vectors, leaves
