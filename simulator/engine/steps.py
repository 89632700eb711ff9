"""What one step needs and does in every PE: words, MACs, chains. Pure functions of mapping and extents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from simulator.components.networks.base import Delivery, Ints, Network
from simulator.errors import refuse
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, ONES, Block, Extents, Loop, steps_of
from simulator.names import DIMENSIONS, RELEVANT
from simulator.spec.layer import Layer


@dataclass(frozen=True, slots=True)
class PeWork:
    """One PE's share of a step: its block, relative to the step's own start."""

    pe: int
    block: Block


@dataclass(frozen=True, slots=True)
class Needs:
    """When the words of groups of PEs are needed: those that may hold a group's MACs up, by position.

    A word at ``position`` on the port is first used by MAC number ``first_use`` of the step; those of group
    i stop before ``ends[i]``, and come ``extra_latency[i]`` cycles later than to a group with none.
    """

    position: Ints
    first_use: Ints
    ends: Ints
    extra_latency: Ints

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, group: int) -> tuple[Ints, Ints]:
        """Position and first use of a group's words."""
        start, end = int(self.ends[group - 1]) if group else 0, int(self.ends[group])
        return self.position[start:end], self.first_use[start:end]


@dataclass(frozen=True, slots=True)
class Supply:
    """A step's words of one stream: how the network delivers them, and the group of each PE (-1: none).

    ``writes`` is how many words of scratchpads (registers) they are written to.
    """

    delivery: Delivery
    group: Ints
    needs: Needs
    writes: int


@dataclass(frozen=True, slots=True)
class StepKind:
    """Everything about steps of one extent. Arrays have one entry per PE, row-major."""

    macs: Ints
    out_words: Ints
    up: Ints
    down: Ints
    order: Ints
    supplies: tuple[Supply, Supply, Supply, Supply, Supply]
    dying_columns: int
    columns: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A step's blocks, one row per PE that has one, PEs ascending: ``first`` and ``extent`` per dimension."""

    pe: Ints
    first: Ints
    extent: Ints


def place(mapping: Mapping, extent: Extents, columns: int) -> list[PeWork]:
    """Which PE does what in a step that covers ``extent``."""
    placed = place_all(mapping, extent, columns)
    rows = zip(placed.pe.tolist(), placed.first.tolist(), placed.extent.tolist(), strict=True)
    return [PeWork(pe, Block(tuple(first), tuple(length))) for pe, first, length in rows]


def place_all(mapping: Mapping, extent: Extents, columns: int) -> Placed:
    """`place` as arrays."""
    first, left, digits = _deal(mapping.spatial, extent, mapping.pe_extents)
    at = {"row": np.zeros(len(first), dtype=np.int64), "column": np.zeros(len(first), dtype=np.int64)}
    for i, loop in enumerate(mapping.spatial):
        axis = "row" if i < len(mapping.rows) else "column"
        at[axis] = at[axis] * loop.trips + digits[i]
    return Placed(at["row"] * columns + at["column"], first, np.minimum(left, mapping.pe_extents))


