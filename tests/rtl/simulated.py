"""A matrix product on a systolic array, as the simulator runs it and as the Verilog of this folder does.

Both count cycles from the first one in which a port may start, so cycle 0 of the one is cycle 0 of the other. All
operands are in the buffers at the array from the beginning; every operand and the outputs have a buffer, and with it
ports, of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from simulator.engine.function import compute
from simulator.engine.machine import LayerMachine
from simulator.kernels import tables as kernel
from simulator.mapping.check import FOLDS, check
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.names import DIMENSIONS
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.operands import Operands
from simulator.spec.validation import validate

from . import harness
from .harness import Fold, Port, Run, Tile
from .model import Clock

Span = tuple[int, int]
Block = dict[str, Span]
"""(first, length) along N, M and C."""
WORD_BITS = {"weight": harness.OPERAND_BITS, "input": harness.OPERAND_BITS, "output": harness.SUM_BITS}
DRAINS = {"at_once": "at_once", "each": "each", "down": "down", "apart": "down_apart"}
"""What the Verilog calls the ways in which stationary outputs leave."""


@dataclass(frozen=True)
class Edge:
    """A port at an edge and the FIFO behind it: ``words`` every ``every`` cycles (None: unlimited), ``depth`` vectors.

    Words arrive one by one (``every`` > 1) or cross evenly (``every`` = 1), or as many as a vector has, at once.
    """

    words: int | None = None
    every: int = 1
    depth: int = 2

    @property
    def rate(self) -> Fraction | str:
        return "unlimited" if self.words is None else Fraction(self.words, self.every)

    def port(self, width: int) -> Port:
        """The Verilog's port, whose FIFO is measured in words."""
        return Port(self.words, self.every, 0 if self.words is None else self.depth * width)


@dataclass(frozen=True)
class Case:
    """A product of sizes N, M, C on an array with ``features``, whose folds take ``steps`` vectors each.

    ``order``: the loops around folds, outermost first.
    """

    rows: int
    columns: int
    stationary: str
    sizes: dict[str, int]
    steps: int
    order: str
    features: dict[str, Any] = field(default_factory=dict)
    accumulates: bool = True
    left: Edge = Edge()
    top: Edge = Edge()
    psums: Edge = Edge()
    outputs: Edge = Edge()

    @property
    def axes(self) -> tuple[str, str, str]:
        """Dimensions along rows, along columns, and from vector to vector."""
        return FOLDS[self.stationary]  # type: ignore[index]

    @property
    def lengths(self) -> dict[str, int]:
        """What one fold covers where no dimension ends."""
        down, across, stepped = self.axes
        most = {down: self.rows, across: self.columns, stepped: self.steps}
        return {d: min(self.sizes[d], n) for d, n in most.items()}

    def blocks(self) -> list[Block]:
        """What the array works on from fold to fold; folds with equal stationary tiles one after another are one."""
        found: list[Block] = []
        stepped = self.axes[2]
        for spans in product(*(cut(self.sizes[d], self.lengths[d]) for d in self.order)):
            block = dict(zip(self.order, spans, strict=True))
            if found and all(found[-1][d] == block[d] for d in self.axes[:2]):
                first, length = found[-1][stepped]
                found[-1][stepped] = first, length + block[stepped][1]
            else:
                found.append(block)
        return found


def cut(size: int, length: int) -> list[Span]:
    return [(first, min(length, size - first)) for first in range(0, size, length)]


def part(array: Any, *spans: Span) -> Any:
    return array[tuple(slice(first, first + length) for first, length in spans)]


# The Verilog


@dataclass(frozen=True)
class Data:
    """Inputs [N, C] and weights [M, C], int8."""

    inputs: Any
    weights: Any

    @classmethod
    def of(cls, case: Case, random: Any) -> "Data":
        n, m, c = (case.sizes[d] for d in "NMC")
        return cls(random.integers(-128, 128, (n, c)), random.integers(-128, 128, (m, c)))


def verilog(case: Case, data: Data) -> tuple[Run, Any]:
    """What the Verilog does, and the outputs [N, M] that its sums make."""
    stationary = case.stationary == "output"
    blocks = case.blocks()
    run = (_outputs_stay if stationary else _operand_stays)(case, blocks, data)
    found = np.zeros((case.sizes["N"], case.sizes["M"]), dtype=np.int64)
    for block, values in zip(blocks, run.values, strict=True):
        sums = values.T if case.stationary == "input" else values
        here = part(found, block["N"], block["M"])
        here[...] = here + sums if case.accumulates and not stationary else sums
    return run, found


