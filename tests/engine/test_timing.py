"""Tight stories on machines of one or two PEs, every cycle worked out here from rates and latencies."""

from math import ceil
from typing import Any

import pytest

from simulator.mapping.check import check
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.pipeline import Job, measure_job
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.validation import validate

WORD_BYTES = 2
FREE = "unlimited"


def machine(
    *, rows: int = 1, dram: Any = FREE, dram_latency: int = 0, weight_in: Any = FREE, input_in: Any = FREE, psum_out: Any = FREE,
    latency: int = 0, link_latency: int = 0, outs_words: int = 64, weights_words: int = 64, initial_psums: str = "zero",
    priority: tuple[str, ...] = (), **pe: Any,
) -> Architecture:  # fmt: skip
    """Every data type in its own buffer; what is not said is unlimited, immediate and roomy."""

    def buffer(keeps: str, words: int) -> dict[str, Any]:
        return {"kind": "sram", "keeps": keeps, "capacity_bytes": words * WORD_BYTES}

    def bus(carries: str, source: str, target: str, rate: Any) -> dict[str, Any]:
        return {
            "kind": "multicast_bus", "carries": carries, "from": source, "to": target, "words_per_cycle": rate, "latency_cycles": latency
        }  # fmt: skip

    data = {
        "name": "story", "clock_mhz": 100, "word_bits": {"weight": 16, "input": 16, "output": 16}, "dataflow": "weight_stationary",
        "memories": {
            "dram": {
                "kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": dram, "latency_cycles": dram_latency,
                "priority": priority,
            },
            "weights": buffer("weight", weights_words), "ins": buffer("input", 64), "outs": buffer("output", outs_words),
        },
        "networks": {
            "weight_in": bus("weight", "weights", "array", weight_in), "input_in": bus("input", "ins", "array", input_in),
            "psum_in": bus("output", "outs", "array", FREE), "psum_out": bus("output", "array", "outs", psum_out),
            "links": {
                "kind": "column_chain", "carries": "output", "from": "array", "to": "array", "words_per_cycle": 1,
                "latency_cycles": link_latency,
            },
        },
        "array": {
            "kind": "spatial", "rows": rows, "columns": 1, "initial_psums": initial_psums,
            "pe": {
                "pipeline_cycles": 1, "weight_words": 8, "input_words": 8, "psum_words": 8, "psum_in_fifo_words": 8,
                "psum_out_fifo_words": 8, "adder": "private", **pe,
            },
        },
    }  # fmt: skip
    return validate(Architecture, data, "story")


def matrix(*, M: int = 1, C: int = 1, Q: int = 1) -> Layer:
    sizes = {"N": 1, "G": 1, "M": M, "C": C, "P": 1, "Q": Q, "R": 1, "S": 1}
    return Layer("story", sizes, input_size=(1, Q))  # type: ignore[arg-type]


def ran(
    architecture: Architecture,
    layer: Layer,
    around: dict[str, tuple[Loop, ...]] | None = None,
    **loops: tuple[Loop, ...],
) -> dict[str, Any]:
    """Run a layer; ``around`` has the loops of memories."""
    levels = {name: (around or {}).get(name, ()) for name in architecture.memories}
    mapping = Mapping("by hand", levels, **loops)
    check(mapping, layer, architecture, "story")
    out = measure_job(architecture, Job(layer, mapping), frozenset())
    assert sum(out["pe_cycles"].values()) == out["pes"] * out["cycles"]
    return out


def named(out: dict[str, Any]) -> dict[str, int]:
    return {name: n for name, n in out["pe_cycles"].items() if n}


