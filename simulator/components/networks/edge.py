"""The wires between a buffer and an edge of a systolic array."""

from typing import Literal

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Delivery, Ints, Network, interleave


@NETWORKS.register("edge")
class Edge(Network):
    """Words for the rows or columns of an edge, or from them; each goes one way."""

    kind: Literal["edge"]

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        """Each word once per row or column."""
        return interleave(needs, multicast=False)
