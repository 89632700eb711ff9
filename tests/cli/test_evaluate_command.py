"""``stallion evaluate``: forms of output, and what it refuses."""

import json
from pathlib import Path

import pytest

from simulator.cli import main

NET = "name: net\nlayers:\n  - {name: A, conv: {C: 4, M: 8, H: 10, W: 10, R: 3, S: 3}}\n  - {name: F, fc: {C: 8, M: 4}}\n"
ONLY_RELU = "name: idle\nlayers:\n  - {name: A, activation: {C: 4, H: 10, W: 10}}\n"


def call(*arguments: str) -> int:
    """Exit code of ``stallion evaluate arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *arguments])
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture(autouse=True)
def _workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    Path("idle.yaml").write_text(ONLY_RELU)


def test_tables_with_remarks(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eyeriss_v1", "net.yaml", "--batch", "2", "--pes", "64,12x14", "--accuracy", "90 %, mine") == 0
    out = capsys.readouterr().out
    for said in ("Evaluation of net on eyeriss_v1, batch 2", "90 %, mine", "8 x 8", "Little's law", "fitted"):
        assert said in out
    assert not [path for path in Path().iterdir() if path.suffix != ".yaml"]


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eyeriss_v1", "net.yaml", "--json", "--pes", "64") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "stallion.evaluation/1"
    assert [point["pes"] for point in told["scaling"]] == [168, 64]
    entries = {(entry["metric"], entry["quantity"]): entry for entry in told["entries"]}
    assert entries["throughput", "PEs"]["value"] == 168
    assert set(entries["accuracy", "accuracy"]) == {"metric", "quantity", "value", "unit", "how", "note"}
    assert "sha256" in told["provenance"]["inputs"]["workload"]


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("eyeriss_v1", "net.yaml", "--markdown") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "**Evaluation of net on eyeriss_v1, batch 1**"
    assert {line.count("|") for line in lines[2:] if line} == {6}


def test_real_operands_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("ws16", "net.yaml", "--json", "--operands", "random", "--seed", "7") == 0
    told = json.loads(capsys.readouterr().out)
    assert any("real operands: random" in str(entry["value"]) for entry in told["entries"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "ARCH"),
        (["eyeris", "net.yaml"], "did you mean eyeriss_v1? (got eyeris)"),
        (["ws16", "alexnt"], "did you mean alexnet? (got alexnt)"),
        (["ws16", "missing.yaml"], "missing.yaml: no such workload file"),
        (["ws16", "net.yaml", "--layer", "B"], "the name of a layer was expected"),
        (["ws16", "idle.yaml"], "idle: layers: at least one simulated layer was expected"),
        (["ws16", "idle.yaml", "--pes", "64"], "idle: layers: at least one simulated layer was expected"),
        (["ws16", "net.yaml", "--pes", ""], "--pes: PEs such as 64"),
        (["ws16", "net.yaml", "--pes", "8x8,,4"], "--pes: PEs such as 64, or rows x columns such as 8x8"),
        (["ws16", "net.yaml", "--pes", "8*8"], "(got 8*8)"),
        (["ws16", "net.yaml", "--pes", "0"], "(got 0)"),
        (["ws16", "net.yaml", "--accuracy", " "], "--accuracy: a text was expected"),
        (["ws16", "net.yaml", "--json", "--markdown"], "--markdown: either --json or --markdown was expected"),
        (["ws16", "net.yaml", "--batch", "0"], "--batch"),
        (["ws16", "net.yaml", "--dataflow", "nonsense"], "no such dataflow"),
        (["ws16", "net.yaml", "--energy", "nonsense"], "energy: a shipped name or the path"),
        (["ws16", "net.yaml", "--mapping", "nonsense"], "mapping: a shipped name or the path"),
        (["ws16", "net.yaml", "--zeros", "A=0.5"], "--zeros: --operands was expected with it"),
        (["ws16", "net.yaml", "--operands", "missing.npz"], "missing.npz"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*arguments) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulator.studies.evaluation.simulate", interrupted)
    assert call("ws16", "net.yaml") == 130
    assert "interrupted before all runs were through" in capsys.readouterr().err
