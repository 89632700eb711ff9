"""Counts, without a walk over the nest, how often each tile comes: all starts or ends of stays, by shape.

A *stay* is the time in which no loop that indexes a data type goes on. Loops inside each other repeat, so the
count of a loop's inside is worked out once per shape, and multiplied.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents, steps_of
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.layer import Layer

Bases = tuple[int | None, int | None]
"""First input row and column of a block; None where no padding is in it, and so its place does not matter.

In a matrix product with an image: its first position inside an image, and window element inside a channel.
"""
NOWHERE: Bases = (None, None)
AXES: tuple[tuple[Dimension, Dimension], ...] = (("P", "R"), ("Q", "S"))


class Place(NamedTuple):
    """A block by what decides its size: its extents, and where it lies if that matters."""

    extents: Extents
    bases: Bases


class Stay(NamedTuple):
    """What one stay looks like: its block, and how it came.

    ``edge``: at its start no reduction loop has gone on, or at its end all are in their last iterations.
    ``turned`` is the number of the loop whose turn starts or ends it, -1 for the layer's own start or end.
    """

    place: Place
    edge: bool
    turned: int


class Run(NamedTuple):
    """So many ``times`` an iteration of a loop follows itself unchanged."""

    place: Place
    edge: bool
    times: int


@dataclass(frozen=True)
class Turns:
    """The loops of a mapping that run more than once, outermost first; the first ``split`` are around passes.

    ``axes`` are their dimensions by number, ``steps`` how far each goes on, ``position`` where each stands in
    the mapping's own list.
    """

    layer: Layer
    axes: tuple[int, ...]
    steps: tuple[int, ...]
    position: tuple[int, ...]
    split: int

    @classmethod
    def of(cls, layer: Layer, mapping: Mapping) -> "Turns":
        """The loops of one mapping."""
        every = mapping.outer + mapping.steps
        far = (
            *steps_of(mapping.outer, mapping.pass_extents),
            *steps_of(mapping.steps, mapping.step_extents),
        )
        kept = [i for i, loop in enumerate(every) if loop.trips > 1]
        return cls(
            layer,
            tuple(INDEX[every[i].dimension] for i in kept),
            tuple(far[i] for i in kept),
            tuple(kept),
            sum(i < len(mapping.outer) for i in kept),
        )

    def outside(self, mapping: Mapping, memory: str) -> int:
        """How many of the loops change what ``memory`` holds."""
        outside = len(mapping.outside(memory))
        return sum(position < outside for position in self.position)

    def over(self, dimensions: frozenset[Dimension], start: int, end: int) -> tuple[int, ...]:
        """Numbers of the loops from ``start`` to before ``end`` that are over one of ``dimensions``."""
        wanted = {INDEX[d] for d in dimensions}
        return tuple(i for i in range(start, end) if self.axes[i] in wanted)

    @cached_property
    def sizes(self) -> Extents:
        """The layer's sizes."""
        return tuple(self.layer.sizes[d] for d in DIMENSIONS)

    @cached_property
    def moving(self) -> dict[int, tuple[int, int]]:
        """Dimensions (by number) that move a block: which of its bases, and how far one index does."""
        layer = self.layer
        if layer.image is not None:
            return {INDEX["N"]: (0, 1), INDEX["C"]: (1, 1)}
        return {
            INDEX[d]: (axis, far[axis])
            for axis, pair in enumerate(AXES)
            for d, far in zip(pair, (layer.stride, layer.dilation), strict=True)
        }

    @cached_property
    def first(self) -> Bases:
        """Where the whole layer lies."""
        before = self.layer.padding_before
        return (0, 0) if self.layer.image is not None else (-before[0], -before[1])


