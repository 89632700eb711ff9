"""``stallion plot`` and ``stallion report``: what they write, say, and refuse."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator import Run, simulate
from simulator.cli import main


def call(*arguments: str) -> int:
    """Exit code of ``stallion arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture(scope="module")
def saved() -> Run:
    return simulate("ws16", "alexnet", layers=["CONV5", "FC8", "POOL5"])


@pytest.fixture(autouse=True)
def _run_directory(saved: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved.save("run")


def test_plot_lists_what_it_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("plot", "run") == 0
    lines = capsys.readouterr().out.splitlines()
    longest = max(Run.load("run").layers.values(), key=lambda layer: layer.cycles).name
    assert lines[0] == f"over time: {longest}, the layer with MACs that takes most cycles (others: --layer)"
    assert all(Path(line).is_file() for line in lines[1:])
    assert sorted(lines[1:]) == sorted(map(str, Path("run/plots").iterdir()))
    assert len(lines) == 1 + 8


def test_plot_takes_layers_a_place_and_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("plot", "run", "--layer", "conv5", "--layer", "FC8", "--out", "here/there", "--format", "svg") == 0
    names = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert len(names) == 4 + 2 * 4
    assert "bandwidth-CONV5.svg" in names
    assert {path.name for path in Path("here/there").iterdir()} == names


def test_plot_replaces_only_with_force(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("plot", "run") == 0
    assert call("plot", "run") == 2
    assert "exists already; replace it with --force" in capsys.readouterr().err
    assert call("plot", "run", "--force") == 0


def test_plot_of_an_older_directory_notes_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("run/windows.npz").unlink()
    assert call("plot", "run") == 0
    output = capsys.readouterr()
    assert "note: utilization.png is not drawn: CONV5: windows.macs: this series was expected" in output.out
    assert len(list(Path("run/plots").iterdir())) == 3
    assert output.err == ""


def test_report_writes_one_file_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", "run") == 0
    assert capsys.readouterr().out == "run/report.html\n"
    page = Path("run/report.html").read_text(encoding="utf-8")
    for said in ("CONV5", "FC8", "POOL5", "Evaluation sheet", "inferences in flight"):
        assert said in page
    assert call("report", "run") == 2
    assert call("report", "run", "--force", "--layer", "FC8", "--out", "other.html") == 0


def test_report_of_a_traced_run_names_its_trace() -> None:
    Path("run/trace.json.gz").write_bytes(b"")
    assert call("report", "run") == 0
    assert "trace.json.gz" in Path("run/report.html").read_text(encoding="utf-8")


def broken(content: str, **changes: object) -> None:
    """Write a ``run.json``: the text, or the run's own with some keys changed."""
    path = Path("run/run.json")
    path.write_text(content or json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("command", ["plot", "report"])
@pytest.mark.parametrize(
    ("content", "changes", "said"),
    [
        ("{", {}, "run.json: a JSON document was expected"),
        ("[]", {}, "run.json: a result was expected"),
        ("{}", {}, "run.json: schema: stallion.run/1 was expected"),
        ("", {"schema": "stallion.run/9"}, "stallion.run/1 was expected (got stallion.run/9)"),
        ("", {"layers": [{}]}, "a result of this version was expected"),
        ("", {"layers": [{"name": "A", "colour": 1}]}, "a result of this version was expected"),
        ("", {"layers": []}, "at least one simulated layer was expected"),
    ],
)
def test_directories_that_hold_no_run(
    command: str, content: str, changes: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(content, **changes)
    assert call(command, "run") == 2
    output = capsys.readouterr()
    assert said in output.err
    assert all(line.startswith("error: ") for line in output.err.splitlines())
    assert output.out == ""
    assert not Path("run/plots").exists()
    assert not Path("run/report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plot"], "RUN_DIR"),
        (["plot", "missing"], "missing/run.json: a results directory was expected"),
        (["plot", "file"], "file/run.json: a results directory was expected"),
        (["plot", "run", "--layer", "CONV9"], "--layer: no simulated layer 'CONV9'; nearest: CONV5"),
        (["plot", "run", "--layer", ""], "--layer: no simulated layer ''"),
        (["plot", "run", "--layer", "POOL5"], "--layer: no simulated layer 'POOL5'"),
        (["plot", "run", "--format", "jpg"], "--format: one of png, svg, pdf was expected (got jpg)"),
        (["plot", "run", "--format", ""], "--format: one of png, svg, pdf was expected (got '')"),
        (["plot", "run", "--out", "file"], "file: a directory to write pictures to was expected"),
        (["plot", "run", "--out", "file/inside"], "a directory to write pictures to was expected"),
        (["plot", "run", "--colour", "red"], "--colour"),
        (["report"], "RUN_DIR"),
        (["report", "missing"], "missing/run.json: a results directory was expected"),
        (["report", "run", "--out", "missing/a.html"], "a file in a directory that exists was expected"),
        (["report", "run", "--out", "run"], "run: a file in a directory that exists was expected"),
        (["report", "run", "--out", "file"], "file: exists already; replace it with --force"),
        (["report", "run", "--layer", "FC9"], "--layer: no simulated layer 'FC9'; nearest: FC8"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("mine")
    assert call(*arguments) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    assert output.out == ""
    assert Path("file").read_text() == "mine"


def test_every_unknown_layer_is_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("plot", "run", "--layer", "A1", "--layer", "FC8", "--layer", "B2") == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("series", [{"width_cycles": np.array(0)}, {"macs": np.array(["a"])}])
def test_series_that_are_none_are_one_error(series: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("run/windows.npz", **{f"FC8/{key}": values for key, values in series.items()})
    for command in ("plot", "report"):
        assert call(command, "run") == 2
        assert "windows.npz: an archive of NumPy arrays was expected" in capsys.readouterr().err
