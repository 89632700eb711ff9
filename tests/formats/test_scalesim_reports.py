"""``--compat scalesim``: SCALE-Sim's files to the letter, from counts that are SCALE-Sim's."""

from pathlib import Path

import numpy as np
import pytest
from scalesim_cases import MACS, Said, configuration, said

import simulator
from simulator.cli import main
from simulator.errors import InputError
from simulator.formats.scalesim_config import parse_config
from simulator.formats.scalesim_machine import architecture_of
from simulator.report.result import MEASURED, LayerResult, Layers, Run
from simulator.report.scalesim import write_reports
from simulator.spec.architecture import Architecture

HEADERS = {
    "COMPUTE_REPORT.csv": "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, Mapping Efficiency %, Compute Util %,",
    "BANDWIDTH_REPORT.csv": "LayerID, Avg IFMAP SRAM BW, Avg FILTER SRAM BW, Avg OFMAP SRAM BW, Avg IFMAP DRAM BW, Avg FILTER DRAM BW, Avg OFMAP DRAM BW,",
    "DETAILED_ACCESS_REPORT.csv": "LayerID, SRAM IFMAP Start Cycle, SRAM IFMAP Stop Cycle, SRAM IFMAP Reads, SRAM Filter Start Cycle, SRAM Filter Stop Cycle, SRAM Filter Reads, SRAM OFMAP Start Cycle, SRAM OFMAP Stop Cycle, SRAM OFMAP Writes, DRAM IFMAP Start Cycle, DRAM IFMAP Stop Cycle, DRAM IFMAP Reads, DRAM Filter Start Cycle, DRAM Filter Stop Cycle, DRAM Filter Reads, DRAM OFMAP Start Cycle, DRAM OFMAP Stop Cycle, DRAM OFMAP Writes,",
}
"""As SCALE-Sim 3.0.0 wrote them."""


def machine(dataflow: str, rows: int, columns: int) -> Architecture:
    return architecture_of(parse_config(configuration(dataflow, rows, columns), "m.cfg"), "m.cfg")


def result(case: Said, *, width: int = 1, more_cycles: int = 0) -> LayerResult:
    """A layer that counted what SCALE-Sim did, its words in windows 3 and 5.

    Of stationary outputs it writes what it sends to DRAM: SCALE-Sim counts a row and a column too many per fold.
    """
    writes = case.ofmap_dram_writes if case.dataflow == "os" else case.ofmap_sram_writes
    words = {
        "dram": {"input": case.ifmap_dram_reads, "weight": case.filter_dram_reads, "output": case.ofmap_dram_writes},
        "ifmap_sram": {"input": case.ifmap_sram_reads},
        "filter_sram": {"weight": case.filter_sram_reads},
        "ofmap_sram": {"output": writes},
    }
    series = np.array([0, 0, 0, 4, 0, 1])
    names = ("words.weight", "words.input", "words.psum_out", "units.ifmap_sram.outer_write", "units.filter_sram.outer_write", "units.ofmap_sram.outer_read")
    pes = case.rows * case.columns
    counted = dict.fromkeys(MEASURED, 0) | {
        "macs": MACS[case.layer],
        "cycles": case.total_cycles + 1 + more_cycles,
        "pes": pes,
        "mean_active_pes": case.mapping_efficiency / 100 * pes,
        "words": {name: {d: {"array_read": n, "array_write": n} for d, n in kept.items()} for name, kept in words.items()},
        "ports": {}, "pe_cycles": {}, "stall_causes": {}, "actions": {}, "words_created": {},
        "windows": {"width_cycles": np.array(width), **dict.fromkeys(names, series)},
    }  # fmt: skip
    return LayerResult.from_measured(case.layer, counted, {}, clock_mhz=1000)


def written(case: Said, directory: Path, **how: int) -> dict[str, list[str]]:
    layer = result(case, **how)
    run = Run(architecture=machine(*case.array), workload="net", batch=1, clock_mhz=1000, layers=Layers((layer,)))
    write_reports(run, directory)
    return {path.name: path.read_text().splitlines() for path in directory.iterdir()}


def cells(line: str) -> list[float]:
    assert line.endswith(",")
    return [float(cell) for cell in line[:-1].split(", ")]


@pytest.mark.parametrize("case", said()[::5], ids=str)
def test_percentages_are_its_own(case: Said, tmp_path: Path) -> None:
    compute = cells(written(case, tmp_path)["COMPUTE_REPORT.csv"][1])
    assert compute[:4] == [0, case.total_cycles, case.total_cycles, 0]
    assert compute[4:] == pytest.approx([case.overall_util, case.mapping_efficiency, case.compute_util], rel=1e-12)


CASE = next(case for case in said() if str(case) == "ws-4x4-conv")


def test_files_to_the_letter(tmp_path: Path) -> None:
    files = written(CASE, tmp_path)
    assert {name: lines[0] for name, lines in files.items()} == HEADERS
    # SCALE-Sim's rows, but for the cycles of its prefetch and of its transactions
    assert files["COMPUTE_REPORT.csv"][1:] == ["0, 129, 129, 0, 55.81395348837209, 90.0, 49.6551724137931,"]
    assert files["BANDWIDTH_REPORT.csv"][1:] == ["0, 2.2325581395348837, 0.5581395348837209, 2.4806201550387597, 24.0, 24.0, 106.66666666666667,"]
    access = "0, 3.0, 5.0, 288, 3.0, 5.0, 72, 3.0, 5.0, 320, 3.0, 5.0, 72, 3.0, 5.0, 72, 3.0, 5.0, 320,"
    assert files["DETAILED_ACCESS_REPORT.csv"][1:] == [access]
    assert all(path.read_bytes().endswith(b",\n") for path in tmp_path.iterdir())


