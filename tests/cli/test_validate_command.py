"""``stallion validate``: what it prints, where, and its exit codes; on a case with a layer of 32 MACs."""

import json
from pathlib import Path

import pytest

from simulator.cli import main

CASE = """
name: small
title: A small layer
source: made up
runner: relative_energy
run: {architecture: eyeriss_isca2016, workload: small_net.yaml}
rows: [A]
quantities:
  alu:
    title: ALU energy
    unit: 1e9 MACs
    source: made up
    published: {A: PUBLISHED}
    tolerance: {each_pct: 5}
"""
GOOD, OFF = CASE.replace("PUBLISHED", "32.0e-9"), CASE.replace("PUBLISHED", "40.0e-9")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small_net.yaml").write_text("name: net\nlayers:\n  - {name: A, fc: {C: 4, M: 8}}\n", encoding="utf-8")
    Path("good.yaml").write_text(GOOD, encoding="utf-8")
    Path("off.yaml").write_text(OFF, encoding="utf-8")


def called(*arguments: str) -> int:
    """Exit code of ``stallion arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


def test_within_its_tolerance(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", "good.yaml") == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert ["alu,", "1e9", "MACs", "A", "3.20e-08", "3.20e-08", "0.0", "5", "no"] in [
        line.split() for line in output.out.splitlines()
    ]
    assert "1 MAC = 1.6 pJ" in output.out


@pytest.mark.parametrize("option", [[], ["--json"], ["--markdown"]])
def test_out_of_its_tolerance(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """32 instead of 40 is 20 % too little."""
    assert called("validate", "off.yaml", *option) == 1
    output = capsys.readouterr()
    values = "4.00e-08 1e9 MACs published, 3.20e-08 1e9 MACs simulated"
    assert output.err == f"out of tolerance: small: alu, A: -20.00 % ({values}); at most 5 % was declared\n"
    assert output.out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", "good.yaml", "--json", "--plot", "p.png") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["passed"], told["cases"][0]["name"]) == ("stallion.validation/1", True, "small")
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


def test_markdown_is_only_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", "good.yaml", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("**A small layer**")
    assert lines[4].startswith("| ALU energy, 1e9 MACs | 3.20e-08 → 3.20e-08 (0.0 %) |")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eyeris_v1_alexnet"], "did you mean eyeriss_v1_alexnet? (got eyeris_v1_alexnet)"),
        (["nothing"], "shipped ones are: eyeriss_v1_alexnet, row_stationary_isca2016, tpu_v1_mlp0"),
        (["missing.yaml"], "missing.yaml: no such case file"),
        (["small_net.yaml"], "small_net.yaml: quantities: this key is required"),
        (["good.yaml", "--json", "--markdown"], "--markdown: either --json or --markdown was expected"),
        (["good.yaml", "--plot", "p.gif"], "--plot: a file ending in .png, .svg, .pdf was expected (got p.gif)"),
        (["good.yaml", "--plot", "no/p.png"], "--plot: a file in a directory that exists was expected (got no/p.png)"),
        (["good.yaml", "off.yaml"], "off.yaml"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("validate", *arguments) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_a_picture_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from matplotlib.figure import Figure

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    assert called("validate", "good.yaml", "--plot", "p.png") == 2
    output = capsys.readouterr()
    assert "p.png: a file that can be written was expected: No space left on device" in output.err
    assert output.out == ""
    assert not [path for path in Path().iterdir() if path.suffix == ".png"]


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator.pipeline.measure_job", stopped)
    assert called("validate", "good.yaml") == 130
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "interrupted before all cases were through\n")


def test_check_knows_case_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("check", "good.yaml") == 0
    assert capsys.readouterr().out == "good.yaml: case, ok\n"
    Path("off.yaml").write_text(OFF.replace("rows: [A]", "rows: [A, B]"), encoding="utf-8")
    assert called("check", "off.yaml") == 2
    assert "off.yaml: quantities.alu.published.B: a value was expected" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["case", "validation"])
def test_schemas_of_files_and_results(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("schema", name) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["type"], one["title"]) == ("object", name)


def test_list_names_the_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("list") == 0
    assert "validation cases:\n  eyeriss_v1_alexnet\n  row_stationary_isca2016\n" in capsys.readouterr().out
