"""Which PEs share an account because they always do the same."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]


@dataclass(frozen=True)
class Bands:
    """A PE array in rectangles of PEs that do the same: bands of rows by bands of columns.

    ``row_ends`` and ``column_ends`` say where bands end, the last ones where the array does. Rectangles are
    numbered row by row, as PEs are.
    """

    row_ends: tuple[int, ...]
    column_ends: tuple[int, ...]

    @classmethod
    def of(cls, rows: Sequence[int], columns: Sequence[int]) -> Self:
        """From where bands of rows and of columns end."""
        return cls(tuple(rows), tuple(columns))

    @classmethod
    def single(cls, rows: int, columns: int) -> Self:
        """Every PE by itself."""
        return cls.of(range(1, rows + 1), range(1, columns + 1))

    @property
    def columns(self) -> int:
        """Columns of the array."""
        return self.column_ends[-1]

    @cached_property
    def pes(self) -> Ints:
        """Of how many PEs each rectangle is."""
        return np.outer(*(np.diff((0, *ends)) for ends in (self.row_ends, self.column_ends))).ravel()

    def corners(self, first: Ints, last: Ints) -> tuple[Ints, Ints]:
        """PEs at the upper left of rectangles ``first`` and at the lower right of rectangles ``last``."""
        across = len(self.column_ends)
        up, left = (np.array((0, *ends)) for ends in (self.row_ends, self.column_ends))
        upper = up[first // across] * self.columns + left[first % across]
        return upper, (up[last // across + 1] - 1) * self.columns + left[last % across + 1] - 1

    def of_pe(self, pe: int) -> int:
        """The rectangle in which a PE lies."""
        row, column = divmod(pe, self.columns)
        return bisect(self.row_ends, row) * len(self.column_ends) + bisect(self.column_ends, column)


def told(first: int, last: int, columns: int) -> str:
    """A rectangle of PEs by its corners, in an array of so many columns."""
    (upper, left), (lower, right) = divmod(first, columns), divmod(last, columns)
    if first == last:
        return f"PE {upper},{left}"
    return f"PEs {_span('row', upper, lower)}, {_span('column', left, right)}"


def _span(name: str, first: int, last: int) -> str:
    return f"{name} {first}" if first == last else f"{name}s {first}-{last}"
