"""SCALE-Sim's topologies: what every spelling of one network becomes, and that MACs and outputs are its own."""

import random
from math import prod
from pathlib import Path

import pytest

import simulator
from simulator.errors import InputError, InputWarning
from simulator.formats.scalesim_topology import ConvRow, GemmRow, Topology, parse_topology
from simulator.formats.scalesim_workload import workload_of
from simulator.spec.layer import Layer
from simulator.spec.workload import Workload

CONV_HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
CONV = CONV_HEADER + "toy_conv, 6, 6, 3, 3, 2, 4, 1,\n"
GEMM = "Layer, M, N, K,\ntoy_gemm, 16, 4, 18,\n"
NINTH = CONV_HEADER.replace("Strides,", "Strides, {},")


def topology(text: str, *, gemm: bool = False) -> Topology:
    return parse_topology(text, "net.csv", "net", gemm=gemm)


def read(text: str) -> tuple[Workload, str]:
    """The workload, and all that is said about how it was read."""
    workload, notes = workload_of(topology(text))
    return workload, "\n".join(map(str, notes))


def layers(text: str) -> list[Layer]:
    lowered = read(text)[0].lower(1)
    assert all(isinstance(layer, Layer) for layer in lowered)
    return [layer for layer in lowered if isinstance(layer, Layer)]


def test_a_convolution() -> None:
    assert topology(CONV).rows == (ConvRow(2, "toy_conv", (6, 6), (3, 3), 2, 4, (1, 1)),)
    (layer,) = layers(CONV)
    assert layer.name == "toy_conv"
    assert layer.sizes == {"N": 1, "G": 1, "M": 4, "C": 2, "P": 4, "Q": 4, "R": 3, "S": 3}
    assert layer.macs == 4 * 4 * 4 * 2 * 3 * 3 == 1152
    assert layer.padding_before == (0, 0)


def test_a_matrix_multiply() -> None:
    """M x K by K x N: rows stay rows, N is our M, and the K x N operand is our weights."""
    assert topology(GEMM).rows == (GemmRow(2, "toy_gemm", 16, 4, 18),)
    (layer,) = layers(GEMM)
    assert layer.sizes == {"N": 16, "G": 1, "M": 4, "C": 18, "P": 1, "Q": 1, "R": 1, "S": 1}
    assert layer.macs == 16 * 4 * 18 == 1152


