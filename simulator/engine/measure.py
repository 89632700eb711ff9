"""What a finished layer is reported as: PE-cycles, words, ports, windows and actions, as counted."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from simulator.engine.levels import (
    DRAIN_BYTES,
    DRAIN_WORDS,
    FILL_BYTES,
    FILL_WORDS,
    PADDING_WORDS,
    SAVED_BYTES,
    Level,
)
from simulator.engine.machine import LayerMachine
from simulator.engine.program import STREAM_NAMES, STREAM_TYPES, Port
from simulator.kernels import tables as kernel
from simulator.mapping.tiles import whole_bits
from simulator.names import ARRAY, DATA_TYPES, PE_CYCLE_NAMES, STALL_NAMES, DataType
from simulator.spec.architecture import Architecture

Tree = dict[str, Any]
WAYS = ("array_read", "array_write", "outer_read", "outer_write")


def measure(machine: LayerMachine) -> Tree:
    """Everything that one layer's run yields, under the names of the results."""
    state, layer, tables = machine.state, machine.layer, machine.tables
    words = words_by_level(machine)
    macs = int(
        sum(n * tables.macs_of(k) for n, k in zip(state.computed.tolist(), tables.kinds, strict=True))
    )
    active = [tables.pes_of(kind) for kind in tables.kinds]
    counted = {kind: n for kind, n in enumerate(state.passes.tolist()) if n}
    passes = sum(counted.values())
    skipped = 0 if machine.array.repeats is None else machine.array.repeats.skipped
    memories = machine.architecture.memories
    children = [x for x in machine.levels.values() if memories[x.parent].off_chip]
    return {
        "macs": macs,
        "cycles": machine.end,
        "pes": machine.architecture.spatial.pes,
        "active_pes": max(active[number] for number in counted),
        "mean_active_pes": sum(active[number] * n for number, n in counted.items()) / passes,
        "pe_cycles": dict(zip(PE_CYCLE_NAMES, (tables.group_pes @ state.names).tolist(), strict=True)),
        "stall_causes": stall_causes(machine),
        "words": words,
        "words_created": words_created(machine),
        "ports": ports(machine),
        "bytes_dram": sum(level.counts[FILL_BYTES] + level.counts[DRAIN_BYTES] for level in children),
        "bytes_glb": glb_bytes(machine, words),
        "actions": actions(machine, words, macs, dict(layer.zeros)),
        "windows": windows(machine),
        "passes": passes,
        "passes_simulated": passes - skipped,
        "passes_skipped": skipped,
        "steps": int(state.computed.sum()),
    }


def stall_causes(machine: LayerMachine) -> Tree:
    """PE-cycles by stall name and cause; a cause without any is left out."""
    table = machine.state.causes.tolist()
    named = [{c: n for c, n in zip(machine.tables.causes, row, strict=True) if n} for row in table]
    return dict(zip(STALL_NAMES, named, strict=True))


def stream_words(machine: LayerMachine) -> dict[str, int]:
    """Words that each stream moved between the array and its buffers."""
    return dict(zip(STREAM_NAMES, machine.state.windows.sum(axis=1).tolist(), strict=False))


def words_by_level(machine: LayerMachine) -> Tree:
    """Words by level, data type and way; the outer side of the outermost memory does not exist and is 0."""
    moved = stream_words(machine)
    out: Tree = {}
    for name, memory in machine.architecture.memories.items():
        out[name] = {d: dict.fromkeys(WAYS, 0) for d in memory.keeps}
    for data_type in DATA_TYPES:
        inner = out[machine.architecture.levels(data_type)[-1]][data_type]
        if data_type == "output":
            inner["array_read"], inner["array_write"] = moved["psum_in"], moved["psum_out"]
        else:
            inner["array_read"] = moved[data_type]
    for (name, data_type), level in machine.levels.items():
        counts = level.counts
        out[name][data_type]["outer_write"] = counts[FILL_WORDS] + counts[PADDING_WORDS]
        out[name][data_type]["outer_read"] = counts[DRAIN_WORDS]
        out[level.parent][data_type]["array_read"] += counts[FILL_WORDS]
        out[level.parent][data_type]["array_write"] += counts[DRAIN_WORDS]
    return out


