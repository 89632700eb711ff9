"""Element-wise sums and products of feature maps."""

from typing import Annotated, Literal

from pydantic import Field

from simulator.spec.layer import VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import FeatureMaps, Zeros


@OPERATORS.register("elementwise")
class Elementwise(FeatureMaps):
    """Feature maps of one shape, combined element by element."""

    kind: Literal["add", "multiply"] = Field("add", description="how elements are combined")
    operands: Annotated[int, Field(ge=2, le=1000, strict=True)] = Field(
        2, description="how many are combined"
    )

    def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
        """operands - 1 operations per element."""
        words = batch * self.elements
        return VectorLayer(
            name, f"elementwise {self.kind}", self.operands * words, words, (self.operands - 1) * words
        )
