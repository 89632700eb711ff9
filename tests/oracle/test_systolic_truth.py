"""The brute-force model of systolic arrays against closed formulas and against what the arrays in Verilog do."""

from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from rtl import model, stepping
from rtl.harness import Fold, Port, Tile

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer

from .machines import built
from .oracle import Oracle
from .systolic import ALONG, SystolicArray
from .systolic_machines import STEPPED, systolic_cases

FREE = "unlimited"
ROOMY = 10_000
STORES = {"weight": "weights", "input": "ins", "output": "outs"}
Tree = dict[str, Any]


def machine(stationary: str, rows: int, columns: int, rates: Tree | None = None, **array: Any) -> Tree:
    """An array with everything on the chip, one memory for each data type; ``rates`` of their ports at the array."""
    rates = dict.fromkeys(STORES, FREE) | (rates or {})
    stores: Tree = {
        name: {"kind": "sram", "keeps": d, "capacity_bytes": 1 << 20, "read_words_per_cycle": rates[d]} for d, name in STORES.items()
    }
    stores["outs"] |= {"accumulates": True, "write_words_per_cycle": rates["output"]}
    return {
        "name": "truth", "clock_mhz": 100, "word_bits": dict.fromkeys(STORES, 8), "dataflow": "systolic", "memories": stores, "networks": {},
        "array": {"kind": "systolic", "rows": rows, "columns": columns, "stationary": stationary, **array},
    }  # fmt: skip


def run(description: Tree, sizes: dict[str, int], outer: str = "GNMC") -> Oracle:
    """A layer, its folds one after another, the last of ``outer`` fastest."""
    array = description["array"]
    along = dict(zip(ALONG[array["stationary"]], (array["rows"], array["columns"]), strict=True))
    stepped = STEPPED[array["stationary"]]
    layer = Layer("truth", dict.fromkeys("NGMCPQRS", 1) | sizes)  # type: ignore[arg-type]
    spread = {d: [Loop(d, min(n, layer.sizes[d]))] for d, n in along.items()}  # type: ignore[index, arg-type]
    around = [Loop(d, ceil(layer.sizes[d] / along.get(d, 1))) for d in outer if d != stepped]  # type: ignore[index, arg-type]
    levels = dict.fromkeys(description["memories"], ()) | {"weights": tuple(around)}
    rows, columns = (tuple(loops) for loops in spread.values())
    steps = (Loop(stepped, layer.sizes[stepped]),)  # type: ignore[index, arg-type]
    oracle = Oracle(layer, Mapping("truth", levels, rows, columns, steps), built(description))
    told = oracle.run()
    check_account(told)
    return oracle


def check_account(told: Tree) -> None:
    """Every PE-cycle has one name, every stalled one a cause."""
    assert sum(told["pe_cycles"].values()) == told["pes"] * told["cycles"]
    assert told["pe_cycles"]["mac"] == told["macs"]
    for name, causes in told["stall_causes"].items():
        assert sum(causes.values()) == told["pe_cycles"][name]


def array_of(oracle: Oracle) -> SystolicArray:
    assert isinstance(oracle.array, SystolicArray)
    return oracle.array


# Closed formulas


SHAPES = [(1, 1), (1, 4), (3, 1), (3, 2), (4, 5)]
SIZES = [{"N": 1, "C": 1, "M": 1}, {"N": 7, "C": 9, "M": 8}, {"N": 12, "C": 3, "M": 5}, {"N": 2, "C": 12, "M": 10, "G": 2}]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("stationary", STORES)
def test_folds_that_do_not_overlap_take_what_scale_sim_says(stationary: str, rows: int, columns: int, sizes: dict[str, int]) -> None:
    along, across = ALONG[stationary]
    folds = ceil(sizes[along] / rows) * ceil(sizes[across] / columns) * sizes.get("G", 1)
    shift_in = 0 if stationary == "output" else rows
    oracle = run(machine(stationary, rows, columns), sizes)
    assert oracle.end == folds * (shift_in + rows + columns + sizes[STEPPED[stationary]] - 2)
    names = {name for name, n in oracle.array.account.names.items() if n}
    assert names <= {"mac", "fill_drain", "unmapped", f"stall_{stationary}"}
    if stationary != "output":  # rows are shifted in, that is all
        assert set(oracle.array.account.causes()[f"stall_{stationary}"]) == {"array"}


