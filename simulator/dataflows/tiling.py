"""From what a pass does at least to a whole mapping: how large tiles grow, and in which order they run.

The stationary dataflows share it. A dataflow proposes cores; the planner keeps those that move the fewest
words per MAC, grows their tiles in a few orders while buffers hold them, and takes the cheapest result.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from itertools import product
from math import inf, prod
from typing import Self

from simulator.components.base import Rate
from simulator.dataflows.loops import ceiling, even_parts, loops, thinned
from simulator.errors import refuse
from simulator.mapping.check import problems
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import INDEX, ONES, Extents, covered_by
from simulator.mapping.tiles import fits, tile_bits, words
from simulator.mapping.traffic import Cost, cost, off_chip_rate
from simulator.names import ARRAY, DATA_TYPES, DIMENSIONS, REDUCTION, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Dimensions = tuple[Dimension, ...]
Trips = dict[Dimension, int]

GROWTH: tuple[Dimensions, ...] = (
    ("Q", "P", "N", "S", "R", "C", "M", "G"),
    ("S", "R", "C", "M", "Q", "P", "N", "G"),
    ("M", "Q", "P", "N", "S", "R", "C", "G"),
    ("Q", "S", "R", "C", "P", "M", "N", "G"),
)
"""Orders in which the dimensions of a tile grow."""

ORDERS: tuple[Dimensions, ...] = (
    ("G", "M", "N", "P", "Q", "C", "R", "S"),
    ("G", "N", "P", "Q", "M", "C", "R", "S"),
)
"""Orders of the loops around tiles: outputs stay in their buffer until they are done."""

CORES = 6
"""How many cores are tiled and priced."""


@dataclass(frozen=True, slots=True)
class Style:
    """What makes a dataflow: which dimensions a pass steps through and which data types move in each step.

    ``stepped`` and ``kept`` (loops over passes inside a tile) are outermost first; ``burst`` are the
    dimensions of one PE's work, outermost first. Where it ``finishes``, a tile grows beyond one pass only
    if the pass finishes its outputs, so that psums never leave a PE half done.
    """

    name: str
    stepped: Dimensions
    kept: Dimensions
    burst: Dimensions
    moving: tuple[DataType, ...]
    finishes: bool = False


@dataclass(frozen=True)
class Core:
    """Where a step's work lies: loops over the array's axes, and inside one PE."""

    rows: Loops
    columns: Loops
    pe: Loops = ()

    @cached_property
    def extents(self) -> Extents:
        """What one step covers."""
        return covered_by(self.rows + self.columns + self.pe, ONES)


def plan(
    style: Style, spatial: Iterable[tuple[Loops, Loops]], layer: Layer, architecture: Architecture, place: str
) -> Mapping:
    """The cheapest mapping over the given (rows, columns); raises `InputError` where none fits."""
    found: list[tuple[Cost, int, Mapping]] = []
    for core in _best_cores(style, spatial, layer, architecture):
        for mapping in _tilings(style, core, layer, architecture):
            found.append((cost(mapping, layer, architecture), len(found), mapping))
    for _, _, mapping in sorted(found):
        if not problems(mapping, layer, architecture, place):
            return mapping
    raise refuse(place, layer.name, None, f"no {style.name} mapping of this layer fits {architecture.name}")


def spread(room: int, order: Dimensions, left: Trips) -> list[tuple[Dimension, int]]:
    """Fill an axis of ``room`` PEs with even parts of dimensions in ``order``; takes them off ``left``."""
    out = []
    for d in order:
        n = ceiling(left[d], ceiling(left[d], min(left[d], room)))
        if n > 1:
            out.append((d, n))
            left[d] = ceiling(left[d], n)
            room //= n
    return out


def reductions(room: int, layer: Layer) -> list[list[tuple[Dimension, int]]]:
    """Ways to lay reduction loops on a chain of ``room`` PEs, outermost first.

    Only the outermost of them may have a remainder, for otherwise chains would have gaps.
    """
    size, out = layer.sizes, []
    inner_sets: tuple[Dimensions, ...] = ((), ("R",), ("S",), ("R", "S"))
    for inner in inner_sets:
        whole = 1
        for d in inner:
            whole *= size[d]
        outermost = spread(room // whole, ("C",), dict(size)) if whole <= room else []
        if whole > 1 and whole <= room:
            out.append(outermost + [(d, size[d]) for d in inner if size[d] > 1])
        elif not inner:
            out.append(outermost)
    out += [spread(room, ("R",), dict(size)), spread(room, ("S",), dict(size))]
    return [x for i, x in enumerate(out) if x not in out[:i]]


def _best_cores(
    style: Style, spatial: Iterable[tuple[Loops, Loops]], layer: Layer, architecture: Architecture
) -> list[Core]:
    """The cores that fit and take the least time per MAC at the array's border, best first."""
    scored: list[tuple[tuple[float, float], int, Core]] = []
    pace = _Pace.of(style, layer, architecture)
    for rows, columns in spatial:
        for pe in _bursts(style, rows + columns, layer, architecture):
            core = Core(rows, columns, pe)
            scored.append((pace.score(core, layer), len(scored), core))
    fitting: list[Core] = []
    for _, _, core in nsmallest(40 * CORES, scored):
        if _fit({}, style, core, layer, architecture):
            fitting.append(core)
        if len(fitting) == CORES:
            return fitting
    if not fitting:
        fitting = [c for _, _, c in sorted(scored) if _fit({}, style, c, layer, architecture)]
        return fitting[:CORES]
    return fitting


