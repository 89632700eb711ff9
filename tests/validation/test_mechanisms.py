"""The mechanisms of Eyeriss v1 one by one: each is at work in the shipped file, and missed where it is taken away.

Every story is a layer so small that its cycles follow on paper from the published parameters. Times are counted
from the end of the configuration. Unless a story says otherwise, buffers are filled in no time. The n-th word on a bus
that carries w words per cycle from t on is in its PEs at ceil(t + n / w) + 1; buses serve every PE's first word, then
every second, and so on. A PE issues a step's MACs one by one, and waits before the first whose word is not there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from story import FILLED, Out, Story

from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture

SHIPPED = load_architecture("eyeriss_v1")
ROWS, COLUMNS = 12, 14
PES = ROWS * COLUMNS
SCAN_CHAIN_BITS = 1794
LATENCY = 1
PIPELINE = 3
FOUR = 4
"""Words per cycle of the 64-bit buses."""
FREE = "unlimited"


@dataclass(frozen=True)
class Mechanism:
    """``without`` takes it out of the shipped machine, where ``story`` then takes ``then`` ("fewer", "more") cycles."""

    name: str
    story: Story
    check: Callable[[Out], None]
    without: dict[str, Any]
    then: str


MECHANISMS: list[Mechanism] = []


def mechanism(name: str, story: Story, then: str, **without: Any) -> Callable[[Callable[[Out], None]], Callable[[Out], None]]:
    """Register what must hold of ``story`` because of a mechanism."""

    def register(check: Callable[[Out], None]) -> Callable[[Out], None]:
        MECHANISMS.append(Mechanism(name, story, check, without, then))
        return check

    return register


ONE_MAC = Story()


@mechanism("configuration through the scan chain", ONE_MAC, "fewer", configuration=None)
def _(out: Out) -> None:
    """With DRAM relaxed, the first word enters the array as soon as the last bit is in."""
    assert out["pe_cycles"]["between"] == PES * SCAN_CHAIN_BITS


@mechanism("pipeline depth", ONE_MAC, "fewer", array__pe__pipeline_cycles=1)
def _(out: Out) -> None:
    """Operands come, a MAC, the zero psum is added, the pipeline drains, the result goes over its bus."""
    added = (1 + LATENCY) + 1 + 1
    assert out["after_configuration"] == added + (PIPELINE - 1) + 1 + LATENCY
    assert out["pe_cycles"]["fill_drain"] == PIPELINE - 1


BUS_LATENCIES = {f"networks__{bus}__latency_cycles": 0 for bus in ("weight_in", "input_in", "psum_in", "psum_out")}


@mechanism("latency of the buses", ONE_MAC, "fewer", **BUS_LATENCIES)
def _(out: Out) -> None:
    assert out["pe_cycles"]["stall_weight"] + out["pe_cycles"]["stall_input"] == 1 + LATENCY


# 12 PEs of a column on different channels: weights are late. 16 filters and 12 channels in each.
COLUMN = Story(C=144, M=16, mapped={"p": 16, "q": 12, "r": 12})


@mechanism("weight bus of 4 words per cycle", COLUMN, "fewer", networks__weight_in__words_per_cycle=FREE,
           memories__weight_buffer__read_words_per_cycle=FREE)  # fmt: skip
def _(out: Out) -> None:
    """Word i of row k is number 12 i + k + 1, and MAC i uses it: the last word decides."""
    words = 16 * 12
    starts = [max(ceil(Fraction(ROWS * i + k + 1, FOUR)) + LATENCY - i for i in range(words)) for k in range(ROWS)]
    assert out["stall_causes"]["stall_weight"] == {"weight_in": sum(starts)}
    for port in ("weight_in", "weight_buffer.read"):
        assert out["ports"][port]["busy_cycles"] == ROWS * words / FOUR


# 14 PEs of a row, each with a window of 3 columns of 4 channels and a row of its own.
WINDOWS = Story(C=4, P=14, Q=3, S=3, mapped={"q": 4})


@mechanism("input bus of 1 word per cycle", WINDOWS, "fewer", networks__input_in__words_per_cycle=FREE)
def _(out: Out) -> None:
    """A window for every PE, then a column more for each of two steps."""
    words = COLUMNS * 4 * (3 + 1 + 1)
    port = out["ports"]["input_in"]
    assert (port["words"], port["busy_cycles"]) == (words, words)
    assert out["after_configuration"] > words


FIRST_WINDOW = Story(C=4, P=14, S=3, mapped={"q": 4})


@mechanism("window that is filled before the first output column", FIRST_WINDOW, "fewer",
           networks__input_in__words_per_cycle=FREE, memories__glb__read_words_per_cycle=FREE)  # fmt: skip
def _(out: Out) -> None:
    """Word i of column k is number 14 i + k + 1, and MAC i uses it; nothing computes before."""
    window = 3 * 4
    starts = [max(COLUMNS * i + k + 1 + LATENCY - i for i in range(window)) for k in range(COLUMNS)]
    assert out["stall_causes"]["stall_input"] == {"input_in": sum(starts)}


# All PEs on one channel and 12 filters: more psums than their buses carry.
PSUMS = {"M": 144, "P": 14, "Q": 3, "mapped": {"p": 12, "t": 12}}
STEP_WORDS = PES * 12
BOUND_BY_PSUM_IN = Story(**PSUMS, relax=(*FILLED, "psum_out", "glb.output_write"))
BOUND_BY_PSUM_OUT = Story(**PSUMS, relax=(*FILLED, "psum_in", "glb.output_read"))


@mechanism("psums into the array over 4 words per cycle", BOUND_BY_PSUM_IN, "fewer",
           networks__psum_in__words_per_cycle=FREE, memories__glb__read_words_per_cycle=FREE)  # fmt: skip
def _(out: Out) -> None:
    words = 3 * STEP_WORDS
    assert out["ports"]["psum_in"]["words"] == words
    assert out["ports"]["psum_in"]["busy_cycles"] == out["ports"]["glb.output_read"]["busy_cycles"] == words / FOUR
    assert out["after_configuration"] > words / FOUR
    assert out["stall_causes"]["stall_psum_in"]["psum_in"] > 0


@mechanism("psums out of the array over 4 words per cycle", BOUND_BY_PSUM_OUT, "fewer",
           networks__psum_out__words_per_cycle=FREE, memories__glb__write_words_per_cycle=FREE)  # fmt: skip
def _(out: Out) -> None:
    words = 3 * STEP_WORDS
    assert out["ports"]["psum_out"]["words"] == words
    assert out["ports"]["psum_out"]["busy_cycles"] == out["ports"]["glb.output_write"]["busy_cycles"] == words / FOUR
    assert out["after_configuration"] > words / FOUR


@mechanism("FIFO of incoming psums that holds more than one step", BOUND_BY_PSUM_IN, "more", array__pe__psum_in_fifo_words=12)
def _(out: Out) -> None:
    """12 words of the next step cross while the PEs add 12 of this one, so the bus is never idle."""
    last_word = 3 * STEP_WORDS // FOUR + LATENCY
    assert out["after_configuration"] <= last_word + 12 + (PIPELINE - 1) + LATENCY


@mechanism("FIFO of outgoing psums that holds more than one step", BOUND_BY_PSUM_OUT, "more", array__pe__psum_out_fifo_words=12)
def _(out: Out) -> None:
    """Results of the next step wait in the FIFO while those of this one leave, so the bus is never idle.

    12 rows have 12 weights each: the last row's last word decides when the first step's MACs start.
    """
    first_macs = max(ceil(Fraction(ROWS * i + ROWS, FOUR)) + LATENCY - i for i in range(12))
    first_results = first_macs + 12 + 12 + (PIPELINE - 1)
    assert out["pe_cycles"]["stall_output"] > 0  # those of a third step have no room
    assert out["after_configuration"] <= first_results + 3 * STEP_WORDS // FOUR + LATENCY


def test_incoming_psums_wait_in_a_fifo_of_the_size_that_is_told() -> None:
    """While windows of 12 words fill for 14 columns, as many steps' psums come as there is room for, 42 cycles each.

    Then the bus is late for good: a step's worth of room more is a step less to wait for.
    """
    story = Story(M=12, P=14, Q=8, S=12, mapped={"p": 1, "t": 12}, relax=(*FILLED, "psum_out", "glb.output_write"))
    step, window = PES // FOUR, COLUMNS * 12
    cycles = {fifo: story.run(SHIPPED.replace(array__pe__psum_in_fifo_words=fifo))["cycles"] for fifo in (2, 3, 4)}
    assert 4 * step <= window
    assert (cycles[2] - cycles[3], cycles[3] - cycles[4]) == (step, step)


# A chain of three PEs for 2 filters, 2 rows of 3 outputs; 2 passes over channels. Padding all around.
CHAINS = Story(C=2, M=2, P=2, Q=3, R=3, S=3, padding=1, mapped={"p": 2})
OUTPUTS, PASSES_OVER_C, CHAIN = 2 * 2 * 3, 2, 3


@mechanism("first psums that are read from the buffer as zeros", CHAINS, "fewer", array__initial_psums="zero")
def _(out: Out) -> None:
    assert out["words"]["glb"]["output"]["array_read"] == OUTPUTS * PASSES_OVER_C
    assert out["words"]["glb"]["output"]["array_write"] == OUTPUTS * PASSES_OVER_C
    assert out["words_created"]["glb"]["zero_psums"] == OUTPUTS


@mechanism("adder that incoming psums share with the MACs", CHAINS, "fewer", array__pe__adder="private")
def _(out: Out) -> None:
    """Every PE of a chain adds every psum once: the tail those of the buffer, the others their neighbour's."""
    assert out["pe_cycles"]["accumulate"] == CHAIN * OUTPUTS * PASSES_OVER_C


