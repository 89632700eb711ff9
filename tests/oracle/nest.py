"""A walk over a loop nest, the words that a box of it touches, and the order in which a bus brings them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from simulator.spec.layer import Layer

Box = dict[str, tuple[int, int]]
"""First index and length of every dimension."""
Marks = list[tuple[int, str]]
"""Where a missing thing was: (until when, part), in order of time."""

DIMENSIONS = "NGMCPQRS"
INDEXED_BY = {"weight": set("GMCRS"), "input": set("NGCPQRS"), "output": set("NGMPQ")}
SUMMED = set("CRS")
AXES = (("P", "R"), ("Q", "S"))


def advances(loops: Sequence[Any], leaf: dict[str, int]) -> tuple[list[int], dict[str, int]]:
    """How far one trip of every loop goes (by what is inside it, or less where the loop says so), and what all cover."""
    covered, steps = dict(leaf), []
    for loop in reversed(loops):
        inside = covered[loop.dimension]
        steps.append(min(loop.by, inside) if loop.by else inside)
        covered[loop.dimension] = steps[-1] * loop.trips
    return steps[::-1], covered


@dataclass(frozen=True)
class At:
    """One iteration of a nest: the digit and the real number of trips of every loop, and the box at every depth."""

    digits: tuple[int, ...]
    trips: tuple[int, ...]
    boxes: tuple[Box, ...]


def walk(loops: Sequence[Any], leaf: dict[str, int], box: Box) -> Iterator[At]:
    """Every iteration of ``loops`` inside ``box``, the innermost loop fastest; the last trip takes what is left."""
    steps, _ = advances(loops, leaf)

    def inside(depth: int, at: At) -> Iterator[At]:
        if depth == len(loops):
            yield at
            return
        d, step, here = loops[depth].dimension, steps[depth], at.boxes[-1]
        first, length = here[d]
        trips = -(-length // step)
        for digit in range(trips):
            cut = {**here, d: (first + digit * step, min(step, length - digit * step))}
            yield from inside(depth + 1, At((*at.digits, digit), (*at.trips, trips), (*at.boxes, cut)))

    yield from inside(0, At((), (), (box,)))


def indices(layer: Layer, axis: int, box: Box) -> list[int]:
    """Input rows (axis 0) or columns (axis 1) that a box touches; those outside the feature map are padding."""
    (first, outputs), (tap, taps) = (box[d] for d in AXES[axis])
    spread, back = layer.dilation[axis], layer.padding_before[axis]
    return sorted(
        {(first + p) * layer.stride[axis] + (tap + r) * spread - back for p in range(outputs) for r in range(taps)}
    )


def volume(box: Box, dimensions: Iterable[str]) -> int:
    return prod(box[d][1] for d in dimensions)


def spans(box: Box, dimensions: str) -> Iterator[tuple[int, ...]]:
    return product(*(range(box[d][0], sum(box[d])) for d in dimensions))


@dataclass(eq=False)
class Words:
    """One step's words on a bus. They leave in rounds: every PE's first word, every PE's second, ...

    ``last[pe]`` counts the words that have crossed when a PE has all of its own, ``crossed[a]`` those that have
    when every PE has its first ``a``. ``arrived[pe]``: when it had them, and where they were before.
    """

    last: dict[int, int]
    crossed: list[int]
    destinations: int
    arrived: dict[int, tuple[int, Marks]] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """Words of the PE that gets most."""
        return len(self.crossed) - 1

    @property
    def total(self) -> int:
        return self.crossed[-1]


def on_bus(needs: dict[int, list[Any]], *, multicast: bool) -> Words:
    """Put what every PE needs, in the order in which it uses it, on a bus; with ``multicast`` a word crosses once."""
    position: dict[Any, int] = {}
    last: dict[int, int] = {}
    crossed = [0]
    for turn in range(max(len(words) for words in needs.values())):
        high = crossed[-1]
        for pe in sorted(needs):
            if turn < len(needs[pe]):
                word = needs[pe][turn] if multicast else (pe, turn)
                at = position.setdefault(word, len(position) + 1)
                last[pe] = max(last.get(pe, 0), at)
                high = max(high, at)
        crossed.append(high)
    return Words(last, crossed, sum(len(words) for words in needs.values()))
