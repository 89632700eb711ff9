"""Kinds of network: one file each; see `base.Network` for the contract."""

from simulator.components.base import Kinds

NETWORKS = Kinds("network", "simulator.components.networks")