SPELLINGS = {
    "as written": CONV,
    "no trailing commas": CONV.replace(",\n", "\n"),
    "many trailing commas": CONV.replace(",\n", ",,, ,\n"),
    "carriage returns": CONV.replace("\n", "\r\n"),
    "carriage returns alone": CONV.replace("\n", "\r"),
    "no last line end": CONV.rstrip("\n"),
    "byte order mark": "\ufeff" + CONV,
    "no spaces": CONV.replace(", ", ","),
    "tabs and spaces": CONV.replace(", ", "  \t,\t ").replace("toy", "\t toy"),
    "blank lines": CONV.replace("\n", "\n\n , ,,,\n\t\n"),
    "comments": "# a net\n" + CONV.replace("1,\n", "1, # dense\n#end\n"),
    "comment without a comma": CONV.replace("1,\n", "1 #dense\n"),
    "quotes": CONV.replace("toy_conv", '"toy_conv"').replace(" 6,", ' "6",'),
    "other letters": CONV.replace("Layer name", "LAYER").replace("IFMAP Height", "ifmap_height").replace("Num Filter", "Num_Filters"),
    "two equal strides": CONV.replace("Strides,", "Stride height, Stride width,").replace(" 1,\n", " 1, 1,\n"),
    "a batch of one": NINTH.format("Batch Size") + "toy_conv, 6, 6, 3, 3, 2, 4, 1, 1\n",
    "all weights": NINTH.format("Sparsity") + "toy_conv, 6, 6, 3, 3, 2, 4, 1, 1:1\n",
    "all of four weights": NINTH.format("Sparsity") + "toy_conv, 6, 6, 3, 3, 2, 4, 1, 4:4,\n",
    "sparsity left out": NINTH.format("Sparsity") + "toy_conv, 6, 6, 3, 3, 2, 4, 1,\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_spellings_of_one_network(text: str, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = tmp_path / "net.csv"
    path.write_bytes(text.encode())
    assert simulator.load_workload(path) == read(CONV)[0]
    assert not recwarn.list


def test_a_file_without_a_header_is_read_from_its_first_row() -> None:
    """SCALE-Sim itself would skip that row; so it is said."""
    for text in (CONV, GEMM):
        workload, said = read(text.partition("\n")[2])
        assert workload == read(text)[0]
        assert "line 1: a row of sizes stands where a header was expected" in said


def test_titles_that_are_not_known_are_read_by_position() -> None:
    """A header with the typing error that some of SCALE-Sim's own files have."""
    workload, said = read(CONV.replace("IFMAP Height", "IFMAP Width").replace("Channels", "Maps"))
    assert workload == read(CONV)[0]
    assert "line 1, column 2: this column is read as IFMAP Height, by its position" in said
    assert "line 1, column 6: this column is read as Channels" in said


def test_two_strides() -> None:
    text = CONV_HEADER.replace("Strides", "Stride height, Stride width") + "a, 9, 9, 3, 3, 1, 1, 2, 3,\n"
    assert topology(text).rows[0].stride == (2, 3)  # type: ignore[union-attr]
    (layer,) = layers(text)
    assert layer.stride == (2, 3)
    assert (layer.sizes["P"], layer.sizes["Q"]) == ((9 - 3) // 2 + 1, (9 - 3) // 3 + 1)


def test_outputs_are_rounded_up() -> None:
    """224 rows, 11 taps, stride 4: 55 windows begin inside, and the last one ends in row 54 x 4 + 11 = 227."""
    text = CONV_HEADER + "Conv1, 224, 10, 11, 3, 3, 96, 4,\n"
    (layer,) = layers(text)
    assert (layer.sizes["P"], layer.sizes["Q"]) == (55, 3)
    assert layer.input_size == (227, 11)
    assert layer.macs == 55 * 3 * 96 * 3 * 11 * 3
    workload, said = read(text)
    assert "line 2: sizes that strides do not divide" in said
    assert workload.provenance["layers.0.conv.H"]["derived"].startswith("224 in the file")


def test_outputs_and_macs_of_any_convolution_are_those_of_scale_sim() -> None:
    """Its formula: ceil((size - taps + stride) / stride). Inputs grow by less than one stride, or not at all."""
    draw = random.Random(6)
    for _ in range(300):
        taps, strides = [draw.randint(1, 7) for _ in "RS"], [draw.randint(1, 5) for _ in "RS"]
        given = [tap + draw.randint(0, 30) for tap in taps]
        C, M = draw.randint(1, 9), draw.randint(1, 9)
        header = CONV_HEADER.replace("Strides", "Stride height, Stride width")
        cells = ["x", *given, *taps, C, M, *strides]
        (layer,) = layers(header + ",".join(map(str, cells)))
        outputs = [-(-(size - tap + step) // step) for size, tap, step in zip(given, taps, strides, strict=True)]
        assert [layer.sizes["P"], layer.sizes["Q"]] == outputs
        assert layer.macs == prod(outputs) * prod(taps) * C * M
        for size, used, step, tap in zip(given, layer.input_size, strides, taps, strict=True):
            assert size <= used < size + step
            assert (used == size) == ((size - tap) % step == 0)


def test_depthwise_rows_are_what_scale_sim_makes_of_them() -> None:
    """A convolution of one channel for each of 32, each with both filters."""
    text = CONV_HEADER + "DPw, 5, 5, 3, 3, 32, 2, 1,\nUDP, 5, 5, 3, 3, 32, 2, 1,\n"
    split, whole = layers(text)
    assert (split.sizes["G"], split.sizes["C"], split.sizes["M"]) == (32, 1, 2)
    assert split.macs == 32 * (9 * 9 * 2)
    assert (whole.sizes["G"], whole.sizes["C"], whole.sizes["M"]) == (1, 32, 2)
    said = read(text)[1]
    assert "line 2: the name begins with DP: read as a depthwise convolution" in said
    assert "line 3: read as written, though SCALE-Sim splits" in said


def test_names_that_cannot_stand() -> None:
    rows = "".join(f"{name}, 1, 1, 1,\n" for name in ("fc", "FC", "fc_2", "fc", "a/b#1", "x y"))
    workload, said = read("Layer, M, N, K\n" + rows)
    assert [layer.name for layer in workload.layers] == ["fc", "FC-3", "fc_2", "fc-4", "a-b#1", "x y"]
    folded = [layer.name.casefold().replace("_", "-") for layer in workload.layers]
    assert len(set(folded)) == 6
    assert "lines 3, 5, 6: the name cannot stand here" in said


def test_a_batch_is_an_option_of_the_run() -> None:
    header = NINTH.format("Batch Size")
    workload, said = read(header + "a, 6, 6, 3, 3, 2, 4, 1, 4,\nb, 6, 6, 3, 3, 2, 4, 1, 4,\n")
    assert "--batch 4" in said
    assert [layer.macs for layer in workload.lower(4) if isinstance(layer, Layer)] == [4 * 1152] * 2
    with pytest.raises(InputError, match=r"net.csv: line 3, Batch Size: the batch of line 2, 4, was expected"):
        read(header + "a, 6, 6, 3, 3, 2, 4, 1, 4,\nb, 6, 6, 3, 3, 2, 4, 1, 2,\n")


@pytest.mark.parametrize("ending", [",\n", "\n"])
def test_sparse_weights_are_refused_with_or_without_the_last_comma(ending: str) -> None:
    for header, sizes in ((NINTH.format("Sparsity"), "6, 6, 3, 3, 2, 4, 1"), ("Layer, M, N, K, Sparsity,\n", "16, 4, 18")):
        with pytest.raises(InputError) as refused:
            read(f"{header}dense, {sizes}, 1:1{ending}toy, {sizes}, 2:4{ending}")
        (problem,) = refused.value.problems
        assert (problem.key, problem.value) == ("line 3, Sparsity", "2:4")


def test_every_command_and_python_take_a_topology(tmp_path: Path) -> None:
    path = tmp_path / "toy.csv"
    path.write_text(CONV.replace("6, 6", "6, 7").replace("1,\n", "2,\n"))
    with pytest.warns(InputWarning, match=r"toy.csv: line 2: sizes that strides do not divide"):
        run = simulator.simulate("ws16", path)
    assert run.workload == "toy"
    assert run.layers["toy_conv"].macs == 3 * 3 * 4 * 2 * 9
