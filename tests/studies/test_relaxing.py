"""Each resource unlimited in turn, on machines whose cycles can be counted by hand."""

from typing import Any

import pytest
from slow_weights import FAST, PASSES, SLOW, SUM

import simulator
from simulator.errors import InputError
from simulator.spec.relax import relaxable
from simulator.studies.relaxing import Relaxing, resources, whatif
from simulator.studies.whatif_tables import relaxing_grids, relaxing_remarks


def row(study: Relaxing, name: str) -> Any:
    return next(row for row in study.relaxed if row.resource.name == name)


def test_the_only_limit_is_found_with_its_gain(machine: simulator.Architecture, net: simulator.Workload) -> None:
    study = whatif(machine, net)
    assert [row.resource.name for row in study.relaxed] == ["weight_in"]
    assert study.relaxed[0].resource.limit == "0.25 words/cycle"
    relaxed = study.relaxed[0].unlimited
    assert relaxed is not None
    for layer, passes in PASSES.items():
        assert study.baseline.cycles(layer) == SLOW * passes
        assert relaxed.cycles(layer) == FAST * passes
        assert study.gain_pct(relaxed, layer) == pytest.approx(100 * (1 - FAST / SLOW))
    assert study.baseline.total.cycles == SLOW * sum(PASSES.values())
    assert relaxed == study.everything
    assert [study.bottleneck(layer).resource for layer in ("A", "B", None)] == ["weight_in"] * 3


