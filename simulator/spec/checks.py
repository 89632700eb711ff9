"""Whether an architecture's parts fit together; every fault is named at once."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from simulator.components.arrays.spatial import SpatialArray
from simulator.components.arrays.systolic import SystolicArray
from simulator.components.memories.dram import Dram
from simulator.components.memories.sram import Sram
from simulator.components.networks.base import Network
from simulator.errors import InputError, Problem
from simulator.names import ARRAY, DATA_TYPES, DataType
from simulator.spec.validation import did_you_mean

if TYPE_CHECKING:
    from simulator.spec.architecture import Architecture

Faults = Iterator[Problem]

PART_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")
RESERVED: Final = (ARRAY, "mac", "scratchpad", "vector_unit", "all", "total")
MAXIMUM_PES: Final = 1 << 20
WAYS: Final = ("read", "write")


def check(architecture: "Architecture") -> None:
    """Raise `InputError` with every structural fault, located in the architecture's name."""
    faults = [fault for rule in RULES for fault in rule(architecture)]
    if faults:
        raise InputError(
            Problem(architecture.name, fault.key, fault.value, fault.expected) for fault in faults
        )


def _fault(key: str, value: object, expected: str) -> Problem:
    return Problem("", key, "" if value is None else str(value), expected)


def _part_names(architecture: "Architecture") -> Faults:
    """Names are words, and one name is one part: they are stall causes and options."""
    for family in ("memories", "networks"):
        for name in getattr(architecture, family):
            if not PART_NAME.fullmatch(name):
                yield _fault(family, repr(name), "a name of letters, digits and single _ or - was expected")
            elif name in RESERVED:
                yield _fault(
                    f"{family}.{name}", None, f"another name was expected: {name} has a meaning of its own"
                )
    for name in architecture.networks:
        if name in architecture.memories:
            yield _fault(
                f"networks.{name}", None, f"another name was expected: a memory is called {name} too"
            )


def _size(architecture: "Architecture") -> Faults:
    if architecture.array.pes > MAXIMUM_PES:
        yield _fault("array", f"{architecture.array.pes:,}", f"at most {MAXIMUM_PES:,} PEs were expected")


def _homes(architecture: "Architecture") -> Faults:
    """Layers start and end off chip: where, is one memory or, if the array allows, one per data type."""
    memories = architecture.memories
    if not memories:
        yield _fault("memories", None, "at least one memory, of kind dram, was expected")
        return
    if architecture.array.one_home:
        yield from _one_home(architecture)
        return
    for data_type in _moved(architecture):
        levels = architecture.levels(data_type)
        if not levels or not (memories[levels[0]].off_chip or architecture.array.on_chip_homes):
            told = f"the outermost memory that keeps {data_type} was expected to be off chip"
            yield _fault("memories", None, told)
        for name in levels[1:]:
            if memories[name].off_chip:
                told = f"an on-chip memory was expected inside {levels[0]}, which keeps {data_type}, too"
                yield _fault(f"memories.{name}.kind", memories[name].kind, told)


def _one_home(architecture: "Architecture") -> Faults:
    first, *inner = architecture.memories
    home = architecture.memories[first]
    if not home.off_chip:
        yield _fault(
            f"memories.{first}.kind", home.kind, "the first memory was expected to be off chip, of kind dram"
        )
    if any(d not in home.keeps for d in DATA_TYPES):
        told = "the first memory was expected to keep weight, input and output"
        yield _fault(f"memories.{first}.keeps", ", ".join(home.keeps), told)
    for name in inner:
        memory = architecture.memories[name]
        if memory.off_chip:
            yield _fault(
                f"memories.{name}.kind", memory.kind, "only the first memory was expected to be off chip"
            )


def _buffers(architecture: "Architecture") -> Faults:
    for data_type in architecture.array.buffered:
        if all(architecture.memories[name].off_chip for name in architecture.levels(data_type)):
            yield _fault("memories", None, f"an on-chip memory that keeps {data_type} was expected")


def _one_side(architecture: "Architecture") -> Faults:
    """No port of a buffer serves both the array and another buffer: two parts would grant it on their own."""
    last = {d: architecture.levels(d)[-1:] for d in DATA_TYPES}
    if not isinstance(architecture.array, SpatialArray | SystolicArray):
        return  # how other arrays reach their buffers is for their engines to say
    for name, memory in architecture.memories.items():
        if not isinstance(memory, Sram):
            continue
        ways = [(d, memory.array_port(d, way)[0]) for d in memory.keeps for way in WAYS]
        sides = [{port for d, port in ways if (last[d] == (name,)) == to_array} for to_array in (True, False)]
        for port in sorted(sides[0] & sides[1]):
            told = f"per_data_type was expected: {name}.{port} would serve the array and another buffer"
            yield _fault(f"memories.{name}.ports", memory.ports, told)


def _edges(architecture: "Architecture") -> Faults:
    """Where psums are added belongs to what a machine's array does with them."""
    systolic, inner = isinstance(architecture.array, SystolicArray), architecture.levels("output")[-1:]
    for name, memory in architecture.memories.items():
        if isinstance(memory, Sram) and memory.accumulates and (not systolic or inner != (name,)):
            told = "only the innermost memory of outputs below a systolic array was expected to accumulate"
            yield _fault(f"memories.{name}.accumulates", "true", told)
    for name, network in architecture.networks.items():
        if network.kind == "edge" and not (systolic and ARRAY in (network.source, network.target)):
            told = "a systolic array at one end was expected"
            yield _fault(f"networks.{name}.kind", network.kind, told)
        if systolic and network.source == network.target == ARRAY:
            told = "no network was expected: the PEs of a systolic array are joined as they are"
            yield _fault(f"networks.{name}", network.kind, told)


