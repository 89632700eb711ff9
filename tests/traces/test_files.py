"""Trace files: valid for a trace viewer, complete as tables, and refused in one line where they cannot be written.

Perfetto's own trace processor is a binary that is fetched when its Python package first needs it, so the rules of the
format are checked here: JSON, known phases, nesting, no overlap on a track, monotone counters, named tracks.
"""

import csv
import gzip
import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simulator
from simulator.cli import main
from simulator.report.result import Run
from simulator.traces.layer import Wanted
from simulator.traces.run import RunTrace

PHASES = {"X", "C", "M"}
Event = dict[str, Any]


@pytest.fixture(scope="module")
def run() -> Run:
    return simulator.simulate("eyeriss_v1", "alexnet", batch=2, layers=["CONV2", "CONV5", "FC8"], trace=True)


def read(path: Path) -> dict[str, Any]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    out: dict[str, Any] = json.loads(data)
    return out


def check_format(events: list[Event]) -> None:
    """What a viewer needs of Chrome's JSON format to show a trace without guessing."""
    named: dict[tuple[int, int | None], str] = {}
    slices: dict[tuple[int, int], list[Event]] = defaultdict(list)
    counters: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in events:
        assert event["ph"] in PHASES
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        assert event["name"]
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "process_sort_index", "thread_name", "thread_sort_index")
            if event["name"].endswith("_name"):
                key = (event["pid"], event.get("tid"))
                assert key not in named, "a track has one name"
                named[key] = event["args"]["name"]
            continue
        assert event["ts"] >= 0
        if event["ph"] == "C":
            assert event["args"]
            assert all(isinstance(value, int | float) for value in event["args"].values())
            counters[event["pid"], event["name"]].append(event)
        else:
            assert event["dur"] >= 0
            slices[event["pid"], event["tid"]].append(event)
    for process, track in slices:
        assert (process, None) in named
        assert (process, track) in named
    for own in slices.values():
        ends = -1.0
        for event in own:  # in the order of the file: no sorting is needed to draw them, and none overlap
            assert event["ts"] >= ends - 1e-6
            ends = event["ts"] + event["dur"]
    for own in counters.values():
        times = [event["ts"] for event in own]
        assert times == sorted(times)
        assert len({tuple(event["args"]) for event in own}) == 1


def pe_cycles_of(events: list[Event]) -> Counter[str]:
    """PE-cycles by name and cause of all slices of PEs."""
    out: Counter[str] = Counter()
    for event in events:
        if event["ph"] == "X" and event["pid"] == 1 and event["cat"] not in ("layer", "pass"):
            split = event.get("args", {}).get("pe_cycles", {event["name"]: event["dur"]})
            out.update(split)
    return out


def wanted(run: Run) -> Counter[str]:
    out: Counter[str] = Counter()
    for result in run.layers.values():
        for name, count in result.pe_cycles.items():
            causes = result.stall_causes.get(name)
            out.update({name: count} if causes is None else {f"{name}: {cause}": n for cause, n in causes.items()})
    return +out


@pytest.mark.parametrize("most", [300, 40_000])
def test_perfetto_files(run: Run, tmp_path: Path, most: int) -> None:
    run.trace.save(tmp_path / "t.json.gz", most=most)
    data = read(tmp_path / "t.json.gz")
    events = data["traceEvents"]
    check_format(events)
    assert pe_cycles_of(events) == wanted(run)
    layers = [event for event in events if event.get("cat") == "layer"]
    begin = 0
    for event, result in zip(layers, run.layers.values(), strict=True):
        assert (event["name"], event["ts"], event["dur"]) == (result.name, begin, result.cycles)
        begin += result.cycles
    told = data["otherData"]
    assert told["clock_hz"] == 200_000_000
    flat = {f"{name}: {cause}" if cause else name: n for name, causes in told["pe_cycles"].items() for cause, n in causes.items()}
    assert flat == wanted(run)
    names = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == {"PE array", "networks", "buffers", "dram"}


def test_ports_carry_all_their_words(run: Run, tmp_path: Path) -> None:
    run.trace.save(tmp_path / "t.json")
    events = read(tmp_path / "t.json")["traceEvents"]
    tracks = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] > 1}
    units: Counter[str] = Counter()
    for event in events:
        if event["ph"] == "X" and event["pid"] > 1:
            units[tracks[event["pid"], event["tid"]]] += event["args"].get("words", 0) + event["args"].get("bytes", 0)
    totals: Counter[str] = Counter()
    for result in run.layers.values():
        totals.update({name: port["words"] for name, port in result.ports.items()})
    assert +units == +totals


