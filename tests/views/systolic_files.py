"""Systolic machines as files: one DRAM, two, a home on the chip beside one, and none."""

from pathlib import Path
from typing import Any

import yaml

ALL = ["weight", "input", "output"]
COMMON = {
    "clock_mhz": 1000, "word_bits": dict.fromkeys(ALL, 8), "networks": {}, "dataflow": "systolic", "energy": "horowitz_45nm",
}  # fmt: skip
ARRAY = {"kind": "systolic", "rows": 16, "columns": 16, "stationary": "weight"}
OFMAP = {"kind": "sram", "keeps": "output", "capacity_bytes": 65536, "accumulates": True}

MEMORIES: dict[str, dict[str, Any]] = {
    "sysm": {
        "dram": {"kind": "dram", "keeps": ALL, "bytes_per_cycle": 16},
        "ifmap_sram": {"kind": "sram", "keeps": "input", "capacity_bytes": 65536},
        "filter_sram": {"kind": "sram", "keeps": "weight", "capacity_bytes": 65536},
        "ofmap_sram": OFMAP,
    },
    "two_drams": {
        "ddr": {"kind": "dram", "keeps": ["input", "output"], "bytes_per_cycle": 8},
        "weight_dram": {"kind": "dram", "keeps": "weight", "bytes_per_cycle": 16},
        "glb": {"kind": "sram", "keeps": ["input", "output"], "capacity_bytes": 65536, "read_words_per_cycle": 32},
        "weight_fifo": {"kind": "sram", "keeps": "weight", "capacity_bytes": 4096, "whole_tiles": "weight"},
    },
    "unified": {
        "unified_buffer": {
            "kind": "sram", "keeps": ["input", "output"], "capacity_bytes": 1 << 20, "ports": "per_data_type",
            "read_words_per_cycle": 16, "write_words_per_cycle": 16,
        },
        "weight_dram": {"kind": "dram", "keeps": "weight", "bytes_per_cycle": 16},
        "weight_fifo": {"kind": "sram", "keeps": "weight", "capacity_bytes": 4096, "whole_tiles": "weight"},
        "accumulators": {"kind": "sram", "keeps": "output", "capacity_bytes": 65536, "accumulates": True},
    },
    "on_chip": {
        "weights": {"kind": "sram", "keeps": "weight", "capacity_bytes": 1 << 20, "read_words_per_cycle": 16},
        "inputs": {"kind": "sram", "keeps": "input", "capacity_bytes": 1 << 20},
        "outputs": {"kind": "sram", "keeps": "output", "capacity_bytes": 1 << 20, "accumulates": True},
    },
}  # fmt: skip
"""Memories of every machine, by the machine's name."""

WORKLOAD = """
name: net
layers:
  - {name: CONV, conv: {C: 8, M: 24, H: 12, W: 12, R: 3, S: 3, padding: 1}}
  - {name: POINT, conv: {C: 24, M: 40, H: 12, W: 12, R: 1, S: 1}}
  - {name: FC, fc: {C: 1440, M: 50}}
"""
"""Windows that overlap, windows that do not, and a plain product; nothing divides by 16."""


def description(name: str, **array: Any) -> dict[str, Any]:
    """A machine as its file says it, with other values for some keys of its array."""
    return {"name": name, **COMMON, "memories": MEMORIES[name], "array": {**ARRAY, **array}}


def write(directory: Path, name: str, **array: Any) -> Path:
    """Write a machine's file."""
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(description(name, **array), sort_keys=False), encoding="utf-8")
    return path
