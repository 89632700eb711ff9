"""Links between vertically adjacent PEs, along which psums accumulate."""

from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Ints, Network


@NETWORKS.register("column_chain")
class ColumnChain(Network):
    """Every PE passes psums to the one above it in its column (row index falls); each link is a port."""

    kind: Literal["column_chain"]

    @model_validator(mode="after")
    def _nothing_to_arbitrate(self) -> Self:
        if self.arbitration != "fifo" or self.priority:
            raise ValueError("every link has one sender: arbitration and priority have no meaning here")
        return self

    def chains(self, rows: int, columns: int) -> Ints:
        """The PE above, -1 for the top row."""
        above = np.arange(rows * columns, dtype=np.int64) - columns
        return np.where(above < 0, -1, above)
