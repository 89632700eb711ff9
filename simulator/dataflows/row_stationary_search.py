"""Chooses row-stationary parameters: all candidates at once by a bound, then the best by their exact cost."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulator.components.base import Rate
from simulator.components.memories.base import bytes_to_words
from simulator.components.memories.dram import Dram
from simulator.dataflows.loops import ceiling, even_parts, spaced, thinned
from simulator.dataflows.sets import Parameters, build, place_sets
from simulator.mapping.check import capacity_bits, problems
from simulator.mapping.mapping import Mapping
from simulator.mapping.tiles import fits, input_span
from simulator.mapping.traffic import BUFFER, NOC, OFF_CHIP, Cost, cost
from simulator.names import ARRAY, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Grid = NDArray[np.int64]
Floats = NDArray[np.float64]
SHORTLIST = 24
"""How many candidates that fit are priced exactly."""
CHOICES = 24
"""About how many values of a parameter are tried, where a large scratchpad or array would allow many more."""


def best(layer: Layer, architecture: Architecture) -> Mapping | None:
    """The mapping with the fewest bounded cycles, then the least energy; None where nothing fits."""
    priced: list[tuple[Cost, int, Mapping]] = []
    fitting = 0
    for candidate in _ranked(layer, architecture):
        widened = _widened(candidate, layer, architecture)
        priced += [(cost(m, layer, architecture), len(priced) + i, m) for i, m in enumerate(widened)]
        fitting += bool(widened)
        if fitting == SHORTLIST:
            break
    return min(priced)[2] if priced else None


def _widened(x: Parameters, layer: Layer, architecture: Architecture) -> list[Mapping]:
    """The candidate with the largest m that fits, and with the largest that leaves room for a second tile."""
    placement = place_sets(x, layer, architecture)
    if placement is None:
        return []
    filters = x.p * x.t
    out: list[Mapping] = []
    buffer = architecture.levels("output")[-1]
    for passes in even_parts(ceiling(layer.sizes["M"], filters), ceiling(layer.sizes["M"], filters)):
        m = min(layer.sizes["M"], passes * filters)
        mapping = build(Parameters(m, x.n, x.e, x.p, x.q, x.r, x.t), placement, layer, architecture)
        fit_twice = fits(mapping, layer, architecture, buffer, 2)
        if fit_twice or (not out and fits(mapping, layer, architecture, buffer)):
            out += [] if problems(mapping, layer, architecture, "") else [mapping]
        if fit_twice:
            break
    return out


def _ranked(layer: Layer, architecture: Architecture) -> Iterator[Parameters]:
    """Candidates in the order of their bound."""
    grid = _grid(layer, architecture)
    rooms = {name: capacity_bits(architecture, name) for name in architecture.memories}
    grid = grid[:, _may_fit(grid, layer, architecture, rooms)]
    cycles, energy = _bound(grid, layer, architecture, rooms)
    e, r, t, p, q, n = grid
    for i in np.lexsort((n, t, r, q, p, e, energy, cycles)):
        m = min(int(p[i] * t[i]), layer.sizes["M"])
        yield Parameters(m, int(n[i]), int(e[i]), int(p[i]), int(q[i]), int(r[i]), int(t[i]))


def _grid(layer: Layer, architecture: Architecture) -> Grid:
    """All (e, r, t, p, q, n) that the array and the scratchpads could hold, one column each."""
    size, array, pe = layer.sizes, architecture.array, architecture.spatial.pe
    taps = size["S"]
    psums = min(pe.psum_words, pe.psum_in_fifo_words, pe.psum_out_fifo_words)
    p_most = min(psums, pe.weight_words // taps, size["M"])
    q_most = min(pe.input_words // taps, size["C"])
    sets = array.rows // size["R"]
    images = np.array(thinned(even_parts(size["N"], size["N"])), dtype=np.int64)
    filters = np.array(spaced(p_most, CHOICES), dtype=np.int64)
    channels = np.array(spaced(q_most, CHOICES // 2), dtype=np.int64)
    out: list[Grid] = [np.zeros((6, 0), dtype=np.int64)]
    for e in _strips(size["P"], sets * array.columns):
        fold = ceiling(e, array.columns)
        wide = array.columns // ceiling(e, fold)
        for r in range(1, sets // fold + 1):
            copies = np.array(spaced(min(sets // fold // r * wide, size["M"]), CHOICES), dtype=np.int64)
            axes = (np.array([e]), np.array([r]), copies, filters, channels, images)
            out.append(np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]))
    return _without_waste(np.concatenate(out, axis=1), layer, pe.weight_words)


def _strips(rows: int, most: int) -> list[int]:
    """Strip heights worth trying: even parts of the output, none below a quarter of the largest."""
    heights = even_parts(rows, most)
    return [e for e in heights if 4 * e >= heights[0]]


def _without_waste(grid: Grid, layer: Layer, weight_words: int) -> Grid:
    """Drop what does not fit the weight scratchpad, and sets that would never have work."""
    _, r, t, p, q, _ = grid
    keep = p * q * layer.sizes["S"] <= weight_words
    keep &= (t - 1) * p < layer.sizes["M"]
    keep &= (r - 1) * q < layer.sizes["C"]
    return grid[:, keep]


def _pass_words(grid: Grid, layer: Layer) -> dict[DataType, Grid]:
    """Words of each data type that one pass works on."""
    e, r, t, p, q, n = grid
    size = layer.sizes
    rows = np.array([input_span(layer, 0, i, size["R"]) for i in range(int(e.max(initial=1)) + 1)])
    filters, channels = np.minimum(p * t, size["M"]), np.minimum(q * r, size["C"])
    return {
        "weight": filters * channels * size["R"] * size["S"],
        "input": n * channels * rows[e] * input_span(layer, 1, size["Q"], size["S"]),
        "output": n * filters * e * size["Q"],
    }


def _may_fit(
    grid: Grid, layer: Layer, architecture: Architecture, rooms: dict[str, int]
) -> NDArray[np.bool_]:
    """Which candidates are not ruled out by the sizes of the buffers."""
    keep = np.ones(grid.shape[1], dtype=np.bool_)
    held = _pass_words(grid, layer)
    for name, memory in architecture.memories.items():
        needed = sum(held[d] * architecture.word_bits[d] for d in memory.keeps)
        keep &= needed <= rooms[name]
    return keep


def _bound(
    grid: Grid, layer: Layer, architecture: Architecture, rooms: dict[str, int]
) -> tuple[Floats, Floats]:
    """Cycles of the busiest resource, and relative energy, with as many filters in the buffer as fit."""
    _, r, t, p, q, _ = grid
    held = _pass_words(grid, layer)
    c_trips = -(-layer.sizes["C"] // (q * r))
    m_trips = -(-layer.sizes["M"] // (p * t))
    moved = _moved_words(grid, held, layer)
    first = 0 if architecture.spatial.initial_psums == "buffer" else 1
    rounds = _tiles_of_filters(grid, held, layer, architecture, rooms)
    off_chip = moved["weight"] + moved["input"] // m_trips * rounds + moved["output"]
    times = [
        _compute_cycles(grid, layer, architecture),
        moved["weight"] / _rate(architecture, "weight"),
        moved["input"] / _rate(architecture, "input"),
        moved["output"] * (c_trips - first) / _rate(architecture, "output"),
        moved["output"] * c_trips / _rate(architecture, "output", outwards=True),
        off_chip / _dram_words_per_cycle(architecture),
    ]
    room = rooms[architecture.levels("weight")[-1]]
    alone = 2 * held["weight"] * architecture.word_bits["weight"] > room
    late = np.where(alone, times[1], 0.0)
    crossed = moved["weight"] + moved["input"] + 2 * moved["output"] * c_trips
    energy = (BUFFER + NOC) * crossed + OFF_CHIP * off_chip
    return np.maximum.reduce(times) + late, energy.astype(np.float64)


def _moved_words(grid: Grid, held: dict[DataType, Grid], layer: Layer) -> dict[DataType, Grid]:
    """Words of each data type that cross to the array in the whole layer; outputs counted once."""
    e, r, t, p, q, n = grid
    size = layer.sizes
    repeats = -(-size["P"] // e) * -(-size["N"] // n)
    passes = size["G"] * -(-size["M"] // (p * t)) * -(-size["C"] // (q * r)) * repeats
    outputs = size["G"] * size["N"] * size["M"] * size["P"] * size["Q"]
    weights = size["G"] * size["M"] * size["C"] * size["R"] * size["S"] * repeats
    return {"weight": weights, "input": passes * held["input"], "output": np.full_like(e, outputs)}


def _compute_cycles(grid: Grid, layer: Layer, architecture: Architecture) -> Floats:
    """MAC cycles of the busiest PEs, and the additions of psums where the adder is shared."""
    e, r, t, p, q, _ = grid
    size, pe = layer.sizes, architecture.spatial.pe
    columns = size["G"] * size["N"] * -(-size["P"] // e) * size["Q"] * _shares(size["M"], p, t)
    macs = columns * size["S"] * _shares(size["C"], q, r)
    adds = columns * -(-size["C"] // (q * r)) if pe.adder == "shared" else 0
    return np.asarray(macs / pe.macs_per_cycle + adds, dtype=np.float64)


def _tiles_of_filters(
    grid: Grid, held: dict[DataType, Grid], layer: Layer, architecture: Architecture, rooms: dict[str, int]
) -> Grid:
    """How many tiles the output channels take, with as many of them in the buffer as it holds."""
    _, _, t, p, _, _ = grid
    buffer, bits = architecture.levels("output")[-1], architecture.word_bits
    room = np.full_like(t, rooms[buffer])
    if "input" in architecture.memories[buffer].keeps:
        room = room - held["input"] * bits["input"]
    filters = np.minimum(p * t, layer.sizes["M"])
    passes = np.maximum(1, room // (held["output"] * bits["output"]))
    return np.asarray(-(-layer.sizes["M"] // (filters * passes)))


def _shares(total: int, own: Grid, copies: Grid) -> Grid:
    """Sum over passes of the busiest PE's share of ``total``, ``own`` each on ``copies`` PEs."""
    whole, rest = total // (own * copies), total % (own * copies)
    return np.asarray(whole * own + np.minimum(rest, own))


def _rate(architecture: Architecture, data_type: DataType, *, outwards: bool = False) -> float:
    """Words per cycle of the network at the array, infinite where unlimited or absent."""
    inner = architecture.levels(data_type)[-1]
    name = architecture.network(data_type, *((ARRAY, inner) if outwards else (inner, ARRAY)))
    return _number("unlimited" if name is None else architecture.networks[name].words_per_cycle)


def _number(rate: Rate) -> float:
    return np.inf if isinstance(rate, str) else float(rate)


def _dram_words_per_cycle(architecture: Architecture) -> float:
    memory = architecture.memories[architecture.outermost]
    if not isinstance(memory, Dram):
        return np.inf
    rate = memory.bytes_per_core_cycle(architecture.clock_mhz)
    return _number(bytes_to_words(rate, architecture.word_bits["input"]))
