"""A mapping's schedule on real operands: the outputs that reach DRAM, and the zeros that were met.

Psums really travel: a PE sums into its own scratchpad, chains of PEs add up from tail to head, heads write
into the tile that the innermost buffer holds, tiles spill to the next memory out and come back as the loops
say. Memory that nothing was written to holds `UNWRITTEN`, so that a MAC that is missing or done twice, and
sums that are lost or read too early, give wrong outputs. Weights and inputs never change; PEs read them at
the indices of their own block.

Sums are 64 bits wide and wrap beyond, as those of a reference in int64 do. Outputs are the sums themselves:
an activation is a layer of its own. Whatever the width of an output word, they are kept whole, and those
that do not fit are counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.components.memories.dram import Dram
from simulator.components.networks.base import Ints
from simulator.engine.mac_program import OUTPUT_ORDER, MacProgram, input_strides, strides_of
from simulator.kernels import macs as kernel
from simulator.mapping.mapping import Mapping, whole
from simulator.mapping.nest import INDEX, Block, Extents, Iteration, relevant_digits, walk
from simulator.names import DATA_TYPES, REDUCTION, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.operands import Operands
from simulator.spec.product import im2col

UNWRITTEN = -0x0123456789ABCDEF
"""What output words hold that nothing has written."""
WEIGHT_ORDER: tuple[Dimension, ...] = ("G", "C", "R", "S", "M")
WIDE_WORD_BITS = 32
"""Operands below this width are computed on as 32-bit integers, others as 64-bit integers."""


def compute(layer: Layer, mapping: Mapping, architecture: Architecture, operands: Operands) -> "Computed":
    """Run ``layer`` as ``mapping`` says, with data; of a product, those of the layer that it is made of."""
    origin = layer.origin
    given = operands if origin is None else _of_product(origin, operands)
    schedule = _Schedule(layer, mapping, architecture, given)
    zero_input_macs = schedule.run()
    outputs = schedule.home.outputs()
    if origin is not None:
        images, rows, columns = (origin.sizes[d] for d in ("N", "P", "Q"))
        parts = outputs.reshape(images, rows, columns, *outputs.shape[1:3])
        outputs = np.ascontiguousarray(parts.transpose(0, 3, 4, 1, 2))
    return Computed(origin or layer, architecture, operands, outputs, zero_input_macs)


def _of_product(origin: Layer, operands: Operands) -> Operands:
    """A layer's operands as those of its matrix product: a row of all that its window sees per position."""
    weights, size = operands.weights, origin.sizes
    padded = padded_inputs(origin, operands.inputs, operands.inputs.dtype)
    return Operands(
        weights.reshape(size["G"], size["M"], -1, 1, 1), im2col(origin, padded)[..., None, None]
    )


