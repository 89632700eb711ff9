"""SCALE-Sim's configurations: every key is read, and those without effect are named."""

import pytest

from simulator.errors import InputError
from simulator.formats.scalesim_config import ScaleSimConfig, parse_config
from simulator.formats.scalesim_keys import KEYS

V1 = """[general]
run_name = "GoogleTPU_os"

[architecture_presets]
ArrayHeight:    256
ArrayWidth:     128
IfmapSramSz:    8192
FilterSramSz:   4096
OfmapSramSz:    2048
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Dataflow:       os

[network_presets]
TopologyCsvLoc: "./topologies/yolo_tiny.csv"
"""
V2 = """[general]
run_name = toy_4x4_ws

[architecture_presets]
ArrayHeight:    4
ArrayWidth:     4
IfmapSramSzkB:  1
FilterSramSzkB: 1
OfmapSramSzkB:  1
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Bandwidth : 4
Dataflow : ws
MemoryBanks: 1

[run_presets]
InterfaceBandwidth: USER
"""
LAYOUT = """IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 8
IfmapSRAMBankPort: 2
FilterCustomLayout: True
FilterSRAMBankBandwidth: 12
FilterSRAMBankNum: 10
FilterSRAMBankPort: 1
"""
V3 = (
    V2.replace("MemoryBanks: 1\n", f"MemoryBanks: 1\nReadRequestBuffer: 32\nWriteRequestBuffer: 16\n\n[layout]\n{LAYOUT}")
    + """UseRamulatorTrace: False

[sparsity]
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 4
RandomNumberGeneratorSeed : 40
"""
)


def read(text: str) -> ScaleSimConfig:
    return parse_config(text, "c.cfg")


def test_version_1() -> None:
    config = read(V1)
    assert (config.name, config.array_height, config.array_width, config.dataflow) == ("GoogleTPU_os", 256, 128, "os")
    assert (config.ifmap_kb, config.filter_kb, config.ofmap_kb) == (8192, 4096, 2048)
    assert config.topology == "./topologies/yolo_tiny.csv"
    assert config.ifmap_words_per_cycle is config.filter_words_per_cycle is config.ofmap_words_per_cycle is None


def test_version_2_has_one_bandwidth_for_every_operand() -> None:
    config = read(V2.replace("Bandwidth : 4", "Bandwidth : 4, 7"))
    assert config.bandwidths == (4, 7)
    assert config.ifmap_words_per_cycle == config.filter_words_per_cycle == config.ofmap_words_per_cycle == 4
    assert any("only the first value, 4, is used" in str(note) for note in config.notes)


def test_version_3_has_bandwidths_of_its_own_for_reads() -> None:
    config = read(V3)
    assert (config.ifmap_words_per_cycle, config.filter_words_per_cycle, config.ofmap_words_per_cycle) == (10, 12, 4)
    assert (config.read_requests, config.write_requests) == (32, 16)
    assert (config.ifmap_banks, config.filter_bank_ports, config.filter_custom_layout) == (8, 1, True)
    assert any("Bandwidth: limits the ofmap only" in str(note) for note in config.notes)


def test_layout_keys_stand_among_the_presets_in_some_files() -> None:
    text = V3.replace(f"\n[layout]\n{LAYOUT}", LAYOUT)
    assert "[layout]" not in text
    assert read(text) == read(V3)


def test_calc_limits_nothing() -> None:
    config = read(V3.replace("USER", "CALC"))
    assert config.ifmap_words_per_cycle is config.filter_words_per_cycle is config.ofmap_words_per_cycle is None
    idle = "\n".join(map(str, config.notes))
    for name in ("] Bandwidth:", "IfmapSRAMBankBandwidth", "FilterSRAMBankBandwidth"):
        assert name in idle


@pytest.mark.parametrize("text", [V1, V2, V3, V3.replace("USER", "CALC")], ids=["v1", "v2", "v3", "calc"])
def test_every_key_has_an_effect_or_is_named(text: str) -> None:
    """A key is in a note, or changes what the array, its memories or their bandwidths are."""
    config = read(text)
    said = "\n".join(map(str, config.notes))
    used = {"run_name", "ArrayHeight", "ArrayWidth", "Dataflow", "SparsitySupport", "InterfaceBandwidth"}
    used |= {f"{operand}{size}" for operand in ("Ifmap", "Filter", "Ofmap") for size in ("SramSz", "SramSzkB")}
    if config.interface == "user":
        used |= {"Bandwidth", "IfmapSRAMBankBandwidth", "FilterSRAMBankBandwidth"}
    for line in text.splitlines():
        name = line.replace("=", ":").partition(":")[0].strip()
        if name and not name.startswith("["):
            assert name in used or name in said, name


