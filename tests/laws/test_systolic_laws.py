"""Laws of systolic arrays, on random machines and layers: accounts, conservation, bounds, timing, fast-forward."""

import sys
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.pipeline import Job, map_layer, measure_job
from simulator.report.sums import plain
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture, shipped
from simulator.spec.layer import Layer
from simulator.spec.product import as_product, lowered_for
from simulator.spec.workload import Workload

sys.path.append(str(Path(__file__).resolve().parent.parent / "function"))

from systolic_machines import convolutions, machines

RATES = st.sampled_from(["unlimited", 1, 2, "1/2", "2/3", "3/2", 7])
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]
Case = tuple[Architecture, Layer, Any]


def law(examples: int) -> Any:
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)


@st.composite
def properties(draw: st.DrawFn, stationary: str) -> dict[str, Any]:
    """What an array may have beside its size."""
    found: dict[str, Any] = {
        "wavefront": draw(st.sampled_from(["array", "used"])),
        "bubbles": draw(st.sampled_from(["ripple", "freeze"])),
        "pipeline_cycles": draw(st.integers(1, 4)),
    }
    found |= {f"{edge}_fifo_words": draw(st.integers(1, 4)) for edge in ("left", "top", "output")}
    if stationary == "output":
        return {**found, "drain": draw(st.sampled_from(["at_once", "each", "down", "apart"]))}
    found |= {"shadow": draw(st.booleans()), "shift": draw(st.sampled_from(["straight", "skewed"]))}
    return {**found, "shifted_rows": draw(st.sampled_from(["all", "used"]))}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    machine = draw(machines())
    rates = {
        f"memories__{memory}__{port}": draw(RATES)
        for memory, ports in (
            ("ifmap_sram", ("read_words_per_cycle", "outer_write_words_per_cycle")),
            ("filter_sram", ("read_words_per_cycle", "outer_write_words_per_cycle")),
            ("ofmap_sram", ("read_words_per_cycle", "write_words_per_cycle", "outer_read_words_per_cycle")),
        )
        for port in ports
    }
    array = {f"array__{key}": value for key, value in draw(properties(machine.array.stationary)).items()}  # type: ignore[attr-defined]
    rates["memories__ofmap_sram__ports"] = "per_data_type"
    machine = machine.replace(**rates, **array, memories__dram__bytes_per_cycle=draw(st.sampled_from(["unlimited", 1, "4/3", "7/2"])))
    layer = as_product(draw(convolutions()))
    return machine, layer, mapped(machine, layer)


def mapped(machine: Architecture, layer: Layer) -> Any:
    try:
        return map_layer(layer, machine, "systolic")
    except InputError:
        assume(False)
        raise


def measured(machine: Architecture, layer: Layer, mapping: Any, *, fast_forward: bool = True) -> dict[str, Any]:
    return measure_job(machine, Job(layer, mapping), frozenset(), fast_forward=fast_forward)


@law(150)
@given(cases())
def test_every_pe_cycle_has_one_name_and_every_stall_its_causes(case: Case) -> None:
    found = measured(*case)
    machine, layer, _ = case
    assert sum(found["pe_cycles"].values()) == machine.array.pes * found["cycles"]
    assert found["pe_cycles"]["mac"] == found["macs"] == layer.macs
    for name, causes in found["stall_causes"].items():
        assert sum(causes.values()) == found["pe_cycles"][name]
    every_pe = found["windows"]["pe_cycles"]
    assert every_pe.shape[:2] == (machine.array.rows, machine.array.columns)
    assert (every_pe.sum(axis=2) == found["cycles"]).all()
    assert every_pe.sum(axis=(0, 1)).tolist() == list(found["pe_cycles"].values())


@law(100)
@given(cases())
def test_words_are_conserved_and_every_output_goes_home_once(case: Case) -> None:
    machine, layer, _ = case
    found = measured(*case)
    words, size = found["words"], layer.sizes
    for name, d in (("ifmap_sram", "input"), ("filter_sram", "weight"), ("ofmap_sram", "output")):
        padding = found["words_created"].get(name, {}).get(f"padding_{d}", 0)
        assert words[name][d]["outer_write"] - padding == words["dram"][d]["array_read"]
        assert words[name][d]["outer_read"] == words["dram"][d]["array_write"]
    home = words["dram"]["output"]
    assert home["array_write"] - home["array_read"] == size["N"] * size["G"] * size["M"]
    array = machine.systolic
    assert array is not None
    folds = {"weight": ceil(size["C"] / array.rows), "input": ceil(size["C"] / array.rows), "output": 1}[array.stationary]
    partial = words["ofmap_sram"]["output"]
    assert partial["array_write"] == folds * size["N"] * size["G"] * size["M"]
    assert partial["array_read"] == (0 if machine.accumulates() else (folds - 1) * size["N"] * size["G"] * size["M"])