ROW = Story(M=16, P=14, S=12, mapped={"p": 16})


@mechanism("multicast of weights along a row", ROW, "more", networks__weight_in__kind="unicast_bus")
def _(out: Out) -> None:
    """Sixteen filters of one row of 12 taps cross once for all 14 PEs."""
    assert out["ports"]["weight_in"]["words"] == 16 * 12


@mechanism("multicast of inputs along diagonals", CHAINS, "more", networks__input_in__kind="unicast_bus")
def _(out: Out) -> None:
    """An input row crosses once for all PEs of a diagonal, with its padding words."""
    rows, columns, channels = 2 + 3 - 1, 3 + 3 - 1, 2
    padding = rows * columns - 2 * 3
    assert out["ports"]["input_in"]["words"] == rows * columns * channels
    assert out["words_created"]["glb"]["padding_input"] == padding * channels


ONE_CHAIN = Story(R=3)


@mechanism("links between the PEs of a column", ONE_CHAIN, "fewer", networks__psum_local__words_per_cycle=FREE)
def _(out: Out) -> None:
    """Inputs reach row k as word k + 1; then the sum goes up from row 2, a cycle per link and per addition."""
    macs_end = [k + 1 + LATENCY + 1 for k in range(3)]
    tail = macs_end[2] + 1
    middle = tail + 1 + 1
    top = middle + 1 + 1
    assert out["stall_causes"]["stall_psum_in"] == {"array": (middle - 1 - macs_end[1]) + (top - 1 - macs_end[0])}
    assert out["actions"]["psum_local"]["output"]["hop"] == 2
    assert out["after_configuration"] == top + (PIPELINE - 1) + 1 + LATENCY


