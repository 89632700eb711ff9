"""``--param`` in every command that takes a workload."""

import json
from pathlib import Path

import pytest

from simulator.cli import main
from simulator.formats.load import load_workload

NET = """
name: net
parameters: {tokens: 8, heads: 2}
layers:
  - {name: A, matmul: {rows: tokens, K: 16, M: 16 // heads, batch: heads, per_image: true}}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, encoding="utf-8")


def code(*arguments: str) -> int:
    """The exit code of ``stallion``."""
    try:
        main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_run_keeps_the_values_and_runs_again_from_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert code("run", "os16", "net.yaml", "--param", "tokens=4", "--param", "heads=4", "--out", "out") == 0
    assert "parameters of the workload: tokens 4, heads 4" in capsys.readouterr().out
    kept = json.loads(Path("out/provenance.json").read_text())["inputs"]["workload"]
    assert kept == load_workload("net.yaml", {"tokens": 4, "heads": 4}).origin.to_dict()
    assert kept["parameters"] == {"tokens": 4, "heads": 4}
    assert code("run", "os16", "out/workload.yaml", "--out", "again") == 0
    runs = [json.loads(Path(out, "run.json").read_text()) for out in ("out", "again")]
    assert runs[0]["layers"] == runs[1]["layers"]
    assert code("report", "out") == 0
    assert "net.yaml, tokens 4, heads 4, SHA-256" in Path("out/report.html").read_text()


@pytest.mark.parametrize(
    "command", [["run"], ["bounds"], ["whatif"], ["whatif", "--vary", "dram.bytes_per_cycle=4,8"], ["evaluate"]]
)
def test_commands_take_values(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cycles = []
    for tokens in (8, 80):
        assert code(*command, "os16", "net.yaml", "--param", f"tokens={tokens}", "--json") == 0
        cycles.append(capsys.readouterr().out)
    assert cycles[0] != cycles[1]
    assert code(*command, "os16", "net.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out).get("layers") == json.loads(cycles[0]).get("layers")


def test_a_trace_takes_values(capsys: pytest.CaptureFixture[str]) -> None:
    for tokens in (8, 80):
        assert code("trace", "os16", "net.yaml", "--param", f"tokens={tokens}", "--out", f"{tokens}.csv", "--quiet") == 0
    assert Path("8.csv").read_text() != Path("80.csv").read_text()


def test_show_takes_values_of_workloads_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert code("show", "net.yaml", "--param", "heads=4") == 0
    output = capsys.readouterr().out
    assert "net, tokens 8, heads 4, batch 1" in output
    assert "N8 G4 M4 C16" in output
    assert code("show", "os16", "--param", "heads=4") == 2
    assert "error: --param: a workload was expected with it (got heads=4)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "bounds", "whatif", "trace", "evaluate", "show"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["tokens"], "error: --param: NAME=VALUE with a whole number such as sequence=512 was expected (got tokens)"),
        (["tokens=-1"], "NAME=VALUE with a whole number"),
        (["tokens=1.5"], "NAME=VALUE with a whole number"),
        (["tokens=\u0665"], "NAME=VALUE with a whole number"),
        ([""], "NAME=VALUE with a whole number"),
        (["tokens=1", "tokens=2"], "error: --param: one value for tokens was expected (got tokens=2)"),
        (["token=1"], "error: net.yaml: parameters.token: unknown parameter; did you mean tokens? (got 1)"),
        (["heads=3"], "error: net.yaml: layers.0.matmul.M: a division without remainder was expected, and it is 16 // 3 (got 16 // heads)"),
        (["tokens=0"], "error: net.yaml: layers.0.matmul.rows: a number from 1 to 2147483647 was expected; with tokens 0 it is 0 (got tokens)"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_error(command: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = [option for text in given for option in ("--param", text)]
    files = ["net.yaml"] if command == "show" else ["os16", "net.yaml"]
    assert code(command, *files, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
