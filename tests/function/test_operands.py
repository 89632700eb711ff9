"""Operands as they are given: as arrays, in a file or at random; what they do to a run; and what is refused."""

import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import convolution

import simulator
from simulator import InputError
from simulator.cli import main
from simulator.dataflows import map_layer
from simulator.engine.function import compute
from simulator.spec.layer import Layer
from simulator.spec.operands import RandomOperands, operands_of, random_operands
from simulator.spec.validation import validate

MACHINE = simulator.load_architecture("eyeriss_v1")
CONV = {"C": 4, "M": 6, "H": 8, "W": 7, "R": 3, "S": 3, "padding": 1, "groups": 2}
NET: dict[str, Any] = {
    "name": "net",
    "layers": [
        {"name": "A", "conv": CONV, "zeros": {"input": 0.25, "output": 0.5}},
        {"name": "RELU", "activation": {"C": 6, "H": 8, "W": 7}},
        {"name": "B", "conv": CONV},
        {"name": "C", "fc": {"C": 12, "M": 5}},
        {"name": "D", "matmul": {"M": 3, "K": 4, "rows": 2, "batch": 2}},
    ],
}


def network() -> simulator.Workload:
    return validate(simulator.Workload, NET, "net")


def nest(name: str, batch: int = 1) -> Layer:
    found = next(layer for layer in network().lower(batch) if layer.name == name)
    assert isinstance(found, Layer)
    return found


def integers(*shape: int, high: int = 100, seed: int = 0, dtype: type = np.int64) -> Any:
    return np.random.default_rng(seed).integers(-high, high, size=shape, dtype=dtype)


def run(operands: Any, **options: Any) -> simulator.Run:
    return simulator.simulate(MACHINE, network(), operands=operands, **options)


WEIGHTS, INPUTS = integers(6, 2, 3, 3, seed=1), integers(1, 4, 8, 7, seed=2)


def test_arrays_as_frameworks_have_them() -> None:
    result = run({"A": (WEIGHTS, INPUTS)})
    expected = convolution(nest("A"), WEIGHTS.reshape(2, 3, 2, 3, 3), INPUTS.reshape(1, 2, 2, 8, 7)).reshape(1, 6, 8, 7)
    found = result.layers["A"].outputs
    assert found.dtype == np.int64
    assert np.array_equal(found, expected)
    assert result.layers["B"].outputs is None
    assert result.layers["B"].operands == {}


def test_an_ordinary_convolution_by_hand() -> None:
    """One filter of ones over a 3 x 3 ramp with padding: sums of each neighbourhood."""
    net = validate(
        simulator.Workload,
        {"name": "n", "layers": [{"name": "L", "conv": {"C": 1, "M": 1, "H": 3, "W": 3, "R": 3, "S": 3, "padding": 1}}]},
        "n",
    )
    ramp = np.arange(1, 10).reshape(1, 1, 3, 3)
    result = simulator.simulate("ws16", net, operands={"l": (np.ones((1, 1, 3, 3), dtype=int), ramp)})
    assert result.layers["L"].outputs.tolist() == [[[[12, 21, 16], [27, 45, 33], [24, 39, 28]]]]
    assert result.layers["L"].operands["zero_input_macs"] == 81 - 49  # padding: 4 corners of 5, 4 sides of 3 taps


def test_products_take_flat_operands() -> None:
    weights, inputs = integers(5, 12), integers(3, 12, seed=4)
    assert np.array_equal(run({"C": (weights, inputs)}, batch=3).layers["C"].outputs[:, :, 0, 0], inputs @ weights.T)
    right, left = integers(2, 4, 3), integers(2, 2, 4, seed=5)  # [batch, K, M], [batch, rows, K]
    result = run({"D": (right.transpose(0, 2, 1), left.transpose(1, 0, 2))})
    assert np.array_equal(result.layers["D"].outputs.reshape(2, 2, 3).transpose(1, 0, 2), left @ right)


