"""From a layer, its mapping and a machine to the tables that the array kernel runs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import lcm

import numpy as np

from simulator.components.base import Arbitrated, Rate
from simulator.components.networks.base import Delivery, Ints, Network
from simulator.engine.passes import Row, pass_rows, psum_blocks
from simulator.engine.steps import StepKind, Wires, step_kind
from simulator.errors import refuse
from simulator.kernels import array as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Block, Extents, steps_of, walk
from simulator.names import ARRAY, DATA_TYPES, REDUCTION, RELEVANT, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

MODES = {"fifo": kernel.FIFO, "priority": kernel.PRIORITY, "round_robin": kernel.ROUND_ROBIN}
STREAM_NAMES = ("weight", "input", "psum_in", "psum_out")
STREAM_TYPES: tuple[DataType, ...] = ("weight", "input", "output", "output")
RING = 512
"""How many passes the array's sequencer knows at the most; it looks at least half as far ahead."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that streams share: its name in results, who it is in causes, its rate and arbitration."""

    name: str
    cause: str
    rate: Rate
    mode: int
    ranks: tuple[int, ...]


@dataclass(slots=True)
class PassType:
    """Passes of one extent: the tables of its steps."""

    start: int
    steps: int
    mapped: Ints
    moves: dict[DataType, bool]


@dataclass(slots=True)
class _StepTable:
    """Step columns, filled as pass types are met."""

    kind: list[int] = field(default_factory=list)
    new_w: list[int] = field(default_factory=list)
    new_i: list[int] = field(default_factory=list)
    new_o: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    dying: list[int] = field(default_factory=list)
    part: list[tuple[int, int]] = field(default_factory=list)
    block: list[int] = field(default_factory=list)

    def rows(self) -> Ints:
        """The kernel's step table."""
        columns = (self.kind, self.new_w, self.new_i, self.new_o, self.first, self.dying)
        parts = zip(*self.part, strict=True)
        return np.ascontiguousarray(np.array([*columns, *parts, self.block], dtype=np.int64).T)


def wires_of(architecture: Architecture) -> Wires:
    """The networks that join the array and the innermost buffers."""
    inner = {d: architecture.levels(d)[-1] for d in DATA_TYPES}
    names = {
        "weight": architecture.network("weight", inner["weight"], ARRAY),
        "input": architecture.network("input", inner["input"], ARRAY),
        "psum_in": architecture.network("output", inner["output"], ARRAY),
        "psum_out": architecture.network("output", ARRAY, inner["output"]),
        "links": architecture.psum_links(),
    }
    found = {key: None if name is None else architecture.networks[name] for key, name in names.items()}
    for needed in ("weight", "input", "psum_out"):
        if found[needed] is None:
            raise refuse(
                architecture.name, "networks", None, f"a network is needed for {needed} at the array"
            )
    array = architecture.array
    return Wires(**found, rows=array.rows, columns=array.columns)  # type: ignore[arg-type]


def stream_ports(architecture: Architecture, relaxed: frozenset[str]) -> tuple[list[Port], list[list[int]]]:
    """The array side's ports, and for each stream the numbers of those that it crosses (buffer, network)."""
    ports: dict[str, int] = {}
    table: list[Port] = []
    routes = []

    def number(name: str, cause: str, rate: Rate, part: Arbitrated) -> int:
        if name not in ports:
            ports[name] = len(table)
            rate = "unlimited" if name in relaxed or cause in relaxed else rate
            ranks = tuple(part.order.index(stream) for stream in STREAM_NAMES)
            table.append(Port(name, cause, rate, MODES[part.arbitration], ranks))
        return ports[name]

    for stream, data_type in zip(STREAM_NAMES, STREAM_TYPES, strict=True):
        inner = architecture.levels(data_type)[-1]
        memory = architecture.memories[inner]
        out = stream == "psum_out"
        ends = (ARRAY, inner) if out else (inner, ARRAY)
        network = architecture.network(data_type, *ends)
        port, rate = memory.array_port(data_type, "write" if out else "read")
        route = [number(f"{inner}.{port}", inner, rate, memory), -1]
        if network is not None:
            part = architecture.networks[network]
            route[1] = number(network, network, part.words_per_cycle, part)
        routes.append(route)
    return table, routes


