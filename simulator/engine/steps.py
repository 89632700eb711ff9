"""What one step needs and does in every PE: words, MACs, chains. Pure functions of mapping and extents."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from simulator.components.networks.base import Delivery, Ints, Network
from simulator.errors import refuse
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Block, Extents, walk
from simulator.names import DIMENSIONS, RELEVANT, DataType, Dimension
from simulator.spec.layer import Layer


@dataclass(frozen=True, slots=True)
class PeWork:
    """One PE's share of a step: its block, relative to the step's own start."""

    pe: int
    block: Block


@dataclass(frozen=True, slots=True)
class StepKind:
    """Everything about steps of one extent. Arrays have one entry per PE, row-major."""

    macs: Ints
    out_words: Ints
    up: Ints
    down: Ints
    order: Ints
    deliveries: tuple[Delivery, Delivery, Delivery, Delivery, Delivery]
    dying_columns: int
    columns: int


def place(mapping: Mapping, extent: Extents, columns: int) -> list[PeWork]:
    """Which PE does what in a step that covers ``extent``."""
    rows, out = len(mapping.rows), []
    for iteration in walk(mapping.spatial, Block((0,) * len(DIMENSIONS), extent), mapping.pe_extents):
        row = _radix(iteration.digits[:rows], [loop.trips for loop in mapping.rows])
        column = _radix(iteration.digits[rows:], [loop.trips for loop in mapping.columns])
        out.append(PeWork(row * columns + column, iteration.block))
    return out


def _radix(digits: tuple[int, ...], trips: list[int]) -> int:
    value = 0
    for digit, base in zip(digits, trips, strict=True):
        value = value * base + digit
    return value


def _dimension_order(mapping: Mapping, data_type: DataType) -> list[Dimension]:
    """Dimensions of a data type in the order in which one PE runs through them."""
    order = [loop.dimension for loop in mapping.pe if loop.dimension in RELEVANT[data_type]]
    return [d for d in DIMENSIONS if d in RELEVANT[data_type] and d not in order] + order


def _grid(axes: list[NDArray[np.int64]]) -> Ints:
    """Ids of all combinations of absolute coordinates, the last axis fastest."""
    ids = np.zeros(1, dtype=np.int64)
    for axis in axes:
        ids = (ids[:, None] * (1 << 12) + axis[None, :]).ravel()
    return ids


def weight_words(mapping: Mapping, block: Block) -> Ints:
    """Ids of the weights that a PE needs, in the order of use."""
    order = _dimension_order(mapping, "weight")
    return _grid([np.arange(block.along(d)[0], sum(block.along(d)), dtype=np.int64) for d in order])


def input_words(layer: Layer, block: Block, back: tuple[int, int] | None = None) -> Ints:
    """Ids of the inputs a PE needs, column by column; not those of a window ``back`` (rows, columns) ago."""
    axes = []
    for axis, (o, f) in enumerate((("P", "R"), ("Q", "S"))):
        (p, r), (ps, rs) = zip(block.along(o), block.along(f), strict=True)  # type: ignore[arg-type]
        taps = (
            np.array(layer.input_indices(axis, (p, r), (ps, rs)), dtype=np.int64) + layer.padding_before[axis]
        )
        axes.append(taps)
    rows, columns = axes
    channels = _grid(
        [np.arange(block.along(d)[0], sum(block.along(d)), dtype=np.int64) for d in ("N", "G", "C")]
    )
    span = 1 << 14
    if back is None:
        fresh_rows, fresh_columns = rows, columns
    else:
        fresh_rows = rows[~np.isin(rows, rows - back[0])] if back[0] else rows
        fresh_columns = columns[~np.isin(columns, columns - back[1])] if back[1] else columns
    ids = channels[None, :, None] * span + fresh_rows[None, None, :]
    return (ids * span + fresh_columns[:, None, None]).ravel()


def _chains(
    works: list[PeWork], links: Ints | None, pes: int, columns: int, place_name: str
) -> tuple[Ints, Ints, Ints]:
    """Who adds to whom: (up, down, order). PEs that hold parts of one output form a chain along the links."""
    groups: dict[tuple[int, ...], list[int]] = {}
    relevant = [INDEX[d] for d in DIMENSIONS if d in RELEVANT["output"]]
    for work in works:
        groups.setdefault(tuple(work.block.first[i] for i in relevant), []).append(work.pe)
    up, down = np.full(pes, -1, dtype=np.int64), np.full(pes, -1, dtype=np.int64)
    order: list[int] = []
    for members in groups.values():
        chain = sorted(members, key=lambda pe: (-(pe // columns), pe))
        for below, above in pairwise(chain):
            if links is None or links[below] != above:
                raise refuse(
                    place_name, "array", f"PE {below} and PE {above}",
                    "PEs that sum parts of one output must be neighbours on a network from array to array",
                )  # fmt: skip
            up[above], down[below] = below, above
        order += chain
    return up, down, np.array(order + [-1] * (pes - len(order)), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Wires:
    """The networks around an array, and its shape."""

    weight: Network
    input: Network
    psum_in: Network | None
    psum_out: Network
    links: Network | None
    rows: int
    columns: int


def step_kind(
    layer: Layer, mapping: Mapping, extent: Extents, back: tuple[int, int], wires: Wires
) -> StepKind:
    """Work out one kind of step. ``back``: how far the input window slides per step (rows, columns)."""
    pes = wires.rows * wires.columns
    works = place(mapping, extent, wires.columns)
    empty = np.zeros(0, dtype=np.int64)
    weights, whole, slide, ins, outs = ([empty] * pes for _ in range(5))
    macs, out_words = np.zeros(pes, dtype=np.int64), np.zeros(pes, dtype=np.int64)
    links = None if wires.links is None else wires.links.chains(wires.rows, wires.columns)
    up, down, order = _chains(works, links, pes, wires.columns, layer.name)
    for work in works:
        macs[work.pe] = prod(work.block.extent)
        out_words[work.pe] = prod(work.block.along(d)[1] for d in RELEVANT["output"])
        weights[work.pe] = weight_words(mapping, work.block)
        whole[work.pe] = input_words(layer, work.block)
        slide[work.pe] = input_words(layer, work.block, back) if any(back) else whole[work.pe]
        own = np.arange(out_words[work.pe], dtype=np.int64) + work.pe * (1 << 32)
        if up[work.pe] < 0:
            ins[work.pe] = own
        if down[work.pe] < 0:
            outs[work.pe] = own
    collect_in = wires.psum_in or wires.psum_out
    deliveries = tuple(
        network.deliver(needs, wires.rows, wires.columns)
        for network, needs in (
            (wires.weight, weights),
            (wires.input, whole),
            (wires.input, slide),
            (collect_in, ins),
            (wires.psum_out, outs),
        )
    )
    kept = int(max(len(a) - len(b) for a, b in zip(whole, slide, strict=True)))
    widest = int(max(len(a) for a in whole))
    return StepKind(macs, out_words, up, down, order, deliveries, widest - kept, widest)  # type: ignore[arg-type]
