"""How long the very words of a tile are on a coded link."""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator
from simulator.components.codecs import RunLength, pairs_distribution, pairs_of
from simulator.dataflows import map_layer
from simulator.engine.function import Computed, compute
from simulator.mapping.nest import INDEX, Block
from simulator.spec.layer import Layer
from simulator.spec.operands import Operands, random_operands

MACHINE = simulator.load_architecture("eyeriss_v1")
RLC = RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=64)


def encoded(row: list[int], most_zeros: int) -> list[tuple[int, int]]:
    """Pairs of (zeros before it, word), the last one cut off where the row ends."""
    pairs, run = [], 0
    for i, word in enumerate(row):
        if word == 0 and run < most_zeros and i < len(row) - 1:
            run += 1
        else:
            pairs.append((run, word))
            run = 0
    return pairs


def decoded(pairs: list[tuple[int, int]]) -> list[int]:
    return [word for run, level in pairs for word in [0] * run + [level]]


words = st.one_of(st.just(0), st.just(0), st.integers(-3, 3))


@given(st.integers(1, 5), st.integers(1, 3), st.data())
def test_pairs_are_those_of_an_encoder(length: int, run_bits: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(words, min_size=length * 4, max_size=length * 4), min_size=1, max_size=4))
    coded = [encoded(row, (1 << run_bits) - 1) for row in rows]
    assert [decoded(pairs) for pairs in coded] == rows
    assert pairs_of(np.array(rows), 1 << run_bits).tolist() == [len(pairs) for pairs in coded]
    ended = [encoded(row[: max((i + 1 for i, word in enumerate(row) if word), default=0)], (1 << run_bits) - 1) for row in rows]
    assert pairs_of(np.array(rows), 1 << run_bits, ended=True).tolist() == [len(pairs) for pairs in ended]


@pytest.mark.parametrize(("length", "run_bits", "zeros"), [(1, 1, 0.5), (7, 1, 0.3), (9, 2, 0.75), (9, 5, 0.9)])
def test_expected_pairs_are_the_mean_over_all_rows(length: int, run_bits: int, zeros: float) -> None:
    rows = np.array(list(product((0, 1), repeat=length)))
    weights = zeros ** (rows == 0).sum(axis=1) * (1 - zeros) ** (rows != 0).sum(axis=1)
    for ended in (False, True):
        shares = pairs_distribution(length, 1 << run_bits, zeros, ended=ended)
        mean = float((weights * pairs_of(rows, 1 << run_bits, ended=ended)).sum())
        assert float(shares @ np.arange(length + 1)) == pytest.approx(mean)


@pytest.mark.parametrize(
    ("row", "bits"),
    [
        ([0] * 32, 64), ([0] * 96, 64), ([0] * 97, 128), ([1, 2, 3], 48), ([0, 0, 0, 0, 5], 64), ([7] * 30, 480), ([0] * 3, 48),
        ([0] * 31 + [9] + [0] * 31 + [9] + [0] * 31 + [9], 64), ([0] * 32 + [9] + [0] * 31 + [9] + [0] * 31 + [9], 128),
    ],
)  # fmt: skip
def test_lengths_by_hand(row: list[int], bits: int) -> None:
    """Three pairs of up to 31 zeros and a word in 64 bits; never more than 16 bits a word."""
    assert RLC.coded_bits(np.array([row]), 16) == bits
    assert RLC.coded_bits(np.array([row, row]), 16) == 2 * bits


def sample() -> Computed:
    layer = Layer("L", {"N": 2, "G": 1, "M": 4, "C": 3, "P": 9, "Q": 20, "R": 3, "S": 3}, (1, 2), (1, 1), (9, 41), (1, 1))
    data = random_operands(layer, MACHINE, {"input": Fraction(4, 5)}, 0)
    sparse = np.where(data.weights > 0, data.weights, 0)
    sparse[:, 1] = 0
    return compute(layer, map_layer(layer, MACHINE, "row_stationary"), MACHINE, Operands(sparse, data.inputs))


def block(layer: Layer, **ranges: tuple[int, int]) -> Block:
    """A block with the given (first, extent), whole elsewhere."""
    sizes: Any = layer.sizes
    pairs = [ranges.get(d, (0, sizes[d])) for d in INDEX]
    return Block(tuple(first for first, _ in pairs), tuple(extent for _, extent in pairs))


def bits_of(row: list[int]) -> int:
    """Of a row on the link of `MACHINE`, whose blocks say where a row ends."""
    end = max((i + 1 for i, word in enumerate(row) if word), default=0)
    return min(max(1, -(-len(encoded(row[:end], 31)) // 3)) * 64, len(row) * 16)


def test_a_tile_of_inputs_is_coded_row_by_row_without_padding() -> None:
    found = sample()
    data = found.operands.inputs
    whole = sum(bits_of(row.tolist()) for row in data[..., :40].reshape(-1, 40))  # no window reaches the last column
    assert found.coded_bits("input", block(found.layer)) == whole
    tile = block(found.layer, N=(1, 1), C=(0, 2), P=(0, 4), Q=(5, 3))  # rows -1 to 4, columns 9 to 15
    rows = data[1:2, :, 0:2, 0:5, 9:16].reshape(-1, 7)
    assert found.coded_bits("input", tile) == sum(bits_of(row.tolist()) for row in rows)


def test_columns_that_no_tap_sees_do_not_cross() -> None:
    found = sample()
    tile = block(found.layer, S=(1, 1), R=(1, 1))  # every second column
    rows = found.operands.inputs[:, :, :, 0:9, 0:40:2].reshape(-1, 20)
    assert found.coded_bits("input", tile) == sum(bits_of(row.tolist()) for row in rows)


def test_a_tile_of_outputs_is_coded_by_output_row() -> None:
    found = sample()
    assert (found.outputs[:, :, 1] == 0).all()
    tile = block(found.layer, M=(1, 2), P=(3, 2), Q=(1, 18))
    rows = found.outputs[:, :, 1:3, 3:5, 1:19].reshape(-1, 18)
    assert found.coded_bits("output", tile) == sum(bits_of(row.tolist()) for row in rows)


def test_weights_and_uncoded_links_are_plain() -> None:
    found = sample()
    assert found.coded_bits("weight", block(found.layer, M=(1, 2), S=(0, 2))) == 16 * 2 * 3 * 3 * 2
    plain = simulator.load_architecture("ws16")
    other = compute(found.layer, map_layer(found.layer, plain, "weight_stationary"), plain, found.operands)
    assert other.coded_bits("input", block(found.layer)) == 16 * 2 * 3 * 9 * 40
    assert other.coded_bits("output", block(found.layer)) == 16 * found.outputs.size