# 14 PEs of a row, 12 channels each: windows come one after another, so PE k starts k cycles after PE 0.
LATE = [max(COLUMNS * i + k + 1 + LATENCY - i for i in range(12)) for k in range(COLUMNS)]
FREE_AGAIN = [start + 12 + 1 for start in LATE]
"""When each PE is through with the first pass: 12 MACs and the psum."""
LAST_MACS_END = LATE[-1] + 12
FOUR_STEPS = Story(C=12, M=2, P=14, Q=2, mapped={"q": 12})
TWO_FILTER_PASSES = Story(C=12, M=2, P=14, mapped={"q": 12})


@mechanism("inputs that cross early as far as there is room", FOUR_STEPS, "more", array__pe__input_fifo_words=0)
def _(out: Out) -> None:
    """Two passes of two steps, with 168 words of new windows each, and 12 MACs and a psum to do.

    The scratchpad is full, but the FIFO takes 4 words more for every PE. So the bus goes on without a pause.
    """
    words = COLUMNS * 12
    assert words < LAST_MACS_END < words + COLUMNS * 4
    assert out["pe_cycles"]["stall_input"] == sum(LATE) + 3 * COLUMNS * (words - 12 - 1)


def weights_wait(early: int) -> int:
    """PE-cycles that the second pass waits for weights of which ``early`` words crossed before there was other room.

    The rest crosses when the last PE has done its MACs: a word goes to all PEs of the row at once.
    """
    start = LAST_MACS_END + 1 + LATENCY - early
    return sum(max(0, start - free) for free in FREE_AGAIN) if early < 12 else 0


