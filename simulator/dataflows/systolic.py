"""Mappings for systolic arrays: the array decides which folds there are, their order and tiles are chosen.

A fold is what the array does with one tile of the stationary operand, or with one of outputs. Around folds
go loops over groups, over both dimensions that lie on the array, and over tiles of the dimension that a fold
steps through. Memories hold what lies inside as many of these loops as they have room for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf, prod

from simulator.components.arrays.systolic import SystolicArray
from simulator.components.base import Rate
from simulator.components.memories.dram import Dram
from simulator.dataflows import Parallelism, register
from simulator.dataflows.loops import ceiling, loops, no_parameters
from simulator.errors import refuse
from simulator.mapping.check import FOLDS
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import Loop
from simulator.mapping.tiles import held_bits, tile, words
from simulator.names import DATA_TYPES, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

NAME = "systolic"
MOST_TRIED = 24
"""How many mappings are priced, once one fits."""
SMALLEST_SHARE = 1 << 12
"""Into how many tiles at most the stepped dimension is cut."""


@register(NAME, Parallelism(rows=frozenset({"C", "N"}), columns=frozenset({"M", "N"})), array="systolic")
def systolic(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """The order and tiles that take least time, by what the array and every port need at least."""
    no_parameters(NAME, layer, parameters, place)
    array = architecture.systolic
    assert array is not None
    best: tuple[tuple[float, float], Mapping] | None = None
    tried = 0
    for order in _orders(layer, array):
        if best is not None and (best[0][0] <= _array_cycles(order, layer, array) or tried > MOST_TRIED):
            break  # later ones make folds shorter
        for tiles in (2, 1):
            mapping = _placed(order, layer, architecture, tiles)
            if mapping is None:
                continue
            tried += 1
            price = _price(mapping, order, layer, architecture)
            if best is None or price < best[0]:
                best = price, mapping
            break
    if best is None:
        raise refuse(place, layer.name, None, f"no tile of one fold of this layer fits {architecture.name}")
    return best[1]


@dataclass(frozen=True, slots=True)
class _Order:
    """Loops around folds, outermost first, and how much of the stepped dimension one fold goes through."""

    outer: Loops
    stepped: Dimension
    steps: int
    rows: Loops
    columns: Loops


def _orders(layer: Layer, array: SystolicArray) -> Iterator[_Order]:
    """Every order of loops worth a look, with all lengths of a fold."""
    down, across, stepped = FOLDS[array.stationary]
    size = layer.sizes
    r, c = min(size[down], array.rows), min(size[across], array.columns)
    rows, columns = loops((down, r)), loops((across, c))
    groups = loops(("G", size["G"]))
    along, beside = loops((down, ceiling(size[down], r))), loops((across, ceiling(size[across], c)))
    for steps in _lengths(layer, stepped):
        again = loops((stepped, ceiling(size[stepped], steps)))
        if array.stationary == "output":
            shapes = [groups + along + beside + again, groups + beside + along + again]
        else:
            shapes = [groups + beside + along + again]
            shapes += [groups + again + beside + along, groups + beside + again + along] if again else []
        for outer in dict.fromkeys(shapes):
            yield _Order(outer, stepped, steps, rows, columns)


def _lengths(layer: Layer, stepped: Dimension) -> Iterator[int]:
    """The whole of the stepped dimension, halves, quarters, ...; whole rows of positions if there are any."""
    total, unit = layer.sizes[stepped], 1
    if stepped == "N" and layer.image is not None:
        unit = layer.image.sizes["Q"]
    shares, last = 1, 0
    while shares <= min(total, SMALLEST_SHARE):
        whole_rows = shares <= total // unit
        length = ceiling(ceiling(total, unit), shares) * unit if whole_rows else ceiling(total, shares)
        if length != last:
            yield length
        last, shares = length, 2 * shares


def _placed(order: _Order, layer: Layer, architecture: Architecture, tiles: int) -> Mapping | None:
    """Every memory with as few loops outside as leave room for so many tiles; None where no fold fits."""
    cuts: dict[str, int] = {}
    last = 0
    filled = [
        name
        for name, memory in architecture.memories.items()
        if any(architecture.home(d) != name for d in memory.keeps)
    ]
    for name in filled:
        memory = architecture.memories[name]
        for cut in range(last, len(order.outer) + 1):
            if cut < len(order.outer) and any(not memory.in_parts(d) for d in memory.keeps):
                continue  # what is handed on whole had better be small
            mapping = _mapping(order, architecture, {**cuts, name: cut}, filled)
            bits = held_bits(mapping, layer, architecture, name)
            wanted = {d: tiles if mapping.outside(name) and architecture.home(d) != name else 1 for d in bits}
            quota = memory.tile_quota(bits, wanted)
            if all(quota[d] >= memory.useful_tiles(d, wanted[d]) for d in bits):
                break
        else:
            return None
        cuts[name] = last = cut
    return _mapping(order, architecture, cuts, filled)


def _mapping(order: _Order, architecture: Architecture, cuts: dict[str, int], filled: list[str]) -> Mapping:
    """Loops go to the memory outside the one that holds what is inside them."""
    levels: dict[str, Loops] = dict.fromkeys(architecture.memories, ())
    names, at, home = list(architecture.memories), 0, next(iter(architecture.memories))
    for name in filled:
        outer = names[names.index(name) - 1] if name != home else home
        upto = max(cuts.get(name, at), at)
        levels[outer] += order.outer[at:upto]
        at = upto
    levels[filled[-1] if filled else home] += order.outer[at:]
    steps = (Loop(order.stepped, order.steps),) if order.steps > 1 else ()
    return Mapping(NAME, levels, order.rows, order.columns, steps)


def _price(
    mapping: Mapping, order: _Order, layer: Layer, architecture: Architecture
) -> tuple[float, float]:
    """(cycles at least, words moved between memories)."""
    array = architecture.systolic
    assert array is not None
    cycles, moved = [float(_array_cycles(order, layer, array))], 0.0
    links: dict[str, float] = {}
    first = 0.0
    for name, memory in architecture.memories.items():
        for d in memory.keeps:
            chain = architecture.levels(d)
            if chain[0] == name:
                continue
            parent = architecture.memories[chain[chain.index(name) - 1]]
            tile_words = words(layer, tile(mapping, layer, name), d)
            amount = _fetched(mapping, layer, name, d, tile_words)
            moved += amount
            rate = _words_per_cycle(memory.outer_port(d, "write")[1])
            cycles.append(amount / rate)
            first_fill = tile_words / rate
            if isinstance(parent, Dram):
                link = _words_per_cycle(parent.bytes_per_core_cycle(architecture.clock_mhz))
                share = architecture.word_bits[d] / 8 / link
                key = chain[chain.index(name) - 1]
                links[key] = links.get(key, 0.0) + amount * share
                first_fill = max(first_fill, tile_words * share)
            first += first_fill
    cycles += links.values()
    cycles += _edges(order, layer, architecture)
    return max(cycles) + first, moved


def _edges(order: _Order, layer: Layer, architecture: Architecture) -> Iterator[float]:
    """Cycles that every data type takes at least to cross the array's edge."""
    trips = {loop.dimension: loop.trips for loop in (*order.rows, *order.columns)}
    macs = layer.macs
    for d in DATA_TYPES:
        reuse = prod(n for dimension, n in trips.items() if dimension not in RELEVANT[d])
        if order.stepped not in RELEVANT[d]:
            reuse *= order.steps
        inner = architecture.levels(d)[-1]
        rate = architecture.memories[inner].array_port(d, "write" if d == "output" else "read")[1]
        yield macs / max(1, min(reuse, macs)) / _words_per_cycle(rate)


