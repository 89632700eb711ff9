"""The command line, with a simulation that returns the run made by hand."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulator import __version__
from simulator.cli import main
from simulator.errors import InputError, Problem
from simulator.report.result import Layers, Run


def call(*arguments: str) -> int:
    """Exit code of ``stallion arguments``."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    code = ended.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def simulated(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Replace the simulation; ``returns`` is what it gives (or raises), ``got`` what it was asked."""
    fake = SimpleNamespace(returns=run, got={})

    def simulate(architecture: str, workload: str, **options: Any) -> Run:
        fake.got = {"architecture": architecture, "workload": workload, **options}
        options["progress"](1, 2, "CONV1-1")
        if isinstance(fake.returns, BaseException):
            raise fake.returns
        return fake.returns  # type: ignore[no-any-return]

    monkeypatch.setitem(sys.modules, "simulator.pipeline", SimpleNamespace(simulate=simulate))
    monkeypatch.chdir(tmp_path)
    return fake


def test_every_option_reaches_the_simulation(simulated: SimpleNamespace) -> None:
    options = "--batch 4 --layer A --layer B --mapping m.yaml --dataflow df --energy e --jobs 2"
    assert call("run", "tiny", "net", *options.split(), "--relax", "glb", "--relax", "dram") == 0
    del simulated.got["progress"]
    assert simulated.got == {
        "architecture": "tiny",
        "workload": "net",
        "batch": 4,
        "layers": ["A", "B"],
        "mapping": Path("m.yaml"),
        "dataflow": "df",
        "energy": "e",
        "relax": ("glb", "dram"),
        "operands": None,
        "fast_forward": True,
        "trace": False,
        "jobs": 2,
    }


def test_without_options_the_simulation_decides(simulated: SimpleNamespace) -> None:
    call("run", "tiny", "net")
    assert simulated.got["layers"] is None
    assert simulated.got["mapping"] is None
    assert simulated.got["relax"] == ()


