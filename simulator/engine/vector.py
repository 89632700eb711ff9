"""Operators without MACs on a vector unit: chunks come from the outermost memory and go back."""

from typing import Any

import numpy as np

from simulator.components.memories.dram import Dram
from simulator.engine.program import STREAM_NAMES
from simulator.engine.record import MOST_CROSSINGS
from simulator.engine.world import Agenda, Fabric, FabricPort, Lane, Request, World, fabric_port
from simulator.kernels.tables import LOG_COLUMNS
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES, DataType
from simulator.spec.architecture import Architecture, VectorUnit
from simulator.spec.layer import VectorLayer
from simulator.traces.bands import Bands
from simulator.traces.crossings import Crossings, Port
from simulator.traces.layer import LayerTrace
from simulator.traces.places import Places
from simulator.traces.rows import Chunk, Rows

WAYS: dict[str, DataType] = {"read": "input", "write": "output"}


class VectorMachine:
    """One vector layer; two chunks can wait on either side of the lanes, so transfers and work overlap."""

    def __init__(
        self,
        layer: VectorLayer,
        architecture: Architecture,
        relaxed: frozenset[str],
        *,
        traced: bool = False,
    ) -> None:
        if architecture.vector_unit is None:
            raise ValueError("the architecture has no vector unit")
        self.layer, self.architecture = layer, architecture
        self.unit: VectorUnit = architecture.vector_unit
        memory = architecture.memories[architecture.outermost]
        assert isinstance(memory, Dram)
        self.dram = memory
        outermost = architecture.outermost
        rate = memory.bytes_per_core_cycle(architecture.clock_mhz)
        ticks = 1 if isinstance(rate, str) else rate.numerator
        self.world = World()
        self.counts: dict[str, dict[str, int]] = {}
        self.fabric = Fabric(self.world, ticks, self._count)
        self.agenda = Agenda(self.world)
        self.ports: dict[str, FabricPort] = {}
        self.log: list[tuple[int, ...]] | None = [] if traced else None
        self.way: dict[str, FabricPort] = {}
        for way, data_type in WAYS.items():
            name = f"{outermost}.{memory.array_port(data_type, way)[0]}"
            limit = "unlimited" if {outermost, name} & relaxed else rate
            if name not in self.ports:
                self.ports[name] = fabric_port(name, 0, len(self.ports), limit, ticks, memory)
                self.counts[name] = {}
            self.way[way] = self.ports[name]
        quarter = self.unit.buffer_words // 4
        self.chunks = max(-(-layer.input_words // quarter), -(-layer.output_words // quarter), 1)
        self.end = self.busy = self.bytes = self.sent = 0
        self.read = self.ready = self.worked = self.finished = self.written = 0
        self.room = self.out = 2
        self.asked = self.working = self.writing = False
        self.lanes = {way: self._lane(way) for way in WAYS}

    def _count(self, port: FabricPort, stream: str, begin: int, end: int, units: int) -> None:
        self.counts[port.name][stream] = self.counts[port.name].get(stream, 0) + units
        self._note(port.number, begin, max(begin + 1, end), units, stream)

    def _note(self, series: int, begin: int, end: int, units: int, stream: str) -> None:
        if self.log is not None:
            self.log.append((series, begin, end, units, STREAM_NAMES.index(stream), 0, 0, 0))

    def _share(self, total: int, chunk: int) -> int:
        return total * (chunk + 1) // self.chunks - total * chunk // self.chunks

    def _lane(self, way: str) -> Lane:
        stream = "input" if way == "read" else "psum_out"
        sent, done = (
            (self._read_sent, self._arrived) if way == "read" else (self._write_sent, self._written_back)
        )
        lane = Lane(
            stream, (self.way[way],), way == "read", self.dram.latency_cycles, self.agenda, sent, done
        )
        self.fabric.lanes.append(lane)
        return lane

    def _ask(self, way: str, words: int, ready: int) -> None:
        crossing = self.dram.transfer_bytes(words * self.architecture.word_bits[WAYS[way]])
        self.bytes += crossing
        self.fabric.ask(self.lanes[way], Request((crossing,), ready, None, ()))

    def _read(self) -> None:
        """Ask for the next chunk, as soon as there is room and the one before has left the port."""
        if self.read < self.chunks and self.room > 0 and not self.asked:
            self.room -= 1
            self.asked = True
            words = self._share(self.layer.input_words, self.read)
            self.read += 1
            self._ask("read", words, max(self.world.cycle, self.sent))

    def _read_sent(self, _: Request, cycle: int) -> None:
        self.sent, self.asked = cycle, False
        self._read()

    def _arrived(self, _: object) -> None:
        self.ready += 1
        self._work()

    def _work(self) -> None:
        """Start on a chunk, if one is there, the lanes are free and the result has somewhere to go."""
        if self.working or self.ready == 0 or self.out == 0:
            return
        self.ready -= 1
        self.out -= 1
        self.working = True
        cycles = -(-self._share(self.layer.operations, self.worked) // self.unit.lanes)
        self.worked += 1
        self.busy += cycles
        operations = self._share(self.layer.operations, self.worked - 1)
        self._note(len(self.ports), self.world.cycle, self.world.cycle + cycles, operations, "input")
        self.agenda.expect(self.world.cycle + cycles, self._done, None)

    def _done(self, _: object) -> None:
        self.working = False
        self.room += 1
        self.finished += 1
        self._read()
        self._write()
        self._work()

    def _write(self) -> None:
        """Write finished chunks back, one after another."""
        if self.finished > self.written and not self.writing:
            self.writing = True
            self._ask("write", self._share(self.layer.output_words, self.written), self.world.cycle)

    def _write_sent(self, _: Request, cycle: int) -> None:
        self.agenda.expect(max(cycle, self.world.cycle), self._left, None)

    def _left(self, _: object) -> None:
        self.writing = False
        self.written += 1
        self.out += 1
        self._write()
        self._work()

    def _written_back(self, moved: tuple[object, int, object]) -> None:
        self.end = max(self.end, moved[1])

    def run(self) -> None:
        """Run the layer to its end."""
        self._read()
        self.world.run()
        self.end = max(self.end, self.world.cycle)

    def measure(self) -> dict[str, Any]:
        """What the layer is reported as; its PE-cycles all lie between work of the array."""
        pes = self.architecture.spatial.pes
        outermost = self.architecture.outermost
        words = {
            d: {"array_read": 0, "array_write": 0, "outer_read": 0, "outer_write": 0}
            for d in ("input", "output")
        }
        words["input"]["array_read"] = self.layer.input_words
        words["output"]["array_write"] = self.layer.output_words
        idle = ("array", *list(self.architecture.memories)[1:], *self.architecture.networks, "vector_unit")
        actions: dict[str, Any] = {
            "vector_unit": {"all": {"operate": self.layer.operations}},
            outermost: {
                "input": {"read": self.layer.input_words, "write": 0},
                "output": {"read": 0, "write": self.layer.output_words},
            },
        }
        for name in idle:
            actions.setdefault(name, {}).setdefault("all", {}).update(clock=self.end, leakage=self.end)
        return {
            "macs": 0, "cycles": self.end, "pes": pes, "active_pes": 0, "mean_active_pes": 0.0,
            "pe_cycles": {name: pes * self.end if name == "between" else 0 for name in PE_CYCLE_NAMES},
            "stall_causes": {name: {} for name in STALL_NAMES},
            "words": {outermost: words}, "words_created": {}, "ports": self._measure_ports(),
            "bytes_dram": self.bytes, "bytes_glb": 0 if "glb" in self.architecture.memories else None,
            "actions": actions, "windows": {},
            "passes": 0, "passes_simulated": 0, "passes_skipped": 0, "steps": 0,
            **({} if self.log is None else {"trace": self._trace()}),
        }  # fmt: skip

    def _trace(self) -> LayerTrace:
        """The PEs wait; beside them what crosses the link, and when the lanes work."""
        array, outermost = self.architecture.array, self.architecture.outermost
        between = np.full(array.pes, PE_CYCLE_NAMES.index("between"))
        none = np.zeros(array.pes, dtype=np.int64)
        chunk = Chunk(np.arange(array.pes), none, np.full(array.pes, self.end), between, none - 1)
        shown = [
            Port(
                port.name, outermost, "bytes", (port.number,),
                port.ticks_per_unit / self.fabric.ticks, self.fabric.limit_per_cycle(port),
            )
            for port in self.ports.values()
        ]  # fmt: skip
        lanes = self.unit.lanes
        shown.append(Port("vector_unit", "vector_unit", "operations", (len(shown),), 1 / lanes, lanes))
        logged = self.log or []
        log = np.array(logged[:MOST_CROSSINGS], dtype=np.int64).reshape(-1, LOG_COLUMNS)
        return LayerTrace(
            cycles=self.end,
            bands=Bands.single(array.rows, array.columns),
            causes=(outermost,),
            pe_rows=Rows.of(none + 1, [chunk], []),
            crossings=Crossings(log, 1, len(shown), len(logged) <= MOST_CROSSINGS),
            ports=tuple(shown),
            streams=STREAM_NAMES,
            places=Places((), {}),
            window=(0, self.end),
        )

    def _measure_ports(self) -> dict[str, Any]:
        rows: dict[str, tuple[str, int, float, Any, dict[str, int]]] = {}
        for name, port in self.ports.items():
            streams = self.counts[name]
            units = sum(streams.values())
            busy = self.fabric.busy_cycles(port, units)
            limit = self.fabric.limit_per_cycle(port)
            rows[name] = ("bytes", units, busy, limit, streams)
        rows["vector_unit"] = ("operations", self.layer.operations, self.busy, self.unit.lanes, {})
        keys = ("unit", "words", "busy_cycles", "limit_per_cycle", "by_stream")
        return {name: dict(zip(keys, row, strict=True)) for name, row in rows.items()}
