"""One layer on one machine: the processes that fill, drain and compute, and the run of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import lcm

import numpy as np
import simpy

from simulator.components.base import Rate
from simulator.components.memories.base import Memory
from simulator.components.memories.dram import Dram
from simulator.engine.passes import Row
from simulator.engine.program import RING, STREAM_NAMES, Tables, new_state
from simulator.engine.tiles import Tile, largest_tile_words, part_count, tile_count, tiles
from simulator.engine.world import (
    ARRAY_LAST,
    Breaks,
    Credits,
    Fabric,
    FabricPort,
    Leg,
    Moved,
    Process,
    Transfer,
    World,
    compact,
    fabric_port,
    when,
)
from simulator.errors import refuse
from simulator.kernels import array as kernel
from simulator.mapping.mapping import Mapping
from simulator.names import DATA_TYPES, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer


def data_type_stream(data_type: DataType, way: str) -> str:
    """Name of the request stream of a data type that fills or drains a memory."""
    if data_type != "output":
        return data_type
    return "psum_in" if way == "fill" else "psum_out"


STREAM_OF: dict[DataType, tuple[int, ...]] = {
    "weight": (kernel.W,),
    "input": (kernel.I,),
    "output": (kernel.PIN, kernel.POUT),
}
MOST_TILES = 64
"""Most tiles of a data type that a buffer takes, or one tile in all its parts; more would only sit there."""


@dataclass(slots=True)
class Traffic:
    """Words that crossed between a memory and the next one out, and what was created on the way."""

    fill_words: int = 0
    drain_words: int = 0
    padding_words: int = 0
    fill_bytes: int = 0
    drain_bytes: int = 0
    saved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Resident:
    """A tile that a memory holds, when it came and where it was before."""

    tile: Tile
    time: int
    breaks: Breaks


class Level:
    """One data type in one memory: its room, its tiles, and who is next on either side."""

    def __init__(self, world: World, name: str, parent: str, quota: int) -> None:
        self.name, self.parent = name, parent
        self.credits = Credits(world, quota)
        self.ready: simpy.Store = simpy.Store(world)
        self.through: simpy.Store = simpy.Store(world)
        self.traffic = Traffic()


class LayerMachine:
    """Everything that moves while one layer runs. Build it, call `run`, then read the state."""

    def __init__(
        self, layer: Layer, mapping: Mapping, architecture: Architecture, relaxed: frozenset[str]
    ) -> None:
        self.layer, self.mapping, self.architecture, self.relaxed = layer, mapping, architecture, relaxed
        self.tables = Tables(layer, mapping, architecture, relaxed)
        self.rows: Iterator[Row] = self.tables.rows()
        self.program = self.tables.program()
        self.cause_names = self.tables.causes()
        self.configured = architecture.configuration_cycles
        self.world = World(initial_time=self.configured)
        self.ports: dict[str, FabricPort] = {}
        self._routes: dict[tuple[str, DataType, str], tuple[list[FabricPort], int]] = {}
        self.fabric = Fabric(self.world, self._fabric_ticks())
        self.levels: dict[tuple[str, DataType], Level] = {}
        self._make_levels()
        rings = max(level.credits.capacity for level in self.levels.values()) + 4
        self.state = new_state(self.tables, self.program, rings, self.configured)
        self.bound = kernel.Bound(self.program, self.state)
        self.wake = self.world.event()
        self.type_counts: dict[int, int] = {}
        self.array_end = self.end = self.configured
        self.drains: dict[tuple[str, tuple[int, ...]], simpy.Event] = {}

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
        for name, memory in islice(self.architecture.memories.items(), 1, None):
            bits = {d: self._tile_bits(name, d) for d in memory.keeps}
            counts = {d: min(MOST_TILES, tile_count(self.mapping, name)) for d in memory.keeps}
            quota = memory.tile_quota(bits, counts)
            for d in memory.keeps:
                if quota[d] < 1:
                    needed = ", ".join(f"{t} {b} bits" for t, b in bits.items())
                    raise refuse(
                        self.layer.name,
                        f"mapping: {name}",
                        f"tiles of {needed}",
                        f"one tile of each must fit into {name}",
                    )
                chain = self.architecture.levels(d)
                parts = part_count(self.mapping, d, name) if name == chain[-1] else 1
                room = parts * min(quota[d], max(1, MOST_TILES // parts))
                self.levels[name, d] = Level(self.world, name, chain[chain.index(name) - 1], room)

    def _tile_bits(self, memory: str, data_type: DataType) -> int:
        words = largest_tile_words(self.layer, self.mapping, data_type, memory)
        return words * self.architecture.word_bits[data_type]

    def _port(self, owner: str, port: str, rate: Rate, part: Memory) -> FabricPort:
        name = f"{owner}.{port}"
        if name not in self.ports:
            rate = "unlimited" if owner in self.relaxed or name in self.relaxed else rate
            self.ports[name] = fabric_port(name, owner, rate, self.fabric.ticks, part)
        return self.ports[name]

    def _legs(
        self, level: Level, data_type: DataType, words: int, bits: int, way: str
    ) -> tuple[tuple[Leg, ...], int]:
        """The ports between a level and the next one out with their units, and the latency."""
        key = (level.name, data_type, way)
        if key not in self._routes:
            self._routes[key] = self._route(level, data_type, reads=way == "fill")
        ports, latency = self._routes[key]
        parent, units = self.architecture.memories[level.parent], words
        if isinstance(parent, Dram):
            units = parent.transfer_bytes(bits)
        return (Leg(ports[0], units), *(Leg(port, words) for port in ports[1:])), latency

    def _route(self, level: Level, data_type: DataType, *, reads: bool) -> tuple[list[FabricPort], int]:
        parent, child = self.architecture.memories[level.parent], self.architecture.memories[level.name]
        port, rate = parent.array_port(data_type, "read" if reads else "write")
        latency = 0
        if isinstance(parent, Dram):
            rate = parent.bytes_per_core_cycle(self.architecture.clock_mhz)
            latency += parent.latency_cycles
        ports = [self._port(level.parent, port, rate, parent)]
        ends = (level.parent, level.name) if reads else (level.name, level.parent)
        network = self.architecture.network(data_type, *ends)
        if network is not None:
            part = self.architecture.networks[network]
            latency += part.latency_cycles
            rate = "unlimited" if network in self.relaxed else part.words_per_cycle
            shared = fabric_port(network, network, rate, self.fabric.ticks, part)
            ports.append(self.ports.setdefault(network, shared))
        own, own_rate = child.outer_port(data_type, "write" if reads else "read")
        ports.append(self._port(level.name, own, own_rate, child))
        return ports, latency

    def _tiles(self, level: Level, data_type: DataType) -> Iterator[Tile]:
        innermost = level.name == self.architecture.levels(data_type)[-1]
        return tiles(self.layer, self.mapping, data_type, level.name, level.parent, innermost=innermost)

    def _move(self, level: Level, data_type: DataType, tile: Tile, way: str) -> Transfer:
        words = tile.words - (tile.padding if self._from_outermost(level) else 0)
        bits = self._crossing_bits(level, data_type, tile, words)
        legs, latency = self._legs(level, data_type, words, bits, way)
        crossing = legs[0].units if isinstance(self.architecture.memories[level.parent], Dram) else 0
        if way == "fill":
            level.traffic.fill_words += words
            level.traffic.fill_bytes += crossing
            level.traffic.padding_words += tile.words - words
        else:
            level.traffic.drain_words += words
            level.traffic.drain_bytes += crossing
        return self.fabric.move(legs, data_type_stream(data_type, way), latency)

    def _crossing_bits(self, level: Level, data_type: DataType, tile: Tile, words: int) -> int:
        """Bits that a tile's words are while they cross; a codec never sees sums that are not final."""
        width = self.architecture.word_bits[data_type]
        parent = self.architecture.memories[level.parent]
        if not isinstance(parent, Dram) or (data_type == "output" and not tile.last):
            return words * width
        coded = parent.coded_bits(data_type, words, tile.row_words, width, self.layer.zeros.get(data_type))
        level.traffic.saved_bytes += (words * width - coded) // 8
        return coded

    def _from_outermost(self, level: Level) -> bool:
        return level.parent == self.architecture.outermost

    def _fill(self, level: Level, data_type: DataType) -> Process:
        """Bring the tiles of weights or inputs into one memory, in order."""
        above: Level | None = self.levels.get((level.parent, data_type))
        source: Resident | None = None
        for tile in self._tiles(level, data_type):
            if above is not None and tile.parent_new:
                source = yield above.ready.get()
            known: Breaks = source.breaks if source is not None else ()
            yield level.credits.take()
            known = (*known, (int(self.world.now), level.name))
            coming = self._move(level, data_type, tile, "fill")
            when(coming.done, partial(self._arrived, level, data_type, tile, known))
            yield coming.sent  # the next tile may be asked for before this one is visible: latencies overlap

    def _arrived(
        self, level: Level, data_type: DataType, tile: Tile, known: Breaks, event: simpy.Event
    ) -> None:
        moved: Moved = event.value  # type: ignore[assignment]
        self._hand_in(level, data_type, Resident(tile, moved.visible, (*known, *moved.breaks)))
        above = self.levels.get((level.parent, data_type))
        if above is not None and tile.parent_last:
            above.credits.give()

    def _hold_outputs(self, level: Level) -> Process:
        """Give room to the output tiles of one memory, load those with partial sums outside, drain them."""
        above = self.levels.get((level.parent, "output"))
        for tile in self._tiles(level, "output"):
            known: Breaks = ()
            if above is not None and tile.parent_new:
                resident: Resident = yield above.ready.get()
                known = resident.breaks
            yield level.credits.take()
            known = (*known, (int(self.world.now), level.name))
            if not tile.first:
                gone = self.drains.get((level.name, tile.key))
                if gone is not None and not gone.processed:
                    yield gone
                moved: Moved = yield self._move(level, "output", tile, "fill").done
                known = (*known, *moved.breaks)
            self.drains[level.name, tile.key] = self.world.event()
            self._hand_in(level, "output", Resident(tile, int(self.world.now), known))

    def _drain_outputs(self, level: Level) -> Process:
        """Write finished (or spilled) output tiles of one memory outward, in order."""
        above = self.levels.get((level.parent, "output"))
        for tile in self._tiles(level, "output"):
            yield level.through.get()
            self.world.process(self._drain(level, above, tile, self.drains[level.name, tile.key]))

    def _drain(self, level: Level, above: Level | None, tile: Tile, gone: simpy.Event) -> Process:
        moved: Moved = yield self._move(level, "output", tile, "drain").done
        self.end = max(self.end, moved.visible)
        level.credits.give()
        gone.succeed()
        if above is not None and tile.parent_last:
            above.through.put(tile)

    def _hand_in(self, level: Level, data_type: DataType, resident: Resident) -> None:
        """Give a resident tile to whoever is next inside: another memory, or the array."""
        if level.name != self.architecture.levels(data_type)[-1]:
            level.ready.put(resident)
            return
        for stream in STREAM_OF[data_type]:
            self._tell_kernel(stream, resident)
        if not self.wake.triggered:
            self.wake.succeed()

    def _tell_kernel(self, stream: int, resident: Resident) -> None:
        s = self.state
        slot = int(s.stream[stream, kernel.TILES]) % s.tile_time.shape[1]
        s.tile_time[stream, slot] = resident.time
        marks = compact(resident.breaks)[-(kernel.BREAKS - 5) :]
        s.tile_breaks[stream, slot] = 0
        for i, (until, cause) in enumerate(marks):
            s.tile_breaks[stream, slot, i] = until, self.cause_names.index(cause)
        s.stream[stream, kernel.TILES] += 1

    def _array(self) -> Process:
        """Advance the kernel between events; hand on the tiles that it is through with."""
        s, ticks = self.state, int(self.program.machine[kernel.TICKS])
        forever = kernel.FOREVER
        self._push()
        while True:
            limit = self.world.peek_cycle(forever)
            code = self.bound.advance(forever if limit == forever else limit * ticks)
            self._report_events()
            if code == 1:
                self._push()
                continue
            if s.scalars[kernel.FINAL] and bool(
                (s.stream[:, kernel.AT_PASS] >= s.scalars[kernel.PUSHED]).all()
            ):
                break
            self.wake = self.world.event()
            if code == 2:
                timer = self.world.at_end_of_cycle(ARRAY_LAST, self.world.peek_cycle(forever))
                yield timer | self.wake
            else:
                yield self.wake
            yield self.world.at_end_of_cycle(ARRAY_LAST)
        self.array_end = int(s.stream[kernel.POUT, kernel.LAST_FINISH])
        self.end = max(self.end, self.array_end)

    def _push(self) -> None:
        """Give the kernel passes until its ring is full or the layer ends."""
        s = self.state
        oldest = min(
            int(s.stream[:, kernel.AT_PASS].min()),
            int(s.scalars[kernel.OPENED]),
            int(s.scalars[kernel.MAC_PASS]),
        )
        room = RING - (int(s.scalars[kernel.PUSHED]) - oldest)
        if s.scalars[kernel.FINAL] or room <= 0:
            return
        block = list(islice(self.rows, room))
        for row in block:
            s.passes[int(s.scalars[kernel.PUSHED]) % RING] = row
            s.scalars[kernel.PUSHED] += 1
            self.type_counts[row[kernel.TYPE]] = self.type_counts.get(row[kernel.TYPE], 0) + 1
        if len(block) < room:
            s.scalars[kernel.FINAL] = 1

    def _report_events(self) -> None:
        s = self.state
        for stream, time in s.events[: int(s.scalars[kernel.EVENTS])].tolist():
            data_type: DataType = "output" if stream == kernel.POUT else DATA_TYPES[stream]
            level = self.levels[self.architecture.levels(data_type)[-1], data_type]
            timer = self.world.timeout(max(0, time - int(self.world.now)))
            if stream == kernel.POUT:
                timer.callbacks.append(lambda _, level=level: level.through.put(True))  # type: ignore[misc]
            else:
                timer.callbacks.append(lambda _, level=level: level.credits.give())  # type: ignore[misc]
        s.scalars[kernel.EVENTS] = 0

    def run(self) -> None:
        """Run the layer to its end; all results are in the state afterwards."""
        for (_, data_type), level in self.levels.items():
            if data_type == "output":
                self.world.process(self._hold_outputs(level))
                self.world.process(self._drain_outputs(level))
            else:
                self.world.process(self._fill(level, data_type))
        array = self.world.process(self._array())
        self.world.run()
        if array.is_alive:
            raise RuntimeError(self._stuck())
        self._close_accounts()

    def _stuck(self) -> str:
        s = self.state
        places = ", ".join(
            f"{n} at pass {int(s.stream[i, kernel.AT_PASS])}" for i, n in enumerate(STREAM_NAMES)
        )
        where = f"layer {self.layer.name} came to a standstill at cycle {self.world.now}: {places}"
        return f"{where}; this is a fault of the simulator"

    def _close_accounts(self) -> None:
        """Name the PE-cycles from each PE's last work to the layer's end."""
        s, p = self.state, self.program
        last_type = int(s.passes[(int(s.scalars[kernel.PUSHED]) - 1) % RING, kernel.TYPE])
        mapped = p.mapped[last_type] != 0
        rest = self.array_end - s.pe[kernel.CLOCK]
        assert int(rest.min()) >= 0, "a PE worked beyond the array's last result"
        drained = np.minimum(rest, p.machine[kernel.PIPELINE])
        s.names[:, kernel.FILL] += np.where(mapped, drained, 0)
        s.names[:, kernel.IMBALANCE] += np.where(mapped, rest - drained, 0)
        s.names[:, kernel.UNMAPPED] += np.where(mapped, 0, rest)
        s.names[:, kernel.BETWEEN] += self.end - self.array_end
        s.pe[kernel.CLOCK] = self.end
