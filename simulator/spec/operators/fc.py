"""Fully connected layer."""

from pydantic import Field

from simulator.spec.layer import Layer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, Zeros, product


@OPERATORS.register("fc")
class FullyConnected(Operator):
    """Every output sees every input; feature maps are flattened into C."""

    C: Size = Field(description="inputs")
    M: Size = Field(description="outputs")

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer:
        """N = batch."""
        return product(name, zeros, rows=batch, groups=1, filters=self.M, channels=self.C)
