"""Architectures: what a file must say, whether parts fit, and changes from Python."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Delivery, Ints, Network, interleave
from simulator.errors import InputError
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import find, load_architecture, shipped
from simulator.spec.reader import load, validate, write_yaml
from simulator.spec.schema import schemas


def machine() -> dict[str, Any]:
    """A small machine as plain data."""
    pe = {"pipeline_cycles": 1, "weight_words": 4, "input_words": 4, "psum_words": 4, "adder": "private"}
    pe |= {"psum_in_fifo_words": 2, "psum_out_fifo_words": 2}
    bus = {"kind": "multicast_bus", "words_per_cycle": 2}
    return {
        "name": "small",
        "clock_mhz": 100,
        "word_bits": {"weight": 8, "input": 8, "output": 32},
        "memories": {
            "dram": {"kind": "dram", "bytes_per_cycle": 8, "keeps": ["weight", "input", "output"]},
            "glb": {"kind": "sram", "capacity_bytes": 4096, "keeps": ["weight", "input", "output"]},
        },
        "networks": {
            "operands": {**bus, "carries": ["weight", "input"], "from": "glb", "to": "array"},
            "psums_in": {**bus, "carries": "output", "from": "glb", "to": "array"},
            "psums_out": {**bus, "carries": "output", "from": "array", "to": "glb"},
            "links": {
                "kind": "column_chain",
                "words_per_cycle": 1,
                "carries": "output",
                "from": "array",
                "to": "array",
            },
        },
        "array": {"kind": "spatial", "rows": 2, "columns": 3, "initial_psums": "buffer", "pe": pe},
        "dataflow": "weight_stationary",
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The small machine with one key set; `...` removes it."""
    data = machine()
    *parents, leaf = path.split(".")
    place = data
    for step in parents:
        place = place[step]
    if value is ...:
        del place[leaf]
    else:
        place[leaf] = value
    return data


def refusal(data: object) -> list[tuple[str, str, str]]:
    with pytest.raises(InputError) as refused:
        validate(Architecture, data, "small.yaml")
    assert {problem.place for problem in refused.value.problems} == {"small.yaml"}
    return [(problem.key, problem.value, problem.expected) for problem in refused.value.problems]


def test_small_machine_is_accepted() -> None:
    assert validate(Architecture, machine(), "small.yaml").spatial.pes == 6


@pytest.mark.parametrize(
    ("path", "value", "key", "shown", "expected"),
    [
        ("clock_mhz", ..., "clock_mhz", "", "this key is required"),
        ("clock_mhz", 0, "clock_mhz", "0", "greater than 0"),
        ("clock_mhz", float("nan"), "clock_mhz", "nan", "a finite number"),
        ("clock_mhz", float("inf"), "clock_mhz", "inf", "a finite number"),
        ("clock_mhz", "100", "clock_mhz", "'100'", "a number was expected"),
        (
            "clock_mhz",
            {"value": 1, "sauce": "x"},
            "clock_mhz",
            "{'value': 1, 'sauce': 'x'}",
            "source, assumed, fitted",
        ),
        ("clok_mhz", 1, "clok_mhz", "1", "did you mean clock_mhz?"),
        ("name", 7, "name", "7", "text was expected"),
        ("memories", [], "memories", "[]", "a mapping of keys"),
        ("memories", {}, "memories", "", "at least one memory"),
        ("memories.glb.kind", "sramm", "memories.glb.kind", "sramm", "did you mean sram"),
        ("memories.glb.kind", ..., "memories.glb.kind", "", "one of: dram, sram"),
        ("memories.glb.capacity_bytes", -1, "memories.glb.capacity_bytes", "-1", "greater than 0"),
        ("memories.glb.capacity", 1, "memories.glb.capacity", "1", "did you mean capacity_bytes?"),
        ("memories.glb.banks", 4, "memories.glb", "", "either capacity_bytes, or banks and bank_bytes"),
        (
            "memories.glb.keeps",
            ["weight", "psum"],
            "memories.glb.keeps.1",
            "psum",
            "'weight', 'input' or 'output'",
        ),
        ("memories.glb.keeps", [], "memories.glb.keeps", "[]", "at least 1"),
        ("memories.glb.priority", ["psum"], "memories.glb.priority.0", "psum", "'psum_in' or 'psum_out'"),
        ("memories.glb.priority", ["weight"] * 2, "memories.glb.priority", "weight, weight", "at most once"),
        (
            "memories.dram.bytes_per_cycle",
            "1/0",
            "memories.dram.bytes_per_cycle",
            "1/0",
            "a fraction such as",
        ),
        ("memories.dram.bytes_per_cycle", -2, "memories.dram.bytes_per_cycle", "-2", "greater than 0"),
        (
            "networks.psums_in.words_per_cycle",
            True,
            "networks.psums_in.words_per_cycle",
            "true",
            "a positive number",
        ),
        ("array.rows", 2.0, "array.rows", "2.0", "a whole number"),
        ("array.pe.weight_word", 1, "array.pe.weight_word", "1", "did you mean weight_words"),
        ("array.pe.adder", "none", "array.pe.adder", "none", "'shared' or 'private'"),
    ],
)
def test_value_that_is_refused(path: str, value: object, key: str, shown: str, expected: str) -> None:
    problems = refusal(changed(path, value))
    assert [(found, got) for found, got, told in problems if expected in told] == [(key, shown)]


