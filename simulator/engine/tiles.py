"""Which tiles of a data type pass through a memory, in order."""

from functools import lru_cache
from math import prod
from typing import Final, NamedTuple

from simulator.engine.nest import Cursor, Nest
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Block
from simulator.names import DIMENSIONS, REDUCTION, RELEVANT, DataType, Dimension
from simulator.spec.layer import Layer
from simulator.spec.product import touched

SUBTILED: Final[dict[DataType, frozenset[Dimension]]] = {
    "weight": RELEVANT["weight"],
    "input": frozenset({"N", "G", "C"}),
    "output": frozenset(),
}
"""Dimensions along which a tile of the innermost memory moves in parts: those whose parts do not overlap."""
AXES: Final[tuple[tuple[Dimension, Dimension], ...]] = (("P", "R"), ("Q", "S"))
WINDOWED: Final = tuple(INDEX[d] for axis in AXES for d in axis)
OF_PRODUCT: Final = (INDEX["N"], INDEX["C"])


Size = tuple[int, int, int]
"""Words of a tile, those that are padding, and words of one of its rows."""


class Tile(NamedTuple):
    """One tile: its words in the memory, those that are padding, and where it stands in the sequence.

    ``row_words`` is the length of its rows of feature map without padding; ``key`` tells tiles apart, so
    that a tile that comes back is known; ``first`` is False for an output tile that has partial sums
    outside; ``last`` is True for one that gets no more; ``parent_new`` and ``parent_last``: whether it
    is the first or last one that the next memory out serves from one of its own; ``block`` is where it lies.
    """

    words: int
    padding: int
    row_words: int
    first: bool
    last: bool
    parent_new: bool
    parent_last: bool
    key: tuple[int, ...]
    block: Block | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Everything but which one it is."""
        return self[:7]


def tile_words(layer: Layer, data_type: DataType, block: Block) -> tuple[int, int]:
    """(words, those that are padding) of a data type in a block; padding is stored like any word."""
    if data_type != "input":
        return prod(block.along(d)[1] for d in DIMENSIONS if d in RELEVANT[data_type]), 0
    if layer.image is not None:
        words, padding = touched(layer.image, block.along("N"), block.along("C"))
        return block.along("G")[1] * words, block.along("G")[1] * padding
    others = prod(block.along(d)[1] for d in ("N", "G", "C"))
    rows, columns = (_span(layer, axis, *block.along(o), *block.along(f)) for axis, (o, f) in enumerate(AXES))
    words = others * rows[0] * columns[0]
    return words, words - others * rows[1] * columns[1]


def row_words(layer: Layer, data_type: DataType, block: Block) -> int:
    """Words of one row of a feature map in a block without padding; 1 for weights and where all is padded."""
    if data_type == "weight":
        return 1
    if data_type == "output":
        return block.along("Q")[1]
    return max(1, _span(layer, 1, *block.along("Q"), *block.along("S"))[1])


def _span(layer: Layer, axis: int, first: int, extent: int, tap: int, taps: int) -> tuple[int, int]:
    base = first * layer.stride[axis] + tap * layer.dilation[axis] - layer.padding_before[axis]
    return _span_of(layer.stride[axis], layer.dilation[axis], base, layer.input_size[axis], extent, taps)


@lru_cache(maxsize=65536)
def _span_of(step: int, spread: int, base: int, size: int, extent: int, taps: int) -> tuple[int, int]:
    """(positions, those inside the feature map) that some outputs and taps touch along an axis."""
    indices = {base + p * step + r * spread for p in range(extent) for r in range(taps)}
    return len(indices), sum(0 <= i < size for i in indices)


class TileCursor:
    """Goes through the different tiles of a data type that a memory holds, fetched from ``parent``.

    ``parent`` is None where that is the data type's home.
    It gets a tile ``in_parts``, those in which the array uses it, or whole. ``tile`` is the present one,
    None at the end; it says where it lies if somebody ``looks`` at the data.
    """

    def __init__(
        self, layer: Layer, mapping: Mapping, nest: Nest, data_type: DataType, memory: str,
        parent: str | None, *, in_parts: bool, looks: bool = False,
    ) -> None:  # fmt: skip
        self.layer, self.data_type, self.looks = layer, data_type, looks
        outside = nest.outside(mapping, memory)
        around = nest.over(RELEVANT[data_type], outside)
        cuts = part_loops(layer, mapping, nest, data_type, memory) if in_parts else ()
        self._novel = around | sum(1 << i for i in cuts)
        self._has_parent = parent is not None
        outer = 0 if parent is None else nest.outside(mapping, parent)
        self._of_parent = nest.over(RELEVANT[data_type], outer)
        self._depth, self._cuts = nest.depth(around), sum(1 << i for i in cuts)
        self.cursor = Cursor(nest, (*range(self._depth), *cuts))
        self._reduction = [n for n, i in enumerate(self.cursor.loops) if nest.loops[i].dimension in REDUCTION]
        self._relevant = [n for n, i in enumerate(self.cursor.loops) if self._novel >> i & 1]
        self._inside = mapping.tile_extents(memory)
        self._sized = self.cursor.innermost()
        self._windowed = WINDOWED if layer.image is None else OF_PRODUCT
        self._sizes: dict[tuple[int, ...], Size] = {}
        self.tile: Tile | None = None
        self._changed = -1
        self.next()

    @property
    def place(self) -> tuple[int, ...]:
        """Where the cursor is: its digits, and what is left where it is at the end."""
        return (*self.cursor.digits, 2 - self.cursor.ended - (self.tile is None))

    def next(self) -> None:
        """Go on to the next tile; the cursor itself is always one tile ahead."""
        if self.cursor.ended:
            self.tile = None
            return
        cursor, changed = self.cursor, self._changed
        key = tuple([cursor.digits[n] for n in self._relevant])
        first = not any(cursor.digits[n] for n in self._reduction)
        block, size = self._size()
        self._changed = 0
        last = all(cursor.digits[n] == cursor.trips(n) - 1 for n in self._reduction)
        if not cursor.at_end(self._depth):
            self._changed = cursor.turn()
        while self._changed & self._novel == 0 and not cursor.ended:
            last = all(cursor.digits[n] == cursor.trips(n) - 1 for n in self._reduction)
            self._changed |= cursor.turn(self._depth) & ~self._cuts
        above_new, above_last = changed & self._of_parent != 0, self._changed & self._of_parent != 0
        above_new, above_last = changed == -1 or above_new, cursor.ended or above_last
        if not self._has_parent:  # the home has everything
            above_new = above_last = False
        self.tile = Tile(*size, first, last, above_new, above_last, key, block)

    def _size(self) -> tuple[Block | None, Size]:
        """The block where the cursor is, if somebody looks at data, and its size."""
        cursor = self.cursor
        at = tuple([cursor.covers(n) for n in self._sized])
        if self.data_type == "input":
            at += tuple([cursor.first_of(d) for d in self._windowed])
        size = self._sizes.get(at)
        block = None
        if size is None or self.looks:
            extent = tuple(min(cursor.extent_of(d), most) for d, most in enumerate(self._inside))
            block = Block(tuple(cursor.first_of(d) for d in range(len(DIMENSIONS))), extent)
        if size is None:
            assert block is not None
            row = row_words(self.layer, self.data_type, block)
            size = self._sizes[at] = (*tile_words(self.layer, self.data_type, block), row)
        return block, size

    def jump(self, loop: int, far: int) -> None:
        """Go on by ``far`` iterations of a loop (its number in the nest), all else unchanged."""
        self.cursor.digits[self.cursor.loops.index(loop)] += far
        if self.tile is not None:
            self.tile = self.tile._replace(key=self.moved(self.tile.key, loop, far))

    def moved(self, key: tuple[int, ...], loop: int, far: int) -> tuple[int, ...]:
        """The key of the tile that is ``far`` iterations of a loop further on."""
        loops = [self.cursor.loops[n] for n in self._relevant]
        return tuple(digit + far * (at == loop) for digit, at in zip(key, loops, strict=True))

    def repeats(self, loop: int, since: int, until: int, *, inside: bool) -> bool:
        """Whether tiles are alike in iterations ``since`` to ``until`` of a loop (its number in the nest).

        Only padding tells them apart; ``inside`` says that it matters.
        """
        dimension = self.cursor.nest.loops[loop].dimension
        if self.data_type == "input" and self.layer.image is not None:
            return dimension not in ("N", "C")  # windows overlap differently from block to block
        if self.data_type != "input" or not inside:
            return True
        for axis, (o, f) in enumerate(AXES):
            if dimension in (o, f):
                return self._is_inside(axis, loop, since, until)
        return True

    def _is_inside(self, axis: int, loop: int, since: int, until: int) -> bool:
        layer, nest, (o, f) = self.layer, self.cursor.nest, AXES[axis]
        first, last, taps = 0, layer.sizes[o], layer.sizes[f]
        if nest.loops[loop].dimension == o:
            before = 0
            for n, i in enumerate(self.cursor.loops):
                if i < loop and nest.loops[i].dimension == o:
                    before += self.cursor.digits[n] * nest.steps[i]
            first, last = before + since * nest.steps[loop], before + (until + 1) * nest.steps[loop]
        low = first * layer.stride[axis] - layer.padding_before[axis]
        high = (
            (last - 1) * layer.stride[axis] + (taps - 1) * layer.dilation[axis] - layer.padding_before[axis]
        )
        return low >= 0 and high < layer.input_size[axis]


def part_loops(
    layer: Layer, mapping: Mapping, nest: Nest, data_type: DataType, memory: str
) -> tuple[int, ...]:
    """Numbers of the loops that cut a tile of ``memory``, the innermost, into parts."""
    outside = nest.outside(mapping, memory)
    overlapping = data_type == "input" and layer.image is not None
    cuts = nest.over(frozenset({"G"}) if overlapping else SUBTILED[data_type], nest.split)
    return tuple(i for i in range(outside, nest.split) if cuts >> i & 1)


def part_count(layer: Layer, mapping: Mapping, nest: Nest, data_type: DataType, memory: str) -> int:
    """In how many parts a whole tile of the innermost memory comes, at the most."""
    return prod(nest.loops[i].trips for i in part_loops(layer, mapping, nest, data_type, memory))


def tile_count(mapping: Mapping, memory: str) -> int:
    """An upper limit for how many tiles pass through ``memory``."""
    return prod(loop.trips for loop in mapping.outside(memory))
