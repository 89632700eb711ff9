"""A run made by hand: two layers on four PEs, every number chosen here."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.names import PE_CYCLE_NAMES
from simulator.report.result import LayerResult, Layers, NotSimulated, Run
from simulator.spec.architecture import Architecture

MACHINE = {
    "name": "tiny",
    "clock_mhz": 100,
    "word_bits": {"weight": 16, "input": 16, "output": 32},
    "memories": {
        "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": 8},
        "glb": {"kind": "sram", "keeps": ["weight", "input", "output"], "capacity_bytes": 4096},
    },
    "networks": {
        "weight_in": {
            "kind": "unicast_bus",
            "carries": "weight",
            "from": "glb",
            "to": "array",
            "words_per_cycle": 1,
        },
        "input_in": {
            "kind": "multicast_bus",
            "carries": "input",
            "from": "glb",
            "to": "array",
            "words_per_cycle": "1/2",
        },
        "psum_in": {
            "kind": "unicast_bus",
            "carries": "output",
            "from": "glb",
            "to": "array",
            "words_per_cycle": 1,
        },
        "psum_out": {
            "kind": "unicast_bus",
            "carries": "output",
            "from": "array",
            "to": "glb",
            "words_per_cycle": 1,
        },
    },
    "array": {
        "kind": "spatial",
        "rows": 2,
        "columns": 2,
        "pe": {
            "pipeline_cycles": 1,
            "weight_words": 8,
            "input_words": 8,
            "psum_words": 8,
            "psum_in_fifo_words": 1,
            "psum_out_fifo_words": 1,
            "adder": "private",
        },
    },
    "dataflow": "weight_stationary",
    "provenance": {
        "clock_mhz": {"source": "made up"},
        "memories.dram.bytes_per_cycle": {"assumed": "round number"},
    },
}


def measured(
    cycles: int, pe_cycles: dict[str, int], causes: dict[str, dict[str, int]], **changes: object
) -> dict[str, object]:
    """Counts as the engine gives them, for four PEs."""
    assert sum(pe_cycles.values()) == 4 * cycles
    return {
        "cycles": cycles,
        "macs": pe_cycles["mac"],
        "pes": 4,
        "active_pes": 4,
        "mean_active_pes": 3.5,
        "pe_cycles": pe_cycles,
        "stall_causes": causes,
        "words": {"glb": {"input": {"array_read": 30, "array_write": 0, "outer_read": 0, "outer_write": 10}}},
        "words_created": {"input_in": {"padding": 5}},
        "ports": {"glb.read": {"words": 30, "busy_cycles": Fraction(15, 2), "limit_words_per_cycle": "4"}},
        "bytes_dram": 200,
        "bytes_glb": 60,
        "actions": {"mac": {"all": {"compute": pe_cycles["mac"]}}},
        "windows": {"glb": {"occupancy_bits": [1, 2, 3]}},
        "passes": 2,
        "passes_simulated": 1,
        "passes_skipped": 1,
        "steps": 4,
        **changes,
    }


def layer(name: str, counts: dict[str, object], pj: float) -> LayerResult:
    """A result whose energy is all MACs."""
    return LayerResult.from_measured(name, counts, {"mac": {"all": {"compute": pj}}}, clock_mhz=100)


@pytest.fixture
def machine() -> Architecture:
    return Architecture.model_validate(MACHINE)


@pytest.fixture
def run(machine: Architecture) -> Run:
    first = measured(
        100, {"mac": 100, "stall_input": 200, "between": 100}, {"stall_input": {"input_in": 150, "dram": 50}}
    )
    second = measured(300, {"mac": 1000, "unmapped": 200}, {}, active_pes=3, bytes_dram=100)
    mapping = Mapping(
        "weight_stationary", {"dram": (Loop("M", 4),), "glb": ()}, rows=(Loop("C", 2),), pe=(Loop("M", 2),)
    )
    return Run(
        architecture=machine,
        workload="net",
        batch=2,
        clock_mhz=100.0,
        layers=Layers((layer("CONV1-1", first, 2e6), layer("FC", second, 1e6))),
        not_simulated=(NotSimulated("POOL", "pool", 50, 10, 140),),
        mappings={"CONV1-1": mapping, "FC": mapping},
        energy_table="table_x",
        notes=("n was clipped",),
        provenance={"version": "0.1.0", "inputs": {"tiny": "abc"}},
    )


def pe_cycles(cycles: int, macs: list[list[int]]) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """PE-cycles by name of PEs that do so many MACs and wait for inputs for the rest of the time."""
    out = np.zeros((len(macs), len(macs[0]), len(PE_CYCLE_NAMES)), np.int64)
    out[:, :, PE_CYCLE_NAMES.index("mac")] = macs
    out[:, :, PE_CYCLE_NAMES.index("stall_input")] = cycles - out.sum(axis=2)
    return out


WINDOWS = {
    "width_cycles": np.array(30),
    "words.weight": np.array([30, 0, 15, 0]),
    "words.input": np.array([15, 15, 0, 5]),
    "words.psum_in": np.array([0, 0, 0, 0]),
    "words.psum_out": np.array([0, 30, 30, 10]),
    "units.dram.link": np.array([240, 120, 0, 40]),
    "units.glb.outer_write": np.array([60, 0, 0, 0]),
    "tiles.glb.weight": np.array([1, 1, 1, 0]),
    "tiles.glb.input": np.array([1, 2, 2, 0]),
    "tiles.glb.output": np.array([0, 1, 1, 0]),
    "macs": np.array([60, 30, 0, 10]),
    "tile_bytes.glb.weight": np.array(512.0),
    "tile_bytes.glb.input": np.array(1024.0),
    "tile_bytes.glb.output": np.array(256.0),
    "pe_cycles": pe_cycles(100, [[50, 20], [30, 0]]),
}
"""Series of a layer of 100 cycles on two by two PEs; the last window is 10 cycles long."""

PORTS = {
    "glb.read": {"unit": "words", "words": 80, "busy_cycles": 20.0, "limit_per_cycle": "unlimited"},
    "glb.write": {"unit": "words", "words": 70, "busy_cycles": 0.0, "limit_per_cycle": "unlimited"},
    "weight_in": {"unit": "words", "words": 45, "busy_cycles": 45.0, "limit_per_cycle": 1.0},
    "input_in": {"unit": "words", "words": 35, "busy_cycles": 70.0, "limit_per_cycle": 0.5},
    "psum_in": {"unit": "words", "words": 0, "busy_cycles": 0.0, "limit_per_cycle": 1.0},
    "psum_out": {"unit": "words", "words": 70, "busy_cycles": 70.0, "limit_per_cycle": 1.0},
    "dram.link": {"unit": "bytes", "words": 400, "busy_cycles": 50.0, "limit_per_cycle": 8},
    "glb.outer_write": {"unit": "words", "words": 60, "busy_cycles": 0.0, "limit_per_cycle": "unlimited"},
}


@pytest.fixture
def timed(run: Run) -> Run:
    """The run with series over time in its first layer, and its second on the vector unit."""
    first = replace(run.layers["CONV1-1"], windows=dict(WINDOWS), ports=PORTS, macs=100)
    idle = dict.fromkeys(PE_CYCLE_NAMES, 0) | {"between": 4 * 300}
    second = replace(run.layers["FC"], name="RELU", macs=0, utilization=0.0, windows={}, ports={}, pe_cycles=idle)
    return replace(run, layers=Layers((first, second)))


@pytest.fixture
def fifty(timed: Run) -> Run:
    """Fifty layers, some with names that a file name cannot have, or that are very long."""
    odd = ["a b", "a+b", "a?b", "<b>&amp;", "x" * 200]
    names = odd + [f"CONV{i}" for i in range(len(odd), 50)]
    return replace(timed, layers=Layers(tuple(replace(timed.layers["CONV1-1"], name=name) for name in names)))
