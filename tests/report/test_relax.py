"""Names that a run may relax."""

from fractions import Fraction

import pytest

from simulator.errors import InputError
from simulator.spec.architecture import Architecture
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
