"""Stories of one or two PEs, worked out by hand: what the brute-force model itself must say, and the engine with it."""

from typing import Any

import pytest

from .stories import FREE, Tree, causes, layer, machine, names, told


def test_one_mac_takes_one_cycle() -> None:
    out = told(machine(), layer())
    assert (out["cycles"], names(out)) == (1, {"mac": 1})


def test_words_come_one_after_another_over_the_link() -> None:
    """A byte a cycle: the weight until 2, the input until 4, the MAC until 5, the output home until 7."""
    out = told(machine(memories__dram__bytes_per_cycle=1), layer())
    assert out["cycles"] == 7
    assert names(out) == {"between": 2 + 2, "stall_input": 2, "mac": 1}
    assert causes(out) == {"stall_input": {"dram": 2}}
    assert out["ports"]["dram.link"]["by_stream"] == {"weight": 2, "input": 2, "psum_out": 2}


def test_the_declared_priority_decides_who_goes_first() -> None:
    """Both are ready at 0: by priority the input crosses until 2 and the PE waits for its weight until 4."""
    out = told(machine(memories__dram__bytes_per_cycle=1, memories__dram__arbitration="priority", memories__dram__priority=["input"]), layer())
    assert out["cycles"] == 7
    assert causes(out) == {"stall_weight": {"dram": 2}}


def test_a_fraction_of_a_cycle_is_not_lost() -> None:
    """Words of 3/2 cycles: the first is there at ceil(1.5) = 2, the second at 3, so the MACs run without a gap."""
    out = told(machine(networks__weight_in__words_per_cycle="2/3"), layer(C=2), steps=["C 2"])
    assert out["cycles"] == 4
    assert causes(out) == {"stall_weight": {"weight_in": 2}}


def test_a_word_waits_for_its_place() -> None:
    """One place for weights: the second word starts when the first MAC ends at 2, and is there at 3."""
    small = machine(networks__weight_in__words_per_cycle=1, array__pe__weight_words=1)
    out = told(small, layer(C=2), steps=["C 2"])
    assert out["cycles"] == 4
    assert names(out) == {"stall_weight": 1 + 1, "mac": 2}


def test_a_transaction_crosses_in_parts() -> None:
    """Three places, two words a step, MACs in 1-3: one of the second step's words comes at 3, the other, after the first step's end, at 4.

    So the second step runs in 3-5 without a wait: its second MAC needs the second word from 4 on.
    """
    small = machine(networks__weight_in__words_per_cycle=1, array__pe__weight_words=3)
    out = told(small, layer(C=4), steps=["C 2"], pe=["C 2"])
    assert (out["cycles"], names(out)) == (5, {"mac": 4, "stall_weight": 1})
    assert causes(out) == {"stall_weight": {"weight_in": 1}}


@pytest.mark.parametrize(("kind", "cycles"), [("multicast_bus", 2), ("unicast_bus", 3)])
def test_two_pes_share_an_input(kind: str, cycles: int) -> None:
    """At a word a cycle the shared input crosses once, or the second PE's copy comes a cycle later."""
    wide = machine(array__columns=2, networks__input_in__words_per_cycle=1, networks__input_in__kind=kind)
    out = told(wide, layer(M=2), columns=["M 2"])
    assert out["cycles"] == cycles
    assert out["words"]["ins"]["input"]["array_read"] == cycles - 1


@pytest.mark.parametrize(
    ("adder", "cycles", "expected"),
    [
        ("private", 2, {"mac": 2, "imbalance": 2}),  # both MACs until 1, the lower psum is above at 2
        ("shared", 3, {"mac": 2, "stall_psum_in": 1, "accumulate": 1, "imbalance": 2}),  # and is added until 3
    ],
)
def test_two_pes_sum_one_output(adder: str, cycles: int, expected: dict[str, int]) -> None:
    out = told(machine(array__rows=2, array__pe__adder=adder), layer(C=2), rows=["C 2"])
    assert (out["cycles"], names(out)) == (cycles, expected)


def test_the_first_step_of_a_psum_tile_decides_its_chain() -> None:
    """C 0 and 1 in two rows, then C 2 in the upper one alone: the lower PE's psum of the first step still goes up."""
    out = told(machine(array__rows=2), layer(C=3), rows=["C 2"], steps=["C 2"])
    assert (out["cycles"], names(out)) == (2, {"mac": 3, "imbalance": 1})
    assert out["actions"]["links"]["output"] == {"hop": 1}