def cut(machine: Architecture) -> Architecture:
    """With scratchpads of 12 weights, just what the story's passes need."""
    return machine.replace(array__pe__weight_words=12)


def test_weights_of_the_next_pass_cross_early_as_far_as_there_is_room() -> None:
    """In the scratchpad of 224 words all of them, else those that the FIFO takes; all PEs of a row wait for the last."""
    assert TWO_FILTER_PASSES.run(SHIPPED)["pe_cycles"]["stall_weight"] == weights_wait(early=12) == 0
    for fifo in (4, 3, 2, 1, 0):
        machine = cut(SHIPPED) if fifo == 4 else cut(SHIPPED).replace(array__pe__weight_fifo_words=fifo)
        out = TWO_FILTER_PASSES.run(machine)
        assert out["pe_cycles"]["stall_weight"] == weights_wait(fifo) > 0, f"FIFO of {fifo} weights"


@mechanism("weights of the next pass that cross early as far as there is room", TWO_FILTER_PASSES, "more",
           array__pe__weight_words=12, array__pe__weight_fifo_words=0)  # fmt: skip
def _(out: Out) -> None:
    assert out["pe_cycles"]["stall_weight"] == weights_wait(early=12) == 0


def test_a_multicast_word_waits_for_all_its_destinations() -> None:
    """The first PE's room does not help before the last PE has some: until then the cause is the array."""
    out = TWO_FILTER_PASSES.run(cut(SHIPPED).replace(array__pe__weight_fifo_words=0))
    in_array = sum(max(0, LAST_MACS_END - free) for free in FREE_AGAIN)
    assert out["stall_causes"]["stall_weight"] == {"array": in_array, "weight_in": weights_wait(early=0) - in_array}


# Two tiles of weights, 12 PEs x 14 filters x 12 channels, fit the two banks, one tile a single bank.
PREFETCHED = Story(C=288, M=14, mapped={"p": 14, "q": 12, "r": 12}, relax=("dram",))


@mechanism("prefetch buffer with two banks of weights", PREFETCHED, "more", memories__weight_buffer__banks=1)
def _(out: Out) -> None:
    """The second pass's weights enter the buffer while the first pass's leave it for the array."""
    tile = ROWS * 14 * 12
    crossed = tile // FOUR + 2 * tile // FOUR
    assert out["ports"]["weight_in"]["busy_cycles"] == 2 * tile / FOUR
    wait_after_last_word = 14 * 12
    assert out["after_configuration"] < crossed + wait_after_last_word


# 2.4 bytes per cycle of the core; transfers are whole beats of 8 bytes.
BEAT = Fraction(8 * 200, 8 * 60)
OVER_DRAM = Story(relax=())


