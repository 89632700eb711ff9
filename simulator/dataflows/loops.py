"""Building lists of loops that hold no empty iterations."""

from simulator.mapping.mapping import Loops
from simulator.mapping.nest import Loop
from simulator.names import Dimension


def ceiling(a: int, b: int) -> int:
    """a ÷ b, rounded up."""
    return -(-a // b)


def loops(*trips: tuple[Dimension, int]) -> Loops:
    """Loops of the given trips, outermost first; single trips are left out."""
    return tuple(Loop(dimension, n) for dimension, n in trips if n > 1)


def tiled(dimension: Dimension, total: int, by: int, covered: int) -> Loops:
    """A loop over ``total`` in strides of ``by`` around loops that cover ``covered``; none where one trip does."""
    trips = ceiling(total, by)
    return (Loop(dimension, trips, 0 if by == covered else by),) if trips > 1 else ()


def even_parts(total: int, most: int) -> list[int]:
    """The distinct lengths of 1, 2, 3, ... even parts of ``total``, largest first, none above ``most``."""
    lengths, parts = [], max(1, ceiling(total, max(1, most)))
    while True:
        length = ceiling(total, parts)
        lengths.append(length)
        if length == 1:
            return lengths
        parts = ceiling(total, length - 1)
