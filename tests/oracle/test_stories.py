"""Stories of one or two PEs, worked out by hand: what the brute-force model itself must say, and the engine with it."""

from typing import Any

import pytest

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer

from .compare import differences
from .machines import built, changed
from .oracle import Oracle

FREE = "unlimited"
Tree = dict[str, Any]


def machine(**changes: Any) -> Tree:
    """A machine of one PE with a buffer per data type; everything is immediate and has room."""

    def bus(carries: str, source: str, target: str, kind: str = "multicast_bus") -> Tree:
        return {"kind": kind, "carries": carries, "from": source, "to": target, "words_per_cycle": FREE}

    def buffer(keeps: str) -> Tree:
        return {"kind": "sram", "keeps": [keeps], "capacity_bytes": 128, "ports": "read_write"}

    words = dict.fromkeys(("weight_words", "input_words", "psum_words", "psum_in_fifo_words", "psum_out_fifo_words"), 8)
    description = {
        "name": "story", "clock_mhz": 100, "word_bits": dict.fromkeys(("weight", "input", "output"), 16), "dataflow": "weight_stationary",
        "memories": {
            "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": FREE},
            "weights": buffer("weight"), "ins": buffer("input"), "outs": buffer("output"),
        },
        "networks": {
            "weight_in": bus("weight", "weights", "array"), "input_in": bus("input", "ins", "array"),
            "psum_in": bus("output", "outs", "array"), "psum_out": bus("output", "array", "outs"),
            "links": {**bus("output", "array", "array", "column_chain"), "words_per_cycle": 1},
        },
        "array": {"kind": "spatial", "rows": 1, "columns": 1, "pe": {"pipeline_cycles": 1, "adder": "private", **words}},
    }  # fmt: skip
    return changed(description, **changes)


def layer(**sizes: int) -> Layer:
    return Layer("story", dict.fromkeys("NGMCPQRS", 1) | sizes)  # type: ignore[arg-type]


def told(description: Tree, work: Layer, around: dict[str, list[str]] | None = None, **loops: list[str]) -> Tree:
    """What the model says of a story; the engine must say the same."""

    def read(texts: list[str]) -> tuple[Loop, ...]:
        return tuple(Loop.parse(text) for text in texts)

    levels = {name: read((around or {}).get(name, [])) for name in description["memories"]}
    mapping = Mapping("by hand", levels, **{key: read(texts) for key, texts in loops.items()})
    assert differences(description, work, mapping) == []
    return Oracle(work, mapping, built(description)).run()


def names(out: Tree) -> Tree:
    return {name: n for name, n in out["pe_cycles"].items() if n}


def causes(out: Tree) -> Tree:
    return {name: n for name, n in out["stall_causes"].items() if n}


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
    """Three places, two words a step: of the second step's words one comes at once (2-3), the other after the first step's MACs (4-5)."""
    small = machine(networks__weight_in__words_per_cycle=1, array__pe__weight_words=3)
    out = told(small, layer(C=4), steps=["C 2"], pe=["C 2"])
    assert out["cycles"] == 5 + 2
    assert causes(out) == {"stall_weight": {"weight_in": 2 + 1}}


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