@pytest.mark.parametrize("pipeline", [1, 3])
@pytest.mark.parametrize("far", [0, 5])
@pytest.mark.parametrize("adder", ["private", "shared"])
def test_one_mac(far: int, pipeline: int, adder: str) -> None:
    """DRAM at a byte per cycle, buses at half a word per cycle and a cycle of latency."""
    out = ran(
        machine(dram=1, dram_latency=far, weight_in="1/2", input_in="1/2", psum_out="1/2", latency=1, pipeline_cycles=pipeline, adder=adder),
        matrix(),
    )  # fmt: skip
    word_on_link, word_on_bus = WORD_BYTES, 2
    weight_in_buffer = word_on_link + far
    input_in_buffer = 2 * word_on_link + far  # the weight goes first
    input_in_pe = input_in_buffer + word_on_bus + 1
    mac_done = input_in_pe + 1
    result = mac_done + pipeline - 1
    in_buffer = result + word_on_bus + 1
    home = in_buffer + word_on_link + far
    assert out["cycles"] == home
    assert out["pe_cycles"]["between"] == weight_in_buffer + (home - in_buffer)
    assert out["pe_cycles"]["mac"] == 1
    assert out["pe_cycles"]["stall_input"] == input_in_pe - weight_in_buffer
    assert out["stall_causes"]["stall_input"] == {
        "dram": input_in_buffer - weight_in_buffer,
        "input_in": word_on_bus + 1,
    }
    assert out["pe_cycles"]["fill_drain"] == pipeline - 1
    assert out["pe_cycles"]["imbalance"] == in_buffer - result


@pytest.mark.parametrize("hop_latency", [0, 3])
@pytest.mark.parametrize("pipeline", [1, 2])
def test_a_chain_of_two_pes_with_private_adders(hop_latency: int, pipeline: int) -> None:
    """Both operands of the upper PE cross their buses first; the lower PE's product then goes up."""
    architecture = machine(
        rows=2, weight_in=1, input_in=1, psum_out=1, link_latency=hop_latency, pipeline_cycles=pipeline
    )
    out = ran(architecture, matrix(C=2), rows=(Loop("C", 2),))
    upper_mac, lower_mac = 1 + 1, 2 + 1
    goes_up = lower_mac + pipeline - 1
    added = max(upper_mac, goes_up + 1 + hop_latency)
    assert out["cycles"] == added + pipeline - 1 + 1
    assert out["pe_cycles"]["mac"] == 2
    assert out["pe_cycles"]["stall_weight"] == 1 + 2  # operands come together: a tie goes to the weight
    assert out["stall_causes"]["stall_weight"] == {"weight_in": 3}
    assert out["actions"]["links"]["output"]["hop"] == 1


@pytest.mark.parametrize("hop_latency", [0, 3])
def test_a_chain_of_two_pes_with_shared_adders(hop_latency: int) -> None:
    """The upper PE spends a cycle on the incoming psum, and waits for it: it is not yet computed, so `array`."""
    architecture = machine(
        rows=2, weight_in=1, input_in=1, psum_out=1, link_latency=hop_latency, adder="shared"
    )
    out = ran(architecture, matrix(C=2), rows=(Loop("C", 2),))
    upper_mac, lower_mac = 1 + 1, 2 + 1
    arrives = lower_mac + 1 + hop_latency
    assert out["pe_cycles"]["accumulate"] == 1
    assert out["pe_cycles"]["stall_psum_in"] == arrives - upper_mac
    assert out["stall_causes"]["stall_psum_in"] == {"array": arrives - upper_mac}
    assert out["cycles"] == arrives + 1 + 1


@pytest.mark.parametrize(
    ("rate", "cycles_per_word"), [("1/2", 2.0), ("2/3", 1.5), (1, 1.0), ("12/5", 5 / 12), (FREE, 0.0)]
)
def test_a_weight_that_its_bus_brings_late(rate: Any, cycles_per_word: float) -> None:
    weights = 4
    out = ran(machine(weight_in=rate), matrix(M=weights), pe=(Loop("M", weights),))
    late = max(ceil((i + 1) * cycles_per_word) - i for i in range(weights))  # MAC i waits for word i only
    assert out["cycles"] == late + weights
    assert named(out) == {name: n for name, n in {"mac": weights, "stall_weight": late}.items() if n}
    assert out["stall_causes"]["stall_weight"] == ({"weight_in": late} if late else {})
    port = out["ports"]["weight_in"]
    assert (port["words"], port["busy_cycles"]) == (weights, pytest.approx(weights * cycles_per_word))


