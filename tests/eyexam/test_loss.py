"""Where the MACs per cycle below a mapping's occupancy went, on accounts made by hand."""

from fractions import Fraction

import pytest

from simulator.eyexam.loss import beyond, losses

NAMES = ("accumulate", "stall_weight", "stall_input", "stall_psum_in", "stall_output", "fill_drain", "imbalance", "unmapped", "between")


def account(**some: int) -> dict[str, int]:
    return dict.fromkeys(("mac", *NAMES), 0) | some


def test_losses_are_the_peak_less_what_was_measured() -> None:
    """4 PEs with 2 MACs each, 10 cycles, 31 MACs: 16 PE-cycles of MACs leave one slot unused."""
    cycles = account(mac=16, stall_weight=9, stall_input=5, unmapped=10)
    causes = {"stall_weight": {"dram": 7, "bus": 2}, "stall_input": {"array": 5}, "stall_psum_in": {}, "stall_output": {}}
    lost = losses(cycles, causes, macs=31, cycles=10, macs_per_cycle=2)
    assert lost == {
        "idle_slots": Fraction(1, 10),
        "stall_weight: bus": Fraction(4, 10),
        "stall_weight: dram": Fraction(14, 10),
        "stall_input: array": Fraction(10, 10),
        "unmapped": Fraction(20, 10),
    }
    assert sum(lost.values()) == 8 - Fraction(31, 10)


@pytest.mark.parametrize(
    ("own", "left"),
    [
        (0, {"unmapped": 3, "imbalance": 2, "stall_input: array": 1, "stall_input: dram": 4, "accumulate": 1}),
        (2, {"unmapped": 1, "imbalance": 2, "stall_input: array": 1, "stall_input: dram": 4, "accumulate": 1}),
        (4, {"imbalance": 1, "stall_input: array": 1, "stall_input: dram": 4, "accumulate": 1}),
        (6, {"stall_input: dram": 4, "accumulate": 1}),
        (10, {"accumulate": 1}),
        (11, {}),
    ],
)  # fmt: skip
def test_the_mappings_own_part_is_taken_off_what_mappings_cause_first(own: int, left: dict[str, int]) -> None:
    lost = {"stall_input: dram": 4, "stall_input: array": 1, "accumulate": 1, "imbalance": 2, "unmapped": 3}
    assert beyond({name: Fraction(n) for name, n in lost.items()}, Fraction(own)) == left
