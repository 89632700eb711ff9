"""What a step needs in every PE, against its obvious twin: every PE's loops walked one index at a time."""

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_machines import built, cases, free_cases

from simulator.components.networks.base import Delivery, Ints, interleave
from simulator.engine.program import wires_of
from simulator.engine.steps import Supply, Wires, place, step_kind
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Block, Extents, Loop, walk
from simulator.names import DIMENSIONS, RELEVANT
from simulator.spec.layer import Layer

Words = list[list[Any]]


def indices(block: Block, order: list[str]) -> Iterator[dict[str, int]]:
    """Every index of a block along the dimensions of ``order``, the last one fastest."""
    ranges = [range(block.along(d)[0], sum(block.along(d))) for d in order]  # type: ignore[arg-type]
    return (dict(zip(order, index, strict=True)) for index in product(*ranges))


def weights_of(mapping: Mapping, block: Block) -> list[Any]:
    """Each weight where the PE's own loops come to it first."""
    used = [iteration.block.first for iteration in walk(mapping.pe, block, (1,) * len(DIMENSIONS))]
    return list(dict.fromkeys(tuple(i for d, i in zip(DIMENSIONS, at, strict=True) if d in RELEVANT["weight"]) for at in used))


def inputs_of(layer: Layer, block: Block, back: tuple[int, int] = (0, 0)) -> list[Any]:
    """(n, g, c, row, column), column by column; without those that the window ``back`` from here had."""

    def along(outputs: str, taps: str, axis: int) -> list[int]:
        at = [i[outputs] * layer.stride[axis] + i[taps] * layer.dilation[axis] for i in indices(block, [outputs, taps])]
        return [i for i in sorted(set(at)) if not back[axis] or i + back[axis] not in at]

    rows, columns = along("P", "R", 0), along("Q", "S", 1)
    return [(*i.values(), row, column) for column in columns for i in indices(block, ["N", "G", "C"]) for row in rows]


def works(mapping: Mapping, extent: Extents, columns: int) -> dict[int, Block]:
    """Block by PE, from a walk over the spatial loops."""
    out = {}
    for iteration in walk(mapping.spatial, Block((0,) * len(DIMENSIONS), extent), mapping.pe_extents):
        at = {"row": 0, "column": 0}
        for i, (loop, digit) in enumerate(zip(mapping.spatial, iteration.digits, strict=True)):
            axis = "row" if i < len(mapping.rows) else "column"
            at[axis] = at[axis] * loop.trips + digit
        out[at["row"] * columns + at["column"]] = iteration.block
    return out


def numbered(needs: Words) -> list[Any]:
    """The same words as numbers."""
    known: dict[Any, int] = {}
    return [np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int64) for words in needs]


def positions(delivery: Delivery) -> list[list[int]]:
    """Where each PE's words are on the port."""
    return [[at for at in delivery.position[:, group].tolist() if at] for group in delivery.group.tolist()]


