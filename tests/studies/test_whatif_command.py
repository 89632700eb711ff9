"""``stallion whatif``: what it prints, its JSON against its schema, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from schema_faults import faults
from slow_weights import MACHINE, NET

import simulator
from simulator.cli import main
from simulator.spec.reader import write_yaml
from simulator.studies.whatif_schemas import schemas


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(write_yaml(MACHINE), encoding="utf-8")
    Path("net.yaml").write_text(write_yaml(NET), encoding="utf-8")


def called(*arguments: str) -> int:
    """Exit code of ``stallion whatif tiny.yaml net.yaml arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(["whatif", "tiny.yaml", "net.yaml", *arguments])
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


def test_resources_and_bottlenecks_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert called() == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["weight_in", "0.25", "words/cycle", "96", "9.60e-04", "+75.8", "+75.8"] in lines
    assert ["total", "weight_in", "+75.8", "+75.8"] in lines


def test_a_sweep_is_printed_with_its_knee_and_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--vary", "weight_in.words_per_cycle=1/4:4:x2", "--plot", "p.png") == 0
    output = capsys.readouterr().out
    assert "Knee: from 1 on the time stays within 5 % of the best; unlimited would save another 11.1 %" in output
    assert "every point keeps the mapping of the machine as described" in output
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


def test_options_of_a_sweep_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--vary", "weight_in.words_per_cycle=1,2", "--map-anew", "--knee", "20", "--json", "--layer", "A", "--batch", "2") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["mapping"], told["knee_pct"], told["batch"], told["knee"]["value"]) == ("anew", 20, 2, "1")
    assert [layer["name"] for layer in told["points"][0]["layers"]] == ["A"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("relaxing", []),
        ("relaxing", ["--relax", "weight_in"]),
        ("sweep", ["--vary", "array.pe.weight_words=4,8", "--keep-mapping"]),
        ("sweep", ["--vary", "weight_in.words_per_cycle=1/4:2:x2,unlimited"]),
    ],
)
def test_json_follows_its_schema(name: str, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--json", *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == f"stallion.{name}/1"
    assert faults(schemas()[name], told) == []


def test_the_schemas_are_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("relaxing", "sweep"):
        main_of_schema(name)
        assert json.loads(capsys.readouterr().out)["title"] == name


def main_of_schema(name: str) -> None:
    with pytest.raises(SystemExit):
        main(["schema", name])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vary", "weight_inn.words_per_cycle=1"], "did you mean weight_in.words_per_cycle"),
        (["--vary", "array.rows"], "error: --vary: KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected (got array.rows)"),
        (["--vary", "array.rows=1:2"], "FIRST:LAST:STEP such as 1:64:x2"),
        (["--vary", "array.rows=0"], "error: --vary array.rows=0: array.rows: a number greater than 0 was expected"),
        (["--vary", "array.rows=1", "--vary", "array.columns=1"], "one --vary was expected; keys joined by +"),
        (["--vary", "array.rows=1", "--knee", "0"], "error: --knee: a share between 0 and 100 % was expected"),
        (["--vary", "array.rows=1", "--plot", "p.txt"], "a file ending in .png, .svg, .pdf was expected"),
        (["--vary", "array.rows=1", "--plot", "no/p.png"], "a file in a directory that exists was expected"),
        (["--plot", "p.png"], "error: --plot: --vary was expected with it"),
        (["--knee", "5"], "error: --knee: --vary was expected with it"),
        (["--keep-mapping"], "error: --keep-mapping: --vary was expected with it"),
        (["--map-anew"], "error: --map-anew: --vary was expected with it"),
        (["--relax", "weigth_in"], "no such resource; did you mean weight_in"),
        (["--layer", "Z"], "the name of a layer was expected"),
        (["--mapping", "none.yaml"], "no such mapping file"),
        (["--dataflow", "nothing"], "no such dataflow"),
        (["--energy", "nothing"], "a shipped name or the path of a file was expected"),
    ],
)
def test_wrong_inputs_end_with_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(*arguments) == 2
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert said in line
    assert output.out == ""


def test_an_interrupted_study_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.studies import relaxing

    genuine = relaxing.whatif

    def stopped(*arguments: Any, **options: Any) -> Any:
        def stop(done: int, total: int, name: str) -> None:
            if done == 2:
                raise KeyboardInterrupt

        return genuine(*arguments, **{**options, "progress": stop})

    monkeypatch.setattr(relaxing, "whatif", stopped)
    assert called("--json") == 130
    output = capsys.readouterr()
    assert json.loads(output.out)["interrupted"] is True
    assert "interrupted: only what was finished is here" in output.err


def test_interrupted_before_anything_is_known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.studies import relaxing

    def stopped(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(relaxing, "whatif", stopped)
    assert called() == 130
    assert "before the machine as described was through" in capsys.readouterr().err


def test_both_are_public() -> None:
    assert simulator.whatif("tiny.yaml", "net.yaml").bottleneck().resource == "weight_in"
    assert simulator.vary("tiny.yaml", "net.yaml", "weight_in.words_per_cycle=1").own is not None
