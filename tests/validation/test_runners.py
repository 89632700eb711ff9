"""What the shipped runners measure, against runs of the same layers; and the shipped cases themselves."""

from fractions import Fraction
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest

import simulator
from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.mapping.file import Entry, read_mapping_file
from simulator.mapping.traffic import cost
from simulator.report.result import LayerResult
from simulator.spec.catalog import find, load_architecture, shipped
from simulator.spec.layer import Layer
from simulator.validation.result import Comparison

ROWS = ["A", "B", "C"]
ONE = dict.fromkeys(ROWS, 1)


def quantities(**units: str) -> dict[str, Any]:
    """Quantities whose published values are all 1."""
    shared = {"source": "made up", "published": ONE, "total": 1, "tolerance": {"each_pct": 1}}
    return {name: {"title": name, "unit": unit, **shared} for name, unit in units.items()}


def simulated(path: Path) -> dict[str, dict[str, float]]:
    """What a case measures, by quantity and row, the total among them."""

    def values(comparison: Comparison) -> dict[str, float]:
        assert comparison.total is not None
        return {row.name: row.simulated for row in (*comparison.rows, comparison.total)}

    return {x.quantity: values(x) for x in simulator.validate(path).cases[0].comparisons}


def on_chip_pj(result: LayerResult) -> float:
    dram = sum(pj for actions in result.energy["dram"].values() for pj in actions.values())
    return result.energy_pj - dram


def test_a_chip_is_measured_with_and_without_waiting_for_dram(case_file: Any) -> None:
    asked = quantities(processing_ms="ms", total_ms="ms", active_pes="PEs", glb_mb="MB", dram_mb="MB", power_mw="mW")
    described = {"architecture": "eyeriss_v1", "workload": str(Path(case_file()).parent / "three.yaml"), "batch": 2}
    found = simulated(case_file(runner="chip", run=described, quantities=asked))
    run = simulator.simulate("eyeriss_v1", described["workload"], batch=2)
    overlapped = simulator.simulate("eyeriss_v1", described["workload"], batch=2, relax=["dram"])
    results = {**run.layers, "total": run.total}
    assert run.total.cycles > overlapped.total.cycles
    assert found["total_ms"] == {name: x.cycles / 200e3 for name, x in results.items()}
    relaxed = {**overlapped.layers, "total": overlapped.total}
    assert found["processing_ms"] == {name: x.cycles / 200e3 for name, x in relaxed.items()}
    active, cycles = ({name: getattr(x, key) for name, x in overlapped.layers.items()} for key in ("active_pes", "cycles"))
    mean = sum(active[name] * cycles[name] for name in ROWS) / sum(cycles.values())
    assert found["active_pes"] == {**active, "total": round(mean)}
    assert found["dram_mb"] == {name: x.bytes_dram / 1e6 for name, x in results.items()}
    assert found["glb_mb"] == {name: (x.bytes_glb or 0) / 1e6 for name, x in results.items()}
    for name, result in results.items():
        joules, seconds = on_chip_pj(result) * 1e-12, result.cycles / 200e6
        assert found["power_mw"][name] == pytest.approx(1e3 * joules / seconds)


def test_a_chip_without_a_buffer_of_that_name_is_refused(case_file: Any, tmp_path: Path) -> None:
    text = Path(find("architecture", "ws16")).read_text(encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("glb", "sram0"), encoding="utf-8")
    names = load_architecture("ws16").memories
    described = {"architecture": str(other) if "glb" in names else "ws16", "workload": str(tmp_path / "three.yaml")}
    with pytest.raises(InputError, match=r"glb_mb: a machine with a buffer called glb was expected"):
        simulator.validate(case_file(runner="chip", run=described, quantities=quantities(glb_mb="MB")))


def test_relative_energy_is_in_units_of_one_mac(case_file: Any, tmp_path: Path) -> None:
    """MACs of the layers: 4 x 8, 8 x 8 and 8 x 16; a DRAM word costs 200."""
    asked = quantities(alu="1e9 MACs", dram="1e9 MACs", rf="1e9 MACs")
    described = {"architecture": "eyeriss_isca2016", "workload": str(tmp_path / "three.yaml"), "energy": "eyeriss_normalized"}
    found = simulated(case_file(runner="relative_energy", run=described, quantities=asked))
    assert found["alu"] == pytest.approx({"A": 32e-9, "B": 64e-9, "C": 128e-9, "total": 224e-9})
    run = simulator.simulate("eyeriss_isca2016", described["workload"])
    for name, layer in run.layers.items():
        words = {part: sum(sum(x.values()) for x in layer.actions[part].values()) for part in ("dram", "scratchpad")}
        assert found["dram"][name] == pytest.approx(200e-9 * words["dram"])
        assert found["rf"][name] == pytest.approx(1e-9 * words["scratchpad"])


