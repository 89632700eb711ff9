"""The stall timeline: PEs over time sum up to the layer's PE-cycles, and the picture is the same each time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator
from simulator.cli import main
from simulator.errors import InputError
from simulator.names import STALL_NAMES
from simulator.report.pictures.stalls import BINS, coarser, of_run, of_trace, series
from simulator.report.result import Run


@pytest.fixture(scope="module")
def run() -> Run:
    return simulator.simulate("ws16", "alexnet", layers=["CONV3", "FC8"], trace=True)


def test_pes_over_time_are_the_pe_cycles(run: Run) -> None:
    for source in (of_trace(run.trace), of_run(run)):
        check_sums(run, series(source))
        check_sums(run, series(coarser(source)))


def test_a_picture_of_many_layers_has_no_more_stretches_than_one_of_one(run: Run) -> None:
    """A layer gets its share of them by its cycles, and one at least."""
    source = of_run(run)
    assert sum(len(one.edges) - 1 for one in source) > BINS
    merged = coarser(source)
    assert sum(len(one.edges) - 1 for one in merged) <= BINS
    counts = [len(one.edges) - 1 for one in merged]
    assert (counts[0] > counts[1]) == (run.layers["CONV3"].cycles > run.layers["FC8"].cycles)
    assert [len(one.edges) - 1 for one in coarser(source, 1)] == [1, 1]


def check_sums(run: Run, found: Any) -> None:
    edges, names, causes = found
    widths = np.diff(edges)
    assert edges[0] == 0
    assert edges[-1] == run.total.cycles
    assert np.allclose(sum(names.values()), 256)
    for name, pes in names.items():
        assert pes @ widths == pytest.approx(run.total.pe_cycles[name], rel=1e-9)
    stalled = sum(names[name] for name in STALL_NAMES if name in names)
    assert np.allclose(stalled, sum(causes.values()))
    for cause, pes in causes.items():
        wanted = sum(run.total.stall_causes[name].get(cause, 0) for name in STALL_NAMES)
        assert pes @ widths == pytest.approx(wanted, rel=1e-9)
    shares = [float(pes @ widths) for pes in causes.values()]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_equal_bytes(run: Run, tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        run.plot.stalls(tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    if kind == "svg":
        text = (tmp_path / "a.svg").read_text(encoding="utf-8")
        assert "PEs that stall, by cause" in text


def test_results_keep_it(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "r")
    back = Run.load(tmp_path / "r")
    for layer in (None, "CONV3"):
        run.plot.stalls(tmp_path / "a.png", layer)
        back.plot.stalls(tmp_path / "b.png", layer)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    drawn = {path.name for path in back.plot.all(tmp_path / "p", layers=["CONV3"]).files}
    assert {"stalls.png", "stalls-CONV3.png"} <= drawn


def test_a_run_without_a_trace_is_refused(tmp_path: Path) -> None:
    plain = simulator.simulate("ws16", "alexnet", layers=["FC8"])
    with pytest.raises(InputError, match="FC8: a run that was traced"):
        plain.plot.stalls(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_the_command_draws_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = "--layer FC8 --window 0:900 --out t.csv --plot t.png --quiet"
    with pytest.raises(SystemExit) as ended:
        main(["trace", "ws16", "alexnet", *arguments.split()])
    assert not ended.value.code
    assert Path("t.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit) as ended:
        main(["trace", "ws16", "alexnet", "--plot", "t.bmp"])
    assert ended.value.code == 2
    assert "--plot" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["t.csv", "t.png"]


def test_layers_of_a_trace_share_the_bins_by_their_cycles() -> None:
    run = simulator.simulate("ws16", "alexnet", layers=["CONV1", "CONV5", "FC8"], trace=True)
    edges, _, _ = series(of_trace(run.trace))
    widths = np.diff(edges)
    assert widths.sum() == run.total.cycles
    assert len(widths) <= 400 + 3
    assert widths.max() <= 1.5 * np.median(widths)
