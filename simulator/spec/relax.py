"""What a run may give an unlimited rate: memories, single ports of memories, and networks."""

from collections.abc import Iterable, Iterator

from simulator.components.base import Rate
from simulator.components.memories.base import Memory
from simulator.components.memories.dram import Dram
from simulator.errors import InputError, Problem
from simulator.names import DataType
from simulator.spec.architecture import Architecture
from simulator.spec.validation import did_you_mean, shown

DIRECTIONS = ("read", "write")


def relaxable(architecture: Architecture) -> list[str]:
    """Every name that can be relaxed: ``dram``, ``glb``, ``glb.input_read``, ``psum_in``, ..."""
    names: list[str] = []
    for name, memory in architecture.memories.items():
        names += [name, *(f"{name}.{port}" for port in _ports(name, memory, architecture))]
    return names + list(architecture.networks)


def _ports(name: str, memory: Memory, architecture: Architecture) -> list[str]:
    ports = [memory.array_port(data_type, way)[0] for data_type in memory.keeps for way in DIRECTIONS]
    inside = _from_outside(name, memory, architecture)
    ports += [memory.outer_port(data_type, way)[0] for data_type in inside for way in DIRECTIONS]
    return list(dict.fromkeys(ports))


def _from_outside(name: str, memory: Memory, architecture: Architecture) -> list[DataType]:
    """Data types that a memory gets from another one: nothing lies outside the home of a data type."""
    return [data_type for data_type in memory.keeps if architecture.home(data_type) != name]


def check_relax(architecture: Architecture, names: Iterable[str], place: str = "--relax") -> frozenset[str]:
    """Return ``names`` as a set; raises `InputError` with the nearest names for each unknown."""
    known = relaxable(architecture)
    wanted = frozenset(names)
    unknown = sorted(wanted - set(known))
    if unknown:
        raise InputError(
            Problem(place, "", shown(name), f"no such resource; {did_you_mean(name, known, family='one of')}")
            for name in unknown
        )
    return wanted


def declared_rates(architecture: Architecture) -> dict[str, Rate]:
    """Every port that words can cross and every network, with its rate.

    Words per core cycle, bytes at a memory off chip. Only outputs are written from the array side and read
    towards DRAM, so ports of other data types in these directions move nothing and are left out.
    """
    rates: dict[str, Rate] = {}
    for name, memory in architecture.memories.items():
        for port, rate in _used_ports(name, memory, architecture):
            rates.setdefault(f"{name}.{port}", rate)
    return rates | {name: network.words_per_cycle for name, network in architecture.networks.items()}


def _used_ports(name: str, memory: Memory, architecture: Architecture) -> Iterator[tuple[str, Rate]]:
    for data_type in memory.keeps:
        for way in DIRECTIONS if data_type == "output" else DIRECTIONS[:1]:
            port, rate = memory.array_port(data_type, way)
            if isinstance(memory, Dram):
                rate = memory.bytes_per_core_cycle(architecture.clock_mhz)
            yield port, rate
    for data_type in _from_outside(name, memory, architecture):
        for way in DIRECTIONS if data_type == "output" else DIRECTIONS[1:]:
            yield memory.outer_port(data_type, way)