# The arrays in Verilog


def random_edge(random: Any, width: int, uniform: bool) -> tuple[Port, Any, int]:
    """A port of the hardware, the same as words per cycle, and the vectors that fit its FIFO.

    Where all vectors are as long as the edge, whole ones cross, and the FIFO may be small; else the words one by one.
    """
    every = int(random.integers(1, 6))
    kind = random.integers(3)
    if kind == 0:
        return Port(), FREE, 2
    if kind == 1 and uniform:
        depth = int(random.integers(1, 4))
        return Port(width, every, depth * width), str(Fraction(width, every)), depth
    return Port(1, every, ROOMY), str(Fraction(1, every)), ROOMY


def random_shape(random: Any, single: bool) -> tuple[int, int, int, int, bool]:
    """Rows and columns of an array, words along both, and whether they fill it."""
    rows, columns = (int(n) for n in random.integers(1, 6, 2))
    columns = 1 if single else columns
    uniform = bool(random.integers(2))
    along, across = (int(n * f) if uniform else int(random.integers(1, 3 * n + 1)) for n, f in zip((rows, columns), random.integers(1, 4, 2), strict=True))
    return rows, columns, along, across, uniform


def folds_of(oracle: Oracle) -> list[tuple[int, int, int]]:
    """(r, c, vectors) one after another."""
    return [(held.r, held.c, len(held.vectors)) for held in oracle.program.held_tiles]  # type: ignore[attr-defined]


def in_order(oracle: Oracle, alone: list[int]) -> list[int]:
    """When results are there, if they would be at ``alone`` but for those before them: one by one, in order."""
    out: list[int] = []
    moves = array_of(oracle).moves
    for cycle in alone:
        after = next((move + 1 for move in moves if move >= out[-1]), 0) if out else 0
        out.append(max(cycle, after))
    return out


@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize("number", range(80))
def test_rows_and_vectors_enter_and_results_leave_as_in_the_hardware(number: int, leaving: bool) -> None:
    """Stationary weights and inputs; where results ``leave`` over a slow port there is one column, as columns leave on their own."""
    random = np.random.default_rng([1, number])
    rows, columns, along, across, uniform = random_shape(random, leaving)
    stationary = ["weight", "input"][random.integers(2)]
    moving = {"weight": "input", "input": "weight"}[stationary]
    shadow, skewed, freeze, used = (bool(flag) for flag in random.integers(0, 2, 4))
    left, left_rate, left_room = random_edge(random, rows, uniform)
    top, top_rate, top_room = random_edge(random, columns, uniform)
    every, depth = (int(n) for n in random.integers(1, 5, 2))
    description = machine(
        stationary, rows, columns, {stationary: top_rate, moving: left_rate, "output": str(Fraction(1, every)) if leaving else FREE},
        shadow=shadow, shift="skewed" if skewed else "straight", bubbles="freeze" if freeze else "ripple",
        shifted_rows="used" if used else "all", left_fifo_words=left_room, top_fifo_words=top_room,
        output_fifo_words=depth if leaving else ROOMY,
    )  # fmt: skip
    sizes = dict(zip(ALONG[stationary], (along, across), strict=True)) | {STEPPED[stationary]: int(random.integers(2, 12))}
    oracle = run(description, sizes, "GNMC" if random.integers(2) else "GCMN")
    folds = [Fold(np.zeros((r, c)), np.zeros((n, r))) for r, c, n in folds_of(oracle)]
    hardware: Tree = {"shadow": shadow, "skewed": skewed, "freeze": freeze, "shift_used_rows": used}
    hardware |= {"inputs": left, "weights": top, "psums": Port()}
    if leaving:
        entered, vectors, leaves, homes = stepping.weight_stationary(rows, columns, folds, **hardware, outputs=Port(1, every, depth))
        assert [result.written for result in oracle.program.results] == homes  # type: ignore[attr-defined]
    else:
        entered, vectors, leaves = model.weight_stationary(rows, columns, folds, **hardware)
    assert [held.rows for held in oracle.program.held_tiles] == entered  # type: ignore[attr-defined]
    assert [[vector.cycle for vector in held.vectors] for held in oracle.program.held_tiles] == vectors  # type: ignore[attr-defined]
    alone = [int(words.max()) for of_fold in leaves for words in of_fold]
    assert [result.ready for result in oracle.program.results] == in_order(oracle, alone)  # type: ignore[attr-defined]


