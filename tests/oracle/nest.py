"""A walk over a loop nest, the words that a box of it touches, and the order in which a bus brings them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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

    ``places[pe]`` counts, for each of a PE's words, the words that have crossed with it; ``crossed[a]`` those that
    have when every PE has its first ``a``. ``needed[pe]``: the working cycle of the PE's step in which each is first
    used. ``there[pe][i]``: when its i-th word was there, and where it was before.
    """

    places: dict[int, list[int]]
    crossed: list[int]
    needed: dict[int, list[int]]
    there: dict[int, dict[int, tuple[int, Marks]]]

    @property
    def most(self) -> int:
        """Words of the PE that gets most."""
        return len(self.crossed) - 1

    @property
    def total(self) -> int:
        return self.crossed[-1]

    @property
    def destinations(self) -> int:
        return sum(map(len, self.places.values()))

    def on_their_way(self, pe: int) -> bool:
        """Whether it is known of every word of a PE when it will be there."""
        return len(self.there.get(pe, ())) == len(self.places.get(pe, ()))

    def last(self, pe: int) -> tuple[int, Marks] | None:
        """When the last word of a PE was there, and where it was before; None: not known yet, or it gets none."""
        if pe not in self.places or not self.on_their_way(pe):
            return None
        return self.there[pe][max(range(len(self.places[pe])), key=self.places[pe].__getitem__)]


def on_bus(needs: dict[int, list[Any]], first_uses: dict[int, dict[Any, int]] | None = None, *, multicast: bool) -> Words:
    """Put what every PE needs on a bus, in its order; with ``multicast`` a word crosses once.

    ``first_uses[pe]`` says in which working cycle of its step a PE first uses a word; psums have none.
    """
    position: dict[Any, int] = {}
    places: dict[int, list[int]] = {pe: [] for pe in sorted(needs)}
    crossed = [0]
    for turn in range(max(len(words) for words in needs.values())):
        for pe, its in places.items():
            if turn < len(needs[pe]):
                word = needs[pe][turn] if multicast else (pe, turn)
                its.append(position.setdefault(word, len(position) + 1))
        crossed.append(len(position))
    needed = {pe: [uses[word] for word in needs[pe]] for pe, uses in (first_uses or {}).items()}
    return Words(places, crossed, needed, {pe: {} for pe in needs})
