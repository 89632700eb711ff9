"""The evaluation sheet: every number worked out by hand from a run made by hand, then real runs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from schema_faults import faults

import simulator
from simulator.errors import InputError
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.report.result import LayerResult, Layers, NotSimulated, Run
from simulator.spec.architecture import Architecture
from simulator.spec.workload import Workload
from simulator.studies.evaluation import Evaluation, evaluate
from simulator.studies.evaluation_schemas import schemas
from simulator.studies.limits import largest_filters
from simulator.studies.metrics import entries_of, inferences_per_second, on_chip_bytes, peak_off_chip
from simulator.studies.scaling import read_shapes, shape_of

PES = 256
"""ws16 has 16 x 16 PEs at 500 MHz, and a link of 16 bytes per cycle."""


def result(name: str, cycles: int, macs: int, bytes_dram: int, **changes: Any) -> LayerResult:
    """A layer in which nothing happens but MACs, bytes on the link, and 3 pJ and 2 pJ each for them."""
    spent = {"mac": {"all": {"compute": 3.0 * macs}}, "dram": {"input": {"read": 2.0 * bytes_dram}}}
    counts = {
        "cycles": cycles, "macs": macs, "pes": PES, "active_pes": 128, "mean_active_pes": 100.0,
        "pe_cycles": dict.fromkeys(PE_CYCLE_NAMES, 0) | {"mac": macs, "between": PES * cycles - macs},
        "stall_causes": {name: {} for name in STALL_NAMES}, "words": {}, "words_created": {},
        "ports": {"dram.link": {"unit": "bytes", "words": bytes_dram, "busy_cycles": 0.0, "limit_per_cycle": 16}},
        "bytes_dram": bytes_dram, "bytes_glb": 0, "actions": {}, "passes": 1, "passes_simulated": 1,
        "passes_skipped": 0, "steps": 1, **changes,
    }  # fmt: skip
    return LayerResult.from_measured(name, counts, spent, clock_mhz=500, zeros=changes.get("zeros"))


@pytest.fixture
def machine() -> Architecture:
    return simulator.load_architecture("ws16")


@pytest.fixture
def run(machine: Architecture) -> Run:
    """8,000 cycles = 16 us for two images: 1,024,000 MACs in 6,000 cycles, and 2,000 cycles of another operator."""
    windows = {"width_cycles": np.array(2500), "units.dram.link": np.array([5000, 25000, 10000])}
    first = result("A", 5000, 1_000_000, 40_000, windows=windows)
    second = result("B", 1000, 24_000, 4_000, windows={"width_cycles": np.array(500), "units.dram.link": np.array([2000, 2000])})
    third = result("RELU", 2000, 0, 16_000)
    return Run(
        architecture=machine, workload="net", batch=2, clock_mhz=500.0, layers=Layers((first, second, third)),
        not_simulated=(NotSimulated("SOFTMAX", "softmax", 10, 10, 40),), energy_table="table_x",
        provenance={"version": "0"},
    )  # fmt: skip


def sheet(run: Run, **options: Any) -> dict[tuple[str, str], Any]:
    return {(entry.metric, entry.quantity): entry for entry in entries_of(run, **options)}


def test_throughput_and_latency(run: Run) -> None:
    found = sheet(run)
    expected = {
        ("throughput", "inferences per second"): 2 / 16e-6,
        ("throughput", "MACs per second"): 1.024e6 / 16e-6 / 1e9,
        ("throughput", "operations per second"): 2 * 1.024e6 / 16e-6 / 1e9,
        ("throughput", "PEs"): 256,
        ("throughput", "peak"): 256 * 500e6 / 1e9,
        ("throughput", "utilization"): 100 * 1.024e6 / (256 * 8000),
        ("throughput", "PEs with work"): 100,
        ("latency", "latency"): 0.016,
        ("latency", "batch"): 2,
        ("latency", "inferences in flight"): 2,
    }
    for key, value in expected.items():
        assert found[key].value == pytest.approx(value), key
    assert inferences_per_second(run) == pytest.approx(125_000)
    peak, used = found["throughput", "peak"].value, found["throughput", "utilization"].value
    assert found["throughput", "MACs per second"].value == pytest.approx(peak * used / 100)


def test_energy_and_power_with_off_chip_accesses_included_and_apart(run: Run) -> None:
    found = [entry for entry in entries_of(run) if entry.metric == "energy"]
    outside, inside = 2.0 * 60_000, 3.0 * 1_024_000
    millijoules = [(inside + outside) / 2 / 1e9, outside / 2 / 1e9, inside / 2 / 1e9]
    milliwatts = [(inside + outside) / 1e9 / 16e-6, outside / 1e9 / 16e-6]
    assert [entry.value for entry in found[:5]] == pytest.approx([*millijoules, *milliwatts])
    assert [entry.unit for entry in found[:5]] == ["mJ"] * 3 + ["mW"] * 2
    assert found[5].value == pytest.approx((inside + outside) / 1_024_000)
    assert found[6].value == "table_x"


def test_off_chip_bytes_average_and_peak(run: Run) -> None:
    found = sheet(run)
    assert found["off-chip traffic", "bytes per inference"].value == pytest.approx(0.03)
    assert found["off-chip traffic", "average bandwidth"].value == pytest.approx(60_000 / 8000 * 500)
    assert found["off-chip traffic", "bandwidth provided"].value == 16 * 500
    # A's windows are 2,500 cycles long; the third begins at its end and belongs to the second
    assert peak_off_chip(run)[0] == 35_000 / 2500
    assert found["off-chip traffic", "peak bandwidth"].value == pytest.approx(14 * 500)
    assert "busiest window of 2,500 cycles, in A" in found["off-chip traffic", "peak bandwidth"].note


def test_a_layer_without_series_counts_with_its_average(run: Run) -> None:
    busy = result("RELU", 2000, 0, 31_000)
    found, where = peak_off_chip(replace(run, layers=Layers((run.layers["A"], busy))))
    assert (found, where) == (15.5, "average of RELU, which has no series over time")


def test_an_unlimited_link_provides_no_number(run: Run) -> None:
    layer = run.layers["A"]
    ports = {"dram.link": {**layer.ports["dram.link"], "limit_per_cycle": "unlimited"}}
    found = sheet(replace(run, layers=Layers((replace(layer, ports=ports),)), relax=("dram",)))
    entry = found["off-chip traffic", "bandwidth provided"]
    assert (entry.value, entry.note) == (None, "unlimited")
    assert "UNLIMITED: dram" in found["throughput", "inferences per second"].note


def test_storage_on_the_chip(machine: Architecture) -> None:
    found = on_chip_bytes(machine)
    assert found == {
        "glb": 131072,
        "weight_buffer": 65536,
        "scratchpads": PES * 3 * 64 * 2,
        "PE FIFOs": PES * 4 * 64 * 2,
    }
    more = on_chip_bytes(machine.replace(vector_unit={"lanes": 4, "buffer_words": 100}))
    assert more["vector unit's buffer"] == 200


def test_cost_says_what_is_described_and_what_nobody_knows(run: Run) -> None:
    found = sheet(run)
    total = 131072 + 65536 + PES * 7 * 64 * 2
    assert found["cost", "storage on the chip"].value == pytest.approx(total / 1e3)
    assert found["cost", "storage per PE"].value == pytest.approx(total / 256)
    assert (found["cost", "technology"].value, found["cost", "supply"].value) == (45, 0.9)
    assert (found["cost", "area"].value, found["cost", "area"].how) == (None, "not known")


def test_range_names_best_worst_and_what_is_missing(run: Run) -> None:
    found = sheet(run, refused={"BIG": "too large"})
    best, worst = found["range", "best utilization"], found["range", "worst utilization"]
    assert (best.value, best.note[:2]) == (pytest.approx(100 * 1e6 / (256 * 5000)), "A:")
    assert (worst.value, worst.note[:2]) == (pytest.approx(100 * 24e3 / (256 * 1000)), "B:")
    assert found["range", "layers not simulated"].note == "NOT IN ANY NUMBER HERE: SOFTMAX (softmax)"
    assert found["range", "layers refused"].note == "NOT IN ANY NUMBER HERE: BIG: too large"
    loud = found["throughput", "inferences per second"].note
    assert loud == "WITHOUT 1 layer that no part of the machine runs, 1 layer that the dataflow cannot map"
    whole = sheet(replace(run, not_simulated=()))
    assert whole["throughput", "inferences per second"].note == "all layers that were asked for"
    assert whole["range", "layers not simulated"].note == ""


def test_accuracy_is_the_users(run: Run) -> None:
    assert sheet(run)["accuracy", "accuracy"].value is None
    assert "a simulator cannot say it" in sheet(run)["accuracy", "accuracy"].note
    entry = sheet(run, accuracy="57.1 % top-1, ImageNet")["accuracy", "accuracy"]
    assert (entry.value, entry.how) == ("57.1 % top-1, ImageNet", "given by the user")


def test_on_which_data(run: Run) -> None:
    def told(run: Run) -> str:
        return str(sheet(run)["throughput", "data"].value)

    assert told(run) == "no data; fractions of zeros are unknown and taken as 0"
    known = replace(run.layers["A"], zeros={"input": 0.5})
    some = replace(run, layers=Layers((known, run.layers["B"])))
    assert told(some) == "no data; fractions of zeros as the workload gives them for 1 of 2 layers with MACs"
    real = replace(run, provenance={"operands": {"random": {"seed": 3, "zeros": {"A": "1/2"}}}})
    assert told(real) == "real operands: random, seed 3, zeros A 1/2"
    file = replace(run, provenance={"operands": {"file": "x.npz", "sha256": "ab"}})
    assert told(file) == "real operands: x.npz, SHA-256 ab"
    arrays = replace(run, provenance={"operands": {"layers": ["A", "B"], "sha256": "ab"}})
    assert told(arrays) == "real operands: given for A, B, SHA-256 ab"


def test_a_run_of_vector_layers_has_a_sheet(run: Run) -> None:
    found = sheet(replace(run, layers=Layers((run.layers["RELU"],))))
    assert found["throughput", "MACs per second"].value == 0
    assert found["energy", "energy per MAC"].value is None
    assert ("range", "best utilization") not in found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # a filter row per array row and, for one column, the 12 words of the input scratchpad
        ("eyeriss_v1", {"rows": 12, "columns": 12, "square": 12}),
        ("ws16", {"rows": None, "columns": None, "square": None}),
    ],
)
def test_the_largest_filter(name: str, expected: dict[str, int | None]) -> None:
    machine = simulator.load_architecture(name)
    assert largest_filters(machine, machine.dataflow) == expected


def test_the_largest_filter_follows_rows_and_scratchpads() -> None:
    machine = simulator.load_architecture("eyeriss_v1")
    smaller = machine.replace(array__rows=5, array__pe__input_words=7, mappings={})
    assert largest_filters(smaller, "row_stationary") == {"rows": 5, "columns": 7, "square": 5}


@pytest.mark.parametrize(
    ("pes", "shape"),
    [(64, (8, 8)), (168, (12, 14)), (256, (16, 16)), (1024, (32, 32)), (1, (1, 1)), (13, (1, 13)), (48, (6, 8))],
)
def test_a_number_of_pes_takes_the_arrays_ratio(pes: int, shape: tuple[int, int]) -> None:
    assert shape_of(pes, simulator.load_architecture("eyeriss_v1")) == shape


def test_shapes_are_read_once_each(machine: Architecture) -> None:
    assert read_shapes(["64", " 8x8", 256, (4, 2), "4x2"], machine) == [(8, 8), (16, 16), (4, 2)]


@pytest.mark.parametrize(
    "text", ["", "0", "-4", "8x", "x8", "0x8", "8x8x8", "8.5", "a", "1e3", "٣", "9999999999", "2000x2000", "8X8", "8 x 8"]
)
def test_shapes_that_are_none(text: str, machine: Architecture) -> None:
    with pytest.raises(InputError, match="--pes: PEs such as 64, or rows x columns such as 8x8"):
        read_shapes(["64", text], machine)


def test_every_wrong_shape_is_named(machine: Architecture) -> None:
    with pytest.raises(InputError) as raised:
        read_shapes(["a", "64", "b"], machine)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    ("machine_name", "mapping", "dataflow", "told"),
    [
        ("eyeriss_v1", None, None, "as shipped"),
        ("eyeriss_v1", {"dataflow": "row_stationary", "layers": {}}, None, "as given"),
        ("ws16", None, None, "chosen by the dataflow"),
        ("eyeriss_v1", None, "weight_stationary", "chosen by the dataflow"),
    ],
)
def test_the_first_point_says_where_its_mapping_is_from(
    machine_name: str, mapping: dict[str, object] | None, dataflow: str | None, told: str
) -> None:
    found = evaluate(machine_name, "alexnet", layers=["CONV3"], pes=[168], mapping=mapping, dataflow=dataflow)
    assert [point.mapping for point in found.points] == [told, "chosen by the dataflow"]
    assert any("no published mapping" in line for line in found.remarks()) == (told != "chosen by the dataflow")


NET = Workload.model_validate(
    {
        "name": "net",
        "layers": [
            {"name": "A", "conv": {"C": 4, "M": 8, "H": 10, "W": 10, "R": 3, "S": 3}},
            {"name": "BIG", "conv": {"C": 2, "M": 4, "H": 20, "W": 20, "R": 13, "S": 3}},
            {"name": "F", "fc": {"C": 32, "M": 16}},
        ],
    }
)


def test_the_sheet_of_a_run_agrees_with_the_run() -> None:
    found = evaluate("ws16", "alexnet", layers=["CONV5", "POOL5"], batch=2)
    run = simulator.simulate("ws16", "alexnet", layers=["CONV5", "POOL5"], batch=2)
    assert found.run.to_dict() == run.to_dict()
    assert found["latency"].value == run.total.milliseconds
    assert found["layers not simulated"].value == 1
    assert found.points == ()
    assert found.entries[: len(entries_of(run)) - 1]
    assert "prices" in found["prices"].note
    with pytest.raises(KeyError, match="no quantity 'latencies'"):
        found["latencies"]


def test_layers_that_do_not_map_are_left_out_and_said() -> None:
    found = evaluate("eyeriss_v1", NET)  # 13 filter rows on 12 rows of PEs
    assert list(found.run.layers) == ["A", "F"]
    alone = simulator.simulate("eyeriss_v1", NET, layers=["A", "F"])
    assert found.run.total.cycles == alone.total.cycles
    assert found["layers refused"].value == 1
    assert "BIG: " in found["layers refused"].note
    assert "the filter has 13, the array 12" in found["layers refused"].note
    assert "WITHOUT 1 layer that the dataflow cannot map" in found["inferences per second"].note


def test_where_nothing_maps_the_fault_is_told() -> None:
    with pytest.raises(InputError, match="the filter has 13, the array 12"):
        evaluate("eyeriss_v1", NET, layers=["BIG"])
    with pytest.raises(InputError, match="energy: a shipped name"):
        evaluate("eyeriss_v1", NET, energy="nonsense")


def test_other_arrays_change_nothing_but_the_array() -> None:
    found = evaluate("eyeriss_v1", NET, pes=["13x4", "2x2"])
    machine = simulator.load_architecture("eyeriss_v1")
    other = machine.replace(array__rows=13, array__columns=4, mappings={})
    expected = simulator.simulate(other, NET, layers=["A", "F"])  # the same work as on the machine itself
    base, wide, small = found.points
    assert base.run is found.run
    assert wide.run is not None
    assert wide.run.total.cycles == expected.total.cycles
    told = wide.to_dict(found.run)
    assert told["pes"] == 52
    assert told["speed_up"] == found.run.total.cycles / expected.total.cycles
    assert told["energy_mj_per_inference"] == expected.total.energy_pj / 1e9
    assert small.run is None
    assert "3, the array 2" in small.refused[0]
    assert small.storage_bytes == sum(on_chip_bytes(machine.replace(array__rows=2, array__columns=2, mappings={})).values())


def test_tables_have_a_row_per_array_and_say_what_is_fixed() -> None:
    found = evaluate("eyeriss_v1", NET, layers=["A"], pes=["2x2", "6x14"])
    sheet, scaling = found.grids()
    assert [row[0] for row in scaling.rows] == ["12 x 14", "2 x 2", "6 x 14"]
    assert scaling.rows[1][3:10] == ("-",) * 7
    assert all(len(row) == len(scaling.columns) for row in scaling.rows)
    assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    said = " ".join(found.remarks())
    assert "Clock and leakage are priced per cycle, whatever the number of PEs" in said
    assert "2 x 2 is not simulated: " in said
    text = found.to_markdown()
    assert text.count("\n| 6 x 14 |") == 1
    assert "Evaluation of net on eyeriss" in text
    assert "<table>" in found._repr_html_()
    assert repr(found).startswith("<Evaluation of <Run net on eyeriss_v1")


def test_an_interrupted_run_is_no_evaluation(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr("simulator.studies.evaluation.simulate", lambda *_, **__: replace(run, interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        evaluate("ws16", NET)


def test_the_public_names() -> None:
    assert simulator.evaluate is evaluate
    assert simulator.Evaluation is Evaluation


def test_layers_without_macs_are_not_refused_where_a_run_is_on_data() -> None:
    """BIG does not map on 12 rows; SUM runs nowhere, which is something else."""
    layers = [*NET.layers, *Workload.model_validate({"name": "s", "layers": [{"name": "SUM", "elementwise": {"C": 8, "H": 4, "W": 2}}]}).layers]
    data = simulator.RandomOperands(zeros={"A": 0.5})
    found = evaluate("eyeriss_v1", NET.replace(layers=tuple(layers)), operands=data)
    assert list(found.run.layers) == ["A", "F"]
    assert [layer.name for layer in found.run.not_simulated] == ["SUM"]
    assert found["layers refused"].value == 1
    assert "BIG: row-stationary needs an array row per filter row" in found["layers refused"].note
    assert found["data"].value == "real operands: random, seed 0, zeros A 0.5"


def test_a_mapping_file_may_name_layers_that_are_left_out(machine: Architecture) -> None:
    mapping = {"dataflow": "row_stationary", "layers": {"F": {"m": 8}}}
    found = evaluate("eyeriss_v1", NET, layers=["A", "BIG"], mapping=mapping)
    assert list(found.run.layers) == ["A"]
    assert found["layers refused"].value == 1


def test_the_json_follows_its_schema() -> None:
    """Also of an array on which CONV3 does not run: 2 rows are too few for 3 filter rows."""
    found = evaluate("eyeriss_v1", "alexnet", layers=["CONV3", "POOL5"], pes=["2x2", 64], accuracy="57 %")
    assert [bool(point.refused) for point in found.points] == [False, True, False]
    told = found.to_dict()
    assert faults(schemas()["evaluation"], told) == []
    assert faults(schemas()["evaluation"], {**told, "batch": "1"}) == [".batch: '1' is no integer"]
