"""Kinds of memory: one file each."""

from simulator.components.base import Kinds

MEMORIES = Kinds("memory", "simulator.components.memories")