def _deal(loops: Sequence[Loop], extent: Extents, inner: Extents) -> tuple[Ints, Ints, list[Ints]]:
    """`walk` as arrays, a row per iteration: first, extent not yet clipped to ``inner``, digits per loop."""
    first, left = np.zeros((1, len(DIMENSIONS)), dtype=np.int64), np.array([extent], dtype=np.int64)
    digits: list[Ints] = []
    for loop, step in zip(loops, steps_of(loops, inner), strict=True):
        d = INDEX[loop.dimension]
        trips = np.arange(-(-int(left[:, d].max()) // step))
        outer, digit = np.nonzero(trips * step < left[:, d, None])
        first, left = first[outer], left[outer]
        first[:, d] += digit * step
        left[:, d] = np.minimum(step, left[:, d] - digit * step)
        digits = [*(some[outer] for some in digits), digit]
    return first, left, digits


def _alike(placed: Placed, before: Ints, most: Extents) -> Iterator[tuple[Extents, Extents, Ints]]:
    """Distinct extents of blocks, none above ``most``, with those a step ``before``, and their rows."""
    radices = _radices([n + 1 for n in most])
    code = (placed.extent @ radices) * (1 + int((before @ radices).max())) + before @ radices
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    for kind, row in enumerate(first.tolist()):
        yield tuple(placed.extent[row].tolist()), tuple(before[row].tolist()), np.flatnonzero(which == kind)


def _radices(sizes: Sequence[int]) -> Ints:
    """What one index along each axis adds to a dense id, the last axis fastest."""
    return np.array([prod(sizes[i + 1 :]) for i in range(len(sizes))], dtype=np.int64)


class _WeightIds:
    """Numbers a step's weights: a block's are its ``offset`` plus a ``pattern`` that its extents decide."""

    def __init__(self, mapping: Mapping, extent: Extents) -> None:
        self._loops = [loop for loop in mapping.pe if loop.dimension in RELEVANT["weight"]]
        self._axes = [INDEX[d] for d in DIMENSIONS if d in RELEVANT["weight"]]
        self._radix = _radices([extent[i] for i in self._axes])

    def offset(self, first: Ints) -> Ints:
        """Id of the first weight of each block."""
        return np.asarray(first[:, self._axes] @ self._radix)

    def pattern(self, extent: Extents) -> Ints:
        """Ids of a block's weights relative to its first, in the order in which a PE uses them."""
        return self.offset(_deal(self._loops, extent, ONES)[0])


class _InputIds:
    """Numbers the inputs of a step, as `_WeightIds` does its weights."""

    def __init__(self, layer: Layer, extent: Extents) -> None:
        self._layer = layer
        self._spans = [int(self._taps(axis, extent)[-1]) + 1 for axis in (0, 1)]
        channels = [extent[INDEX["N"]], extent[INDEX["G"]], extent[INDEX["C"]]]
        self._radix = _radices([self._spans[1], *channels, self._spans[0]])

    def offset(self, first: Ints) -> Ints:
        """Id of the first input of each block."""
        n, g, c, p, q, r, s = (first[:, INDEX[d]] for d in ("N", "G", "C", "P", "Q", "R", "S"))
        (down, right), (row_taps, column_taps) = self._layer.stride, self._layer.dilation
        parts = (q * right + s * column_taps, n, g, c, p * down + r * row_taps)
        return np.asarray(np.stack(parts, axis=1) @ self._radix)

    def pattern(self, extent: Extents, back: tuple[int, int] = (0, 0), before: Extents | None = None) -> Ints:
        """Relative ids of inputs, column by column.

        Not those of the window ``before`` (of the same extents where absent), ``back`` (rows, columns) ago.
        """
        rows, columns = (
            taps[~np.isin(taps, self._taps(axis, before or extent) - gone)] if gone else taps
            for axis, (taps, gone) in enumerate(
                zip((self._taps(0, extent), self._taps(1, extent)), back, strict=True)
            )
        )
        ids = np.zeros(1, dtype=np.int64)
        channels = (
            np.arange(extent[INDEX["N"]]),
            np.arange(extent[INDEX["G"]]),
            np.arange(extent[INDEX["C"]]),
        )
        for axis, radix in zip((columns, *channels, rows), self._radix.tolist(), strict=True):
            ids = (ids[:, None] + axis * radix).ravel()
        return ids

    def _taps(self, axis: int, extent: Extents) -> Ints:
        """Distinct input indices along one axis of a block, ascending, from its first."""
        output, tap = (INDEX["Q"], INDEX["S"]) if axis else (INDEX["P"], INDEX["R"])
        outputs = np.arange(extent[output]) * self._layer.stride[axis]
        taps = np.arange(extent[tap]) * self._layer.dilation[axis]
        return np.unique(outputs[:, None] + taps)


class _Wanted:
    """The words that each PE needs in a step, and the MAC that is the first to use each of them."""

    def __init__(self, pes: int) -> None:
        none = np.zeros(0, dtype=np.int64)
        self.words, self.first_use = [none] * pes, [none] * pes

    def share(self, pes: Ints, offset: Ints, pattern: Ints, used: Ints) -> None:
        """Give PEs their words, relative to ``offset``; those with equal ones get the same array.

        ``used``: the word of each MAC, likewise relative.
        """
        distinct, which = np.unique(offset, return_inverse=True)
        lists = list(distinct[:, None] + pattern)
        words, macs = np.unique(used, return_index=True)
        first_use = macs[np.searchsorted(words, pattern)]
        for pe, i in zip(pes.tolist(), which.tolist(), strict=True):
            self.words[pe], self.first_use[pe] = lists[i], first_use

    def supply(self, network: Network, rows: int, columns: int) -> Supply:
        """How ``network`` brings them."""
        delivery = network.deliver(self.words, rows, columns)
        return _supply(delivery, self.words, self.first_use)


def _supply(delivery: Delivery, words: list[Ints], first_use: list[Ints]) -> Supply:
    """Tell apart groups of PEs that have their words at different times."""
    numbers: dict[tuple[int, int], int] = {}
    needs: list[tuple[Ints, Ints]] = []
    group = np.full(len(words), -1, dtype=np.int64)
    extra = delivery.extra_latency.tolist()
    for pe, column in enumerate(delivery.group.tolist()):
        if len(words[pe]) == 0:
            continue
        key = (column, extra[pe])
        if key not in numbers:
            numbers[key] = len(needs)
            position = delivery.position[: len(words[pe]), column]
            needs.append(_may_hold_up(position, first_use[pe]))
        group[pe] = numbers[key]
    positions, uses = ([need[i] for need in needs] or [group[:0]] for i in range(2))
    ends, late = np.cumsum([len(need[0]) for need in needs]), [latency for _, latency in numbers]
    joined = np.concatenate(positions), np.concatenate(uses)
    return Supply(delivery, group, Needs(*joined, ends, np.array(late, dtype=np.int64)), delivery.hops)


def _may_hold_up(position: Ints, first_use: Ints) -> tuple[Ints, Ints]:
    """Words in order of position, without those that are needed no earlier than one that comes later."""
    order = np.argsort(position)
    use = first_use[order]
    earliest = np.minimum.accumulate(use[::-1])[::-1]
    kept = np.append(use[:-1] < earliest[1:], True)
    return position[order][kept], use[kept]


def _chains(
    placed: Placed, links: Ints | None, pes: int, columns: int, place_name: str
) -> tuple[Ints, Ints, Ints]:
    """Who adds to whom: (up, down, order). PEs that hold parts of one output form a chain along the links."""
    relevant = [INDEX[d] for d in DIMENSIONS if d in RELEVANT["output"]]
    output = placed.first[:, relevant] @ _radices((placed.first[:, relevant].max(axis=0) + 1).tolist())
    _, leader, which = np.unique(output, return_index=True, return_inverse=True)
    chain = leader[which]
    sequence = np.lexsort((placed.pe, -(placed.pe // columns), chain))
    order = placed.pe[sequence]
    linked = chain[sequence][1:] == chain[sequence][:-1]
    below, above = order[:-1][linked], order[1:][linked]
    broken = np.flatnonzero(np.ones(len(below)) if links is None else links[below] != above)
    if broken.size:
        raise refuse(
            place_name, "array", f"PE {below[broken[0]]} and PE {above[broken[0]]}",
            "PEs that sum parts of one output must be neighbours on a network from array to array",
        )  # fmt: skip
    up, down = np.full(pes, -1, dtype=np.int64), np.full(pes, -1, dtype=np.int64)
    up[above], down[below] = below, above
    return up, down, np.concatenate((order, np.full(pes - len(order), -1, dtype=np.int64)))


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
    layer: Layer,
    mapping: Mapping,
    extent: Extents,
    back: tuple[int, int],
    wires: Wires,
    before: Extents | None = None,
) -> StepKind:
    """Work out one kind of step.

    ``back``: how far the input window slides per step (rows, columns), from a step that covers ``before``
    (the same where absent); a PE then needs what it did not have in that step.
    """
    pes = wires.rows * wires.columns
    placed = place_all(mapping, extent, wires.columns)
    earlier = place_all(mapping, before or extent, wires.columns)
    had = earlier.extent[np.argsort(earlier.pe)][np.searchsorted(np.sort(earlier.pe), placed.pe)]
    links = None if wires.links is None else wires.links.chains(wires.rows, wires.columns)
    up, down, chain_order = _chains(placed, links, pes, wires.columns, layer.name)
    weights, whole, slide = _Wanted(pes), _Wanted(pes), _Wanted(pes)
    macs, out_words = np.zeros(pes, dtype=np.int64), np.zeros(pes, dtype=np.int64)
    weight_ids, input_ids = _WeightIds(mapping, extent), _InputIds(layer, extent)
    first_weight, first_input = weight_ids.offset(placed.first), input_ids.offset(placed.first)
    kept = widest = 0
    for block, block_before, rows in _alike(placed, had, mapping.pe_extents):
        members = placed.pe[rows]
        macs[members] = prod(block)
        out_words[members] = prod(block[INDEX[d]] for d in RELEVANT["output"])
        window = input_ids.pattern(block)
        fresh = input_ids.pattern(block, back, block_before) if any(back) else window
        order = _deal(mapping.pe, block, ONES)[0]
        used = input_ids.offset(order)
        weights.share(members, first_weight[rows], weight_ids.pattern(block), weight_ids.offset(order))
        whole.share(members, first_input[rows], window, used)
        slide.share(members, first_input[rows], fresh, used)
        kept, widest = max(kept, len(window) - len(fresh)), max(widest, len(window))
    collect_in = wires.psum_in or wires.psum_out
    supplies = tuple(
        wanted.supply(network, wires.rows, wires.columns)
        for network, wanted in (
            (wires.weight, weights),
            (wires.input, whole),
            (wires.input, slide),
            (collect_in, _own(np.where(up < 0, out_words, 0))),
            (wires.psum_out, _own(np.where(down < 0, out_words, 0))),
        )
    )
    return StepKind(macs, out_words, up, down, chain_order, supplies, widest - kept, widest)  # type: ignore[arg-type]


def _own(counts: Ints) -> _Wanted:
    """So many psums for each PE, none of them another's, which it adds when it has all of them."""
    ends, wanted = counts.cumsum(), _Wanted(len(counts))
    ids = np.arange(int(ends[-1]), dtype=np.int64)
    wanted.words = [ids[end - n : end] for end, n in zip(ends.tolist(), counts.tolist(), strict=True)]
    wanted.first_use = [np.zeros(n, dtype=np.int64) for n in counts.tolist()]
    return wanted
