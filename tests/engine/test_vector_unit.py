"""Operators without MACs on a vector unit: their ports are reported and relaxed like any other."""

from typing import Any

import pytest

import simulator
from simulator.spec.layer import VectorLayer

PORTS = "a vector layer's DRAM port is called link, is not relaxed by its own name, and is the only one reported"


def machine(**changes: Any) -> simulator.Architecture:
    unit = {"lanes": 16, "buffer_words": 1024}
    return simulator.load_architecture("ws16").replace(vector_unit=unit, **changes)


def pool(architecture: simulator.Architecture, *relax: str) -> simulator.LayerResult:
    return simulator.simulate(architecture, "alexnet", layers=["POOL1"], relax=relax).layers["POOL1"]


@pytest.fixture(scope="module")
def operator() -> VectorLayer:
    (lowered,) = simulator.load_workload("alexnet").select(["POOL1"]).lower(1)
    assert isinstance(lowered, VectorLayer)
    return lowered


def test_work_and_transfers_bound_the_cycles(operator: VectorLayer) -> None:
    """Chunks go through a buffer of finite size, so latency shows; without it and with a fast link the lanes decide."""
    layer = pool(machine())
    free = pool(machine(memories__dram__latency_cycles=0), "dram")
    lanes = layer.ports["vector_unit"]
    assert lanes["words"] == operator.operations
    assert operator.operations / 16 <= lanes["busy_cycles"] <= free.cycles <= layer.cycles
    assert free.cycles == lanes["busy_cycles"]


def test_more_lanes_are_never_slower() -> None:
    wide = machine().replace(vector_unit__lanes=64)
    assert pool(wide).cycles <= pool(machine()).cycles


def test_its_dram_port_has_the_name_that_it_has_everywhere() -> None:
    assert "dram.link" in pool(machine()).ports


def test_a_single_port_can_be_relaxed() -> None:
    assert pool(machine(), "dram.link").cycles == pool(machine(), "dram").cycles


def test_separate_directions_are_two_ports(operator: VectorLayer) -> None:
    ports = pool(machine(memories__dram__directions="separate", memories__dram__burst_bytes=1)).ports
    assert ports["dram.read"]["words"] == 2 * operator.input_words
    assert ports["dram.write"]["words"] == 2 * operator.output_words


def test_a_total_says_what_each_stream_moved() -> None:
    run = simulator.simulate(machine(), "alexnet", layers=["CONV1", "POOL1", "CONV2"])
    for name, port in run.total.ports.items():
        parts = [layer.ports[name] for layer in run.layers.values() if name in layer.ports]
        assert port["words"] == sum(part["words"] for part in parts), name
        streams = {stream for part in parts for stream in part["by_stream"]}
        expected = {stream: sum(part["by_stream"].get(stream, 0) for part in parts) for stream in streams}
        assert port["by_stream"] == expected, name


@pytest.mark.parametrize(("lanes", "pace"), [(1, "its lanes"), (4096, "memory")])
def test_the_verdict_says_what_sets_the_pace(lanes: int, pace: str) -> None:
    machine = simulator.load_architecture("ws16").replace(vector_unit={"lanes": lanes, "buffer_words": 1024})
    run = simulator.simulate(machine, "alexnet", layers=["POOL1"])
    assert run.layers["POOL1"].verdict.startswith(f"runs on the vector unit, limited by {pace}")