def _operand_stays(case: Case, blocks: Sequence[Block], data: Data) -> Run:
    roles = (data.weights, data.inputs) if case.stationary == "weight" else (data.inputs, data.weights)
    _, across, stepped = case.axes
    folds = []
    made: dict[tuple[int, int], int] = {}  # how many vectors have entered with the last one that added to some sums
    vectors = 0
    for block in blocks:
        c, stays, moves = block["C"], block[across], block[stepped]
        before = after = None
        if not case.accumulates and c[0] > 0:
            before = part(roles[1], moves, (0, c[0])) @ part(roles[0], stays, (0, c[0])).T
            after = [made[stays[0], move] for move in range(moves[0], sum(moves))]
        folds.append(Fold(part(roles[0], stays, c).T, part(roles[1], moves, c), before, after))
        for move in range(moves[0], sum(moves)):
            vectors += 1
            made[stays[0], move] = vectors
    features, width = case.features, folds[0].weights.shape
    shadow, skewed = features.get("shadow", False), features.get("shift") == "skewed"
    extents = [fold.weights.shape for fold in folds]
    if features.get("wavefront") != "used":
        extents = [(case.rows, case.columns)] * len(folds)
    return harness.weight_stationary(
        case.rows, case.columns, folds,
        shadow=shadow, skewed=skewed, freeze=features.get("bubbles") == "freeze",
        gaps=[harness.weight_gap(*extent, shadow, skewed) for extent in extents],
        shift_used_rows=features.get("shifted_rows") == "used",
        inputs=case.left.port(width[0]), weights=case.top.port(width[1]), psums=case.psums.port(width[1]),
        outputs=case.outputs.port(width[1]),
    )  # fmt: skip


def _outputs_stay(case: Case, blocks: Sequence[Block], data: Data) -> Run:
    tiles = [
        Tile(part(data.inputs, block["N"], block["C"]), part(data.weights, block["M"], block["C"]).T)
        for block in blocks
    ]
    r, c = tiles[0].inputs.shape[0], tiles[0].weights.shape[1]
    drain = DRAINS[case.features.get("drain", "at_once")]
    at_a_time = c if "down" in drain else r * c
    return harness.output_stationary(
        case.rows, case.columns, tiles,
        drain=drain, freeze=case.features.get("bubbles") == "freeze",
        wait_for_used=case.features.get("wavefront") == "used",
        inputs=case.left.port(r), weights=case.top.port(c), outputs=case.outputs.port(at_a_time),
    )  # fmt: skip


# The simulator


@dataclass(frozen=True)
class Simulated:
    """What the simulator's array did, by fold: when vectors entered, and when what left.

    ``leaves`` is [vectors, c], or [r, c] with stationary outputs; ``ready``, ``starts`` and ``homes`` are the cycles in
    which results as a whole were there to leave (the last ones that are remembered), started, and were home; ``rows`` are
    those in which the rows of the last tile entered; ``through`` is when the array had nothing to do any more.
    """

    vectors: list[list[int]]
    leaves: list[Any]
    ready: list[int]
    starts: list[int]
    homes: list[int]
    rows: list[int]
    through: int


