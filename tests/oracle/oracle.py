"""The brute-force model: builds a machine's parts, lets all of them act in every cycle, and counts what they did."""

from typing import Any

from simulator.mapping.mapping import Mapping
from simulator.names import DATA_TYPES
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

from .array import Array
from .memories import Memories, Ports
from .program import Program, Tile
from .streams import STREAMS, Edges
from .systolic import SystolicArray, SystolicProgram

Tree = dict[str, Any]
STANDSTILL = 200_000
"""Cycles after which a run is given up."""


class Oracle:
    """One layer on one machine."""

    def __init__(self, layer: Layer, mapping: Mapping, machine: Architecture, relaxed: frozenset[str] = frozenset()) -> None:
        self.layer, self.machine = layer, machine
        program = SystolicProgram if machine.array.kind == "systolic" else Program
        self.program = program(layer, mapping, machine)
        self.ports = Ports(machine, relaxed)
        self.memories = Memories(self.program, machine, self.ports)
        make = SystolicArray if machine.array.kind == "systolic" else Array
        self.array: Edges = make(self.program, machine, self.ports, self._through)  # type: ignore[arg-type]
        self.inner = {d: machine.levels(d)[-1] for d in DATA_TYPES}
        told = machine.configuration
        self.begin = 0
        if told is not None and told.bits_per_cycle != "unlimited":
            self.begin = -(-told.bits_per_layer // told.bits_per_cycle)  # type: ignore[operator]
        self.end = 0
        for tile in self.program.resident:
            tile.visible = self.begin

    def _through(self, data_type: str, tile: Tile, cycle: int) -> None:
        """The array is through with a buffer tile: its room is free, or it can be written home."""
        level = self.memories.levels.get((self.inner[data_type], data_type))
        if level is None:  # it is where it ends
            return
        if data_type == "output":
            self.memories.at(cycle, lambda: self.memories.drain(level, tile, cycle, [(cycle, "array")]))
        else:
            self.memories.at(cycle, lambda: self.memories.free(level))

    def run(self) -> Tree:
        """Let every part act, cycle by cycle, until the last output is home."""
        now = self.begin
        while not self._done() or not self.array.done() or now < self.memories.end:
            self._cycle(now)
            now += 1
            assert now < self.begin + STANDSTILL, "nothing moves any more"
        self.end = max(self.memories.end, self.array.drained)
        self.array.close(self.end)
        return self._result()

    def _done(self) -> bool:
        busy = self.memories.requests or self.memories.later or any(s.queue for s in self.array.streams.values())
        return not busy and all(level.next == len(level.tiles) for level in self.memories.levels.values())

    def _cycle(self, now: int) -> None:
        """Within a cycle: what arrives, then one grant between memories after another, then one of the array, and again.

        When there is nothing left to grant, an array in lock-step moves.
        """
        while True:
            self.memories.act(now)
            if self.memories.grant(now):
                continue
            self.array.settle(now)
            if not self.array.grant(now):
                break
        self.array.act(now)

    # What is reported

    def _result(self) -> Tree:
        passes, steps = self.program.passes, self.program.steps
        active = [len(one.mapped) for one in passes]
        words = self._words()
        children = [level for level in self.memories.levels.values() if self.machine.memories[level.parent].off_chip]
        macs = sum(step.macs for step in steps)
        return {
            "cycles": self.end,
            "macs": macs,
            "pes": self.machine.array.pes,
            "active_pes": max(active),
            "mean_active_pes": sum(active) / len(active),
            "pe_cycles": self.array.account.names,
            "stall_causes": self.array.account.causes(),
            "words": words,
            "words_created": self._created(),
            "ports": self._ports(),
            "bytes_dram": sum(level.moved["fill_bytes"] + level.moved["drain_bytes"] for level in children),
            "actions": self._actions(words, macs),
            "passes": len(passes),
            "steps": len(steps),
        }

    def _words(self) -> Tree:
        ways = ("array_read", "array_write", "outer_read", "outer_write")
        memories = self.machine.memories
        out: Tree = {name: {d: dict.fromkeys(ways, 0) for d in memory.keeps} for name, memory in memories.items()}
        for stream, way in zip(STREAMS, ("array_read", "array_read", "array_read", "array_write"), strict=True):
            data_type = stream if stream in ("weight", "input") else "output"
            out[self.inner[data_type]][data_type][way] += self.array.streams[stream].words
        for (name, d), level in self.memories.levels.items():
            out[name][d]["outer_write"] += level.moved["fill"] + level.moved["padding"]
            out[name][d]["outer_read"] += level.moved["drain"]
            out[level.parent][d]["array_read"] += level.moved["fill"]
            out[level.parent][d]["array_write"] += level.moved["drain"]
        return out

    def _created(self) -> Tree:
        out: Tree = {}
        for (name, d), level in self.memories.levels.items():
            if level.moved["padding"]:
                out.setdefault(name, {})[f"padding_{d}"] = level.moved["padding"]
            if level.moved["saved_bytes"]:
                out.setdefault(level.parent, {})[f"codec_saved_bytes_{d}"] = level.moved["saved_bytes"]
        zeros = self.array.streams["psum_in"].zeros
        if zeros:
            out.setdefault(self.inner["output"], {})["zero_psums"] = zeros
        return out

    def _ports(self) -> Tree:
        out: Tree = {}
        for name, port in self.ports.by_name.items():
            moved = {stream: n for stream, n in port.units.items() if n}
            out[name] = {"words": sum(moved.values()), "busy_cycles": float(port.busy), "by_stream": moved}
        return out

    def _actions(self, words: Tree, macs: int) -> Tree:
        pe = self.machine.spatial.pe
        gated = round(macs * self.layer.zeros.get("input", 0)) if pe.zero_inputs == "gate" else 0
        written, hops = self.array.register_writes(), self.array.hops()
        sums = macs + written["output"]
        out: Tree = {
            "mac": {"all": {"compute": macs - gated, "gated": gated}},
            "scratchpad": {
                "weight": {"read": macs - gated, "write": written["weight"]},
                "input": {"read": macs, "write": written["input"]},
                "output": {"read": sums, "write": sums},
            },
            "array": {},
        }
        for name, by_type in words.items():
            out[name] = {
                d: {"read": n["array_read"] + n["outer_read"], "write": n["array_write"] + n["outer_write"]}
                for d, n in by_type.items()
            }
        for name, network in self.machine.networks.items():
            out[name] = {}
            for d in network.carries:
                delivered = self._delivered(d, network.source, network.target)
                if network.source == network.target:
                    out[name][d] = {"hop": hops}
                elif delivered is not None:
                    out[name][d] = {"deliver": delivered}
        off_chip = [name for name, memory in self.machine.memories.items() if memory.off_chip]
        for name in out:
            if name not in ("mac", "scratchpad", *off_chip):
                out[name]["all"] = {"clock": self.end, "leakage": self.end}
        return out

    def _delivered(self, data_type: str, source: str, target: str) -> int | None:
        """Words times destinations over a network; None where nothing goes that way."""
        inner = self.inner[data_type]
        if (source, target) == (inner, "array"):
            return self.array.streams["psum_in" if data_type == "output" else data_type].delivered
        if (source, target) == ("array", inner):
            return self.array.streams["psum_out"].delivered if data_type == "output" else None
        for (name, d), level in self.memories.levels.items():
            if d == data_type and (source, target) in ((level.parent, name), (name, level.parent)):
                return level.moved["fill" if target == name else "drain"]
        return None