@pytest.mark.parametrize("most", [100, 3000, pytest.param(1 << 20, marks=pytest.mark.slow)])
def test_counters_integrate_to_what_crossed(run: Run, tmp_path: Path, most: int) -> None:
    """From single transactions and from sums over time, up to the three decimals of each value."""
    run.trace.save(tmp_path / "t.json", most=most)
    events = read(tmp_path / "t.json")["traceEvents"]
    for name, port in run.layers["CONV2"].ports.items():
        own = [e for e in events if e["ph"] == "C" and e["name"] == f"{name}, {port['unit']} per cycle"]
        if port["limit_per_cycle"] != "unlimited":
            assert max(event["args"][port["unit"]] for event in own) <= port["limit_per_cycle"] + 1e-3
        crossed = sum((b["ts"] - a["ts"]) * a["args"][port["unit"]] for a, b in pairwise(own))
        words = sum(result.ports[name]["words"] for result in run.layers.values())
        assert crossed == pytest.approx(words, abs=0.0005 * run.trace.cycles + 1)


def test_buffers_hold_tiles_from_when_they_are_known(run: Run, tmp_path: Path) -> None:
    """A value counts from the end of the window of time in which it was taken, not before."""
    run.trace.save(tmp_path / "t.json")
    events = read(tmp_path / "t.json")["traceEvents"]
    series = run.layers["CONV2"].windows
    own = [e for e in events if e["ph"] == "C" and e["name"] == "glb held, KiB" and e["ts"] < run.layers["CONV2"].cycles]
    width, column = int(series["width_cycles"]), series["tiles.glb.input"]
    for i, tiles in enumerate([0, *column.tolist()]):
        if i * width < run.layers["CONV2"].cycles:
            now = [e for e in own if e["ts"] <= i * width][-1]
            assert now["args"]["input"] == pytest.approx(tiles * float(series["tile_bytes.glb.input"]) / 1024, abs=1e-3)


@pytest.mark.parametrize("most", [2000, 20_000])
def test_streams_that_share_a_port_share_its_time(tmp_path: Path, most: int) -> None:
    """What repeats at the same time is one slice: no stream has a port's time for itself, and none has no time."""
    machine = simulator.load_architecture("eyeriss_v1").replace(memories__glb__ports="one")
    run = simulator.simulate(machine, "alexnet", layers=["CONV3"], batch=16, trace=True)
    run.trace.save(tmp_path / "t.json", most=most)
    events = read(tmp_path / "t.json")["traceEvents"]
    check_format(events)
    (track,) = [(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == "glb.port"]
    own = [event for event in events if event["ph"] == "X" and (event["pid"], event["tid"]) == track]
    port = run.layers["CONV3"].ports["glb.port"]
    assert sum(event["args"]["words"] for event in own) == port["words"]
    together = [event for event in own if event["args"].get("transactions", 1) > 1]
    assert "several streams" in {event["name"].split(" \u00d7 ")[0] for event in together}
    for event in together:
        assert event["args"]["busy_cycles"] == pytest.approx(event["args"]["words"] / port["limit_per_cycle"], abs=1e-3)
        assert 0 < event["args"]["busy_cycles"] <= event["dur"] + 1


def test_a_port_has_one_track_whatever_others_a_layer_has(tmp_path: Path) -> None:
    machine = simulator.load_architecture("ws16").replace(vector_unit={"lanes": 16, "buffer_words": 4096})
    run = simulator.simulate(machine, "alexnet", layers=["CONV2", "POOL1"], trace=True)
    run.trace.save(tmp_path / "t.json")
    events = read(tmp_path / "t.json")["traceEvents"]
    check_format(events)
    names = Counter(e["args"]["name"] for e in events if e["name"] == "thread_name" and e["pid"] > 1)
    assert names["dram.link"] == 1
    first = min(event["ts"] for event in events if event.get("cat") == "pass")
    assert first == run.layers["POOL1"].cycles  # a vector unit, which comes first, has no passes
    assert set(names.values()) == {1}


def test_a_window_shows_single_steps(run: Run, tmp_path: Path) -> None:
    """Over the border of two layers: slices in it are single and sum up to its accounts, transfers begin in it."""
    border = run.layers["CONV2"].cycles
    window = (border - 1500, border + 9000)
    run.trace.save(tmp_path / "w.json", tmp_path / "w.csv", window=window)
    events = read(tmp_path / "w.json")["traceEvents"]
    check_format(events)
    assert all(window[0] <= event["ts"] <= window[1] for event in events if event["ph"] != "M")
    assert not [event for event in events if event.get("cat") in ("merged", "repeat")]
    accounts = {
        f"{name}: {cause}" if cause else name: n for name, causes in run.trace.accounting(window).items() for cause, n in causes.items()
    }
    assert pe_cycles_of(events) == accounts
    assert sum(accounts.values()) == 168 * (window[1] - window[0])
    assert {"pass 0"} <= {event["name"] for event in events if event.get("cat") == "pass"}
    loops = next(event["args"] for event in events if event.get("cat") == "pass" and event["name"] == "pass 0")
    assert loops["weight_tile"].startswith(("G 0", "M 0"))
    assert {key for key in loops if key.endswith("_tile")} == {"weight_tile", "input_tile", "output_tile"}


def test_the_table_and_the_arrays_are_the_same_slices(run: Run, tmp_path: Path) -> None:
    run.trace.save(tmp_path / "t.csv", tmp_path / "t.npz", most=3000)
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))
    sums: Counter[str] = Counter()
    for row in rows:
        sums[f"{row['name']}: {row['cause']}" if row["cause"] else row["name"]] += int(row["pe_cycles"])
    assert sums == wanted(run)
    same = run.trace.arrays(most=3000)
    with np.load(tmp_path / "t.npz") as arrays:
        for layer in run.layers:
            assert all((arrays[f"{layer}/{key}"] == values).all() for key, values in same[layer].items())
            own = [row for row in rows if row["layer"] == layer]
            for column in ("start_cycle", "length_cycles", "first_pe", "first_pass", "pe_cycles", "repeats", "merged_slices"):
                assert arrays[f"{layer}/{column}"].tolist() == [int(row[column]) for row in own]
            assert arrays[f"{layer}/cause"].tolist() == [row["cause"] for row in own]


