"""A bus whose words reach every PE that needs them at once."""

from typing import Literal

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Delivery, Ints, Network, interleave


@NETWORKS.register("multicast_bus")
class MulticastBus(Network):
    """A word crosses once, whenever all its destinations can take it (Eyeriss v1's tagged X and Y buses)."""

    kind: Literal["multicast_bus"]

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        """Each distinct word once."""
        return interleave(needs, multicast=self.multicast)
