"""Which tiles of a data type pass through a memory, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Final

from simulator.mapping.mapping import Mapping, whole
from simulator.mapping.nest import Block, Loop, relevant_digits, steps_of, walk
from simulator.names import REDUCTION, RELEVANT, DataType, Dimension
from simulator.spec.layer import Layer

SUBTILED: Final[dict[DataType, frozenset[Dimension]]] = {
    "weight": RELEVANT["weight"],
    "input": frozenset({"N", "G", "C"}),
    "output": frozenset(),
}
"""Dimensions along which a tile of the innermost memory moves in parts: those whose parts do not overlap."""


def part_loops(mapping: Mapping, data_type: DataType, memory: str) -> tuple[int, ...]:
    """Positions in ``mapping.outer`` of the loops that cut a tile of ``memory``, the innermost, up."""
    outside = len(mapping.outside(memory))
    cuts = SUBTILED[data_type]
    return tuple(i for i, loop in enumerate(mapping.outer) if i >= outside and loop.dimension in cuts)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its words in the memory, those that are padding, and where it stands in the sequence.

    ``row_words`` is the length of its rows of feature map without padding; ``key`` tells tiles apart, so
    that a tile that comes back is known; ``first`` is False for an output tile that has partial sums
    outside; ``last`` is True for one that gets no more; ``parent_new`` and ``parent_last``: whether it
    is the first or last one that the next memory out serves from one of its own.
    """

    key: tuple[int, ...]
    words: int
    padding: int
    row_words: int
    first: bool
    last: bool
    parent_new: bool
    parent_last: bool


def tile_words(layer: Layer, data_type: DataType, block: Block) -> tuple[int, int]:
    """(words, those that are padding) of a data type in a block; padding is stored like any word."""
    counts = [block.along(d)[1] for d in ("N", "G", "M", "C", "R", "S", "P", "Q") if d in RELEVANT[data_type]]
    if data_type != "input":
        return prod(counts), 0
    others = prod(block.along(d)[1] for d in ("N", "G", "C"))
    spans = []
    for axis, (o, f) in enumerate((("P", "R"), ("Q", "S"))):
        spans.append(_span(layer, axis, *block.along(o), *block.along(f)))  # type: ignore[arg-type]
    words = others * spans[0][0] * spans[1][0]
    return words, words - others * spans[0][1] * spans[1][1]


def row_words(layer: Layer, data_type: DataType, block: Block) -> int:
    """Words of one row of a feature map in a block without padding; 1 for weights and where all is padded."""
    if data_type == "weight":
        return 1
    if data_type == "output":
        return block.along("Q")[1]
    return max(1, _span(layer, 1, *block.along("Q"), *block.along("S"))[1])


def _span(layer: Layer, axis: int, first: int, extent: int, tap: int, taps: int) -> tuple[int, int]:
    return _span_of(
        layer.stride[axis],
        layer.dilation[axis],
        layer.padding_before[axis],
        layer.input_size[axis],
        first,
        extent,
        tap,
        taps,
    )


@lru_cache(maxsize=65536)
def _span_of(
    step: int, spread: int, before: int, size: int, first: int, extent: int, tap: int, taps: int
) -> tuple[int, int]:
    base = first * step + tap * spread - before
    indices = {base + p * step + r * spread for p in range(extent) for r in range(taps)}
    return len(indices), sum(0 <= i < size for i in indices)


def tiles(
    layer: Layer, mapping: Mapping, data_type: DataType, memory: str, parent: str, *, innermost: bool
) -> Iterator[Tile]:
    """The sequence of different tiles of ``data_type`` that ``memory`` holds, fetched from ``parent``.

    The ``innermost`` memory gets a tile in the parts in which the array uses it.
    """
    loops = mapping.outside(memory)
    inside = mapping.tile_extents(memory)
    outer = len(mapping.outside(parent))
    cuts = _cuts(mapping, data_type, memory) if innermost else ()
    reduction = [i for i, loop in enumerate(loops) if loop.dimension in REDUCTION]
    pending: tuple[tuple[int, ...], tuple[int, ...], Block, bool, bool] | None = None
    parent_new = True

    def build(is_parent_last: bool) -> Iterator[Tile]:
        assert pending is not None
        key, _, block, first, last = pending
        parts = list(walk(cuts, block, inside))
        for i, part in enumerate(parts):
            words, padding = tile_words(layer, data_type, part.block)
            yield Tile(
                (*key, *part.digits), words, padding, row_words(layer, data_type, part.block), first, last,
                parent_new and i == 0, is_parent_last and i == len(parts) - 1,
            )  # fmt: skip

    for iteration in walk(loops, whole(layer), inside):
        key = relevant_digits(loops, iteration.digits, data_type)
        above = relevant_digits(loops[:outer], iteration.digits[:outer], data_type)
        first = all(iteration.digits[i] == 0 for i in reduction)
        last = all(iteration.digits[i] == iteration.trips[i] - 1 for i in reduction)
        if pending is not None and pending[0] == key:
            pending = (*pending[:4], last)
            continue
        if pending is not None:
            yield from build(above != pending[1])
            parent_new = above != pending[1]
        pending = (key, above, iteration.block, first, last)
    yield from build(True)


def _cuts(mapping: Mapping, data_type: DataType, memory: str) -> tuple[Loop, ...]:
    """The loops that cut a tile into parts, each with its step written out."""
    steps = steps_of(mapping.outer, mapping.pass_extents)
    cuts = part_loops(mapping, data_type, memory)
    return tuple(Loop(mapping.outer[i].dimension, mapping.outer[i].trips, steps[i]) for i in cuts)


def part_count(mapping: Mapping, data_type: DataType, memory: str) -> int:
    """In how many parts a whole tile of the innermost memory comes, at the most."""
    return prod(mapping.outer[i].trips for i in part_loops(mapping, data_type, memory))


def largest_tile_words(layer: Layer, mapping: Mapping, data_type: DataType, memory: str) -> int:
    """Words of the largest tile of a data type in ``memory``."""
    extent = tuple(min(e, n) for e, n in zip(mapping.tile_extents(memory), whole(layer).extent, strict=True))
    return tile_words(layer, data_type, Block((0,) * len(extent), extent))[0]


def tile_count(mapping: Mapping, memory: str) -> int:
    """An upper limit for how many tiles pass through ``memory``."""
    return prod(loop.trips for loop in mapping.outside(memory))
