"""What the TPU's paper says of other TPUs (ISCA 2017, section 7 and figure 11), and what must hold by arithmetic alone."""

from functools import cache
from math import ceil
from pathlib import Path

import pytest

import simulator
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture

MLPS = [("tpu_mlp0", 200), ("tpu_mlp1", 168)]
LAYERS = {"tpu_mlp0": (5, 2000), "tpu_mlp1": (4, 1118)}
GB_PER_S, MHZ = 34, 700
LARGE = 512


@cache
def shipped() -> Architecture:
    return load_architecture("tpu_v1")


@cache
def with_large_unit() -> Architecture:
    """512 x 512 PEs, tiles of their size in DRAM and FIFO, ports as wide, and four times the accumulators."""
    sides = {
        "unified_buffer": ("read_words_per_cycle", "write_words_per_cycle"),
        "weight_fifo": ("read_words_per_cycle",),
        "accumulators": ("write_words_per_cycle", "outer_read_words_per_cycle"),
    }
    wider = {f"memories__{memory}__{rate}": LARGE for memory, rates in sides.items() for rate in rates}
    return shipped().replace(
        array__rows=LARGE, array__columns=LARGE, **wider, memories__weight_dram__burst_bytes=LARGE**2,
        memories__weight_fifo__capacity_bytes=4 * LARGE**2, memories__accumulators__capacity_bytes=4 << 22,
    )  # fmt: skip


def milliseconds_for_weights(workload: str, side: int, gb_per_s: float) -> float:
    """For tiles that are read whole, one after another."""
    layers, width = LAYERS[workload]
    return layers * ceil(width / side) ** 2 * side**2 / gb_per_s / 1e6


@pytest.mark.parametrize(("workload", "batch"), MLPS)
def test_four_times_the_bandwidth_gains_most_of_that(workload: str, batch: int) -> None:
    """The paper: three times the performance for MLPs and LSTMs."""
    found = simulator.vary("tpu_v1", workload, f"weight_dram.bytes_per_cycle={GB_PER_S},{4 * GB_PER_S}", batch=batch)
    times = [outcome.total.milliseconds for _, outcome in found.finished]
    assert found.mapped == "kept"
    assert 3 < times[0] / times[1] < 4
    for time, rate in zip(times, (GB_PER_S, 4 * GB_PER_S), strict=True):
        assert time >= milliseconds_for_weights(workload, 256, rate)


@pytest.mark.parametrize(("workload", "batch"), MLPS)
def test_four_times_the_clock_gains_next_to_nothing(workload: str, batch: int) -> None:
    """The paper: almost no impact on MLPs and LSTMs."""
    found = simulator.vary("tpu_v1", workload, f"clock_mhz={MHZ},{4 * MHZ}", batch=batch)
    times = [outcome.total.milliseconds for _, outcome in found.finished]
    assert 1 < times[0] / times[1] < 1.02
    assert min(times) >= milliseconds_for_weights(workload, 256, GB_PER_S)


@pytest.mark.parametrize(("workload", "batch"), MLPS)
def test_a_larger_matrix_unit_is_no_faster(workload: str, batch: int) -> None:
    """The paper: slightly slower on average, no help to any of its networks."""
    before, after = (
        simulator.simulate(machine, workload, batch=batch).total.milliseconds for machine in (shipped(), with_large_unit())
    )
    assert after > before
    assert after >= milliseconds_for_weights(workload, LARGE, GB_PER_S)
    assert after / before == pytest.approx(
        milliseconds_for_weights(workload, LARGE, GB_PER_S) / milliseconds_for_weights(workload, 256, GB_PER_S), rel=0.05
    )


def test_the_papers_example_of_600_by_600(tmp_path: Path) -> None:
    """Nine steps and 18 us; with 512 x 512 PEs four steps and 32 us."""
    network = tmp_path / "lstm.yaml"
    network.write_text("name: lstm\nlayers:\n  - {name: A, fc: {C: 600, M: 600}}\n", encoding="utf-8")
    for machine, side, steps, published in ((shipped(), 256, 9, 18), (with_large_unit(), LARGE, 4, 32)):
        layer = simulator.simulate(machine, network, batch=96).layers["A"]
        assert (layer.passes, layer.bytes_dram) == (steps, steps * side**2)
        assert 1e3 * layer.milliseconds == pytest.approx(published, rel=0.06)
