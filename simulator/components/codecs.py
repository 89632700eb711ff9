"""Compression of feature maps on their way over a link."""

from collections import deque
from fractions import Fraction
from functools import lru_cache
from math import ceil, log
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from simulator.components.base import Count, CountOrZero, Part

SHARES = 1 << 16
"""Expected lengths are told in this many parts of a bit."""


class RunLength(Part):
    """Run-length coding of zeros: pairs of (zeros before it, word), packed into blocks (Eyeriss v1's RLC).

    A pair holds at most 2^run_bits - 1 zeros and then one word, which is a zero where a run is longer. Every
    row starts a new block; a row that would grow is sent as it is. Where the words are not known, its length
    is the expected one for independent zeros.
    """

    kind: Literal["rlc"]
    run_bits: Count = Field(description="bits of the run of zeros")
    level_bits: Count = Field(description="bits of the word behind the run")
    pairs_per_block: Count = Field(description="pairs that are packed together")
    block_bits: Count = Field(description="bits of a packed block")
    end_bits: CountOrZero = Field(
        0,
        description="bits of a block that mark a row's end; with any, zeros at the end need no pair",
    )

    @model_validator(mode="after")
    def _a_block_holds_its_pairs(self) -> Self:
        needed = self.pairs_per_block * (self.run_bits + self.level_bits) + self.end_bits
        if needed > self.block_bits:
            raise ValueError(f"a block of at least {needed} bits was expected for its pairs and end")
        return self

    def row_bits(self, words: int, word_bits: int, zeros: Fraction | float) -> Fraction:
        """Expected bits that cross for a row of ``words``, each of them zero with probability ``zeros``."""
        shares = pairs_distribution(words, 1 << self.run_bits, float(zeros), ended=self.end_bits > 0)
        bits = self._bits(np.arange(len(shares)), words, word_bits)
        return Fraction(round(float(shares @ bits) * SHARES), SHARES)

    def coded_bits(self, rows: NDArray[Any], word_bits: int) -> int:
        """Bits that cross for these very words, [rows, words]; no row takes more than its plain bits."""
        pairs = pairs_of(rows, 1 << self.run_bits, ended=self.end_bits > 0)
        return int(self._bits(pairs, rows.shape[1], word_bits).sum())

    def _bits(self, pairs: NDArray[np.int64], words: int, word_bits: int) -> NDArray[np.int64]:
        """Bits of rows of ``words`` that take so many pairs; the end of one without any takes a block."""
        blocks = np.maximum(-(-pairs // self.pairs_per_block), self.end_bits > 0)
        bits: NDArray[np.int64] = np.minimum(blocks * self.block_bits, words * word_bits)
        return bits


def pairs_of(rows: NDArray[Any], longest: int, *, ended: bool = False) -> NDArray[np.int64]:
    """Pairs that each row, [rows, words], is coded into; a pair covers at most ``longest`` words.

    ``ended``: not the zeros behind a row's last other word.
    """
    count, words = rows.shape
    marks = np.ones((count, words + 1), dtype=bool)  # the one behind every row ends its last run
    marks[:, :words] = rows != 0
    at = np.flatnonzero(marks)
    runs = np.diff(at, prepend=-1) - 1
    row, last = at // (words + 1), at % (words + 1) == words
    pairs = np.where(last, 0 if ended else -(-runs // longest), runs // longest + 1)
    return np.bincount(row, weights=pairs, minlength=count).astype(np.int64)


def _likely_run(zeros: float) -> int:
    """No run of zeros is longer, but for one chance in 10^18."""
    return 1 << 30 if zeros >= 1 else 1 if zeros <= 0 else ceil(log(1e-18) / log(zeros)) + 1


@lru_cache(maxsize=1024)
def pairs_distribution(words: int, longest: int, zeros: float, *, ended: bool = False) -> NDArray[np.float64]:
    """Probability of 0, 1, 2, ... pairs for ``words`` that are zero independently; see `pairs_of`.

    Each row of ``latest`` says how likely so many pairs cover exactly the first 0, 1, 2, ... words.
    """
    start = np.zeros(words + 1)
    start[0] = 1
    latest = deque([start], maxlen=min(longest, words + 1, _likely_run(zeros)))  # the last word first
    found = start.copy() if ended else np.zeros(words + 1)
    for _ in range(words):
        whole = np.zeros(words + 1)  # a run of zeros and another word
        for run, before in enumerate(latest):
            whole[1:] += zeros**run * (1 - zeros) * before[:-1]
        if ended:
            found = found * zeros + whole
        if len(latest) == longest:  # as many zeros as a pair covers
            whole[1:] += zeros**longest * latest[-1][:-1]
        latest.appendleft(whole)
    if not ended:
        found += latest[0]
        for run, before in enumerate(list(latest)[1:], start=1):
            found[1:] += zeros**run * before[:-1]
    found.flags.writeable = False
    return found