def test_slices_of_many_pes_say_how_many_pe_cycles_they_are(tmp_path: Path) -> None:
    machine = simulator.load_architecture("os16").replace(array__rows=40, array__columns=32)
    run = simulator.simulate(machine, "alexnet", layers=["CONV5"], trace=True)
    run.trace.save(tmp_path / "t.json", tmp_path / "t.csv", most=4000)
    events = read(tmp_path / "t.json")["traceEvents"]
    check_format(events)
    assert pe_cycles_of(events) == wanted(run)
    assert len([e for e in events if e["name"] == "thread_name" and e["args"]["name"].startswith("PEs row ")]) == 40
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))
    assert {row["merged_slices"] for row in rows} == {"0"}  # several, nobody counted how many


def test_equal_runs_give_equal_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run.trace.save(tmp_path / f"{name}.json.gz", tmp_path / f"{name}.npz", most=500)
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_files_do_not_grow_with_the_layer(tmp_path: Path) -> None:
    """Ten times the images: the same slices but for what repeats more often."""
    sizes = []
    for batch in (40, 400):
        run = simulator.simulate("eyeriss_v1", "alexnet", batch=batch, layers=["CONV3"], trace=True)
        run.trace.save(tmp_path / "t.json.gz")
        sizes.append((tmp_path / "t.json.gz").stat().st_size)
        assert pe_cycles_of(read(tmp_path / "t.json.gz")["traceEvents"]) == wanted(run)
    assert sizes[1] < 1.2 * sizes[0]


@pytest.mark.slow
def test_the_largest_layer_of_vgg16(tmp_path: Path) -> None:
    trace = simulator.trace("eyeriss_v1", "vgg16", layer="CONV1-2")
    trace.save(tmp_path / "t.json.gz")
    assert (tmp_path / "t.json.gz").stat().st_size < 5e6
    check_format(read(tmp_path / "t.json.gz")["traceEvents"])
    middle = trace.cycles // 2
    window = (middle, middle + 2000)
    part: RunTrace = simulator.trace("eyeriss_v1", "vgg16", layer="CONV1-2", window=window)
    part.save(tmp_path / "w.json.gz")
    events = read(tmp_path / "w.json.gz")["traceEvents"]
    assert not [event for event in events if event.get("cat") in ("merged", "repeat")]
    assert sum(pe_cycles_of(events).values()) == 168 * 2000


# The command


def call(*arguments: str) -> int:
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_command_writes_two_files_and_says_where_the_cycles_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("trace", "ws16", "alexnet", "--layer", "fc8") == 0
    out = capsys.readouterr().out
    assert "stall_weight" in out
    files = [Path(line.removeprefix("trace: ")) for line in out.splitlines() if line.startswith("trace: ")]
    assert [file.name for file in files] == ["trace.json.gz", "stall_trace.csv"]
    check_format(read(files[0])["traceEvents"])
    assert call("trace", "ws16", "alexnet", "--layer", "FC8", "--quiet") == 0
    assert len(list(Path("results").iterdir())) == 2  # never the same place twice


