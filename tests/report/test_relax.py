"""Names that a run may relax."""

from fractions import Fraction
from pathlib import Path

import pytest

import simulator
from simulator.energy.price import energy_parts
from simulator.errors import InputError
from simulator.report.tables import buffers
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture
from simulator.spec.relax import check_relax, declared_rates, relaxable


def test_memories_their_ports_and_networks_can_be_relaxed(machine: Architecture) -> None:
    names = relaxable(machine)
    assert {
        "dram",
        "dram.link",
        "glb",
        "glb.read",
        "glb.write",
        "glb.outer_read",
        "psum_in",
        "input_in",
    } <= set(names)
    assert len(names) == len(set(names))
    assert check_relax(machine, ["dram", "glb.read"]) == {"dram", "glb.read"}


def test_unknown_names_are_all_refused_with_near_ones(machine: Architecture) -> None:
    with pytest.raises(InputError) as caught:
        check_relax(machine, ["psumin", "glb", "drram"])
    first, second = caught.value.problems
    assert ("drram" in first.value, "dram" in first.expected) == (True, True)
    assert ("psumin" in second.value, "psum_in" in second.expected) == (True, True)


def test_rates_of_ports_that_move_something(machine: Architecture) -> None:
    """A link at half the clock moves 8 bytes every other cycle; nothing writes weights from the array side."""
    rates = declared_rates(machine.replace(memories__glb__read_words_per_cycle=3, memories__dram__clock_mhz=50))
    assert rates["dram.link"] == 4
    assert (rates["glb.read"], rates["glb.write"], rates["input_in"]) == (3, "unlimited", Fraction(1, 2))
    assert set(rates) == {
        "dram.link", "glb.read", "glb.write", "glb.outer_read", "glb.outer_write",
        "weight_in", "input_in", "psum_in", "psum_out",
    }  # fmt: skip
    owned = machine.replace(memories__glb__ports="per_data_type")
    assert {name for name in declared_rates(owned) if name.startswith("glb.")} == {
        "glb.weight_read", "glb.input_read", "glb.output_read", "glb.output_write", "glb.outer_read", "glb.outer_write",
    }  # fmt: skip
    assert set(declared_rates(owned)) <= set(relaxable(owned))


def test_nothing_lies_outside_the_home_of_a_data_type() -> None:
    """Inputs and outputs of the TPU are at home on chip, weights in a DRAM of their own at 34 GB/s and 700 MHz."""
    tpu = load_architecture("tpu_v1")
    names, rates = relaxable(tpu), declared_rates(tpu)
    assert [name for name in names if name.startswith("weight_dram")] == ["weight_dram", "weight_dram.link"]
    assert not [name for name in names if name.startswith("unified_buffer.outer")]
    assert rates["weight_dram.link"] == Fraction(340, 7)
    assert set(rates) == {
        "unified_buffer.input_read", "unified_buffer.output_read", "unified_buffer.output_write", "weight_dram.link",
        "weight_fifo.read", "weight_fifo.outer_write",
        "accumulators.output_read", "accumulators.output_write", "accumulators.outer_read", "accumulators.outer_write",
    }  # fmt: skip


def test_a_relaxed_memory_says_its_own_unit(tmp_path: Path) -> None:
    network = tmp_path / "one.yaml"
    network.write_text("name: one\nlayers:\n  - {name: A, fc: {C: 40, M: 40}}\n", encoding="utf-8")
    limits = {row.resource.name: row.resource.limit for row in simulator.whatif("tpu_v1", network).relaxed}
    assert limits["weight_dram"] == "48.57 bytes/cycle"
    assert limits["unified_buffer"] == "256 words/cycle"
    run = simulator.simulate("tpu_v1", network)
    told = energy_parts(run.total.energy, run.architecture)
    assert told["DRAM"] == sum(run.total.energy["weight_dram"]["weight"].values())
    assert buffers(run) == ["unified_buffer", "weight_fifo", "accumulators"]