def test_relative_energy_needs_a_relative_table(case_file: Any, tmp_path: Path) -> None:
    described = {"architecture": "ws16", "workload": str(tmp_path / "three.yaml"), "energy": "horowitz_45nm"}
    with pytest.raises(InputError, match=r"run\.energy: .* in units of one MAC was expected.*horowitz_45nm"):
        simulator.validate(case_file(runner="relative_energy", run=described, quantities=quantities(alu="1e9 MACs")))


def test_cases_are_followed_one_by_one(case_file: Any) -> None:
    seen: list[tuple[int, int, str]] = []
    simulator.validate(case_file(), progress=lambda *told: seen.append(told))
    assert seen == [(1, 1, "tiny")]


def test_the_cycles_of_a_matrix_unit_are_those_of_its_first_pe(case_file: Any, tmp_path: Path) -> None:
    """300 x 300 weights are 4 tiles of 256 or 44 rows, each for 90 vectors; one comes every 65,536 ÷ (34 ÷ 0.7) = 1,349.4 cycles.

    Of the 212 rows of zeros above 44 others, 90 enter beside vectors of the tile before, the others right behind them.
    """
    network = tmp_path / "square.yaml"
    network.write_text("name: square\nlayers:\n  - {name: A, fc: {C: 300, M: 300}}\n", encoding="utf-8")
    asked = {"matrix_cycles_pct": {
        "title": "split", "unit": "% of these three", "source": "made up", "tolerance": {"each_points": 1},
        "published": {"active": 10, "weight stall": 70, "weight shift": 20},
    }}  # fmt: skip
    described = {"architecture": "tpu_v1", "workload": str(network), "batch": 90}
    path = case_file(runner="matrix_unit", run=described, rows=["A"], quantities=asked)
    found = {row.name: row.simulated for row in simulator.validate(path).cases[0].comparisons[0].rows}
    active, shift = 4 * 90, 2 * (256 + 44 + 212 - 90)
    come, first_row_crosses = ceil(4 * Fraction(65536 * 700, 34 * 1000)), 1
    last_begins = come + first_row_crosses + 44
    stall = last_begins - 3 * 90 - shift
    wanted = {"active": active, "weight stall": stall, "weight shift": shift}
    assert found == pytest.approx({part: 100 * n / (active + stall + shift) for part, n in wanted.items()})


def test_a_matrix_unit_has_stationary_weights(case_file: Any, tmp_path: Path) -> None:
    asked = {"matrix_cycles_pct": {
        "title": "split", "unit": "% of these three", "source": "made up", "tolerance": {"each_points": 1},
        "published": {"active": 10, "weight stall": 70, "weight shift": 20},
    }}  # fmt: skip
    for machine in ("ws16", "scalesim_os"):
        described = {"architecture": machine, "workload": str(tmp_path / "three.yaml")}
        with pytest.raises(InputError, match="a systolic array with stationary weights was expected"):
            simulator.validate(case_file(runner="matrix_unit", run=described, quantities=asked))


@pytest.mark.parametrize("name", shipped("case"))
def test_shipped_cases_are_within_their_tolerances(name: str) -> None:
    assert simulator.validate(name).misses == ()


MACHINE = load_architecture("eyeriss_isca2016")
ENTRIES = read_mapping_file(find("mapping", "eyeriss_isca2016_alexnet")).entries
LAYERS = {layer.name: layer for layer in load_workload("alexnet_isca2016").lower(16) if isinstance(layer, Layer)}


def energy(layer: Layer, parameters: dict[str, int]) -> float | None:
    """Relative energy of a mapping; None where it does not fit."""
    try:
        mapping = map_layer(layer, MACHINE, "row_stationary", Entry("layers.L", "row_stationary", parameters))
    except InputError:
        return None
    return cost(mapping, layer, MACHINE).energy


@pytest.mark.parametrize("name", ENTRIES)
def test_no_single_change_takes_less_energy(name: str) -> None:
    """One parameter changed at a time, and as many drawn at random: the mapping is at least a local minimum."""
    layer, shipped_ones = LAYERS[name], ENTRIES[name].parameters
    assert shipped_ones is not None
    least = energy(layer, shipped_ones)
    assert least is not None
    size, pe = layer.sizes, MACHINE.spatial.pe
    ranges = {
        "m": range(1, size["M"] + 1, max(1, size["M"] // 64)), "n": range(1, 17), "e": range(1, size["P"] + 1),
        "p": range(1, pe.psum_words + 1), "q": range(1, pe.input_words // size["S"] + 1), "r": range(1, 17), "t": range(1, 17),
    }  # fmt: skip
    others = [{**shipped_ones, key: value} for key, values in ranges.items() for value in values]
    random = Random(1)
    others += [{key: random.choice(values) for key, values in ranges.items()} for _ in range(len(others))]
    found = [spent for other in others if (spent := energy(layer, other)) is not None]
    assert len(found) > 20
    assert min(found) >= least
