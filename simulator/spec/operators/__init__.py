"""Kinds of layer: one file each; see `base.Operator` for the contract."""

from simulator.components.base import Kinds

OPERATORS = Kinds("layer", "simulator.spec.operators")
