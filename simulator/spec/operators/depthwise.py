"""Depthwise convolution."""

from pydantic import Field

from simulator.spec.layer import Layer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Size, Window, Zeros


@OPERATORS.register("depthwise")
class Depthwise(Window):
    """Every channel has filters of its own: a convolution with C groups."""

    multiplier: Size = Field(1, description="output channels per input channel")

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer:
        """N = batch, G = C, M = multiplier."""
        return self.nest(name, batch, zeros, groups=self.C, filters=self.multiplier)
