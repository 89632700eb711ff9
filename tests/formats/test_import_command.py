"""``stallion import``: the file that it writes says the same, and what it says stays off stdout."""

from pathlib import Path

import pytest

import simulator
from simulator.cli import main

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
NET = HEADER + "\nConv1, 224, 224, 7, 7, 3, 64, 2,\n\tConv2_dw, 14,14,3,3,1,1,2,#dw\nDP3,9,9,3,3,8,1,1\nFC, 1, 1, 1, 1, 1024, 1000, 1,\n"
GEMM = "Layer,M,N,K\r\nQKT,1024,1024,64\r\nQKTV,1024,64,1024\r\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.csv").write_text(NET)
    Path("gemm.csv").write_text(GEMM, newline="")


def ran(*arguments: str) -> None:
    """Run the command; it must not fail."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


@pytest.mark.parametrize("name", ["net", "gemm"])
@pytest.mark.filterwarnings("ignore::simulator.errors.InputWarning")
def test_what_is_written_is_the_same_workload(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran("import", f"{name}.csv", "--out", "net.yaml")
    ran("check", "net.yaml")
    assert "net.yaml: workload, ok" in capsys.readouterr().out
    assert simulator.load_workload("net.yaml") == simulator.load_workload(f"{name}.csv")
    ran("import", f"{name}.csv", "--out", "net.yaml", "--force")
    ran("import", f"{name}.csv")
    assert capsys.readouterr().out == Path("net.yaml").read_text()
    assert "#" not in Path("net.yaml").read_text()


def test_sizes_and_macs_by_hand() -> None:
    with pytest.warns(simulator.InputWarning):
        layers = simulator.load_workload("net.csv").lower(1)
    macs = {layer.name: layer.macs for layer in layers}
    assert macs == {
        "Conv1": 110 * 110 * 64 * 3 * 49,  # ceil(217 / 2) + 1 = 110
        "Conv2_dw": 7 * 7 * 9,  # ceil(11 / 2) + 1 = 7
        "DP3": 7 * 7 * 9 * 8,
        "FC": 1024 * 1000,
    }


def test_warnings_go_to_stderr_once(capsys: pytest.CaptureFixture[str]) -> None:
    ran("import", "net.csv")
    output = capsys.readouterr()
    assert output.out.startswith("name: net\n")
    said = output.err.splitlines()
    assert [line.partition(": net.csv: ")[2].partition(":")[0] for line in said] == ["lines 3, 4", "line 5"]
    assert all(line.startswith("warning: ") for line in said)
    ran("check", "net.csv", "net.csv")
    assert capsys.readouterr().err.splitlines() == said


def test_gemm_insists_on_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    ran("import", "gemm.csv", "--gemm")
    assert "matmul" in capsys.readouterr().out


def test_show_and_run_take_a_topology(capsys: pytest.CaptureFixture[str]) -> None:
    ran("show", "gemm.csv")
    assert "N1024 M1024 C64" in capsys.readouterr().out
    ran("run", "ws16", "net.csv", "--layer", "DP3", "--out", "results")
    assert "warning: net.csv: line 5" in capsys.readouterr().err
    assert simulator.Run.load(Path("results")).layers["DP3"].macs == 7 * 7 * 9 * 8