def test_a_pass_barrier_holds_the_faster_pe_back() -> None:
    """Three outputs over two columns, twice: two MACs and one in every pass, so the second column waits twice."""
    two = {"dram": ["Q 2"]}
    out = told(machine(array__columns=2, array__pass_barrier=True), layer(M=3, Q=2), two, columns=["M 2"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (4, {"mac": 6, "imbalance": 2})


def test_the_next_tile_is_fetched_when_the_last_one_has_left() -> None:
    """Room for one weight: w0 0-2, the input 2-4, w1 (asked for at 2) 4-6, the outputs at 6-8 and 8-10."""
    out = told(machine(memories__dram__bytes_per_cycle=1, memories__weights__capacity_bytes=2), layer(M=2), {"dram": ["M 2"]})
    assert out["cycles"] == 10
    assert names(out) == {"between": 2 + 3, "stall_input": 2, "mac": 2, "stall_weight": 1}
    assert causes(out) == {"stall_input": {"dram": 2}, "stall_weight": {"dram": 1}}


def test_partial_sums_go_home_and_come_back() -> None:
    """Latency 3: m0 leaves at 4, is home at 7, back at 10; m1, home at 8, is asked for when m0 is back, at 13 there, at 16 home again."""
    out = told(machine(memories__dram__latency_cycles=3), layer(M=2, C=2), {"dram": ["C 2", "M 2"]})
    assert out["cycles"] == 16
    assert out["words"]["dram"]["output"] == {"array_read": 2, "array_write": 4, "outer_read": 0, "outer_write": 0}


@pytest.mark.parametrize(
    ("loops", "cycles_per_word", "wait"),
    [
        (["S 3", "M 2"], 3, 5),  # there at 3, 6, 9, needed in working cycles 0, 2, 4: late by 3, 4, 5
        (["S 3", "M 2"], 2, 2),  # there at 2, 4, 6: late by 2, 2, 2
        (["S 3", "M 2"], 1, 1),  # there at 1, 2, 3: late by 1, 0, -1
        (["M 2", "S 3"], 3, 7),  # there at 3, 6, 9, needed in 0, 1, 2: late by 3, 5, 7
    ],
)
def test_a_window_is_used_while_it_comes(loops: list[str], cycles_per_word: int, wait: int) -> None:
    """Three inputs, each for two MACs: the step ends its wait and six working cycles after its begin at 0."""
    out = told(machine(networks__input_in__words_per_cycle=f"1/{cycles_per_word}"), layer(M=2, S=3), pe=loops)
    assert (out["cycles"], names(out)) == (wait + 6, {"stall_input": wait, "mac": 6})
    assert causes(out) == {"stall_input": {"input_in": wait}}


def test_the_wait_is_told_as_if_it_were_right_before_the_word_that_came_latest_for_its_mac() -> None:
    """Over the link the weight until 2 and three inputs until 8; they are there at 11, 14, 17, needed in 0, 1, 2.

    The last one holds the step up most (15, 13 more than the 2 at which the PE is ready), so the wait is that before 17:
    [4, 8) on the link and [8, 17) on the bus. The step ends at 18, six bytes of outputs are home at 24.
    """
    slow = machine(memories__dram__bytes_per_cycle=1, networks__input_in__words_per_cycle="1/3")
    out = told(slow, layer(Q=3), pe=["Q 3"])
    assert (out["cycles"], names(out)) == (24, {"between": 2 + 6, "stall_input": 13, "mac": 3})
    assert causes(out) == {"stall_input": {"dram": 4, "input_in": 9}}


@pytest.mark.parametrize(
    ("weights", "inputs", "cycles", "expected"),
    [
        (("1/2", 0), ("1/2", 0), 3 + 4, {"stall_weight": {"weight_in": 4}}),  # both late by 2, 3, 4: the weight
        (("1/2", 0), ("1/2", 1), 3 + 5, {"stall_input": {"input_in": 5}}),  # inputs late by 3, 4, 5
        (("1/2", 0), (FREE, 5), 3 + 5, {"stall_input": {"input_in": 5}}),  # inputs late by 5, 4, 3; the last weight comes after them
        (("1/2", 1), (FREE, 5), 3 + 5, {"stall_weight": {"weight_in": 5}}),  # 3, 4, 5 and 5, 4, 3: the weight
    ],
)
def test_the_operand_that_holds_up_most_has_the_wait(
    weights: tuple[str, int], inputs: tuple[str, int], cycles: int, expected: Tree
) -> None:
    """Three weights and three inputs, one of each a MAC; rate and latency of the two buses differ."""
    changes = {
        f"networks__{bus}__{key}": value
        for bus, told_of_it in (("weight_in", weights), ("input_in", inputs))
        for key, value in zip(("words_per_cycle", "latency_cycles"), told_of_it, strict=True)
    }
    out = told(machine(**changes), layer(C=3), pe=["C 3"])
    assert (out["cycles"], causes(out)) == (cycles, expected)


def test_a_weight_that_is_used_late_may_come_late() -> None:
    """Weights at 4 and 8 for working cycles 0-3 and 4-7; they are late by 4 and 4, though inputs come at 1 to 8, one a cycle."""
    slow = machine(networks__weight_in__words_per_cycle="1/4", networks__input_in__words_per_cycle=1)
    out = told(slow, layer(C=2, P=4), pe=["C 2", "P 4"])
    assert (out["cycles"], names(out)) == (4 + 8, {"stall_weight": 4, "mac": 8})


def test_the_second_part_of_a_delivery_comes_when_it_is_needed() -> None:
    """Three places, two weights a step of six MACs, five cycles of latency: the first three come at 6, 7, 8 (needed in 0 and 3).

    The first step waits 6 and ends at 12. Only then the fourth weight has room; it is there at 18, three cycles late
    for the fourth MAC of the second step, which has had its third weight since 8.
    """
    small = machine(networks__weight_in__words_per_cycle=1, networks__weight_in__latency_cycles=5, array__pe__weight_words=3)
    out = told(small, layer(C=4, P=3), steps=["C 2"], pe=["C 2", "P 3"])
    assert (out["cycles"], names(out)) == (12 + 3 + 6, {"stall_weight": 6 + 3, "mac": 12})
    assert causes(out) == {"stall_weight": {"weight_in": 9}}


@pytest.mark.parametrize(
    ("rate", "wait"),
    [
        ("1/2", 8),  # there at 2, 4, 6, 8, 10, needed in working cycles 0, 0, 1, 1, 2: late by 2, 4, 5, 7, 8
        (2, 1),  # there at 1, 1, 2, 2, 3: late by 1
        (1, 3),  # there at 1 to 5: late by 1, 2, 2, 3, 3
    ],
)
def test_a_pe_of_two_macs_a_cycle_needs_two_inputs_a_cycle(rate: Any, wait: int) -> None:
    wide = machine(array__pe__macs_per_cycle=2, networks__input_in__words_per_cycle=rate)
    out = told(wide, layer(C=5), pe=["C 5"])
    assert (out["cycles"], names(out)) == (wait + 3, {"stall_input": wait, "mac": 3})


def test_pes_with_blocks_of_different_size_wait_for_their_own_words() -> None:
    """Three weights for two PEs, every PE's first, then the second: at 2 and 6 (needed in 0 and 1), and at 4 for the other PE."""
    wide = machine(array__columns=2, networks__weight_in__words_per_cycle="1/2")
    out = told(wide, layer(M=3), columns=["M 2"], pe=["M 2"])
    assert (out["cycles"], names(out)) == (5 + 2, {"stall_weight": 5 + 4, "mac": 3, "imbalance": 2})


def test_a_shared_word_is_there_with_the_first_copy() -> None:
    """Windows of two columns, one column apart: every PE's first column (0 at 2, 1 at 4), then the second that is missing (2 at 6).

    Column 1 is there for both at 4. So the words are late by 2 and 3 in one PE, by 4 and 5 in the other.
    """
    wide = machine(array__columns=2, networks__input_in__words_per_cycle="1/2")
    out = told(wide, layer(Q=2, S=2), columns=["Q 2"], pe=["S 2"])
    assert (out["cycles"], names(out)) == (5 + 2, {"stall_input": 3 + 5, "mac": 4, "imbalance": 2})


def test_a_column_dies_as_if_all_the_waiting_had_come_before_the_first_mac() -> None:
    """Room for a window of two columns, two MACs each, words of four cycles and three more on the way.

    The columns are there at 7 and 11, needed in 0 and 2: late by 7 and 9, so the step ends at 13. Its first column is dead
    after half of its working cycles, 9-13, at 11: the third column starts then and is there at 18, needed in 2: 3 late.
    """
    bus = {"networks__input_in__words_per_cycle": "1/4", "networks__input_in__latency_cycles": 3}
    out = told(machine(array__pe__input_words=2, **bus), layer(M=2, Q=2, S=2), steps=["Q 2"], pe=["S 2", "M 2"])
    assert (out["cycles"], names(out)) == (13 + 3 + 4, {"stall_input": 9 + 3, "mac": 8})


def test_a_buffer_takes_its_tile_in_the_parts_in_which_it_is_used() -> None:
    """A byte a cycle, in order of asking: w0 until 2, i0 until 4, w1 until 6, i1 until 8; MACs in 4-5 and 8-9, home at 11."""
    out = told(machine(memories__dram__bytes_per_cycle=1), layer(C=2), {"weights": ["C 2"]})
    assert (out["cycles"], names(out)) == (11, {"between": 2 + 2, "stall_input": 2 + 3, "mac": 2})


def test_a_single_buffered_tile_comes_whole() -> None:
    """As before, but both weights until 4, then i0 until 6 and i1 until 8: MACs in 6-7 and 8-9, home at 11."""
    once = machine(memories__dram__bytes_per_cycle=1, memories__weights__single_buffered=["weight"])
    out = told(once, layer(C=2), {"weights": ["C 2"]})
    assert (out["cycles"], names(out)) == (11, {"between": 4 + 2, "stall_input": 2 + 1, "mac": 2})


def test_a_single_buffered_tile_is_followed_when_it_has_left() -> None:
    """Room for many weights, yet one at a time: as where only one fits, w1 is asked for when w0 has reached the PE at 2."""
    once = machine(memories__dram__bytes_per_cycle=1, memories__weights__single_buffered=["weight"])
    out = told(once, layer(M=2), {"dram": ["M 2"]})
    assert (out["cycles"], names(out)) == (10, {"between": 2 + 3, "stall_input": 2, "mac": 2, "stall_weight": 1})


def test_a_dead_column_gives_room_when_the_end_of_its_step_is_known() -> None:
    """Filters of three columns over windows of 3 x 4, twice; weights and psums share a port of two cycles a word, psums first.

    Inputs take 18 cycles, so the first step is 18-30. Its psums cross in 30-38, before the next step's third weight, which
    has had no room until 30: it starts at 38 and is there at 40, needed in 8: the second step waits 2 and ends at 44. Its
    first column counts as dead at 44 - 12 + 4 = 36, but who could know before 38? The next column starts at 38, is there
    at 56, needed in 8: the third step waits 4, from 44 on, and ends at 60. The last one waits for its third weight
    as the second did (60-68 psums, 68-70 the weight, needed in 8) and ends at 74; its psums are out at 82.
    """
    sizes = {"array__pe__weight_words": 5, "array__pe__input_words": 12}
    story = machine(networks__input_in__latency_cycles=18, **sizes)
    memories, wires = story["memories"], story["networks"]
    del memories["weights"], memories["outs"]
    rates = dict.fromkeys(("read_words_per_cycle", "write_words_per_cycle"), "1/2")
    order = {"arbitration": "priority", "priority": ["psum_out"]}
    memories["glb"] = {"kind": "sram", "keeps": ["weight", "output"], "capacity_bytes": 128, "ports": "one", **rates, **order}
    wires["weight_in"]["from"] = wires["psum_in"]["from"] = wires["psum_out"]["to"] = "glb"
    out = told(story, layer(S=3, P=4, Q=2, M=2), steps=["Q 2", "M 2"], pe=["S 3", "P 4"])
    assert (out["cycles"], names(out)) == (82, {"mac": 48, "stall_input": 18 + 4, "stall_weight": 2 + 2, "imbalance": 8})
    assert causes(out) == {"stall_input": {"input_in": 22}, "stall_weight": {"glb": 4}}
