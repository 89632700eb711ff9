"""What the windows of a layer say over time: utilization, words per cycle of each port, room taken, PEs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.errors import refuse
from simulator.mapping.check import capacity_bits
from simulator.names import ARRAY, DATA_TYPES, PE_CYCLE_NAMES, DataType
from simulator.spec.architecture import Architecture

if TYPE_CHECKING:
    from simulator.report.result import LayerResult

Floats = NDArray[np.float64]

STREAMS: dict[str, tuple[DataType, str]] = {
    "weight": ("weight", "read"),
    "input": ("input", "read"),
    "psum_in": ("output", "read"),
    "psum_out": ("output", "write"),
}
"""What crosses between the array and its buffers: the data type, and what the buffer does."""


@dataclass(frozen=True, slots=True)
class PortSeries:
    """Units (words or bytes) per cycle of one port in every window; no ``limit`` where it is unlimited."""

    name: str
    unit: str
    per_cycle: Floats
    average: float
    limit: float | None

    @property
    def peak(self) -> float:
        """The busiest window."""
        return float(self.per_cycle.max(initial=0.0))


@dataclass(frozen=True, slots=True)
class RoomSeries:
    """Bytes that a memory's tiles take at every window's end, by data type, beside its capacity."""

    memory: str
    capacity_bytes: float
    by_type: dict[str, Floats]


def edges(result: "LayerResult") -> Floats:
    """Cycles at which windows begin, and the layer's end, which is within the last window [windows + 1]."""
    width = int(_needed(result, "width_cycles"))
    starts = np.arange(-(-result.cycles // width) + 1, dtype=np.float64) * width
    return np.asarray(np.minimum(starts, result.cycles), dtype=np.float64)


def per_cycle(result: "LayerResult", counts: NDArray[Any]) -> Floats:
    """Counts of each window divided by its cycles; what stands behind the end belongs to the last one."""
    times = edges(result)
    windows = len(times) - 1
    kept = np.zeros(windows)
    kept[: len(counts)] = counts[:windows]
    kept[-1:] += counts[windows:].sum()
    return np.asarray(kept / np.diff(times), dtype=np.float64)


def utilization(result: "LayerResult", architecture: Architecture) -> Floats:
    """MACs of every window as a share of those that all PEs could do in it."""
    capacity = architecture.array.pes * architecture.spatial.pe.macs_per_cycle
    return np.asarray(per_cycle(result, _needed(result, "macs")) / capacity, dtype=np.float64)


def ports(result: "LayerResult", architecture: Architecture) -> list[PortSeries]:
    """Every port that moved something in a layer, in the order of the result."""
    beside = array_side(architecture)
    return [
        _port(result, name, told, beside.get(name, []))
        for name, told in result.ports.items()
        if told["words"]
    ]


def _port(result: "LayerResult", name: str, told: dict[str, Any], streams: list[str]) -> PortSeries:
    keys = [f"words.{stream}" for stream in streams]
    if f"units.{name}" in result.windows or not keys:
        keys.append(f"units.{name}")
    moved = np.sum([per_cycle(result, _needed(result, key)) for key in keys], axis=0)
    limit = told.get("limit_per_cycle")
    bounded = None if limit is None or limit == "unlimited" else float(limit)
    average = float(moved @ np.diff(edges(result))) / result.cycles
    return PortSeries(name, told.get("unit", "words"), moved, average, bounded)


def array_side(architecture: Architecture) -> dict[str, list[str]]:
    """Streams that cross each port between the array and the memories around it, by the port's name."""
    out: dict[str, list[str]] = {}
    for stream, (data_type, way) in STREAMS.items():
        inner = architecture.levels(data_type)[-1]
        ends = (inner, ARRAY) if way == "read" else (ARRAY, inner)
        network = architecture.network(data_type, *ends)
        names = [f"{inner}.{architecture.memories[inner].array_port(data_type, way)[0]}"]
        for name in names + ([network] if network else []):
            out.setdefault(name, []).append(stream)
    return out


def occupancy(result: "LayerResult", architecture: Architecture) -> list[RoomSeries]:
    """Room taken over time in every memory on the chip that this layer has tiles in."""
    return [
        RoomSeries(name, capacity_bits(architecture, name) / 8, by_type)
        for name, memory in architecture.memories.items()
        if not memory.off_chip and (by_type := dict(_rooms(result, name)))
    ]


def _rooms(result: "LayerResult", memory: str) -> Iterator[tuple[str, Floats]]:
    windows = len(edges(result)) - 1
    for data_type in DATA_TYPES:
        key = f"{memory}.{data_type}"
        if f"tiles.{key}" in result.windows:
            tiles = np.asarray(_needed(result, f"tiles.{key}"), dtype=float)
            held = np.resize(tiles, windows) if len(tiles) < windows else tiles[:windows]
            yield data_type, held * float(_needed(result, f"tile_bytes.{key}"))


def pe_shares(result: "LayerResult", name: str = "mac") -> Floats:
    """Share of the layer's cycles that every PE spent as ``name`` [rows, columns]; `InputError`."""
    if name not in PE_CYCLE_NAMES:
        raise refuse("heat map", "name", name, f"one of {', '.join(PE_CYCLE_NAMES)} was expected")
    counted = np.asarray(_needed(result, "pe_cycles"), dtype=float)
    if counted.ndim != 3 or counted.shape[2] != len(PE_CYCLE_NAMES):
        told = f"rows x columns x {len(PE_CYCLE_NAMES)} numbers were expected"
        raise refuse(result.name, "windows.pe_cycles", counted.shape, told)
    return np.asarray(counted[:, :, PE_CYCLE_NAMES.index(name)] / result.cycles, dtype=float)


def _needed(result: "LayerResult", key: str) -> NDArray[Any]:
    """One series; `InputError` where a layer has none: on a vector unit, or written by an older version."""
    if key in result.windows:
        return np.asarray(result.windows[key])
    if not result.macs:
        told = "a layer with MACs was expected: the vector unit, which ran this one, has no series over time"
        raise refuse(result.name, "", None, told)
    told = "this series was expected: an older version wrote these results, so run the workload again"
    raise refuse(result.name, f"windows.{key}", None, told)
