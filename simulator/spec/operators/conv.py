"""Convolution, with groups."""

from collections.abc import Iterator

from pydantic import Field

from simulator.errors import Problem
from simulator.spec.layer import Layer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Size, Window, Zeros


@OPERATORS.register("conv")
class Conv(Window):
    """M filters of C / groups × R × S; C and M count all groups together."""

    M: Size = Field(description="output channels, of all groups together")
    groups: Size = Field(1, description="parts of the channels that do not see each other; divides C and M")

    def faults(self) -> Iterator[Problem]:
        """Also groups that do not divide the channels."""
        yield from super().faults()
        for dimension, channels in (("C", self.C), ("M", self.M)):
            if channels % self.groups:
                told = f"groups that divide {dimension} were expected, and {dimension} is {channels}"
                yield Problem("", "groups", str(self.groups), told)

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer:
        """N = batch, G = groups, M and C per group."""
        return self.nest(name, batch, zeros, groups=self.groups, filters=self.M // self.groups)
