"""A small layer with its row-stationary parameters, run on a machine."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from simulator.dataflows import map_layer
from simulator.mapping.file import Entry
from simulator.pipeline import Job, measure_job
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

FILLED = ("dram", "weight_buffer.outer_write")
"""What is relaxed so that whatever a buffer has room for is there at once."""
Out = dict[str, Any]


@dataclass(frozen=True)
class Story:
    """A layer with its row-stationary parameters."""

    N: int = 1
    C: int = 1
    M: int = 1
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1
    padding: int = 0
    zeros: dict[str, Fraction] = field(default_factory=dict)
    mapped: dict[str, int] = field(default_factory=dict)
    relax: tuple[str, ...] = FILLED

    def layer(self) -> Layer:
        sizes = {"N": self.N, "G": 1, "M": self.M, "C": self.C, "P": self.P, "Q": self.Q, "R": self.R, "S": self.S}
        edges = (self.P + self.R - 1 - 2 * self.padding, self.Q + self.S - 1 - 2 * self.padding)
        return Layer("story", sizes, input_size=edges, padding_before=(self.padding,) * 2, zeros=self.zeros)  # type: ignore[arg-type]

    def run(self, machine: Architecture) -> Out:
        one = dict.fromkeys("mneprqt", 1)
        parameters = one | {"m": self.M, "n": self.N, "e": self.P} | self.mapped
        mapping = map_layer(self.layer(), machine, "row_stationary", Entry("layers.story", "row_stationary", parameters))
        out = measure_job(machine, Job(self.layer(), mapping), frozenset(self.relax))
        out["after_configuration"] = out["cycles"] - machine.configuration_cycles
        return out