def test_a_weight_that_dram_brings_late() -> None:
    """The input goes first over the shared link; the weights follow, and only DRAM is to blame."""
    weights = 4
    out = ran(machine(dram=1, priority=("input", "weight")), matrix(M=weights), pe=(Loop("M", weights),))
    input_there, weights_there = WORD_BYTES, WORD_BYTES + weights * WORD_BYTES
    computed = weights_there + weights
    assert named(out) == {
        "mac": weights,
        "stall_weight": weights_there - input_there,
        "between": input_there + weights * WORD_BYTES,
    }
    assert out["stall_causes"]["stall_weight"] == {"dram": weights_there - input_there}
    assert out["cycles"] == computed + weights * WORD_BYTES


def test_psums_wait_for_room_in_a_full_buffer() -> None:
    """One output fits into its buffer: the second waits until the first is home, and the buffer is the cause."""
    architecture = machine(dram="1/2", outs_words=1, initial_psums="buffer", adder="shared")
    out = ran(architecture, matrix(M=2), {"dram": (Loop("M", 2),)})
    word = WORD_BYTES * 2
    first_weight, input_there, second_weight = word, 2 * word, 3 * word
    first_done = input_there + 1 + 1  # a MAC and the addition of the zero psum
    first_home = max(first_done, second_weight) + word  # the link is busy with the second weight
    second_mac = second_weight + 1
    second_done = first_home + 1
    assert first_weight < input_there < first_done < second_weight < second_mac < first_home
    assert out["pe_cycles"]["stall_weight"] == second_weight - first_done
    assert out["stall_causes"]["stall_weight"] == {"dram": second_weight - first_done}
    assert out["pe_cycles"]["stall_psum_in"] == first_home - second_mac
    assert out["stall_causes"]["stall_psum_in"] == {"outs": first_home - second_mac}
    assert out["cycles"] == second_done + word


def test_a_result_that_cannot_leave_because_the_buffer_is_full() -> None:
    """The outputs' buffer has no room until the slow link has taken the first: space is missing in the buffer."""
    architecture = machine(dram="1/2", outs_words=1, psum_words=1, psum_out_fifo_words=1)
    out = ran(architecture, matrix(Q=6), {"ins": (Loop("Q", 6),)})
    assert out["pe_cycles"]["stall_output"] > 0
    assert set(out["stall_causes"]["stall_output"]) == {"outs"}


@pytest.mark.parametrize("rate", ["1/4", "1/2"])
def test_a_result_that_cannot_leave_because_its_bus_is_slow(rate: str) -> None:
    """One psum of room in the PE and one on its way out: from the third on, the bus sets the pace."""
    count = 8
    out = ran(
        machine(psum_out=rate, psum_words=1, psum_out_fifo_words=1),
        matrix(M=count),
        steps=(Loop("M", count),),
    )
    assert out["cycles"] == 1 + count * int(rate[-1])  # the bus starts after the first MAC and never rests
    assert out["pe_cycles"]["mac"] == count
    assert out["pe_cycles"]["stall_output"] > 0
    assert set(out["stall_causes"]["stall_output"]) == {"psum_out"}


def test_a_slow_input_hides_behind_macs_where_there_is_a_fifo() -> None:
    """Four filters per input and an input every four cycles: with room for a second input the MACs never wait again."""
    filters, columns = 4, 5
    layer, loops = matrix(M=filters, Q=columns), {"steps": (Loop("Q", columns),), "pe": (Loop("M", filters),)}
    hidden = ran(machine(input_in="1/4", input_words=1, input_fifo_words=1), layer, **loops)
    exposed = ran(machine(input_in="1/4", input_words=1), layer, **loops)
    assert hidden["cycles"] == 4 + columns * filters
    assert exposed["cycles"] == columns * (4 + filters)
    assert hidden["pe_cycles"]["stall_input"] == 4
    assert exposed["pe_cycles"]["stall_input"] == 4 * columns


def test_configuration_comes_before_everything() -> None:
    plain = ran(machine(weight_in=1), matrix())
    slow = machine(weight_in=1).replace(configuration={"bits_per_layer": 100, "bits_per_cycle": 8})
    configured = ran(slow, matrix())
    assert configured["cycles"] == plain["cycles"] + ceil(100 / 8)
    assert configured["pe_cycles"]["between"] == plain["pe_cycles"]["between"] + ceil(100 / 8)
