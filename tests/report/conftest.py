"""A run made by hand: two layers on four PEs, every number chosen here."""

from fractions import Fraction

import pytest

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
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