def test_stalls_are_what_folds_do_not_take(tmp_path: Path) -> None:
    assert cells(written(CASE, tmp_path, more_cycles=37)["COMPUTE_REPORT.csv"][1])[1:4] == [166, 166, 37]
    assert cells(written(CASE, tmp_path, more_cycles=-30)["COMPUTE_REPORT.csv"][1])[1:4] == [99, 99, 0]


def test_start_and_stop_reach_to_the_ends_of_windows(tmp_path: Path) -> None:
    row = cells(written(CASE, tmp_path, width=8)["DETAILED_ACCESS_REPORT.csv"][1])
    assert row[1:4] == [24, 47, 288]
    row = cells(written(CASE, tmp_path, width=32)["DETAILED_ACCESS_REPORT.csv"][1])
    assert row[1:4] == [96, 129, 288]


def test_layers_without_macs_have_no_row(tmp_path: Path) -> None:
    layer = result(CASE)
    layers = Layers((LayerResult(**{**fields(layer), "name": "pool", "macs": 0}), layer))
    write_reports(Run(architecture=machine(*CASE.array), workload="net", batch=1, clock_mhz=1000, layers=layers), tmp_path)
    assert (tmp_path / "COMPUTE_REPORT.csv").read_text().splitlines()[1:] == ["0, 129, 129, 0, 55.81395348837209, 90.0, 49.6551724137931,"]


def test_a_run_without_series_over_time(tmp_path: Path) -> None:
    layer = LayerResult(**{**fields(result(CASE)), "windows": {}})
    run = Run(architecture=machine(*CASE.array), workload="net", batch=1, clock_mhz=1000, layers=Layers((layer,)))
    with pytest.raises(InputError, match=r"conv: windows: series over time were expected: .* without windows\.npz"):
        run.save(tmp_path / "out", compat="scalesim")
    assert list(tmp_path.iterdir()) == []


def fields(layer: LayerResult) -> dict[str, object]:
    return {name: getattr(layer, name) for name in LayerResult.__dataclass_fields__}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    (line,) = [line for line in output.err.splitlines() if not line.startswith("warning: ")]
    return line


@pytest.mark.parametrize(
    ("arguments", "said_of_it"),
    [
        (["m.cfg", "--compat", "scalesim"], "error: --compat: --out was expected with it: it writes files"),
        (["m.cfg", "--compat", "timeloop", "--out", "x"], "error: --compat: one of scalesim was expected (got timeloop)"),
        (["m.cfg", "--compat", "", "--out", "x"], "error: --compat: one of scalesim was expected (got '')"),
        (["ws16", "--compat", "scalesim", "--out", "x"], "error: ws16: array.kind: a systolic array was expected with --compat scalesim (got spatial)"),
        (["one.yaml", "--compat", "scalesim", "--out", "x"], "error: m: memories: DRAM and a buffer for weight alone were expected with --compat scalesim (got dram, glb)"),
        (["m.cfg", "--compat", "scalesim", "--out", "full"], "error: full: exists already; name another one"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_the_run(
    arguments: list[str], said_of_it: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def simulate(*_: object, **__: object) -> None:
        raise AssertionError("the run began")

    monkeypatch.setattr("simulator.pipeline.simulate", simulate)
    monkeypatch.chdir(tmp_path)
    Path("m.cfg").write_text(configuration("ws", 4, 4))
    Path("full").mkdir()
    Path("one.yaml").write_text(
        "name: m\nclock_mhz: 1\nword_bits: {weight: 8, input: 8, output: 8}\nnetworks: {}\ndataflow: systolic\n"
        "array: {kind: systolic, rows: 4, columns: 4, stationary: weight}\nmemories:\n"
        "  dram: {kind: dram, keeps: [weight, input, output], bytes_per_cycle: 1}\n"
        "  glb: {kind: sram, keeps: [weight, input, output], capacity_bytes: 1024}\n"
    )
    assert refusal(capsys, "run", arguments[0], "alexnet", *arguments[1:]).startswith(said_of_it)
    assert not Path("x").exists()


def test_nothing_is_left_of_a_directory_that_cannot_be_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run = Run(architecture=machine(*CASE.array), workload="net", batch=1, clock_mhz=1000, layers=Layers((result(CASE),)))
    monkeypatch.setattr("simulator.report.save._write_files", lambda *_: None)
    monkeypatch.setattr("simulator.report.save.write_reports", no_room)
    with pytest.raises(OSError, match="No space"):
        run.save(tmp_path / "out", compat="scalesim")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="--compat: one of scalesim was expected"):
        run.save(tmp_path / "out", compat="Scalesim")
    assert list(tmp_path.iterdir()) == []


def test_spatial_machines_have_no_such_reports(tmp_path: Path) -> None:
    run = Run(architecture=simulator.load_architecture("ws16"), workload="net", batch=1, clock_mhz=1000, layers=Layers((result(CASE),)))
    with pytest.raises(InputError, match="a systolic array was expected"):
        run.save(tmp_path / "out", compat="scalesim")
