"""The one loop nest that everything in a layer walks: the loops around the passes, then those inside one."""

from dataclasses import dataclass
from itertools import product

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents, Loop, steps_of
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.layer import Layer


@dataclass(frozen=True, slots=True)
class Nest:
    """Loops that run more than once, outermost first; the first ``split`` go from pass to pass.

    ``steps`` is how far each advances its dimension, ``parents`` the next loop out over the same dimension
    (-1: none, it covers the layer's size), ``position`` where each stands in the mapping's own list.
    """

    loops: tuple[Loop, ...]
    steps: tuple[int, ...]
    parents: tuple[int, ...]
    position: tuple[int, ...]
    split: int
    sizes: tuple[int, ...]

    def over(self, dimensions: frozenset[Dimension], upto: int | None = None) -> int:
        """A bit for every loop, of the first ``upto``, over one of ``dimensions``."""
        loops = self.loops[:upto]
        return sum(1 << i for i, loop in enumerate(loops) if loop.dimension in dimensions)

    def depth(self, mask: int) -> int:
        """How many loops there are from the outermost one to the innermost one in ``mask``."""
        return mask.bit_length()

    def outside(self, mapping: Mapping, memory: str) -> int:
        """How many of the loops change what ``memory`` holds."""
        outside = len(mapping.outside(memory))
        return sum(position < outside for position in self.position)

    def innermost(self, dimension: Dimension) -> int:
        """The innermost loop over a dimension, -1 where there is none."""
        return max((i for i, loop in enumerate(self.loops) if loop.dimension == dimension), default=-1)

    def inside(self) -> tuple[list[int], list[int]]:
        """(iterations, next loops in; -1: none) of loops over one dimension, for every loop around passes.

        Iterations are those that such loops make inside a whole one of the loop.
        """
        counts, children = [1] * len(self.loops), [-1] * len(self.loops)
        for i in range(self.split - 1, -1, -1):
            if self.parents[i] >= 0:
                children[self.parents[i]] = i
            loop, length, count = children[i], self.steps[i], 0
            while loop >= 0 and length > 0:
                count += length // self.steps[loop] * counts[loop]
                length, loop = length % self.steps[loop], children[loop]
            counts[i] = count + (length > 0)
        return counts, children

    def lengths(self, dimension: Dimension) -> list[int]:
        """Every length that one step can have along a dimension, the longest first."""
        found = {self.sizes[INDEX[dimension]]}
        for loop, step in zip(self.loops, self.steps, strict=True):
            if loop.dimension == dimension:
                found = {piece for length in found for piece in _pieces(length, step)}
        return sorted(found, reverse=True)

    def step_extents(self) -> list[Extents]:
        """The extents that steps can have: every combination of lengths."""
        return list(product(*(self.lengths(d) for d in DIMENSIONS)))


def _pieces(total: int, step: int) -> set[int]:
    """Lengths of the pieces when ``total`` is cut every ``step``."""
    rest = total % step
    return ({step} if total >= step else set()) | ({rest} if rest else set())


def nest_of(layer: Layer, mapping: Mapping) -> Nest:
    """The loops of a mapping that run more than once."""
    every = mapping.outer + mapping.steps
    far = (*steps_of(mapping.outer, mapping.pass_extents), *steps_of(mapping.steps, mapping.step_extents))
    kept = [i for i, loop in enumerate(every) if loop.trips > 1]
    last: dict[Dimension, int] = {}
    parents = []
    for number, i in enumerate(kept):
        parents.append(last.get(every[i].dimension, -1))
        last[every[i].dimension] = number
    return Nest(
        tuple(every[i] for i in kept),
        tuple(far[i] for i in kept),
        tuple(parents),
        tuple(kept),
        sum(i < len(mapping.outer) for i in kept),
        tuple(layer.sizes[d] for d in DIMENSIONS),
    )


class Cursor:
    """A place in some of a nest's loops (``loops``: their numbers, outermost first) that can go on."""

    def __init__(self, nest: Nest, loops: tuple[int, ...]) -> None:
        self.nest, self.loops = nest, loops
        self.digits = [0] * len(loops)
        self.ended = False
        self._dimensions = [INDEX[nest.loops[i].dimension] for i in loops]
        self._steps = [nest.steps[i] for i in loops]
        self._parents = [loops.index(nest.parents[i]) if nest.parents[i] in loops else -1 for i in loops]
        self._inner = {d: n for n, d in enumerate(self._dimensions)}
        self._along: dict[int, list[tuple[int, int]]] = {}
        for n, d in enumerate(self._dimensions):
            self._along.setdefault(d, []).append((n, self._steps[n]))
        self.lengths = [0] * len(loops)
        self._measure(0)

    def _measure(self, start: int) -> None:
        """Work out what each loop from ``start`` on covers here."""
        for n in range(start, len(self.loops)):
            parent = self._parents[n]
            self.lengths[n] = self.nest.sizes[self._dimensions[n]] if parent < 0 else self.covers(parent)

    def covers(self, n: int) -> int:
        """How much of its dimension the present iteration of loop ``n`` covers."""
        return min(self._steps[n], self.lengths[n] - self.digits[n] * self._steps[n])

    def trips(self, n: int) -> int:
        """How many iterations loop ``n`` makes here."""
        return -(-self.lengths[n] // self._steps[n])

    def turn(self, depth: int | None = None) -> int:
        """Go on to the next iteration; returns the changed loops, a bit each by number. 0 at the end.

        With ``depth``, what is left of the loops inside the first ``depth`` ones is passed over.
        """
        n = (len(self.loops) if depth is None else depth) - 1
        while n >= 0 and (self.digits[n] + 1) * self._steps[n] >= self.lengths[n]:
            n -= 1
        if n < 0:
            self.ended = True
            return 0
        changed = 1 << self.loops[n]
        self.digits[n] += 1
        for inner in range(n + 1, len(self.loops)):
            if self.digits[inner]:
                changed |= 1 << self.loops[inner]
                self.digits[inner] = 0
        self._measure(n + 1)
        return changed

    def at_end(self, start: int) -> bool:
        """Whether all loops from ``start`` on are in their last iterations."""
        inside = range(start, len(self.loops))
        return all((self.digits[n] + 1) * self._steps[n] >= self.lengths[n] for n in inside)

    def first_of(self, d: int) -> int:
        """Where the present block starts along the dimension with index ``d``."""
        digits = self.digits
        return sum(digits[n] * step for n, step in self._along.get(d, ()))

    def innermost(self) -> list[int]:
        """The innermost loop over each dimension."""
        return list(self._inner.values())

    def extent_of(self, d: int) -> int:
        """How long the present block is along the dimension with index ``d``."""
        n = self._inner.get(d)
        return self.nest.sizes[d] if n is None else self.covers(n)