BUS = {"kind": "multicast_bus", "words_per_cycle": 1, "carries": "input", "from": "glb", "to": "array"}


@pytest.mark.parametrize(
    ("path", "value", "key", "expected"),
    [
        ("networks.psums_in.from", "gbl", "networks.psums_in.from", "did you mean glb?"),
        ("networks.psums_out.to", "dram", "networks", "carries output from array to glb was expected"),
        (
            "networks.psums_in",
            ...,
            "networks",
            "carries output from glb to array was expected for initial_psums: buffer",
        ),
        ("networks.operands.carries", "weight", "networks", "carries input from glb to array"),
        ("networks.twin", BUS, "networks.twin", "operands carries input from glb to array already"),
        ("networks.loop", {**BUS, "to": "glb"}, "networks.loop.to", "another part"),
        ("networks.links.kind", "unicast_bus", "networks.links.kind", "such as column_chain"),
        ("networks.links.carries", "input", "networks.links.carries", "output alone"),
        ("networks.links.to", "glb", "networks.links", "it joins PEs"),
        ("networks.glb", {**BUS, "from": "dram"}, "networks.glb", "a memory is called glb too"),
        ("networks.array", BUS, "networks.array", "a meaning of its own"),
        ("networks.a.b", BUS, "networks", "letters, digits"),
        ("networks.a__b", BUS, "networks", "letters, digits"),
        ("memories.dram.keeps", ["weight", "input"], "memories.dram.keeps", "keep weight, input and output"),
        ("memories.dram.kind", "sram", "memories.dram.kind", "of kind dram"),
        ("memories.glb.keeps", ["weight", "input"], "memories", "an on-chip memory that keeps output"),
        ("memories.glb.keeps", ["weight", "output"], "networks.operands.from", "a memory that keeps input"),
        (
            "memories.far",
            {"kind": "dram", "bytes_per_cycle": 1, "keeps": "input"},
            "memories.far.kind",
            "only the first",
        ),
        ("word_bits.input", 12, "word_bits.input", "a divisor or a multiple of the 64 bits"),
        ("array.rows", 1 << 20, "array", "at most 1,048,576 PEs"),
        ("mappings", {"alexnet": "nowhere.yaml"}, "mappings.alexnet", "shipped in arch_models"),
        ("mappings", {"alexnet": "../simulator/names.py"}, "mappings.alexnet", "shipped in arch_models"),
    ],
)
def test_parts_that_do_not_fit(path: str, value: object, key: str, expected: str) -> None:
    data = machine() if "__" in path or path.endswith("a.b") else changed(path, value)
    if "__" in path or path.endswith("a.b"):
        data["networks"][path.removeprefix("networks.")] = {**BUS, "from": "dram"}
    elif path == "memories.dram.kind":
        data["memories"]["dram"] = {
            "kind": "sram",
            "capacity_bytes": 1,
            "keeps": ["weight", "input", "output"],
        }
    assert [found for found, _, told in refusal(data) if expected in told] == [key]


@pytest.mark.parametrize(
    ("bits", "rate"), [(128, 8), (64, 8), (4, 8), (12, "64/3"), (12, "unlimited"), (12, 3)]
)
def test_word_widths_that_fit_the_link(bits: int, rate: object) -> None:
    data = changed("word_bits", {"weight": bits, "input": bits, "output": bits})
    data["memories"]["dram"]["bytes_per_cycle"] = rate
    assert validate(Architecture, data, "t").word_bits["input"] == bits


def test_structural_faults_come_together() -> None:
    data = changed("networks.psums_in.from", "gbl")
    data["word_bits"]["weight"] = 24
    data["networks"]["twin"] = BUS
    assert len(refusal(data)) == 4  # the unknown name, the route it leaves open, the width, the twin


