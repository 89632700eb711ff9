"""Eyexam of systolic arrays: what can lie where, traffic by hand, tables."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from systolic_files import MEMORIES, description

import simulator
from simulator.cli import main
from simulator.dataflows import map_layer
from simulator.eyexam.freedom import freedom_of
from simulator.eyexam.parallel import stored_bits
from simulator.eyexam.steps import bounds_of
from simulator.eyexam.traffic import Traffic
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import ONES, Loop
from simulator.names import DATA_TYPES, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.product import as_product, touched
from simulator.spec.validation import validate
from simulator.studies.bounds_tables import roofline_of


def machine(name: str = "sysm", **array: object) -> Architecture:
    return validate(Architecture, description(name, **array), name)


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


PRODUCT = Layer("product", {**dict.fromkeys("PQRS", 1), "N": 40, "G": 1, "M": 20, "C": 30})  # type: ignore[dict-item]


@pytest.mark.parametrize(("stationary", "rows", "columns"), [("weight", "C", "M"), ("input", "C", "N"), ("output", "N", "M")])
def test_what_stays_says_what_lies_where(stationary: str, rows: Dimension, columns: Dimension) -> None:
    own = machine(stationary=stationary)
    freedom = freedom_of(PRODUCT, map_layer(PRODUCT, own, "systolic"), own)
    assert (freedom.rows, freedom.columns) == ((rows,), (columns,))


def test_steps_by_hand() -> None:
    """C 30 on 16 rows in 2 rounds, M 20 on 16 columns in 2: 4 folds of 40 vectors, wherever 256 PEs stand alone 3."""
    own = machine()
    bounds = bounds_of(PRODUCT, map_layer(PRODUCT, own, "systolic"), own)
    macs = 40 * 20 * 30
    found = [step.macs_per_cycle for step in bounds.most_parallel]
    assert found[0] == macs
    assert found[1] == 20 * 30
    assert found[2] == Fraction(macs, 40 * 3)  # C 30 and M 7, or M 20 and C 12: 3 rounds
    assert found[3] == found[4] == bounds.occupancy.macs_per_cycle == Fraction(macs, 40 * 4)
    assert bounds.busiest == 160


def test_a_tile_that_is_too_large_for_its_memory_limits_step_5() -> None:
    small = machine(rows=64, columns=64).replace(memories__filter_sram__capacity_bytes=256)
    mapping = Mapping("systolic", dict.fromkeys(small.memories, ()) | {"dram": (Loop("C", 2), Loop("M", 2))},
                      (Loop("C", 15),), (Loop("M", 10),), (Loop("N", 40),))  # fmt: skip
    bounds = bounds_of(PRODUCT, mapping, small)
    assert bounds.most_parallel[3].macs_per_cycle == 600
    assert bounds.most_parallel[4].macs_per_cycle == Fraction(600, 3)  # 30 x 7, 15 x 10 or 10 x 20 weights at once
    assert "filter_sram 600 bytes" in bounds.most_parallel[4].limit


def test_vectors_have_a_word_per_row_and_memories_different_ones() -> None:
    conv = Layer("conv", {"N": 1, "G": 1, "M": 4, "C": 2, "P": 4, "Q": 4, "R": 3, "S": 3}, input_size=(4, 4), padding_before=(1, 1))
    layer, own = as_product(conv), machine()
    mapping = Mapping("systolic", dict.fromkeys(own.memories, ()) | {"dram": (Loop("C", 2),)},
                      (Loop("C", 9),), (Loop("M", 4),), (Loop("N", 16),))  # fmt: skip
    traffic = Traffic(layer, mapping, own)
    assert traffic.stream_words() == {"weight": 72, "input": 2 * 16 * 9, "psum_in": 0, "psum_out": 2 * 16 * 4}
    loads = traffic.loads()
    assert loads["ifmap_sram.outer_write"].words == 32  # 4 x 4 of both channels, padding made on the way
    assert touched(conv, (0, 16), (0, 9)) == (36, 20)
    assert "dram.link" in loads
    assert loads["dram.link"].words == 32 + 72 + 64


@pytest.mark.parametrize("data_type", DATA_TYPES)
def test_homes_on_the_chip_hold_everything(data_type: DataType) -> None:
    own = machine("on_chip")
    conv = Layer("conv", {"N": 1, "G": 1, "M": 4, "C": 2, "P": 4, "Q": 4, "R": 3, "S": 3}, input_size=(4, 4), padding_before=(1, 1))
    whole = {"weight": 4 * 2 * 9, "input": 2 * 16, "output": 4 * 16}
    found = stored_bits(as_product(conv), own, ONES)
    assert found[own.home(data_type)] == (8 * whole[data_type], False)


@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("stationary", DATA_TYPES)
def test_bounds_of_every_machine_hold(name: str, stationary: str) -> None:
    found = simulator.bounds(machine(name, stationary=stationary), "net.yaml")
    assert found.violations == []
    assert list(found.layers) == ["CONV", "POINT", "FC"]
    for layer in found.layers.values():
        counted = {port: row["words"] for port, row in layer.result.ports.items()}
        assert {load.name: load.words for load in layer.bounds.loads.values()} == counted


def test_links_of_every_dram_are_off_chip(capsys: pytest.CaptureFixture[str]) -> None:
    found = simulator.bounds("two_drams.yaml", "net.yaml")
    levels = {level.title: level.ports for level in roofline_of(found).levels}
    assert levels["off-chip link, 16 B/cycle"] == "weight_dram.link"
    assert levels["off-chip link, 8 B/cycle"] == "ddr.link"
    assert levels["buffers, 32 B/cycle"] == "glb.read"
    unified = roofline_of(simulator.bounds("unified.yaml", "net.yaml"))
    assert [level.title for level in unified.levels] == ["off-chip link, 16 B/cycle", "buffers, 16 B/cycle"]


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", "unified.yaml", "net.yaml", "--json", "--plot", "roof.png", "--plot-cycles", "cycles.png") == 0
    data = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in data["layers"]] == ["CONV", "POINT", "FC"]
    assert data["peak_macs_per_cycle"] == 256
    assert called("bounds", "on_chip.yaml", "net.yaml", "--reasons") == 0
    assert "16 x 16 PEs: rows C 16, columns M 1" in " ".join(capsys.readouterr().out.split())


def test_layers_of_one_name_keep_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    found = simulator.bounds("sysm.yaml", "net.yaml", batch=2)
    assert all(layer.bounds.layer.name == name for name, layer in found.layers.items())
    assert replace(PRODUCT, name="other").shape == PRODUCT.shape
