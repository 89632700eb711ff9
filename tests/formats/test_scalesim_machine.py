"""A machine from SCALE-Sim's configuration: every value where it belongs, with its origin."""

from pathlib import Path

import pytest

import simulator
from simulator.cli import main
from simulator.components.arrays.systolic import SystolicArray
from simulator.components.memories.dram import Dram
from simulator.components.memories.sram import Sram
from simulator.formats.scalesim_config import ScaleSimConfig, parse_config
from simulator.formats.scalesim_machine import architecture_of
from simulator.names import DATA_TYPES
from simulator.spec.architecture import Architecture

PRESETS = """[general]
run_name = toy
[architecture_presets]
ArrayHeight: 8
ArrayWidth: 4
IfmapSramSzkB: 1
FilterSramSzkB: 2
OfmapSramSzkB: 3
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: ws
"""
V1 = PRESETS.replace("SramSzkB", "SramSz") + '[network_presets]\nTopologyCsvLoc: "./net.csv"\n'
V2 = PRESETS + "Bandwidth: 5\nMemoryBanks: 1\n[run_presets]\nInterfaceBandwidth: USER\n"
V3 = V2.replace("[run", "[layout]\nIfmapSRAMBankBandwidth: 6\nFilterSRAMBankBandwidth: 7\n[run") + "UseRamulatorTrace: False\n"
CALC = V3.replace("USER", "CALC")


def machine(text: str) -> Architecture:
    return architecture_of(parse_config(text, "folder/toy.cfg"), "folder/toy.cfg")


def buffers(made: Architecture) -> dict[str, Sram]:
    return {name: memory for name, memory in made.memories.items() if isinstance(memory, Sram)}


@pytest.mark.parametrize("text", [V1, V2, V3, CALC], ids=["v1", "v2", "v3", "calc"])
def test_array_and_memories(text: str) -> None:
    made = machine(text)
    array, dram = made.array, made.memories["dram"]
    assert isinstance(array, SystolicArray)
    assert (array.rows, array.columns, array.stationary) == (8, 4, "weight")
    assert (array.shadow, array.shift, array.shifted_rows, array.wavefront) == (False, "straight", "all", "array")
    assert (array.bubbles, array.pipeline_cycles) == ("freeze", 1)
    assert isinstance(dram, Dram)
    assert (dram.keeps, dram.bytes_per_cycle, dram.burst_bytes, dram.latency_cycles) == (DATA_TYPES, "unlimited", 1, 0)
    assert list(made.memories) == ["dram", "ifmap_sram", "filter_sram", "ofmap_sram"]
    held = {name: (memory.keeps, memory.size_bytes) for name, memory in buffers(made).items()}
    assert held == {
        "ifmap_sram": (("input",), 1024),
        "filter_sram": (("weight",), 2048),
        "ofmap_sram": (("output",), 3072),
    }
    assert {made.accumulates(), *(memory.read_words_per_cycle for memory in buffers(made).values())} == {True, "unlimited"}
    assert (made.name, made.dataflow, made.energy) == ("toy", "systolic", "horowitz_45nm")
    assert {made.word_bits[data_type] for data_type in DATA_TYPES} == {8}


@pytest.mark.parametrize(
    ("text", "ifmap", "filters", "ofmap"),
    [
        (V1, "unlimited", "unlimited", "unlimited"),
        (V2, 5, 5, 5),
        (V2.replace("5", "5, 9"), 5, 5, 5),
        (V3, 6, 7, 5),
        (CALC, "unlimited", "unlimited", "unlimited"),
    ],
    ids=["v1", "v2", "two", "v3", "calc"],
)
def test_rates_between_dram_and_buffers(text: str, ifmap: object, filters: object, ofmap: object) -> None:
    made = buffers(machine(text))
    assert {name: memory.outer_write_words_per_cycle for name, memory in made.items()} == {
        "ifmap_sram": ifmap,
        "filter_sram": filters,
        "ofmap_sram": ofmap,
    }
    assert made["ofmap_sram"].outer_read_words_per_cycle == ofmap


@pytest.mark.parametrize(("word", "stationary"), [("os", "output"), ("ws", "weight"), ("is", "input")])
def test_dataflows(word: str, stationary: str) -> None:
    array = machine(V2.replace("Dataflow: ws", f"Dataflow: {word}")).systolic
    assert array is not None
    assert (array.stationary, array.drain, array.wavefront) == (stationary, "at_once", "array")