@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize("number", range(80))
def test_vectors_enter_and_outputs_leave_as_in_the_hardware(number: int, leaving: bool) -> None:
    """Stationary outputs; where they ``leave`` over a slow port, whole tiles do at once, all of one size."""
    random = np.random.default_rng([2, number])
    rows, columns, along, across, uniform = random_shape(random, False)
    if leaving and not uniform:
        along, across = min(along, rows), min(across, columns)
    drain = "at_once" if leaving else ["at_once", "each", "down", "apart"][random.integers(4)]
    freeze, used = (bool(flag) for flag in random.integers(0, 2, 2))
    left, left_rate, left_room = random_edge(random, rows, uniform)
    top, top_rate, top_room = random_edge(random, columns, uniform)
    r, c = min(along, rows), min(across, columns)
    every, depth = (int(n) for n in random.integers(1, 25, 2))
    depth = 1 + depth % 3
    description = machine(
        "output", rows, columns, {"weight": top_rate, "input": left_rate, "output": str(Fraction(r * c, every)) if leaving else FREE},
        bubbles="freeze" if freeze else "ripple", drain=drain, wavefront="used" if used else "array",
        left_fifo_words=left_room, top_fifo_words=top_room, output_fifo_words=depth if leaving else ROOMY,
    )  # fmt: skip
    oracle = run(description, {"N": along, "M": across, "C": int(random.integers(2, 12))}, "GNMC" if random.integers(2) else "GMNC")
    tiles = [Tile(np.zeros((r, k)), np.zeros((k, c))) for r, c, k in folds_of(oracle)]
    hardware: Tree = {"drain": "down_apart" if drain == "apart" else drain, "freeze": freeze, "wait_for_used": used}
    hardware |= {"inputs": left, "weights": top}
    if leaving:
        out = Port(r * c, every, depth * r * c)
        vectors, leaves, homes = stepping.output_stationary(rows, columns, tiles, **hardware, outputs=out)
        assert [result.written for result in oracle.program.results for _ in range(r * c)] == homes  # type: ignore[attr-defined]
    else:
        vectors, leaves = model.output_stationary(rows, columns, tiles, **hardware)
    assert [[vector.cycle for vector in held.vectors] for held in oracle.program.held_tiles] == vectors  # type: ignore[attr-defined]
    alone = [int(sums.max()) for sums in leaves]
    assert [result.ready for result in oracle.program.results] == in_order(oracle, alone)  # type: ignore[attr-defined]


# Any machine


