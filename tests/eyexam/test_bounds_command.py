"""``stallion bounds`` and `simulator.bounds`: tables, JSON, pictures, refusals and exit codes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import simulator
import simulator.studies.bounds as study
from simulator.cli import main
from simulator.report.pictures.plots import pe_cycle_bars
from simulator.report.pictures.roofline import Level, Roofline, Spot, Staircase, draw_roofline, ranges
from simulator.report.result import Layers, Run
from simulator.studies.bounds_schemas import schemas
from simulator.studies.bounds_tables import (
    grids,
    loss_grid,
    prediction_grid,
    reason_grid,
    roofline_of,
    step_grid,
)

WORKLOAD = """
name: net
layers:
  - {name: CONV, conv: {C: 8, M: 16, H: 12, W: 12, R: 3, S: 3}}
  - {name: POOL, pool: {C: 16, H: 10, W: 10, R: 2, S: 2, stride: 2}}
  - {name: FC, fc: {C: 400, M: 50}}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(WORKLOAD, encoding="utf-8")


@pytest.fixture
def found() -> simulator.Eyexam:
    return simulator.bounds("ws16", "net.yaml", batch=2)


def called(*arguments: str) -> int:
    """Exit code of ``stallion arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    """That part of JSON Schema which is used here."""
    if "anyOf" in schema:
        assert any(matches(value, some) for some in schema["anyOf"])
        return
    if "const" in schema:
        assert value == schema["const"]
        return
    if "enum" in schema:
        assert value in schema["enum"]
        return
    kinds = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int, "boolean": bool}
    assert isinstance(value, kinds[schema["type"]])  # type: ignore[arg-type]
    assert schema["type"] == "boolean" or not isinstance(value, bool)
    if schema["type"] == "object":
        assert set(schema.get("required", ())) <= set(value)
        for key, inner in value.items():
            assert_valid(inner, schema["properties"][key] if key in schema.get("properties", {}) else schema["additionalProperties"])
    elif schema["type"] == "array":
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**6)
        for inner in value:
            assert_valid(inner, schema["items"])
    else:
        assert value >= schema.get("minimum", value)
        assert value <= schema.get("maximum", value)


def matches(value: Any, schema: dict[str, Any]) -> bool:
    try:
        assert_valid(value, schema)
    except AssertionError:
        return False
    return True


def test_the_json_has_seven_steps_per_layer_and_follows_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", "ws16", "net.yaml", "--batch", "2", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert called("schema", "bounds") == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == schemas()["bounds"]
    assert_valid(data, schema)
    assert [layer["name"] for layer in data["layers"]] == ["CONV", "FC"]
    assert data["peak_macs_per_cycle"] == 256
    assert data["without_macs"] == [{"name": "POOL", "reason": "no MACs, and no part of this machine runs it"}]
    for layer in data["layers"]:
        numbers = [step["macs_per_cycle"] for step in layer["steps"]]
        assert [step["step"] for step in layer["steps"]] == [1, 2, 3, 4, 5, 6, 7]
        assert numbers == sorted(numbers, reverse=True)
        assert numbers[0] == layer["macs"]
        assert numbers[6] == pytest.approx(layer["macs"] / layer["cycles"])
        occupancy = layer["occupancy"]["macs_per_cycle"]
        assert numbers[4] >= occupancy >= numbers[5]
        assert sum(layer["loss"]["parts"].values()) == pytest.approx(layer["loss"]["total"]) == pytest.approx(occupancy - numbers[6])
        assert layer["loss"]["predicted"] == pytest.approx(occupancy - numbers[5])
        assert layer["predicted_cycles"] == pytest.approx(layer["macs"] / numbers[5])
        link = layer["resources"]["dram.link"]
        assert link["cycles"] == pytest.approx(link["words"] / link["rate_per_cycle"])


def test_a_layer_on_the_vector_unit_has_a_reason_instead_of_steps() -> None:
    machine = simulator.load_architecture("ws16")
    machine = machine.replace(vector_unit={"lanes": 4, "buffer_words": 64}, energy="eyeriss_65nm")
    found = simulator.bounds(machine, "net.yaml", energy="eyeriss_65nm")
    assert found.without == {"POOL": "no MACs: it does not run on the PE array"}
    assert found.run.layers["POOL"].cycles > 0


def test_tables(found: simulator.Eyexam) -> None:
    assert [grid.title.split(":")[0] for grid in grids(found)][1:] == [
        "Lost between the mapping and the measurement, MAC/cycle",
        "Cycles",
        "Layers without steps",
    ]
    steps = step_grid(found)
    assert [row[0] for row in steps.rows] == ["CONV", "FC"]
    assert steps.rows[1][-1] == found.layers["FC"].bounds.binding == "dram.link"
    assert {len(row) for row in steps.rows} == {len(steps.columns)}
    assert {len(row) for row in loss_grid(found).rows} == {len(loss_grid(found).columns)}
    predicted = prediction_grid(found)
    total = predicted.rows[-1]
    assert total[0] == "total"
    assert int(total[5].replace(",", "")) == sum(layer.result.cycles for layer in found.layers.values())
    assert len(reason_grid(found.layers["FC"]).rows) == 8


def test_a_workload_without_macs_has_reasons_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", "ws16", "net.yaml", "--layer", "POOL") == 0
    assert "no part of this machine runs it" in capsys.readouterr().out


def test_relaxed_resources_have_no_roof(found: simulator.Eyexam) -> None:
    relaxed = simulator.bounds("ws16", "net.yaml", batch=2, relax=["dram"], layers=["FC"])
    layer = relaxed.layers["FC"]
    assert layer.bounds.loads["dram.link"].rate is None
    assert layer.bounds.loads["dram.link"].words == found.layers["FC"].bounds.loads["dram.link"].words
    assert layer.bounds.binding != "dram.link"
    assert layer.predicted_cycles < found.layers["FC"].predicted_cycles
    assert not any("dram.link" in level.ports for level in roofline_of(relaxed).levels)


def test_the_command_says_what_was_relaxed(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", "ws16", "net.yaml", "--layer", "FC", "--relax", "dram") == 0
    output = capsys.readouterr().out
    assert "net on ws16, batch 1 (unlimited: dram): at most" in output
    assert "Unlimited, so without a roof: dram." in output


def test_the_command_prints_tables_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", "ws16", "net.yaml", "--layer", "FC", "--reasons") == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "7 measured" in output.out
    assert "FC: why" in output.out
    assert "16 x 16 PEs: rows" in output.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ws17", "net.yaml"], "ws16"),
        (["ws16", "net.yaml", "--layer", "CONVX"], "CONV"),
        (["ws16", "net.yaml", "--relax", "drum"], "dram"),
        (["ws16", "net.yaml", "--plot", "here.bmp"], "error: --plot: a file ending in .png, .svg, .pdf was expected (got here.bmp)"),
        (["ws16", "net.yaml", "--plot-cycles", "no/here.png"], "--plot-cycles"),
        (["ws16", "net.yaml", "--plot", "p.png", "--plot-cycles", "./p.png"], "error: --plot-cycles: another file than that of --plot"),
        (["ws16", "net.yaml", "--layer", "POOL", "--plot", "p.png"], "error: net: layers: at least one simulated layer was expected"),
        (["ws16", "net.yaml", "--layer", "POOL", "--plot-cycles", "p.png"], "error: net: layers: at least one simulated layer was expected"),
        (["ws16", "net.yaml", "--json", "--reasons"], "--reasons"),
        (["ws16", "net.yaml", "--dataflow", "wight_stationary"], "weight_stationary"),
    ],
)
def test_wrong_inputs(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("bounds", *arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert told in output.err
    assert "Traceback" not in output.err


def test_a_bound_that_does_not_hold_is_said_and_ends_in_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_fast(*arguments: Any, **options: Any) -> Run:
        run = simulator.simulate(*arguments, **options)
        fast = replace(run.layers["FC"], cycles=100)
        return replace(run, layers=Layers((run.layers["CONV"], fast)))

    monkeypatch.setattr(study, "simulate", too_fast)
    assert called("bounds", "ws16", "net.yaml", "--json") == 1
    output = capsys.readouterr()
    assert "a bound does not hold: FC: step 7" in output.err
    assert "fault of the simulator" in output.err
    assert len(json.loads(output.out)["violations"]) == 1


def test_a_layer_faster_than_its_mapping_allows_is_told_too(found: simulator.Eyexam) -> None:
    """A cycle less than the busiest PE works, and no PE ever waits: there is nothing left to account for."""
    layer = found.layers["FC"]
    cycles = layer.bounds.busiest - 1
    busy = dict.fromkeys(layer.result.pe_cycles, 0) | {"mac": layer.result.macs, "unmapped": 256 * cycles - layer.result.macs}
    causes = {name: dict[str, int]() for name in layer.result.stall_causes}
    fast = replace(layer, result=replace(layer.result, cycles=cycles, pe_cycles=busy, stall_causes=causes))
    assert busy["unmapped"] >= 0
    assert len(fast.violations) == 1
    assert not fast.lost
    assert fast.steps[6].macs_per_cycle > fast.occupancy


def test_interrupted_runs_show_what_is_finished(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*arguments: Any, **options: Any) -> Run:
        run = simulator.simulate(*arguments, **options)
        return replace(run, layers=Layers((run.layers["CONV"],)), interrupted=True)

    monkeypatch.setattr(study, "simulate", stopped)
    assert called("bounds", "ws16", "net.yaml", "--json") == 130
    output = capsys.readouterr()
    assert [layer["name"] for layer in json.loads(output.out)["layers"]] == ["CONV"]
    assert "1 finished" in output.err


def test_a_run_without_mappings_or_on_data_is_refused(found: simulator.Eyexam) -> None:
    with pytest.raises(simulator.InputError, match="was not loaded from a directory"):
        study.examine(replace(found.run, mappings={}))
    with_data = simulator.simulate("ws16", "net.yaml", layers=["FC"], operands=simulator.RandomOperands({}, 0))
    with pytest.raises(simulator.InputError, match="without operands"):
        study.examine(with_data)


def test_every_layer_lies_below_its_roofs(found: simulator.Eyexam) -> None:
    drawn = roofline_of(found)
    assert drawn.peak == 256
    assert [stairs.name for stairs in drawn.layers] == ["CONV", "FC"]
    for stairs in drawn.layers:
        assert list(stairs.heights) == sorted(stairs.heights, reverse=True)
    assert [level.title.split(",")[0] for level in drawn.levels][:2] == ["off-chip link", "buffers"]
    for level in drawn.levels:
        for spot in level.spots:
            assert spot.roof == pytest.approx(spot.macs_per_byte * level.bytes_per_cycle)
            assert drawn.layers[spot.layer].heights[-1] <= spot.roof * (1 + 1e-9)
    layer, spot = found.layers["FC"], drawn.levels[0].spots[1]
    assert spot.macs_per_byte == pytest.approx(layer.result.macs / layer.result.bytes_dram)


def test_pictures_are_the_same_bytes_each_time(found: simulator.Eyexam) -> None:
    assert called("bounds", "ws16", "net.yaml", "--batch", "2", "--plot", "a.svg", "--plot-cycles", "c.svg") == 0
    assert found.plot("b.svg").read_bytes() == Path("a.svg").read_bytes()
    assert pe_cycle_bars(found.run, "d.svg").read_bytes() == Path("c.svg").read_bytes()
    assert "7 measured" in Path("a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("layers", [1, 50])
def test_a_picture_without_roofs_and_one_with_many(layers: int) -> None:
    stairs = tuple(Staircase(f"layer {i}", (64, 60, 60, 50, 40, 40 / (i + 1))) for i in range(layers))
    spots = tuple(Spot(i, 2.0**i, 8 * 2.0**i) for i in range(layers))
    for levels in ((), tuple(Level(f"level {i}", "ports", 8, spots) for i in range(9))):
        path = draw_roofline(Roofline("net", 64, levels, stairs), "many.png")
        assert path.stat().st_size > 10_000


def test_numbers_in_a_row_are_a_range() -> None:
    assert ranges([3]) == "3"
    assert ranges([5, 1, 4, 3]) == "1, 3-5"
    assert ranges([1, 3, 5, 7, 9]) == "1, 3, 5, …"


def test_of_very_many_layers_without_steps_the_first_ones_are_listed() -> None:
    found = simulator.bounds("ws16", simulator.load_workload("bert_base", {"sequence": 16}))
    grid = next(grid for grid in grids(found) if grid.title == "Layers without steps")
    number = sum(int(cells[1]) for cells in grid.rows)
    assert number == len(found.without) > 50
    assert all(cells[2].count(", ") < 26 for cells in grid.rows)
    assert any(cells[2].endswith(f"and {int(cells[1]) - 24} more") for cells in grid.rows)
