"""Shipped networks against their papers; every kind of layer; layers that make no sense."""

from fractions import Fraction
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.formats.load import load_workload
from simulator.names import DIMENSIONS
from simulator.spec.catalog import shipped
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, Zeros
from simulator.spec.operators.conv import Conv
from simulator.spec.reader import load, validate, write_yaml
from simulator.spec.workload import LayerSpec, Workload


def lowered(kind: str, batch: int, /, **sizes: object) -> Layer | VectorLayer:
    """One layer of one kind, lowered."""
    return validate(LayerSpec, {"name": "L", kind: sizes}, "test").lower(batch)


def sizes(kind: str, batch: int, /, **given: object) -> tuple[int, ...]:
    """N, G, M, C, P, Q, R, S of one layer."""
    layer = lowered(kind, batch, **given)
    assert isinstance(layer, Layer)
    return tuple(layer.sizes[dimension] for dimension in DIMENSIONS)


def mac_layers(name: str) -> dict[str, Layer]:
    return {layer.name: layer for layer in load_workload(name).lower(1) if isinstance(layer, Layer)}


def weights(layer: Layer) -> int:
    size = layer.sizes
    return size["G"] * size["M"] * size["C"] * size["R"] * size["S"]


# Papers: AlexNet's 60 M parameters (2.3 M in convolutions, Eyeriss: 666 M MACs in convolutions); VGG table 2:
# 138 M parameters; ResNet table 1: 1.8 G FLOPs; MobileNets table 4: 569 M mult-adds and 4.2 M parameters; TPU table 1:
# 20 M and 5 M weights.
# Biases are no weights here, so counts are products of the layers' dimensions. The others: test_networks.py, from
# published counts; here with 128 keys and values in each layer, which take the place of weights.
PUBLISHED = {
    "alexnet": (724_406_816, 60_954_656),
    "alexnet_isca2016": (724_406_816, 60_954_656),
    "vgg16": (15_346_630_656 + 123_633_664, 138_344_128),
    "resnet18": (1_814_073_344, 11_678_912),
    "resnet50": (4_089_184_256, 25_502_912),
    "bert_base": (11_174_215_680, 85_524_480 + 12 * 2 * 128 * 768),
    "gpt2": (11_212_223_232, 123_532_032 + 12 * 2 * 128 * 768),
    "llama3_8b": (898_173_501_440, 7_504_658_432 + 32 * 2 * 128 * 1024),
    "mobilenet_v1": (568_740_352, 4_209_088),
    "tpu_mlp0": (20_000_000, 20_000_000),
    "tpu_mlp1": (4 * 1118**2, 4 * 1118**2),
}
CHAINED = ["alexnet", "mobilenet_v1", "resnet18", "resnet50", "vgg16"]
"""Networks whose layers follow each other."""


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_macs_and_weights_of_shipped_networks(name: str) -> None:
    layers = mac_layers(name).values()
    assert (sum(layer.macs for layer in layers), sum(weights(layer) for layer in layers)) == PUBLISHED[name]


def test_every_shipped_network_is_published() -> None:
    assert shipped("workload") == sorted(PUBLISHED)


def test_alexnet_convolutions_as_the_chip_ran_them() -> None:
    layers = mac_layers("alexnet")
    giga = [round(layers[f"CONV{i}"].macs * 4 / 1e9, 2) for i in range(1, 6)]
    assert giga == [0.42, 0.90, 0.60, 0.45, 0.30]
    zeros = [layers[f"CONV{i}"].zeros["input"] for i in range(1, 6)]
    assert zeros == [Fraction(z) for z in ("1/10000", "387/1000", "725/1000", "793/1000", "776/1000")]


def test_vgg_convolutions_and_fully_connected_apart() -> None:
    layers = mac_layers("vgg16")
    convolutions = [layer.macs for name, layer in layers.items() if name.startswith("CONV")]
    assert (len(convolutions), round(sum(convolutions) / 1e9, 2)) == (13, 15.35)
    assert sum(layers[name].macs for name in ("FC6", "FC7", "FC8")) == 123_633_664


@pytest.mark.parametrize("name", CHAINED)
def test_every_layer_reads_what_the_one_before_it_writes(name: str) -> None:
    """Sizes chain up; a shortcut's convolution reads the block's input instead, and an addition sums two."""
    before: dict[str, int] = {}
    last = block_input = 0
    for spec, layer in zip(load_workload(name).layers, load_workload(name).lower(1), strict=True):
        if isinstance(layer, VectorLayer):
            operands = 2 if layer.operator.startswith("elementwise") else 1
            reads, writes = layer.input_words // operands, layer.output_words
        else:
            s = layer.sizes
            reads = s["G"] * s["C"] * layer.input_size[0] * layer.input_size[1]
            writes = s["G"] * s["M"] * s["P"] * s["Q"]
        convolution = isinstance(layer, Layer)
        if convolution and spec.name.endswith("A"):
            block_input = last
        expected = block_input if convolution and spec.name.endswith("S") else last
        assert not before or reads == expected, spec.name
        before[spec.name], last = writes, writes