def simulated(case: Case) -> Simulated:
    """What the simulator says of ``case``."""
    layer, mapping, machine = described(case)
    ran = LayerMachine(layer, mapping, machine, frozenset(), fast_forward=False)
    ran.run()
    state, blocks = ran.state, case.blocks()
    ticks = int(ran.program.machine[kernel.TICKS])
    assert state.scalars[kernel.LOGGED] < kernel.LOG_ROWS
    log = state.log[: int(state.scalars[kernel.LOGGED])].tolist()
    entered = [row[kernel.LOG_FROM] // ticks for row in log if row[kernel.LOG_SERIES] == kernel.MACS]
    sent = [row for row in log if row[kernel.LOG_SERIES] == kernel.POUT]
    vectors = harness.split(entered, [block[case.axes[2]][1] for block in blocks])
    clock = Clock(freeze=False)
    clock.still |= still_cycles(state)
    return Simulated(
        vectors=vectors,
        leaves=[leaving(case, clock, *work) for work in zip(blocks, vectors, strict=True)],
        ready=results_ready(state),
        starts=[row[kernel.LOG_FROM] // ticks for row in sent],
        homes=[-(-row[kernel.LOG_TO] // ticks) for row in sent],
        rows=state.row_in.tolist(),
        through=ran.array_end,
    )


def computed(case: Case, data: Data) -> Any:
    """The outputs [N, M] that the mapping's schedule makes of the data."""
    layer, mapping, machine = described(case)
    n, m, c = (case.sizes[d] for d in "NMC")
    operands = Operands(data.weights.reshape(1, m, c, 1, 1), data.inputs.reshape(n, 1, c, 1, 1))
    return compute(layer, mapping, machine, operands).outputs.reshape(n, m)


def still_cycles(state: kernel.State) -> set[int]:
    """The cycles in which the array stood still."""
    count = int(state.array[kernel.STILLS])
    assert count <= len(state.still_at)
    spans = zip(state.still_at[:count].tolist(), state.still[:count, 0].tolist(), strict=True)
    return {cycle for start, length in spans for cycle in range(start, start + length)}


def results_ready(state: kernel.State) -> list[int]:
    """When the last results that are remembered were there to leave, the latest one last."""
    count, ring = int(state.scalars[kernel.ACC_TILE]), state.leaving.shape[1]
    return [int(state.leaving[kernel.OUT_READY, n % ring]) for n in range(max(0, count - ring), count)]


def leaving(case: Case, clock: Clock, block: Block, vectors: Sequence[int]) -> Any:
    """When every output of a fold leaves: in the cycle after the move that brings it to where it leaves.

    Which move that is, DESIGN.md says: of the vector that has its last product, the one R - 1 + j later in column j;
    with stationary outputs as they are drained.
    """
    down, across, _ = case.axes
    r, c, rows = block[down][1], block[across][1], case.rows
    if case.stationary != "output":
        return np.array([[clock.later(t, rows - 1 + j) + 1 for j in range(c)] for t in vectors])
    far = (r + c if case.features.get("wavefront") == "used" else rows + case.columns) - 2
    i, j = np.indices((r, c))
    drain = case.features.get("drain", "at_once")
    moves = {"at_once": far + 0 * i, "each": i + j}.get(drain, rows - 1 + j + rows - 1 - i)
    return np.vectorize(lambda n: clock.later(vectors[-1], n) + 1)(moves)


def described(case: Case) -> tuple[Layer, Mapping, Architecture]:
    """The case as the simulator takes it."""
    layer, mapping, machine = layer_of(case), mapping_of(case), architecture_of(case)
    check(mapping, layer, machine, "test")
    return layer, mapping, machine


def layer_of(case: Case) -> Layer:
    return Layer("product", dict.fromkeys(DIMENSIONS, 1) | case.sizes)  # type: ignore[arg-type]


def mapping_of(case: Case) -> Mapping:
    down, across, stepped = (Loop(d, case.lengths[d]) for d in case.axes)  # type: ignore[arg-type]
    around = tuple(Loop(d, len(cut(case.sizes[d], case.lengths[d]))) for d in case.order)  # type: ignore[arg-type]
    levels = {"dram": (), "weights": (), "inputs": (), "outputs": around}
    return Mapping("systolic", levels, (down,), (across,), (stepped,))


def architecture_of(case: Case) -> Architecture:
    """The array and, for every data type, a buffer that holds all of it from the first cycle on."""
    left, top = ("weights", "inputs") if case.stationary == "input" else ("inputs", "weights")
    read = {left: case.left.rate, top: case.top.rate, "outputs": case.psums.rate}
    memories: dict[str, dict[str, Any]] = {
        "dram": {"kind": "dram", "bytes_per_cycle": "unlimited", "keeps": ["weight", "input", "output"]}
    }
    for name in ("weights", "inputs", "outputs"):
        memories[name] = {"kind": "sram", "capacity_bytes": 1 << 20, "keeps": name[:-1], "read_words_per_cycle": read[name]}
    memories["outputs"] |= {"write_words_per_cycle": case.outputs.rate, "accumulates": case.accumulates}
    array = {
        "kind": "systolic", "rows": case.rows, "columns": case.columns, "stationary": case.stationary,
        "left_fifo_words": case.left.depth, "top_fifo_words": case.top.depth, "output_fifo_words": case.outputs.depth,
        **({} if case.stationary == "output" else {"psum_in_fifo_words": case.psums.depth}), **case.features,
    }  # fmt: skip
    description = {
        "name": "rtl", "clock_mhz": 1, "word_bits": WORD_BITS, "memories": memories, "networks": {},
        "array": array, "dataflow": "systolic",
    }  # fmt: skip
    return validate(Architecture, description, "rtl")
