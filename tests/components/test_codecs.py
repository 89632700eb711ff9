"""Run-length coding: expected lengths against every string of zeros and words that there is."""

from fractions import Fraction
from itertools import product

import pytest

from simulator.components.codecs import RunLength, expected_pairs
from simulator.errors import InputError
from simulator.spec.catalog import load_architecture


def pairs_of(zero: tuple[bool, ...], longest: int) -> int:
    """Encode one row word by word: a pair ends with a word that is not zero, or when its run is full."""
    pairs, run = 0, 0
    for is_zero in zero:
        run += 1
        if not is_zero or run == longest:
            pairs, run = pairs + 1, 0
    return pairs + (run > 0)


@pytest.mark.parametrize("longest", [2, 4, 32])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.8, 1.0])
@pytest.mark.parametrize("words", [1, 5, 9])
def test_expected_pairs_are_the_mean_over_all_rows(words: int, share: float, longest: int) -> None:
    mean = 0.0
    for zero in product((False, True), repeat=words):
        chance = 1.0
        for is_zero in zero:
            chance *= share if is_zero else 1 - share
        mean += chance * pairs_of(zero, longest)
    assert expected_pairs(words, longest, share) == pytest.approx(mean, abs=1e-12)


def test_a_row_is_whole_blocks_and_never_longer_than_plain() -> None:
    codec = RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=64)
    assert codec.row_bits(64, 16, Fraction(1)) == 64  # two pairs of 32 zeros each, in one block
    assert codec.row_bits(96, 16, Fraction(1)) == 64  # three pairs fill the block
    assert codec.row_bits(97, 16, Fraction(1)) == 128
    assert codec.row_bits(30, 16, Fraction(0)) == 30 * 16  # ten blocks of 64 bits would be longer


def test_a_codec_must_fit_its_block_and_its_words() -> None:
    with pytest.raises(ValueError, match="at least 63 bits"):
        RunLength(kind="rlc", run_bits=5, level_bits=16, pairs_per_block=3, block_bits=62)
    machine = load_architecture("eyeriss_v1")
    with pytest.raises(InputError) as refused:
        machine.replace(memories__dram__codecs__input__level_bits=8)
    (problem,) = refused.value.problems
    assert (problem.key, problem.value) == ("memories.dram.codecs.input.level_bits", "8")
