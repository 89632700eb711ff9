"""Matrix multiply, batched or not."""

from pydantic import Field

from simulator.spec.layer import Layer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, Zeros, product


@OPERATORS.register("matmul")
class MatMul(Operator):
    """``batch`` independent products rows × K by K × M; the K × M operands take the place of weights.

    A run's batch repeats the rows, so it shares the K × M operands among its images. Where those differ from
    image to image (attention), say so in ``batch`` and run with batch 1.
    """

    M: Size = Field(description="columns of the product")
    K: Size = Field(description="the dimension that is summed over")
    rows: Size = Field(1, description="rows of the product, for each image")
    batch: Size = Field(1, description="independent products, each with a K x M operand of its own")

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer:
        """N = the run's batch × rows, G = the layer's batch, C = K."""
        rows = batch * self.rows
        return product(name, zeros, rows=rows, groups=self.batch, filters=self.M, channels=self.K)
