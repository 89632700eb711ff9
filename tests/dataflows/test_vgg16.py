"""VGG-16 on Eyeriss v1 with a mapping file of m n e p q r t per layer."""

from pathlib import Path

import by_hand
import pytest

import simulator
from simulator.formats.load import load_workload
from simulator.mapping.file import read_mapping_file
from simulator.spec.layer import Layer

MAPPING = Path(__file__).parent / "vgg16_mapping.yaml"
GIVEN = {key: entry.parameters for key, entry in read_mapping_file(MAPPING).entries.items()}
BATCH = 3
LAYERS = {layer.name: layer for layer in load_workload("vgg16").lower(BATCH) if isinstance(layer, Layer)}
PSUM_WORDS_PER_CYCLE = 4


@pytest.fixture(scope="module")
def run() -> simulator.Run:
    return simulator.simulate("eyeriss_v1", "vgg16", batch=BATCH, layers=list(GIVEN), mapping=MAPPING, relax=["dram"])


@pytest.mark.parametrize("name", GIVEN)
def test_counts_are_those_made_by_hand(run: simulator.Run, name: str) -> None:
    layer, found = LAYERS[name], run.layers[name]
    x = by_hand.used(layer, GIVEN[name] or {})
    assert found.macs == found.pe_cycles["mac"] == layer.macs
    assert sum(found.pe_cycles.values()) == found.pes * found.cycles
    assert found.active_pes == by_hand.active_pes(layer, x)
    assert found.bytes_glb == by_hand.published_bytes(layer, x)


@pytest.mark.parametrize("name", GIVEN)
def test_no_layer_is_faster_than_its_psums_or_its_pes(run: simulator.Run, name: str) -> None:
    layer = LAYERS[name]
    x = by_hand.used(layer, GIVEN[name] or {})
    assert run.layers[name].cycles >= max(psum_cycles(layer, x), pe_cycles(layer, x))


@pytest.mark.parametrize("name", ["CONV3-1", "CONV3-2", "CONV5-3"])
def test_few_channels_per_pass_are_bound_by_the_psum_networks(run: simulator.Run, name: str) -> None:
    layer = LAYERS[name]
    x = by_hand.used(layer, GIVEN[name] or {})
    assert psum_cycles(layer, x) > pe_cycles(layer, x)
    assert run.layers[name].cycles == pytest.approx(psum_cycles(layer, x), rel=0.01)


def psum_cycles(layer: Layer, x: by_hand.Values) -> float:
    """How long all psums take to cross in one direction."""
    return by_hand.buffer_words(layer, x)[1] / PSUM_WORDS_PER_CYCLE


def pe_cycles(layer: Layer, x: by_hand.Values) -> int:
    """MACs of the busiest PE of every step, and one cycle for each psum that it adds."""
    taps, columns = layer.sizes["S"], layer.sizes["Q"]
    return sum(
        one.images * columns * min(one.filters, x["p"]) * (min(one.channels, x["q"]) * taps + 1)
        for one in by_hand.passes(layer, x)
    )
