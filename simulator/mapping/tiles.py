"""How large tiles are and how often each size occurs: closed forms over one dimension at a time."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import prod

from simulator.components.memories.base import Words
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents, Loop, covered_by, steps_of
from simulator.names import DATA_TYPES, DIMENSIONS, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture, WordBits
from simulator.spec.layer import Layer


def cut(lengths: Counter[int], step: int) -> Counter[int]:
    """Cut pieces of the given lengths every ``step``; returns how many pieces of each length come out."""
    out: Counter[int] = Counter()
    for length, count in lengths.items():
        whole, rest = divmod(length, step)
        if whole:
            out[step] += whole * count
        if rest:
            out[rest] += count
    return out


def pieces(layer: Layer, loops: Sequence[Loop], inner: Extents) -> dict[Dimension, Counter[int]]:
    """Per dimension, the lengths of the blocks that ``loops`` cut the layer into, and how many of each."""
    out = {d: Counter({layer.sizes[d]: 1}) for d in DIMENSIONS}
    for loop, step in zip(loops, steps_of(loops, inner), strict=True):
        out[loop.dimension] = cut(out[loop.dimension], step)
    return {d: _clipped(lengths, inner[INDEX[d]]) for d, lengths in out.items()}


def _clipped(lengths: Counter[int], most: int) -> Counter[int]:
    out: Counter[int] = Counter()
    for length, count in lengths.items():
        out[min(length, most)] += count
    return out


def largest(layer: Layer, loops: Sequence[Loop], inner: Extents) -> Extents:
    """The largest block that ``loops`` around something covering ``inner`` leave of the layer."""
    blocks = pieces(layer, loops, inner)
    return tuple(max(blocks[d]) for d in DIMENSIONS)


def tile(mapping: Mapping, layer: Layer, memory: str) -> Extents:
    """The largest tile of ``memory``: what its loops cover, clipped to the layer and by outer loops."""
    return largest(layer, mapping.outside(memory), mapping.tile_extents(memory))


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


def words(layer: Layer, extents: Extents, data_type: DataType) -> int:
    """Words of a data type that a block of the given extents touches; padding counts as inputs."""
    size = dict(zip(DIMENSIONS, extents, strict=True))
    if data_type == "input":
        rows = input_span(layer, 0, size["P"], size["R"])
        return size["N"] * size["G"] * size["C"] * rows * input_span(layer, 1, size["Q"], size["S"])
    return prod(size[d] for d in RELEVANT[data_type])


def tile_bits(layer: Layer, extents: Extents, data_types: Sequence[DataType], word_bits: WordBits) -> Words:
    """Bits of a block's tile, per data type."""
    return {d: words(layer, extents, d) * word_bits[d] for d in data_types}


def held_bits(mapping: Mapping, layer: Layer, architecture: Architecture, memory: str) -> Words:
    """Bits of the largest tile of each data type that ``memory`` keeps."""
    extents = tile(mapping, layer, memory)
    return tile_bits(layer, extents, architecture.memories[memory].keeps, architecture.word_bits)


def fits(mapping: Mapping, layer: Layer, architecture: Architecture, memory: str, tiles: int = 1) -> bool:
    """Whether ``tiles`` tiles of every data type fit ``memory`` at once."""
    bits = held_bits(mapping, layer, architecture, memory)
    quota = architecture.memories[memory].tile_quota(bits, dict.fromkeys(bits, tiles))
    return all(quota[d] >= tiles for d in bits)


def step_words(mapping: Mapping, layer: Layer) -> Words:
    """Words of each data type that one PE needs at most in one step."""
    extents = largest(layer, mapping.outer + mapping.steps + mapping.spatial, mapping.pe_extents)
    return {d: words(layer, extents, d) for d in DATA_TYPES}


def inside(mapping: Mapping) -> Extents:
    """What all loops of a mapping cover together."""
    return covered_by(mapping.outer, mapping.pass_extents)