def words_created(machine: LayerMachine) -> Tree:
    """What a port makes up or spares: padding words, zero psums, bytes that a codec saves on a link."""
    out: Tree = {}
    for (name, data_type), level in machine.levels.items():
        if level.counts[PADDING_WORDS]:
            out.setdefault(name, {})[f"padding_{data_type}"] = level.counts[PADDING_WORDS]
        if level.counts[SAVED_BYTES]:
            saved = level.counts[SAVED_BYTES]
            out.setdefault(level.parent, {})[f"codec_saved_bytes_{data_type}"] = saved
    zeros = int(machine.state.zero_words[0])
    if zeros:
        out.setdefault(machine.architecture.levels("output")[-1], {})["zero_psums"] = zeros
    return out


def glb_bytes(machine: LayerMachine, words: Tree) -> int | None:
    """Array-side bytes of the buffer named ``glb``; None where there is none."""
    if "glb" not in words:
        return None
    bits = machine.architecture.word_bits
    sides = {d: ways["array_read"] + ways["array_write"] for d, ways in words["glb"].items()}
    return sum(-(-int(n) * bits[d] // 8) for d, n in sides.items())


def ports(machine: LayerMachine) -> Tree:
    """Units moved, busy cycles and limit of every port; ``by_stream`` splits the units by stream."""
    out: Tree = {}
    table, routes = machine.tables.ports, machine.tables.routes
    moved, ticks = stream_words(machine), int(machine.program.machine[kernel.TICKS])
    for number, port in enumerate(table):
        row = machine.state.moved[number]
        streams = {s: moved[s] for s, route in zip(STREAM_NAMES, routes, strict=True) if number in route}
        out[port.name] = _port(port, int(row[kernel.MOVED]), int(row[kernel.BUSY]) / ticks, streams)
    for name, fabric_port in machine.ports.items():
        known = out.setdefault(name, {"words": 0, "busy_cycles": 0, "limit_per_cycle": None, "by_stream": {}})
        counts = machine.port_counts[fabric_port.number]
        units = sum(counts.values())
        owner = machine.architecture.memories.get(name.split(".")[0])
        known |= {
            "unit": "bytes" if owner is not None and owner.off_chip else "words",
            "words": known["words"] + units,
            "busy_cycles": known["busy_cycles"] + machine.fabric.busy_cycles(fabric_port, units),
            "limit_per_cycle": machine.fabric.limit_per_cycle(fabric_port),
        }
        for stream, moved_units in counts.items():
            if moved_units:
                known["by_stream"][stream] = known["by_stream"].get(stream, 0) + moved_units
    return out


def _port(port: Port, words: int, busy_cycles: float, streams: dict[str, int]) -> Tree:
    limit = port.rate if isinstance(port.rate, str) else float(port.rate)
    return {
        "unit": "words",
        "words": words,
        "busy_cycles": busy_cycles,
        "limit_per_cycle": limit,
        "by_stream": dict(streams),
    }  # fmt: skip


def windows(machine: LayerMachine) -> Tree:
    """Series over time: units of every stream and fabric port and MACs per window, and tiles held at its end.

    Beside them, the room that a tile takes (bytes), and PE-cycles by PE and name. What is at home in a memory
    on the chip is one tile that is always there.
    """
    state, width = machine.state, 1 << int(machine.state.scalars[kernel.SHIFT])
    fold = 1
    while machine.end // (width * fold) >= kernel.WINDOWS:
        fold *= 2
    count = machine.end // (width * fold) + 1
    series = state.windows.reshape(len(state.windows), -1, fold).sum(axis=2)[:, :count].copy()
    tiles = kernel.SERIES + len(machine.ports)
    out: Tree = {"width_cycles": np.array(width * fold)}
    out |= {f"words.{stream}": series[i] for i, stream in enumerate(STREAM_NAMES)}
    out["macs"] = series[kernel.MACS]
    out |= {f"units.{name}": series[kernel.SERIES + port.number] for name, port in machine.ports.items()}
    for level in machine.levels.values():
        taken, given = series[tiles + 2 * level.number], series[tiles + 2 * level.number + 1]
        out[f"tiles.{level.name}.{level.data_type}"] = np.cumsum(taken - given)
        out[f"tile_bytes.{level.name}.{level.data_type}"] = np.array(level.tile_bits / 8)
    for name, data_type in _at_home(machine.architecture):
        bits = whole_bits(machine.layer, machine.architecture, data_type)
        out[f"tiles.{name}.{data_type}"] = np.ones(count, dtype=np.int64)
        out[f"tile_bytes.{name}.{data_type}"] = np.array(bits / 8)
    out["pe_cycles"] = machine.tables.of_pes(state.names)
    return out


def _at_home(architecture: Architecture) -> Iterator[tuple[str, DataType]]:
    """Memories on the chip with the data types that start and end there."""
    for data_type in DATA_TYPES:
        home = architecture.home(data_type)
        if not architecture.memories[home].off_chip:
            yield home, data_type


def actions(machine: LayerMachine, words: Tree, macs: int, zeros: dict[DataType, Any]) -> Tree:
    """Counts of everything that costs energy, by component, data type and action."""
    architecture, state, kinds = machine.architecture, machine.state, machine.tables.kinds
    gates = architecture.spatial.pe.zero_inputs == "gate"
    gated = round(macs * zeros.get("input", 0)) if gates else 0
    delivered, written = _delivered(machine), _delivered(machine, written=True)
    added = state.added.sum(axis=1).tolist()
    hops = sum(n * int(k.out_words[k.down >= 0].sum()) for n, k in zip(added, kinds, strict=True))
    sums = hops + written["psum_in"]
    out: Tree = {
        "mac": {"all": {"compute": macs - gated, "gated": gated}},
        "scratchpad": {
            "weight": {"read": macs - gated, "write": written["weight"]},
            "input": {"read": macs, "write": written["input"]},
            "output": {"read": macs + sums, "write": macs + sums},
        },
    }
    for name, by_type in words.items():
        out[name] = {
            d: {
                "read": ways["array_read"] + ways["outer_read"],
                "write": ways["array_write"] + ways["outer_write"],
            }
            for d, ways in by_type.items()
        }
    for name in architecture.networks:
        out[name] = {}
    for stream, data_type in zip(STREAM_NAMES, STREAM_TYPES, strict=True):
        inner = architecture.levels(data_type)[-1]
        ends = (ARRAY, inner) if stream == "psum_out" else (inner, ARRAY)
        network = architecture.network(data_type, *ends)
        if network is not None:
            counts = out[network].setdefault(data_type, {"deliver": 0})
            counts["deliver"] += delivered[stream]
    links = architecture.psum_links()
    if links is not None:
        out[links]["output"] = {"hop": hops}
    for level in machine.levels.values():
        _between_memories(machine, level, out)
    on_chip = [name for name, memory in architecture.memories.items() if not memory.off_chip]
    for name in (ARRAY, *on_chip, *architecture.networks):
        out.setdefault(name, {})["all"] = {"clock": machine.end, "leakage": machine.end}
    return out


def _delivered(machine: LayerMachine, *, written: bool = False) -> dict[str, int]:
    """Words × destinations of each stream, or words of scratchpads that they were written to."""
    out = dict.fromkeys(STREAM_NAMES, 0)
    counts = machine.state.delivered.reshape(-1, kernel.DELIVERIES).tolist()
    streams = ("weight", "input", "input", "psum_in", "psum_out")
    for row, kind in zip(counts, machine.tables.kinds, strict=True):
        for stream, n, supply in zip(streams, row, kind.supplies, strict=True):
            out[stream] += n * (supply.writes if written else supply.delivery.hops)
    return out


def _between_memories(machine: LayerMachine, level: Level, out: Tree) -> None:
    """Words over a network that joins two memories, one destination each."""
    parent = level.parent
    for ends, n in (
        ((parent, level.name), level.counts[FILL_WORDS]),
        ((level.name, parent), level.counts[DRAIN_WORDS]),
    ):
        network = machine.architecture.network(level.data_type, *ends)
        if network is not None:
            counts = out[network].setdefault(level.data_type, {"deliver": 0})
            counts["deliver"] += n
