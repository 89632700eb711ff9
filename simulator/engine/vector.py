"""Operators without MACs on a vector unit: chunks come from the outermost memory and go back."""

from typing import Any

import simpy

from simulator.components.memories.dram import Dram
from simulator.engine.world import Fabric, FabricPort, Leg, Process, Transfer, World, fabric_port, when
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES, DataType
from simulator.spec.architecture import Architecture, VectorUnit
from simulator.spec.layer import VectorLayer

WAYS: dict[str, DataType] = {"read": "input", "write": "output"}


class VectorMachine:
    """One vector layer; two chunks can wait on either side of the lanes, so transfers and work overlap."""

    def __init__(self, layer: VectorLayer, architecture: Architecture, relaxed: frozenset[str]) -> None:
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
        self.fabric = Fabric(self.world, ticks)
        self.ports: dict[str, FabricPort] = {}
        self.way: dict[str, FabricPort] = {}
        for way, data_type in WAYS.items():
            name = f"{outermost}.{memory.array_port(data_type, way)[0]}"
            limit = "unlimited" if {outermost, name} & relaxed else rate
            if name not in self.ports:
                self.ports[name] = fabric_port(name, outermost, limit, ticks, memory)
            self.way[way] = self.ports[name]
        quarter = self.unit.buffer_words // 4
        self.chunks = max(-(-layer.input_words // quarter), -(-layer.output_words // quarter), 1)
        self.end = self.busy = self.bytes = 0

    def _share(self, total: int, chunk: int) -> int:
        return total * (chunk + 1) // self.chunks - total * chunk // self.chunks

    def _move(self, words: int, way: str) -> Transfer:
        stream = "input" if way == "read" else "output"
        crossing = self.dram.transfer_bytes(words * self.architecture.word_bits[stream])  # type: ignore[index]
        self.bytes += crossing
        name = "input" if way == "read" else "psum_out"
        return self.fabric.move((Leg(self.way[way], crossing),), name, self.dram.latency_cycles)

    def _read(self, room: simpy.Container, ready: simpy.Container) -> Process:
        for chunk in range(self.chunks):
            yield room.get(1)
            coming = self._move(self._share(self.layer.input_words, chunk), "read")
            when(coming.done, lambda _: ready.put(1))
            yield coming.sent

    def _work(
        self, room: simpy.Container, ready: simpy.Container, out: simpy.Container, done: simpy.Container
    ) -> Process:
        for chunk in range(self.chunks):
            yield ready.get(1)
            yield out.get(1)
            cycles = -(-self._share(self.layer.operations, chunk) // self.unit.lanes)
            self.busy += cycles
            yield self.world.timeout(cycles)
            yield room.put(1)
            yield done.put(1)

    def _write(self, out: simpy.Container, done: simpy.Container) -> Process:
        for chunk in range(self.chunks):
            yield done.get(1)
            yield self._move(self._share(self.layer.output_words, chunk), "write").sent
            yield out.put(1)

    def run(self) -> None:
        """Run the layer to its end."""
        room, out = (simpy.Container(self.world, capacity=2, init=2) for _ in range(2))
        ready, done = (simpy.Container(self.world, capacity=2, init=0) for _ in range(2))
        self.world.process(self._read(room, ready))
        self.world.process(self._work(room, ready, out, done))
        self.world.process(self._write(out, done))
        self.world.run()
        self.end = int(self.world.now)

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
            "actions": actions, "windows": {}, "passes": 0, "steps": 0,
        }  # fmt: skip

    def _measure_ports(self) -> dict[str, Any]:
        rows: dict[str, tuple[str, int, float, Any, dict[str, int]]] = {}
        for name, port in self.ports.items():
            streams: dict[str, int] = {}
            for at, stream, _, _, units in self.fabric.transfers:
                if at == name:
                    streams[stream] = streams.get(stream, 0) + units
            limit = self.fabric.ticks / port.ticks_per_unit if port.ticks_per_unit else "unlimited"
            rows[name] = ("bytes", port.units, port.busy_ticks / self.fabric.ticks, limit, streams)
        rows["vector_unit"] = ("operations", self.layer.operations, self.busy, self.unit.lanes, {})
        keys = ("unit", "words", "busy_cycles", "limit_per_cycle", "by_stream")
        return {name: dict(zip(keys, row, strict=True)) for name, row in rows.items()}
