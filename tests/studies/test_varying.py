"""Sweeps: monotone where they must be, refused or told where a value does not do."""

from fractions import Fraction
from pathlib import Path

import pytest
from slow_weights import FAST, SLOW, SUM

import simulator
from simulator.errors import InputError
from simulator.studies.varying import Sweep, vary
from simulator.studies.whatif_tables import sweep_grid, sweep_remarks


def totals(sweep: Sweep) -> list[int]:
    return [outcome.total.cycles for _, outcome in sweep.finished]


def test_a_rate_by_hand(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """A pass waits for 8 weights at the rate, then for its last MAC.

    Faster than one per cycle its first weight still takes a cycle and its 8 MACs one each, which only an
    unlimited rate spares.
    """
    sweep = vary(machine, net, "weight_in.words_per_cycle=1/4,1/2,1,2,unlimited")
    assert totals(sweep) == [12 * cycles for cycles in (SLOW, 8 * 2 + 1, 8 + 1, 1 + 8, FAST)]
    assert (sweep.mapped, sweep.own_value) == ("kept", Fraction(1, 4))
    assert "no finite value stays within 5 % of unlimited" in sweep.knee.told
    assert sweep.own is not None
    assert sweep.own.total.cycles == 12 * SLOW
    assert sweep.gain_pct(sweep.finished[0][1]) == 0
    assert sweep.gain_pct(sweep.finished[-1][1]) == pytest.approx(100 * (1 - FAST / SLOW))
    assert sweep.unlimited == sweep.finished[-1][1]


def test_the_knee_counts_the_machine_as_described(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """1/4 is the machine's own rate and twice as fast as 1/8: no slower value is near the best that is known."""
    sweep = vary(machine, net, "weight_in.words_per_cycle=1/16,1/8")
    assert (sweep.knee.value, sweep.knee.at_end) == (Fraction(1, 4), True)  # unlimited would be faster still
    rows = {row[0]: row[1] for row in sweep_grid(sweep).rows}
    assert rows["0.25"] == "as described, knee"
    assert rows["0.125"] == ""


@pytest.mark.parametrize(
    ("key", "values"),
    [("glb.read_words_per_cycle", "1:32:x2"), ("weight_in.words_per_cycle", "1,3,8,unlimited")],
)
def test_more_rate_is_never_slower_with_ports_of_their_own(
    key: str, values: str, small: simulator.Workload
) -> None:
    """Law 4: a buffer with ports per data type and networks that carry one; DRAM, which all share, is unlimited."""
    machine = simulator.load_architecture("ws16").replace(memories__dram__bytes_per_cycle="unlimited")
    cycles = totals(vary(machine, small, f"{key}={values}"))
    assert cycles == sorted(cycles, reverse=True)
    assert cycles[0] > cycles[-1]


def test_more_room_is_never_slower_with_the_mapping_kept() -> None:
    """Law 4 again, from a buffer in which the mapping does not fit on."""
    machine = simulator.load_architecture("ws16").replace(memories__dram__bytes_per_cycle="unlimited")
    values = "glb.capacity_bytes=32768:1048576:x2"
    sweep = vary(machine, "alexnet", values, layers=["CONV3"], keep_mapping=True)
    cycles = totals(sweep)
    assert cycles == sorted(cycles, reverse=True)
    assert sweep.points[0].reason
    assert [point.reason != "" for point in sweep.points] == sorted(
        (point.reason != "" for point in sweep.points), reverse=True
    )


def test_points_agree_with_runs_of_their_own() -> None:
    """Anew: each point is what `simulate` gives for that machine."""
    machine = simulator.load_architecture("ws16")
    sweep = vary(machine, "alexnet", "array.rows=8,16", layers=["CONV3"])
    assert sweep.mapped == "anew"
    for value, outcome in sweep.finished:
        run = simulator.simulate(machine.replace(array__rows=int(value)), "alexnet", layers=["CONV3"])
        assert (outcome.total.cycles, outcome.total.verdict) == (run.total.cycles, run.total.verdict)
        assert outcome.total.energy_pj == run.total.energy_pj


def test_a_value_with_which_a_layer_does_not_fit_is_a_row() -> None:
    sweep = vary("eyeriss_v1", "alexnet", "array.rows=2,12", layers=["CONV3"])
    misfit, fits = sweep.points
    assert misfit.outcome is None
    assert misfit.reason.startswith("does not fit: eyeriss_v1: CONV3")
    assert fits.outcome is not None
    cells = sweep_grid(sweep).rows[0]
    assert (cells[0], cells[2], cells[-1]) == ("2", "-", misfit.reason)


def test_a_kept_mapping_that_does_not_fit_is_a_row(machine: simulator.Architecture, net: simulator.Workload) -> None:
    sweep = vary(machine, net, "array.pe.weight_words=4,8,16", keep_mapping=True)
    assert [point.outcome is None for point in sweep.points] == [True, False, False]
    assert "weight scratchpad holds 4 words, a step needs 8" in sweep.points[0].reason
    anew = vary(machine, net, "array.pe.weight_words=4,8,16")
    assert all(point.outcome is not None for point in anew.points)


def test_a_shipped_mapping_is_not_used_anew_and_that_is_said() -> None:
    anew = vary("eyeriss_v1", "alexnet", "array.rows=12", layers=["CONV2"])
    kept = vary("eyeriss_v1", "alexnet", "array.rows=12", layers=["CONV2"], keep_mapping=True)
    assert kept.points[0].outcome == kept.own
    assert kept.own is not None
    assert anew.own is not None
    assert kept.own.total.cycles == simulator.simulate("eyeriss_v1", "alexnet", layers=["CONV2"]).total.cycles
    assert anew.own.total.cycles != kept.own.total.cycles
    assert any("mappings/eyeriss_v1_alexnet.yaml" in line for line in sweep_remarks(anew))
    assert not any("mappings/" in line for line in sweep_remarks(kept))


def test_all_refused_values_are_named_before_anything_runs(
    machine: simulator.Architecture, net: simulator.Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr("simulator.studies.varying.run_of", never)
    with pytest.raises(InputError) as caught:
        vary(machine, net, "array.rows=0,1,1.5")
    assert [problem.place for problem in caught.value.problems] == ["--vary array.rows=0", "--vary array.rows=1.5"]


def test_where_nothing_fits_the_reason_is_the_error() -> None:
    """The machine with 2 rows does not run CONV3, as described or with other columns."""
    low = simulator.load_architecture("eyeriss_v1").replace(array__rows=2)
    with pytest.raises(InputError, match="row-stationary needs an array row per filter row"):
        vary(low, "alexnet", "array.columns=7,14", layers=["CONV3"])
    sweep = vary(low, "alexnet", "array.rows=2,12", layers=["CONV3"])
    assert sweep.own is None
    assert [sweep.gain_pct(point.outcome) for point in sweep.points] == [None, None]
    assert "does not run this workload" in " ".join(sweep_remarks(sweep))


def test_the_machine_itself_is_simulated_once(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """1/4 is what the machine says, and the bound comes on top."""
    told: list[str] = []
    vary(machine, net, "weight_in.words_per_cycle=0.25,1/2", progress=lambda done, total, name: told.append(f"{done}/{total} {name}"))
    assert told == ["2/3 weight_in.words_per_cycle=0.5", "3/3 weight_in.words_per_cycle=unlimited"]


def test_a_clock_is_judged_by_time(machine: simulator.Architecture, net: simulator.Workload) -> None:
    sweep = vary(machine, net, "clock_mhz=50,100,200")
    assert len(set(totals(sweep))) == 1
    assert [sweep.gain_pct(outcome) for _, outcome in sweep.finished] == pytest.approx([-100, 0, 50])
    assert (sweep.knee.value, sweep.knee.at_end) == (200, True)


def test_vector_layers_and_layers_not_simulated(machine: simulator.Architecture, net: simulator.Workload) -> None:
    sums = simulator.Workload.model_validate({"name": "s", "layers": [SUM]})
    more = net.replace(layers=(*net.layers, *sums.layers))
    sweep = vary(machine, more, "weight_in.words_per_cycle=1")
    assert any(line.startswith("Not simulated: 1 layer ") for line in sweep_remarks(sweep))
    unit = machine.replace(memories__dram__bytes_per_cycle=8, vector_unit={"lanes": 4, "buffer_words": 512})
    lanes = vary(unit, sums, "vector_unit.lanes=1,2,4")
    assert totals(lanes) == [32 + 64 // lanes + 16 for lanes in (1, 2, 4)]


def test_interrupted_it_keeps_what_is_finished(machine: simulator.Architecture, net: simulator.Workload) -> None:
    def stop(done: int, total: int, name: str) -> None:
        raise KeyboardInterrupt

    sweep = vary(machine, net, "weight_in.words_per_cycle=1/4,1/2,1", progress=stop)
    assert sweep.interrupted
    assert [point.value for point in sweep.points] == [Fraction(1, 4), Fraction(1, 2)]
    assert "Interrupted: only what was finished is here." in sweep_remarks(sweep)


def test_processes_change_nothing(machine: simulator.Architecture, net: simulator.Workload) -> None:
    text = "weight_in.words_per_cycle=1/2,1"
    assert vary(machine, net, text, jobs=2).to_dict() == vary(machine, net, text).to_dict()


def test_the_table_marks_the_knee_and_the_machine(machine: simulator.Architecture, net: simulator.Workload) -> None:
    rows = sweep_grid(vary(machine, net, "weight_in.words_per_cycle=1,2")).rows
    assert [row[:3] for row in rows] == [
        ("0.25", "as described", "396"),
        ("1", "knee", "108"),
        ("2", "", "108"),
        ("unlimited", "bound", "96"),
    ]
    assert {row[7] for row in rows} == {"kept"}


def test_the_machine_stands_among_the_values(machine: simulator.Architecture, net: simulator.Workload) -> None:
    rows = sweep_grid(vary(machine, net, "array.rows=2,4")).rows
    assert [row[0] for row in rows] == ["1", "2", "4"]
    wide = machine.replace(array__rows=3)
    rows = sweep_grid(vary(wide, net, "array.rows=2,4")).rows
    assert [row[:2] for row in rows] == [("2", "knee"), ("3", "as described"), ("4", "")]


def test_the_picture_is_the_same_each_time(
    machine: simulator.Architecture, net: simulator.Workload, tmp_path: Path
) -> None:
    sweep = vary(machine, net, "weight_in.words_per_cycle=1/4:4:x2")
    first, second = (sweep.plot(tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert first == second
    assert all(text in first.decode() for text in ("<svg", "weight_in.words_per_cycle"))


@pytest.mark.parametrize("share", [0, 100, -1, float("nan")])
def test_shares_that_are_none(share: float, machine: simulator.Architecture, net: simulator.Workload) -> None:
    with pytest.raises(InputError, match="a share between 0 and 100 % was expected"):
        vary(machine, net, "array.rows=1", knee_pct=share)
