"""The laws of random machines on the shipped ones, with layers small enough to try many."""

from functools import cache
from typing import Any

import pytest
import test_laws as laws
from random_machines import busiest_cycles_per_pass, changed, mapped, measured
from test_laws import IDEAL, Case, buffers_of, counts, links_of, one_stream_per_port, with_rates
from test_symmetry import assert_only_idle_pes_differ

from simulator.spec.catalog import load_architecture, shipped
from simulator.spec.layer import Layer
from simulator.spec.operators.conv import Conv
from simulator.spec.product import as_product
from simulator.spec.validation import validate

BATCH = 2
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {"C": 20, "M": 40, "H": 9, "W": 9, "R": 3, "S": 3, "padding": 1},
    "strided": {"C": 3, "M": 24, "H": 23, "W": 19, "R": 5, "S": 5, "stride": 4},
    "grouped": {"C": 12, "M": 18, "H": 8, "W": 8, "R": 3, "S": 3, "padding": 1, "groups": 3},
    "depthwise": {"C": 17, "M": 17, "H": 7, "W": 7, "R": 3, "S": 3, "padding": 1, "groups": 17},
    "dilated": {"C": 6, "M": 10, "H": 12, "W": 12, "R": 3, "S": 3, "dilation": 2},
    "pointwise": {"C": 70, "M": 33, "H": 5, "W": 5, "R": 1, "S": 1},
    "dense": {"C": 130, "M": 50, "H": 1, "W": 1, "R": 1, "S": 1},
}
SPEEDS: tuple[Any, ...] = ("1/3", 1, "7/5", 8, "unlimited")


@cache
def description_of(architecture: str) -> dict[str, Any]:
    """A shipped architecture as a file would give it with every default written out."""
    data = load_architecture(architecture).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in data.items() if key != "provenance"}


@cache
def case_of(architecture: str, name: str) -> Case:
    layer = validate(Conv, LAYERS[name], name).lower(name, BATCH, {})
    assert isinstance(layer, Layer)
    description = description_of(architecture)
    if description["array"]["kind"] == "systolic":
        layer = as_product(layer)
    return description, layer, mapped(description, layer)


def on_every_machine(test: Any) -> Any:
    """Arrays of PEs that run on their own; systolic ones have laws of their own (`test_systolic_laws`)."""
    spatial = [name for name in shipped("architecture") if load_architecture(name).systolic is None]
    return pytest.mark.parametrize("architecture", spatial)(pytest.mark.parametrize("name", LAYERS)(test))


def on_every_spatial_machine(test: Any) -> Any:
    machines = [name for name in shipped("architecture") if load_architecture(name).systolic is None]
    return pytest.mark.parametrize("architecture", machines)(pytest.mark.parametrize("name", LAYERS)(test))


def retimed(description: dict[str, Any], rate: Any, latency: int) -> dict[str, Any]:
    """Every rate and every latency is another one; what is where, and how large, stays."""
    slow = with_rates(description, rate)
    changes = {f"memories__{name}__bytes_per_cycle": rate for name in links_of(description)}
    changes |= {f"memories__{name}__latency_cycles": latency for name in links_of(description)}
    return changed(slow, **changes, **{"networks__*__words_per_cycle": rate, "networks__*__latency_cycles": latency})


@on_every_machine
@pytest.mark.parametrize(
    "law",
    [
        laws.test_every_pe_cycle_has_one_name_and_every_stall_its_causes,
        laws.test_windows_hold_every_word,
    ],
    ids=lambda law: law.__name__.removeprefix("test_"),
)
def test_shipped(law: Any, architecture: str, name: str) -> None:
    law.hypothesis.inner_test(case_of(architecture, name))


@on_every_spatial_machine
@pytest.mark.parametrize(
    "law",
    [
        laws.test_words_into_a_memory_are_words_out_of_the_next,
        laws.test_every_mac_is_done_once,
        laws.test_words_at_the_array_are_those_of_a_walk_over_the_loop_nest,
        laws.test_no_port_is_faster_than_its_rate_and_no_pe_than_its_macs,
    ],
    ids=lambda law: law.__name__.removeprefix("test_"),
)
def test_shipped_with_spatial_arrays(law: Any, architecture: str, name: str) -> None:
    law.hypothesis.inner_test(case_of(architecture, name))


@on_every_machine
def test_counts_do_not_depend_on_timing(architecture: str, name: str) -> None:
    description, layer, mapping = case_of(architecture, name)
    expected = counts(measured(description, layer, mapping))
    for number, rate in enumerate(SPEEDS):
        assert counts(measured(retimed(description, rate, 7 * number), layer, mapping)) == expected


@on_every_spatial_machine
def test_an_ideal_machine_takes_as_long_as_the_busiest_pe_of_every_pass(architecture: str, name: str) -> None:
    description, layer, mapping = case_of(architecture, name)
    ideal = with_rates(changed(description, **IDEAL), "unlimited")
    ideal.pop("configuration", None)
    busiest = busiest_cycles_per_pass(mapping, layer, ideal["array"]["pe"]["macs_per_cycle"])
    assert measured(ideal, layer, mapping)["cycles"] == sum(busiest)


def cycles_on_ever_faster(description: dict[str, Any], key: str, case: Case) -> list[int]:
    _, layer, mapping = case
    return [measured(changed(description, **{key: rate}), layer, mapping)["cycles"] for rate in SPEEDS]


@on_every_machine
def test_more_rate_on_a_port_with_one_stream_is_never_slower(architecture: str, name: str) -> None:
    case = case_of(architecture, name)
    description = one_stream_per_port(case[0])
    keys = [f"networks__{network}__words_per_cycle" for network in description["networks"]]
    keys += [f"memories__{buffer}__read_words_per_cycle" for buffer in buffers_of(description)]
    keys += [f"memories__{b}__write_words_per_cycle" for b in buffers_of(description) if "output" in description["memories"][b]["keeps"]]
    for key in keys:
        cycles = cycles_on_ever_faster(description, key, case)
        assert cycles == sorted(cycles, reverse=True), key


@on_every_machine
def test_more_room_in_a_buffer_is_never_slower(architecture: str, name: str) -> None:
    description, layer, mapping = case_of(architecture, name)
    small = one_stream_per_port(description)
    before = measured(small, layer, mapping)["cycles"]
    for buffer in buffers_of(small):
        size = "bank_bytes" if "bank_bytes" in small["memories"][buffer] else "capacity_bytes"
        large = changed(small, **{f"memories__{buffer}__{size}": 4 * small["memories"][buffer][size]})
        assert measured(large, layer, mapping)["cycles"] <= before


@on_every_spatial_machine
def test_spare_rows_and_columns_only_add_unmapped_pes(architecture: str, name: str) -> None:
    description, layer, mapping = case_of(architecture, name)
    array = description["array"]
    large = changed(description, array__rows=array["rows"] + 2, array__columns=array["columns"] + 3)
    assert_only_idle_pes_differ(measured(description, layer, mapping), measured(large, layer, mapping))
