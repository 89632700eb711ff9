"""Action counts times an energy table = energy by component, data type and action."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.components.memories.base import Memory
from simulator.components.memories.sram import Sram
from simulator.energy.table import EnergyTable, Price
from simulator.errors import InputError, Problem
from simulator.names import ARRAY, DATA_TYPES
from simulator.spec.architecture import Architecture

Actions = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Counts by component, data type (or ``all``: operations and cycles, which have no words) and action."""

Energy = dict[str, dict[str, dict[str, float]]]
"""Picojoules by component, data type and action."""

OPERATIONS = "all"
ENERGY_PARTS = ("ALU", "RF", "NoC", "buffer", "DRAM", "clock and leakage")
"""Parts by which papers tell energy: computation, scratchpads, networks, buffers, the outermost memory."""
PER_CYCLE = ("clock", "leakage")


@dataclass(frozen=True, slots=True)
class PricedPart:
    """What a price depends on: the kind of a component, the widths of its words and the sizes of its stores.

    ``word_bits`` and ``capacity_bytes`` go by data type; ``word_bits["all"]`` is the width of an operand,
    absent where operations have none. A part without capacity is priced like the smallest one.
    """

    kind: str
    family: str
    word_bits: Mapping[str, int] = field(default_factory=dict)
    capacity_bytes: Mapping[str, int] = field(default_factory=dict)


def parts_of(architecture: Architecture) -> dict[str, PricedPart]:
    """Every component of an architecture that can have actions, by name."""
    bits: dict[str, int] = {data_type: architecture.word_bits[data_type] for data_type in DATA_TYPES}
    operand = {OPERATIONS: max(bits["weight"], bits["input"])}
    parts = {
        "mac": PricedPart("mac", "mac", operand),
        "scratchpad": PricedPart("scratchpad", "scratchpad", bits, _scratchpad_bytes(architecture)),
        "array": PricedPart(architecture.array.kind, "array"),
    }
    for name, memory in architecture.memories.items():
        parts[name] = PricedPart(memory.kind, "memory", bits, dict.fromkeys(DATA_TYPES, _bank_bytes(memory)))
    for name, network in architecture.networks.items():
        parts[name] = PricedPart(network.kind, "network", bits)
    if architecture.vector_unit is not None:
        parts["vector_unit"] = PricedPart("vector_unit", "vector_unit", {OPERATIONS: bits["output"]})
    return parts


def _scratchpad_bytes(architecture: Architecture) -> dict[str, int]:
    bits, array = architecture.word_bits, architecture.spatial
    return {data_type: -(-array.pad_words(data_type) * bits[data_type] // 8) for data_type in DATA_TYPES}


def _bank_bytes(memory: Memory) -> int:
    if not isinstance(memory, Sram):
        return 0
    return memory.bank_bytes or memory.size_bytes


def price(actions: Actions, parts: Mapping[str, PricedPart], table: EnergyTable) -> Energy:
    """Return picojoules for every count in ``actions``.

    Every kind of action needs a price, also where its count is 0; an `InputError` lists all that have none.
    """
    energy: Energy = {}
    missing: dict[tuple[str, str], Problem] = {}
    for component, by_type in actions.items():
        energy[component] = {data_type: {} for data_type in by_type}
        for data_type, action, count in _counts(by_type):
            part = parts[component]
            each = action_pj(part, data_type, action, table)
            if each is None:
                missing.setdefault((component, action), _unpriced(component, part, data_type, action, table))
            else:
                energy[component][data_type][action] = count * each
    if missing:
        raise InputError(missing.values())
    return energy


def _counts(by_type: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    return [(data_type, action, n) for data_type, counts in by_type.items() for action, n in counts.items()]


def action_pj(part: PricedPart, data_type: str, action: str, table: EnergyTable) -> float | None:
    """Picojoules of one action on a word (or of an operation, or a cycle); None where there is no price."""
    bits = part.word_bits.get(data_type)
    for offer in table.prices(part.kind, part.family, action):
        width = offer.word_bits or table.word_bits
        if not _large_enough(offer, part.capacity_bytes.get(data_type, 0)):
            continue
        if data_type != OPERATIONS and bits is not None:
            return offer.value * table.pj_per_unit * bits / width
        if bits is None or width >= bits:
            return offer.value * table.pj_per_unit
    return None


def _large_enough(offer: Price, capacity_bytes: int) -> bool:
    return offer.capacity_bytes is None or offer.capacity_bytes >= capacity_bytes


def _unpriced(component: str, part: PricedPart, data_type: str, action: str, table: EnergyTable) -> Problem:
    key = f"actions.{part.kind}.{action}"
    offers = table.prices(part.kind, part.family, action)
    if not offers:
        return Problem(
            f"energy table {table.name}", key, "", f"a price was expected: {component} has such actions"
        )
    size = part.capacity_bytes.get(data_type)
    need = f"{size} bytes" if size else f"{part.word_bits.get(data_type)}-bit operands"
    return Problem(
        f"energy table {table.name}", key, "", f"a price that holds for {need} was expected: {component}"
    )


def energy_parts(energy: Energy, architecture: Architecture) -> dict[str, float]:
    """Picojoules of each of `ENERGY_PARTS`; they sum to everything."""
    out = dict.fromkeys(ENERGY_PARTS, 0.0)
    for component, by_type in energy.items():
        for by_action in by_type.values():
            for action, pj in by_action.items():
                out["clock and leakage" if action in PER_CYCLE else _part(component, architecture)] += pj
    return out


def _part(component: str, architecture: Architecture) -> str:
    if component in architecture.networks:
        return "NoC"
    if component in architecture.memories:
        return "DRAM" if architecture.memories[component].off_chip else "buffer"
    return "RF" if component == "scratchpad" else "ALU"


def total_pj(energy: Energy) -> float:
    """Sum of everything, in picojoules."""
    return sum(
        pj for by_type in energy.values() for by_action in by_type.values() for pj in by_action.values()
    )


def check_prices(architecture: Architecture, table: EnergyTable) -> None:
    """Refuse a table that cannot price what this machine does, before anything runs."""
    words: dict[str, dict[str, int]] = {d: {"read": 0, "write": 0} for d in DATA_TYPES}
    actions: dict[str, dict[str, dict[str, int]]] = {
        "mac": {"all": {"compute": 0, "gated": 0}},
        "scratchpad": words,
    }
    for name, memory in architecture.memories.items():
        actions[name] = {d: {"read": 0, "write": 0} for d in memory.keeps}
    for name, network in architecture.networks.items():
        kind = "hop" if network.source == network.target == ARRAY else "deliver"
        actions[name] = {d: {kind: 0} for d in network.carries}
    if architecture.vector_unit is not None:
        actions["vector_unit"] = {"all": {"operate": 0}}
    buffers = [name for name, memory in architecture.memories.items() if not memory.off_chip]
    on_chip = [ARRAY, *buffers, *architecture.networks]
    for name in on_chip + (["vector_unit"] if architecture.vector_unit else []):
        actions.setdefault(name, {}).setdefault("all", {}).update(clock=0, leakage=0)
    price(actions, parts_of(architecture), table)