def test_names_are_matched_loosely_and_lists_are_arrays() -> None:
    assert np.array_equal(run({"a": (WEIGHTS.tolist(), INPUTS.tolist())}).layers["A"].outputs, run({"A": (WEIGHTS, INPUTS)}).layers["A"].outputs)


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16), (8, np.int8), (32, np.int32), (32, np.uint32), (64, np.int64)])
def test_words_of_any_width_are_computed_on_exactly(bits: int, dtype: type) -> None:
    """The extreme words of each width; sums wrap at 64 bits as numpy's do."""
    widths = dict.fromkeys(("weight", "input", "output"), bits)
    machine = simulator.load_architecture("ws16").replace(word_bits=widths)
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(3)
    weights, inputs = (rng.choice(np.array([limits.min, limits.max, 1], dtype=dtype), shape) for shape in (WEIGHTS.shape, INPUTS.shape))
    data = operands_of({"A": (weights, inputs)}, machine, [nest("A")], ["A"])["A"].of(nest("A"), machine)
    found = compute(nest("A"), map_layer(nest("A"), machine, machine.dataflow), machine, data)
    assert np.array_equal(found.outputs, convolution(nest("A"), data.weights, data.inputs))


def test_outputs_that_do_not_fit_their_word_are_counted_and_kept() -> None:
    large = np.full((6, 2, 3, 3), 30000)
    result = run({"A": (large, np.full((1, 4, 8, 7), 1)), "C": (np.ones((5, 12), dtype=int), np.ones((1, 12), dtype=int))})
    layer = result.layers["A"]
    assert layer.outputs.max() == 18 * 30000
    assert layer.operands["outputs_beyond_word"] == layer.outputs.size
    assert layer.operands["output_bits"] == 1 + (18 * 30000).bit_length()
    assert any("336 of 336 outputs need more than a word of 16 bits (21)" in note for note in result.notes)
    assert result.layers["C"].operands["outputs_beyond_word"] == 0
    assert not any(note.startswith("C: ") for note in result.notes)


# What data does to a run.


def test_zeros_and_gating_are_those_of_the_data() -> None:
    inputs = INPUTS.copy()
    inputs[:, :, ::2] = 0
    layer = run({"A": (WEIGHTS, inputs)}).layers["A"]
    assert layer.zeros["input"] == (inputs == 0).mean()
    assert layer.operands["zero_words"] == {"weight": (WEIGHTS == 0).sum(), "input": (inputs == 0).sum(), "output": (layer.outputs == 0).sum()}
    assert layer.operands["words"] == {"weight": WEIGHTS.size, "input": INPUTS.size, "output": layer.outputs.size}
    gated = layer.operands["zero_input_macs"]
    assert layer.actions["mac"]["all"] == {"compute": layer.macs - gated, "gated": gated}
    dense = run({"A": (WEIGHTS, np.where(INPUTS == 0, 1, INPUTS))}).layers["A"]
    assert dense.operands["zero_input_macs"] < gated
    assert dense.energy_pj > layer.energy_pj
    assert dense.bytes_dram >= layer.bytes_dram


def test_a_note_says_where_the_sums_have_other_zeros_than_the_workload() -> None:
    assert "A: 100.0% of the sums are zero; the workload says 50.0%, as after an activation" in run({"A": (WEIGHTS, INPUTS * 0)}).notes


def test_layers_of_one_shape_keep_their_own_data() -> None:
    result = run({"A": (WEIGHTS, INPUTS), "B": (WEIGHTS + 1, INPUTS)})
    assert not np.array_equal(result.layers["A"].outputs, result.layers["B"].outputs)
    both = run({"A": (WEIGHTS, INPUTS), "B": (WEIGHTS, INPUTS)})
    assert np.array_equal(both.layers["A"].outputs, both.layers["B"].outputs)


def test_two_processes_give_the_same_result_as_one() -> None:
    given = RandomOperands({"all": "1/3"}, seed=5)
    alone, spread = run(given), run(given, jobs=2)
    assert alone.to_dict() == spread.to_dict()
    for name in "ABCD":
        assert np.array_equal(alone.layers[name].outputs, spread.layers[name].outputs)


