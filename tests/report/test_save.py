"""The results directory: complete or absent, never half."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import simulator.report.save as save_module
from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.mapping.file import read_mapping_file
from simulator.names import PE_CYCLE_NAMES
from simulator.report.result import Run
from simulator.report.save import resolved
from simulator.spec.catalog import load_architecture


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_stalls_sum_to_pes_times_cycles(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "out")
    found = rows(tmp_path / "out" / "stalls.csv")
    for layer, cycles in {"CONV1-1": 100, "FC": 300}.items():
        mine = [row for row in found if row["layer"] == layer]
        assert sum(int(row["pe_cycles"]) for row in mine) == 4 * cycles
    assert {"layer": "CONV1-1", "name": "stall_input", "cause": "dram", "pe_cycles": "50"} in found


def test_layers_csv_has_every_layer_also_those_not_simulated(run: Run, tmp_path: Path) -> None:
    run.to_csv(tmp_path / "layers.csv")
    first, second, pool = rows(tmp_path / "layers.csv")
    assert (first["name"], first["simulated"], first["cycles"]) == ("CONV1-1", "yes", "100")
    assert sum(int(first[name]) for name in PE_CYCLE_NAMES) == 400
    assert first["words.glb.input.array_read"] == "30"
    assert second["active_pes"] == "3"
    assert (pool["name"], pool["simulated"], pool["bytes"], pool["cycles"]) == ("POOL", "no", "140", "")


def test_the_directory_holds_everything_behind_the_run(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "deep" / "out")
    expected = {
        "run.json",
        "layers.csv",
        "stalls.csv",
        "architecture.yaml",
        "mapping.yaml",
        "provenance.json",
        "windows.npz",
    }
    assert expected <= set(files(tmp_path / "deep" / "out"))
    assert json.loads((tmp_path / "deep" / "out" / "run.json").read_text()) == run.to_dict()
    with np.load(tmp_path / "deep" / "out" / "windows.npz") as windows:
        assert windows["FC/glb/occupancy_bits"].tolist() == [1, 2, 3]


def test_equal_runs_give_equal_bytes(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "a")
    run.save(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_an_existing_directory_is_refused_and_left_alone(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="exists already"):
        run.save(tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"
    run.save(tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_force_does_not_replace_what_is_no_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="other things"):
        run.save(tmp_path, force=True)
    with pytest.raises(InputError, match="a directory was expected"):
        run.save(tmp_path / "thesis.tex", force=True)


def test_a_failure_halfway_leaves_the_old_results_and_no_debris(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save(tmp_path / "out")
    before = files(tmp_path / "out")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(save_module, "write_arrays", fail)
    with pytest.raises(KeyboardInterrupt):
        run.save(tmp_path / "out", force=True)
    assert files(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_impossible_place_is_an_input_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        run.save(tmp_path / "file" / "out")


def test_a_saved_run_is_read_back(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "out")
    assert Run.load(tmp_path / "out").to_dict() == run.to_dict()


@pytest.mark.parametrize("text", [None, "{", "[]", '{"schema": "other/1"}'])
def test_what_is_no_run_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError):
        Run.load(tmp_path)


def test_saved_descriptions_are_those_that_ran(run: Run, tmp_path: Path) -> None:
    machine, network = load_architecture("eyeriss_v1"), load_workload("alexnet")
    replace(run, architecture=machine, spec=network).save(tmp_path / "out")
    assert load_architecture(tmp_path / "out" / "architecture.yaml") == machine
    assert load_workload(tmp_path / "out" / "workload.yaml") == network
    entries = read_mapping_file(tmp_path / "out" / "mapping.yaml").entries
    assert {name: entry.loops for name, entry in entries.items()} == run.mappings


def test_origins_stand_beside_their_numbers_again(run: Run) -> None:
    data = resolved(run.architecture)
    assert data["clock_mhz"] == {"value": 100.0, "source": "made up"}
    assert data["memories"]["dram"]["bytes_per_cycle"] == {"value": 8, "assumed": "round number"}
    assert data["networks"]["input_in"]["words_per_cycle"] == "1/2"
    assert "provenance" not in data
