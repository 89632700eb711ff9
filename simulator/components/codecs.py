"""Compression of feature maps on their way over a link."""

from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.components.base import Count, Part


class RunLength(Part):
    """Run-length coding of zeros: pairs of (zeros before it, word), packed into blocks (Eyeriss v1's RLC).

    A pair holds at most 2^run_bits - 1 zeros and then one word, which is a zero where a run is longer. Its
    length is the expected one for independent zeros; every row starts a new block. What would grow is sent
    as it is.
    """

    kind: Literal["rlc"]
    run_bits: Count = Field(description="bits of the run of zeros")
    level_bits: Count = Field(description="bits of the word behind the run")
    pairs_per_block: Count = Field(description="pairs that are packed together")
    block_bits: Count = Field(description="bits of a packed block")

    @model_validator(mode="after")
    def _a_block_holds_its_pairs(self) -> Self:
        needed = self.pairs_per_block * (self.run_bits + self.level_bits)
        if needed > self.block_bits:
            raise ValueError(f"a block of at least {needed} bits was expected for its pairs")
        return self

    def row_bits(self, words: int, word_bits: int, zeros: Fraction | float) -> int:
        """Bits that cross for a row of ``words``, a fraction ``zeros`` of them zero; at most the plain."""
        pairs = expected_pairs(words, 1 << self.run_bits, float(zeros))
        packed = ceil(round(pairs / self.pairs_per_block, 9)) * self.block_bits
        return min(packed, words * word_bits)

    def coded_bits(self, rows: NDArray[Any], word_bits: int) -> int:
        """Bits that cross for these very words, [rows, words]; no row takes more than its plain bits."""
        blocks = -(-pairs_of(rows, 1 << self.run_bits) // self.pairs_per_block)
        return int(np.minimum(blocks * self.block_bits, rows.shape[1] * word_bits).sum())


def pairs_of(rows: NDArray[Any], longest: int) -> NDArray[np.int64]:
    """Pairs that each row, [rows, words], is coded into; a pair covers at most ``longest`` words."""
    count, words = rows.shape
    marks = np.ones((count, words + 1), dtype=bool)  # the one behind every row ends its last run
    marks[:, :words] = rows != 0
    at = np.flatnonzero(marks)
    runs = np.diff(at, prepend=-1) - 1
    row, last = at // (words + 1), at % (words + 1) == words
    pairs = np.where(last, -(-runs // longest), runs // longest + 1)
    return np.bincount(row, weights=pairs, minlength=count).astype(np.int64)


@lru_cache(maxsize=4096)
def expected_pairs(words: int, longest: int, zeros: float) -> float:
    """Expected pairs for ``words`` that are zero independently; a pair covers at most ``longest``."""
    cover = [zeros**k * (1 - zeros) for k in range(longest - 1)] + [zeros ** (longest - 1)]
    expected = [0.0] * (words + 1)
    for n in range(1, words + 1):
        expected[n] = 1 + sum(share * expected[n - k - 1] for k, share in enumerate(cover) if k + 1 < n)
    return expected[words]