@law(40)
@given(cases(), RATES, st.sampled_from(["ripple", "freeze"]), st.integers(1, 3))
def test_counts_do_not_depend_on_timing(case: Case, rate: Any, bubbles: str, fifo: int) -> None:
    machine, layer, mapping = case
    other = machine.replace(
        memories__filter_sram__read_words_per_cycle=rate, memories__dram__bytes_per_cycle={7: "7/2"}.get(rate, rate),
        array__bubbles=bubbles, array__left_fifo_words=fifo,
    )  # fmt: skip
    one, two = (measured(m, layer, mapping) for m in (machine, other))
    for by_action in (*one["actions"].values(), *two["actions"].values()):
        by_action.pop("all", None)
    assert one["actions"] == two["actions"]
    assert one["words"] == two["words"]


@law(60)
@given(cases())
def test_no_port_is_faster_than_its_rate_and_no_fold_than_the_array(case: Case) -> None:
    machine, layer, _ = case
    found, size = measured(*case), layer.sizes
    for port in found["ports"].values():
        assert port["busy_cycles"] <= found["cycles"] + 1e-9
    array = machine.systolic
    assert array is not None
    along = {"weight": "CMN", "input": "CNM", "output": "NMC"}[array.stationary]
    rows, columns, steps = (size[d] for d in along)  # type: ignore[index]
    assert found["cycles"] >= size["G"] * ceil(rows / array.rows) * ceil(columns / array.columns) * steps


@law(100)
@given(cases())
def test_fast_forward_changes_no_integer(case: Case) -> None:
    full, quick = (measured(*case, fast_forward=on) for on in (False, True))
    for found in (full, quick):
        found.pop("passes_simulated")
        found.pop("passes_skipped")
    for key, series in full.pop("windows").items():
        assert np.array_equal(series, quick["windows"][key]), key
    quick.pop("windows")
    assert plain(full) == plain(quick)


@law(40)
@given(cases(), st.sampled_from(["ifmap_sram", "filter_sram", "ofmap_sram"]), st.integers(2, 9))
def test_more_rate_on_a_port_of_one_stream_is_never_slower(case: Case, buffer: str, times: int) -> None:
    machine, layer, mapping = case
    slow = machine.replace(**{f"memories__{name}__ports": "per_data_type" for name in ("ifmap_sram", "filter_sram", "ofmap_sram")})
    cycles = []
    for rate in ("1/3", 1, times, "unlimited"):
        change = {f"memories__{buffer}__read_words_per_cycle": rate}
        if buffer == "ofmap_sram":
            change[f"memories__{buffer}__write_words_per_cycle"] = rate
        cycles.append(measured(slow.replace(**change), layer, mapping)["cycles"])
    assert cycles == sorted(cycles, reverse=True)


@law(80)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30),
    st.sampled_from(["weight", "input", "output"]), st.sampled_from(["ripple", "freeze"]),
)  # fmt: skip
def test_without_waits_all_folds_take_the_same_time(
    rows: int, columns: int, n: int, c: int, m: int, stationary: str, bubbles: str
) -> None:
    machine = load_architecture(f"scalesim_{stationary[0]}s").replace(
        array__rows=rows, array__columns=columns, array__bubbles=bubbles,
        **{f"memories__{x}_sram__{key}": "unlimited" for x in ("ifmap", "filter", "ofmap") for key in ("outer_write_words_per_cycle",)},
        memories__ofmap_sram__outer_read_words_per_cycle="unlimited",
    )  # fmt: skip
    sizes = {"N": n, "G": 1, "M": m, "C": c, "P": 1, "Q": 1, "R": 1, "S": 1}
    layer = Layer("product", sizes)  # type: ignore[arg-type]
    down, across, steps = {"weight": (c, m, n), "input": (c, n, m), "output": (n, m, c)}[stationary]
    each = rows + columns + steps - 2 + (rows if stationary != "output" else 0)
    assert measured(machine, layer, mapped(machine, layer))["cycles"] == ceil(down / rows) * ceil(across / columns) * each


@pytest.mark.parametrize("name", [x for x in shipped("architecture") if load_architecture(x).systolic is not None])
def test_shipped_machines_run_a_convolution_of_every_kind(name: str) -> None:
    machine = load_architecture(name)
    kinds = {
        "plain": {"C": 20, "M": 40, "H": 9, "W": 9, "R": 3, "S": 3, "padding": 1},
        "strided": {"C": 3, "M": 24, "H": 23, "W": 19, "R": 5, "S": 5, "stride": 4},
        "grouped": {"C": 12, "M": 18, "H": 8, "W": 8, "R": 3, "S": 3, "padding": 1, "groups": 3},
        "dilated": {"C": 6, "M": 10, "H": 12, "W": 12, "R": 3, "S": 3, "dilation": 2},
        "pointwise": {"C": 70, "M": 33, "H": 5, "W": 5, "R": 1, "S": 1},
    }
    net = Workload.model_validate({"name": "kinds", "layers": [{"name": k, "conv": v} for k, v in kinds.items()]})
    for layer in lowered_for(machine, net, 2):
        assert isinstance(layer, Layer)
        found = measured(machine, layer, mapped(machine, layer))
        assert found["macs"] == layer.macs
        assert sum(found["pe_cycles"].values()) == machine.array.pes * found["cycles"]