@dataclass(frozen=True, eq=False)
class Computed:
    """A layer's outputs [N, G, M, P, Q] (int64), and what was met on the way.

    ``zero_input_macs`` are the MACs with a zero input; padding is zeros that reach a PE like any others.
    """

    layer: Layer
    architecture: Architecture
    operands: Operands
    outputs: Ints
    zero_input_macs: int

    @cached_property
    def words(self) -> dict[DataType, int]:
        """Words of every data type, padding not counted."""
        return {
            "weight": self.operands.weights.size,
            "input": self.operands.inputs.size,
            "output": self.outputs.size,
        }

    @cached_property
    def zero_words(self) -> dict[DataType, int]:
        """Those that are zero."""
        data = (self.operands.weights, self.operands.inputs, self.outputs)
        return {d: x.size - int(np.count_nonzero(x)) for d, x in zip(DATA_TYPES, data, strict=True)}

    @property
    def zeros(self) -> dict[DataType, Fraction]:
        """Exact fractions of zero words, as a `Layer` has them."""
        return {d: Fraction(self.zero_words[d], self.words[d]) for d in DATA_TYPES}

    @property
    def outputs_beyond_word(self) -> int:
        """Outputs that an output word of the architecture cannot hold (two's complement)."""
        limit = 1 << min(63, self.architecture.word_bits["output"] - 1)
        return int(np.count_nonzero((self.outputs > limit - 1) | (self.outputs < -limit)))

    @property
    def output_bits(self) -> int:
        """Bits of the narrowest two's complement word that holds every output."""
        return 1 + max(int(self.outputs.max()).bit_length(), (~int(self.outputs.min())).bit_length())

    def added_to(self, measured: dict[str, Any]) -> dict[str, Any]:
        """What the engine measured, with outputs, what was counted in the data, and gating by the data."""
        images, groups, filters, *size = self.outputs.shape
        actions = measured["actions"]
        if self.architecture.spatial.pe.zero_inputs == "gate":
            macs = measured["macs"] - self.zero_input_macs
            actions["mac"]["all"] |= {"compute": macs, "gated": self.zero_input_macs}
            actions["scratchpad"]["weight"]["read"] = macs
        return measured | {
            "zeros": self.zeros,
            "operands": self.counts(),
            "outputs": self.outputs.reshape(images, groups * filters, *size),
        }

    def counts(self) -> dict[str, Any]:
        """What results say about the data."""
        return {
            "zero_input_macs": self.zero_input_macs,
            "words": dict(self.words),
            "zero_words": dict(self.zero_words),
            "output_bits": self.output_bits,
            "outputs_beyond_word": self.outputs_beyond_word,
        }

    def coded_bits(self, data_type: DataType, block: Block) -> int:
        """Bits of a tile as it crosses the DRAM link: what a block of the loop nest touches, without padding.

        Exact for the data: every row is run-length coded on its own and never longer than plain. Outputs are
        the final ones; sums that are not final cross as they are and are not asked for here.
        """
        rows, bits = self._rows(data_type, block), self.architecture.word_bits[data_type]
        dram = self.architecture.memories[self.architecture.outermost]
        codec = dram.codecs.get(data_type) if isinstance(dram, Dram) and data_type != "weight" else None
        return int(rows.size) * bits if codec is None else codec.coded_bits(rows, bits)

    def _rows(self, data_type: DataType, block: Block) -> NDArray[Any]:
        """The rows of a feature map that a block touches, [rows, words]; weights are one row."""
        if data_type == "input":
            rows, columns = self._seen(block, 0, "P", "R"), self._seen(block, 1, "Q", "S")
            channels = self.operands.inputs[_slices(block, ("N", "G", "C"))]
            found = channels[:, :, :, rows[:, None], columns[None, :]]
        elif data_type == "output":
            found = self.outputs[_slices(block, ("N", "G", "M", "P", "Q"))]
        else:
            return self.operands.weights[_slices(block, ("G", "M", "C", "R", "S"))].reshape(1, -1)
        return found.reshape(prod(found.shape[:-1]), found.shape[-1])

    def _seen(self, block: Block, axis: int, output: Dimension, tap: Dimension) -> Ints:
        """Input indices along one axis that a block touches, without padding."""
        outputs, taps = block.along(output), block.along(tap)
        touched = self.layer.input_indices(axis, (outputs[0], taps[0]), (outputs[1], taps[1]))
        return np.array([i for i in touched if 0 <= i < self.layer.input_size[axis]], dtype=np.int64)


def _slices(block: Block, dimensions: Sequence[Dimension]) -> tuple[slice, ...]:
    return tuple(slice(first, first + extent) for first, extent in map(block.along, dimensions))


class _Home:
    """The outermost memory: all outputs, none written at first."""

    def __init__(self, layer: Layer) -> None:
        self.first: Extents = (0,) * len(INDEX)
        self.words: Ints = np.full([layer.sizes[d] for d in OUTPUT_ORDER], UNWRITTEN, dtype=np.int64)

    def outputs(self) -> Ints:
        """All outputs, [N, G, M, P, Q]."""
        return np.ascontiguousarray(self.words.transpose(0, 1, 4, 2, 3))


class _Buffer:
    """A memory that holds output tiles: its tile now, and where it is in the memory further out.

    Without a memory the array works on what the home has, as one tile.
    """

    def __init__(
        self, layer: Layer, mapping: Mapping, memory: str | None, parent: "_Buffer | _Home"
    ) -> None:
        everything = whole(layer).extent
        self.parent, self.loops = parent, () if memory is None else mapping.outside(memory)
        reach = everything if memory is None else mapping.tile_extents(memory)
        inside = tuple(min(e, n) for e, n in zip(reach, everything, strict=True))
        self.strides = strides_of(OUTPUT_ORDER, inside)
        self.words: Ints = np.full([inside[INDEX[d]] for d in OUTPUT_ORDER], UNWRITTEN, dtype=np.int64)
        self._visits: Iterator[Iteration] = walk(self.loops, whole(layer), reach)
        self._visit: Iteration | None = None
        self._block: Block | None = None
        self._key: tuple[int, ...] = ()

    @property
    def first(self) -> Extents:
        """Where the tile begins in the layer."""
        assert self._block is not None
        return self._block.first

    def follow(self, digits: tuple[int, ...]) -> bool:
        """Go on to the pass with these digits; whether it needs another tile."""
        digits = digits[: len(self.loops)]
        if self._visit is not None and self._visit.digits == digits:
            return False
        self._visit = next(self._visits)
        return self._block is None or relevant_digits(self.loops, digits, "output") != self._key

    def drain(self) -> None:
        """Write the tile outward."""
        if self._block is not None:
            here, there = self._places(self._block)
            self.parent.words[there] = self.words[here]

    def load(self) -> None:
        """Make room for the tile that is next, with its sums where some were made before."""
        assert self._visit is not None
        self._block = self._visit.block
        self._key = relevant_digits(self.loops, self._visit.digits, "output")
        self.words.fill(UNWRITTEN)
        if any(
            n > 0 and x.dimension in REDUCTION for x, n in zip(self.loops, self._visit.digits, strict=True)
        ):
            here, there = self._places(self._block)
            self.words[here] = self.parent.words[there]

    def _places(self, block: Block) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """The tile's words here, and in the memory further out."""
        here, there = [], []
        for d in OUTPUT_ORDER:
            first, extent = block.along(d)
            first -= self.parent.first[INDEX[d]]
            here.append(slice(0, extent))
            there.append(slice(first, first + extent))
        return tuple(here), tuple(there)


