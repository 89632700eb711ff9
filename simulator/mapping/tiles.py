"""How large tiles are and how often each size occurs: closed forms over one dimension at a time."""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, prod

from simulator.components.memories.base import Words
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents, Loop, covered_by, steps_of
from simulator.names import DATA_TYPES, DIMENSIONS, DataType, Dimension
from simulator.spec.architecture import Architecture, WordBits
from simulator.spec.layer import Layer
from simulator.spec.product import most_touched

Lengths = dict[int, int]
"""How many pieces there are of each length."""


def cut(lengths: Lengths, step: int) -> Lengths:
    """Cut pieces of the given lengths every ``step``."""
    out: Lengths = {}
    for length, count in lengths.items():
        whole, rest = divmod(length, step)
        if whole:
            out[step] = out.get(step, 0) + whole * count
        if rest:
            out[rest] = out.get(rest, 0) + count
    return out


def pieces(layer: Layer, loops: Sequence[Loop], inner: Extents) -> dict[Dimension, Lengths]:
    """Per dimension, the lengths of the blocks that ``loops`` cut the layer into, and how many of each."""
    out: dict[Dimension, Lengths] = {d: {layer.sizes[d]: 1} for d in DIMENSIONS}
    for loop, step in zip(loops, steps_of(loops, inner), strict=True):
        out[loop.dimension] = cut(out[loop.dimension], step)
    for d, most in zip(DIMENSIONS, inner, strict=True):
        if max(out[d]) > most:  # no loop is over d: what a loop leaves fits its inside
            out[d] = {most: 1}
    return out


def largest(layer: Layer, loops: Sequence[Loop], inner: Extents) -> Extents:
    """The largest block that ``loops`` around something covering ``inner`` leave of the layer."""
    most = [min(layer.sizes[d], n) for d, n in zip(DIMENSIONS, inner, strict=True)]
    for loop, step in zip(loops, steps_of(loops, inner), strict=True):
        d = INDEX[loop.dimension]
        most[d] = min(most[d], step)
    return tuple(most)


def tile(mapping: Mapping, layer: Layer, memory: str) -> Extents:
    """The largest tile of ``memory``: what its loops cover, clipped to the layer and by outer loops."""
    return largest(layer, mapping.outside(memory), mapping.tile_extents(memory))


def grains(mapping: Mapping, memory: str) -> Extents:
    """What the tiles of ``memory`` begin at multiples of, per dimension; 0 where there is only one tile."""
    out, loops = [0] * len(DIMENSIONS), mapping.outside(memory)
    for loop, step in zip(loops, steps_of(loops, mapping.tile_extents(memory)), strict=True):
        if loop.trips > 1:
            out[INDEX[loop.dimension]] = gcd(out[INDEX[loop.dimension]], step)
    return tuple(out)


@lru_cache(maxsize=1 << 16)
def distinct(outputs: int, taps: int, stride: int, dilation: int) -> int:
    """Distinct input indices that ``outputs`` positions and ``taps`` filter taps touch along one axis."""
    if outputs == 1 or taps == 1:
        return outputs * taps
    if dilation == 1:
        return (outputs - 1) * min(stride, taps) + taps
    return len({p * stride + r * dilation for p in range(outputs) for r in range(taps)})


def input_span(layer: Layer, axis: int, outputs: int, taps: int) -> int:
    """Distinct input indices along ``axis`` (0 rows, 1 columns), padding included."""
    return distinct(outputs, taps, layer.stride[axis], layer.dilation[axis])


def words(layer: Layer, extents: Extents, data_type: DataType, begin: Extents | None = None) -> int:
    """Words of a data type that a block of the given extents touches; padding counts as inputs.

    Of inputs of a product that stands for windows that overlap it is the most that any such block touches
    that begins at multiples of ``begin`` (by default of its own extents).
    """
    n, g, m, c, p, q, r, s = extents
    if data_type == "input" and layer.image is not None:
        at_n, _, _, at_c, *_ = begin or extents
        return g * most_touched(layer.image, n, c, (at_n, at_c))
    if data_type == "input":
        return n * g * c * input_span(layer, 0, p, r) * input_span(layer, 1, q, s)
    return g * m * c * r * s if data_type == "weight" else n * g * m * p * q


def tile_bits(layer: Layer, extents: Extents, data_types: Sequence[DataType], word_bits: WordBits) -> Words:
    """Bits of a block's tile, per data type."""
    return {d: words(layer, extents, d) * word_bits[d] for d in data_types}


def held_bits(mapping: Mapping, layer: Layer, architecture: Architecture, memory: str) -> Words:
    """Bits of the largest tile of each data type that ``memory`` keeps; of one at home there, all of it."""
    extents, keeps = tile(mapping, layer, memory), architecture.memories[memory].keeps
    begin, each = grains(mapping, memory), architecture.word_bits
    bits = {d: words(layer, extents, d, begin) * each[d] for d in keeps}
    return bits | {d: whole_bits(layer, architecture, d) for d in keeps if architecture.home(d) == memory}


def whole_bits(layer: Layer, architecture: Architecture, data_type: DataType) -> int:
    """Bits of all words of a data type, as they lie at home: without padding."""
    each, origin = architecture.word_bits[data_type], layer.origin
    if data_type == "input" and origin is not None:
        return prod(origin.sizes[d] for d in ("N", "G", "C")) * prod(origin.input_size) * each
    return words(layer, tuple(layer.sizes[d] for d in DIMENSIONS), data_type) * each


def fits(mapping: Mapping, layer: Layer, architecture: Architecture, memory: str, tiles: int = 1) -> bool:
    """Whether ``tiles`` tiles of every data type fit ``memory`` at once."""
    bits = held_bits(mapping, layer, architecture, memory)
    part = architecture.memories[memory]
    quota = part.tile_quota(bits, dict.fromkeys(bits, tiles))
    return all(quota[d] >= part.useful_tiles(d, tiles) for d in bits)


def step_words(mapping: Mapping, layer: Layer) -> Words:
    """Words of each data type that one PE needs at most in one step."""
    extents = largest(layer, mapping.outer + mapping.steps + mapping.spatial, mapping.pe_extents)
    return {d: words(layer, extents, d) for d in DATA_TYPES}


def inside(mapping: Mapping) -> Extents:
    """What all loops of a mapping cover together."""
    return covered_by(mapping.outer, mapping.pass_extents)
