import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_samples import assert_every_mac_once, conv, machine

import simulator.dataflows
from simulator.components.base import Registry
from simulator.dataflows import dataflows, map_layer
from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.mapping.file import Entry
from simulator.mapping.traffic import array_work, cost
from simulator.names import REDUCTION
from simulator.spec.layer import Layer

STATIONARY = ["weight_stationary", "output_stationary", "input_stationary"]

layers = st.builds(
    conv,
    N=st.integers(1, 3),
    G=st.integers(1, 3),
    M=st.integers(1, 20),
    C=st.integers(1, 18),
    P=st.integers(1, 7),
    Q=st.integers(1, 7),
    R=st.integers(1, 3),
    S=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
)


def test_the_four_dataflows():
    assert {*STATIONARY, "row_stationary"} <= set(dataflows())


@pytest.mark.parametrize("dataflow", STATIONARY)
@pytest.mark.parametrize("arch", ["ws16", "os16", "eyeriss_v1"])
@settings(max_examples=6, deadline=None)
@given(layer=layers)
def test_every_mac_once(dataflow, arch, layer):
    assert_every_mac_once(map_layer(layer, machine(arch), dataflow), layer)


def mac_layers(workload, batch):
    unique = {x.shape: x for x in load_workload(workload).lower(batch) if isinstance(x, Layer)}
    return list(unique.values())


PAIRS = [("ws16", "weight_stationary"), ("os16", "output_stationary"), ("eyeriss_v1", "row_stationary")]
WORKLOADS = ["alexnet", "vgg16", "resnet18", "mobilenet_v1"]


@pytest.mark.parametrize(("arch", "dataflow"), PAIRS)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_shipped_workloads_map_to_sane_numbers_of_passes(arch, dataflow, workload):
    machine_ = machine(arch)
    for layer in mac_layers(workload, 1):
        work = array_work(map_layer(layer, machine_, dataflow), layer, machine_)
        assert work.passes < 60_000, layer.name
        assert work.steps < 5_000_000, layer.name


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["ws16", "os16", "eyeriss_v1"])
@pytest.mark.parametrize("dataflow", STATIONARY)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("batch", [3, 16])
def test_every_stationary_dataflow_maps_everything(arch, dataflow, workload, batch):
    for layer in mac_layers(workload, batch):
        map_layer(layer, machine(arch), dataflow)


def test_weights_stay_for_a_pass():
    mapping = map_layer(conv(M=64, C=64, P=14, Q=14), machine("ws16"), "weight_stationary")
    assert {loop.dimension for loop in mapping.steps} <= {"N", "P", "Q"}


def test_inputs_stay_for_a_pass():
    mapping = map_layer(conv(M=64, C=64, P=14, Q=14), machine("ws16"), "input_stationary")
    assert {loop.dimension for loop in mapping.steps} <= {"M"}


@pytest.mark.parametrize("C", [8, 64, 1024])
def test_outputs_stay_until_they_are_done(C):
    """Each output leaves its PE once: all reduction loops are inside all output loops."""
    layer, arch = conv(M=128, C=C, P=14, Q=14), machine("os16")
    mapping = map_layer(layer, arch, "output_stationary")
    summed = [loop.dimension in REDUCTION for loop in mapping.outer + mapping.steps if loop.trips > 1]
    assert summed == sorted(summed)
    assert array_work(mapping, layer, arch).words["psum_out"] == 128 * 14 * 14
    assert not any(loop.dimension in REDUCTION for loop in mapping.spatial)


def test_the_same_layer_maps_the_same_way():
    first, second = (map_layer(conv(M=30, C=20, P=9), machine("ws16"), "weight_stationary") for _ in range(2))
    assert first == second


def test_cost_counts_a_layer_that_can_be_counted_by_hand():
    """A 1x1 layer of one pixel on one column: 16 channels summed by 16 PEs, one MAC each."""
    layer, arch = conv(M=1, C=16, P=1, Q=1, R=1, S=1), machine("ws16")
    entry = Entry("layers.L", None, loops=map_layer(layer, arch, "weight_stationary"))
    mapping = map_layer(layer, arch, "weight_stationary", entry)
    work = array_work(mapping, layer, arch)
    assert work.words == {"weight": 16, "input": 16, "psum_in": 0, "psum_out": 1}
    off_chip_bytes = 2 * (16 + 16 + 1)
    assert cost(mapping, layer, arch).cycles >= off_chip_bytes / 16


def test_unknown_dataflow_names_the_nearest():
    with pytest.raises(InputError, match="weight_stationary"):
        map_layer(conv(), machine("ws16"), "weigth_stationary")


def test_parameters_for_a_dataflow_that_has_none():
    with pytest.raises(InputError, match="takes no parameters"):
        map_layer(conv(), machine("ws16"), "weight_stationary", Entry("layers.L", None, {"m": 4}))


NEW_DATAFLOW = '''
from simulator.dataflows import Parallelism, register
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop


@register("one_pe", Parallelism(frozenset(), frozenset()))
def one_pe(layer, architecture, parameters, place):
    """Everything on one PE, one MAC a step."""
    steps = tuple(Loop(d, n) for d, n in layer.sizes.items())
    return Mapping("one_pe", dict.fromkeys(architecture.memories, ()), steps=steps)
'''


def test_a_dataflow_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "one_pe.py").write_text(NEW_DATAFLOW)
    monkeypatch.setattr(simulator.dataflows, "__path__", [*simulator.dataflows.__path__, str(tmp_path)])
    registry = Registry("simulator.dataflows")
    for name, known in simulator.dataflows._REGISTRY.all().items():
        registry.add(name, known)
    monkeypatch.setattr(simulator.dataflows, "_REGISTRY", registry)
    layer = conv()
    try:
        assert "one_pe" in dataflows()
        assert_every_mac_once(map_layer(layer, machine("ws16"), "one_pe"), layer)
    finally:
        sys.modules.pop("simulator.dataflows.one_pe", None)
