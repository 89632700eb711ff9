"""The vocabulary that everything shares: dimensions, data types and PE-cycle names."""

from typing import Final, Literal

Dimension = Literal["N", "G", "M", "C", "P", "Q", "R", "S"]
DataType = Literal["weight", "input", "output"]

DIMENSIONS: Final[tuple[Dimension, ...]] = ("N", "G", "M", "C", "P", "Q", "R", "S")
"""Batch, groups, output and input channels (per group), output rows and columns, filter rows and columns."""

DATA_TYPES: Final[tuple[DataType, ...]] = ("weight", "input", "output")

RELEVANT: Final[dict[DataType, frozenset[Dimension]]] = {
    "weight": frozenset({"G", "M", "C", "R", "S"}),
    "input": frozenset({"N", "G", "C", "P", "Q", "R", "S"}),
    "output": frozenset({"N", "G", "M", "P", "Q"}),
}
"""The dimensions that index each data type; a loop over any other dimension reuses it."""

REDUCTION: Final[frozenset[Dimension]] = frozenset({"C", "R", "S"})
"""The dimensions that an output is summed over."""

PE_CYCLE_NAMES: Final[tuple[str, ...]] = (
    "mac",
    "accumulate",
    "stall_weight",
    "stall_input",
    "stall_psum_in",
    "stall_output",
    "fill_drain",
    "imbalance",
    "unmapped",
    "between",
)
"""Every PE-cycle of a layer has exactly one of these names; the order is the order of precedence."""

STALL_NAMES: Final[tuple[str, ...]] = ("stall_weight", "stall_input", "stall_psum_in", "stall_output")
ARRAY: Final = "array"
"""The name of the PE array as an end of a network and as a stall cause."""
