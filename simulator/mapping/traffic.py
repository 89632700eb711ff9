"""What a mapping costs at least, without simulating it: cycles by the busiest resource, and relative energy.

Used to choose among mappings. Everything here is counted exactly for what it counts (trips, tiles, words),
but waiting is not: the engine says what a mapping really takes.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import inf, prod

from simulator.components.base import Rate
from simulator.components.memories.base import bytes_to_words
from simulator.components.memories.dram import Dram
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import Extents, steps_of
from simulator.mapping.tiles import Lengths, cut, held_bits, input_span, pieces
from simulator.names import ARRAY, DATA_TYPES, DIMENSIONS, REDUCTION, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Pieces = dict[Dimension, Lengths]
NOC, BUFFER, OFF_CHIP = 2, 6, 200
"""Relative energy of a word on a network, in a buffer and off chip (ISCA 2016, table IV)."""


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """Ordered: fewer cycles first, then less energy, then fewer passes."""

    cycles: float
    energy: float
    passes: int


def input_words(layer: Layer, blocks: Pieces) -> int:
    """Input words of all blocks together, halos and padding included."""
    words = prod(_sum(blocks[d]) for d in ("N", "G", "C"))
    axes: tuple[tuple[Dimension, Dimension], ...] = (("P", "R"), ("Q", "S"))
    for axis, (outputs, taps) in enumerate(axes):
        words *= sum(
            n * k * input_span(layer, axis, p, r)
            for p, n in blocks[outputs].items()
            for r, k in blocks[taps].items()
        )
    return words


def _sum(lengths: Lengths) -> int:
    return sum(length * count for length, count in lengths.items())


def _number(lengths: Lengths) -> int:
    return sum(lengths.values())


def block_words(layer: Layer, blocks: Pieces, data_type: DataType) -> int:
    """Words of a data type in all blocks together, each block counted once."""
    if data_type == "input":
        return input_words(layer, blocks)
    return prod(_sum(blocks[d]) for d in RELEVANT[data_type])


def refetches(layer: Layer, loops: Loops, inner: Extents, data_type: DataType) -> int:
    """How often each tile comes back: iterations of irrelevant loops outside the last moving relevant one.

    ``inner`` is what lies inside the loops; a loop moves where it has more than one trip.
    """
    steps, relevant = steps_of(loops, inner), RELEVANT[data_type]
    last = max((i for i, x in enumerate(loops) if x.dimension in relevant and x.trips > 1), default=0)
    counts: Pieces = {}
    for loop, step in zip(loops[:last], steps, strict=False):
        if loop.dimension not in relevant:
            before = counts.get(loop.dimension, {layer.sizes[loop.dimension]: 1})
            counts[loop.dimension] = cut(before, step)
    return prod(map(_number, counts.values()))


def fills(mapping: Mapping, layer: Layer, memory: str) -> dict[DataType, int]:
    """Words of each data type that cross into ``memory`` (outputs: out of it, and back in where split)."""
    loops = mapping.outside(memory)
    blocks = pieces(layer, loops, mapping.tile_extents(memory))
    out: dict[DataType, int] = {}
    for d in DATA_TYPES:
        again = refetches(layer, loops, mapping.tile_extents(memory), d)
        out[d] = block_words(layer, blocks, d) * (2 * again - 1 if d == "output" else again)
    return out


@dataclass(frozen=True, slots=True)
class ArrayWork:
    """What the array does: cycles of the busiest PEs, passes, steps, and words over its borders."""

    cycles: Fraction
    passes: int
    steps: int
    words: dict[str, int]
    hops: int


def array_work(mapping: Mapping, layer: Layer, architecture: Architecture) -> ArrayWork:
    """Count the array's work; ``words`` has weight, input, psum_in and psum_out."""
    outer, array = mapping.outer, architecture.spatial
    per_pass = pieces(layer, outer, mapping.pass_extents)
    per_step = pieces(layer, outer + mapping.steps, mapping.step_extents)
    busiest = {d: _busiest(per_step[d], mapping, i) for i, d in enumerate(DIMENSIONS)}
    macs = prod(busiest.values())
    reduced = prod(_number(per_step[d]) for d in REDUCTION)
    accumulates = reduced * prod(busiest[d] for d in RELEVANT["output"])
    cycles = Fraction(macs, array.pe.macs_per_cycle) + (accumulates if array.pe.adder == "shared" else 0)
    summed = _psum_rounds(mapping, layer, per_pass, per_step)
    outputs = prod(layer.sizes[d] for d in RELEVANT["output"])
    first = 0 if array.initial_psums == "buffer" else 1
    words: dict[str, int] = {
        d: block_words(layer, per_pass, d) * refetches(layer, outer + mapping.steps, mapping.step_extents, d)
        for d in DATA_TYPES
        if d != "output"
    }
    words |= {"psum_in": outputs * (summed - first), "psum_out": outputs * summed}
    chain = prod(loop.trips for loop in mapping.spatial if loop.dimension in REDUCTION)
    return ArrayWork(
        cycles,
        prod(_number(per_pass[d]) for d in DIMENSIONS),
        prod(_number(per_step[d]) for d in DIMENSIONS),
        words,
        outputs * reduced * (chain - 1),
    )


