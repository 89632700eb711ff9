"""From a layer, its mapping and a machine to the tables that the array kernel runs."""

from dataclasses import dataclass
from math import lcm, prod

import numpy as np

from simulator.components.base import Arbitrated, Rate
from simulator.components.networks.base import Delivery, Ints, Network
from simulator.engine.nest import Nest
from simulator.engine.steps import StepKind, Supply, Wires, step_kind
from simulator.engine.tiles import part_loops
from simulator.errors import refuse
from simulator.kernels import tables as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents
from simulator.names import ARRAY, DATA_TYPES, DIMENSIONS, REDUCTION, RELEVANT, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

MODES = {"fifo": kernel.FIFO, "priority": kernel.PRIORITY, "round_robin": kernel.ROUND_ROBIN}
STREAM_NAMES = ("weight", "input", "psum_in", "psum_out")
STREAM_TYPES: tuple[DataType, ...] = ("weight", "input", "output", "output")
FEW_PASSES = 8
"""Inner loops of so few passes are not looked at on their own."""
STEADY_TRIPS = 20
"""From how many iterations on a loop inside a pass is looked at for what repeats."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that streams share: its name in results, who it is in causes, its rate and arbitration."""

    name: str
    cause: str
    rate: Rate
    mode: int
    ranks: tuple[int, ...]


def networks_at(architecture: Architecture) -> dict[str, Network | None]:
    """The networks that join the array and the innermost buffers, by stream; ``links`` between PEs."""
    inner = {d: architecture.levels(d)[-1] for d in DATA_TYPES}
    names = {
        "weight": architecture.network("weight", inner["weight"], ARRAY),
        "input": architecture.network("input", inner["input"], ARRAY),
        "psum_in": architecture.network("output", inner["output"], ARRAY),
        "psum_out": architecture.network("output", ARRAY, inner["output"]),
        "links": architecture.psum_links(),
    }
    return {key: None if name is None else architecture.networks[name] for key, name in names.items()}


