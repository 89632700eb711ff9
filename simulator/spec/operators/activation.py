"""Activation functions."""

from typing import Literal

from pydantic import Field

from simulator.spec.layer import VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import FeatureMaps, Zeros


@OPERATORS.register("activation")
class Activation(FeatureMaps):
    """A function of every element."""

    kind: Literal["relu", "relu6", "sigmoid", "tanh", "swish", "gelu"] = Field(
        "relu", description="which function"
    )

    def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
        """One operation per element."""
        words = batch * self.elements
        return VectorLayer(name, self.kind, words, words, words)
