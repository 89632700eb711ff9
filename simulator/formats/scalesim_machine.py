"""Our machine from SCALE-Sim's configuration: its array, its three buffers, and what it takes for granted."""

from pathlib import Path
from typing import Any, Final

from simulator.components.base import UNLIMITED
from simulator.errors import InputError, Problem
from simulator.formats.scalesim_config import ScaleSimConfig
from simulator.formats.scalesim_keys import KB
from simulator.names import DATA_TYPES, DataType
from simulator.spec.architecture import Architecture
from simulator.spec.reader import validate, with_provenance
from simulator.spec.validation import shown

DATAFLOW: Final = "systolic"
STATIONARY: Final[dict[str, DataType]] = {"ws": "weight", "os": "output", "is": "input"}
"""What stays in the PEs, by SCALE-Sim's word for it."""
OPERANDS: Final[dict[DataType, str]] = {"input": "ifmap", "weight": "filter", "output": "ofmap"}
"""SCALE-Sim's word for a data type."""

_CLOCK_MHZ: Final = 1000
_FOLDS: Final = "SCALE-Sim: folds do not overlap, and each takes the time of the whole array"
_WIDE: Final = "SCALE-Sim: an edge gets a word for each of its rows or columns in every cycle"
_FIELDS: Final = {"name": ("name",), "array": ("array_height", "array_width")}
"""What may be refused here though its key took it: fields by our key."""


def buffer_of(data_type: DataType) -> str:
    """Name of the buffer of a data type."""
    return f"{OPERANDS[data_type]}_sram"


def architecture_of(config: ScaleSimConfig, place: str) -> Architecture:
    """The machine of a configuration; every value has its origin, a key of the file at ``place`` or another.

    It does what SCALE-Sim does: folds follow each other without overlap and take the whole array's time,
    partial sums are added in the buffer of outputs, and a stall stops the array. An operand waits only for
    its own rate between DRAM and its buffer. Clock (MHz), widths of words and energy are not SCALE-Sim's,
    and marked assumed.

    Raises `InputError` for what is no machine here, in the words of the configuration.
    """
    try:
        return validate(Architecture, with_provenance(_data(config, shown(Path(place).name))), place)
    except InputError as error:
        raise InputError(_in_keys(problem, config) for problem in error.problems) from None


def _in_keys(problem: Problem, config: ScaleSimConfig) -> Problem:
    """A problem of our key as one of those that it comes from."""
    keys = ", ".join(config.where(field) for field in _FIELDS.get(problem.key, ()))
    return Problem(problem.place, keys or problem.key, problem.value, problem.expected)


def _data(config: ScaleSimConfig, file: str) -> dict[str, Any]:
    return {
        "name": config.name,
        "description": f"{config.array_height} x {config.array_width} PEs of SCALE-Sim ({config.dataflow})",
        "clock_mhz": _assumed(_CLOCK_MHZ, "a round clock; SCALE-Sim counts cycles only"),
        "technology": {
            "node_nm": _assumed(45, "the node of the energy table"),
            "supply_v": _assumed(0.9, "the supply of the energy table"),
        },
        "word_bits": dict.fromkeys(DATA_TYPES, _assumed(8, "SCALE-Sim's word is a byte of its buffers")),
        "memories": {
            "dram": {
                "kind": "dram",
                "keeps": list(DATA_TYPES),
                "bytes_per_cycle": _source(UNLIMITED, "SCALE-Sim: operands have interfaces of their own"),
                "burst_bytes": _source(1, "SCALE-Sim: single words"),
            },
            **{buffer_of(data_type): _buffer(config, data_type, file) for data_type in OPERANDS},
        },
        "networks": {},
        "array": _array(config, file),
        "dataflow": DATAFLOW,
        "energy": _assumed("horowitz_45nm", "SCALE-Sim prices nothing"),
    }


def _source(value: object, told: str) -> dict[str, object]:
    return {"value": value, "source": told}


def _assumed(value: object, told: str) -> dict[str, object]:
    return {"value": value, "assumed": told}


def _buffer(config: ScaleSimConfig, data_type: DataType, file: str) -> dict[str, Any]:
    operand = OPERANDS[data_type]
    size = {"input": config.ifmap_kb, "weight": config.filter_kb, "output": config.ofmap_kb}[data_type]
    told = f"{file}: {config.where(f'{operand}_kb')}, {size} kB of {KB} words"
    rate = _rate(config, data_type, file)
    data = {
        "kind": "sram",
        "keeps": data_type,
        "capacity_bytes": _source(size * KB, told),
        "read_words_per_cycle": _source(UNLIMITED, _WIDE),
        "outer_write_words_per_cycle": rate,
    }
    if data_type != "output":
        return data
    return data | {
        "write_words_per_cycle": _source(UNLIMITED, _WIDE),
        "outer_read_words_per_cycle": rate,
        "accumulates": _source(True, "SCALE-Sim: sums of a fold never come back into the array"),
    }


def _rate(config: ScaleSimConfig, data_type: DataType, file: str) -> dict[str, object]:
    """Words per cycle between DRAM and a buffer, in either direction."""
    words, own = {
        "input": (config.ifmap_words_per_cycle, "ifmap_bank_bandwidth"),
        "weight": (config.filter_words_per_cycle, "filter_bank_bandwidth"),
        "output": (config.ofmap_words_per_cycle, "bandwidths"),
    }[data_type]
    if words is not None:
        return _source(words, f"{file}: {config.where(own if own in config.origins else 'bandwidths')}")
    if "interface" in config.origins:
        return _source(UNLIMITED, f"{file}: {config.where('interface')} is CALC, which limits nothing")
    return _assumed(UNLIMITED, f"{file} has no InterfaceBandwidth, and v1 of SCALE-Sim limits nothing")


def _array(config: ScaleSimConfig, file: str) -> dict[str, Any]:
    stationary = STATIONARY[config.dataflow]
    data = {
        "kind": "systolic",
        "rows": _source(config.array_height, f"{file}: {config.where('array_height')}"),
        "columns": _source(config.array_width, f"{file}: {config.where('array_width')}"),
        "stationary": _source(stationary, f"{file}: {config.where('dataflow')} is {config.dataflow}"),
        "wavefront": _source("array", _FOLDS),
        "bubbles": _source("freeze", "SCALE-Sim: a stall stops all of the array"),
    }
    if stationary == "output":
        return data | {"drain": _source("at_once", _FOLDS)}
    return data | {
        "shadow": _source(False, _FOLDS),
        "shift": _source("straight", _FOLDS),
        "shifted_rows": _source("all", _FOLDS),
    }
