"""A bus without multicast."""

from typing import ClassVar, Literal

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Delivery, Ints, Network, interleave


@NETWORKS.register("unicast_bus")
class UnicastBus(Network):
    """A word that several PEs need crosses once for each of them."""

    multicast: ClassVar[bool] = False

    kind: Literal["unicast_bus"]

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        """Each word once per destination."""
        return interleave(needs, multicast=self.multicast)