def assert_same(got: Delivery, expected: Delivery) -> None:
    assert (got.port_words, got.hops) == (expected.port_words, expected.hops)
    assert positions(got) == positions(expected)
    for name in ("extra_latency", "prefix"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name


def first_uses(layer: Layer, mapping: Mapping, block: Block) -> tuple[dict[Any, int], dict[Any, int]]:
    """The first MAC that uses each weight and each input of a PE, which goes through its own loops."""
    weights: dict[Any, int] = {}
    inputs: dict[Any, int] = {}
    for number, iteration in enumerate(walk(mapping.pe, block, (1,) * len(DIMENSIONS))):
        at = dict(zip(DIMENSIONS, iteration.block.first, strict=True))
        row, column = (at[o] * layer.stride[axis] + at[t] * layer.dilation[axis] for axis, (o, t) in enumerate(("PR", "QS")))
        weights.setdefault(tuple(at[d] for d in DIMENSIONS if d in RELEVANT["weight"]), number)
        inputs.setdefault((at["N"], at["G"], at["C"], row, column), number)
    return weights, inputs


def assert_needed_in_time(supply: Supply, needs: Words, uses: list[dict[Any, int]], there: Callable[[int], int]) -> None:
    """The words that are told hold a PE up exactly as long as all its words do, whenever ``there`` says they have crossed."""
    for pe, (words, places) in enumerate(zip(needs, positions(supply.delivery), strict=True)):
        assert (supply.group[pe] < 0) == (not words)
        if words:
            told, first_use = supply.needs[int(supply.group[pe])]
            pairs = zip(told.tolist(), first_use.tolist(), strict=True)
            every = zip(places, (uses[pe][word] for word in words), strict=True)
            assert max(there(at) - use for at, use in pairs) == max(there(at) - use for at, use in every)


@settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.one_of(cases(), free_cases()), st.data())
def test_every_pe_gets_the_words_of_its_own_block(case: tuple[dict[str, Any], Layer, Mapping], data: st.DataObject) -> None:
    description, layer, mapping = case
    wires = wires_of(built(description))
    pes = wires.rows * wires.columns
    back = data.draw(st.sampled_from([(0, 0), (0, 1), (0, 2), (1, 0), (3, 0)]))
    whole = [min(layer.sizes[d], n) for d, n in zip(DIMENSIONS, mapping.step_extents, strict=True)]
    extent = tuple(data.draw(st.sampled_from([n, max(1, n - 1)])) if d in "NMPQ" else n for d, n in zip(DIMENSIONS, whole, strict=True))
    blocks = works(mapping, extent, wires.columns)
    assert {work.pe: work.block for work in place(mapping, extent, wires.columns)} == blocks
    kind = step_kind(layer, mapping, extent, back, wires)

    none: Words = [[] for _ in range(pes)]
    weights, window, slide, ins, outs = (list(none) for _ in range(5))
    chains: dict[Any, list[int]] = {}
    for pe, block in blocks.items():
        weights[pe], window[pe], slide[pe] = weights_of(mapping, block), inputs_of(layer, block), inputs_of(layer, block, back)
        out = list(indices(block, ["N", "G", "M", "P", "Q"]))
        assert kind.out_words[pe] == len(out)
        assert kind.macs[pe] == len(out) * len(list(indices(block, ["C", "R", "S"])))
        chains.setdefault(tuple(out[0].values()), []).append(pe)
        ins[pe] = outs[pe] = [(pe, i) for i in range(len(out))]
    order = []
    for members in chains.values():
        chain = sorted(members, key=lambda pe: (-(pe // wires.columns), pe))
        order += chain
        for below, above in pairwise(chain):
            assert (kind.up[above], kind.down[below]) == (below, above)
            ins[above], outs[below] = [], []
        assert (kind.up[chain[0]], kind.down[chain[-1]]) == (-1, -1)
    assert kind.order.tolist() == order + [-1] * (pes - len(order))
    networks = (wires.weight, wires.input, wires.input, wires.psum_in or wires.psum_out, wires.psum_out)
    used = [first_uses(layer, mapping, blocks[pe]) if pe in blocks else ({}, {}) for pe in range(pes)]
    at_once = [dict.fromkeys(words, 0) for words in ins]
    uses = [[weight for weight, _ in used], *2 * [[inputs for _, inputs in used]], at_once, [dict.fromkeys(words, 0) for words in outs]]
    pace, gap = data.draw(st.integers(0, 20)), data.draw(st.integers(1, 30))
    for supply, network, needs, use in zip(kind.supplies, networks, (weights, window, slide, ins, outs), uses, strict=True):
        assert_same(supply.delivery, network.deliver(numbered(needs), wires.rows, wires.columns))
        assert_needed_in_time(supply, needs, use, lambda at: pace * at // 4 + 7 * (at // gap))
    assert kind.columns == max(map(len, window))
    assert kind.dying_columns == kind.columns - max(len(a) - len(b) for a, b in zip(window, slide, strict=True))


class Recorder:
    """A bus that remembers what it was asked for."""

    def __init__(self) -> None:
        self.needs: list[list[list[int]]] = []

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        self.needs.append([words.tolist() for words in needs])
        return interleave(needs, multicast=True)


def asked_for(sizes: dict[str, int], mapping: Mapping, rows: int = 1) -> list[list[list[int]]]:
    """Words of (weights, inputs, sliding inputs, psums in, psums out) in every PE of one column."""
    bus: Any = Recorder()
    layer = Layer("by hand", {d: sizes.get(d, 1) for d in DIMENSIONS})
    step_kind(layer, mapping, tuple(layer.sizes.values()), (0, 0), Wires(bus, bus, bus, bus, None, rows, 1))
    return list(bus.needs)


def test_weights_come_in_the_order_of_the_pes_own_loops() -> None:
    c, s = (Loop("C", 4),), (Loop("S", 3),)
    assert asked_for({"C": 4, "S": 3}, Mapping("by hand", {}, pe=c + s))[0] == [list(range(12))]
    assert asked_for({"C": 4, "S": 3}, Mapping("by hand", {}, pe=s + c))[0] == [[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]]
    halves = Mapping("by hand", {}, pe=(Loop("C", 2), *s, Loop("C", 2)))
    assert asked_for({"C": 4, "S": 3}, halves)[0] == [[0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]]
    assert asked_for({"C": 3, "S": 3}, halves)[0] == [[0, 3, 1, 4, 2, 5, 6, 7, 8]]  # the last half is one channel


def test_pes_with_equal_words_share_them_and_psums_are_each_ones_own() -> None:
    mapping = Mapping("by hand", {}, rows=(Loop("P", 2), Loop("M", 2)), pe=(Loop("R", 2),))
    weights, inputs, _, psums_in, psums_out = asked_for({"P": 2, "M": 2, "R": 2}, mapping, rows=4)
    assert weights == [[0, 1], [2, 3], [0, 1], [2, 3]]
    assert inputs == [[0, 1], [0, 1], [1, 2], [1, 2]]
    assert psums_in == psums_out
    assert len({word for words in psums_in for word in words}) == 4