def _bursts(style: Style, spatial: Loops, layer: Layer, architecture: Architecture) -> Iterator[Loops]:
    """Loops inside one PE that its scratchpads can hold."""
    array, pe = architecture.spatial, architecture.spatial.pe
    over = covered_by(spatial, ONES)
    room = {d: array.pad_words(d) for d in DATA_TYPES}
    room["output"] = min(room["output"], pe.psum_in_fifo_words, pe.psum_out_fifo_words)
    found: list[Extents] = [ONES]
    for d in style.burst:
        i = INDEX[d]
        options = thinned(even_parts(ceiling(layer.sizes[d], over[i]), max(room.values())))
        longer = [(*own[:i], n, *own[i + 1 :]) for own in found for n in options]
        found = [own for own in longer if all(words(layer, own, t) <= room[t] for t in DATA_TYPES)]
    yield from (loops(*((d, own[INDEX[d]]) for d in style.burst)) for own in found)


@dataclass(frozen=True, slots=True)
class _Pace:
    """What limits the steps of a layer; rates are per cycle, infinite where nothing limits them.

    Where outputs finish in their PEs, every pass takes its weights from off chip anew: that link counts too.
    """

    sizes: Extents
    macs: int
    rates: dict[DataType, float]

    @classmethod
    def of(cls, style: Style, layer: Layer, architecture: Architecture) -> Self:
        rates = {d: _rate(architecture, d) for d in style.moving}
        if style.finishes and "weight" in rates:
            rates["weight"] = min(rates["weight"], off_chip_rate(architecture, "weight"))
        sizes = tuple(layer.sizes[d] for d in DIMENSIONS)
        return cls(sizes, architecture.spatial.pe.macs_per_cycle, rates)

    def score(self, core: Core, layer: Layer) -> tuple[float, float]:
        """(Cycles, words over the border) per MAC of a full step."""
        extents = tuple(map(min, core.extents, self.sizes))
        macs, own_macs = prod(extents), prod(loop.trips for loop in core.pe)
        cycles, moved = own_macs / self.macs, 0
        for d, rate in self.rates.items():
            count = words(layer, extents, d)
            moved += count * (2 if d == "output" else 1)
            cycles = max(cycles, count / rate)
        return cycles / macs, moved / macs


def _rate(architecture: Architecture, data_type: DataType) -> float:
    """Words per cycle towards the array (outputs: from it)."""
    inner = architecture.levels(data_type)[-1]
    ends = (ARRAY, inner) if data_type == "output" else (inner, ARRAY)
    name = architecture.network(data_type, *ends)
    rate: Rate = "unlimited" if name is None else architecture.networks[name].words_per_cycle
    return inf if isinstance(rate, str) else float(rate)


