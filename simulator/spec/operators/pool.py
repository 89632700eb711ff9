"""Pooling."""

from typing import Literal

from pydantic import Field

from simulator.spec.layer import VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Window, Zeros


@OPERATORS.register("pool")
class Pool(Window):
    """The largest element or the average of every window."""

    kind: Literal["max", "average"] = Field("max", description="what a window becomes")

    def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
        """One operation per element of every window."""
        P, Q = self.output_size
        outputs = batch * self.C * P * Q
        words = batch * self.C * self.H * self.W
        return VectorLayer(name, f"{self.kind} pool", words, outputs, outputs * self.R * self.S)