def test_every_number_says_where_it_is_from() -> None:
    told = machine(V3).provenance
    keys = {
        "array.rows": "architecture_presets.ArrayHeight",
        "array.columns": "architecture_presets.ArrayWidth",
        "array.stationary": "architecture_presets.Dataflow is ws",
        "memories.ifmap_sram.capacity_bytes": "architecture_presets.IfmapSramSzkB, 1 kB of 1024 words",
        "memories.ofmap_sram.outer_read_words_per_cycle": "architecture_presets.Bandwidth",
        "memories.ifmap_sram.outer_write_words_per_cycle": "layout.IfmapSRAMBankBandwidth",
        "memories.filter_sram.outer_write_words_per_cycle": "layout.FilterSRAMBankBandwidth",
    }
    assert {key: told[key] for key in keys} == {key: {"source": f"toy.cfg: {path}"} for key, path in keys.items()}
    assumed = {key for key, text in told.items() if "assumed" in text}
    assert assumed == {"clock_mhz", "energy", "technology.node_nm", "technology.supply_v", *(f"word_bits.{d}" for d in DATA_TYPES)}
    rate = "memories.filter_sram.outer_write_words_per_cycle"
    assert machine(V2).provenance[rate] == {"source": "toy.cfg: architecture_presets.Bandwidth"}
    assert machine(CALC).provenance[rate] == {"source": "toy.cfg: run_presets.InterfaceBandwidth is CALC, which limits nothing"}
    assert machine(V1).provenance[rate] == {"assumed": "toy.cfg has no InterfaceBandwidth, and v1 of SCALE-Sim limits nothing"}
    assert machine(V1).provenance["memories.ifmap_sram.capacity_bytes"] == {"source": "toy.cfg: architecture_presets.IfmapSramSz, 1 kB of 1024 words"}


def said_values(data: object, path: str = "") -> set[str]:
    if isinstance(data, dict):
        return {inner for key, value in data.items() for inner in said_values(value, f"{path}.{key}".strip("."))}
    return {path}


@pytest.mark.parametrize("text", [V1, V3, V3.replace("Dataflow: ws", "Dataflow: os")], ids=["v1", "v3", "os"])
def test_no_value_lacks_an_origin(text: str) -> None:
    made = machine(text)
    said = said_values(made.model_dump(by_alias=True, exclude_unset=True, exclude={"provenance"}))
    words = {"name", "description", "dataflow", "networks"}
    bare = {path for path in said - made.provenance.keys() if path not in words and path.rpartition(".")[2] not in ("kind", "keeps")}
    assert bare == set()


def test_a_configuration_without_a_file() -> None:
    config = ScaleSimConfig(4, 4, 1, 1, 1, "is", interface="user", bandwidths=(3,))
    made = architecture_of(config, "made")
    assert made.provenance["array.rows"] == {"source": "made: architecture_presets.ArrayHeight"}
    assert buffers(made)["ifmap_sram"].outer_write_words_per_cycle == 3


def ran(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0


@pytest.mark.filterwarnings("ignore::simulator.errors.InputWarning")
@pytest.mark.parametrize("text", [V1, V2, V3, CALC, V3.replace("Dataflow: ws", "Dataflow: os")], ids=["v1", "v2", "v3", "calc", "os"])
def test_what_import_writes_is_the_same_machine(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.cfg").write_text(text)
    ran("import", "toy.cfg", "--out", "toy.yaml")
    written = capsys.readouterr()
    assert written.out == ""
    with pytest.warns(simulator.InputWarning, match="FilterOffset"):
        read = simulator.load_architecture("toy.cfg")
    assert simulator.load_architecture("toy.yaml") == read
    assert Architecture.model_validate(read.model_dump(by_alias=True)) == read
    assert read.replace(array__rows=16).array.rows == 16
    ran("import", "toy.cfg")
    assert capsys.readouterr().out == Path("toy.yaml").read_text()


def test_show_and_check_take_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.cfg").write_text(V3)
    ran("show", "toy.cfg")
    output = capsys.readouterr()
    assert "toy.cfg: architecture_presets.ArrayHeight" in output.out
    assert output.err.count("no effect here") == len(output.err.splitlines()) - 1  # and one on what Bandwidth limits
    ran("check", "toy.cfg")
    assert capsys.readouterr().out == "toy.cfg: configuration of SCALE-Sim, ok\n"


DEFAULT = """[general]
run_name = scalesim
[architecture_presets]
ArrayHeight:    32
ArrayWidth:     32
IfmapSramSzkB:   64
FilterSramSzkB:  64
OfmapSramSzkB:   64
Bandwidth : 10
Dataflow : {}
[run_presets]
InterfaceBandwidth: CALC
"""
"""What its repository's configs/scale.cfg says of the machine."""


@pytest.mark.parametrize("word", ["ws", "os", "is"])
def test_shipped_machines_are_its_default_one(word: str) -> None:
    shipped, read = simulator.load_architecture(f"scalesim_{word}"), machine(DEFAULT.format(word))
    assert shipped == read.replace(name=shipped.name, description=shipped.description, provenance=shipped.provenance)
    assert shipped.provenance.keys() == read.provenance.keys()