def _fit(
    grown: Trips, style: Style, core: Core, layer: Layer, architecture: Architecture, *, tiles: int = 1
) -> bool:
    """Whether every buffer holds ``tiles`` tiles: the outermost one all that has grown, the others a pass."""
    whole = _reached(core, grown, layer)
    one_pass = _reached(core, {d: n for d, n in grown.items() if d in style.stepped}, layer)
    for position, memory in enumerate(list(architecture.memories.values())[1:]):
        bits = tile_bits(layer, one_pass if position else whole, memory.keeps, architecture.word_bits)
        quota = memory.tile_quota(bits, dict.fromkeys(bits, tiles))
        if any(quota[d] < memory.useful_tiles(d, tiles) for d in bits):
            return False
    return True


def _reached(core: Core, grown: Trips, layer: Layer) -> Extents:
    """What a core covers with the given trips around it."""
    reach = zip(DIMENSIONS, core.extents, strict=True)
    return tuple([min(layer.sizes[d], e * grown.get(d, 1)) for d, e in reach])


def _grow(
    order: Dimensions, style: Style, core: Core, layer: Layer, architecture: Architecture, *, tiles: int
) -> Trips:
    """The trips inside a tile, each dimension in turn as large as fits in even parts."""
    grown: Trips = dict.fromkeys(DIMENSIONS, 1)
    for d in sorted(order, key=lambda d: d not in REDUCTION) if style.finishes else order:
        if style.finishes and d not in REDUCTION and not _finished(grown, core, layer):
            break
        choices = even_parts(ceiling(layer.sizes[d], core.extents[INDEX[d]]), 1 << 40)
        low, high = 0, len(choices) - 1
        while low < high:
            middle = (low + high) // 2
            if _fit(grown | {d: choices[middle]}, style, core, layer, architecture, tiles=tiles):
                high = middle
            else:
                low = middle + 1
        grown[d] = choices[low]
    return grown


def _finished(grown: Trips, core: Core, layer: Layer) -> bool:
    """Whether a tile has all of the reduction."""
    return all(grown[d] * core.extents[INDEX[d]] >= layer.sizes[d] for d in REDUCTION)


def _tilings(style: Style, core: Core, layer: Layer, architecture: Architecture) -> Iterator[Mapping]:
    """Mappings of a core: every growth, with and without room for second tiles, in every order."""
    seen = set()
    for tiles, growth in product((2, 1), GROWTH):
        if not _fit({}, style, core, layer, architecture, tiles=tiles):
            continue
        grown = _grow(growth, style, core, layer, architecture, tiles=tiles)
        key = tuple(grown.items())
        if key not in seen:
            seen.add(key)
            for order in ORDERS:
                yield _assemble(style, core, grown, order, layer=layer, architecture=architecture)


def _assemble(
    style: Style, core: Core, grown: Trips, order: Dimensions, *, layer: Layer, architecture: Architecture
) -> Mapping:
    """The mapping of a core whose tiles have grown; loops inside tiles go as far in as buffers hold them."""
    cover = {d: core.extents[INDEX[d]] * grown[d] for d in DIMENSIONS}
    around = loops(*((d, ceiling(layer.sizes[d], cover[d])) for d in order))
    kept = loops(*((d, grown[d]) for d in style.kept))
    steps = loops(*((d, grown[d]) for d in style.stepped))
    dram, first, *inner = architecture.memories
    levels: dict[str, Loops] = {dram: around, first: kept} | dict.fromkeys(inner, ())
    mapping = Mapping(style.name, levels, core.rows, core.columns, steps, core.pe)
    for outside, memory in zip([first, *inner], inner, strict=False):
        mapping = _pushed(mapping, outside, memory, layer, architecture)
    return mapping


def _pushed(mapping: Mapping, outside: str, memory: str, layer: Layer, architecture: Architecture) -> Mapping:
    """Move as many of the innermost loops of ``outside`` to ``memory`` as leave it room for a second tile."""
    available = mapping.levels[outside]
    for keep in range(len(available)):
        levels = mapping.levels | {outside: available[:keep], memory: available[keep:]}
        moved = Mapping(mapping.dataflow, levels, mapping.rows, mapping.columns, mapping.steps, mapping.pe)
        if fits(moved, layer, architecture, memory, 2):
            return moved
    return mapping