def _psum_rounds(mapping: Mapping, layer: Layer, per_pass: Pieces, per_step: Pieces) -> int:
    """How often each psum leaves its PE: once where it stays until done, else once per part of the sum."""
    kinds = [loop.dimension in REDUCTION for loop in mapping.steps if loop.trips > 1]
    if all(kinds):
        return refetches(layer, mapping.outer, mapping.pass_extents, "output")
    stays_in_pass = kinds == sorted(kinds)
    return prod(_number((per_pass if stays_in_pass else per_step)[d]) for d in REDUCTION)


def _busiest(blocks: Lengths, mapping: Mapping, i: int) -> int:
    """Sum over steps of the longest stretch of dimension number ``i`` that one PE works on."""
    most = mapping.pe_extents[i]
    return sum(count * min(length, most) for length, count in blocks.items())


def cost(mapping: Mapping, layer: Layer, architecture: Architecture) -> Cost:
    """The bound on cycles and the relative energy of a mapping.

    Tiles that have no room for a second one beside them cannot be filled while they are used; the shorter of
    filling and using then adds to the cycles.
    """
    work = array_work(mapping, layer, architecture)
    stream = _stream_cycles(work, architecture)
    energy = float(NOC * work.hops + (BUFFER + NOC) * sum(work.words.values()))
    dram_cycles = exposed = 0.0
    for name in list(architecture.memories)[1:]:
        moved, alone = fills(mapping, layer, name), _alone(mapping, layer, architecture, name)
        for d in architecture.memories[name].keeps:
            off_chip = _outside(architecture, d, name) == architecture.outermost
            energy += moved[d] * ((OFF_CHIP if off_chip else BUFFER) + BUFFER)
            filling = moved[d] / off_chip_rate(architecture, d) if off_chip else 0.0
            dram_cycles += filling
            exposed += min(filling, stream[d]) if d in alone else 0.0
    return Cost(max(float(work.cycles), *stream.values(), dram_cycles) + exposed, energy, work.passes)


def _stream_cycles(work: ArrayWork, architecture: Architecture) -> dict[DataType, float]:
    """Cycles that each data type takes at least to cross the array's border; psums in and out are apart."""
    out: dict[DataType, float] = dict.fromkeys(DATA_TYPES, 0.0)
    for stream, count in work.words.items():
        data_type: DataType = "output" if stream.startswith("psum") else stream  # type: ignore[assignment]
        cycles = _transfer(count, _rates(architecture, data_type, stream == "psum_out"))
        out[data_type] = max(out[data_type], cycles)
    return out


def _alone(mapping: Mapping, layer: Layer, architecture: Architecture, memory: str) -> set[DataType]:
    """Data types of which ``memory`` has room for no second tile."""
    bits = held_bits(mapping, layer, architecture, memory)
    quota = architecture.memories[memory].tile_quota(bits, dict.fromkeys(bits, 2))
    return {d for d in bits if quota[d] < 2}


def _outside(architecture: Architecture, data_type: DataType, memory: str) -> str:
    """The next memory outside ``memory`` that keeps a data type."""
    levels = architecture.levels(data_type)
    return levels[levels.index(memory) - 1]


def _rates(architecture: Architecture, data_type: DataType, outwards: bool) -> list[Rate]:
    """Rates of the buffer port and of the network between the innermost buffer and the array."""
    inner = architecture.levels(data_type)[-1]
    ends = (ARRAY, inner) if outwards else (inner, ARRAY)
    network = architecture.network(data_type, *ends)
    rates = [architecture.memories[inner].array_port(data_type, "write" if outwards else "read")[1]]
    return rates + ([] if network is None else [architecture.networks[network].words_per_cycle])


def _transfer(words: int, rates: list[Rate]) -> float:
    return max(words / float(rate) if not isinstance(rate, str) else 0.0 for rate in rates)


def off_chip_rate(architecture: Architecture, data_type: DataType) -> float:
    """Words per core cycle of the outermost memory's link; infinite where nothing limits it."""
    memory = architecture.memories[architecture.outermost]
    if not isinstance(memory, Dram):
        return inf
    rate = bytes_to_words(
        memory.bytes_per_core_cycle(architecture.clock_mhz), architecture.word_bits[data_type]
    )
    return inf if isinstance(rate, str) else float(rate)
