"""Results: lookup, totals, verdicts, JSON."""

import json

import pytest

from simulator.names import PE_CYCLE_NAMES
from simulator.report.result import Run
from simulator.report.schemas import schema
from simulator.report.verdict import verdict


def test_a_layer_is_found_whatever_its_case_and_hyphens(run: Run) -> None:
    assert run.layers["conv1_1"] is run.layers["CONV1-1"]
    assert list(run.layers) == ["CONV1-1", "FC"]
    assert len(run.layers) == 2


def test_an_unknown_layer_names_its_neighbours(run: Run) -> None:
    with pytest.raises(KeyError, match="CONV1-1"):
        run.layers["CONV1-2"]


def test_time_and_utilization_follow_from_cycles(run: Run) -> None:
    first = run.layers["CONV1-1"]
    assert first.milliseconds == pytest.approx(100 / 100e6 * 1e3)
    assert first.utilization == 100 / (4 * 100)
    assert first.energy_pj == 2e6


def test_the_total_sums_layers(run: Run) -> None:
    total = run.total
    assert total.cycles == 100 + 300
    assert total.macs == 100 + 1000
    assert total.bytes_dram == 200 + 100
    assert total.bytes_glb == 60 + 60
    assert total.energy_pj == pytest.approx(3e6)
    assert total.stall_causes == {"stall_input": {"input_in": 150, "dram": 50}}
    assert total.words["glb"]["input"]["array_read"] == 30 + 30
    assert total.ports["glb.read"]["busy_cycles"] == 15
    assert sum(total.pe_cycles.values()) == 4 * total.cycles


def test_active_pes_of_the_total_weigh_layers_by_cycles(run: Run) -> None:
    assert run.total.active_pes == round((4 * 100 + 3 * 300) / 400)
    assert run.total.mean_active_pes == pytest.approx(3.5)
    assert run.total.utilization == 1100 / (4 * 400)


def test_a_run_without_layers_has_a_total_of_nothing(machine: object) -> None:
    from simulator.report.result import Layers

    empty = Run(architecture=machine, workload="none", batch=1, clock_mhz=100, layers=Layers(()))  # type: ignore[arg-type]
    assert (empty.total.cycles, empty.total.utilization, empty.total.bytes_glb) == (0, 0.0, None)


def test_json_has_the_names_of_the_fields_and_survives_a_round_trip(run: Run) -> None:
    data = json.loads(json.dumps(run.to_dict(), allow_nan=False))
    assert data["schema"] == "stallion.run/1"
    assert (data["architecture"], data["workload"], data["batch"], data["clock_mhz"]) == (
        "tiny",
        "net",
        2,
        100,
    )
    assert [layer["name"] for layer in data["layers"]] == ["CONV1-1", "FC"]
    assert data["layers"][0]["pe_cycles"]["stall_input"] == 200
    assert data["not_simulated"] == [
        {"name": "POOL", "operator": "pool", "input_words": 50, "output_words": 10, "bytes": 140}
    ]
    assert data["total"]["cycles"] == 400
    assert data["layers"][0]["ports"]["glb.read"]["busy_cycles"] == 7.5
    assert "windows" not in data["layers"][0]


def test_the_result_schema_has_exactly_the_keys_of_a_result(run: Run) -> None:
    data, described = run.to_dict(), schema("run")
    assert set(described["properties"]) == set(data)
    assert set(described["$defs"]["LayerResult"]["properties"]) == set(data["layers"][0])


def test_verdict_names_the_resource_behind_most_stalls() -> None:
    cycles = {"mac": 20, "stall_input": 30, "stall_weight": 40, "between": 10}
    causes = {"stall_input": {"dram": 30}, "stall_weight": {"dram": 15, "weight_in": 25}}
    assert verdict(cycles, causes) == "limited by dram: 45 % of PE-cycles (stall_input, stall_weight)"


def test_verdict_calls_a_layer_compute_bound_when_losses_are_small() -> None:
    sentence = verdict({"mac": 85, "imbalance": 9, "stall_input": 6}, {"stall_input": {"input_in": 6}})
    assert sentence.startswith("compute-bound: 85 % of PE-cycles are MACs; the largest loss is")
    assert sentence.endswith("(imbalance): 9 %")


@pytest.mark.parametrize("name", ["accumulate", "fill_drain", "imbalance", "unmapped", "between"])
def test_verdict_names_losses_without_a_cause(name: str) -> None:
    sentence = verdict({"mac": 60, name: 40}, {})
    assert sentence.startswith("limited by")
    assert sentence.endswith(f"({name}): 40 % of PE-cycles")


def test_pes_without_work_do_not_limit_a_layer_whose_others_wait() -> None:
    cycles = {"mac": 3, "stall_weight": 33, "unmapped": 64}
    assert (
        verdict(cycles, {"stall_weight": {"dram": 33}}) == "limited by dram: 33 % of PE-cycles (stall_weight)"
    )
    working = {"mac": 30, "stall_weight": 6, "unmapped": 64}
    assert "(unmapped): 64 %" in verdict(working, {"stall_weight": {"dram": 6}})


def test_verdict_of_nothing_claims_nothing() -> None:
    assert verdict(dict.fromkeys(PE_CYCLE_NAMES, 0), {}) == "no PE-cycles"
    assert verdict({"mac": 10}, {}) == "compute-bound: 100 % of PE-cycles are MACs"
