"""Matrix multiply, batched or not."""

from pydantic import Field

from simulator.spec.layer import Layer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, Zeros, product


@OPERATORS.register("matmul")
class MatMul(Operator):
    """``batch`` independent products rows × K by K × M; the K × M operands take the place of weights.

    The images of a run share weights, so each adds rows. Where the K × M operands are activations, as keys
    and values in attention, every image brings its own (``per_image``), and adds products instead.
    """

    M: Size = Field(description="columns of the product")
    K: Size = Field(description="the dimension that is summed over")
    rows: Size = Field(1, description="rows of the product, for each image")
    batch: Size = Field(1, description="independent products, each with a K x M operand of its own")
    per_image: bool = Field(
        False, strict=True, description="whether every image has K x M operands of its own"
    )

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer:
        """C = K; a run's batch multiplies N = rows, or G = the layer's batch where operands are per image."""
        rows, groups = self.rows, self.batch
        if self.per_image:
            groups *= batch
        else:
            rows *= batch
        return product(name, zeros, rows=rows, groups=groups, filters=self.M, channels=self.K)
