"""Run-length coding: expected lengths against every string of zeros and words that there is."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest

from simulator.components.codecs import RunLength, pairs_distribution
from simulator.errors import InputError
from simulator.spec.catalog import load_architecture


def pairs_of(zero: tuple[bool, ...], longest: int, *, ended: bool) -> int:
    """Encode one row word by word: a pair ends with a word that is not zero, or when its run is full."""
    row = list(zero)
    while ended and row and row[-1]:
        row.pop()
    pairs, run = 0, 0
    for is_zero in row:
        run += 1
        if not is_zero or run == longest:
            pairs, run = pairs + 1, 0
    return pairs + (run > 0)


def chances(words: int, share: float) -> Iterator[tuple[tuple[bool, ...], float]]:
    """Every row of zeros and other words, and how likely it is."""
    for zero in product((False, True), repeat=words):
        chance = 1.0
        for is_zero in zero:
            chance *= share if is_zero else 1 - share
        yield zero, chance


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("longest", [2, 4, 32])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.0])
@pytest.mark.parametrize("words", [1, 5, 9])
def test_pairs_are_distributed_as_over_all_rows(words: int, share: float, longest: int, ended: bool) -> None:
    counts = [0.0] * (words + 1)
    for zero, chance in chances(words, share):
        counts[pairs_of(zero, longest, ended=ended)] += chance
    assert pairs_distribution(words, longest, share, ended=ended) == pytest.approx(counts, abs=1e-12)


@pytest.mark.parametrize("end_bits", [0, 1])
def test_a_row_is_as_long_as_its_rows_are_on_average(end_bits: int) -> None:
    """Every row is rounded up to blocks, and sent as it is where that is shorter, before the mean is taken."""
    codec = RunLength(kind="rlc", run_bits=2, level_bits=5, pairs_per_block=2, block_bits=16, end_bits=end_bits)
    mean = 0.0
    for zero, chance in chances(8, 0.6):
        blocks = max(-(-pairs_of(zero, 4, ended=end_bits > 0) // 2), end_bits)
        mean += chance * min(16 * blocks, 8 * 5)
    assert float(codec.row_bits(8, 5, 0.6)) == pytest.approx(mean, abs=1 / (1 << 16))


def test_a_row_is_whole_blocks_and_never_longer_than_plain() -> None:
    codec = RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=64)
    assert codec.row_bits(64, 16, Fraction(1)) == 64  # two pairs of 32 zeros each, in one block
    assert codec.row_bits(96, 16, Fraction(1)) == 64  # three pairs fill the block
    assert codec.row_bits(97, 16, Fraction(1)) == 128
    assert codec.row_bits(30, 16, Fraction(0)) == 30 * 16  # ten blocks of 64 bits would be longer
    ended = codec.model_copy(update={"end_bits": 1})
    assert ended.row_bits(97, 16, Fraction(1)) == 64  # nothing but the end of the row


def test_a_codec_must_fit_its_block_and_its_words() -> None:
    with pytest.raises(ValueError, match="at least 63 bits"):
        RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=62)
    with pytest.raises(ValueError, match="at least 65 bits"):
        RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=64, end_bits=2)
    machine = load_architecture("eyeriss_v1")
    with pytest.raises(InputError) as refused:
        machine.replace(memories__dram__codecs__input__level_bits=8)
    (problem,) = refused.value.problems
    assert (problem.key, problem.value) == ("memories.dram.codecs.input.level_bits", "8")