def test_convolution_is_lowered_per_group() -> None:
    layer = lowered(
        "conv",
        4,
        C=6,
        M=9,
        H=10,
        W=12,
        R=3,
        S=2,
        stride=[2, 1],
        padding=[1, 0, 2, 3],
        dilation=[2, 1],
        groups=3,
    )
    assert isinstance(layer, Layer)
    # rows: 10 + 1 padded, taps span 5, every 2nd; columns: 12 + 5 padded, taps span 2
    assert layer.sizes == {"N": 4, "G": 3, "M": 3, "C": 2, "P": 4, "Q": 16, "R": 3, "S": 2}
    assert (layer.stride, layer.dilation, layer.input_size, layer.padding_before) == (
        (2, 1),
        (2, 1),
        (10, 12),
        (1, 2),
    )


@pytest.mark.parametrize(
    ("padding", "sides"), [(1, (1, 1, 1, 1)), ([1, 2], (1, 1, 2, 2)), ([0, 1, 2, 3], (0, 1, 2, 3))]
)
def test_ways_to_write_padding(padding: object, sides: tuple[int, ...]) -> None:
    assert (
        validate(Conv, {"C": 1, "M": 1, "H": 5, "W": 5, "R": 1, "S": 1, "padding": padding}, "t").padding
        == sides
    )


def test_depthwise_and_products() -> None:
    assert sizes("depthwise", 2, C=8, H=4, W=4, R=3, S=3, multiplier=2) == (2, 8, 2, 1, 2, 2, 3, 3)
    assert sizes("fc", 3, C=10, M=7) == (3, 1, 7, 10, 1, 1, 1, 1)
    assert sizes("matmul", 3, M=7, K=10) == (3, 1, 7, 10, 1, 1, 1, 1)
    assert sizes("matmul", 3, M=7, K=10, rows=5, batch=4) == (15, 4, 7, 10, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "shape", "volume"),
    [
        ("pool", {"C": 2, "H": 4, "W": 4, "R": 2, "S": 2, "stride": 2, "kind": "average"}, (32, 8, 32)),
        ("activation", {"C": 2, "H": 4, "W": 4}, (32, 32, 32)),
        ("activation", {"C": 5}, (5, 5, 5)),
        ("elementwise", {"C": 2, "H": 4, "W": 4}, (64, 32, 32)),
        ("elementwise", {"C": 2, "operands": 3}, (6, 2, 4)),
        ("normalization", {"C": 2, "H": 4, "W": 4, "kind": "batch"}, (32, 32, 64)),
        ("normalization", {"C": 6, "kind": "local_response", "window": 3}, (6, 6, 48)),
    ],
)
def test_data_volume_of_layers_without_macs(
    kind: str, shape: dict[str, object], volume: tuple[int, ...]
) -> None:
    layer = lowered(kind, 3, **shape)
    assert isinstance(layer, VectorLayer)
    assert (layer.input_words, layer.output_words, layer.operations) == tuple(3 * n for n in volume)


CONV = {"C": 4, "M": 8, "H": 8, "W": 8, "R": 3, "S": 3}


@pytest.mark.parametrize(
    ("change", "key", "value", "expected"),
    [
        ({"C": 0}, "C", "0", "greater than 0"),
        ({"M": -3}, "M", "-3", "greater than 0"),
        ({"H": 2.5}, "H", "2.5", "a whole number"),
        ({"H": True}, "H", "true", "a whole number"),
        ({"H": "8"}, "H", "'8'", "a whole number"),
        ({"W": float("nan")}, "W", "nan", "a whole number"),
        ({"W": float("inf")}, "W", "inf", "a whole number"),
        ({"W": 1 << 31}, "W", "2147483648", "at most 2147483647"),
        ({"R": 9}, "R", "9", "it spans 9, H with padding is 8"),
        ({"S": 5, "dilation": [1, 2]}, "S", "5", "it spans 9, W with padding is 8"),
        ({"groups": 3}, "groups", "3", "divide C were expected, and C is 4"),
        ({"groups": 0}, "groups", "0", "greater than 0"),
        ({"stride": 0}, "stride.0", "0", "greater than 0"),
        ({"stride": [1, 1, 1]}, "stride", "[1, 1, 1]", "[vertical, horizontal]"),
        ({"padding": -1}, "padding.0", "-1", "at least 0"),
        ({"padding": [1, 1, 1]}, "padding", "[1, 1, 1]", "[top, bottom, left, right]"),
        ({"strid": 2}, "strid", "2", "unknown key; did you mean stride?"),
    ],
)
def test_convolution_that_makes_no_sense(
    change: dict[str, object], key: str, value: str, expected: str
) -> None:
    data = {"name": "net", "layers": [{"name": "A", "conv": CONV}, {"name": "B", "conv": {**CONV, **change}}]}
    with pytest.raises(InputError) as refused:
        validate(Workload, data, "net.yaml")
    found = {(problem.place, problem.key, problem.value) for problem in refused.value.problems}
    assert ("net.yaml", f"layers.1.conv.{key}", value) in found
    assert expected in str(refused.value)


