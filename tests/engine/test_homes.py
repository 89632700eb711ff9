"""Machines whose data is at home on chip: tiles with which nothing more happens hold nobody up."""

from pathlib import Path
from typing import Any

import pytest

import simulator
from simulator.spec.architecture import Architecture
from simulator.spec.validation import validate

EVERYTHING = ["weight", "input", "output"]


def machine(memories: dict[str, Any], stationary: str) -> Architecture:
    array = {"kind": "systolic", "rows": 4, "columns": 4, "stationary": stationary}
    bits = dict.fromkeys(EVERYTHING, 8)
    data = {"name": "m", "clock_mhz": 100, "word_bits": bits, "memories": memories, "networks": {}, "array": array}
    return validate(Architecture, data | {"dataflow": "systolic", "energy": "horowitz_45nm"}, "m")


def sram(*keeps: str, **more: Any) -> dict[str, Any]:
    return {"kind": "sram", "keeps": list(keeps), "capacity_bytes": 1 << 16, "ports": "per_data_type", **more}


DRAM = {"kind": "dram", "bytes_per_cycle": "unlimited"}
PLACES: dict[str, dict[str, Any]] = {
    "all on chip": {"home": sram(*EVERYTHING)},
    "weights off chip": {
        "home": sram("input", "output"), "dram": {**DRAM, "keeps": "weight"}, "fifo": sram("weight", whole_tiles="weight"),
    },
    "outputs on chip": {"home": sram("output"), "dram": {**DRAM, "keeps": ["weight", "input"]}, "buffer": sram("weight", "input")},
    "all off chip": {"dram": {**DRAM, "keeps": EVERYTHING}, "buffer": sram(*EVERYTHING)},
}  # fmt: skip


@pytest.mark.parametrize("stationary", EVERYTHING)
@pytest.mark.parametrize("sizes", [(1, 10, 12), (2, 19, 6), (2, 11, 27), (9, 8, 8)])
def test_where_data_is_at_home_takes_no_time_where_nothing_limits(
    stationary: str, sizes: tuple[int, int, int], tmp_path: Path
) -> None:
    """Memories as fast as one likes: cycles are those of the array alone, in full and with repeats skipped."""
    network = tmp_path / "one.yaml"
    n, k, m = sizes
    network.write_text(f"name: one\nlayers:\n  - {{name: A, matmul: {{rows: {n}, K: {k}, M: {m}}}}}\n", encoding="utf-8")
    found = {
        (place, quick): simulator.simulate(machine(memories, stationary), network, fast_forward=quick).layers["A"]
        for place, memories in PLACES.items()
        for quick in (True, False)
    }
    assert len({layer.cycles for layer in found.values()}) == 1
    assert len({str(layer.pe_cycles) for layer in found.values()}) == 1
