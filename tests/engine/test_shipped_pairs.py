"""Every shipped workload on every shipped architecture."""

from functools import cache
from math import ceil

import pytest

import simulator
from simulator.errors import InputError
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.spec.catalog import shipped
from simulator.spec.layer import VectorLayer

TOO_LARGE = {("stonne_os", w): ("memory", "weight") for w in ("alexnet", "alexnet_isca2016", "gpt2", "llama3_8b", "vgg16")}
"""Weights at home on chip that do not fit there: in which memory, and of what there is most."""
LONG = {("eyeriss_v1", "vgg16"), ("scalesim_is", "vgg16")}


def pairs() -> list[object]:
    every = [(a, w) for a in shipped("architecture") for w in shipped("workload") if (a, w) not in TOO_LARGE]
    return [pytest.param(*pair, marks=[pytest.mark.slow] if pair in LONG else []) for pair in every]


@cache
def ran(architecture: str, workload: str) -> simulator.Run:
    return simulator.simulate(architecture, workload)


@pytest.mark.parametrize(("architecture", "workload"), pairs())
def test_every_pe_cycle_and_every_layer_is_accounted_for(architecture: str, workload: str) -> None:
    run = ran(architecture, workload)
    lowered = simulator.load_workload(workload).lower(1)
    assert [layer.name for layer in run.not_simulated] == [
        x.name for x in lowered if isinstance(x, VectorLayer)
    ]
    assert list(run.layers) == [x.name for x in lowered if not isinstance(x, VectorLayer)]
    for nest in lowered:
        if isinstance(nest, VectorLayer):
            continue
        layer = run.layers[nest.name]
        assert layer.macs == layer.pe_cycles["mac"] == nest.macs
        assert tuple(layer.pe_cycles) == PE_CYCLE_NAMES
        assert min(layer.pe_cycles.values()) >= 0
        assert sum(layer.pe_cycles.values()) == layer.pes * layer.cycles
        for name in STALL_NAMES:
            assert sum(layer.stall_causes[name].values()) == layer.pe_cycles[name]
        home = layer.words[run.architecture.home("output")]["output"]
        sizes = nest.sizes
        assert (
            home["array_write"] - home["array_read"]
            == sizes["N"] * sizes["G"] * sizes["M"] * sizes["P"] * sizes["Q"]
        )
        for name, port in layer.ports.items():
            assert port["busy_cycles"] <= layer.cycles * (1 + 1e-12), name
    assert sum(run.total.pe_cycles.values()) == run.total.pes * run.total.cycles
    assert run.total.energy_pj == pytest.approx(sum(layer.energy_pj for layer in run.layers.values()))


@pytest.mark.parametrize(("architecture", "workload"), TOO_LARGE)
def test_what_does_not_fit_at_home_is_refused_with_the_numbers(architecture: str, workload: str) -> None:
    memory, data_type = TOO_LARGE[architecture, workload]
    room = 8 * simulator.load_architecture(architecture).memories[memory].model_dump()["capacity_bytes"]
    with pytest.raises(InputError) as refused:
        ran(architecture, workload)
    for problem in refused.value.problems:
        assert f"{memory} holds {room} bits, its tiles need" in str(problem)
        assert f"({data_type} " in str(problem)


def test_what_is_not_simulated_has_its_data_volume() -> None:
    run = ran("ws16", "alexnet")
    pool = next(layer for layer in run.not_simulated if layer.name == "POOL1")
    assert pool.operator == "max pool"
    assert (pool.input_words, pool.output_words) == (96 * 55 * 55, 96 * 27 * 27)
    assert pool.bytes == 2 * (96 * 55 * 55 + 96 * 27 * 27)
    assert {"name": "POOL1"}.items() <= run.to_dict()["not_simulated"][2].items()


def test_two_processes_give_the_same_result_as_one() -> None:
    alone = ran("ws16", "alexnet")
    spread = simulator.simulate("ws16", "alexnet", jobs=2)
    assert spread.to_dict() == alone.to_dict()
    assert list(spread.layers) == list(alone.layers)


def test_one_run_after_another_gives_the_same_result() -> None:
    again = simulator.simulate("os16", "alexnet")
    assert again.to_dict() == ran("os16", "alexnet").to_dict()


def test_layers_of_one_shape_have_equal_results() -> None:
    """ResNet-18's first stage repeats one shape; simulated once or alone, each layer is reported the same."""
    run = ran("ws16", "resnet18")
    lowered = [x for x in simulator.load_workload("resnet18").lower(1) if not isinstance(x, VectorLayer)]
    by_shape: dict[object, list[str]] = {}
    for nest in lowered:
        by_shape.setdefault(nest.shape, []).append(nest.name)
    repeated = next(names for names in by_shape.values() if len(names) > 1)
    alone = simulator.simulate("ws16", "resnet18", layers=[repeated[1]]).layers[repeated[1]]
    assert alone == run.layers[repeated[1]]
    first, second = (run.layers[name].to_dict() | {"name": ""} for name in repeated[:2])
    assert first == second


LANES = 16


@pytest.mark.parametrize("workload", ["alexnet", "resnet18"])
def test_a_vector_unit_runs_what_has_no_macs_and_is_never_free(workload: str) -> None:
    architecture = simulator.load_architecture("ws16").replace(
        vector_unit={"lanes": LANES, "buffer_words": 1024}
    )
    operators = [x for x in simulator.load_workload(workload).lower(1) if isinstance(x, VectorLayer)]
    run = simulator.simulate(architecture, workload, layers=[x.name for x in operators])
    bytes_per_cycle = 16
    assert run.not_simulated == ()
    for operator in operators:
        layer = run.layers[operator.name]
        moved = 2 * (operator.input_words + operator.output_words)
        assert layer.cycles >= ceil(operator.operations / LANES)
        assert layer.cycles >= moved / bytes_per_cycle
        assert layer.bytes_dram >= moved
        assert layer.macs == 0
        assert layer.actions["vector_unit"]["all"]["operate"] == operator.operations
        assert layer.words["dram"]["input"]["array_read"] == operator.input_words
        assert layer.words["dram"]["output"]["array_write"] == operator.output_words
        assert layer.pe_cycles["between"] == sum(layer.pe_cycles.values()) == layer.pes * layer.cycles
        assert layer.energy_pj > 0


def test_a_whole_network_on_a_machine_with_a_vector_unit() -> None:
    architecture = simulator.load_architecture("ws16").replace(
        vector_unit={"lanes": LANES, "buffer_words": 1024}
    )
    run = simulator.simulate(architecture, "alexnet")
    without = ran("ws16", "alexnet")
    assert list(run.layers) == [x.name for x in simulator.load_workload("alexnet").layers]
    added = sum(layer.cycles for name, layer in run.layers.items() if name not in without.layers)
    assert run.total.cycles == without.total.cycles + added