class Tables:
    """Builds a layer's `Program`, and its pass rows on demand."""

    def __init__(
        self, layer: Layer, mapping: Mapping, architecture: Architecture, relaxed: frozenset[str]
    ) -> None:
        self.layer, self.mapping, self.architecture = layer, mapping, architecture
        self.wires = wires_of(architecture)
        self.inner = {d: architecture.levels(d)[-1] for d in DATA_TYPES}
        self.relaxed = relaxed
        self.kinds: list[StepKind] = []
        self.types: list[PassType] = []
        self._kind_of: dict[Extents, int] = {}
        self._type_of: dict[Extents, int] = {}
        self._steps = _StepTable()
        self._slide_dimension, self.back = self._sliding()
        self.step_blocks = 1
        for loop in mapping.steps:
            if loop.dimension in RELEVANT["output"]:
                self.step_blocks *= loop.trips
        self.blocks = psum_blocks(mapping, self.inner["output"], self.step_blocks)
        for _ in self._all_pass_extents():
            pass

    def rows(self) -> Iterator[Row]:
        """The pass rows, in order."""
        return pass_rows(self.layer, self.mapping, self.inner, self._describe, self.step_blocks)

    def _describe(self, extent: Extents) -> tuple[int, dict[DataType, bool]]:
        number = self.type_number(extent)
        return number, self.types[number].moves

    def _all_pass_extents(self) -> Iterator[int]:
        """Register every extent that a pass can have: each dimension whole or what a remainder leaves."""
        sizes = {d: self.layer.sizes[d] for d in INDEX}
        options: list[set[int]] = [{sizes[d]} for d in INDEX]
        for loop, step in zip(
            self.mapping.outer, steps_of(self.mapping.outer, self.mapping.pass_extents), strict=True
        ):
            i = INDEX[loop.dimension]
            options[i] = {e for n in options[i] for e in _pieces(n, step)}
        clipped = [{min(e, c) for e in o} for o, c in zip(options, self.mapping.pass_extents, strict=True)]
        yield from (self.type_number(extent) for extent in _combinations(clipped))

    def _sliding(self) -> tuple[str | None, tuple[int, int]]:
        """The step loop along which windows slide, and by how many input (rows, columns) at a time."""
        moving = [
            i for i, x in enumerate(self.mapping.steps) if x.dimension in RELEVANT["input"] and x.trips > 1
        ]
        if not moving:
            return None, (0, 0)
        loop = self.mapping.steps[moving[-1]]
        step = steps_of(self.mapping.steps, self.mapping.step_extents)[moving[-1]]
        if loop.dimension == "Q":
            return "Q", (0, step * self.layer.stride[1])
        if loop.dimension == "P":
            return "P", (step * self.layer.stride[0], 0)
        return None, (0, 0)

    def kind_number(self, extent: Extents) -> int:
        """Number of the kind of steps that cover ``extent``."""
        if extent not in self._kind_of:
            self._kind_of[extent] = len(self.kinds)
            self.kinds.append(step_kind(self.layer, self.mapping, extent, self.back, self.wires))
        return self._kind_of[extent]

    def type_number(self, extent: Extents) -> int:
        """Number of the type of passes that cover ``extent``."""
        if extent not in self._type_of:
            self._type_of[extent] = len(self.types)
            self.types.append(self._build_type(extent))
        return self._type_of[extent]

    def _build_type(self, extent: Extents) -> PassType:
        mapping, table = self.mapping, self._steps
        loops, start = mapping.steps, len(table.kind)
        zero = Block((0,) * len(extent), extent)
        relevant = {d: [i for i, x in enumerate(loops) if x.dimension in RELEVANT[d]] for d in DATA_TYPES}
        reduction = [i for i, x in enumerate(loops) if x.dimension in REDUCTION]
        weights, weight = {}, 1
        for i in reversed(relevant["output"]):
            weights[i] = weight
            weight *= loops[i].trips
        mapped = np.zeros(self.wires.rows * self.wires.columns, dtype=np.int64)
        moves = dict.fromkeys(DATA_TYPES, False)
        before: tuple[int, ...] | None = None
        for iteration in walk(loops, zero, mapping.step_extents):
            now = iteration.digits
            kind = self.kind_number(iteration.block.extent)
            mapped |= (self.kinds[kind].macs > 0).astype(np.int64)
            new = {d: before is None or any(now[i] != before[i] for i in relevant[d]) for d in DATA_TYPES}
            for d in DATA_TYPES:
                moves[d] |= before is not None and new[d]
            table.kind.append(kind)
            table.new_w.append(int(new["weight"]))
            table.new_i.append(self._input_mode(before, now, new["input"], relevant["input"]))
            table.new_o.append(int(new["output"]))
            table.first.append(int(all(now[i] == 0 for i in reduction)))
            table.block.append(sum(now[i] * w for i, w in weights.items()))
            before = now
        self._fill_dying(start)
        return PassType(start, len(table.kind) - start, mapped, moves)

    def _input_mode(
        self, before: tuple[int, ...] | None, now: tuple[int, ...], new: bool, relevant: list[int]
    ) -> int:
        """0: the inputs stay; 1: a whole new window; 2: the window slides."""
        if not new:
            return 0
        if before is None or self._slide_dimension is None:
            return 1
        changed = [i for i in relevant if now[i] != before[i]]
        loop = self.mapping.steps[changed[0]].dimension
        slides = (
            len(changed) == 1 and loop == self._slide_dimension and now[changed[0]] == before[changed[0]] + 1
        )
        return 2 if slides else 1

    def _fill_dying(self, start: int) -> None:
        """What each step of a new type leaves dead, and after which part of its MACs."""
        table, end = self._steps, len(self._steps.kind)
        for j in range(start, end):
            mode = table.new_i[j + 1] if j + 1 < end else 1
            kind = self.kinds[table.kind[j]]
            if mode == 2:
                after = self.kinds[table.kind[j + 1]]
                kept = _most(after.deliveries[1]) - _most(after.deliveries[2])
                table.dying.append(max(0, _most(kind.deliveries[1]) - kept))
                part = (kind.dying_columns, kind.columns) if self._columns_first() else (1, 1)
                table.part.append(part)
            else:
                table.dying.append(-1 if mode == 1 else 0)
                table.part.append((1, 1))

    def _columns_first(self) -> bool:
        """Whether a PE works column by column, so that the columns that leave its window are used first."""
        loops = [loop for loop in self.mapping.pe if loop.trips > 1]
        one_column = self.mapping.pe_extents[INDEX["Q"]] == 1
        taps = self.mapping.pe_extents[INDEX["S"]]
        return (
            self._slide_dimension == "Q"
            and one_column
            and (taps == 1 or (bool(loops) and loops[0].dimension == "S"))
        )

    def program(self) -> kernel.Program:
        """The kernel's tables."""
        array, pe, table = self.architecture.spatial, self.architecture.spatial.pe, self._steps
        ports, routes = stream_ports(self.architecture, self.relaxed)
        causes = self.causes(ports)
        links = self.wires.links
        link_rate: Rate = "unlimited" if links is None or self._relaxes_links() else links.words_per_cycle
        ticks = lcm(*(_numerator(p.rate) for p in ports), _numerator(link_rate))
        deliveries = [d for kind in self.kinds for d in kind.deliveries]
        prefixes = [d.prefix for d in deliveries]
        capacity = [
            pe.weight_words + pe.weight_fifo_words,
            pe.input_words + pe.input_fifo_words,
            pe.psum_in_fifo_words,
            0,
        ]
        self._refuse_what_does_not_fit(deliveries, capacity)
        widest = max(int(kind.out_words.max()) for kind in self.kinds)
        slots = [
            1 if pe.adder == "shared" else max(1, pe.psum_words // widest),
            max(1, pe.psum_out_fifo_words // widest),
        ]
        latency = [0 if n is None else n.latency_cycles for n in self._stream_networks()]
        port_rows = [[ticks_per_unit(x.rate, ticks), causes.index(x.cause), x.mode, *x.ranks] for x in ports]
        machine = [
            *slots, ticks_per_unit(link_rate, ticks), 0 if links is None else links.latency_cycles,
            pe.adder == "shared", array.initial_psums == "buffer", array.pass_barrier, pe.pipeline_cycles - 1,
            ticks, causes.index(ARRAY),
        ]  # fmt: skip
        starts = np.cumsum([0] + [len(x) for x in prefixes[:-1]]).tolist()
        return kernel.Program(
            work=np.stack([_work(k, pe.macs_per_cycle) for k in self.kinds]),
            delivery=_ints([[d.port_words, _most(d), at] for d, at in zip(deliveries, starts, strict=True)]),
            arrive=_ints([[d.complete, d.extra_latency] for d in deliveries]),
            prefix=np.concatenate(prefixes).astype(np.int64),
            types=_ints([[t.start, t.steps] for t in self.types]),
            step=table.rows(),
            mapped=_ints([t.mapped for t in self.types]),
            stream=_ints(
                [[c, *r, lat] for c, r, lat in zip(capacity, routes, latency, strict=True)]
            ),
            port=_ints(port_rows),
            machine=_ints(machine),
        )

    def causes(self, ports: list[Port] | None = None) -> list[str]:
        """Every name that a stall may be blamed on; the index is the kernel's cause id."""
        return [*self.architecture.memories, *self.architecture.networks, ARRAY]

    def _relaxes_links(self) -> bool:
        return self.architecture.psum_links() in self.relaxed

    def _stream_networks(self) -> list[Network | None]:
        return [self.wires.weight, self.wires.input, self.wires.psum_in, self.wires.psum_out]

    def _refuse_what_does_not_fit(self, deliveries: list[Delivery], capacity: list[int]) -> None:
        widths = {0: 0, 1: 1, 2: 1, 3: 2}
        for i, delivery in enumerate(deliveries):
            stream = widths.get(i % 5)
            if stream is not None and _most(delivery) > capacity[stream]:
                raise refuse(
                    self.layer.name,
                    "mapping",
                    f"{_most(delivery)} words",
                    f"a PE stores {capacity[stream]} words for {STREAM_NAMES[stream]}; a step must fit",
                )


def _pieces(total: int, step: int) -> set[int]:
    """Lengths of the pieces when ``total`` is cut every ``step``."""
    rest = total % step
    return ({step} if total >= step else set()) | ({rest} if rest else set())


def _combinations(options: list[set[int]]) -> Iterator[Extents]:
    yield from product(*(sorted(o, reverse=True) for o in options))


def _most(delivery: Delivery) -> int:
    return len(delivery.prefix) - 1


def _numerator(rate: Rate) -> int:
    return 1 if isinstance(rate, str) else rate.numerator


def ticks_per_unit(rate: Rate, ticks: int) -> int:
    """Ticks that one word or byte takes at ``rate`` per cycle; 0 where unlimited."""
    return 0 if isinstance(rate, str) else ticks * rate.denominator // rate.numerator


def _work(kind: StepKind, macs_per_cycle: int) -> Ints:
    return _ints([-(-kind.macs // macs_per_cycle), kind.out_words, kind.up, kind.down, kind.order])


def _ints(values: object) -> Ints:
    return np.ascontiguousarray(np.array(values, dtype=np.int64))


def new_state(tables: Tables, program: kernel.Program, tile_rings: int, now: int) -> kernel.State:
    """A machine at rest at cycle ``now``."""
    pes, slots = program.mapped.shape[1], int(program.machine[kernel.OPEN_TILES])
    ring = int(max(program.stream[:, kernel.CAPACITY].max(), program.machine[: kernel.LINK_TICKS].max())) + 4

    def z(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    streams = kernel.STREAMS
    state = kernel.State(
        scalars=z(kernel.SCALARS), passes=z(RING, kernel.PASS_COLUMNS),
        stream=z(streams, 13), release=z(streams, ring, 2), port=z(len(program.port), 3),
        tile_time=z(streams, tile_rings), tile_breaks=z(streams, tile_rings, kernel.BREAKS, 2),
        arrival=z(3, ring, pes), breaks=z(streams, ring, kernel.BREAKS, 2),
        pe=z(3, pes), chain=z(pes, 2), slot=z(3, slots, pes),
        open_tile=z(slots, 2), tile_ring=z(3, ring),
        block=z(tables.blocks, 4), delivered=z(len(program.delivery)),
        computed=z(len(tables.kinds)), added=z(len(tables.kinds), 2), names=z(pes, 10),
        causes=z(4, len(tables.causes())), events=z(4 * RING + 16, 2), windows=z(streams, kernel.WINDOWS),
    )  # fmt: skip
    state.port[:, kernel.FREE_AT] = now * int(program.machine[kernel.TICKS])
    state.stream[:, kernel.LAST_FINISH] = now
    return state
