"""How many words one step moves between a buffer and the array, in closed form.

The PEs' blocks cut a step's box along each dimension on its own, so what all of them need together is a
product over dimensions: of unions where a word crosses once, of sums where it crosses for every PE.
"""

from dataclasses import dataclass
from math import prod

from simulator.eyexam.visits import AXES
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents, steps_of
from simulator.mapping.tiles import words
from simulator.names import DIMENSIONS, RELEVANT, DataType, Dimension
from simulator.spec.layer import Layer

Pieces = list[tuple[int, int]]
"""(first, length) of every PE's stretch of one dimension."""


@dataclass(frozen=True)
class Slide:
    """A window that slides: the number of the loop, its dimension, and the length of a full step."""

    loop: int
    dimension: Dimension
    length: int


class StepWords:
    """Words of one layer's steps under one mapping."""

    def __init__(self, layer: Layer, mapping: Mapping, slide: Slide | None) -> None:
        self.layer, self.mapping, self.slide = layer, mapping, slide
        self._steps = steps_of(mapping.spatial, mapping.pe_extents)
        self._most = mapping.step_extents
        self._known: dict[tuple[object, ...], int] = {}

    def clipped(self, extents: Extents) -> Extents:
        """What a step covers of a block."""
        return tuple(min(a, b) for a, b in zip(extents, self._most, strict=True))

    def pieces(self, dimension: Dimension, length: int) -> Pieces:
        """Where the PEs' stretches of a dimension lie in a step that covers ``length`` of it."""
        found, most = [(0, length)], self.mapping.pe_extents[INDEX[dimension]]
        for loop, step in zip(self.mapping.spatial, self._steps, strict=True):
            if loop.dimension == dimension:
                found = [
                    (first + at, min(step, long - at)) for first, long in found for at in range(0, long, step)
                ]
        return [(first, min(long, most)) for first, long in found]

    def moved(self, data_type: DataType, extents: Extents, *, slid: bool, multicast: bool) -> int:
        """Words of weights or inputs that cross for a step; ``slid``: only those new to their PE."""
        extents = self.clipped(extents)
        key = (data_type, extents, slid, multicast)
        if key not in self._known:
            self._known[key] = self._count(data_type, extents, slid=slid, multicast=multicast)
        return self._known[key]

    def _count(self, data_type: DataType, extents: Extents, *, slid: bool, multicast: bool) -> int:
        if self.layer.image is not None and data_type == "input":  # at the edge, windows are whole
            return prod(extents[INDEX[d]] for d in RELEVANT["input"])
        if data_type == "output" or (multicast and not slid):
            return words(self.layer, extents, data_type)
        others = 1
        for d in DIMENSIONS:
            length = extents[INDEX[d]]
            if d not in RELEVANT[data_type]:
                others *= 1 if multicast else len(self.pieces(d, length))
            elif data_type == "weight" or d in ("N", "G", "C"):
                others *= length
        if data_type == "weight":
            return others
        return others * prod(self._taps(axis, extents, slid=slid, multicast=multicast) for axis in (0, 1))

    def _taps(self, axis: int, extents: Extents, *, slid: bool, multicast: bool) -> int:
        """Input rows (columns) that all PEs need: distinct ones, or the sum over PEs' stretches."""
        output, tap = AXES[axis]
        slides = self.slide is not None and slid and self.slide.dimension == output
        firsts, taps = self.pieces(output, extents[INDEX[output]]), self.pieces(tap, extents[INDEX[tap]])
        before = dict(self.pieces(output, self.slide.length)) if self.slide is not None and slides else {}
        union: set[int] = set()
        total = 0
        for first, outputs in firsts:
            for tap_first, long in taps:
                fresh = self._touched(axis, outputs, long)
                if slides:
                    assert self.slide is not None
                    gone = self.slide.length * self.layer.stride[axis]
                    fresh = fresh - {i - gone for i in self._touched(axis, before[first], long)}
                offset = first * self.layer.stride[axis] + tap_first * self.layer.dilation[axis]
                total += len(fresh)
                if multicast:
                    union |= {offset + i for i in fresh}
        return len(union) if multicast else total

    def _touched(self, axis: int, outputs: int, taps: int) -> set[int]:
        stride, dilation = self.layer.stride[axis], self.layer.dilation[axis]
        return {p * stride + r * dilation for p in range(outputs) for r in range(taps)}