@pytest.mark.parametrize("arguments", [[], ["--layer", "CONV5"], ["--window", "0:100"]])
def test_an_interrupted_trace_is_no_trace(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from simulator import pipeline

    measure, calls = pipeline.measure_job, []

    def measured(*given: Any, **how: Any) -> Any:
        calls.append(given)
        if len(calls) == 2 or arguments[:1] == ["--layer"]:
            raise KeyboardInterrupt
        return measure(*given, **how)

    monkeypatch.setattr(pipeline, "measure_job", measured)
    assert call("trace", "ws16", "alexnet", *arguments) == 130
    assert capsys.readouterr() == ("", "interrupted; nothing was written\n")
    assert list(Path().iterdir()) == []


def test_a_trace_says_what_it_is_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("trace", "ws16", "alexnet", "--window", "0:10", "--relax", "dram", "--out", "w.json") == 0
    told = capsys.readouterr()
    assert "unlimited: dram" in told.out
    assert "note: without RELU1, NORM1 ... (13 layers): no part of the machine runs them\n" in told.err
    data = read(Path("w.json"))["otherData"]
    assert (data["relax"], len(data["not_simulated"]), data["interrupted"]) == (["dram"], 13, False)
    assert [f"note: {note}" for note in data["notes"]] == told.err.splitlines()


def test_notes_say_what_is_merged() -> None:
    run = simulator.simulate("ws16", "alexnet", layers=["CONV3", "CONV4", "CONV5"], trace=Wanted(most=1000))
    merged = [trace.merged for _, _, trace in run.trace.layers]
    below = f"{min(merged)} to {max(merged)}" if min(merged) < max(merged) else str(merged[0])
    (note,) = run.trace.notes
    assert note.startswith(f"CONV3, CONV4, CONV5: stretches below {below} cycles are merged")


def test_run_writes_a_trace_to_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "ws16", "alexnet", "--layer", "FC8", "--trace", "--out", "r", "--quiet") == 0
    check_format(read(Path("r/trace.json.gz"))["traceEvents"])
    assert Path("r/stall_trace.csv").read_text(encoding="utf-8").startswith("layer,start_cycle,")
    assert call("run", "ws16", "alexnet", "--layer", "FC8", "--trace", "--json") == 2
    assert "--trace: --out was expected" in capsys.readouterr().err


def test_a_window_of_the_run_may_lie_in_several_layers(capsys: pytest.CaptureFixture[str]) -> None:
    whole = simulator.simulate("ws16", "alexnet")
    first, second = list(whole.layers.values())[:2]
    window = f"{first.cycles - 100}:{first.cycles + 400}"
    assert call("trace", "ws16", "alexnet", "--window", window, "--out", "w.json") == 0
    title = " ".join(capsys.readouterr().out.split("PE-cycles")[0].split())
    assert title.endswith(f"{first.name} to {second.name}, cycles {first.cycles - 100:,} to {first.cycles + 400:,}")
    events = read(Path("w.json"))["traceEvents"]
    assert [event["name"] for event in events if event.get("cat") == "layer"] == [first.name, second.name]
    assert sum(pe_cycles_of(events).values()) == 256 * 500


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layer", "POOL1"], "alexnet: layers: a layer that a part of the machine runs was expected (got POOL1)"),
        (["--layer", "CONV9"], "did you mean CONV5, CONV4, CONV3? (got CONV9)"),
        (["--layer", "FC8", "--window", "10"], "--window: cycles FROM:TO such as 1000:2000 were expected (got 10)"),
        (["--layer", "FC8", "--window", "20:10"], "--window: cycles FROM:TO such as 1000:2000 were expected (got 20:10)"),
        (["--layer", "FC8", "--window", "-1:10"], "(got -1:10)"),
        (["--layer", "FC8", "--window", "0:99999999999"], "--window: cycles FROM:TO within 0:"),
        (["--window", "99999999998:99999999999"], "--window: cycles FROM:TO within 0:"),
        (["--out", "x.txt"], "x.txt: a file ending in .json.gz, .json, .csv, .npz was expected"),
        (["--out", "no/where.json"], "--out: a file in a directory that exists was expected (got no/where.json)"),
        (["--out", "a.csv", "--out", "a.csv"], "--out: every file once was expected"),
        (["--out", "there.json"], "--out: exists already; name another, or replace it with --force (got there.json)"),
        (["--force"], "--force: --out was expected with it"),
        (["--slices", "0"], "--slices"),
        (["--slices", "1000001"], "--slices"),
        (["--relax", "nope"], "--relax: no such resource"),
        (["--batch", "x"], "--batch"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there.json").write_text("mine", encoding="utf-8")
    assert call("trace", "ws16", "alexnet", *arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert Path("there.json").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in Path().iterdir()] == ["there.json"]


def test_many_wrong_files_get_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("trace", "ws16", "alexnet", "--out", "x.txt", "--out", "no/x.csv") == 2
    assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]) == 2
