"""Machines from SCALE-Sim's configurations take the cycles that SCALE-Sim takes.

A layer is a product of M output positions, K weights per filter and N filters on R x C PEs. SCALE-Sim cuts the operand that stays
into tiles of the array's size. Of every one of these folds, however full it is:

* ws: the tile comes in during R cycles; then M vectors enter, one a cycle; the last one needs R - 1 + C - 1 more cycles to the
  last PE, and the next tile may come: 2 R + C + M - 2. Tiles: K along rows, N along columns.
* is: the same with inputs in place: 2 R + C + N - 2. Tiles: K along rows, M along columns.
* os: K vectors of both operands enter at once, and the last PE is done R - 1 + C - 1 cycles after the last: R + C + K - 2. Tiles: M
  along rows, N along columns.
"""

import csv
from functools import cache
from math import ceil
from pathlib import Path

import pytest
from scalesim_cases import CONV, DATAFLOWS, GEMM, TOPOLOGIES, Said, configuration, said

import simulator
from simulator.cli import main
from simulator.formats.scalesim_config import parse_config
from simulator.formats.scalesim_machine import architecture_of
from simulator.formats.scalesim_topology import parse_topology
from simulator.formats.scalesim_workload import workload_of
from simulator.report.result import LayerResult, Run
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.workload import Workload

pytestmark = pytest.mark.filterwarnings("ignore::simulator.errors.InputWarning")


def machine(dataflow: str, rows: int, columns: int, **more: str) -> Architecture:
    return architecture_of(parse_config(configuration(dataflow, rows, columns, **more), "m.cfg"), "m.cfg")


def fold_cycles(dataflow: str, R: int, C: int, layer: Layer) -> int:
    """Folds x cycles per fold."""
    size = layer.sizes
    M, K, N = size["N"] * size["P"] * size["Q"], size["C"] * size["R"] * size["S"], size["M"]
    folds, cycles = {
        "ws": (ceil(K / R) * ceil(N / C), 2 * R + C + M - 2),
        "is": (ceil(K / R) * ceil(M / C), 2 * R + C + N - 2),
        "os": (ceil(M / R) * ceil(N / C), R + C + K - 2),
    }[dataflow]
    return size["G"] * folds * cycles


@cache
def network(name: str) -> Workload:
    return simulator.load_workload(TOPOLOGIES / f"{name}.csv")


LAYERS = {"alexnet": 5, "resnet18": 21, "mobilenet": 28, "vit_s": 5, "transformer": 6, "gpt2": 6, "ncf": 12, "gnmt": 17}
ARRAYS = ((8, 8), (32, 32), (128, 128), (256, 256), (16, 64), (64, 16))
QUICK = {(name, R, C) for name in ("vit_s", "transformer") for R, C in ARRAYS} | {
    ("alexnet", 128, 128), ("resnet18", 128, 128), ("mobilenet", 128, 128),
}  # fmt: skip
RUNS = [
    pytest.param(name, R, C, id=f"{name}-{R}x{C}", marks=[] if (name, R, C) in QUICK else [pytest.mark.slow])
    for name in LAYERS
    for R, C in ARRAYS
]


@pytest.mark.parametrize(("name", "R", "C"), RUNS)
def test_networks_take_folds_times_cycles_per_fold(name: str, R: int, C: int) -> None:
    layers = [layer for layer in network(name).lower(1) if isinstance(layer, Layer)]
    assert len(layers) == LAYERS[name]
    for dataflow in DATAFLOWS:
        run = simulator.simulate(machine(dataflow, R, C), network(name))
        taken = {layer.name: run.layers[layer.name].cycles for layer in layers}
        assert taken == {layer.name: fold_cycles(dataflow, R, C, layer) for layer in layers}
        assert run.total.macs == sum(layer.macs for layer in layers)


ALEXNET_128 = {
    "ws": (10220, 34617, 27161, 40742, 27161),
    "os": (14807, 26539, 7673, 11129, 7419),
    "is": (34415, 60609, 13787, 20681, 17225),
}
"""Total cycles that SCALE-Sim 3.0.0 printed for its own AlexNet on 128 x 128 PEs, 256 kB per buffer, CALC."""


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_alexnet_is_as_it_printed_plus_one(dataflow: str) -> None:
    run = simulator.simulate(machine(dataflow, 128, 128, kb=256), network("alexnet"))
    assert tuple(layer.cycles - 1 for layer in run.layers.values()) == ALEXNET_128[dataflow]


@cache
def small_layers() -> tuple[Workload, ...]:
    return tuple(workload_of(parse_topology(text, "net.csv", "net"))[0] for text in (CONV, GEMM))


@cache
def ran(array: tuple[str, int, int]) -> dict[str, LayerResult]:
    made = machine(*array)
    return {name: layer for net in small_layers() for name, layer in simulator.simulate(made, net).layers.items()}


ROUNDED = ("stride", "rounded")
"""Layers whose last windows reach beyond the input: SCALE-Sim reads there what follows in memory."""


@pytest.mark.parametrize("case", said(), ids=str)
def test_small_layers_are_as_it_printed_plus_one(case: Said) -> None:
    layer = ran(case.array)[case.layer]
    assert layer.cycles == case.total_cycles + 1
    assert layer.pe_cycles["mac"] == layer.macs
    assert not any(causes.keys() - {"array"} for causes in layer.stall_causes.values())


