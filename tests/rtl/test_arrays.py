"""The arrays compute what NumPy computes, in the cycles that their comments say; the simulator is compared with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from . import harness, model, stepping
from .harness import DRAINS, Fold, NotDoneError, Port, Run, Tile

SHAPES = [(1, 1), (1, 5), (4, 1), (2, 3), (7, 4), (8, 8)]  # rows, columns
KINDS = [(False, False), (False, True), (True, False), (True, True)]  # shadow, skewed


def words(random: Any, *shape: int) -> Any:
    return random.integers(-128, 128, shape)


def fold(random: Any, r: int, c: int, vectors: int, adds: bool = False) -> Fold:
    psums = random.integers(-(2**24), 2**24, (vectors, c)) if adds else None
    return Fold(words(random, r, c), words(random, vectors, r), psums)


def tile(random: Any, r: int, c: int, depth: int) -> Tile:
    return Tile(words(random, r, depth), words(random, depth, c))


def assert_products(run: Run, work: list[Any]) -> None:
    for values, part in zip(run.values, work, strict=True):
        expected = part.inputs @ part.weights
        if isinstance(part, Fold) and part.psums is not None:
            expected = expected + part.psums
        np.testing.assert_array_equal(values, expected)


def is_right(work: list[Any], array: Callable[..., Run], *size: int, **machine: Any) -> bool:
    """Whether the array gives every sum, and the right one."""
    try:
        run = array(*size, work, **machine)
    except NotDoneError:
        return False
    return all(np.array_equal(v, part.inputs @ part.weights) for v, part in zip(run.values, work, strict=True))


# Weight-stationary


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_one_fold_takes_2r_c_m_minus_2_cycles_whatever_the_array_has(rows: int, columns: int, kind: Any) -> None:
    random = np.random.default_rng(1)
    for vectors in (1, 7):
        work = [fold(random, rows, columns, vectors)]
        run = harness.weight_stationary(rows, columns, work, shadow=kind[0], skewed=kind[1])
        assert_products(run, work)
        assert run.rows == [list(range(rows))]
        assert run.vectors == [list(range(rows, rows + vectors))]
        m, j = np.indices((vectors, columns))
        np.testing.assert_array_equal(run.leaves[0], rows + m + rows + j)
        assert run.done == 2 * rows + columns + vectors - 2


@pytest.mark.parametrize("vectors", [1, 4, 20])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_folds_back_to_back_overlap_as_far_as_the_registers_allow(rows: int, columns: int, vectors: int) -> None:
    periods = {
        (False, False): 2 * rows + columns + vectors - 2,  # nothing overlaps: SCALE-Sim's folds
        (False, True): rows + vectors,  # shifting in and multiplying take turns in every PE
        (True, False): max(vectors, 2 * rows + columns - 2),  # the last PE has exchanged, then R rows
        (True, True): max(vectors, rows),
    }
    random = np.random.default_rng(2)
    work = [fold(random, rows, columns, vectors, adds=f % 2 == 1) for f in range(4)]
    for (shadow, skewed), period in periods.items():
        run = harness.weight_stationary(rows, columns, work, shadow=shadow, skewed=skewed)
        assert_products(run, work)
        starts = [of_fold[0] for of_fold in run.vectors]
        assert starts == [rows + f * period for f in range(4)]
        assert run.done == rows + 3 * period + vectors + rows + columns - 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_partly_filled_tile_leaves_in_the_same_cycles_or_shifts_fewer_rows(kind: Any) -> None:
    rows, columns, vectors = 5, 4, 3
    random = np.random.default_rng(3)
    for r, c in [(1, 1), (2, 4), (5, 2), (3, 3)]:
        work = [fold(random, rows, columns, vectors), fold(random, r, c, vectors), fold(random, rows, c, 2, adds=True)]
        for used in (False, True):
            run = harness.weight_stationary(
                rows, columns, work, shadow=kind[0], skewed=kind[1], shift_used_rows=used
            )
            assert_products(run, work)
            assert [len(of_fold) for of_fold in run.rows] == [rows, r if used else rows, rows]
            for of_fold, leaves in zip(run.vectors, run.leaves, strict=True):
                # Sums pass the unused rows below them: R cycles down and j to the right, whatever is used.
                expected = np.add.outer(of_fold, rows + np.arange(leaves.shape[1]))
                np.testing.assert_array_equal(leaves, expected)


@pytest.mark.parametrize(("shadow", "skewed"), [(False, False), (False, True), (True, False)])
def test_weights_that_move_one_cycle_earlier_are_wrong(shadow: bool, skewed: bool) -> None:
    """So the gaps are properties of the array, and not of the bench. (Both: the gap is 0, there is none shorter.)"""
    rows, columns = 3, 4
    random = np.random.default_rng(4)
    work = [fold(random, rows, columns, 3) for _ in range(2)]
    least = harness.weight_gap(rows, columns, shadow, skewed)
    # Without a shadow register the last PE reads its weight in the very cycle at whose end it moves on: the registers
    # would take one cycle less, but then a PE would multiply and shift in one cycle, which the description excludes.
    earliest = least if shadow else least - 1
    for gap, right in [(least, True), (least + 1, True), (earliest - 1, False)]:
        if gap >= 1 or shadow:
            machine = {"shadow": shadow, "skewed": skewed, "gaps": [gap] * 2}
            assert is_right(work, harness.weight_stationary, rows, columns, **machine) == right


# Output-stationary


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_one_tile_of_outputs_takes_r_c_k_minus_2_cycles_and_then_drains(rows: int, columns: int) -> None:
    random = np.random.default_rng(5)
    i, j = np.indices((rows, columns))
    for depth in (1, 6):
        work = [tile(random, rows, columns, depth)]
        last = depth - 1
        leaves = {
            "at_once": rows + columns + depth - 2 + 0 * i,
            "each": last + i + j + 1,
            "down": last + rows + j + (rows - 1 - i),
            "down_apart": last + rows + j + (rows - 1 - i),
        }
        for drain in DRAINS:
            run = harness.output_stationary(rows, columns, work, drain=drain)
            assert_products(run, work)
            assert run.vectors == [list(range(depth))]
            np.testing.assert_array_equal(run.leaves[0], leaves[drain])
        assert run.done == depth - 1 + 2 * rows - 1 + columns - 1


@pytest.mark.parametrize("depth", [1, 3, 12])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_tiles_back_to_back_overlap_as_far_as_their_way_out_allows(rows: int, columns: int, depth: int) -> None:
    periods = {
        "at_once": rows + columns + depth - 2,  # nothing overlaps: SCALE-Sim's folds
        "each": depth,
        "down": depth + rows - 1,
        "down_apart": max(depth, rows),
    }
    random = np.random.default_rng(6)
    work = [tile(random, rows, columns, depth) for _ in range(4)]
    for drain, period in periods.items():
        run = harness.output_stationary(rows, columns, work, drain=drain)
        assert_products(run, work)
        assert [of_tile[-1] for of_tile in run.vectors] == [depth - 1 + f * period for f in range(4)]


def test_a_partly_filled_tile_of_outputs_waits_for_the_pes_it_uses_or_for_all() -> None:
    rows, columns, depth = 5, 4, 3
    random = np.random.default_rng(7)
    for r, c in [(1, 1), (2, 4), (5, 2), (3, 3)]:
        work = [tile(random, r, c, depth), tile(random, rows, columns, depth), tile(random, r, c, depth)]
        used = harness.output_stationary(rows, columns, work, wait_for_used=True)
        whole = harness.output_stationary(rows, columns, work)
        for run, (near, far) in [(used, (r, c)), (whole, (rows, columns))]:
            assert_products(run, work)
            assert run.leaves[0].tolist() == [[depth + near + far - 2] * c] * r
            assert run.vectors[1][0] == depth + near + far - 2
        for drain in ("each", "down", "down_apart"):
            assert_products(harness.output_stationary(rows, columns, work, drain=drain), work)


@pytest.mark.parametrize("drain", ["at_once", "down", "down_apart"])
def test_a_tile_that_starts_one_cycle_earlier_is_wrong(drain: str) -> None:
    rows, columns, depth = 4, 3, 1
    random = np.random.default_rng(8)
    work = [tile(random, rows, columns, depth) for _ in range(2)]
    least = harness.output_gap(rows, columns, drain)
    for gap, right in [(least, True), (least + 1, True), (least - 1, False)]:
        machine = {"drain": drain, "gaps": [gap] * 2}
        assert is_right(work, harness.output_stationary, rows, columns, **machine) == right


# Bubbles and slow edges


@pytest.mark.parametrize("freeze", [False, True])
def test_a_bubble_at_the_edge_freezes_the_array_or_ripples_through_it(freeze: bool) -> None:
    rows, columns = 3, 2
    random = np.random.default_rng(9)
    work = [fold(random, rows, columns, 4)]
    bubbles = Port(blocked=frozenset({4, 7, 8}))  # vectors are due from cycle 3 on: they enter in 3, 5, 6, 9
    run = harness.weight_stationary(rows, columns, work, freeze=freeze, inputs=bubbles)
    assert_products(run, work)
    assert run.vectors == [[3, 5, 6, 9]]
    if freeze:  # the array moves in 3, 5, 6, 9, 10, ...: column 0 adds its last product two moves after the vector's
        assert run.leaves[0].tolist() == [[6 + 1, 9 + 1], [9 + 1, 10 + 1], [10 + 1, 11 + 1], [11 + 1, 12 + 1]]
    else:
        assert run.leaves[0].tolist() == [[6, 7], [8, 9], [9, 10], [12, 13]]


@pytest.mark.parametrize("freeze", [False, True])
def test_an_edge_port_with_a_vector_every_k_cycles_sets_the_pace(freeze: bool) -> None:
    rows, columns, vectors = 2, 3, 5
    random = np.random.default_rng(10)
    work = [fold(random, rows, columns, vectors)]
    for every in (3, 4):
        # Started on in cycle 0 and again whenever the one before is through, while the FIFO has room for it.
        roomy = Port(words=rows, every=every, depth=2 * rows)
        run = harness.weight_stationary(rows, columns, work, freeze=freeze, inputs=roomy)
        assert run.vectors == [[every * (m + 1) for m in range(vectors)]]
        # With room for one vector the next is started on when that has been taken: one cycle more.
        tight = Port(words=rows, every=every, depth=rows)
        run = harness.weight_stationary(rows, columns, work, freeze=freeze, inputs=tight)
        assert run.vectors == [[every + (every + 1) * m for m in range(vectors)]]
        assert_products(run, work)


def test_a_port_that_is_fast_enough_costs_its_latency_and_one_that_is_not_its_words() -> None:
    rows, columns, depth = 4, 2, 9
    random = np.random.default_rng(11)
    work = [tile(random, rows, columns, depth)]
    for rate in (1, 2, 3, 4, 5):
        run = harness.output_stationary(rows, columns, work, inputs=Port(words=rate, depth=3 * rows))
        assert run.vectors == [[max(-(-rows * (k + 1) // rate), k + 1) for k in range(depth)]]
        assert_products(run, work)


def test_weights_that_come_too_slowly_hold_up_the_next_fold_and_not_this_one() -> None:
    rows, columns, vectors = 3, 4, 4
    random = np.random.default_rng(12)
    work = [fold(random, rows, columns, vectors) for _ in range(3)]
    slow = Port(words=1, depth=3 * columns)  # a row every 4 cycles, a tile every 12
    for freeze in (False, True):
        run = harness.weight_stationary(
            rows, columns, work, shadow=True, skewed=True, freeze=freeze, weights=slow
        )
        assert_products(run, work)
        assert [of_fold[-1] for of_fold in run.rows] == [12, 24, 36]
        assert run.vectors == [[13 + 12 * f + m for m in range(vectors)] for f in range(3)]


@pytest.mark.parametrize("freeze", [False, True])
def test_sums_that_cannot_leave_freeze_the_array_in_any_case(freeze: bool) -> None:
    rows, columns, vectors = 1, 2, 4
    random = np.random.default_rng(13)
    work = [fold(random, rows, columns, vectors)]
    one_by_one = Port(words=1, depth=2)
    run = harness.weight_stationary(rows, columns, work, freeze=freeze, outputs=one_by_one)
    assert_products(run, work)
    # Vectors would enter in 1, 2, 3, 4. The move in cycle 1 brings one sum to the edge; the next one would bring two, so
    # it has to wait until that one is home, in cycle 3. Two are at the edge in 4 and home in 5 and 6, and so on. The
    # move after the last vector's (cycle 9) brings one sum, for which there is room when one of two is home, in 11.
    assert run.vectors == [[1, 3, 6, 9]]
    assert run.leaves[0].tolist() == [[2, 4], [4, 7], [7, 10], [10, 12]]
    assert run.homes == [3, 5, 6, 8, 9, 11, 12, 13]


def test_psums_come_in_when_the_sums_before_them_are_home() -> None:
    rows, columns = 1, 3
    random = np.random.default_rng(14)
    first, second = fold(random, rows, columns, 1), fold(random, rows, columns, 1)
    second = Fold(second.weights, second.inputs, first.inputs @ first.weights, after=[1])
    # The first vector enters in 1 and its sums leave in 2, 3, 4. They are home a port's cycle later, and come in through
    # one: the second vector enters when they are there, and no later than its weights (in 3) where nothing is waited for.
    by_one = Port(words=columns, depth=columns)
    for outputs, psums, enters in [(None, None, 4), (by_one, None, 5), (None, by_one, 5), (by_one, by_one, 6)]:
        run = harness.weight_stationary(rows, columns, [first, second], skewed=True, outputs=outputs, psums=psums)
        assert_products(run, [first, second])
        assert run.vectors == [[1], [enters]]
    there = Fold(second.weights, second.inputs, second.psums)
    assert harness.weight_stationary(rows, columns, [first, there], skewed=True).vectors == [[1], [3]]


# Any mixture of all that, against recurrences in plain Python


def random_port(random: Any, lanes: int, horizon: int = 80) -> Port:
    kind = random.integers(4)
    rate = random.uniform(0, 0.6)
    blocked = frozenset(np.flatnonzero(random.random(horizon) < rate).tolist()) if kind % 2 else frozenset()
    if kind < 2:
        return Port(blocked=blocked)
    words, every = [(int(random.integers(1, lanes + 2)), 1), (1, int(random.integers(1, 4))), (lanes, int(random.integers(1, 6)))][random.integers(3)]
    return Port(words, every, int(random.integers(lanes, 4 * lanes + 1)), blocked)


def random_out(random: Any, at_a_time: int) -> Port:
    if random.integers(5) == 0:
        return Port()
    words, every = (int(random.integers(1, at_a_time + 2)), 1) if random.integers(2) else (1, int(random.integers(1, 4)))
    return Port(words, every, int(random.integers(at_a_time, 3 * at_a_time + 1)))


def check_weight_stationary(seed: int) -> None:
    random = np.random.default_rng([20, seed])
    rows, columns = (int(n) for n in random.integers(1, 9, 2))
    work = []
    for _ in range(random.integers(1, 6)):
        r, c = (int(random.integers(1, n + 1)) if random.random() < 0.4 else n for n in (rows, columns))
        work.append(fold(random, r, c, int(random.integers(1, 16)), adds=bool(random.random() < 0.4)))
    shadow, skewed, freeze, used = (bool(flag) for flag in random.integers(0, 2, 4))
    ports = {
        "inputs": random_port(random, rows),
        "weights": random_port(random, columns),
        "psums": random_port(random, columns),
    }
    machine = {"shadow": shadow, "skewed": skewed, "freeze": freeze, "shift_used_rows": used}
    run = harness.weight_stationary(rows, columns, work, **machine, **ports)
    entered, vectors, leaves = model.weight_stationary(rows, columns, work, **machine, **ports)
    assert_products(run, work)
    assert run.rows == entered
    assert run.vectors == vectors
    assert [found.tolist() for found in run.leaves] == [found.tolist() for found in leaves]

    ports["outputs"] = random_out(random, columns)
    run = harness.weight_stationary(rows, columns, work, **machine, **ports)
    entered, vectors, leaves, homes = stepping.weight_stationary(rows, columns, work, **machine, **ports)
    assert_products(run, work)
    assert (run.rows, run.vectors, run.homes) == (entered, vectors, homes)
    assert [found.tolist() for found in run.leaves] == [found.tolist() for found in leaves]


def check_output_stationary(seed: int) -> None:
    random = np.random.default_rng([21, seed])
    rows, columns = (int(n) for n in random.integers(1, 9, 2))
    work = []
    for _ in range(random.integers(1, 6)):
        r, c = (int(random.integers(1, n + 1)) if random.random() < 0.4 else n for n in (rows, columns))
        work.append(tile(random, r, c, int(random.integers(1, 16))))
    machine = {"drain": DRAINS[random.integers(4)], "freeze": bool(random.integers(2)), "wait_for_used": bool(random.integers(2))}
    ports = {"inputs": random_port(random, rows), "weights": random_port(random, columns)}
    run = harness.output_stationary(rows, columns, work, **machine, **ports)
    vectors, leaves = model.output_stationary(rows, columns, work, **machine, **ports)
    assert_products(run, work)
    assert run.vectors == vectors
    assert [found.tolist() for found in run.leaves] == [found.tolist() for found in leaves]

    ports["outputs"] = random_out(random, columns if "down" in machine["drain"] else rows * columns)
    run = harness.output_stationary(rows, columns, work, **machine, **ports)
    vectors, leaves, homes = stepping.output_stationary(rows, columns, work, **machine, **ports)
    assert_products(run, work)
    assert (run.vectors, run.homes) == (vectors, homes)
    assert [found.tolist() for found in run.leaves] == [found.tolist() for found in leaves]


@pytest.mark.parametrize("seed", range(20))
def test_any_weight_stationary_array_keeps_its_recurrence(seed: int) -> None:
    check_weight_stationary(seed)


@pytest.mark.parametrize("seed", range(20))
def test_any_output_stationary_array_keeps_its_recurrence(seed: int) -> None:
    check_output_stationary(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_more_arrays_keep_their_recurrence(block: int) -> None:
    for seed in range(1000 + 40 * block, 1040 + 40 * block):
        check_weight_stationary(seed)
        check_output_stationary(seed)


# The harness itself


def test_without_icarus_verilog_a_run_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="iverilog is not installed"):
        harness.require_verilog()


def test_a_fifo_that_cannot_hold_a_vector_is_refused() -> None:
    work = [fold(np.random.default_rng(0), 4, 4, 1)]
    with pytest.raises(ValueError, match="the FIFO of the input port has 3 words, at a time up to 4"):
        harness.weight_stationary(4, 4, work, inputs=Port(words=1, depth=3))
