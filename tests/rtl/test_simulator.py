"""The simulator's cycles and values are the Verilog's, exactly."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from simulator.mapping.check import FOLDS

from .harness import Run
from .simulated import Case, Data, Edge, Simulated, computed, cut, simulated, verilog

SHAPES = [(1, 1), (1, 5), (4, 1), (2, 3), (7, 4), (8, 8)]  # rows, columns
KINDS = [(False, "straight"), (False, "skewed"), (True, "straight"), (True, "skewed")]  # shadow, shift
EVERY = [1, 2, 3, 5]


def assert_equal(case: Case, seed: int = 0) -> tuple[int, int]:
    """The simulator and the Verilog agree; returns how many cycles and how many values were compared."""
    data = Data.of(case, np.random.default_rng(seed))
    run, outputs = verilog(case, data)
    found = simulated(case)
    assert found.vectors == run.vectors, case
    assert [of_fold.tolist() for of_fold in found.leaves] == [of_fold.tolist() for of_fold in run.leaves], case
    cycles = sum(map(len, run.vectors)) + sum(of_fold.size for of_fold in run.leaves)
    if case.stationary != "output":
        assert found.rows[: len(run.rows[-1])] == run.rows[-1], case
        cycles += len(run.rows[-1])
    cycles += assert_results_equal(case, run, found)
    np.testing.assert_array_equal(outputs, data.inputs @ data.weights.T, err_msg=str(case))
    np.testing.assert_array_equal(computed(case, data), outputs, err_msg=str(case))
    return cycles, sum(of_fold.size for of_fold in run.values)


def assert_results_equal(case: Case, run: Run, found: Simulated) -> int:
    """The simulator's results, which leave as a whole, are ready with their last words; returns how many cycles were compared.

    One that is complete before the one ahead of it (it is narrower) waits for that; no rule for how long is compared.
    """
    by_result = run.leaves if case.stationary == "output" else [words for of_fold in run.leaves for words in of_fold]
    last = [int(words.max()) for words in by_result]
    assert len(found.starts) == len(last), case
    assert all(start >= cycle for start, cycle in zip(found.starts, np.maximum.accumulate(last), strict=True)), case
    if (np.diff(last) <= 0).any():
        return 0
    assert found.ready == last[-len(found.ready) :], case
    if case.outputs.words is None:
        assert found.starts == last, case
    else:
        assert found.homes == homes_of(by_result, run), case
    end = max(found.homes)
    if case.stationary != "output" and case.outputs.words is None and last_width(case) == case.columns:
        assert found.through == run.done, case  # the sum of the last column is the last thing that the array does
    else:
        assert found.through >= end, case
    return 2 * len(last) + 1


def homes_of(results: list[Any], run: Run) -> list[int]:
    """When the last word of every result is home; words come home in the order in which they leave, then of columns."""
    words = [(int(cycle), place, n) for n, of in enumerate(results) for place, cycle in enumerate(of.reshape(-1))]
    home = [0] * len(results)
    for (_, _, result), cycle in zip(sorted(words), run.homes, strict=True):
        home[result] = max(home[result], cycle)
    return home


def last_width(case: Case) -> int:
    return case.blocks()[-1][case.axes[1]][1]


def operand_stays(rows: int, columns: int, sizes: tuple[int, int, int], stationary: str = "weight", **rest: Any) -> Case:
    """``sizes``: along rows, along columns, from vector to vector; all vectors in one fold unless ``steps`` says less."""
    dimensions = FOLDS[stationary]  # type: ignore[index]
    case = {"steps": sizes[2], "order": "MCN" if stationary == "weight" else "NCM", "outputs": Edge(depth=64), **rest}
    return Case(rows, columns, stationary, dict(zip(dimensions, sizes, strict=True)), **case)


def outputs_stay(rows: int, columns: int, sizes: tuple[int, int, int], **rest: Any) -> Case:
    """``sizes``: along rows, along columns, from vector to vector."""
    case = {"steps": sizes[2], "order": "NMC", "outputs": Edge(depth=64), **rest}
    return Case(rows, columns, "output", dict(zip("NMC", sizes, strict=True)), **case)


# A stationary operand


@pytest.mark.parametrize("stationary", ["weight", "input"])
@pytest.mark.parametrize(("shadow", "shift"), KINDS)
def test_folds_of_a_stationary_operand(shadow: bool, shift: str, stationary: str) -> None:
    """Whole and partly filled tiles, vectors fewer and more than the wave is long, one after another."""
    for number, (rows, columns) in enumerate(SHAPES):
        vectors = (20, 2)[number % 2]
        features = {
            "shadow": shadow, "shift": shift, "shifted_rows": ("all", "used")[number % 4 // 2],
            "bubbles": ("ripple", "freeze")[number % 3 // 2],
        }  # fmt: skip
        sizes = (2 * rows - rows // 2, 2 * columns - columns // 3, vectors)
        assert_equal(operand_stays(rows, columns, sizes, stationary, features=features))


@pytest.mark.parametrize("bubbles", ["ripple", "freeze"])
@pytest.mark.parametrize("every", EVERY)
def test_an_edge_that_gets_a_word_every_k_cycles(every: int, bubbles: str) -> None:
    slow = Edge(1, every, depth=2)
    for (shadow, shift), (rows, columns) in zip(KINDS, [(3, 2), (2, 4), (4, 3), (1, 3)], strict=True):
        features = {"shadow": shadow, "shift": shift, "bubbles": bubbles}
        case = operand_stays(rows, columns, (2 * rows, 2 * columns, 5), features=features)
        assert_equal(replace(case, left=slow))
        assert_equal(replace(case, top=slow))
        assert_equal(replace(case, left=Edge(rows, every, depth=1), top=Edge(1, every, depth=4)))


@pytest.mark.parametrize("shifted_rows", ["all", "used"])
@pytest.mark.parametrize("every", [1, 3])
def test_rows_of_zeros_need_no_words(every: int, shifted_rows: str) -> None:
    for (shadow, shift), bubbles in product(KINDS, ["ripple", "freeze"]):
        features = {"shadow": shadow, "shift": shift, "bubbles": bubbles, "shifted_rows": shifted_rows}
        case = operand_stays(5, 3, (7, 6, 4), features=features, order="MNC", steps=2)
        assert_equal(replace(case, top=Edge(1, every, depth=3), left=Edge(2, 1, depth=32)))


def test_words_of_vectors_that_follow_share_a_cycle_of_their_port() -> None:
    for rate, bubbles in product((1, 2, 3, 4, 6), ("ripple", "freeze")):
        edges = {"left": Edge(rate, 1, depth=2), "top": Edge(rate, 1, depth=5)}
        case = operand_stays(4, 5, (8, 10, 9), features={"bubbles": bubbles, "shadow": True}, **edges)
        assert_equal(case)
        assert_equal(replace(case, features={"bubbles": bubbles, "shift": "skewed"}, left=Edge(rate, 1, depth=1)))


@pytest.mark.parametrize("shift", ["straight", "skewed"])
def test_a_fold_is_over_when_the_pes_in_use_are_through(shift: str) -> None:
    for order, vectors, shifted_rows in product(("MCN", "CNM"), (1, 6), ("all", "used")):
        features = {"wavefront": "used", "shift": shift, "shifted_rows": shifted_rows}
        assert_equal(operand_stays(4, 5, (7, 7, 2 * vectors), features=features, order=order, steps=vectors))


def test_behind_shadow_registers_the_pes_in_use_are_not_enough_for_a_wider_tile() -> None:
    """Tiles follow as the simulator says, but the array gets the wider one wrong: its columns have not yet exchanged."""
    features = {"wavefront": "used", "shadow": True, "shift": "straight"}
    case = operand_stays(2, 6, (4, 8, 7), features=features, order="CMN")  # tiles of 2 x 6, 2 x 2, 2 x 6, 2 x 2
    data = Data.of(case, np.random.default_rng(0))
    run, outputs = verilog(case, data)
    assert simulated(case).vectors == run.vectors
    assert (outputs != data.inputs @ data.weights.T).any()
    wrong = [bool((values != expected).any()) for values, expected in zip(run.values, by_fold(case, data), strict=True)]
    assert wrong == [False, False, True, False]
    assert_equal(replace(case, features={**features, "wavefront": "array"}))
    assert_equal(replace(case, sizes={**case.sizes, "M": 11}))  # 2 x 5: while those pass, all six columns exchange
    assert_equal(replace(case, features={**features, "shadow": False}))


def by_fold(case: Case, data: Data) -> Iterator[Any]:
    """The products of folds of stationary weights."""
    for block in case.blocks():
        n, m, c = (slice(first, first + length) for first, length in (block[d] for d in "NMC"))
        yield data.inputs[n, c] @ data.weights[m, c].T


# Sums that come back


@pytest.mark.parametrize("order", ["MCN", "CMN", "CNM", "MNC", "NMC"])
def test_sums_of_earlier_folds_come_in_at_the_top(order: str) -> None:
    """They are in their memory when they are home, in both."""
    for (shadow, shift), (vectors, psums) in product(KINDS, [(2, Edge()), (3, Edge(3, 1, depth=1)), (8, Edge(1, 3))]):
        features = {"shadow": shadow, "shift": shift}
        case = operand_stays(4, 3, (11, 3, 2 * vectors), features=features, order=order, steps=vectors)
        assert_equal(replace(case, psums=psums, accumulates=False))


def test_sums_that_leave_through_a_port_come_back_when_they_are_home() -> None:
    for stationary, (shadow, shift) in product(("weight", "input"), KINDS):
        features = {"shadow": shadow, "shift": shift}
        case = operand_stays(3, 4, (9, 4, 5), stationary, features=features, accumulates=False)
        assert_equal(replace(case, outputs=Edge(4, 1, depth=2), psums=Edge(4, 1, depth=2)))


def test_an_array_that_freezes_while_sums_come_in() -> None:
    for stationary, (shadow, shift) in product(("weight", "input"), KINDS):
        features = {"shadow": shadow, "shift": shift, "bubbles": "freeze"}
        case = operand_stays(3, 4, (8, 7, 24), stationary, features=features, accumulates=False)
        assert_equal(replace(case, left=Edge(2, 1, depth=32)))  # sums are back long before they are wanted


# Stationary outputs


@pytest.mark.parametrize("drain", ["at_once", "each", "down", "apart"])
@pytest.mark.parametrize("bubbles", ["ripple", "freeze"])
def test_tiles_of_stationary_outputs(drain: str, bubbles: str) -> None:
    for number, (rows, columns) in enumerate(SHAPES):
        depth = (19, 2)[number % 2]
        features = {"drain": drain, "bubbles": bubbles, "wavefront": ("array", "used")[number % 4 // 2]}
        sizes = (2 * rows - rows // 2, 2 * columns - columns // 3, depth)
        assert_equal(outputs_stay(rows, columns, sizes, features=features))


@pytest.mark.parametrize("drain", ["at_once", "each", "down", "apart"])
@pytest.mark.parametrize("every", EVERY)
def test_edges_of_stationary_outputs_that_get_a_word_every_k_cycles(every: int, drain: str) -> None:
    for bubbles in ("ripple", "freeze"):
        features = {"drain": drain, "bubbles": bubbles}
        case = outputs_stay(3, 2, (6, 4, 4), features=features, steps=3)
        assert_equal(replace(case, left=Edge(1, every, depth=2)))
        assert_equal(replace(case, left=Edge(3, every, depth=1), top=Edge(1, every, depth=3)))


# Results that wait for their port


@pytest.mark.parametrize("bubbles", ["ripple", "freeze"])
@pytest.mark.parametrize(("every", "depth"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_results_of_one_column_wait_for_their_port(every: int, depth: int, bubbles: str) -> None:
    """With one word per result both ports do the same: a whole result, or a word, at a time."""
    for (rows, vectors), (shadow, shift) in product([(2, 3), (6, 7)], KINDS):
        features = {"shadow": shadow, "shift": shift, "bubbles": bubbles}
        assert_equal(operand_stays(rows, 1, (2 * rows, 2, vectors), features=features, outputs=Edge(1, every, depth)))


@pytest.mark.parametrize("bubbles", ["ripple", "freeze"])
def test_outputs_that_are_done_at_once_wait_for_their_port(bubbles: str) -> None:
    """All words of a tile come to the edge in one cycle, so whole results and words wait alike."""
    for (rows, columns), depth, outputs in product(
        [(1, 2), (2, 3)], (1, 5), (Edge(1, 1, 1), Edge(1, 3, 2), Edge(4, 1, 1), Edge(5, 1, 3))
    ):
        features = {"bubbles": bubbles}
        case = outputs_stay(rows, columns, (3 * rows, 2 * columns, depth), features=features, outputs=outputs)
        assert_equal(replace(case, left=Edge(1, 2, depth=2)))


def test_a_result_that_comes_with_its_vector_has_room_or_keeps_it_out() -> None:
    """Of one PE the move in which a vector enters is that which brings its sum to the edge."""
    for bubbles, (every, depth) in product(("ripple", "freeze"), [(1, 1), (3, 1), (3, 2)]):
        for shadow, shift in KINDS:
            features = {"shadow": shadow, "shift": shift, "bubbles": bubbles}
            assert_equal(operand_stays(1, 1, (2, 2, 3), features=features, outputs=Edge(1, every, depth)))
        for drain in ("at_once", "each", "down", "apart"):
            features = {"drain": drain, "bubbles": bubbles}
            assert_equal(outputs_stay(1, 1, (3, 2, 2), features=features, outputs=Edge(1, every, depth)))


def test_an_array_that_freezes_goes_on_when_results_have_left() -> None:
    """Rows of the next tile wait while results do, and vectors for the rows."""
    features = {"shadow": True, "bubbles": "freeze"}
    assert_equal(operand_stays(2, 1, (2, 2, 2), features=features, order="CMN", outputs=Edge(1, 1, 1)))
    assert_equal(operand_stays(3, 1, (3, 2, 3), features=features, order="CMN", outputs=Edge(1, 3, 2)))


# Folds of one vector: what moves has to be handed in again, and every vector's sums leave


@pytest.mark.parametrize(("shadow", "shift"), KINDS)
def test_one_vector_goes_through_tile_after_tile(shadow: bool, shift: str) -> None:
    """Its words come from their buffer for every tile."""
    for stationary, order in (("weight", "CMN"), ("input", "CNM")):
        features = {"shadow": shadow, "shift": shift}
        case = operand_stays(3, 2, (6, 6, 1), stationary, features=features, order=order)
        assert_equal(replace(case, left=Edge(1, 3, depth=1)))


@pytest.mark.parametrize("drain", ["at_once", "each", "down", "apart"])
def test_tiles_of_outputs_with_one_product_each(drain: str) -> None:
    """Operands that are the same for the next tile come from their buffer once more."""
    for order, same in (("NMC", "left"), ("MNC", "top")):
        case = outputs_stay(2, 3, (6, 6, 1), features={"drain": drain}, order=order)
        assert_equal(replace(case, **{same: Edge(1, 3, depth=1)}))


@pytest.mark.parametrize("accumulates", [True, False])
def test_sums_of_every_vector_leave_even_if_the_next_one_adds_to_them(accumulates: bool) -> None:
    for (shadow, shift), stationary in product(KINDS, ("weight", "input")):
        features = {"shadow": shadow, "shift": shift}
        assert_equal(operand_stays(2, 3, (8, 3, 1), stationary, features=features, accumulates=accumulates))


# Results that are complete before the one ahead of them


@pytest.mark.parametrize("depth", [1, 2])
def test_a_narrower_fold_behind_a_wider_one_does_not_stop_the_array(depth: int) -> None:
    """Nothing waits for an unlimited port."""
    skewed = {"shadow": True, "shift": "skewed"}
    assert_equal(operand_stays(2, 4, (2, 5, 4), features=skewed, outputs=Edge(depth=depth)))
    assert_equal(operand_stays(2, 8, (2, 10, 24), features={"shadow": True}, outputs=Edge(depth=depth)))
    assert_equal(outputs_stay(4, 4, (5, 5, 2), features={"drain": "each"}, outputs=Edge(depth=depth)))
    assert_equal(outputs_stay(1, 8, (1, 9, 2), features={"drain": "apart"}, outputs=Edge(depth=depth)))
    assert_equal(outputs_stay(1, 8, (1, 9, 2), features={"drain": "down"}, outputs=Edge(depth=depth)))


# Any mixture of all that


def pick(random: Any, *choices: Any) -> Any:
    return choices[random.integers(len(choices))]


def random_edge(random: Any, width: int, even: bool, vectors: int) -> Edge:
    """Where vectors differ in width, what a FIFO of words and one of vectors hold differs: then all fits into it."""
    depth = int(random.integers(1, 5)) if even else vectors
    kind = random.integers(6)
    if kind < 2:
        return Edge(depth=depth)
    if kind == 2 and even:
        return Edge(width, pick(random, *EVERY), depth)
    return Edge(1, pick(random, *EVERY), depth) if kind < 5 else Edge(int(random.integers(1, width + 2)), 1, depth)


def random_size(random: Any, length: int) -> int:
    whole = int(random.integers(1, 4)) * length
    return whole if random.random() < 0.5 else int(random.integers(1, whole + 1))


def random_case(seed: int) -> Case:
    random = np.random.default_rng([22, seed])
    stationary = pick(random, "weight", "weight", "input", "output")
    rows, columns = (int(n) for n in random.integers(1, 9, 2))
    down, across, stepped = FOLDS[stationary]
    steps = int(random.integers(1, 16))
    sizes = {down: random_size(random, rows), across: random_size(random, columns), stepped: random_size(random, steps)}
    features: dict[str, Any] = {
        "bubbles": pick(random, "ripple", "freeze"), "wavefront": pick(random, "array", "used"),
    }  # fmt: skip
    order, accumulates = "".join(random.permutation(list("NMC"))), True
    if stationary == "output":
        order = order.replace("C", "") + "C"
        features["drain"] = pick(random, "at_once", "each", "down", "apart")
    else:
        features |= {"shadow": pick(random, False, True), "shift": pick(random, "straight", "skewed")}
        features["shifted_rows"] = pick(random, "all", "used")
        if features["shadow"] and features["shift"] == "straight" and sizes[across] % columns:
            features["wavefront"] = "array"  # a wider tile may follow
        # Late sums stop the Verilog that freezes; wider folds' sums are home later than those of narrower ones.
        accumulates = features["bubbles"] == "freeze" or sizes[across] % columns != 0 or bool(random.integers(2))
    case = Case(rows, columns, stationary, sizes, steps, order, features, accumulates)
    return replace(case, **random_edges(random, case))


def random_edges(random: Any, case: Case) -> dict[str, Edge]:
    down, across, stepped = case.axes
    blocks, length, size = case.blocks(), case.lengths, case.sizes
    rows, vectors = (sum(block[d][1] for block in blocks) for d in (down, stepped))
    even = {d: size[d] % length[d] == 0 for d in case.axes}
    stays = case.stationary == "output"
    edges = {
        "left": random_edge(random, length[down], even[down], vectors),
        "top": random_edge(random, length[across], even[across], vectors if stays else rows),
        "outputs": Edge(depth=int(random.integers(1, 5))),
    }
    words = length[across] * (length[down] if stays else 1)
    at_once = stays and case.features["drain"] == "at_once" and even[down] and even[across]
    if at_once or (not stays and length[across] == 1):
        edges["outputs"] = pick(
            random, edges["outputs"], Edge(1, pick(random, *EVERY), int(random.integers(1, 4))),
            Edge(int(random.integers(1, words + 2)), 1, int(random.integers(1, 4))),
        )  # fmt: skip
    elif not stays and even[across]:
        edges["outputs"] = pick(random, edges["outputs"], Edge(words, 1, int(random.integers(2, 4))))
    if not case.accumulates:
        edges["psums"] = Edge(depth=int(random.integers(1, 5)))
        if vectors_between_sums(case) <= 16:  # the simulator's stream of psums looks no further ahead
            edges["psums"] = random_edge(random, length[across], even[across], vectors)
    return edges


def vectors_between_sums(case: Case) -> int:
    """At most so many vectors lie between two that add to the same sums."""
    count = case.lengths[case.axes[2]]
    for d in case.order[case.order.index("C") + 1 :]:
        count *= len(cut(case.sizes[d], case.lengths[d]))
    return count


@pytest.mark.parametrize("block", range(4))
def test_any_array_keeps_the_hardwares_cycles(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        assert_equal(random_case(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_more_arrays_keep_the_hardwares_cycles(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        assert_equal(random_case(seed), seed)


def test_without_icarus_verilog_a_comparison_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="iverilog is not installed"):
        assert_equal(operand_stays(2, 2, (2, 2, 1)))
