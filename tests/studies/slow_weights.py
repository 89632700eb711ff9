"""One PE whose weights come slowly: a machine small enough to count its cycles by hand.

A weight takes 4 cycles of ``weight_in``. A pass multiplies 8 weights, and the scratchpad holds 8, so the next
ones come when the last MAC is through: 8 × 4 + 1 = 33 cycles per pass, 8 where nothing limits.
"""

from typing import Any

SLOW, FAST = 33, 8
"""Cycles of a pass."""
PASSES = {"A": 4, "B": 8}


def network(carries: str, source: str, target: str, rate: str) -> dict[str, Any]:
    return {"kind": "unicast_bus", "carries": carries, "from": source, "to": target, "words_per_cycle": rate}


MACHINE = {
    "name": "tiny",
    "clock_mhz": 100,
    "word_bits": {"weight": 16, "input": 16, "output": 16},
    "memories": {
        "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": "unlimited"},
        "glb": {"kind": "sram", "keeps": ["weight", "input", "output"], "capacity_bytes": 4096},
    },
    "networks": {
        "weight_in": network("weight", "glb", "array", "1/4"),
        "input_in": network("input", "glb", "array", "unlimited"),
        "psum_in": network("output", "glb", "array", "unlimited"),
        "psum_out": network("output", "array", "glb", "unlimited"),
    },
    "array": {
        "kind": "spatial",
        "rows": 1,
        "columns": 1,
        "pe": {
            "pipeline_cycles": 1,
            "weight_words": 8,
            "input_words": 8,
            "psum_words": 8,
            "psum_in_fifo_words": 8,
            "psum_out_fifo_words": 8,
            "adder": "private",
        },
    },
    "dataflow": "weight_stationary",
    "energy": "horowitz_45nm",
}
NET = {
    "name": "net",
    "layers": [{"name": "A", "fc": {"C": 4, "M": 8}}, {"name": "B", "fc": {"C": 8, "M": 8}}],
}
SMALL = {
    "name": "small",
    "layers": [
        {"name": "CONV", "conv": {"C": 16, "M": 32, "H": 14, "W": 14, "R": 3, "S": 3, "padding": 1}},
        {"name": "FC", "fc": {"C": 256, "M": 100}},
    ],
}
"""Enough for a machine of 16 × 16 PEs to be limited by several things."""
SUM = {"name": "SUM", "elementwise": {"kind": "add", "C": 8, "H": 4, "W": 2}}
"""64 sums of two words: 128 words in, 64 out."""