def _codecs(architecture: "Architecture") -> Faults:
    for name, memory in architecture.memories.items():
        for data_type, codec in memory.codecs.items() if isinstance(memory, Dram) else ():
            bits = architecture.word_bits[data_type]
            if codec.level_bits != bits:
                key = f"memories.{name}.codecs.{data_type}.level_bits"
                yield _fault(key, codec.level_bits, f"the width of {data_type} words was expected: {bits}")


def _ends(architecture: "Architecture") -> Faults:
    """Every network joins parts that exist and keep what it carries."""
    for name, network in architecture.networks.items():
        for key, end in (("from", network.source), ("to", network.target)):
            if end == ARRAY:
                continue
            memory = architecture.memories.get(end)
            if memory is None:
                hint = did_you_mean(end, [*architecture.memories, ARRAY], family="one of")
                yield _fault(
                    f"networks.{name}.{key}", end, f"the name of a memory, or array, was expected; {hint}"
                )
                continue
            for data_type in network.carries:
                if data_type not in memory.keeps:
                    yield _fault(
                        f"networks.{name}.{key}", end, f"a memory that keeps {data_type} was expected"
                    )
        yield from _own_ends(architecture, name, network)


def _own_ends(architecture: "Architecture", name: str, network: Network) -> Faults:
    inside = network.source == network.target == ARRAY
    if network.source == network.target and not inside:
        yield _fault(f"networks.{name}.to", network.target, "another part than in `from` was expected")
    if architecture.array.pes > MAXIMUM_PES:
        return
    chained = network.chains(architecture.array.rows, architecture.array.columns) is not None
    if chained and not inside:
        yield _fault(
            f"networks.{name}", network.kind, "from: array and to: array were expected: it joins PEs"
        )
    if inside and not chained:
        yield _fault(
            f"networks.{name}.kind", network.kind, "a network between PEs, such as column_chain, was expected"
        )
    if inside and network.carries != ("output",):
        yield _fault(
            f"networks.{name}.carries", ", ".join(network.carries), "output alone was expected between PEs"
        )


def _moved(architecture: "Architecture") -> tuple[DataType, ...]:
    return tuple(d for d in DATA_TYPES if d not in architecture.array.resident)


def _needed_routes(architecture: "Architecture") -> Iterator[tuple[DataType, str, str]]:
    initial = getattr(architecture.array, "initial_psums", "zero")
    for data_type in () if isinstance(architecture.array, SystolicArray) else _moved(architecture):
        levels = architecture.levels(data_type)
        if not levels:
            continue
        if data_type != "output" or initial == "buffer":
            yield data_type, levels[-1], ARRAY
        if data_type == "output":
            yield data_type, ARRAY, levels[-1]


def _routes(architecture: "Architecture") -> Faults:
    """Every data type gets into the array, and results get out."""
    for data_type, source, target in _needed_routes(architecture):
        if architecture.network(data_type, source, target) is None:
            why = " for initial_psums: buffer" if (data_type, target) == ("output", ARRAY) else ""
            route = f"{data_type} from {source} to {target}"
            yield _fault("networks", None, f"a network that carries {route} was expected{why}")


def _twins(architecture: "Architecture") -> Faults:
    """No two networks carry the same between the same parts."""
    seen: dict[tuple[str, str, str], str] = {}
    for name, network in architecture.networks.items():
        for data_type in network.carries:
            first = seen.setdefault((data_type, network.source, network.target), name)
            if first != name:
                route = f"{data_type} from {network.source} to {network.target}"
                told = f"one network per route was expected: {first} carries {route} already"
                yield _fault(f"networks.{name}", None, told)


def _widths(architecture: "Architecture") -> Faults:
    """Words cross a port whole, or in whole cycles."""
    for name, memory in architecture.memories.items():
        bits = memory.port_bits()
        for data_type in memory.keeps if bits else ():
            word = architecture.word_bits[data_type]
            if bits and bits % word and word % bits:
                told = f"a divisor or a multiple of the {bits} bits of memory {name}'s port was expected"
                yield _fault(f"word_bits.{data_type}", word, told)


def _repeats(architecture: "Architecture") -> Faults:
    """Lists that name each thing once."""
    for family in ("memories", "networks"):
        for name, part in getattr(architecture, family).items():
            for key in ("keeps", "carries", "priority", "single_buffered"):
                items = getattr(part, key, ())
                if len(set(items)) != len(items):
                    yield _fault(
                        f"{family}.{name}.{key}", ", ".join(items), "each name at most once was expected"
                    )


@cache
def _shipped_mapping(file: str) -> bool:
    return resources.files("arch_models").joinpath(file).is_file()


def _mapping_files(architecture: "Architecture") -> Faults:
    for workload, file in architecture.mappings.items():
        inside = not PurePath(file).is_absolute() and ".." not in PurePath(file).parts
        if not inside or not _shipped_mapping(file):
            yield _fault(f"mappings.{workload}", file, "a mapping file shipped in arch_models was expected")


RULES: Final = (
    _part_names,
    _size,
    _homes,
    _buffers,
    _one_side,
    _edges,
    _codecs,
    _ends,
    _routes,
    _twins,
    _widths,
    _repeats,
    _mapping_files,
)
