import pytest
from mapping_samples import ALEXNET, conv, machine

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.mapping.file import parse_mapping, read_mapping_file, write_mapping_file
from simulator.spec.catalog import find


def refused(data):
    with pytest.raises(InputError) as caught:
        parse_mapping(data, "maps.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_shipped_mapping_reads():
    found = read_mapping_file(find("mapping", "eyeriss_v1_alexnet"))
    assert found.dataflow == "row_stationary"
    assert found.entries["CONV2"].parameters == {"m": 64, "n": 1, "e": 27, "p": 16, "q": 2, "r": 1, "t": 1}


@pytest.mark.parametrize("name", ["conv1-1", "CONV1_1", "Conv1-1"])
def test_layer_names_ignore_case_and_underscores(name):
    file = parse_mapping({"layers": {name: {"m": 1}}}, "maps.yaml")
    assert list(file.matched(["CONV1-1", "FC6"])) == ["CONV1-1"]


def test_unknown_layers_are_refused_with_the_nearest_name():
    file = parse_mapping({"layers": {"CONV11": {"m": 1}, "X": {"m": 1}}}, "maps.yaml")
    with pytest.raises(InputError) as caught:
        file.matched(["CONV1-1", "FC6"])
    assert [p.key for p in caught.value.problems] == ["layers.CONV11", "layers.X"]
    assert "CONV1-1" in caught.value.problems[0].expected


def test_all_mistakes_of_a_file_at_once():
    found = refused(
        {
            "dataflw": "row_stationary",
            "layers": {
                "A": {"m": 0, "n": True},
                "a": {"dram": ["M x"], "pe": "M 4"},
                "B": [],
                "C": {"dataflow": 3},
            },
        }
    )
    assert sorted(line.split(": ")[1] for line in found) == [
        "dataflw", "layers.A.m", "layers.A.n", "layers.B", "layers.C.dataflow", "layers.a",
        "layers.a.dram.0", "layers.a.pe",
    ]  # fmt: skip


def test_a_file_without_layers():
    assert refused({}) == ["maps.yaml: layers: layers with their mappings were expected, by name"]


def remapped(tmp_path, used, layers, arch):
    path = tmp_path / "mapping.yaml"
    path.write_text(write_mapping_file(used))
    file = read_mapping_file(path)
    entries = file.matched(layers)
    return {n: map_layer(layers[n], arch, file.dataflow, entries[n], str(path)) for n in layers}


@pytest.mark.parametrize(
    ("arch", "dataflow"),
    [("eyeriss_v1", "row_stationary"), ("ws16", "weight_stationary"), ("os16", "output_stationary")],
)
def test_what_was_used_reruns_identically(tmp_path, arch, dataflow):
    layers = {
        "odd: name": conv("odd: name", M=10),
        "no": conv("no", N=2, G=3, C=7, P=9),
        "1e3": ALEXNET["CONV5"],
    }
    used = {name: map_layer(layer, machine(arch), dataflow) for name, layer in layers.items()}
    assert remapped(tmp_path, used, layers, machine(arch)) == used


def test_mixed_dataflows_and_parameters_rerun_identically(tmp_path, eyeriss):
    entries = read_mapping_file(find("mapping", "eyeriss_v1_alexnet")).matched(ALEXNET)
    used = {n: map_layer(layer, eyeriss, "row_stationary", entries[n]) for n, layer in ALEXNET.items()}
    used["CONV4"] = map_layer(ALEXNET["CONV4"], eyeriss, "input_stationary")
    assert "CONV2: {m: 64" in write_mapping_file(used).replace("\n    m", " {m")
    assert remapped(tmp_path, used, ALEXNET, eyeriss) == used