@pytest.mark.parametrize("case", said(), ids=str)
def test_words_are_its_own(case: Said) -> None:
    """But for its row and column of writes per fold of stationary outputs, and its partial sums in DRAM."""
    words = ran(case.array)[case.layer].words
    assert words["filter_sram"]["weight"]["array_read"] == case.filter_sram_reads
    assert words["ifmap_sram"]["input"]["array_read"] == case.ifmap_sram_reads
    writes = words["ofmap_sram"]["output"]["array_write"]
    assert writes == (case.ofmap_dram_writes if case.dataflow == "os" else case.ofmap_sram_writes)
    assert words["ofmap_sram"]["output"]["array_read"] == 0
    assert words["dram"]["weight"]["array_read"] == case.filter_dram_reads
    if case.layer not in ROUNDED:
        assert words["dram"]["input"]["array_read"] == case.ifmap_dram_reads
    assert words["dram"]["output"]["array_write"] <= case.ofmap_dram_writes


def limited(dataflow: str, rows: int, columns: int, words_per_cycle: int) -> Architecture:
    text = configuration(dataflow, rows, columns, run_presets="InterfaceBandwidth: USER")
    return architecture_of(parse_config(text.replace("Dataflow", f"Bandwidth: {words_per_cycle}\nDataflow"), "m.cfg"), "m.cfg")


@pytest.mark.parametrize(("dataflow", "cycles"), [("ws", 4), ("is", 4), ("os", 3)])
def test_one_mac_behind_an_interface_of_a_word_per_cycle(dataflow: str, cycles: int) -> None:
    """Both operands come in cycle 0; the array takes 2 cycles, or 1 where outputs stay; the output leaves in one more."""
    _, products = small_layers()
    layer = simulator.simulate(limited(dataflow, 1, 1, 1), products, layers=["one"]).layers["one"]
    assert layer.cycles == cycles


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_slower_interfaces_take_no_less(dataflow: str) -> None:
    for net in small_layers():
        free = simulator.simulate(machine(dataflow, 8, 8), net)
        least = {name: layer.cycles for name, layer in free.layers.items()}
        for rate in (10_000, 100, 10, 4, 2, 1):
            run = simulator.simulate(limited(dataflow, 8, 8, rate), net)
            for name, layer in run.layers.items():
                assert layer.cycles >= max(least[name], *(needed(layer, d) / rate for d in ("weight", "input", "output")))
                least[name] = layer.cycles


def needed(layer: LayerResult, data_type: str) -> int:
    """Words that cross a data type's interface."""
    return max(layer.words["dram"][data_type].values())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def main_ends_well(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize(("text", "names"), [(CONV, ("conv", "stride", "rounded", "point")), (GEMM, ("square", "flat"))], ids=["conv", "gemm"])
def test_reports_of_a_run(
    dataflow: str, text: str, names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.cfg").write_text(configuration(dataflow, 8, 8))
    Path("net.csv").write_text(text)
    main_ends_well("run", "m.cfg", "net.csv", "--out", "out", "--compat", "scalesim")
    assert "results: out" in capsys.readouterr().out
    compute, access = (rows_of(Path("out") / f"{name}_REPORT.csv") for name in ("COMPUTE", "DETAILED_ACCESS"))
    for number, name in enumerate(names):
        (case,) = (case for case in said() if (*case.array, case.layer) == (dataflow, 8, 8, name))
        row = {key: float(value) for key, value in compute[number].items() if value}
        assert row == pytest.approx(
            {
                "LayerID": number, "Total Cycles (incl. prefetch)": case.total_cycles, "Total Cycles": case.total_cycles, "Stall Cycles": 0,
                "Overall Util %": case.overall_util, "Mapping Efficiency %": case.mapping_efficiency, "Compute Util %": case.compute_util,
            },
            rel=1e-12,
        )  # fmt: skip
        row = {key: float(value) for key, value in access[number].items() if value}
        reads = (row["SRAM IFMAP Reads"], row["SRAM Filter Reads"], row["DRAM Filter Reads"])
        assert reads == (case.ifmap_sram_reads, case.filter_sram_reads, case.filter_dram_reads)
        for operand in ("SRAM IFMAP", "SRAM Filter", "SRAM OFMAP", "DRAM IFMAP", "DRAM Filter", "DRAM OFMAP"):
            assert 0 <= row[f"{operand} Start Cycle"] <= row[f"{operand} Stop Cycle"] <= case.total_cycles
    Run.load("out").save("again", compat="scalesim")
    for report in Path("out").glob("*_REPORT.csv"):
        assert (Path("again") / report.name).read_text() == report.read_text()


def test_stalls_of_a_run(tmp_path: Path) -> None:
    net, _ = small_layers()
    simulator.simulate(limited("ws", 8, 8, 2), net).save(tmp_path / "out", compat="scalesim")
    rows = rows_of(tmp_path / "out" / "COMPUTE_REPORT.csv")
    free = ran(("ws", 8, 8))
    for row, name in zip(rows, (layer.name for layer in net.layers), strict=True):
        assert int(row["Stall Cycles"]) == int(row["Total Cycles"]) + 1 - free[name].cycles > 0