def test_resources_that_hide_each_other(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """The buffer's read port is as slow as the network behind it: unlimited alone the network gains nothing."""
    both = machine.replace(memories__glb__read_words_per_cycle="1/4")
    study = whatif(both, net)
    network, floor = row(study, "weight_in"), FAST * sum(PASSES.values())
    assert network.unlimited.total.cycles == study.baseline.total.cycles
    assert network.alone.total.cycles == SLOW * sum(PASSES.values())
    assert study.everything is not None
    assert study.everything.total.cycles == floor
    assert study.cost_pct(network.alone) == pytest.approx(100 * (SLOW - FAST) * 12 / study.baseline.total.cycles)
    found = study.bottleneck()
    assert found.resource == "glb"
    assert found.hidden == {"weight_in": study.cost_pct(network.alone)}
    assert [rung.names for rung in study.ladder] == [("glb",), ("glb", "weight_in")]
    assert study.ladder[-1].outcome == study.everything


def test_where_no_single_resource_gains(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """Two reads per weight as slow as each other: the buffer's port serves weights alone, so nothing else waits."""
    only = machine.replace(
        memories__glb__ports="per_data_type",
        memories__glb__read_words_per_cycle="1/4",
        networks__input_in__words_per_cycle="1/4",
        networks__psum_in__words_per_cycle="1/4",
    )
    study = whatif(only, net)
    assert all(study.gain_pct(row.unlimited) < 1 for row in study.relaxed if row.resource.name != "glb")
    assert {"glb", "glb.weight_read", "glb.input_read", "weight_in"} <= {row.resource.name for row in study.relaxed}
    without_memory = Relaxing(
        **{key: getattr(study, key) for key in ("architecture", "workload", "batch", "relax", "baseline", "everything")},
        relaxed=tuple(row for row in study.relaxed if row.resource.name != "glb"),
    )
    found = without_memory.bottleneck()
    assert found.resource == ""
    assert {"weight_in", "glb.weight_read"} <= set(found.hidden)
    assert found.told.startswith("nothing: no single resource gains 1 %, everything at once")


def test_nothing_limits(machine: simulator.Architecture, net: simulator.Workload) -> None:
    study = whatif(machine.replace(networks__weight_in__words_per_cycle="unlimited"), net)
    assert (study.relaxed, study.ladder) == ((), ())
    assert study.bottleneck().told == "nothing: everything at once 0 %"
    assert relaxing_grids(study)[-1].rows[-1][:2] == ("total", "nothing")
    assert any("weight_in" in line for line in relaxing_remarks(study) if line.startswith("Unlimited as described"))


def test_rows_are_sorted_by_gain_and_agree_with_single_runs(small: simulator.Workload) -> None:
    """Every cell is one `simulate` with that name relaxed."""
    study = whatif("ws16", small)
    totals = [row.unlimited.total.cycles for row in study.relaxed if row.unlimited]
    assert totals == sorted(totals)
    assert len(totals) == len(study.relaxed)
    for name in ("dram", "glb", "glb.input_read", "input_in", "psum_local"):
        run = simulator.simulate("ws16", small, relax=[name])
        found = row(study, name).unlimited
        assert {x.name: x.cycles for x in found.layers} == {x.name: x.cycles for x in run.layers.values()}
    assert study.everything is not None
    assert all(study.everything.total.cycles <= total <= study.baseline.total.cycles for total in totals)
    alone = [row.alone.total.cycles for row in study.relaxed if row.alone]
    assert min(alone) >= study.everything.total.cycles


def test_no_resource_stands_twice_and_none_that_is_unlimited() -> None:
    found, unlimited = resources(simulator.load_architecture("eyeriss_v1"))
    names = [resource.name for resource in found]
    assert len({resource.ports for resource in found}) == len(found)
    assert "dram" in names
    assert "dram.link" not in names
    assert unlimited == ["glb.outer_write", "glb.outer_read"]
    moving_nothing = {"glb.input_write", "weight_buffer.write", "weight_buffer.outer_read"}
    assert not moving_nothing & {*names, *unlimited}
    limits = {resource.name: resource.limit for resource in found}
    assert (limits["dram"], limits["input_in"]) == ("2.4 bytes/cycle", "1 words/cycle")


def test_what_is_relaxed_from_the_start_is_in_no_row(
    machine: simulator.Architecture, net: simulator.Workload
) -> None:
    both = machine.replace(memories__glb__read_words_per_cycle="1/4")
    study = whatif(both, net, relax=["glb.read"])
    assert [row.resource.name for row in study.relaxed] == ["weight_in"]
    assert study.baseline.total.cycles == SLOW * 12
    assert "Unlimited in all rows: glb.read." in relaxing_remarks(study)


def test_layers_of_the_vector_unit(machine: simulator.Architecture) -> None:
    """256 bytes in at 8 per cycle, 64 sums on 4 lanes, 128 bytes out: one chunk, one after another."""
    unit = machine.replace(
        memories__dram__bytes_per_cycle=8, vector_unit={"lanes": 4, "buffer_words": 512}
    )
    sums = simulator.Workload.model_validate({"name": "sums", "layers": [SUM]})
    study = whatif(unit, sums)
    assert study.baseline.cycles("SUM") == 32 + 16 + 16
    assert study.bottleneck("SUM").resource == "dram"
    assert study.bottleneck("SUM").gain_pct == pytest.approx(75)


def test_layers_that_are_not_simulated_are_said(machine: simulator.Architecture, net: simulator.Workload) -> None:
    more = net.replace(layers=(*net.layers, *simulator.Workload.model_validate({"name": "s", "layers": [SUM]}).layers))
    study = whatif(machine, more)
    assert [layer.name for layer in study.not_simulated] == ["SUM"]
    assert any(line.startswith("Not simulated: 1 layer ") for line in relaxing_remarks(study))


def test_interrupted_it_keeps_what_is_finished(machine: simulator.Architecture, net: simulator.Workload) -> None:
    both = machine.replace(memories__glb__read_words_per_cycle="1/4")

    def stop(done: int, total: int, name: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    study = whatif(both, net, progress=stop)
    assert study.interrupted
    assert study.everything is not None
    assert [row.unlimited is None for row in study.relaxed].count(False) == 1
    assert study.to_dict()["interrupted"] is True
    assert "Interrupted: only what was finished is here." in relaxing_remarks(study)
    assert study.bottleneck().told == "not known: the study was interrupted"  # another resource may gain more
    assert {row[1:] for row in relaxing_grids(study)[-1].rows} == {("not known", "-", "-", "")}


def test_everything_is_simulated_once(machine: simulator.Architecture, net: simulator.Workload) -> None:
    """One resource: unlimited it is everything, alone limited it is the machine as described."""
    told: list[tuple[int, int, str]] = []
    whatif(machine, net, progress=lambda *step: told.append(step))
    assert told == [(1, 2, "as described"), (2, 2, "unlimited: weight_in")]


def test_processes_change_nothing(machine: simulator.Architecture, net: simulator.Workload) -> None:
    both = machine.replace(memories__glb__read_words_per_cycle="1/4")
    assert whatif(both, net, jobs=2).to_dict() == whatif(both, net).to_dict()


def test_unknown_resources_and_layers_are_refused(machine: simulator.Architecture, net: simulator.Workload) -> None:
    with pytest.raises(InputError, match="weight_in"):
        whatif(machine, net, relax=["weigth_in"])
    with pytest.raises(InputError, match="name of a layer"):
        whatif(machine, net, layers=["Z"])
    with pytest.raises(InputError, match="whole number of processes"):
        whatif(machine, net, jobs=0)


def test_a_workload_of_which_nothing_is_simulated(machine: simulator.Architecture) -> None:
    with pytest.raises(simulator.InputError, match="sums: layers: at least one simulated layer was expected"):
        whatif(machine, simulator.Workload.model_validate({"name": "sums", "layers": [SUM]}))


@pytest.mark.parametrize("name", ["eyeriss_v1", "eyeriss_isca2016", "ws16", "os16"])
def test_everything_at_once_leaves_nothing_out(name: str, small: simulator.Workload) -> None:
    """Ports by name, without those that move nothing or are unlimited, are all that can be relaxed."""
    machine = simulator.load_architecture(name)
    every = frozenset(port for resource in resources(machine)[0] for port in resource.ports)
    ours, all_of_them = (simulator.simulate(machine, small, relax=names) for names in (every, relaxable(machine)))
    assert [x.pe_cycles for x in ours.layers.values()] == [x.pe_cycles for x in all_of_them.layers.values()]
