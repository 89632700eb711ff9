"""Loops, and walks over them.

A loop ``M 4`` runs four times and advances M by what the loops inside it cover; ``M 3 by 96`` advances by
96 and clips what is inside to 96. The last iteration is as long as what is left, so nothing needs to divide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from simulator.errors import refuse
from simulator.names import DIMENSIONS, RELEVANT, DataType, Dimension

Extents = tuple[int, ...]
"""One number per dimension, in the order of `DIMENSIONS`."""

INDEX: dict[Dimension, int] = {dimension: i for i, dimension in enumerate(DIMENSIONS)}


@dataclass(frozen=True, slots=True)
class Loop:
    """``trips`` iterations over ``dimension``, each ``by`` long (0: as long as the loops inside it cover)."""

    dimension: Dimension
    trips: int
    by: int = 0

    @classmethod
    def parse(cls, text: str, place: str = "mapping", key: str = "") -> Self:
        """Read ``"M 4"`` or ``"M 3 by 96"``."""
        words = str(text).split()
        shape_ok = len(words) in (2, 4) and words[0] in DIMENSIONS and (len(words) == 2 or words[2] == "by")
        if not shape_ok or not all(w.isascii() and w.isdecimal() and int(w) > 0 for w in words[1::2]):
            raise refuse(
                place,
                key,
                text,
                "a loop such as 'M 4' or 'M 3 by 96' over one of N G M C P Q R S was expected",
            )
        return cls(words[0], int(words[1]), int(words[3]) if len(words) == 4 else 0)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.dimension} {self.trips}" + (f" by {self.by}" if self.by else "")


@dataclass(frozen=True, slots=True)
class Block:
    """A box of the iteration space: where it starts and how far it goes, per dimension."""

    first: Extents
    extent: Extents

    def along(self, dimension: Dimension) -> tuple[int, int]:
        """(first, extent) of one dimension."""
        return self.first[INDEX[dimension]], self.extent[INDEX[dimension]]


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration of a nest: its block and, per loop, the index and the number of trips really made."""

    block: Block
    digits: tuple[int, ...]
    trips: tuple[int, ...]


def steps_of(loops: Sequence[Loop], inner: Extents) -> tuple[int, ...]:
    """How far each loop advances, given what the loops inside the last one cover (``inner``)."""
    covered = list(inner)
    steps = [0] * len(loops)
    for i in range(len(loops) - 1, -1, -1):
        loop, d = loops[i], INDEX[loops[i].dimension]
        steps[i] = min(loop.by or covered[d], covered[d])
        covered[d] = steps[i] * loop.trips
    return tuple(steps)


def covered_by(loops: Sequence[Loop], inner: Extents) -> Extents:
    """What ``loops`` around something that covers ``inner`` cover, per dimension."""
    covered = list(inner)
    for loop in reversed(loops):
        d = INDEX[loop.dimension]
        step = covered[d] if loop.by == 0 or loop.by > covered[d] else loop.by
        covered[d] = step * loop.trips
    return tuple(covered)


ONES: Extents = (1,) * len(DIMENSIONS)


def walk(loops: Sequence[Loop], block: Block, inner: Extents) -> Iterator[Iteration]:
    """Iterate over ``loops`` (outermost first) inside ``block``; innermost blocks are at most ``inner`` long.

    Iterations that would lie outside the block do not happen.
    """
    steps = steps_of(loops, inner)
    depth = len(loops)
    digits, trips = [0] * depth, [0] * depth
    firsts, extents = [list(block.first)] * (depth + 1), [list(block.extent)] * (depth + 1)

    def enter(level: int) -> None:
        for i in range(level, depth):
            d = INDEX[loops[i].dimension]
            trips[i] = -(-extents[i][d] // steps[i])
            first, extent = list(firsts[i]), list(extents[i])
            first[d] += digits[i] * steps[i]
            extent[d] = min(steps[i], extent[d] - digits[i] * steps[i])
            firsts[i + 1], extents[i + 1] = first, extent

    enter(0)
    while True:
        clipped = tuple(min(e, n) for e, n in zip(extents[depth], inner, strict=True))
        yield Iteration(Block(tuple(firsts[depth]), clipped), tuple(digits), tuple(trips))
        level = depth - 1
        while level >= 0 and digits[level] + 1 >= trips[level]:
            digits[level] = 0
            level -= 1
        if level < 0:
            return
        digits[level] += 1
        enter(level)


def relevant_digits(loops: Sequence[Loop], digits: Sequence[int], data_type: DataType) -> tuple[int, ...]:
    """The digits of the loops that index a data type: equal digits, equal tile."""
    return tuple(n for loop, n in zip(loops, digits, strict=True) if loop.dimension in RELEVANT[data_type])
