"""From a layer and its mapping to the tables by which the MAC kernel computes with data."""

from collections.abc import Sequence
from math import prod

import numpy as np

from simulator.components.networks.base import Ints
from simulator.engine.steps import PeWork, place
from simulator.kernels import macs as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Block, Extents, walk
from simulator.names import DIMENSIONS, REDUCTION, RELEVANT, Dimension
from simulator.spec.layer import Layer

OUTPUT_ORDER: tuple[Dimension, ...] = ("N", "G", "P", "Q", "M")
"""Order of the dimensions of an output tile in memory, the last one fastest."""
WIDE_ENOUGH = 4
"""Filters that one PE needs side by side to make them its innermost loop, where others are longer."""


def strides_of(order: Sequence[Dimension], extent: Extents) -> Ints:
    """Distance in words between neighbours along every dimension, in an array of ``extent`` in this order."""
    out = np.zeros(len(DIMENSIONS), dtype=np.int64)
    distance = 1
    for d in reversed(order):
        out[INDEX[d]] = distance
        distance *= extent[INDEX[d]]
    return out


def input_strides(layer: Layer, pitch: tuple[int, int]) -> Ints:
    """Distance in words along every dimension in padded inputs of ``pitch`` (rows, columns) per channel."""
    rows, columns = pitch
    sizes, channel = layer.sizes, rows * columns
    by = {"N": sizes["G"] * sizes["C"] * channel, "G": sizes["C"] * channel, "M": 0, "C": channel}
    for axis, step in ((0, columns), (1, 1)):
        by["PQ"[axis]], by["RS"[axis]] = layer.stride[axis] * step, layer.dilation[axis] * step
    return np.array([by[d] for d in DIMENSIONS], dtype=np.int64)


def _offsets(extents: Sequence[int], strides: Sequence[int]) -> Ints:
    """Offsets of all index combinations, the last one fastest."""
    out = np.zeros(1, dtype=np.int64)
    for extent, stride in zip(extents, strides, strict=True):
        out = (out[:, None] + np.arange(extent, dtype=np.int64)[None, :] * int(stride)).ravel()
    return out


class MacProgram:
    """Builds a layer's `MacTables`, pass type by pass type, as its passes are met.

    ``strides`` [3, 8] are the distances along every dimension in weights, inputs and the innermost output
    tile.
    """

    def __init__(self, layer: Layer, mapping: Mapping, columns: int, strides: Ints) -> None:
        self.layer, self.mapping, self.columns, self.strides = layer, mapping, columns, strides
        self._step: list[list[int]] = []
        self._kind: list[list[int]] = []
        self._work: list[list[int]] = []
        self._shape: list[list[int]] = []
        self._term: list[Ints] = []
        self._place: list[Ints] = []
        self._terms = self._places = 0
        self._types: dict[Extents, tuple[int, int, bool]] = {}
        self._kinds: dict[Extents, int] = {}
        self._shapes: dict[Extents, int] = {}
        self._tables: kernel.MacTables | None = None

    @property
    def tables(self) -> kernel.MacTables:
        """The tables of all pass types met so far."""
        if self._tables is None:
            lists = (self._step, self._kind, self._work, self._shape)
            step, kind, work, shape = (np.array(rows, dtype=np.int64) for rows in lists)
            term, places = np.concatenate(self._term), np.concatenate(self._place)
            self._tables = kernel.MacTables(step, kind, work, shape, term, places)
        return self._tables

    @property
    def psum_words(self) -> int:
        """Words of the largest output tile of one PE."""
        return prod(self.mapping.pe_extents[INDEX[d]] for d in OUTPUT_ORDER)

    def at(self, first: Sequence[int]) -> list[int]:
        """Offsets of a position in weights, inputs and the output tile."""
        found: list[int] = (self.strides @ np.array(first, dtype=np.int64)).tolist()
        return found

    def steps(self, extent: Extents) -> tuple[int, int, bool]:
        """(first step row, last + 1, whether a PE's output tile changes) of a pass that covers ``extent``."""
        if extent not in self._types:
            self._tables = None
            self._types[extent] = self._add_type(extent)
        return self._types[extent]

    def _add_type(self, extent: Extents) -> tuple[int, int, bool]:
        loops, start = self.mapping.steps, len(self._step)
        relevant = [i for i, loop in enumerate(loops) if loop.dimension in RELEVANT["output"]]
        reduction = [i for i, loop in enumerate(loops) if loop.dimension in REDUCTION]
        before: list[int] | None = None
        tiles = 0
        for iteration in walk(loops, Block((0,) * len(extent), extent), self.mapping.step_extents):
            kind = self._kind_number(iteration.block.extent)
            first = all(iteration.digits[i] == 0 for i in reduction)
            now = [iteration.digits[i] for i in relevant]
            self._step.append([kind, *self.at(iteration.block.first), int(first), int(now != before)])
            tiles += now != before
            before = now
        return start, len(self._step), tiles > 1

    def _kind_number(self, extent: Extents) -> int:
        if extent not in self._kinds:
            start = len(self._work)
            for chain in chains(place(self.mapping, extent, self.columns), self.columns):
                for i, work in enumerate(chain):
                    up, head = (chain[i - 1].pe if i else -1), i == len(chain) - 1
                    shape = self._shape_number(work.block.extent)
                    self._work.append([work.pe, up, int(head), *self.at(work.block.first), shape])
            self._kinds[extent] = len(self._kind)
            self._kind.append([start, len(self._work)])
        return self._kinds[extent]

    def _shape_number(self, extent: Extents) -> int:
        if extent not in self._shapes:
            self._shapes[extent] = len(self._shape)
            self._shape.append(self._add_shape(extent))
        return self._shapes[extent]

    def _add_shape(self, extent: Extents) -> list[int]:
        """A PE's block: the innermost loop runs over the filters, or over the longest dimension."""
        longest = max(DIMENSIONS, key=lambda d: extent[INDEX[d]])
        run: Dimension = "M" if extent[INDEX["M"]] >= WIDE_ENOUGH or extent[INDEX[longest]] == 1 else longest
        outer = [d for d in DIMENSIONS if d != run]
        kept = [d for d in OUTPUT_ORDER if d != run] + ([run] if run in OUTPUT_ORDER else [])
        places = _offsets([extent[INDEX[d]] for d in kept], [int(self.strides[2][INDEX[d]]) for d in kept])
        strides = (*self.strides[:2], strides_of(kept, extent))
        axes = [
            _offsets([extent[INDEX[d]] for d in outer], [int(s[INDEX[d]]) for d in outer]) for s in strides
        ]
        self._place.append(places)
        self._term.append(np.stack(axes, axis=1))
        row = [self._places, len(places), self._terms, self._terms + len(axes[0]), extent[INDEX[run]]]
        self._places += len(places)
        self._terms += len(axes[0])
        return row + [int(s[INDEX[run]]) for s in strides]


def chains(works: Sequence[PeWork], columns: int) -> list[list[PeWork]]:
    """PEs that hold parts of one output, from tail to head: up a column, or along a row."""
    groups: dict[tuple[int, ...], list[PeWork]] = {}
    for work in works:
        key = tuple(work.block.first[INDEX[d]] for d in OUTPUT_ORDER)
        groups.setdefault(key, []).append(work)
    return [sorted(group, key=lambda work: (-(work.pe // columns), work.pe)) for group in groups.values()]
