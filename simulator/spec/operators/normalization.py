"""Normalization."""

from typing import Final, Literal

from pydantic import Field

from simulator.spec.layer import VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import FeatureMaps, Size, Zeros

_OPERATIONS: Final = {"batch": 2, "layer": 7, "root_mean_square": 4, "softmax": 5}
"""Per element. batch: scale, shift (statistics are constants). layer: add, subtract, square, add, multiply,
scale, shift. root_mean_square: square, add, multiply, scale. softmax: compare, subtract, exponential, add,
divide."""


@OPERATORS.register("normalization")
class Normalization(FeatureMaps):
    """Scales elements by statistics of their batch, layer, neighbouring channels, or sum (softmax)."""

    kind: Literal["batch", "layer", "local_response", "root_mean_square", "softmax"] = Field(
        description="which statistics"
    )
    window: Size = Field(5, description="local_response: channels that are summed over")

    def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
        """Operations per element are fixed; local_response: squares and sums of the window, power, divide."""
        words = batch * self.elements
        per_element = 2 * self.window + 2 if self.kind == "local_response" else _OPERATIONS[self.kind]
        operator = "softmax" if self.kind == "softmax" else f"{self.kind} normalization"
        return VectorLayer(name, operator, words, words, per_element * words)
