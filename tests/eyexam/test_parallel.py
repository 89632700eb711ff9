"""Steps 2 to 5: against trying everything, and by hand."""

from fractions import Fraction
from itertools import product
from math import ceil, prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulator
from simulator.dataflows import dataflows, map_layer, parallelism_of
from simulator.eyexam.freedom import Freedom, freedom_of, pieces_at_once
from simulator.eyexam.parallel import in_storage, on_array, on_pes
from simulator.eyexam.steps import bounds_of
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

BYTES = 2


def layer_of(**sizes: int) -> Layer:
    return Layer("L", {d: sizes.get(d, 1) for d in DIMENSIONS})


def words(box: dict[str, int]) -> tuple[int, int, int]:
    """Weights, inputs and outputs of a box, at stride 1."""
    n, g, m, c, p, q, r, s = (box[d] for d in "NGMCPQRS")
    return g * m * c * r * s, n * g * c * (p + r - 1) * (q + s - 1), n * g * m * p * q


def tried(layer: Layer, freedom: Freedom, rows: int, columns: int, rooms: tuple[int, int] | None) -> int:
    """The least rounds over every way to lay dimensions on rows and columns, with room for (inputs + outputs, weights)."""
    best = 0
    spread = [d for d in DIMENSIONS if d in freedom.rows or d in freedom.columns]
    ways = []
    for d in spread:
        downs = range(1, (rows if d in freedom.rows else 1) + 1)
        alongs = range(1, (columns if d in freedom.columns else 1) + 1)
        ways.append([(a, b, n) for a in downs for b in alongs for n in {min(a * b, layer.sizes[d]), max(1, a * b - 1)} if n <= layer.sizes[d]])
    for way in product(*ways):
        at_once = dict(zip(spread, (n for _, _, n in way), strict=True))
        if prod(a for a, _, _ in way) > rows or prod(b for _, b, _ in way) > columns:
            continue
        if any(at_once[d] < layer.sizes[d] for d in freedom.whole):
            continue
        box: dict[str, int] = {d: layer.sizes[d] if d in freedom.held else at_once.get(d, 1) for d in DIMENSIONS}
        weights, inputs, outputs = words(box)
        if rooms is not None and (inputs + outputs > rooms[0] or weights > rooms[1]):
            continue
        rounds = prod(ceil(Fraction(layer.sizes[d], at_once[d])) for d in spread)
        best = rounds if best == 0 else min(best, rounds)
    return best


@st.composite
def questions(draw: st.DrawFn) -> tuple[Layer, Freedom, int, int, tuple[int, int]]:
    some = draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=3, unique=True))
    layer = layer_of(**{d: draw(st.integers(2, 11)) for d in some})
    rows_have = draw(st.sets(st.sampled_from(some)))
    columns_have = draw(st.sets(st.sampled_from(some)))
    held = draw(st.sets(st.sampled_from(some), max_size=1))

    def ordered(names: set[Dimension]) -> tuple[Dimension, ...]:
        return tuple(d for d in DIMENSIONS if d in names)

    freedom = Freedom(ordered(rows_have), ordered(columns_have), (), ordered(held))
    rooms = draw(st.tuples(st.integers(2, 60), st.integers(1, 30)))
    return layer, freedom, draw(st.integers(1, 5)), draw(st.integers(1, 4)), rooms


def machine_of(rows: int, columns: int, rooms: tuple[int, int]) -> Architecture:
    machine = simulator.load_architecture("ws16")
    return machine.replace(
        array__rows=rows, array__columns=columns,
        memories__glb__capacity_bytes=BYTES * rooms[0], memories__weight_buffer__capacity_bytes=BYTES * rooms[1],
    )  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(questions())
def test_the_search_finds_what_trying_everything_finds(question: Any) -> None:
    layer, freedom, rows, columns, rooms = question
    everywhere = Freedom(freedom.spread, (), (), freedom.held)
    assert on_pes(layer, freedom, rows * columns).rounds == tried(layer, everywhere, rows * columns, 1, None)
    assert on_array(layer, freedom, rows, columns).rounds == tried(layer, freedom, rows, columns, None)
    least = tried(layer, freedom, rows, columns, rooms)
    if least:  # the box of a single PE fits
        found = in_storage(layer, freedom, machine_of(rows, columns, rooms))
        assert found.rounds == least
        assert found.pes <= rows * columns


def test_a_dimension_that_is_spread_whole_has_a_pe_for_every_index() -> None:
    layer = layer_of(R=5, P=27)
    free = Freedom(("P", "R"), ("P",), (), ())
    whole = Freedom(("P", "R"), ("P",), ("R",), ())
    assert on_pes(layer, free, 28).rounds == 5  # P 27, R in 5 rounds
    assert on_pes(layer, whole, 28).rounds == 6  # 5 rows of 5 PEs: 27 outputs in 6 rounds
    assert on_array(layer, whole, 12, 14).choices["R"].rows == 5


