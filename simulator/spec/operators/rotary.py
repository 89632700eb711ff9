"""Rotary position embedding."""

from collections.abc import Iterator

from pydantic import Field

from simulator.errors import Problem
from simulator.spec.layer import VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, Zeros


@OPERATORS.register("rotary")
class Rotary(Operator):
    """Turns every pair of elements of every head by an angle that depends on the token and on the pair."""

    heads: Size = Field(description="heads whose elements are turned, queries and keys together")
    size: Size = Field(description="elements of a head; even")
    rows: Size = Field(1, description="tokens, for each image")

    def faults(self) -> Iterator[Problem]:
        """Heads that are no pairs."""
        if self.size % 2:
            yield Problem("", "size", str(self.size), "an even number was expected: elements turn in pairs")

    def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
        """Reads a sine and a cosine per token and pair, too; four products and two sums for a pair."""
        words = batch * self.rows * self.heads * self.size
        return VectorLayer(name, "rotary", words + self.rows * self.size, words, 3 * words)
