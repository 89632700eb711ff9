"""Traces of layers: they sum up to the layer's accounts, in every window, and skipping changes nothing."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "laws"))

from random_machines import built, cases, free_cases
from random_systolic import cases as systolic_cases
from random_systolic import free_cases as free_systolic_cases

import simulator
from simulator.errors import InputError
from simulator.mapping.mapping import Mapping
from simulator.names import STALL_NAMES
from simulator.pipeline import Job, measure_job
from simulator.spec.layer import Layer
from simulator.traces.crossings import BEGIN, SERIES, UNITS
from simulator.traces.layer import LayerTrace, Slices, Wanted

Case = tuple[dict[str, Any], Layer, Mapping]
Accounts = dict[str, dict[str | None, int]]


def of_result(found: dict[str, Any]) -> Accounts:
    """PE-cycles by name and cause as the layer reports them."""
    out: Accounts = {}
    for name, count in found["pe_cycles"].items():
        if count:
            out[name] = dict(found["stall_causes"][name]) if name in STALL_NAMES else {None: count}
    return out


def added(parts: list[Accounts]) -> Accounts:
    out: Accounts = {}
    for part in parts:
        for name, causes in part.items():
            for cause, count in causes.items():
                out.setdefault(name, {})[cause] = out.get(name, {}).get(cause, 0) + count
    return out


def tracks_are_whole(slices: Slices, window: tuple[int, int], columns: int) -> None:
    """On every track one slice starts where the one before ends, and every slice is split completely."""
    first, last = window
    (low, left), (high, right) = divmod(slices.first_pe, columns), divmod(slices.last_pe, columns)
    pes = (high - low + 1) * (right - left + 1)
    for track in np.unique(slices.first_pe):
        own = np.flatnonzero(slices.first_pe == track)
        ends = slices.start[own] + slices.length[own]
        assert slices.start[own[0]] == first
        assert ends[-1] == last
        assert (slices.start[own[1:]] == ends[:-1]).all()
    split = np.bincount(slices.owner, slices.pe_cycles, len(slices))
    assert (split == slices.length * pes).all()


@pytest.mark.parametrize("kind", [cases, free_cases, systolic_cases, free_systolic_cases])
def test_random_layers(kind: Any) -> None:
    @given(kind(), st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def body(case: Case, data: st.DataObject) -> None:
        description, layer, mapping = case
        machine, job = built(description), Job(layer, mapping)
        quick = measure_job(machine, job, frozenset(), trace=Wanted())
        full = measure_job(machine, job, frozenset(), trace=Wanted(), fast_forward=False)
        plain = measure_job(machine, job, frozenset())
        trace, whole = quick["trace"], full["trace"]
        assert {k: v for k, v in plain.items() if k != "windows"} == {k: v for k, v in quick.items() if k not in ("windows", "trace")}
        assert trace.accounting() == of_result(plain)
        assert added([trace.of_pe(pe) for pe in range(machine.array.pes)]) == of_result(plain)
        cycles = trace.cycles
        cut = data.draw(st.integers(1, cycles - 1)) if cycles > 1 else 1
        windows = [(0, cut), (cut, cycles)] if cycles > 1 else [(0, cycles)]
        assert added([trace.accounting(window) for window in windows]) == of_result(plain)
        for window in windows:
            for most in (1 << 20, 3 * trace.pe_rows.pes):
                slices = trace.slices(window, most)
                assert slices.accounting() == trace.accounting(window)
                tracks_are_whole(slices, window, machine.array.columns)
            single = trace.pe_rows.single(*window, 1 << 20)
            assert np.array_equal(single, whole.pe_rows.single(*window, 1 << 20))
            crossed = trace.crossings.single(*window, 1 << 20)
            assert np.array_equal(crossed, whole.crossings.single(*window, 1 << 20))
        assert int(trace.crossings.folded()[:, UNITS].sum()) == int(trace.crossings.single(0, cycles + 1, 1 << 20)[:, UNITS].sum())

    body()


def traced(workload: str, layer: str, wanted: Wanted | None = None, architecture: str = "eyeriss_v1", **options: Any) -> tuple[LayerTrace, Accounts]:
    run = simulator.simulate(architecture, workload, layers=[layer], trace=wanted or True, **options)
    result = run.layers[layer]
    assert result.trace is not None
    return result.trace, of_result({"pe_cycles": result.pe_cycles, "stall_causes": result.stall_causes})


def test_a_layer_that_repeats_and_its_windows() -> None:
    trace, wanted = traced("alexnet", "CONV3", batch=4)
    assert (trace.pe_rows.what < 0).any()  # something was skipped
    assert trace.accounting() == wanted
    edges = [0, 1, 1795, 100_000, 2_345_678, trace.cycles]
    windows = list(pairwise(edges))
    assert added([trace.accounting(window) for window in windows]) == wanted
    window = (2_000_000, 2_001_500)
    short = trace.slices(window)
    assert set(short.times.tolist()) == {0}  # single steps, wherever they lie in what repeats
    assert set(short.steps.tolist()) == {1}
    names = np.array([name for name, _ in short.states])[short.state]
    assert short.length[names == "mac"].max() == 16 * 3 * 3  # p filters, q channels, S taps: one step
    assert short.accounting() == trace.accounting(window)
    few = trace.slices(most=2000)
    assert len(few) <= 2000
    assert few.accounting() == wanted
    assert few.times.max() > 1  # what repeats stays one slice where it is long
    tracks_are_whole(few, (0, trace.cycles), 14)


def test_more_slices_than_are_kept() -> None:
    """Of too many slices neighbours are merged in a second run; a window is kept as it is."""
    layer, workload = "CONV5", "alexnet"
    all_kept, wanted = traced(workload, layer)
    assert all_kept.merged == 0
    count = len(all_kept.pe_rows.start)
    fewer, again = traced(workload, layer, Wanted(most=count // 20))
    assert again == wanted
    assert fewer.merged > 0
    assert len(fewer.pe_rows.start) < count / 10
    assert fewer.accounting() == wanted
    middle = all_kept.cycles // 2
    window = (middle, middle + 3000)
    part, _ = traced(workload, layer, Wanted(most=count // 2, window=window))
    assert part.merged == 0
    assert part.window == window
    assert len(part.pe_rows.start) < count
    assert np.array_equal(part.pe_rows.single(*window, 1 << 20), all_kept.pe_rows.single(*window, 1 << 20))
    assert part.accounting() == all_kept.accounting(window)
    with pytest.raises(InputError, match=f"within {middle}:{middle + 3000} were expected"):
        part.accounting((0, 10))


@pytest.mark.parametrize("window", [(2000, 22_000), (100_001, 130_007), (140_000, 430_001)])
def test_a_window_with_more_slices_than_are_kept_stays_the_window(window: tuple[int, int]) -> None:
    """Its slices are merged, and where it begins and ends lies in none of them: its sums are exact."""
    exact, _ = traced("alexnet", "CONV5")
    whole, _ = traced("alexnet", "CONV5", Wanted(most=5000))
    part, _ = traced("alexnet", "CONV5", Wanted(most=5000, window=window))
    assert part.window == window
    assert 0 < part.merged <= whole.merged
    if window[1] == 22_000:
        assert part.merged < whole.merged  # shorter stretches than if all of the layer had to be kept
    tracks_are_whole(part.slices(), window, 14)
    assert part.accounting() == exact.accounting(window)


def test_passes_are_where_the_loops_say() -> None:
    """The pass of every slice rises by one at a time, and its loops are those of the mapping's walk."""
    from simulator.mapping.mapping import whole
    from simulator.mapping.nest import walk

    run = simulator.simulate("eyeriss_v1", "alexnet", layers=["CONV2"], trace=True, batch=2)
    result, mapping = run.layers["CONV2"], run.mappings["CONV2"]
    trace = result.trace
    assert trace is not None
    single = trace.pe_rows.single(0, trace.cycles, 1 << 24)
    assert single is not None
    own = single[single[:, 0] == 0]
    assert own[0, 4] == 0
    assert set(np.diff(own[:, 4]).tolist()) <= {0, 1}
    assert own[-1, 4] == result.passes - 1
    layer = next(x for x in simulator.load_workload("alexnet").lower(2) if x.name == "CONV2")
    loops = [loop for loop in mapping.outer if loop.trips > 1]
    places = [x.digits for x in walk(loops, whole(layer), mapping.pass_extents)]  # type: ignore[arg-type]
    assert len(places) == result.passes
    for number in (0, 1, 2, 7, 100, result.passes // 2, result.passes - 1):
        assert [digit for _, digit in trace.places.of(number)] == list(places[number])


def test_passes_are_counted_beyond_32_bits() -> None:
    run = simulator.simulate("eyeriss_v1", "alexnet", layers=["CONV5"], batch=20_000_000, trace=Wanted(most=30_000))
    result = run.layers["CONV5"]
    assert result.trace is not None
    assert result.passes > 1 << 32
    slices = result.trace.slices()
    assert slices.first_pass.min() == 0
    assert (slices.first_pass <= slices.last_pass).all()
    assert result.trace.slices((result.cycles - 1000, result.cycles)).last_pass.max() == result.passes - 1


def test_transfers_are_the_ports_words() -> None:
    run = simulator.simulate("ws16", "alexnet", layers=["CONV3"], trace=True)
    result = run.layers["CONV3"]
    trace = result.trace
    assert trace is not None
    rows = trace.crossings.folded()
    for port in trace.ports:
        own = rows[np.isin(rows[:, SERIES], port.series)]
        assert int(own[:, UNITS].sum()) == result.ports[port.name]["words"], port.name
        assert port.limit == result.ports[port.name]["limit_per_cycle"]
        assert port.unit == result.ports[port.name]["unit"]
    edges = np.array([0, 1000, 1010, 5000])
    some = trace.crossings.single(0, 5000, 1 << 20)
    assert some is not None
    for port in trace.ports:
        own = some[np.isin(some[:, SERIES], port.series)]
        ends = own[:, BEGIN] + own[:, UNITS] * port.ticks_per_unit
        units = trace.crossings.per_bin(port, some, edges)
        assert own[ends <= 5000 * trace.crossings.ticks][:, UNITS].sum() <= units.sum() + 1e-6 <= own[:, UNITS].sum() + 1e-5
        if port.limit != "unlimited" and len(own):
            assert (units <= np.diff(edges) * float(port.limit) + 1e-6).all()
            longest = own[own[:, UNITS].argmax()]  # it crosses at the port's rate; waiting for an answer is no crossing
            begin = int(longest[BEGIN]) // trace.crossings.ticks + 1
            assert trace.crossings.per_bin(port, some, np.array([begin, begin + 1]))[0] == pytest.approx(float(port.limit))


def test_large_arrays_share_tracks() -> None:
    machine = simulator.load_architecture("os16").replace(array__rows=40, array__columns=32)
    run = simulator.simulate(machine, "alexnet", layers=["CONV5"], trace=True)
    result, trace = run.layers["CONV5"], run.layers["CONV5"].trace
    assert trace is not None
    slices = trace.slices(most=4000)
    assert len(slices) <= 4000
    assert set((slices.last_pe - slices.first_pe + 1).tolist()) == {32}
    assert slices.accounting() == of_result({"pe_cycles": result.pe_cycles, "stall_causes": result.stall_causes})
    tracks_are_whole(slices, (0, trace.cycles), 32)


def test_layers_on_a_vector_unit_have_traces() -> None:
    machine = simulator.load_architecture("ws16").replace(vector_unit={"lanes": 16, "buffer_words": 4096})
    run = simulator.simulate(machine, "alexnet", layers=["POOL1", "CONV2"], trace=True)
    trace = run.layers["POOL1"].trace
    assert trace is not None
    pool = run.layers["POOL1"]
    assert trace.accounting() == {"between": {None: 256 * pool.cycles}}
    rows = trace.crossings.folded()
    by_port = {port.name: int(rows[np.isin(rows[:, SERIES], port.series)][:, UNITS].sum()) for port in trace.ports}
    assert by_port == {name: port["words"] for name, port in pool.ports.items()}
    both = run.trace
    assert [(name, begin) for name, begin, _ in both.layers] == [("CONV2", 0), ("POOL1", run.layers["CONV2"].cycles)] or [
        name for name, _, _ in both.layers
    ] == ["POOL1", "CONV2"]
    assert sum(n for causes in both.accounting().values() for n in causes.values()) == 256 * both.cycles


def test_real_operands_and_several_processes() -> None:
    run = simulator.simulate("ws16", "alexnet", layers=["CONV3", "CONV5"], operands="random", trace=True, jobs=2)
    for result in run.layers.values():
        assert result.trace is not None
        assert result.trace.accounting() == of_result({"pe_cycles": result.pe_cycles, "stall_causes": result.stall_causes})


def test_runs_without_a_trace_say_so() -> None:
    run = simulator.simulate("ws16", "alexnet", layers=["FC8"])
    with pytest.raises(InputError, match="a run with trace=True was expected"):
        _ = run.trace
