"""What the arrays do cycle by cycle when their sums cannot always leave; still no PE is simulated.

An array's moves are numbered. What enters in a move brings sums to the edge in moves that are known then; whether
the array moves in a cycle depends on what is at the edges in that cycle.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .harness import Fold, Port, Tile
from .model import Words


class Out:
    """The port that takes sums home."""

    def __init__(self, port: Port) -> None:
        self.port, self.level, self.under_way, self.free = port, 0, [], 0
        self.homes: list[int] = []

    def room(self, coming: int) -> bool:
        return coming == 0 or self.port.words is None or self.level + coming <= self.port.depth

    def step(self, cycle: int, came: int) -> None:
        """Start a transfer with what is at the edge, then end one, then let what the array's move brings come."""
        if cycle >= self.free and self.level:
            self.under_way = [cycle + self.port.every] * min(self.level, self.port.words or self.level)
            self.free = cycle + self.port.every
        if self.under_way and self.under_way[0] == cycle + 1:
            self.level -= len(self.under_way)
            self.homes += self.under_way
            self.under_way = []
        self.level += came


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
    outputs: Port,
    shift_used_rows: bool = False,
) -> tuple[list[list[int]], list[list[int]], list[Any], list[int]]:
    """Cycles by fold: rows enter, vectors enter, sums leave [vectors, c]; and all sums are home."""
    left, top, sums, out = Words(inputs), Words(weights), Words(psums), Out(outputs)
    entered: list[list[int]] = [[] for _ in folds]
    vectors: list[list[int]] = [[] for _ in folds]
    at_move: list[list[int]] = [[] for _ in folds]  # the moves in which vectors enter
    moves: list[int] = []  # the cycle of every move
    coming: Counter[int] = Counter()  # sums by the move that brings them
    of_rows = of_vectors = cycle = 0
    places: list[int | None] = [0] + [None] * len(folds)  # the move from which on a tile's rows may enter, once known
    total = sum(len(fold.inputs) * fold.weights.shape[1] for fold in folds)
    while len(out.homes) < total:
        now = len(moves)
        due = of_vectors < of_rows  # the tile's rows are all in, since an earlier cycle
        there = False
        bring = coming[now]
        if due:
            fold = folds[of_vectors]
            (r, c), p = fold.weights.shape, 0 if fold.psums is None else fold.weights.shape[1]
            there = left.there(r, cycle) and sums.there(p, cycle)
            bring += there and rows == 1  # column 0 of a single row is at the edge with the next move
        moving = out.room(bring) and not (freeze and due and not there)
        if moving:
            moves.append(cycle)
            if there:
                left.take(r, cycle)
                sums.take(p, cycle)
                vectors[of_vectors].append(cycle)
                at_move[of_vectors].append(now)
                coming.update(now + rows - 1 + j for j in range(c))
                wave = 0 if skewed else rows + columns - 2
                if shadow and len(vectors[of_vectors]) == 1:
                    places[of_vectors + 1] = now + wave
                if len(vectors[of_vectors]) == len(fold.inputs):
                    if not shadow:
                        places[of_vectors + 1] = now + wave + 1
                    of_vectors += 1
            place = places[of_rows]
            if of_rows < len(folds) and place is not None and now >= place:
                (r, c) = folds[of_rows].weights.shape
                needs = 0 if not shift_used_rows and len(entered[of_rows]) < rows - r else c
                if top.there(needs, cycle):
                    top.take(needs, cycle)
                    entered[of_rows].append(cycle)
                    of_rows += len(entered[of_rows]) == (r if shift_used_rows else rows)
        out.step(cycle, coming[now] if moving else 0)
        cycle += 1
    leaves = [
        np.array([[moves[n + rows - 1 + j] + 1 for j in range(fold.weights.shape[1])] for n in of_fold])
        for fold, of_fold in zip(folds, at_move, strict=True)
    ]
    return entered, vectors, leaves, out.homes


def output_stationary(
    rows: int,
    columns: int,
    tiles: Sequence[Tile],
    *,
    drain: str,
    freeze: bool,
    inputs: Port,
    weights: Port,
    outputs: Port,
    wait_for_used: bool = False,
) -> tuple[list[list[int]], list[Any], list[int]]:
    """Cycles by tile: vectors enter, sums leave [r, c]; and all sums are home."""
    left, top, out = Words(inputs), Words(weights), Out(outputs)
    vectors: list[list[int]] = [[] for _ in tiles]
    brings: list[Any] = []  # by tile: the moves that bring its sums
    moves: list[int] = []
    coming: Counter[int] = Counter()
    place = number = cycle = 0
    total = sum(tile.inputs.shape[0] * tile.weights.shape[1] for tile in tiles)
    while len(out.homes) < total:
        now = len(moves)
        due = there = False
        brought = None
        if number < len(tiles):
            (r, depth), c = tiles[number].inputs.shape, tiles[number].weights.shape[1]
            last = len(vectors[number]) == depth - 1
            due = now >= place or not (last if drain == "down_apart" else not vectors[number])
            there = due and left.there(r, cycle) and top.there(c, cycle)
            if there and last:
                i, j = np.indices((r, c))
                far = (r + c if wait_for_used else rows + columns) - 2
                waits = {"at_once": far + 0 * i, "each": i + j}.get(drain, rows - 1 + j + rows - 1 - i)
                brought = now + waits
        bring = coming[now] + (0 if brought is None else int((brought == now).sum()))
        moving = out.room(bring) and not (freeze and due and not there)
        if moving:
            moves.append(cycle)
            if there:
                left.take(r, cycle)
                top.take(c, cycle)
                vectors[number].append(cycle)
            if brought is not None:
                brings.append(brought)
                coming.update(brought.reshape(-1).tolist())
                place = now + {"at_once": far + 1, "each": 1}.get(drain, rows)
                number += 1
        out.step(cycle, coming[now] if moving else 0)
        cycle += 1
    return vectors, [np.array(moves)[of_tile] + 1 for of_tile in brings], out.homes