def wires_of(architecture: Architecture) -> Wires:
    """The networks around an array whose every stream needs one."""
    found = networks_at(architecture)
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
    """Builds a layer's `Program`."""

    def __init__(
        self, layer: Layer, mapping: Mapping, nest: Nest, architecture: Architecture, relaxed: frozenset[str]
    ) -> None:
        self.layer, self.mapping, self.nest, self.architecture = layer, mapping, nest, architecture
        self.networks = networks_at(architecture)
        self.inner = {d: architecture.levels(d)[-1] for d in DATA_TYPES}
        self.relaxed = relaxed
        self.ports, self.routes = stream_ports(architecture, relaxed)
        self.causes = [*architecture.memories, *architecture.networks, ARRAY]
        self._slide, self._back = self._sliding()
        self.kinds = self._make_kinds()
        self.group_pes = self._group_pes()
        self.block_weights = self._block_weights()
        covered = [i for i, weight in enumerate(self.block_weights) if weight]
        reduction = nest.over(REDUCTION)
        self.odd_first = [int(bool(reduction >> i & 1) or i == self._slide) for i in range(len(nest.loops))]
        odd = reduction | self._ends_of_use()
        self.odd_last = [int(bool(odd >> i & 1)) for i in range(len(nest.loops))]
        self.blocks = prod(nest.loops[i].trips for i in covered)

    def _make_kinds(self) -> list[StepKind]:
        wires = wires_of(self.architecture)
        return [self._kind(extent, wires) for extent in self.nest.step_extents()]

    def _kind(self, extent: Extents, wires: Wires) -> StepKind:
        clipped = [min(e, n) for e, n in zip(extent, self.mapping.step_extents, strict=True)]
        before = clipped.copy()
        if self._slide >= 0:  # a window slides away from a step of full length
            before[INDEX[self.nest.loops[self._slide].dimension]] = self.nest.steps[self._slide]
        return step_kind(self.layer, self.mapping, tuple(clipped), self._back, wires, tuple(before))

    def _sliding(self) -> tuple[int, tuple[int, int]]:
        """The loop along which windows slide (-1: none), and by how many input (rows, columns) at a time."""
        nest = self.nest
        moving = [i for i in range(nest.split, len(nest.loops)) if nest.over(RELEVANT["input"]) >> i & 1]
        if not moving:
            return -1, (0, 0)
        loop, far = moving[-1], nest.steps[moving[-1]]
        if nest.loops[loop].dimension == "Q":
            return loop, (0, far * self.layer.stride[1])
        if nest.loops[loop].dimension == "P":
            return loop, (far * self.layer.stride[0], 0)
        return -1, (0, 0)

    def _block_weights(self) -> list[int]:
        """How many psum blocks of an output tile in its innermost memory each loop goes on by."""
        nest, out, weight = self.nest, [0] * len(self.nest.loops), 1
        relevant = nest.over(RELEVANT["output"])
        for i in range(len(out) - 1, self.outside("output") - 1, -1):
            if relevant >> i & 1:
                out[i] = weight
                weight *= nest.loops[i].trips
        return out

    def _ends_of_use(self) -> int:
        """Loops, a bit each, whose last iteration may be the last use of a tile in an innermost memory."""
        nest, found = self.nest, 0
        for d in DATA_TYPES:
            outside, relevant = self.outside(d), nest.over(RELEVANT[d])
            depth, cuts = nest.depth(self.renewing(d)), self._part_loops(d)
            found |= sum(1 << i for i in range(outside, min(depth, nest.split)) if i not in cuts)
            for i in range(min(outside, depth) - 1, -1, -1):
                if relevant >> i & 1 and nest.parents[i] < 0:
                    break  # this one always goes on to another tile
                found |= (~relevant) & (1 << i)
        return found

    def _part_loops(self, data_type: DataType) -> tuple[int, ...]:
        """Loops that cut a tile of the innermost memory into parts."""
        memory = self.inner[data_type]
        at_home = memory == self.architecture.home(data_type)
        if at_home or not self.architecture.memories[memory].in_parts(data_type):
            return ()
        return part_loops(self.layer, self.mapping, self.nest, data_type, memory)

    def _columns_first(self) -> bool:
        """Whether a PE works column by column, so that the columns that leave its window are used first."""
        loops = [loop for loop in self.mapping.pe if loop.trips > 1]
        one_column = self.mapping.pe_extents[INDEX["Q"]] == 1
        taps = self.mapping.pe_extents[INDEX["S"]]
        slides = self._slide >= 0 and self.nest.loops[self._slide].dimension == "Q"
        return slides and one_column and (taps == 1 or (bool(loops) and loops[0].dimension == "S"))

    def _leaves(self) -> tuple[Ints, Ints]:
        """For dimensions with steps of several lengths: the innermost loop, shares of a kind."""
        leaf: list[list[int]] = []
        classes: list[int] = []
        weight = len(self.kinds)
        for d in DIMENSIONS:
            lengths = self.nest.lengths(d)
            weight //= len(lengths)
            if len(lengths) > 1:
                leaf.append([self.nest.innermost(d), len(classes)])
                table = [0] * (max(lengths) + 1)
                for number, length in enumerate(lengths):
                    table[length] = number * weight
                classes += table
        return ints(leaf).reshape(-1, 2), ints(classes or [0])

    def program(self, *, tells: bool) -> kernel.Program:
        """The kernel's tables; ``tells``: stop after every pass, look for what repeats in it."""
        supplies = [supply for kind in self.kinds for supply in kind.supplies]
        deliveries = [supply.delivery for supply in supplies]
        prefixes = [d.prefix for d in deliveries]
        self._refuse_what_does_not_fit(deliveries)
        links = self._link_rate()
        ticks = lcm(*(_numerator(p.rate) for p in self.ports), _numerator(links))
        port_rows = [
            [ticks_per_unit(x.rate, ticks), self.causes.index(x.cause), x.mode, *x.ranks] for x in self.ports
        ]
        starts = np.cumsum([0] + [len(x) for x in prefixes[:-1]]).tolist()
        first_groups = np.cumsum([0] + [len(supply.needs) for supply in supplies[:-1]]).tolist()
        groups, needs = _needs(supplies, self.architecture.spatial.pe.macs_per_cycle)
        leaf, classes = self._leaves()
        nest = zip(
            self.nest.parents, self.nest.steps, self.block_weights,
            self.odd_first, self.odd_last, *self.nest.inside(), strict=True,
        )  # fmt: skip
        return kernel.Program(
            work=np.stack([_work(k, self.architecture.spatial.pe.macs_per_cycle) for k in self.kinds]),
            dying=ints([[*self._dying(kind), *self._moves(i)] for i, kind in enumerate(self.kinds)]),
            macs=ints([self.macs_of(kind) for kind in self.kinds]),
            delivery=ints(
                [
                    [d.port_words, _most(d), at, first, len(supply.needs)]
                    for d, at, first, supply in zip(deliveries, starts, first_groups, supplies, strict=True)
                ]
            ),
            group=ints([supply.group for supply in supplies]),
            supply=groups,
            need=needs,
            prefix=np.concatenate(prefixes).astype(np.int64),
            nest=ints(list(nest)).reshape(-1, 7),
            leaf=leaf,
            classes=classes,
            stream=ints([self._stream(i, self.routes[i]) for i in range(kernel.STREAMS)]),
            port=ints(port_rows),
            machine=ints(self._machine(links, ticks, tells=tells) + self._systolic()),
            group_pes=self.group_pes,
        )

    def _group_pes(self) -> Ints:
        """Of how many PEs of the array each of the kernel's is."""
        return np.ones(self.architecture.array.pes, dtype=np.int64)

    def macs_of(self, kind: StepKind) -> int:
        """MACs of all PEs in a step."""
        return int(kind.macs @ self.group_pes)

    def pes_of(self, kind: StepKind) -> int:
        """How many PEs have work in a step."""
        return int((kind.macs != 0) @ self.group_pes)

    def of_pes(self, names: Ints) -> Ints:
        """An account per kernel's PE [PEs, 10] as one per PE of the array [rows, columns, 10]."""
        array = self.architecture.array
        return names.reshape(array.rows, array.columns, -1).copy()

    def _dying(self, kind: StepKind) -> tuple[int, int]:
        """See `kernel.PART`."""
        return (kind.dying_columns, kind.columns) if self._columns_first() else (1, 1)

    def _moves(self, kind: int) -> tuple[int, int]:
        """See `kernel.OUT_MOVES`."""
        return 0, 0

    def _systolic(self) -> list[int]:
        """The columns of the machine's row from `kernel.SYSTOLIC` on."""
        return [0] * 6

    def _capacity(self) -> list[int]:
        pe = self.architecture.spatial.pe
        return [
            pe.weight_words + pe.weight_fifo_words,
            pe.input_words + pe.input_fifo_words,
            pe.psum_in_fifo_words,
            0,
        ]

    def _stream(self, stream: int, route: list[int]) -> list[int]:
        """One stream's row: see `kernel.CAPACITY`."""
        data_type, nest = STREAM_TYPES[stream], self.nest
        outside, relevant = self.outside(data_type), self.renewing(data_type)
        cuts = self._part_loops(data_type)
        network = self.networks[STREAM_NAMES[stream]]
        latency = 0 if network is None else network.latency_cycles
        tile = nest.over(RELEVANT[data_type], outside)
        return [
            self._capacity()[stream],
            *route,
            latency,
            nest.depth(relevant),
            relevant,
            outside,
            tile,
            sum(1 << i for i in cuts),
        ]

    def renewing(self, data_type: DataType) -> int:
        """The loops, a bit each, whose turns bring other words of a data type to the PEs."""
        return self.nest.over(RELEVANT[data_type])

    def outside(self, data_type: DataType) -> int:
        """How many loops change what the innermost memory of a data type holds: none where it is its home."""
        memory = self.inner[data_type]
        return 0 if self.architecture.home(data_type) == memory else self.nest.outside(self.mapping, memory)

    def _link_rate(self) -> Rate:
        links = self.networks["links"]
        relaxed = self.architecture.psum_links() in self.relaxed
        return "unlimited" if links is None or relaxed else links.words_per_cycle

    def _machine(self, link_rate: Rate, ticks: int, *, tells: bool) -> list[int]:
        """The row of what holds for the whole array: see `kernel.OPEN_TILES`."""
        array, nest, links = self.architecture.spatial, self.nest, self.networks["links"]
        pe, widest = array.pe, max(int(kind.out_words.max()) for kind in self.kinds)
        inside = [i for i in range(nest.split, len(nest.loops)) if nest.loops[i].trips >= STEADY_TRIPS]
        # what waits to leave: whole tiles, and words beside them
        leaving, more = divmod(max(pe.psum_out_fifo_words, widest), widest)
        return [
            1 if pe.adder == "shared" else max(1, pe.psum_words // widest), leaving,
            ticks_per_unit(link_rate, ticks), 0 if links is None else links.latency_cycles,
            pe.adder == "shared", array.initial_psums == "buffer", array.pass_barrier, pe.pipeline_cycles - 1,
            ticks, self.causes.index(ARRAY), len(nest.loops), nest.split, self._slide,
            nest.over(REDUCTION), inside[-1] if inside and tells else -1,
            self._telling_loop() if tells else -1, self._idle_tiles(),
            leaving + (more > 0), widest - more + 1 if more else 1, widest - more,
        ]  # fmt: skip

    def _telling_loop(self) -> int:
        """The innermost loop around passes whose turns are worth a look at what repeats."""
        loop, passes = self.nest.split - 1, 1
        while loop > 0 and passes * self.nest.loops[loop].trips <= FEW_PASSES:
            passes *= self.nest.loops[loop].trips
            loop -= 1
        return loop

    def _idle_tiles(self) -> int:
        """How many output tiles of a pass a PE may sit out while psums of its own wait (private adders)."""
        works = {tuple((kind.macs > 0).tolist()) for kind in self.kinds}
        if self.architecture.spatial.pe.adder == "shared" or len(works) == 1:
            return 0
        nest, outputs = self.nest, self.nest.over(RELEVANT["output"])
        return prod(nest.loops[i].trips for i in range(nest.split, len(nest.loops)) if outputs >> i & 1)

    def _refuse_what_does_not_fit(self, deliveries: list[Delivery]) -> None:
        widths = {0: 0, 1: 1, 2: 1, 3: 2}
        capacity = self._capacity()
        for i, delivery in enumerate(deliveries):
            stream = widths.get(i % kernel.DELIVERIES)
            if stream is not None and _most(delivery) > capacity[stream]:
                raise refuse(
                    self.layer.name,
                    "mapping",
                    f"{_most(delivery)} words",
                    f"a PE stores {capacity[stream]} words for {STREAM_NAMES[stream]}; a step must fit",
                )


def _most(delivery: Delivery) -> int:
    return len(delivery.prefix) - 1


def _needs(supplies: list[Supply], macs_per_cycle: int) -> tuple[Ints, Ints]:
    """All groups of PEs, and when the words of each are needed: see `kernel.Program`."""
    every = [supply.needs for supply in supplies]
    position, use, late = (
        np.concatenate([getattr(x, key) for x in every]) for key in ("position", "first_use", "extra_latency")
    )
    before = np.cumsum([0] + [len(x.position) for x in every[:-1]]).tolist()
    ends = np.concatenate([x.ends + first for x, first in zip(every, before, strict=True)])
    groups = np.stack((np.concatenate(([0], ends[:-1])), ends, late), axis=1)
    return ints(groups), ints(np.stack((position, use // macs_per_cycle), axis=1))


def _numerator(rate: Rate) -> int:
    return 1 if isinstance(rate, str) else rate.numerator


def ticks_per_unit(rate: Rate, ticks: int) -> int:
    """Ticks that one word or byte takes at ``rate`` per cycle; 0 where unlimited."""
    return 0 if isinstance(rate, str) else ticks * rate.denominator // rate.numerator


def _work(kind: StepKind, macs_per_cycle: int) -> Ints:
    return ints([-(-kind.macs // macs_per_cycle), kind.out_words, kind.up, kind.down, kind.order])


def ints(values: object) -> Ints:
    """Numbers as the kernels take them."""
    return np.ascontiguousarray(np.array(values, dtype=np.int64))