class _Schedule:
    """A layer's passes in order, with the tiles of outputs in every memory and the scratchpads of the PEs."""

    def __init__(
        self, layer: Layer, mapping: Mapping, architecture: Architecture, operands: Operands
    ) -> None:
        self.layer, self.mapping = layer, mapping
        self.home = _Home(layer)
        self.buffers: list[_Buffer] = []
        for memory in architecture.levels("output")[1:] or (None,):
            self.buffers.append(
                _Buffer(layer, mapping, memory, self.buffers[-1] if self.buffers else self.home)
            )
        self.inner = self.buffers[-1]
        bits = max(architecture.word_bits["weight"], architecture.word_bits["input"])
        dtype = np.dtype(np.int32 if bits < WIDE_WORD_BITS else np.int64)
        self.weights = np.ascontiguousarray(operands.weights.transpose(0, 2, 3, 4, 1), dtype=dtype).ravel()
        padded = padded_inputs(layer, operands.inputs, dtype)
        self.inputs = padded.ravel()
        sizes = whole(layer).extent
        strides = np.stack(
            [strides_of(WEIGHT_ORDER, sizes), input_strides(layer, padded.shape[-2:]), self.inner.strides]
        )
        self.program = MacProgram(layer, mapping, architecture.array.columns, strides)
        self.psums = np.full((architecture.array.pes, self.program.psum_words), UNWRITTEN, dtype=np.int64)
        self.rows: list[list[int]] = []
        self.tile_at = 0

    def run(self) -> int:
        """Run every pass; returns how many MACs had a zero input."""
        outer = self.mapping.outer
        relevant = [i for i, loop in enumerate(outer) if loop.dimension in RELEVANT["output"]]
        reduction = [i for i, loop in enumerate(outer) if loop.dimension in REDUCTION]
        before: list[int] | None = None
        zeros, moved = 0, False
        for iteration in walk(outer, whole(self.layer), self.mapping.pass_extents):
            now = [iteration.digits[i] for i in relevant]
            changed = [buffer for buffer in self.buffers if buffer.follow(iteration.digits)]
            if changed:
                zeros += self._finish_tile()
                for buffer in reversed(changed):
                    buffer.drain()
                for buffer in changed:
                    buffer.load()
                self.tile_at = self.program.at(self.inner.first)[2]
            start, end, moves = self.program.steps(iteration.block.extent)
            weights, inputs, outputs = self.program.at(iteration.block.first)
            first = all(iteration.digits[i] == 0 for i in reduction)
            new = moved or now != before
            self.rows.append([start, end, weights, inputs, outputs - self.tile_at, int(first), int(new)])
            before, moved = now, moves
        zeros += self._finish_tile()
        for buffer in reversed(self.buffers):
            buffer.drain()
        return zeros

    def _finish_tile(self) -> int:
        """Compute what was collected for the buffer's tile; its sums are in the buffer then."""
        if not self.rows:
            return 0
        passes = np.array(self.rows, dtype=np.int64)
        self.rows = []
        tables = self.program.tables
        found = kernel.run_passes(
            tables, passes, self.psums, self.inner.words.reshape(-1), self.weights, self.inputs
        )
        return int(found)


def padded_inputs(layer: Layer, inputs: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Inputs [N, G, C, rows, columns] as the windows see them: zeros around, and nothing that none sees."""
    spans, here, there = [], [], []
    for axis, (o, f) in enumerate((("P", "R"), ("Q", "S"))):
        steps, taps = layer.sizes[o] - 1, layer.sizes[f] - 1  # type: ignore[index]
        span = steps * layer.stride[axis] + taps * layer.dilation[axis] + 1
        before = layer.padding_before[axis]
        seen = max(0, min(layer.input_size[axis], span - before))
        spans.append(span)
        here.append(slice(before, before + seen))
        there.append(slice(0, seen))
    out = np.zeros((*inputs.shape[:3], *spans), dtype=dtype)
    out[:, :, :, here[0], here[1]] = inputs[:, :, :, there[0], there[1]]
    return out