def test_a_run_prints_tables_and_writes_numbered_directories(
    simulated: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert call("run", "tiny", "net") == 0
    output = capsys.readouterr().out
    assert "CONV1-1" in output
    assert "POOL" in output
    assert "results: results/tiny-net-b2-2" in output
    assert {path.name for path in Path("results").iterdir()} == {"tiny-net-b2", "tiny-net-b2-2"}


def test_odd_names_stay_inside_results(simulated: SimpleNamespace, run: Run) -> None:
    simulated.returns = replace(run, workload="../../../etc/x y")
    call("run", "tiny", "net")
    assert [path.name for path in Path("results").iterdir()] == ["tiny-_.._.._etc_x_y-b2"]


def test_json_is_one_document_and_nothing_else(
    simulated: SimpleNamespace, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", "tiny", "net", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["layers"] == run.to_dict()["layers"]
    assert printed["provenance"]["command"] == "stallion run tiny net --json"
    assert not Path("results").exists()
    assert call("run", "tiny", "net", "--json", "--out", "here") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("here/run.json").read_text())


def test_quiet_only_says_where_the_results_are(
    simulated: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", "tiny", "net", "--quiet", "--out", "here") == 0
    assert capsys.readouterr() == ("results: here\n", "")


def test_an_existing_out_is_refused_before_anything_runs(
    simulated: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    call("run", "tiny", "net", "--out", "here")
    simulated.got = {}
    assert call("run", "tiny", "net", "--out", "here") == 2
    assert simulated.got == {}
    assert "here: exists already" in capsys.readouterr().err
    assert call("run", "tiny", "net", "--out", "here", "--force") == 0


def test_force_alone_is_refused(simulated: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "tiny", "net", "--force") == 2
    assert "--out was expected" in capsys.readouterr().err


def test_input_errors_are_one_line_each_and_exit_code_2(
    simulated: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated.returns = InputError(
        [Problem("a.yaml", "x.y", "-1", "more was\nexpected"), Problem("b", "", "", "c")]
    )
    assert call("run", "tiny", "net") == 2
    output = capsys.readouterr()
    assert output.err == "error: a.yaml: x.y: more was expected (got -1)\nerror: b: c\n"
    assert output.out == ""


def test_ctrl_c_keeps_finished_layers_and_says_so(
    simulated: SimpleNamespace, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated.returns = replace(run, layers=Layers((run.layers["FC"],)), interrupted=True)
    assert call("run", "tiny", "net", "--out", "here") == 130
    assert "interrupted: 1 finished layers, kept in here" in capsys.readouterr().err
    assert [layer["name"] for layer in json.loads(Path("here/run.json").read_text())["layers"]] == ["FC"]


@pytest.mark.parametrize("early", ["raised", "empty"])
def test_ctrl_c_before_the_first_layer_writes_nothing(
    simulated: SimpleNamespace, run: Run, capsys: pytest.CaptureFixture[str], early: str
) -> None:
    empty = replace(run, layers=Layers(()), interrupted=True)
    simulated.returns = KeyboardInterrupt() if early == "raised" else empty
    assert call("run", "tiny", "net") == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", "a", "b", "--batch", "0"], ["run", "a", "b", "--nonsense"], ["fly"]]
)
def test_wrong_usage_is_exit_code_2_without_a_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out == f"stallion {__version__}\n"


def test_list_names_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    words = capsys.readouterr().out.split()
    assert {"eyeriss_v1", "alexnet", "row_stationary", "horowitz_45nm"} <= set(words)


def test_show_an_architecture_with_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "eyeriss_v1") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "array.pe.pipeline_cycles" in line)
    assert "JSSC 2017" in line


def test_show_a_workload_with_macs(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "alexnet") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "CONV1 " in line)
    assert f"{96 * 3 * 11 * 11 * 55 * 55:,}" in line
    assert f"{96 * 3 * 11 * 11:,}" in line


def test_show_names_near_misses(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "eyeris_v1") == 2
    assert "eyeriss_v1" in capsys.readouterr().err


def shipped_file(folder: str, name: str) -> str:
    return str(Path(__file__).parents[2] / folder / name)


def test_check_accepts_shipped_files_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        shipped_file("arch_models", "eyeriss_v1.yaml"): "architecture",
        shipped_file("workloads", "alexnet.yaml"): "workload",
        shipped_file("arch_models", "mappings/eyeriss_v1_alexnet.yaml"): "mapping",
        shipped_file("arch_models", "energy/horowitz_45nm.yaml"): "energy",
    }
    assert call("check", *files) == 0
    assert capsys.readouterr().out.splitlines() == [f"{path}: {kind}, ok" for path, kind in files.items()]


def test_check_reports_every_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {
        "arch": "memories: {}\n",
        "load": "name: x\nlayers: []\n",
        "what": "colour: red\n",
        "map": "layers: {A: {m: -1}}\n",
    }
    files = [tmp_path / f"{name}.yaml" for name in texts]
    for path, text in zip(files, texts.values(), strict=True):
        path.write_text(text)
    assert (
        call(
            "check",
            *map(str, files),
            str(tmp_path / "missing.yaml"),
            shipped_file("workloads", "alexnet.yaml"),
        )
        == 2
    )
    output = capsys.readouterr()
    assert "alexnet.yaml: workload, ok" in output.out
    for name in (*texts, "missing"):
        assert f"{name}.yaml" in output.err
    assert all(line.startswith("error: ") for line in output.err.splitlines())


def test_compare_puts_runs_side_by_side(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.save(tmp_path / "a")
    replace(run, layers=Layers((replace(run.layers["FC"], cycles=600),))).save(tmp_path / "b")
    assert call("compare", str(tmp_path / "a"), str(tmp_path / "b")) == 0
    output = capsys.readouterr().out
    assert "2.000" in output
    assert "only in A" in output


def test_compare_refuses_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", str(tmp_path / "a"), str(tmp_path / "b")) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("name", ["architecture", "workload", "mapping", "energy", "run"])
def test_schema_prints_one_document_per_format(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("schema", name) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["type"] == "object"
    assert call("schema") == 0
    assert json.loads(capsys.readouterr().out)[name] == one


def test_an_unknown_schema_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("schema", "nonsense") == 2
    assert "architecture" in capsys.readouterr().err