def test_without_operands_results_are_what_they_were() -> None:
    plain, other = run(None).layers["B"], run({"A": (WEIGHTS, INPUTS)}).layers["B"]
    assert plain == other
    assert plain.to_dict()["operands"] == {}
    assert "outputs" not in plain.to_dict()


def test_a_saved_run_comes_back_with_its_counts(tmp_path: Path) -> None:
    result = run({"A": (WEIGHTS, INPUTS)})
    loaded = simulator.Run.load(result.save(tmp_path / "out"))
    assert loaded.layers["A"].operands == json.loads(json.dumps(result.layers["A"].operands))
    assert loaded.provenance["operands"]["layers"] == ["A"]
    result.save_outputs(tmp_path / "outputs.npz")
    with np.load(tmp_path / "outputs.npz") as archive:
        assert archive.files == ["A"]
        assert np.array_equal(archive["A"], result.layers["A"].outputs)


# Random operands.


@pytest.mark.parametrize(("fraction", "zeros"), [("0", 0), ("1", 224), ("0.387", 87), ("1/3", 75), ("0.001", 0), ("1/448", 1)])
def test_exactly_as_many_zeros_as_asked_for(fraction: str, zeros: int) -> None:
    """Of 224 inputs; 0.387 of them are 86.7 and a third 74.7, and half a word counts as one."""
    data = random_operands(nest("A"), MACHINE, {"input": Fraction(fraction)}, 0)
    assert data.inputs.shape == (1, 2, 2, 8, 7)
    assert (data.inputs == 0).sum() == zeros
    assert (data.weights != 0).all()


def test_random_data_depends_on_seed_name_and_nothing_else() -> None:
    def draw(name: str = "A", seed: int = 0) -> Any:
        return random_operands(nest(name), MACHINE, {"input": Fraction(1, 4)}, seed)

    assert np.array_equal(draw().weights, draw().weights)
    assert np.array_equal(draw().inputs, draw().inputs)
    for other in (draw(seed=1), draw(name="B")):
        assert not np.array_equal(draw().weights, other.weights)
        assert not np.array_equal(draw().inputs, other.inputs)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 32, 64])
def test_random_words_use_the_whole_width_and_no_more(bits: int) -> None:
    machine = simulator.load_architecture("ws16").replace(word_bits=dict.fromkeys(("weight", "input", "output"), bits))
    layer = Layer("L", {"N": 1, "G": 1, "M": 100, "C": 100, "P": 1, "Q": 1, "R": 1, "S": 1})
    weights = random_operands(layer, machine, {}, 0).weights.astype(object)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    assert low <= weights.min() <= low + 2**bits // 100
    assert high - 2**bits // 100 <= weights.max() <= high or bits == 1
    assert (weights != 0).all()


def test_the_workload_says_the_zeros_of_random_data_unless_the_caller_does() -> None:
    result = run("random")
    assert [result.layers[name].zeros["input"] for name in "AB"] == [0.25, 0.0]
    result = run(RandomOperands({"b": 0.5, "all": "1/8", "A.weights": 0.5}))
    assert [result.layers[name].zeros["input"] for name in "AB"] == [0.125, 0.5]
    assert [result.layers[name].zeros["weight"] for name in "AB"] == [0.5, 0.0]


# Wrong input.