def test_the_steps_of_alexnets_second_layer_on_eyeriss_by_hand() -> None:
    """G 2, M 128, C 48, P Q 27, R S 5; M P C R over rows, M P over columns, all 5 of R at once."""
    machine, workload = simulator.load_architecture("eyeriss_v1"), simulator.load_workload("alexnet")
    layer = next(x for x in workload.lower(1) if x.name == "CONV2")
    assert isinstance(layer, Layer)
    mapping = map_layer(layer, machine, "row_stationary")
    bounds = bounds_of(layer, mapping, machine)
    steps = [step.macs_per_cycle for step in bounds.most_parallel]
    assert steps[0] == 2 * 128 * 48 * 27 * 27 * 5 * 5
    assert steps[1] == 128 * 48 * 27 * 5
    # 168 PEs have 33 sets of 5. 32 of them always work (M 32 in 4 rounds); 33 = 3 x 11 and 11 divide nothing.
    assert steps[2] == 32 * 5
    # 12 rows hold 2 sets of 5, 14 columns wide: 28 places. All 27 output rows at once, or two halves of C on 14 and 13.
    assert steps[3] == steps[4] == 27 * 5
    assert bounds.occupancy.macs_per_cycle == 27 * 5
    assert bounds.most_parallel[3].limit.startswith("12 x 14 PEs: rows ")
    assert "R always whole" in bounds.most_parallel[3].limit


def test_storage_binds_where_what_runs_at_once_is_too_large() -> None:
    """16 x 16 weights are 512 bytes; with room for 100 of them at most 16 x 6, 14 x 7, 12 x 8, 11 x 9 or 10 x 10 run at once."""
    machine = simulator.load_architecture("ws16").replace(memories__weight_buffer__capacity_bytes=200)
    layer = layer_of(M=64, C=64)
    mapping = Mapping("loops", {"dram": (Loop("M", 16), Loop("C", 16)), "glb": (), "weight_buffer": ()}, rows=(Loop("C", 4),), columns=(Loop("M", 4),))
    bounds = bounds_of(layer, mapping, machine)
    assert [float(step.macs_per_cycle) for step in bounds.most_parallel] == [4096, 4096, 256, 256, 4096 / 44]
    # 16 x 6: 4 x 11 = 44 rounds; 14 x 7, 12 x 8, 11 x 9 and 10 x 10 need 5 x 10, 6 x 8, 6 x 8 and 7 x 7
    assert "weight_buffer" in bounds.most_parallel[4].limit


def test_a_given_nest_is_its_own_dataflow() -> None:
    machine, layer = simulator.load_architecture("ws16"), layer_of(M=8, C=8, Q=30)
    nest = Mapping("loops", {"dram": (Loop("C", 8), Loop("M", 8)), "glb": (), "weight_buffer": ()}, columns=(Loop("Q", 15),), steps=(Loop("Q", 2),))
    freedom = freedom_of(layer, nest, machine)
    assert (freedom.rows, freedom.columns, freedom.whole, freedom.held) == ((), ("Q",), (), ())
    assert bounds_of(layer, nest, machine).most_parallel[1].macs_per_cycle == 30


@pytest.mark.parametrize("dataflow", sorted(dataflows("spatial")))
@pytest.mark.parametrize("machine", ["ws16", "os16", "eyeriss_v1"])
def test_a_dataflow_spreads_only_what_it_declares(dataflow: str, machine: str) -> None:
    architecture = simulator.load_architecture(machine)
    declared = parallelism_of(dataflow)
    for layer in simulator.load_workload("alexnet").lower(2):
        if not isinstance(layer, Layer) or (dataflow == "row_stationary" and machine == "os16" and layer.sizes["R"] > 1):
            continue
        mapping = map_layer(layer, architecture, dataflow)
        assert {loop.dimension for loop in mapping.rows if loop.trips > 1} <= declared.rows
        assert {loop.dimension for loop in mapping.columns if loop.trips > 1} <= declared.columns
        freedom = freedom_of(layer, mapping, architecture)
        assert set(freedom.whole) == {d for d in declared.spread_whole if layer.sizes[d] > 1}
        assert set(freedom.held) == declared.held_whole


def test_pieces_at_once_are_those_of_the_largest_step() -> None:
    nest = Mapping("loops", {"dram": (Loop("P", 3, 4),)}, rows=(Loop("P", 2),), columns=(Loop("P", 3),))
    assert pieces_at_once(layer_of(P=10), nest)["P"] == 4  # rows 3 + 1: three PEs, then one