def _array_cycles(order: _Order, layer: Layer, array: SystolicArray) -> int:
    """Cycles of all folds, each as if no operand were late."""
    down, across, stepped = FOLDS[array.stationary]
    size = layer.sizes
    visits = size["G"] * ceiling(size[down], array.rows) * ceiling(size[across], array.columns)
    vectors = visits * size[stepped]
    if array.stationary == "output":
        gap = {"at_once": array.wave + array.pipeline_cycles - 1, "down": array.rows - 1}.get(array.drain, 0)
        return vectors + visits * gap
    position = [loop.dimension for loop in order.outer]
    again = ceiling(size[stepped], order.steps)
    inside = [d for d in position[position.index(stepped) + 1 :] if d in (down, across)] if again > 1 else []
    if inside:  # the stationary operand comes again for every part
        visits *= again
    if array.shadow:
        each = order.steps if again > 1 else size[stepped]
        return vectors + visits * max(0, array.rows + (0 if array.shift == "skewed" else array.wave) - each)
    return vectors + visits * (array.rows + (0 if array.shift == "skewed" else array.wave))


def _fetched(mapping: Mapping, layer: Layer, memory: str, data_type: DataType, tile_words: int) -> float:
    """Words that come into a memory, or go out of it and come back."""
    outside = [loop for loop in mapping.outside(memory) if loop.trips > 1]
    relevant = [i for i, loop in enumerate(outside) if loop.dimension in RELEVANT[data_type]]
    if not relevant:
        return tile_words
    moving = outside[: relevant[-1] + 1]
    inside = prod(loop.trips for loop in moving if loop.dimension not in RELEVANT[data_type])
    every = tile_words * prod(loop.trips for loop in moving if loop.dimension in RELEVANT[data_type])
    if layer.image is None or data_type != "input":
        every = min(every, _all_words(layer, data_type))
    return every * (2 * inside - 1 if data_type == "output" else inside)


def _all_words(layer: Layer, data_type: DataType) -> int:
    return prod(layer.sizes[d] for d in RELEVANT[data_type])


def _words_per_cycle(rate: Rate) -> float:
    return inf if isinstance(rate, str) else float(Fraction(rate))
