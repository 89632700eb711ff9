"""Laws that hold on every machine, tested on random small ones."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_machines import (
    RATES,
    STREAMS,
    built,
    busiest_cycles_per_pass,
    cases,
    changed,
    free_cases,
    measured,
    rates,
    words_at_the_array,
)

from simulator.errors import InputError
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.report.sums import plain
from simulator.spec.layer import Layer

Case = tuple[dict[str, Any], Layer, Mapping]
IDEAL = {
    "memories__dram__bytes_per_cycle": "unlimited", "memories__dram__latency_cycles": 0, "networks__*__words_per_cycle": "unlimited",
    "networks__*__latency_cycles": 0, "array__pe__adder": "private", "array__pe__pipeline_cycles": 1, "array__pass_barrier": True,
}  # fmt: skip
SIDES = ("read_words_per_cycle", "write_words_per_cycle", "outer_read_words_per_cycle", "outer_write_words_per_cycle")


def law(examples: int) -> Any:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=quiet)


def both(**changes: Any) -> Any:
    return st.one_of(cases(**changes), free_cases(**changes))


def buffers_of(description: dict[str, Any]) -> list[str]:
    return [name for name, memory in description["memories"].items() if memory["kind"] != "dram"]


def links_of(description: dict[str, Any]) -> list[str]:
    return [name for name, memory in description["memories"].items() if memory["kind"] == "dram"]


def outputs_of(layer: Layer) -> int:
    sizes = layer.sizes
    return sizes["N"] * sizes["G"] * sizes["M"] * sizes["P"] * sizes["Q"]


def with_rates(description: dict[str, Any], rate: Any, sides: tuple[str, ...] = SIDES) -> dict[str, Any]:
    changes = {f"memories__{name}__{side}": rate for name in buffers_of(description) for side in sides}
    return changed(description, **changes)


@law(60)
@given(both())
def test_every_pe_cycle_has_one_name_and_every_stall_its_causes(case: Case) -> None:
    out = measured(*case)
    assert tuple(out["pe_cycles"]) == PE_CYCLE_NAMES
    assert min(out["pe_cycles"].values()) >= 0
    assert sum(out["pe_cycles"].values()) == out["pes"] * out["cycles"]
    known = {*case[0]["memories"], *case[0]["networks"], "array"}
    for name in STALL_NAMES:
        causes = out["stall_causes"][name]
        assert sum(causes.values()) == out["pe_cycles"][name]
        assert set(causes) <= known
        assert all(n > 0 for n in causes.values())


@law(60)
@given(both())
def test_words_into_a_memory_are_words_out_of_the_next(case: Case) -> None:
    description, layer, _ = case
    out = measured(*case)
    words, created = out["words"], out["words_created"]
    for data_type in ("weight", "input", "output"):
        levels = [name for name, part in description["memories"].items() if data_type in part["keeps"]]
        assert words[levels[0]][data_type]["outer_read"] == words[levels[0]][data_type]["outer_write"] == 0
        for parent, child in pairwise(levels):
            made = created.get(child, {}).get(f"padding_{data_type}", 0)
            assert words[child][data_type]["outer_write"] == words[parent][data_type]["array_read"] + made
            assert words[child][data_type]["outer_read"] == words[parent][data_type]["array_write"]
            if data_type == "output":
                gone = words[parent]["output"]["array_write"] - words[parent]["output"]["array_read"]
                assert gone == outputs_of(layer)  # what comes back is written once more
    inner = levels[-1]
    zeros = created.get(inner, {}).get("zero_psums", 0)
    assert zeros == (outputs_of(layer) if description["array"]["initial_psums"] == "buffer" else 0)
    read, written = words[inner]["output"]["array_read"], words[inner]["output"]["array_write"]
    assert written - (read - zeros) == outputs_of(layer)


@law(60)
@given(both())
def test_every_mac_is_done_once(case: Case) -> None:
    description, layer, mapping = case
    out = measured(*case)
    assert out["macs"] == layer.macs == sum(out["actions"]["mac"]["all"].values())
    per_cycle = description["array"]["pe"]["macs_per_cycle"]
    assert out["pe_cycles"]["mac"] * per_cycle >= layer.macs
    if per_cycle == 1:
        assert out["pe_cycles"]["mac"] == layer.macs
    assert out["passes"] == len(busiest_cycles_per_pass(mapping, layer, 1))
    assert 0 < out["mean_active_pes"] <= out["active_pes"] <= out["pes"]


@law(60)
@given(both())
def test_words_at_the_array_are_those_of_a_walk_over_the_loop_nest(case: Case) -> None:
    description, layer, mapping = case
    out = measured(*case)
    walked = words_at_the_array(mapping, layer, description["networks"])
    streams = {s: n for name in description["networks"] for s, n in out["ports"].get(name, {"by_stream": {}})["by_stream"].items()}
    assert walked["first"] == outputs_of(layer)
    assert streams["weight"] == walked["weight"]
    assert streams["psum_out"] == walked["psum_out"]
    zeros = outputs_of(layer) if description["array"]["initial_psums"] == "buffer" else 0
    assert streams["psum_in"] == walked["psum_out"] - walked["first"] + zeros


@law(60)
@given(both(), st.data())
def test_counts_do_not_depend_on_timing(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case
    other = with_rates(description, data.draw(rates))
    other = changed(
        other, memories__dram__bytes_per_cycle=data.draw(rates), memories__dram__latency_cycles=data.draw(st.integers(0, 90)),
        networks__weight_in__words_per_cycle=data.draw(rates), networks__psum_out__words_per_cycle=data.draw(rates),
        networks__psum_in__words_per_cycle=data.draw(rates), networks__psum_out__latency_cycles=data.draw(st.integers(0, 9)),
        array__pe__pipeline_cycles=data.draw(st.integers(1, 5)), array__pass_barrier=data.draw(st.booleans()),
        array__pe__adder=data.draw(st.sampled_from(["shared", "private"])),
    )  # fmt: skip
    assert counts(measured(*case)) == counts(measured(other, layer, mapping))


@law(40)
@given(both(), st.data())
def test_a_relaxed_network_is_an_unlimited_one(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case
    name = data.draw(st.sampled_from(sorted(description["networks"])))
    relaxed = measured(description, layer, mapping, relax=(name,))
    unlimited = measured(changed(description, **{f"networks__{name}__words_per_cycle": "unlimited"}), layer, mapping)
    assert plain({**relaxed, "windows": {}}) == plain({**unlimited, "windows": {}})
    assert counts(relaxed) == counts(measured(*case))


@law(40)
@given(both(), st.data())
def test_a_relaxed_memory_has_unlimited_ports_and_nothing_else_changes(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case
    name = data.draw(st.sampled_from(sorted(description["memories"])))
    sides = ("bytes_per_cycle",) if name == "dram" else SIDES
    relaxed = measured(description, layer, mapping, relax=(name,))
    unlimited = measured(changed(description, **{f"memories__{name}__{s}": "unlimited" for s in sides}), layer, mapping)
    assert plain({**relaxed, "windows": {}}) == plain({**unlimited, "windows": {}})
    assert counts(relaxed) == counts(measured(*case))


@law(40)
@given(both())
def test_windows_hold_every_word(case: Case) -> None:
    out = measured(*case)
    windows = out["windows"]
    for port in out["ports"].values():
        for stream, n in port["by_stream"].items():
            if stream in STREAMS and port["unit"] == "words" and f"words.{stream}" in windows and n:
                assert windows[f"words.{stream}"].sum() > 0
    for name, series in windows.items():
        if name.startswith("units."):
            fabric = out["ports"][name.removeprefix("units.")]
            assert series.sum() <= fabric["words"]


@law(60)
@given(both())
def test_no_window_of_a_port_between_memories_holds_more_than_its_rate(case: Case) -> None:
    out = measured(*case)
    width = int(out["windows"]["width_cycles"])
    for name, port in out["ports"].items():
        series, limit = out["windows"].get(f"units.{name}"), port["limit_per_cycle"]
        if series is not None and limit not in (None, "unlimited"):
            assert series.max() <= float(limit) * (width + 1) + 1, name  # begins and ends are in whole cycles


def counts(out: dict[str, Any]) -> dict[str, Any]:
    """Everything that is counted, without what goes with time."""
    keys = ("macs", "words", "words_created", "bytes_dram", "bytes_glb", "passes", "steps", "active_pes")
    actions = {
        (part, data_type, action): n
        for part, by_type in out["actions"].items()
        for data_type, by_action in by_type.items()
        for action, n in by_action.items()
        if action not in ("clock", "leakage")
    }
    streams = {name: port["by_stream"] for name, port in out["ports"].items()}
    return {**{key: out[key] for key in keys}, "actions": actions, "streams": streams}


@law(60)
@given(both())
def test_no_port_is_faster_than_its_rate_and_no_pe_than_its_macs(case: Case) -> None:
    description, layer, mapping = case
    out = measured(*case)
    busiest = busiest_cycles_per_pass(mapping, layer, description["array"]["pe"]["macs_per_cycle"])
    assert out["cycles"] >= max(busiest)
    if description["array"]["pass_barrier"]:
        assert out["cycles"] >= sum(busiest)
    for name, port in out["ports"].items():
        limit = port["limit_per_cycle"]
        if limit not in (None, "unlimited"):
            assert port["words"] / limit <= out["cycles"] + 1e-6, name
            assert port["busy_cycles"] == pytest.approx(port["words"] / limit), name
        assert sum(port["by_stream"].values()) == port["words"], name
        assert port["busy_cycles"] <= out["cycles"] + 1e-6, name


@law(30)
@given(both())
def test_the_same_twice(case: Case) -> None:
    first, second = plain(measured(*case)), plain(measured(*case))
    assert first == second


@law(60)
@given(both(**IDEAL))
def test_an_ideal_machine_takes_as_long_as_the_busiest_pe_of_every_pass(case: Case) -> None:
    description, layer, mapping = case
    out = measured(with_rates(description, "unlimited"), layer, mapping)
    busiest = busiest_cycles_per_pass(mapping, layer, description["array"]["pe"]["macs_per_cycle"])
    assert out["cycles"] == sum(busiest)


def one_stream_per_port(description: dict[str, Any]) -> dict[str, Any]:
    """Only ports of the array side are finite, and each serves one data type in one direction."""
    ideal = with_rates(description, "unlimited", SIDES[2:])
    changes: dict[str, Any] = {f"memories__{name}__ports": "per_data_type" for name in buffers_of(description)}
    if "outer" in description["memories"]:
        changes |= {f"memories__outer__{side}": "unlimited" for side in SIDES}
    changes |= {f"memories__{name}__bytes_per_cycle": "unlimited" for name in links_of(description)}
    return changed(ideal, **changes)


@law(60)
@given(both(), st.sampled_from(["weight_in", "input_in", "psum_in", "psum_out", "links", "read", "write"]), st.integers(0, 9))
def test_more_rate_on_a_port_with_one_stream_is_never_slower(case: Case, part: str, which: int) -> None:
    description, layer, mapping = case
    slow = one_stream_per_port(description)
    if part in ("read", "write"):
        name = buffers_of(slow)[which % len(buffers_of(slow))]
        key = f"memories__{name}__{part}_words_per_cycle"
    else:
        assume(part in slow["networks"])
        key = f"networks__{part}__words_per_cycle"
    slow = changed(slow, **{key: RATES[1 + which % (len(RATES) - 1)]})
    fast = changed(slow, **{key: "unlimited"})
    assert measured(fast, layer, mapping)["cycles"] <= measured(slow, layer, mapping)["cycles"]


@law(40)
@given(both(), st.integers(0, 2))
def test_more_room_in_a_buffer_is_never_slower(case: Case, which: int) -> None:
    description, layer, mapping = case
    small = one_stream_per_port(description)
    name = buffers_of(small)[which % len(buffers_of(small))]
    large = changed(small, **{f"memories__{name}__capacity_bytes": 4 * small["memories"][name]["capacity_bytes"]})
    assert measured(large, layer, mapping)["cycles"] <= measured(small, layer, mapping)["cycles"]


def test_streams_are_those_of_the_engine() -> None:
    from simulator.engine.program import STREAM_NAMES

    assert tuple(STREAMS) == STREAM_NAMES


def buffer_between_array_and_buffer(ports: str) -> dict[str, Any]:
    """The global buffer feeds the array with inputs and a buffer of weights, a word every four cycles per port."""
    everything = ["weight", "input", "output"]
    wires = (("weight_in", "weight", "weights", "array"), ("input_in", "input", "glb", "array"), ("psum_out", "output", "array", "glb"))
    pe = {"pipeline_cycles": 1, "weight_words": 1, "input_words": 1, "psum_words": 1, "psum_in_fifo_words": 1, "psum_out_fifo_words": 1}
    slow = {"ports": ports, "read_words_per_cycle": "1/4", "write_words_per_cycle": "1/4"}
    return {
        "name": "shared port", "clock_mhz": 100, "word_bits": dict.fromkeys(everything, 16), "dataflow": "weight_stationary",
        "memories": {
            "dram": {"kind": "dram", "keeps": everything, "bytes_per_cycle": "unlimited"},
            "glb": {"kind": "sram", "keeps": everything, "capacity_bytes": 2048, **slow},
            "weights": {"kind": "sram", "keeps": ["weight"], "capacity_bytes": 256},
        },
        "networks": {
            name: {"kind": "multicast_bus", "carries": carries, "from": source, "to": target, "words_per_cycle": "unlimited"}
            for name, carries, source, target in wires
        },
        "array": {
            "kind": "spatial", "rows": 1, "columns": 1,
            "pe": {**pe, "weight_fifo_words": 4, "input_fifo_words": 4, "adder": "private"},
        },
    }  # fmt: skip


def test_a_port_would_be_granted_twice_if_it_served_the_array_and_another_buffer() -> None:
    for ports in ("one", "read_write"):
        with pytest.raises(InputError, match=r"glb\.(port|read) would serve the array and another buffer"):
            built(buffer_between_array_and_buffer(ports))


def test_a_buffer_between_the_array_and_another_buffer_keeps_to_its_rates() -> None:
    words = 8
    sizes = {"N": 1, "G": 1, "M": 1, "C": words, "P": 1, "Q": 1, "R": 1, "S": 1}
    layer = Layer("sum", sizes, input_size=(1, 1))  # type: ignore[arg-type]
    mapping = Mapping("by hand", {"dram": (), "glb": (Loop("C", words),), "weights": ()})
    out = measured(buffer_between_array_and_buffer("per_data_type"), layer, mapping)
    moved = {name: port["words"] for name, port in out["ports"].items() if name.startswith("glb.")}
    assert moved["glb.weight_read"] == moved["glb.input_read"] == words
    assert out["cycles"] == 4 * words + 1 + 4  # the last MAC, and the output back


def coded(description: dict[str, Any]) -> dict[str, Any]:
    """With run-length coding whose pairs hold a word of the machine, three of them in a block without waste."""
    codecs = {}
    for data_type in ("input", "output"):
        bits = description["word_bits"][data_type]
        pairs = {"run_bits": 5, "level_bits": bits, "pairs_per_block": 3, "block_bits": 3 * (5 + bits)}
        codecs[data_type] = {"kind": "rlc", **pairs}
    return changed(description, memories__dram__codecs=codecs)


@law(40)
@given(both())
def test_a_codec_spares_nothing_where_nothing_is_zero(case: Case) -> None:
    description, layer, mapping = case
    dense = replace(layer, zeros={"input": Fraction(0), "output": Fraction(0)})
    plainly = measured(description, dense, mapping)
    coded_run = measured(coded(description), dense, mapping)
    assert coded_run["bytes_dram"] == plainly["bytes_dram"]
    assert coded_run["cycles"] == plainly["cycles"]


@law(40)
@given(both(), st.integers(1, 10))
def test_a_codec_changes_bytes_and_no_words(case: Case, tenths: int) -> None:
    description, layer, mapping = case
    description = changed(description, memories__dram__burst_bytes=1)
    sparse = replace(layer, zeros={"input": Fraction(tenths, 10), "output": Fraction(tenths, 10)})
    plainly, coded_run = measured(description, sparse, mapping), measured(coded(description), sparse, mapping)
    for key in ("words", "macs", "passes", "steps"):
        assert coded_run[key] == plainly[key]
    saved = sum(n for kinds in coded_run["words_created"].values() for what, n in kinds.items() if what.startswith("codec_saved"))
    assert coded_run["bytes_dram"] + saved == plainly["bytes_dram"]
    assert saved >= 0
