"""Traces of systolic arrays: a track per rectangle of PEs that do the same, whose PE-cycles count for all of them."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from systolic_files import MEMORIES

import simulator
from simulator.cli import main
from simulator.names import STALL_NAMES
from simulator.report.result import LayerResult, Run
from simulator.traces.bands import Bands, told
from simulator.traces.layer import Wanted


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


def account(results: list[LayerResult]) -> Counter[str]:
    out: Counter[str] = Counter()
    for result in results:
        for name, n in result.pe_cycles.items():
            out.update({f"{name}: {c}": m for c, m in result.stall_causes[name].items()} if name in STALL_NAMES else {name: n})
    return +out


def test_bands_of_an_array() -> None:
    bands = Bands.of([8, 16], [3, 7, 10])
    assert bands.pes.tolist() == [24, 32, 24, 24, 32, 24]
    first, last = bands.corners(np.arange(6), np.arange(6))
    names = [told(a, b, 10) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    assert names[0] == "PEs rows 0-7, columns 0-2"
    assert names[5] == "PEs rows 8-15, columns 7-9"
    grid = [[bands.of_pe(10 * row + column) for column in range(10)] for row in range(16)]
    assert Counter(np.ravel(grid).tolist()) == dict(enumerate(bands.pes.tolist()))
    assert grid[7][6] == 1
    assert grid[8][7] == 5
    alone = Bands.single(2, 3)
    assert alone.pes.tolist() == [1] * 6
    assert [alone.of_pe(pe) for pe in range(6)] == list(range(6))
    assert told(5, 5, 3) == "PE 1,2"
    assert told(3, 5, 3) == "PEs row 1, columns 0-2"


@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("stationary", ["weight", "output"])
def test_files_have_every_pe_cycle(name: str, stationary: str) -> None:
    machine = simulator.load_architecture(f"{name}.yaml").replace(array__stationary=stationary)
    run = simulator.simulate(machine, "net.yaml", trace=True)
    run.trace.save(Path("t.json"), Path("t.csv"), Path("t.npz"))
    wanted = account(list(run.layers.values()))
    data = json.loads(Path("t.json").read_text(encoding="utf-8"))
    found: Counter[str] = Counter()
    for event in data["traceEvents"]:
        if event["ph"] == "X" and event["pid"] == 1 and event["cat"] not in ("layer", "pass"):
            found.update(event.get("args", {}).get("pe_cycles", {event["name"]: event["dur"]}))
    assert found == wanted
    processes = {event["args"]["name"] for event in data["traceEvents"] if event["name"] == "process_name"}
    outside = {"sysm": {"dram"}, "two_drams": {"ddr, weight_dram"}, "unified": {"weight_dram"}, "on_chip": set()}[name]
    assert processes == {"PE array", "networks", "buffers"} | outside
    rows = list(csv.DictReader(Path("t.csv").read_text(encoding="utf-8").splitlines()))
    assert sum(int(row["pe_cycles"]) for row in rows) == 256 * run.total.cycles
    arrays = np.load("t.npz")
    assert sum(int(arrays[key].sum()) for key in arrays.files if key.endswith("pe_cycles")) == 256 * run.total.cycles


def test_tracks_are_named_after_their_pes(run: Run) -> None:
    run.trace.save(Path("t.json"))
    events = json.loads(Path("t.json").read_text(encoding="utf-8"))["traceEvents"]
    names = [e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] == 1]
    assert "PEs rows 0-15, columns 0-1" in names  # FC has 50 filters
    assert "PEs rows 0-7, columns 0-7" in names  # CONV has 24 filters of 72 weights
    assert len(set(names)) == len(names) < 20
    tracks = {(e["pid"], e["tid"]) for e in events if e["ph"] == "X"}
    assert tracks <= {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}


@pytest.fixture
def run() -> Run:
    return simulator.simulate("sysm.yaml", "net.yaml", trace=True)


def test_one_pe_of_many(run: Run) -> None:
    result = run.layers["CONV"]
    assert result.trace is not None
    grid = result.windows["pe_cycles"]
    for pe in (0, 15, 16 * 15, 255):
        own = result.trace.of_pe(pe)
        assert {name: sum(causes.values()) for name, causes in own.items()} == {
            name: n for name, n in zip(result.pe_cycles, grid[divmod(pe, 16)].tolist(), strict=True) if n
        }


def test_few_slices_keep_their_pe_cycles(run: Run) -> None:
    result = run.layers["FC"]
    whole = simulator.simulate("sysm.yaml", "net.yaml", layers=["FC"], trace=Wanted(most=2000)).layers["FC"].trace
    assert result.trace is not None
    assert whole is not None
    assert whole.accounting() == result.trace.accounting()
    for most in (10, 300):
        slices = result.trace.slices(most=most)
        assert slices.accounting() == result.trace.accounting()


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("trace", "two_drams.yaml", "net.yaml", "--out", "a.json.gz", "--plot", "a.png", "--window", "100:900") == 0
    assert "trace: a.json.gz" in capsys.readouterr().out
    assert called("run", "unified.yaml", "net.yaml", "--trace", "--out", "results", "--quiet") == 0
    assert Path("results/stall_trace.csv").stat().st_size > 1000
