"""Eyeriss v1 on AlexNet: what the chip's paper prints and what follows from its mapping."""

from math import ceil

import pytest

import simulator
from simulator.names import STALL_NAMES

LAYERS = ("CONV1", "CONV2", "CONV3", "CONV4", "CONV5")
BATCH = 4
# Chen, Krishna, Emer, Sze, "Eyeriss", IEEE JSSC 52(1), 2017, table V.
PUBLISHED_ACTIVE_PES = dict(zip(LAYERS, (154, 135, 156, 156, 156), strict=True))
PUBLISHED_ACTIVE_PES_TOGETHER = 148
PUBLISHED_GLB_MB = dict(zip(LAYERS, (18.5, 77.6, 50.2, 37.4, 24.9), strict=True))

# M and C of the whole layer, groups, output height and width, filter, stride, unpadded input, padding; and e q r p t:
# table III, except CONV3's q r t, which are those that agree with the published traffic.
SHAPES = {
    "CONV1": {"M": 96, "C": 3, "G": 1, "P": 55, "R": 11, "stride": 4, "W": 227, "pad": 0, "e": 7, "qr": 1, "pt": 32},
    "CONV2": {"M": 256, "C": 96, "G": 2, "P": 27, "R": 5, "stride": 1, "W": 27, "pad": 2, "e": 27, "qr": 2, "pt": 16},
    "CONV3": {"M": 384, "C": 256, "G": 1, "P": 13, "R": 3, "stride": 1, "W": 13, "pad": 1, "e": 13, "qr": 6, "pt": 32},
    "CONV4": {"M": 384, "C": 384, "G": 2, "P": 13, "R": 3, "stride": 1, "W": 13, "pad": 1, "e": 13, "qr": 6, "pt": 32},
    "CONV5": {"M": 256, "C": 384, "G": 2, "P": 13, "R": 3, "stride": 1, "W": 13, "pad": 1, "e": 13, "qr": 6, "pt": 32},
}  # fmt: skip


@pytest.fixture(scope="module")
def run() -> simulator.Run:
    return simulator.simulate("eyeriss_v1", "alexnet", batch=BATCH, layers=LAYERS)


def glb_bytes(s: dict[str, int]) -> int:
    """Psums go in and out once per pass over channels, inputs go in once per pass over filters, strips overlap."""
    psum_rounds = ceil(s["C"] // s["G"] / s["qr"])
    psums = 2 * s["M"] * BATCH * s["P"] * s["P"] * psum_rounds
    strips = [min(s["e"], s["P"] - first) for first in range(0, s["P"], s["e"])]
    rows = sum((outputs - 1) * s["stride"] + s["R"] for outputs in strips)
    filter_rounds = ceil(s["M"] // s["G"] / s["pt"])
    inputs = BATCH * s["C"] * rows * (s["W"] + 2 * s["pad"]) * filter_rounds
    return 2 * (psums + inputs)


def macs(s: dict[str, int]) -> int:
    return BATCH * s["M"] * (s["C"] // s["G"]) * s["P"] ** 2 * s["R"] ** 2


@pytest.mark.parametrize("name", LAYERS)
def test_active_pes_are_the_published_ones(run: simulator.Run, name: str) -> None:
    assert run.layers[name].active_pes == PUBLISHED_ACTIVE_PES[name]


def test_active_pes_of_all_layers_together(run: simulator.Run) -> None:
    assert run.total.active_pes == PUBLISHED_ACTIVE_PES_TOGETHER


@pytest.mark.parametrize("name", LAYERS)
def test_buffer_traffic_is_the_published_one(run: simulator.Run, name: str) -> None:
    assert run.layers[name].bytes_glb == pytest.approx(PUBLISHED_GLB_MB[name] * 1e6, rel=0.005)


@pytest.mark.parametrize("name", LAYERS)
def test_buffer_traffic_follows_from_the_mapping(run: simulator.Run, name: str) -> None:
    assert run.layers[name].bytes_glb == glb_bytes(SHAPES[name])


@pytest.mark.parametrize("name", LAYERS)
def test_macs_are_all_done(run: simulator.Run, name: str) -> None:
    layer = run.layers[name]
    assert layer.macs == macs(SHAPES[name])
    assert layer.pe_cycles["mac"] == layer.macs  # one MAC per PE and cycle


@pytest.mark.parametrize("name", LAYERS)
def test_every_pe_cycle_has_one_name_and_every_stall_a_cause(run: simulator.Run, name: str) -> None:
    layer = run.layers[name]
    assert layer.pes == 12 * 14
    assert sum(layer.pe_cycles.values()) == layer.pes * layer.cycles
    for stall in STALL_NAMES:
        assert sum(layer.stall_causes[stall].values()) == layer.pe_cycles[stall]


@pytest.mark.parametrize("name", LAYERS)
def test_pes_outside_the_mapping_are_unmapped(run: simulator.Run, name: str) -> None:
    """CONV2 uses 135 PEs in every pass, CONV3 to CONV5 use 156: the rest has no work while the array runs."""
    layer = run.layers[name]
    running = layer.cycles - layer.pe_cycles["between"] // layer.pes
    if layer.mean_active_pes == layer.active_pes:
        assert layer.pe_cycles["unmapped"] == (layer.pes - layer.active_pes) * running


def test_first_psums_are_read_from_the_buffer_as_zeros(run: simulator.Run) -> None:
    for name in LAYERS:
        s, layer = SHAPES[name], run.layers[name]
        assert layer.words_created["glb"]["zero_psums"] == BATCH * s["M"] * s["P"] ** 2


def test_outputs_come_home_once_and_weights_never_cross_the_global_buffer(run: simulator.Run) -> None:
    for name in LAYERS:
        s, layer = SHAPES[name], run.layers[name]
        assert layer.words["dram"]["output"]["array_write"] == BATCH * s["M"] * s["P"] ** 2
        assert "weight" not in layer.words["glb"]


def test_active_pes_when_dram_never_limits_as_the_published_processing_time() -> None:
    run = simulator.simulate("eyeriss_v1", "alexnet", batch=BATCH, layers=LAYERS, relax=("dram",))
    assert run.total.active_pes == PUBLISHED_ACTIVE_PES_TOGETHER