@pytest.mark.parametrize(
    ("operands", "said"),
    [
        ({"AA": (WEIGHTS, INPUTS)}, "operands: AA: no such layer; "),
        ({"RELU": (WEIGHTS, INPUTS)}, "operands: RELU: a layer with MACs was expected (got relu)"),
        ({"A": (WEIGHTS, INPUTS), "a": (WEIGHTS, INPUTS)}, "operands: a: the same layer as A"),
        ({"A": WEIGHTS}, "operands: A: a pair (weights, inputs) was expected (got ndarray)"),
        ({"A": (WEIGHTS * 1.0, INPUTS)}, "operands: A.weights: integers were expected (got float64)"),
        ({"A": (WEIGHTS > 0, INPUTS)}, "operands: A.weights: integers were expected (got bool)"),
        ({"A": (WEIGHTS, INPUTS[:, :3])}, "operands: A.inputs: the shape [N, C, H, W] = [1, 4, 8, 7] or [N, G, C, H, W] = [1, 2, 2, 8, 7] was expected (got [1, 3, 8, 7])"),
        ({"C": (WEIGHTS, integers(1, 12))}, "operands: C.weights: the shape [M, C] = [5, 12] or [G, M, C] = [1, 5, 12] or [M, C, R, S]"),
        ({"A": (WEIGHTS, [[1, 2], [3]])}, "operands: A.inputs: an array of integers was expected (got list)"),
        ({"A": (WEIGHTS, np.full(INPUTS.shape, 40000))}, "operands: A.inputs: integers from -32768 to 32767 were expected: words of this machine have 16 bits (got 40000)"),
        ({"A": (WEIGHTS.astype(np.uint32), abs(INPUTS).astype(np.uint16))}, "operands: A.weights: integers from 0 to 65535 were expected"),
        ({}, "operands: operands of a layer that runs were expected: A, RELU, B, C, D"),
        (7, "operands: (weights, inputs) by layer name were expected (got 7)"),
        (RandomOperands(seed=-1), "operands: seed: a whole number of at least 0 was expected (got -1)"),
        (RandomOperands({"A": 1.5}), "zeros: A: a fraction from 0 to 1 was expected (got 1.5)"),
        (RandomOperands({"A": "many"}), "zeros: A: a fraction from 0 to 1 was expected (got many)"),
        (RandomOperands({"AA": 0.5}), "zeros: AA: no such layer; "),
        (RandomOperands({"RELU": 0.5}), "zeros: RELU: a layer with MACs that runs was expected"),
        (RandomOperands({"A": 0.5, "a.inputs": 0.5}), "zeros: a.inputs: one fraction for a layer was expected"),
        ("missing.npz", "missing.npz: an .npz file of integer arrays was expected: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(operands: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        run(operands)
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


def test_every_mistake_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        run({"AA": (1, 2), "A": (WEIGHTS * 0.5, INPUTS[0]), "B": 3, "RELU": (1, 2)})
    assert len(caught.value.problems) == 5


def test_operands_of_layers_that_do_not_run_are_not_read() -> None:
    assert run({"A": (WEIGHTS, INPUTS), "B": ("wrong", None)}, layers=["A"]).layers["A"].outputs is not None
    with pytest.raises(InputError, match="operands of a layer that runs were expected: B"):
        run({"A": (WEIGHTS, INPUTS)}, layers=["B"])


# The command line.


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(json.dumps(NET))
    np.savez("data.npz", **{"A.weights": WEIGHTS, "A.inputs": INPUTS})  # type: ignore[arg-type]
    return tmp_path


def stallion(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The JSON document that a run prints."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "eyeriss_v1", "net.yaml", "--json", *arguments])
    output = capsys.readouterr()
    assert ended.value.code in (0, None), output.err
    found: dict[str, Any] = json.loads(output.out)
    return found


def test_random_operands_from_the_command_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--operands", "random", "--zeros", "A=0.5", "--zeros", "all=0", "--seed", "3", "--save-outputs", "out.npz"]
    layers = {layer["name"]: layer for layer in stallion(capsys, *options)["layers"]}
    assert [layers[name]["zeros"]["input"] for name in "ABC"] == [0.5, 0, 0]
    data = random_operands(nest("A"), MACHINE, {"input": Fraction(1, 2)}, 3)
    with np.load("out.npz") as archive:
        assert archive.files == ["A", "B", "C", "D"]
        assert np.array_equal(archive["A"], convolution(nest("A"), data.weights, data.inputs).reshape(1, 6, 8, 7))


def test_operands_from_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = stallion(capsys, "--operands", "data.npz", "--save-outputs", "out.npz")
    with np.load("out.npz") as archive:
        assert np.array_equal(archive["A"], run({"A": (WEIGHTS, INPUTS)}).layers["A"].outputs)
        assert archive.files == ["A"]
    assert found["provenance"]["operands"]["file"] == "data.npz"
    assert len(found["provenance"]["operands"]["sha256"]) == 64
    assert found["layers"][0]["operands"]["words"]["input"] == INPUTS.size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--zeros", "A=0.5"], "error: --zeros: --operands was expected with it"),
        (["--seed", "1"], "error: --seed: --operands was expected with it"),
        (["--save-outputs", "o.npz"], "error: --save-outputs: --operands was expected with it"),
        (["--operands", "data.npz", "--seed", "1"], "error: --seed: --operands random was expected with it"),
        (["--operands", "data.npz", "--zeros", "A=1"], "error: --zeros: --operands random was expected with it"),
        (["--operands", "random", "--zeros", "A"], "error: --zeros: LAYER=FRACTION was expected (got A)"),
        (["--operands", "random", "--zeros", "A=0.5", "--zeros", "A=0.6"], "error: --zeros: A: one fraction for a layer was expected (got 0.6)"),
        (["--operands", "random", "--zeros", "A=2"], "error: zeros: A: a fraction from 0 to 1 was expected (got 2)"),
        (["--operands", "random", "--zeros", "A=1e-99999999"], "error: zeros: A: a fraction from 0 to 1 was expected (got 1e-99999999)"),
        (["--operands", "lzma.npz"], "error: lzma.npz: an .npz file of integer arrays was expected"),
        (["--operands", "random", "--seed", "-1"], "--seed"),
        (["--operands", "random", "--save-outputs", "no/o.npz"], "error: no/o.npz: a new file in a directory that exists was expected"),
        (["--operands", "random", "--save-outputs", "data.npz"], "error: data.npz: a new file in a directory that exists was expected"),
        (["--operands", "net.yaml"], "error: net.yaml: an .npz file of integer arrays was expected"),
        (["--operands", "one.npy"], "error: one.npy: an .npz file was expected (got one array)"),
        (["--operands", "half.npz"], "error: half.npz: A.inputs: this array is missing"),
        (["--operands", "odd.npz"], "error: odd.npz: A: an array called LAYER.weights or LAYER.inputs was expected"),
        (["--operands", "cut.npz"], "error: cut.npz: an .npz file of integer arrays was expected"),
        (["--operands", "objects.npz"], "error: objects.npz: an .npz file of integer arrays was expected"),
        (["--operands", "."], "error: .: an .npz file of integer arrays was expected"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("one.npy", WEIGHTS)
    np.savez("half.npz", **{"A.weights": WEIGHTS})  # type: ignore[arg-type]
    np.savez("odd.npz", A=WEIGHTS)
    np.savez("objects.npz", **{"A.weights": np.array([{}]), "A.inputs": INPUTS})  # type: ignore[arg-type]
    whole = Path("data.npz").read_bytes()
    Path("cut.npz").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile("lzma.npz", "w", zipfile.ZIP_LZMA) as packed, zipfile.ZipFile("data.npz") as plain:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    damaged = bytearray(Path("lzma.npz").read_bytes())
    damaged[60:80] = bytes([255] * 20)
    Path("lzma.npz").write_bytes(damaged)
    with pytest.raises(SystemExit) as ended:
        main(["run", "eyeriss_v1", "net.yaml", *options])
    output = capsys.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    assert said in output.err
    assert not Path("results").exists()


@pytest.mark.parametrize("given", [WEIGHTS, RandomOperands(None), RandomOperands([("A", 0.5)])])  # type: ignore[arg-type]
def test_operands_of_another_type_are_refused(given: object, here: Path) -> None:
    with pytest.raises(InputError, match="by layer name were expected"):
        simulator.simulate("eyeriss_v1", "net.yaml", operands=given)  # type: ignore[arg-type]
