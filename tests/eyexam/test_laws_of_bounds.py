"""No number of a layer is above one that bounds it, and the traffic told is what the engine counts."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_machines import built, cases, changed, free_cases, measured
from random_systolic import cases as systolic_cases
from random_systolic import free_cases as free_systolic_cases

import simulator
from simulator.dataflows import dataflows
from simulator.eyexam.loss import beyond, losses
from simulator.eyexam.steps import Bounds, bounds_of
from simulator.eyexam.traffic import Traffic
from simulator.mapping.mapping import Mapping
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.product import lowered_for
from simulator.spec.relax import relaxable

Case = tuple[dict[str, Any], Layer, Mapping]
both = st.one_of(cases(), free_cases())
RLC = {"kind": "rlc", "run_bits": 3, "pairs_per_block": 2, "block_bits": 40, "end_bits": 1}


def law(examples: int) -> Any:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=quiet)


def assert_bounds_hold(bounds: Bounds, result: dict[str, Any], macs_per_cycle: int) -> None:
    cycles = result["cycles"]
    assert not bounds.violations(cycles)
    steps = bounds.steps(cycles, "measured")
    assert len(steps) == 7
    assert all(step.limit for step in steps)
    assert steps[0].macs_per_cycle == bounds.layer.macs
    assert steps[2].macs_per_cycle <= bounds.peak
    assert bounds.cycles >= bounds.busiest
    lost = losses(
        result["pe_cycles"], result["stall_causes"], macs=bounds.layer.macs, cycles=cycles, macs_per_cycle=macs_per_cycle
    )
    occupancy, seventh = bounds.occupancy.macs_per_cycle, steps[6].macs_per_cycle
    assert min(lost.values(), default=Fraction(0)) >= 0
    assert sum(lost.values()) == bounds.peak - seventh
    left = beyond(lost, bounds.peak - occupancy)
    assert min(left.values(), default=Fraction(0)) >= 0
    assert all(left[name] <= lost[name] for name in left)
    assert sum(left.values()) == occupancy - seventh


def assert_same_traffic(bounds: Bounds, traffic: Traffic, result: dict[str, Any]) -> None:
    counted = {
        name: (port["unit"], port["words"], port["limit_per_cycle"]) for name, port in result["ports"].items()
    }
    links = traffic.architecture.psum_links()
    told = {
        load.name: (load.unit, load.words, "unlimited" if load.rate is None else pytest.approx(float(load.rate)))
        for load in bounds.loads.values()
        if load.name != links
    }
    assert told == counted
    every, busiest = traffic.hops()
    assert every == (0 if links is None else result["actions"][links]["output"]["hop"])
    assert busiest <= every
    assert links is None or busiest == (bounds.loads[links].words if links in bounds.loads else 0)


@law(70)
@given(both)
def test_bounds_and_traffic_on_random_machines(case: Case) -> None:
    description, layer, mapping = case
    machine = built(description)
    bounds, result = bounds_of(layer, mapping, machine), measured(*case)
    assert_same_traffic(bounds, Traffic(layer, mapping, machine), result)
    assert_bounds_hold(bounds, result, description["array"]["pe"]["macs_per_cycle"])


@law(40)
@given(both, st.data())
def test_bounds_and_traffic_with_codecs_single_buffers_and_relaxed_resources(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case
    coded = {d: {**RLC, "level_bits": description["word_bits"][d]} for d in ("input", "output") if data.draw(st.booleans())}
    description = changed(description, memories__dram__codecs=coded)
    for name, part in list(description["memories"].items())[1:]:
        alone = [d for d in part["keeps"] if data.draw(st.booleans())]
        description = changed(description, **{f"memories__{name}__single_buffered": alone})
    zeros = {"input": Fraction(data.draw(st.integers(0, 4)), 5), "output": Fraction(data.draw(st.integers(0, 4)), 5)}
    layer = replace(layer, zeros={d: z for d, z in zeros.items() if data.draw(st.booleans())})  # type: ignore[arg-type]
    machine = built(description)
    relaxed = frozenset(data.draw(st.sets(st.sampled_from(relaxable(machine)), max_size=2)))
    bounds, result = bounds_of(layer, mapping, machine, relaxed), measured(description, layer, mapping, tuple(relaxed))
    assert_same_traffic(bounds, Traffic(layer, mapping, machine), result)
    assert_bounds_hold(bounds, result, description["array"]["pe"]["macs_per_cycle"])


systolic = st.one_of(systolic_cases(), free_systolic_cases())


@law(150)
@given(systolic, st.data())
def test_bounds_and_traffic_on_random_systolic_machines(case: Case, data: st.DataObject) -> None:
    description, layer, mapping = case
    machine = built(description)
    relaxed = frozenset(data.draw(st.sets(st.sampled_from(relaxable(machine)), max_size=2)))
    bounds, result = bounds_of(layer, mapping, machine, relaxed), measured(*case, tuple(relaxed))
    assert_same_traffic(bounds, Traffic(layer, mapping, machine), result)
    assert_bounds_hold(bounds, result, 1)


def pairs() -> Iterator[object]:
    for workload in ("alexnet", "resnet18", "mobilenet_v1", "vgg16"):
        slow = [pytest.mark.slow] if workload == "vgg16" else []
        for architecture in ("eyeriss_v1", "ws16", "os16"):
            yield pytest.param(architecture, workload, None, marks=slow)
        for dataflow in ("output_stationary", "input_stationary", "row_stationary"):
            yield pytest.param("ws16", workload, dataflow, marks=[pytest.mark.slow])
    for workload, architecture in (("alexnet", "scalesim_ws"), ("mobilenet_v1", "scalesim_os"), ("resnet18", "scalesim_is")):
        yield pytest.param(architecture, workload, None)


@cache
def ran(architecture: str, workload: str, dataflow: str | None, batch: int = 1) -> simulator.Run:
    return simulator.simulate(architecture, workload, dataflow=dataflow, batch=batch)


@pytest.mark.parametrize(("architecture", "workload", "dataflow"), list(pairs()))
def test_bounds_and_traffic_of_shipped_pairs(architecture: str, workload: str, dataflow: str | None) -> None:
    run = ran(architecture, workload, dataflow)
    assert run.spec is not None
    for layer in lowered_for(run.architecture, run.spec, 1):
        if isinstance(layer, VectorLayer):
            continue
        machine, mapping = run.architecture, run.mappings[layer.name]
        bounds, result = bounds_of(layer, mapping, machine), run.layers[layer.name].to_dict()
        assert_same_traffic(bounds, Traffic(layer, mapping, machine), result)
        assert_bounds_hold(bounds, result, run.architecture.spatial.pe.macs_per_cycle)


@pytest.mark.parametrize("dataflow", sorted(dataflows("spatial")))
def test_every_dataflow_holds_its_bounds_with_a_batch(dataflow: str) -> None:
    run = simulator.simulate("ws16", "alexnet", dataflow=dataflow, batch=3, layers=["CONV2", "FC8"])
    assert run.spec is not None
    for layer in run.spec.lower(3):
        assert isinstance(layer, Layer)
        machine, mapping = run.architecture, run.mappings[layer.name]
        bounds, result = bounds_of(layer, mapping, machine), run.layers[layer.name].to_dict()
        assert_same_traffic(bounds, Traffic(layer, mapping, machine), result)
        assert_bounds_hold(bounds, result, 1)
