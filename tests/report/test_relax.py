"""Names that a run may relax."""

import pytest

from simulator.errors import InputError
from simulator.spec.architecture import Architecture
from simulator.spec.relax import check_relax, relaxable


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
