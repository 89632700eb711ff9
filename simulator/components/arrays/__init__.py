"""Kinds of PE array: one file each."""

from simulator.components.base import Kinds

ARRAYS = Kinds("array", "simulator.components.arrays")
