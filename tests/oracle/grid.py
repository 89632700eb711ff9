"""The PEs of a systolic array, literally: registers in a grid, and what moves on from one to the next.

It decides nothing. It holds what the rules say of an array (a vector is used i + j moves after it has entered, the tile
that it needs is there) against what registers do.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from simulator.components.arrays.systolic import SystolicArray

if TYPE_CHECKING:
    from .systolic import Held, Vector

Row = tuple["Held", int]
"""A row of a tile of the stationary operand."""


class Grid:
    """R x C PEs. In a move vectors go one to the right; a row that enters pushes those before it down.

    A PE multiplies with what is in its register ``used``; ``shifted`` is the one that rows move through, the same where there
    is no shadow register.
    """

    def __init__(self, array: SystolicArray) -> None:
        self.array = array
        self.edge: list[deque[Vector | None]] = [deque([None] * i) for i in range(array.rows)]
        self.passing: list[list[Vector | None]] = [[None] * array.columns for _ in range(array.rows)]
        self.used: list[list[Any]] = [[None] * array.columns for _ in range(array.rows)]
        self.shifted: list[list[Any]] = [[None] * array.columns for _ in range(array.rows)] if array.shadow else self.used
        self.waves: list[tuple[int, list[Any]]] = []  # rows under way: the move they entered in, what they push in each column
        self.ended: dict[Vector, int] = {}

    def move(self, number: int, vector: "Vector | None", row: "Row | None") -> None:
        """Let a vector and a row enter with this move, if there are any: first all PEs multiply, then registers shift."""
        for i in range(self.array.rows):
            self.edge[i].append(vector)
            self.passing[i] = [self.edge[i].popleft(), *self.passing[i][:-1]]
            for j, here in enumerate(self.passing[i]):
                if here is not None:
                    self._pass(number, i, j, here)
        if row is not None:
            in_array = row[0] if row[1] < row[0].r else None
            self.waves.append((number, [in_array and row] * self.array.columns))
        self._shift(number)

    def _pass(self, number: int, i: int, j: int, vector: "Vector") -> None:
        """A vector is in PE (i, j), which multiplies where its tile has words."""
        held, outputs = vector.held, self.array.stationary == "output"
        if i < held.r and j < held.c:
            assert vector.move is not None
            assert number == vector.move + i + j
            if self.array.shadow and held.begins(vector):
                self.used[i][j], self.shifted[i][j] = self.shifted[i][j], self.used[i][j]
            assert outputs or self.used[i][j] == (held, i)
        if (i, j) == ((held.r if outputs else self.array.rows) - 1, held.c - 1):
            self.ended[vector] = number

    def _shift(self, number: int) -> None:
        for entered, pushed in self.waves:
            for j in range(self.array.columns):
                at = [number - entered - j] if self.array.shift == "skewed" else range(self.array.rows)
                for i in at:
                    if 0 <= i < self.array.rows:
                        self.shifted[i][j], pushed[j] = pushed[j], self.shifted[i][j]
        lifetime = self.array.wave if self.array.shift == "skewed" else 0
        self.waves = [wave for wave in self.waves if number - wave[0] < lifetime]

    def through(self, vector: "Vector") -> int:
        """The move in which a vector was in the last PE that its result comes through."""
        return self.ended[vector]
