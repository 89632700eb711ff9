"""What a run may give an unlimited rate: memories, single ports of memories, and networks."""

from collections.abc import Iterable

from simulator.components.memories.base import Memory
from simulator.errors import InputError, Problem
from simulator.spec.architecture import Architecture
from simulator.spec.validation import did_you_mean, shown

DIRECTIONS = ("read", "write")


def relaxable(architecture: Architecture) -> list[str]:
    """Every name that can be relaxed: ``dram``, ``glb``, ``glb.input_read``, ``psum_in``, ..."""
    names: list[str] = []
    for name, memory in architecture.memories.items():
        names += [
            name,
            *(f"{name}.{port}" for port in _ports(memory, outermost=name == architecture.outermost)),
        ]
    return names + list(architecture.networks)


def _ports(memory: Memory, *, outermost: bool) -> list[str]:
    sides = [memory.array_port] if outermost else [memory.array_port, memory.outer_port]
    ports = [side(data_type, way)[0] for side in sides for data_type in memory.keeps for way in DIRECTIONS]
    return list(dict.fromkeys(ports))


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