def test_value_and_reading_faults_come_together(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    text = write_yaml(changed("array.rows", -1)).replace("clock_mhz: 100", "clock_mhz: 1e2")
    path.write_text(text + "dataflow: x\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_architecture(path)
    assert [problem.key for problem in refused.value.problems] == ["clock_mhz", "dataflow", "array.rows"]


def test_architecture_built_in_python_is_checked_too() -> None:
    with pytest.raises(InputError, match="small: networks: a network that carries weight"):
        Architecture(**changed("networks.operands", ...))


def test_eyeriss_is_as_published_and_cited() -> None:
    eyeriss = load_architecture("eyeriss_v1")
    assert (eyeriss.array.rows, eyeriss.array.columns, eyeriss.clock_mhz) == (12, 14, 200)
    assert [eyeriss.array.pad_words(d) for d in ("weight", "input", "output")] == [224, 12, 24]
    assert eyeriss.levels("weight") == ("dram", "weight_buffer")
    assert eyeriss.levels("output") == ("dram", "glb")
    assert eyeriss.networks["input_in"].words_per_cycle == Fraction(1)
    assert eyeriss.provenance["memories.glb.banks"]["source"].startswith("JSSC 2017")
    assert "assumed" in eyeriss.provenance["memories.dram.latency_cycles"]


@pytest.mark.parametrize("name", shipped("architecture"))
def test_resolved_architecture_reads_back_equal(name: str, tmp_path: Path) -> None:
    read = load_architecture(name)
    path = tmp_path / "resolved.yaml"
    path.write_text(write_yaml(read.model_dump(by_alias=True)), encoding="utf-8")
    assert load(Architecture, path) == read


def test_replace_reaches_inside_and_forgets_the_source() -> None:
    eyeriss = load_architecture("eyeriss_v1")
    changed_one = eyeriss.replace(
        memories__glb__banks=30, array__pe__input_words=16, networks__input_in__words_per_cycle="5/2"
    )
    assert changed_one.memories["glb"].model_dump()["banks"] == 30
    assert changed_one.spatial.pe.input_words == 16
    assert changed_one.networks["input_in"].words_per_cycle == Fraction(5, 2)
    assert set(eyeriss.provenance) - set(changed_one.provenance) == {
        "memories.glb.banks", "array.pe.input_words", "networks.input_in.words_per_cycle",
    }  # fmt: skip
    assert eyeriss.replace() == eyeriss
    assert list(eyeriss.replace(memories__l2={"kind": "sram", "capacity_bytes": 8, "keeps": "weight"},
                                networks__weight_in__from="l2").memories)[-1] == "l2"  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memories__glb__bank": 3}, r"eyeriss_v1: memories\.glb\.bank: unknown key; did you mean banks\?"),
        ({"memories__gbl__banks": 3}, r"eyeriss_v1: memories\.gbl: the name of a part .*did you mean glb\?"),
        ({"clock": 3}, r"clock: unknown key; did you mean clock_mhz\?"),
        ({"name__x": 3}, r"name: the name of a part"),
        ({"array__rows": 0}, r"array\.rows: .* \(got 0\)"),
    ],
)
def test_replace_refuses(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_architecture("eyeriss_v1").replace(**change)


@pytest.mark.parametrize("name", ["eyeriss", "eyeris_v1", "Eyeriss_V1"])
def test_unknown_name_comes_with_the_nearest(name: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean .*eyeriss_v1.*\(got {name}\)"):
        load_architecture(name)


def test_missing_file_is_named() -> None:
    with pytest.raises(
        InputError, match=r"^some/alexnet\.yaml: no such workload file; did you mean alexnet, alexnet_isca2016\?$"
    ):
        find("workload", "some/alexnet.yaml")


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000, "a\nb"])
def test_strange_names_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as refused:
        find("architecture", name)
    assert str(refused.value).isprintable()


def test_a_shipped_name_wins_and_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alexnet").write_text("x: 1", encoding="utf-8")
    assert find("workload", "alexnet").suffix == ".yaml"
    assert find("workload", "./alexnet") == Path("./alexnet")
    assert find("workload", Path("alexnet")) == Path("alexnet")
    assert find("mapping", "eyeriss_v1_alexnet").is_file()


def test_a_network_kind_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NETWORKS, "_kinds", NETWORKS.all())

    @NETWORKS.register("ring")
    class Ring(Network):
        hops_per_cycle: int

        def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
            return interleave(needs, multicast=False)

    data = machine()
    data["networks"]["psums_in"] |= {"kind": "ring", "hops_per_cycle": 2}
    assert isinstance(validate(Architecture, data, "t").networks["psums_in"], Ring)
    assert "hops_per_cycle" in str(schemas()["architecture"]["properties"]["networks"])


def test_schemas_name_every_kind_and_every_way_to_tell_a_source() -> None:
    made = schemas()
    kinds = [option["properties"]["kind"]["const"] for option in
             made["architecture"]["properties"]["networks"]["additionalProperties"]["anyOf"]
             if "const" in option["properties"]["kind"]]  # fmt: skip
    assert {"multicast_bus", "unicast_bus", "column_chain"} <= set(kinds)
    told = made["architecture"]["$defs"]["told"]["properties"]
    assert set(told) == {"value", "source", "assumed", "fitted", "derived"}
    layer = made["workload"]["$defs"]["LayerSpec"]
    assert {"name", "zeros", "conv", "depthwise", "fc", "matmul", "pool"} <= set(layer["properties"])
    assert "operator" not in layer["properties"]
