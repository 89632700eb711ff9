"""Every key of SCALE-Sim's configurations: where it stands, what it means, and why it may do nothing here.

v1 has ``*SramSz``, ``[network_presets]`` and neither bandwidths nor ``[run_presets]``; v2 has ``*SramSzkB``,
``Bandwidth`` and ``InterfaceBandwidth``; v3 adds request buffers, ``[layout]``, ``[sparsity]`` and Ramulator.
"""

from dataclasses import dataclass
from typing import Final, Literal

from simulator.spec.parameters import LARGEST

Reading = Literal["count", "address", "counts", "flag", "word", "text"]

KB: Final = 1024
"""Words of a kB of its memories."""

EXPECTED: Final[dict[Reading, str]] = {
    "count": f"a whole number from 1 to {LARGEST} was expected",
    "address": f"a whole number from 0 to {LARGEST} was expected",
    "counts": "whole numbers greater than 0 were expected, with commas between them",
    "flag": "True or False was expected",
    "text": "a text of one line was expected",
}
"""What a value must be, for messages; a word is one of its key's ``words``."""

ADDRESSES: Final = "where operands begin in its traces; no cycle depends on it"
REQUESTS: Final = "a queue that only Ramulator's traces fill; here room bounds the requests under way"
LAYOUT: Final = "how words lie in the banks of its on-chip memories; bank conflicts are not modelled"
BANKS: Final = "banks of its memories; no cycle depends on them in SCALE-Sim either"
SPARSE: Final = "how sparse weights are stored and drawn; SparsitySupport is false, so there are none"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: section and name as SCALE-Sim writes them, the field that takes it, and what it says.

    ``others`` are older names or places ("section.name"). ``idle`` is why the value has no effect here, empty
    where it has one. ``words`` are all values of a word, in lower case.
    """

    section: str
    name: str
    field: str
    reading: Reading
    meaning: str
    idle: str = ""
    required: bool = False
    words: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Section and name."""
        return f"{self.section}.{self.name}"


_PRESETS: Final = "architecture_presets"


def _size(operand: str) -> Key:
    old = (f"{_PRESETS}.{operand}SramSz",)
    told = f"capacity of the on-chip memory of the {operand.lower()}, kB of 1024 words of a byte"
    return Key(
        _PRESETS, f"{operand}SramSzkB", f"{operand.lower()}_kb", "count", told, required=True, others=old
    )


def _offset(operand: str) -> Key:
    told = f"first address of the {operand.lower()}, in words"
    return Key(_PRESETS, f"{operand}Offset", f"{operand.lower()}_offset", "address", told, ADDRESSES)


def _layout(operand: str) -> tuple[Key, ...]:
    lower = operand.lower()

    def key(name: str, field: str, reading: Reading, meaning: str, idle: str) -> Key:
        others = (f"{_PRESETS}.{operand}{name}",)
        return Key("layout", f"{operand}{name}", f"{lower}_{field}", reading, meaning, idle, others=others)

    return (
        key("CustomLayout", "custom_layout", "flag", f"whether a layout file places the {lower}", LAYOUT),
        key("SRAMBankBandwidth", "bank_bandwidth", "count", f"words per cycle that bring the {lower}", ""),
        key("SRAMBankNum", "banks", "count", f"banks of the memory of the {lower}", LAYOUT),
        key("SRAMBankPort", "bank_ports", "count", "ports of each of these banks", LAYOUT),
    )


KEYS: Final[tuple[Key, ...]] = (
    Key("general", "run_name", "name", "text", "name of the run, given to the machine"),
    Key(_PRESETS, "ArrayHeight", "array_height", "count", "rows of the array", required=True),
    Key(_PRESETS, "ArrayWidth", "array_width", "count", "columns of the array", required=True),
    *(_size(operand) for operand in ("Ifmap", "Filter", "Ofmap")),
    *(_offset(operand) for operand in ("Ifmap", "Filter", "Ofmap")),
    Key(
        _PRESETS,
        "Dataflow",
        "dataflow",
        "word",
        "what stays in the PEs: outputs, weights or inputs",
        required=True,
        words=("os", "ws", "is"),
    ),
    Key(
        _PRESETS,
        "Bandwidth",
        "bandwidths",
        "counts",
        "words per cycle from and to off-chip memory, for each operand on its own; in v3 of outputs only",
    ),
    Key(_PRESETS, "MemoryBanks", "memory_banks", "count", "off-chip memory banks", BANKS),
    Key(_PRESETS, "OnChipMemoryBanks", "on_chip_banks", "count", "on-chip memory banks", BANKS),
    Key(_PRESETS, "OnChipMemoryBankPorts", "on_chip_bank_ports", "count", "ports of each bank", BANKS),
    Key(_PRESETS, "ReadRequestBuffer", "read_requests", "count", "reads that may be under way", REQUESTS),
    Key(_PRESETS, "WriteRequestBuffer", "write_requests", "count", "writes that may be under way", REQUESTS),
    *_layout("Ifmap"),
    *_layout("Filter"),
    Key("sparsity", "SparsitySupport", "sparsity", "flag", "whether weights are sparse"),
    Key(
        "sparsity",
        "SparseRep",
        "sparse_format",
        "word",
        "how sparse weights are stored",
        SPARSE,
        words=("csr", "csc", "ellpack_block"),
    ),
    Key("sparsity", "OptimizedMapping", "optimized_mapping", "flag", "whether zeros vary by row", SPARSE),
    Key("sparsity", "BlockSize", "sparse_block", "count", "M of N:M where they do", SPARSE),
    Key("sparsity", "RandomNumberGeneratorSeed", "sparse_seed", "address", "seed of drawn zeros", SPARSE),
    Key(
        "run_presets",
        "InterfaceBandwidth",
        "interface",
        "word",
        "CALC: no bandwidth is limited; USER: as Bandwidth says",
        words=("calc", "user"),
    ),
    Key(
        "run_presets",
        "UseRamulatorTrace",
        "ramulator",
        "flag",
        "whether off-chip latencies come from a trace of Ramulator",
        "off-chip latencies from a trace, which is not read; there are none here",
    ),
    Key(
        "network_presets",
        "TopologyCsvLoc",
        "topology",
        "text",
        "path of the topology",
        "the topology to run, which is named beside the configuration",
    ),
)