SPELLINGS = {
    "equals signs": V3.replace(":", "="),
    "small letters": "\n".join(x if x.startswith("[") else x.partition(":")[0].lower() + ":" + x.partition(":")[2] if ":" in x else x for x in V3.splitlines()),
    "carriage returns": V3.replace("\n", "\r\n"),
    "comments": "; a machine\n" + V3.replace("ArrayHeight:    4", "ArrayHeight:    4   # rows\n# more"),
    "other order of sections": "[run_presets]" + V3.partition("[run_presets]")[2] + V3.partition("[run_presets]")[0],
    "capitals": V3.replace(": ws", ": WS").replace("USER", "user").replace("false", "FALSE").replace("[general]", "[General]"),
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_one_configuration(text: str) -> None:
    assert read(text) == read(V3)


WRONG = {
    "": "sections were expected: [general]",
    "hello\n": "line 1: a section was expected first, one of [general], [architecture_presets]",
    "ArrayHeight: 4\n": "line 1: a section was expected first",
    V2.replace("ArrayHeight:    4", "ArrayHeight:    four"): "architecture_presets.ArrayHeight: a whole number from 1 to 2147483647 was expected (got four)",
    V2.replace("ArrayHeight:    4", "ArrayHeight:    4, 8"): "architecture_presets.ArrayHeight: a whole number",
    V2.replace("ArrayHeight:    4", "ArrayHeight:"): "architecture_presets.ArrayHeight: a whole number from 1 to 2147483647 was expected (got nothing)",
    V2.replace("ArrayHeight:    4\n", ""): "architecture_presets.ArrayHeight: this key is required: rows of the array",
    V2.replace("MemoryBanks", "MemoryBnaks"): "architecture_presets.MemoryBnaks: unknown key; did you mean MemoryBanks",
    V2.replace("IfmapSramSzkB:  1", "IfmapSramSzkB:  0"): "architecture_presets.IfmapSramSzkB: a whole number from 1",
    V2.replace("IfmapSramSzkB:  1", "IfmapSramSzkB:  1\nIfmapSramSz: 1"): "IfmapSramSz: this or architecture_presets.IfmapSramSzkB was expected, not both",
    V2.replace("IfmapOffset:    0", "IfmapOffset:    -1"): "architecture_presets.IfmapOffset: a whole number from 0",
    V2.replace("Bandwidth : 4", "Bandwidth : 4,"): "architecture_presets.Bandwidth: whole numbers greater than 0 were expected",
    V2.replace("Bandwidth : 4\n", ""): "architecture_presets.Bandwidth: this key is required where InterfaceBandwidth is USER",
    V2.replace(": ws", ": rs"): "architecture_presets.Dataflow: one of os, ws, is was expected (got rs)",
    V2.replace("USER", "MAYBE"): "run_presets.InterfaceBandwidth: one of calc, user was expected (got MAYBE)",
    V2.replace("[run_presets]\n", ""): "architecture_presets.InterfaceBandwidth: unknown key; it belongs into [run_presets]",
    V2.replace("[run_presets]", "[run_preset]"): "[run_preset]: unknown section; did you mean run_presets",
    V2.replace("[general]", "[DEFAULT]"): "[DEFAULT]: unknown section",
    V2.replace("ArrayWidth:     4", "ArrayWidth:     4\nArrayWidth:     8"): "line 7: every key once was expected",
    V2 + "[run_presets]\n": "every section once was expected (got [run_presets])",
    V3.replace("SparsitySupport : false", "SparsitySupport : true"): "sparsity.SparsitySupport: False was expected: sparse weights are not modelled",
    V3.replace("SparsitySupport : false", "SparsitySupport : no"): "sparsity.SparsitySupport: True or False was expected (got no)",
    V3.replace("ellpack_block", "coo"): "sparsity.SparseRep: one of csr, csc, ellpack_block was expected (got coo)",
    "[general]\n" + "x" * 2_000_000: "at most 1,000,000 characters were expected",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_wrong_configurations(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read(text)
    (problem,) = refused.value.problems
    assert said in str(problem)
    assert str(problem).startswith("c.cfg: ")


def test_all_mistakes_at_once() -> None:
    text = V3.replace("Height:    4", "Height: x").replace(": ws", ": rs").replace("ArrayWidth", "Arraywith") + "[more]\nx=1\n"
    with pytest.raises(InputError) as refused:
        read(text)
    keys = {problem.key for problem in refused.value.problems}
    presets = ("ArrayHeight", "ArrayWidth", "Arraywith", "Dataflow")
    assert keys == {*(f"architecture_presets.{name}" for name in presets), "[more]"}


def test_the_table_of_keys_is_that_of_the_fields() -> None:
    fields = set(ScaleSimConfig.__dataclass_fields__) - {"notes", "origins"}
    assert {key.field for key in KEYS} == fields
    paths = [path.casefold() for key in KEYS for path in (key.path, *key.others)]
    assert len(paths) == len(set(paths))