@pytest.mark.parametrize("number", range(4))
def test_any_machine_ends_with_every_cycle_and_every_word_accounted_for(number: int) -> None:
    """The model itself holds every move against registers of single PEs."""

    @seed(number)
    @settings(max_examples=25, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(systolic_cases())
    def body(case: Any) -> None:
        description, layer, mapping = case
        machine = built(description)
        out = Oracle(layer, mapping, machine).run()
        check_account(out)
        assert out["macs"] == layer.macs
        (home, *inside), outputs = machine.levels("output"), layer.macs // layer.sizes["C"]
        if inside:  # each sum is written home once more than it is read from there
            words = out["words"][home]["output"]
            assert words["array_write"] - words["array_read"] == outputs
        for inner in inside or [home]:
            words = out["words"][inner]["output"]
            assert machine.accumulates() or words["array_write"] - words["array_read"] == outputs

    body()


# Stories worked out by hand


def told(description: Tree, **sizes: int) -> Tree:
    oracle = run(description, sizes)
    out = oracle._result()
    names = {name: n for name, n in out["pe_cycles"].items() if n}
    return {"cycles": out["cycles"], "names": names, "causes": {k: v for k, v in out["stall_causes"].items() if v}, **out["actions"]["scratchpad"]}


def test_a_tile_is_where_the_words_of_the_row_that_enters_next_are() -> None:
    """Words of three cycles: rows enter in 3 and 6, vectors in 7 and 8; the second PE has multiplied in 9."""
    out = told(machine("weight", 2, 1, {"weight": "1/3"}), C=2, N=2)
    assert (out["cycles"], out["names"]) == (10, {"stall_weight": 2 * 7, "mac": 2 * 2, "fill_drain": 2})
    assert out["causes"] == {"stall_weight": {"weights": 2 * 5, "array": 2 * 2}}
    assert (out["weight"], out["input"]) == ({"read": 4, "write": 1 + 2}, {"read": 4, "write": 4})


def test_a_wait_goes_whole_to_what_is_there_last() -> None:
    """The first vector is there in 10, after the tile; the second one in 20. With one row of weights in the FIFO nothing changes."""
    for fifo in (1, 2):
        out = told(machine("weight", 2, 1, {"weight": "1/3", "input": "1/5"}, top_fifo_words=fifo), C=2, N=2)
        assert (out["cycles"], out["names"]) == (22, {"stall_input": 2 * (10 + 9), "mac": 2 * 2, "fill_drain": 2})
        assert out["causes"] == {"stall_input": {"ins": 2 * 19}}


def test_results_without_room_stop_the_array() -> None:
    """Vectors in 1, 6 and 11: results take four cycles on the port, and only one waits for it."""
    out = told(machine("weight", 1, 1, {"output": "1/4"}, output_fifo_words=1), N=3)
    assert (out["cycles"], out["names"]) == (16, {"stall_weight": 1, "mac": 3, "stall_output": 8, "imbalance": 4})
    assert out["causes"] == {"stall_weight": {"array": 1}, "stall_output": {"outs": 8}}


def test_what_a_fold_does_not_use_is_unmapped_until_its_last_vector() -> None:
    """Rows in 0 and 4, vectors in 1 and 2, 5 and 6: a wave takes one move more. After the last one unused PEs stay unmapped."""
    out = told(machine("weight", 1, 2), N=2, M=3)
    assert (out["cycles"], out["names"]) == (8, {"stall_weight": 2 + 1, "mac": 4 + 2, "fill_drain": 1 + 1, "unmapped": 4 + 1})


def test_outputs_wait_for_the_way_out_of_those_before() -> None:
    """Tiles of one vector through registers of their own: two rows have to pass first, so vectors enter in 0, 2, 4.

    The last one is with the second PE in 5, where the sum of the first one comes by in 6.
    """
    out = told(machine("output", 2, 1, drain="apart"), N=6)
    assert (out["cycles"], out["names"]) == (7, {"mac": 2 * 3, "fill_drain": 2 * (2 + 2)})


def test_a_vector_that_is_late_stops_an_array_that_freezes() -> None:
    """Vectors are there in 2, 4 and 6: the first one's sum needs two moves after its own, in 5 and 7 if it freezes."""
    for bubbles, result in (("ripple", 2 + 2), ("freeze", 2 + 3)):
        oracle = run(machine("weight", 1, 2, {"input": "1/2"}, bubbles=bubbles), {"N": 3, "M": 2})
        assert [vector.cycle for vector in oracle.program.vectors] == [2, 4, 6]  # type: ignore[attr-defined]
        assert oracle.program.results[0].ready == result  # type: ignore[attr-defined]
