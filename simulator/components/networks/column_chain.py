"""Links between vertically adjacent PEs, along which psums accumulate."""

from typing import Literal

import numpy as np

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Ints, Network


@NETWORKS.register("column_chain")
class ColumnChain(Network):
    """Every PE passes psums to the one above it in its column (row index falls); each link is a port."""

    kind: Literal["column_chain"]

    def chains(self, rows: int, columns: int) -> Ints:
        """The PE above, -1 for the top row."""
        above = np.arange(rows * columns, dtype=np.int64) - columns
        return np.where(above < 0, -1, above)