@mechanism("DRAM link with its own clock", OVER_DRAM, "fewer", memories__dram__clock_mhz=None)
def _(out: Out) -> None:
    """The weight, then the input; at the end the output. A beat each."""
    input_there = ceil(2 * BEAT)
    result = input_there + 1 + LATENCY + 1 + 1 + (PIPELINE - 1) + 1 + LATENCY
    assert out["bytes_dram"] == 3 * 8
    assert out["ports"]["dram.link"]["busy_cycles"] == pytest.approx(3 * float(BEAT))
    assert out["after_configuration"] == ceil(result + BEAT)


CODED = Story(C=2, P=2, Q=12, zeros={"input": Fraction(1), "output": Fraction(1)}, mapped={"q": 2}, relax=())


@mechanism("run-length coding of feature maps", CODED, "more", memories__dram__codecs={})
def _(out: Out) -> None:
    """A row of zeros is one block of 64 bits; 2 weights are sent as they are, in a beat."""
    rows_in, rows_out = 2 * 2, 2
    assert out["bytes_dram"] == (rows_in + rows_out) * 8 + 8
    assert out["words_created"]["dram"]["codec_saved_bytes_input"] == rows_in * (12 * 2 - 8)


# One PE, 2 passes of 8 steps over 12 channels each: an input tile is 96 words, 24 beats.
INPUT_TILES = Story(C=24, Q=8, mapped={"q": 12}, relax=())


@mechanism("inputs that are not loaded while the array computes", INPUT_TILES, "fewer", memories__glb__single_buffered=["output"])
def _(out: Out) -> None:
    """A tile of inputs is asked for when the last word of the one before is in the array.

    Twelve weights, 3 beats, cross first. A step takes 12 MACs and an addition; 4 words of its window cross early,
    the other 8 when the MACs before are done.
    """
    tile, weights, step = 24 * BEAT, 3 * BEAT, 12 + 1
    first_step = ceil(weights + tile) + 1 + LATENCY
    last_window = first_step + 6 * step + 12 + 8 + LATENCY
    second_pass = ceil(last_window + tile) + 1 + LATENCY
    result = second_pass + 8 * step + (PIPELINE - 1) + 1 + LATENCY
    assert out["after_configuration"] == ceil(result + 2 * BEAT)


OUTPUT_TILES = Story(M=2, mapped={"m": 1}, relax=())


@mechanism("outputs that are dumped before others are computed", OUTPUT_TILES, "fewer", memories__glb__single_buffered=["input"])
def _(out: Out) -> None:
    """The second output's psum has no room in the buffer before the first output is home."""
    first_macs = ceil(2 * BEAT) + 1 + LATENCY
    first_added = first_macs + 1 + 1
    second_weight_there = ceil(3 * BEAT) + 1 + LATENCY
    second_macs_end = max(first_added, second_weight_there) + 1
    first_home = ceil(first_added + (PIPELINE - 1) + 1 + LATENCY + BEAT)
    second_psum = first_home + 1 + LATENCY
    waited = {"glb": first_home - second_macs_end, "psum_in": 1 + LATENCY}
    assert out["stall_causes"]["stall_psum_in"] == waited
    result = second_psum + 1 + (PIPELINE - 1) + 1 + LATENCY
    assert out["after_configuration"] == ceil(result + BEAT)


@pytest.mark.parametrize("told", MECHANISMS, ids=lambda told: told.name)
def test_the_shipped_machine_has(told: Mechanism) -> None:
    out = told.story.run(SHIPPED)
    try:
        told.check(out)
    except AssertionError as error:
        raise AssertionError(f"eyeriss_v1 has lost a mechanism: {told.name}: {error}") from error


@pytest.mark.parametrize("told", MECHANISMS, ids=lambda told: told.name)
def test_it_is_missed(told: Mechanism) -> None:
    """Without the mechanism its check fails, and cycles change the way that they should."""
    machine = SHIPPED.replace(**told.without)
    before, after = told.story.run(SHIPPED)["cycles"], told.story.run(machine)
    with pytest.raises((AssertionError, KeyError)):
        told.check(after)
    assert (after["cycles"] < before) == (told.then == "fewer"), f"{told.name}: {before} -> {after['cycles']} cycles"
    assert after["cycles"] != before, f"{told.name}: no cycles depend on it"
