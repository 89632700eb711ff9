"""One layer on one machine: the processes that fill, drain and compute, and the run of them."""

from collections.abc import Callable
from math import lcm
from typing import Any

import numpy as np

from simulator.components.base import Rate
from simulator.components.memories.base import Memory
from simulator.components.memories.dram import Dram
from simulator.components.networks.base import Ints
from simulator.engine.levels import Crossing, Fill, Hold, Level, Resident
from simulator.engine.nest import nest_of
from simulator.engine.program import STREAM_NAMES, Tables
from simulator.engine.record import Recorder
from simulator.engine.repeats import Repeats
from simulator.engine.state import new_state
from simulator.engine.systolic import SystolicTables
from simulator.engine.tiles import Tile, TileCursor, part_count, tile_count
from simulator.engine.world import (
    ARRAY_LAST,
    Agenda,
    Fabric,
    FabricPort,
    Lane,
    Sleeper,
    World,
    compact,
    fabric_port,
)
from simulator.errors import refuse
from simulator.kernels import tables as kernel
from simulator.kernels.bound import Bound
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Block
from simulator.mapping.tiles import held_bits
from simulator.names import ARRAY, DATA_TYPES, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

STREAM_OF: dict[DataType, tuple[int, ...]] = {
    "weight": (kernel.W,),
    "input": (kernel.I,),
    "output": (kernel.PIN, kernel.POUT),
}
MOST_TILES = 64
"""Most tiles of a data type that a buffer takes, or one tile in all its parts; more would only sit there."""