class Stays:
    """Counts the stays of what the loops ``relevant`` index; ``depth`` loops decide, the others lie inside.

    ``placed``: tell blocks apart by where they lie, as far as their inputs depend on it. ``summed`` are the
    loops over reductions.
    """

    def __init__(
        self,
        turns: Turns,
        depth: int,
        relevant: Sequence[int],
        summed: Sequence[int] = (),
        *,
        placed: bool = False,
    ) -> None:
        self.turns, self.depth = turns, depth
        self.relevant, self.summed = frozenset(relevant), frozenset(summed)
        self._known: dict[tuple[int, Place, bool, bool], Counter[Stay]] = {}
        self.whole = self._settled(turns.sizes, turns.first if placed else NOWHERE)

    def starts(self) -> Counter[Stay]:
        """All stays by what they are when they start; ``edge``: with the first part of a sum."""
        first = Stay(self.entry(0, self.whole), True, -1)
        return self._inside(0, self.whole, True, False) + Counter([first])

    def ends(self) -> Counter[Stay]:
        """All stays by what they are when they end; ``edge``: with the last part of a sum."""
        last = Stay(self._exit(0, self.whole), True, -1)
        return self._inside(0, self.whole, True, True) + Counter([last])

    def entry(self, loop: int, place: Place, until: int | None = None) -> Place:
        """The first block that the loops from ``loop`` to before ``until`` (``depth``) go through."""
        for i in range(loop, self.depth if until is None else until):
            place = self._iteration(i, place, 0)
        return place

    def _exit(self, loop: int, place: Place) -> Place:
        for i in range(loop, self.depth):
            place = self._iteration(i, place, self._trips(i, place) - 1)
        return place

    def _trips(self, loop: int, place: Place) -> int:
        return -(-place.extents[self.turns.axes[loop]] // self.turns.steps[loop])

    def _iteration(self, loop: int, place: Place, number: int) -> Place:
        """The block of one iteration of a loop."""
        axis, step = self.turns.axes[loop], self.turns.steps[loop]
        extents = list(place.extents)
        extents[axis] = min(step, extents[axis] - number * step)
        if place.bases == NOWHERE:
            return Place(tuple(extents), NOWHERE)
        bases = list(place.bases)
        i, far = self.turns.moving.get(axis, (0, 0))
        base = bases[i]
        if base is not None:
            bases[i] = base + number * step * far
        return self._settled(tuple(extents), (bases[0], bases[1]))

    def _settled(self, extents: Extents, bases: Bases) -> Place:
        """The place of a block, without a base along axes where no padding is in it.

        In a matrix product images are alike, and so are channels.
        """
        layer = self.turns.layer
        left = list(bases)
        if layer.image is not None and bases != NOWHERE:
            size, (n, c) = layer.image.sizes, bases
            assert n is not None
            assert c is not None
            return Place(extents, (n % (size["P"] * size["Q"]), c % (size["R"] * size["S"])))
        for i, (output, tap) in enumerate(AXES):
            base = bases[i]
            far = (extents[INDEX[output]] - 1) * layer.stride[i]
            far += (extents[INDEX[tap]] - 1) * layer.dilation[i]
            if base is not None and base >= 0 and base + far < layer.input_size[i]:
                left[i] = None
        return Place(extents, (left[0], left[1]))

    def _runs(self, loop: int, place: Place, edge: bool, ends: bool) -> list[Run]:
        """The iterations of a loop, alike ones together; those that do not start (end) sums are no edge."""
        trips, out = self._trips(loop, place), list[Run]()
        special = trips - 1 if ends else 0
        if place.bases == NOWHERE or self.turns.axes[loop] not in self.turns.moving:
            # all but the last are of full length
            numbers = [(0, 1), (1, trips - 2), (trips - 1, 1)] if trips > 1 else [(0, 1)]
        else:
            numbers = [(number, 1) for number in range(trips)]
        for number, count in numbers:
            if count:
                here = edge and (loop not in self.summed or number == special)
                block = self._iteration(loop, place, number)
                if out and out[-1][:2] == (block, here):
                    out[-1] = out[-1]._replace(times=out[-1].times + count)
                else:
                    out.append(Run(block, here, count))
        return out

    def _moved(self, loop: int, place: Place) -> bool:
        """Whether a relevant loop from ``loop`` on has gone on where the block ends."""
        for i in range(loop, self.depth):
            trips = self._trips(i, place)
            if trips > 1 and i in self.relevant:
                return True
            place = self._iteration(i, place, trips - 1)
        return False

    def _inside(self, loop: int, place: Place, edge: bool, ends: bool) -> Counter[Stay]:
        """The stays that turns of the loops from ``loop`` on start (end) within one block."""
        if loop == self.depth:
            return Counter()
        key = (loop, place, edge, ends)
        if key not in self._known:
            runs = self._runs(loop, place, edge, ends)
            found: Counter[Stay] = Counter()
            for run in runs:
                for stay, count in self._inside(loop + 1, run.place, run.edge, ends).items():
                    found[stay] += count * run.times
            for before, after, count in _borders(runs):
                if loop in self.relevant or self._moved(loop + 1, before.place):
                    one = self._exit(loop + 1, before.place) if ends else self.entry(loop + 1, after.place)
                    found[Stay(one, before.edge if ends else after.edge, loop)] += count
            self._known[key] = found
        return self._known[key]


def _borders(runs: Sequence[Run]) -> list[tuple[Run, Run, int]]:
    """(iteration before, iteration after, how often) for every turn from one iteration to the next."""
    out = []
    for i, run in enumerate(runs):
        if run.times > 1:
            out.append((run, run, run.times - 1))
        if i + 1 < len(runs):
            out.append((run, runs[i + 1], 1))
    return out