MIXED = """
name: net
layers:
  - {name: A, conv: {C: 4, M: 1e1, H: 8, W: 8, R: 3, S: 3}}
  - {name: B, convolution: {}}
  - {name: C}
  - {name: D, fc: {C: 1, M: 1}, pool: {}}
  - {name: E/F, fc: {C: 1}, zeros: {input: 1.5, inputs: 0.5}}
  - 7
note: x
"""


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(MIXED, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_workload(path)
    found = {problem.key: problem for problem in refused.value.problems}
    assert set(found) == {
        "layers.0.conv.M", "layers.1.convolution", "layers.2", "layers.3", "layers.4.name", "layers.4.fc.M",
        "layers.4.zeros.input", "layers.4.zeros.inputs", "layers.5", "note",
    }  # fmt: skip
    assert {problem.place for problem in found.values()} == {str(path)}
    assert found["layers.0.conv.M"].expected.endswith("write 1.0e+1")
    assert "did you mean conv?" in found["layers.1.convolution"].expected
    assert found["layers.3"].value == "fc, pool"
    assert found["layers.4.fc.M"].expected == "this key is required"


@pytest.mark.parametrize("name", ["CONV1", "conv 1", "L-ä_2", "b:c", "1", "x" * 200, "'", "a,b;c"])
def test_names_that_are_taken(name: str) -> None:
    assert validate(LayerSpec, {"name": name, "fc": {"C": 1, "M": 1}}, "t").name == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a/b", "a\\b", "a\nb", "a\tb", "a\x1b[0m", "\u200b", "x" * 201, 5, None]
)
def test_names_that_are_refused(name: object) -> None:
    with pytest.raises(InputError) as refused:
        validate(LayerSpec, {"name": name, "fc": {"C": 1, "M": 1}}, "t")
    assert [problem.key for problem in refused.value.problems] == ["name"]
    assert str(refused.value).isprintable()


def test_names_that_match_each_other_are_one_too_many() -> None:
    layers = [{"name": name, "fc": {"C": 1, "M": 1}} for name in ("FC-1", "FC2", "fc_1")]
    with pytest.raises(InputError, match=r"layers\.2\.name: .* layers\.0 is called FC-1"):
        validate(Workload, {"name": "net", "layers": layers}, "t")


def test_selection_ignores_case_and_underscores() -> None:
    vgg = load_workload("vgg16")
    assert [layer.name for layer in vgg.select(["fc8", "conv1_2"]).layers] == ["CONV1-2", "FC8"]
    assert vgg.select([]) is vgg
    with pytest.raises(InputError) as refused:
        vgg.select(["CONV1-9", "FC8", "XX"])
    assert [problem.value for problem in refused.value.problems] == ["CONV1-9", "XX"]
    assert "did you mean CONV1-2, CONV1-1" in str(refused.value)


@pytest.mark.parametrize("batch", [0, -1, True, 1.5, "4", 1 << 31])
def test_batch_is_a_count(batch: int) -> None:
    with pytest.raises(InputError, match="batch: a whole number"):
        load_workload("alexnet").lower(batch)


def test_counts_stay_countable() -> None:
    large = (1 << 31) - 1
    with pytest.raises(InputError, match=r"layers\.0: fewer than 2\^62"):
        validate(
            Workload,
            {"name": "n", "layers": [{"name": "L", "matmul": {"M": large, "K": large, "rows": 4}}]},
            "t",
        )
    net = validate(
        Workload, {"name": "n", "layers": [{"name": "L", "fc": {"M": 1 << 16, "C": 1 << 16}}]}, "t"
    )
    with pytest.raises(InputError, match=r"fewer than 2\^62 .* in L"):
        net.lower(1 << 30)


def test_workload_built_in_python_equals_the_file(tmp_path: Path) -> None:
    conv = Conv(C=3, M=96, H=227, W=227, R=11, S=11, stride=4)
    net = Workload(name="net", layers=(LayerSpec(name="CONV1", operator=conv, zeros={"input": 0.25}),))
    path = tmp_path / "net.yaml"
    path.write_text(write_yaml(net.model_dump(by_alias=True)), encoding="utf-8")
    assert load(Workload, path) == net
    assert net.replace(name="other").layers == net.layers
    with pytest.raises(InputError, match="nam: unknown key; did you mean name"):
        net.replace(nam="x")


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_resolved_workload_reads_back_equal(name: str, tmp_path: Path) -> None:
    net = load_workload(name)
    path = tmp_path / "net.yaml"
    path.write_text(write_yaml(net.model_dump(by_alias=True)), encoding="utf-8")
    assert load(Workload, path) == net


def test_a_kind_of_layer_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPERATORS, "_kinds", OPERATORS.all())

    @OPERATORS.register("transpose")
    class Transpose(Operator):
        C: Size

        def lower(self, name: str, batch: int, zeros: Zeros) -> VectorLayer:
            return VectorLayer(name, "transpose", batch * self.C, batch * self.C, 0)

    assert lowered("transpose", 2, C=4) == VectorLayer("L", "transpose", 8, 8, 0)