class LayerMachine:
    """Everything that moves while one layer runs. Build it, call `run`, then read the state."""

    def __init__(
        self,
        layer: Layer,
        mapping: Mapping,
        architecture: Architecture,
        relaxed: frozenset[str],
        *,
        fast_forward: bool = True,
        coded_bits: Callable[[DataType, Block], int] | None = None,
        most_slices: int = 0,
    ) -> None:
        """``coded_bits``: how long a tile of real data is on a coded link, in place of what is expected.

        ``most_slices``: about how many slices of what PEs do are kept; 0: nothing is traced.
        """
        self._coded_bits = coded_bits
        if coded_bits is not None and self._codes(architecture):
            fast_forward = False  # tiles of one size differ in length
        self.layer, self.mapping, self.architecture, self.relaxed = layer, mapping, architecture, relaxed
        self.nest = nest_of(layer, mapping)
        make = Tables if architecture.systolic is None else SystolicTables
        self.tables = make(layer, mapping, self.nest, architecture, relaxed)
        self.program = self.tables.program(tells=fast_forward)
        self.configured = architecture.configuration_cycles
        self.world = World(initial_time=self.configured)
        self.ports: dict[str, FabricPort] = {}
        self.port_counts: list[dict[str, int]] = []
        self.fabric = Fabric(self.world, self._fabric_ticks(), self._log_crossing)
        kept = [name for name, memory in architecture.memories.items() if self._filled(name, memory)]
        self.agendas = {name: Agenda(self.world) for name in kept}
        self.levels: dict[tuple[str, DataType], Level] = {}
        self._make_levels()
        rings = max((level.capacity for level in self.levels.values()), default=0) + 4
        series = kernel.SERIES + len(self.ports) + 2 * len(self.levels)
        self.state = new_state(
            self.tables, self.program, rings, series, self.configured, traced=most_slices > 0
        )
        self.bound = Bound(self.program, self.state)
        self.recorder = Recorder(self, most_slices) if most_slices else None
        self.array = ArrayProcess(self, fast_forward=fast_forward)
        self.array_end = self.end = self.configured

    def _filled(self, name: str, memory: Memory) -> tuple[DataType, ...]:
        """Data types that a memory keeps and gets from another one."""
        return tuple(d for d in memory.keeps if self.architecture.home(d) != name)

    def _fabric_ticks(self) -> int:
        rates = [rate for name in self.architecture.memories for rate in self._rates(name)]
        return lcm(1, *(1 if isinstance(r, str) else r.numerator for r in rates))

    def _rates(self, name: str) -> list[Rate]:
        memory, out = self.architecture.memories[name], []
        if isinstance(memory, Dram):
            out.append(memory.bytes_per_core_cycle(self.architecture.clock_mhz))
        else:
            for data_type in memory.keeps:
                out += [memory.outer_port(data_type, way)[1] for way in ("read", "write")]
                out += [memory.array_port(data_type, way)[1] for way in ("read", "write")]
        for network in self.architecture.networks.values():
            out.append(network.words_per_cycle)
        return out

    def _make_levels(self) -> None:
        for name, memory in self.architecture.memories.items():
            filled = self._filled(name, memory)
            if not filled:
                continue
            bits = held_bits(self.mapping, self.layer, self.architecture, name)
            most = min(MOST_TILES, tile_count(self.mapping, name))
            counts = {d: most if d in filled else 1 for d in memory.keeps}
            quota = memory.tile_quota(bits, counts)
            for d in filled:
                if quota[d] < 1:
                    needed = ", ".join(f"{t} {b} bits" for t, b in bits.items())
                    raise refuse(
                        self.layer.name,
                        f"mapping: {name}",
                        f"tiles of {needed}",
                        f"one tile of each must fit into {name}",
                    )
                self.levels[name, d] = self._level(name, d, quota[d], bits[d])

    def _level(self, name: str, data_type: DataType, quota: int, tile_bits: int) -> Level:
        """Build a level with its lanes; memories come outermost first."""
        chain = self.architecture.levels(data_type)
        parent = chain[chain.index(name) - 1]
        in_parts = name == chain[-1] and self.architecture.memories[name].in_parts(data_type)
        parts = part_count(self.layer, self.mapping, self.nest, data_type, name) if in_parts else 1

        def cursor() -> TileCursor:
            return TileCursor(
                self.layer, self.mapping, self.nest, data_type, name,
                None if parent == self.architecture.home(data_type) else parent,
                in_parts=in_parts, looks=self._coded_bits is not None,
            )  # fmt: skip

        kind = Hold if data_type == "output" else Fill
        level = kind(
            self.world, self.fabric, len(self.levels), name, parent, data_type,
            self.tables.causes.index(name), self.tables.causes.index(ARRAY),
            parts * min(quota, max(1, MOST_TILES // parts)), tile_bits / parts,
            self.agendas[name], cursor(),
            self._crossing, self._tell_array, self._note_tile, self.levels.get((parent, data_type)),
        )  # fmt: skip
        if level.above is not None:
            level.above.inner = level
        level.fill_lane = self._lane(level, "fill", level.arrived)
        if isinstance(level, Hold):
            level.drains = cursor()
            level.drain_lane = self._lane(level, "drain", level.drained)
        return level

    def _fill_homes(self) -> None:
        """What the array takes straight from its home is there from the beginning, as one tile."""
        for d in DATA_TYPES:
            if self.tables.inner[d] == self.architecture.home(d):
                for stream in STREAM_OF[d]:
                    self.state.tile_time[stream, 0], self.state.tile_cause[stream, 0, 0] = self.configured, -1
                    self.state.stream[stream, kernel.TILES] = 1

    def _lane(self, level: Level, way: str, done: Callable[[Any], None]) -> Lane:
        """The way of a level's tiles from or to the next memory out; ``done`` hears of what arrives."""
        parent = level.parent
        outer, own = self.architecture.memories[parent], self.architecture.memories[level.name]
        reads, latency = way == "fill", 0
        port, rate = outer.array_port(level.data_type, "read" if reads else "write")
        if isinstance(outer, Dram):
            rate = outer.bytes_per_core_cycle(self.architecture.clock_mhz)
            latency += outer.latency_cycles
        ports = [self._port(f"{parent}.{port}", parent, rate, outer)]
        ends = (parent, level.name) if reads else (level.name, parent)
        network = self.architecture.network(level.data_type, *ends)
        if network is not None:
            part = self.architecture.networks[network]
            latency += part.latency_cycles
            ports.append(self._port(network, network, part.words_per_cycle, part))
        own_port, own_rate = own.outer_port(level.data_type, "write" if reads else "read")
        ports.append(self._port(f"{level.name}.{own_port}", level.name, own_rate, own))
        stream = level.data_type if level.data_type != "output" else ("psum_in" if reads else "psum_out")
        lane = Lane(stream, tuple(ports), reads, latency, level.agenda, level.was_sent, done)
        self.fabric.lanes.append(lane)
        return lane

    def _port(self, name: str, owner: str, rate: Rate, part: Memory | object) -> FabricPort:
        if name not in self.ports:
            rate = "unlimited" if owner in self.relaxed or name in self.relaxed else rate
            cause, number = self.tables.causes.index(owner), len(self.ports)
            self.ports[name] = fabric_port(name, cause, number, rate, self.fabric.ticks, part)  # type: ignore[arg-type]
            self.port_counts.append(dict.fromkeys(STREAM_NAMES, 0))
        return self.ports[name]

    def _crossing(self, level: Level, tile: Tile, way: str) -> Crossing:
        """What a tile is on its way between a level and the next one out."""
        lane = level.fill_lane if way == "fill" else level.drain_lane
        assert lane is not None
        parent = self.architecture.memories[level.parent]
        padding = tile.padding if level.above is None else 0
        words = tile.words - padding
        if not isinstance(parent, Dram):
            counts = (words, 0, padding, 0, 0, 0) if way == "fill" else (0, words, 0, 0, 0, 0)
            return Crossing((words,) * len(lane.ports), counts)
        plain = words * self.architecture.word_bits[level.data_type]
        bits = plain
        final = level.data_type != "output" or (tile.last and way == "drain")
        if final:  # a codec never sees sums that are not
            bits = self._bits_of(level.data_type, tile, words, parent)
        moved, saved = parent.transfer_bytes(bits), (plain - bits) // 8
        counts = (words, 0, padding, moved, 0, saved) if way == "fill" else (0, words, 0, 0, moved, saved)
        return Crossing((moved, *(words,) * (len(lane.ports) - 1)), counts)

    @staticmethod
    def _codes(architecture: Architecture) -> bool:
        return any(isinstance(memory, Dram) and memory.codecs for memory in architecture.memories.values())

    def _bits_of(self, data_type: DataType, tile: Tile, words: int, dram: Dram) -> int:
        """How many bits ``words`` of a tile are on their way from or to ``dram``."""
        if tile.block is not None and self._coded_bits is not None and data_type in dram.codecs:
            return self._coded_bits(data_type, tile.block)
        width, zeros = self.architecture.word_bits[data_type], self.layer.zeros.get(data_type)
        return dram.coded_bits(data_type, words, tile.row_words, width, zeros)

    def _log(self, series: int, start: int, end: int, units: int, stream: str = "weight") -> None:
        scalars, ticks = self.state.scalars, self.array.ticks
        row = int(scalars[kernel.LOGGED])
        if row - int(scalars[kernel.BINNED]) >= kernel.LOG_ROWS - 8:
            self.bound.fill_windows()
        if self.recorder is not None and row - int(scalars[kernel.COPIED]) >= kernel.LOG_ROWS - 8:
            self.recorder.take()
        number = STREAM_NAMES.index(stream)
        self.state.log[row % kernel.LOG_ROWS, :5] = series, start * ticks, end * ticks, units, number
        scalars[kernel.LOGGED] = row + 1

    def _log_crossing(self, port: FabricPort, stream: str, begin: int, end: int, units: int) -> None:
        self.port_counts[port.number][stream] += units
        self._log(kernel.SERIES + port.number, begin, max(begin + 1, end), units, stream)

    def _note_tile(self, level: Level, way: int) -> None:
        self._log(
            kernel.SERIES + len(self.ports) + 2 * level.number + way, self.world.cycle, self.world.cycle, 1
        )

    def _tell_array(self, level: Level, resident: Resident) -> None:
        """A tile is in the innermost memory: the streams at the array may use it."""
        s = self.state
        marks = compact(resident.breaks)
        for stream in STREAM_OF[level.data_type]:
            slot = int(s.stream[stream, kernel.TILES]) % s.tile_time.shape[1]
            s.tile_time[stream, slot] = resident.time
            for i, (until, cause) in enumerate(marks):
                s.tile_until[stream, slot, i], s.tile_cause[stream, slot, i] = until, cause
            s.tile_cause[stream, slot, len(marks)] = -1
            s.stream[stream, kernel.TILES] += 1
        self.array.wake_at(self.world.cycle)

    def tile_is_through(self, stream: int, cycle: int) -> None:
        """A stream at the array is through with a tile, or has completed one, at ``cycle``."""
        data_type: DataType = "output" if stream == kernel.POUT else DATA_TYPES[stream]
        level = self.levels.get((self.tables.inner[data_type], data_type))
        if level is None:
            return  # it stays at home
        do = level.through if isinstance(level, Hold) else level.give
        level.agenda.expect(max(self.world.cycle, cycle), do, None)

    def run(self) -> None:
        """Run the layer to its end; all results are in the state afterwards."""
        self._fill_homes()
        for level in self.levels.values():
            level.begin()
        self.array.wake_at(self.world.cycle)
        self.world.run()
        if not self.array.finished:
            raise RuntimeError(self._stuck())
        self.array_end = int(self.state.finish[kernel.POUT])
        if isinstance(self.tables, SystolicTables):
            self.array_end = max(self.array_end, self.tables.through(self.state))
        self.end = max([self.array_end, *(x.end for x in self.levels.values() if isinstance(x, Hold))])
        self.bound.fill_windows()
        self._close_accounts()

    def forget(self) -> None:
        """Let go of all tables, which parts that know each other would keep until they are collected."""
        del self.state, self.program, self.bound, self.tables

    def _stuck(self) -> str:
        s = self.state
        places = ", ".join(f"{n} at {s.digit[i].tolist()}" for i, n in enumerate(STREAM_NAMES))
        where = f"layer {self.layer.name} came to a standstill at cycle {self.world.now}: {places}"
        return f"{where}; this is a fault of the simulator"

    def _close_accounts(self) -> None:
        """Name the PE-cycles from each PE's last work to the layer's end."""
        s, p = self.state, self.program
        mapped = p.work[int(s.scalars[kernel.LEFT_KIND]), kernel.CYCLES] != 0
        if isinstance(self.tables, SystolicTables):
            self._close_waves(mapped, self.tables)
        rest = self.array_end - s.pe[kernel.CLOCK]
        assert int(rest.min()) >= 0, "a PE worked beyond the array's last result"
        drained = np.minimum(rest, p.machine[kernel.PIPELINE])
        for name, cycles in (
            (kernel.FILL, np.where(mapped, drained, 0)),
            (kernel.IMBALANCE, np.where(mapped, rest - drained, 0)),
            (kernel.UNMAPPED, np.where(mapped, 0, rest)),
            (kernel.BETWEEN, np.full_like(rest, self.end - self.array_end)),
        ):
            s.names[:, name] += cycles
            if self.recorder is not None:
                self.recorder.note(name, s.pe[kernel.CLOCK], cycles)
            s.pe[kernel.CLOCK] += cycles

    def _close_waves(self, mapped: Ints, tables: SystolicTables) -> None:
        """Name what a systolic array does after the last vector: results without room, then its skew."""
        s = self.state
        for name, cause, length in tables.after_last(s):
            cycles = np.where(mapped, length, 0)
            s.names[:, name] += cycles
            s.names[:, kernel.UNMAPPED] += length - cycles
            if cause >= 0:
                s.causes[name - kernel.S_WEIGHT, cause] += int(cycles @ tables.group_pes)
            if self.recorder is not None:
                self.recorder.note(name, s.pe[kernel.CLOCK], cycles, cause)
                self.recorder.note(kernel.UNMAPPED, s.pe[kernel.CLOCK], length - cycles)
            s.pe[kernel.CLOCK] += length


class ArrayProcess(Sleeper):
    """The PE array: advances its kernel between events and hands on the tiles that it is through with."""

    def __init__(self, machine: LayerMachine, *, fast_forward: bool) -> None:
        super().__init__(machine.world, ARRAY_LAST)
        self.machine, self.finished = machine, False
        self.repeats = Repeats(machine) if fast_forward else None
        self.ticks = int(machine.program.machine[kernel.TICKS])

    def act(self) -> None:
        """Run up to the next event that may change what the array sees."""
        machine, s = self.machine, self.machine.state
        code = kernel.PASSED
        while code in (kernel.PASSED, kernel.FULL):
            limit = self.world.peek_cycle(kernel.FOREVER)
            bounded = limit < kernel.FOREVER
            code = machine.bound.advance(limit * self.ticks if bounded else kernel.FOREVER)
            count = s.scalars[kernel.EVENTS]
            if count:
                for stream, time in s.events[:count].tolist():
                    machine.tile_is_through(stream, time)
                s.scalars[kernel.EVENTS] = 0
            if code == kernel.FULL:
                assert machine.recorder is not None
                machine.recorder.take()
            if code == kernel.PASSED and self.repeats is not None:
                self.repeats.look_back()
            if code == kernel.AT_LIMIT and count and self.world.peek_cycle(kernel.FOREVER) == limit:
                code = kernel.PASSED  # what it had caused itself concerned nobody before that
        if code == kernel.AT_LIMIT:
            limit = self.world.peek_cycle(kernel.FOREVER)
            if limit * self.ticks >= kernel.FOREVER:
                raise OverflowError("the kernel's time has come to its end")
            self.wake_at(limit)
        else:
            self.finished = bool(s.stream[:, kernel.ENDED].all())
