"""Wrong input at the command line: exit code 2, one line for every mistake, no run and no traceback."""

from importlib import resources
from pathlib import Path

import pytest

from simulator.cli import main

WS16 = Path(str(resources.files("arch_models") / "ws16.yaml")).read_text(encoding="utf-8")
CONV = "H: 8, W: 8, R: 3, S: 3"


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What ``stallion arguments`` says on stderr while it refuses."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    assert "Traceback" not in output.err
    return output.err


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eyeris", "alexnet"], "did you mean eyeriss_v1? (got eyeris)"),
        (["ws16", "alexnt"], "did you mean alexnet? (got alexnt)"),
        (["", "alexnet"], "(got '')"),
        (["a\nb", "alexnet"], r"(got 'a\nb')"),
        (["missing.yaml", "alexnet"], "missing.yaml: no such architecture file"),
        ([".", "alexnet"], "a file was expected, this is a directory"),
        (["ws16", "alexnet", "--layer", "CONV9"], "did you mean CONV5, CONV4, CONV3? (got CONV9)"),
        (["ws16", "alexnet", "--relax", "draam"], "--relax: no such resource; did you mean dram"),
        (["ws16", "alexnet", "--dataflow", "foo"], "--dataflow: no such dataflow"),
        (["ws16", "alexnet", "--energy", "foo"], "energy: a shipped name or the path of a file was expected"),
        (["ws16", "alexnet", "--mapping", "foo"], "mapping: a shipped name or the path"),
        (["ws16", "alexnet", "--batch", "99999999999"], "a whole number from 1 to 2147483647 was expected"),
        (["ws16", "alexnet", "--batch", "0"], "--batch"),
        (["ws16", "alexnet", "--batch", "-1"], "--batch"),
        (["ws16", "alexnet", "--batch", "abc"], "--batch"),
        (["ws16", "alexnet", "--jobs", "0"], "--jobs"),
    ],
)
def test_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refusal(capsys, "run", *arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\n  bad: [1\n", "line 2, column 6: YAML was expected"),
        (WS16 + "name: again\n", "name: a key once was expected"),
        (WS16.replace("clock_mhz: {value: 500", "clock_mhz: {value: 1e9"), "write 1.0e+9 (got 1e9)"),
        (WS16.replace("clock_mhz: {value: 500", "clock_mhz: {value: .nan"), "a finite number was expected"),
        (WS16.replace("clock_mhz: {value: 500", "clock_mhz: {value: .inf"), "a finite number was expected"),
        (WS16.replace("clock_mhz: {value: 500", "clock_mhz: {value: -5"), "a number greater than 0"),
        (
            WS16.replace("weight: {value: 16", "weight: {value: 17"),
            "word_bits.weight: a divisor or a multiple",
        ),
        (WS16 + "clokc_mhz: 3\n", "clokc_mhz: unknown key; did you mean clock_mhz? (got 3)"),
        ("", "a mapping of keys to values was expected (got nothing)"),
        ("- 1\n", "a mapping of keys to values was expected"),
        ("name: !!python/object/apply:os.getcwd []\n", "a value without a tag was expected"),
        ("name: " + "[" * 3000 + "]" * 3000, "at most 50 levels of nesting"),
    ],
)
def test_architecture_files(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("machine.yaml").write_text(text, encoding="utf-8")
    told = refusal(capsys, "run", "machine.yaml", "alexnet")
    assert said in told
    assert all(line.startswith("error: machine.yaml: ") for line in told.splitlines())


def test_every_mistake_of_a_workload_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    layers = {
        f"{{name: A, conv: {{C: -3, M: 2, {CONV}}}}}": "layers.0.conv.C: a number greater than 0",
        f"{{name: B, conv: {{C: 3, M: 2, groups: 2, {CONV}}}}}": "layers.1.conv.groups: groups that divide C",
        "{name: C, conv: {C: 3, M: 2, H: 8, W: 8, R: 9, S: 3}}": "layers.2.conv.R: a filter that fits",
        f'{{name: D, conv: {{C: "3", M: 2, {CONV}}}}}': "layers.3.conv.C: a whole number was expected",
        "{name: E, fc: {C: 3, M: 2}, zeros: {input: 2}}": "layers.4.zeros.input: a number of at most 1.0",
        '{name: "../F\\n", fc: {C: 3, M: 2}}': "layers.5.name: a printable name without slashes",
    }
    Path("net.yaml").write_text("name: net\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    told = refusal(capsys, "run", "ws16", "net.yaml").splitlines()
    assert len(told) == len(layers)
    for line, said in zip(told, layers.values(), strict=True):
        assert said in line


def test_a_layer_that_no_mapping_holds(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.yaml").write_text(
        "name: net\nlayers:\n  - {name: L, conv: {C: 4, M: 2, H: 400, W: 400, R: 399, S: 3}}\n"
    )
    told = refusal(capsys, "run", "eyeriss_v1", "net.yaml")
    assert "L: row-stationary needs an array row per filter row: the filter has 399, the array 12" in told


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("{m: 64}", "layers.CONV3.t: this row-stationary parameter is missing"),
        ("{m: -1, n: 1, e: x, p: 16, q: 1, r: 1, t: 2}", "layers.CONV3.m: a whole number above 0"),
        ("{m: 64, n: 1, e: 13, p: 16, q: 300, r: 1, t: 2}", "layers.CONV3.q: at most 4 was expected"),
        ("{m: 64, n: 1, e: 13, p: 16, q: 3, r: [1], t: 2}", "layers.CONV3.r: a whole number above 0"),
        ("{pe: [K 3], array: {}}", "layers.CONV3.pe.0: a loop such as"),
        ("5", "layers.CONV3: loops per memory, or parameters"),
    ],
)
def test_mappings_with_illegal_numbers(layer: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mapping.yaml").write_text(f"dataflow: row_stationary\nlayers: {{CONV3: {layer}}}\n")
    assert said in refusal(capsys, "run", "eyeriss_v1", "alexnet", "--mapping", "mapping.yaml")


@pytest.mark.parametrize("out", ["file", "file/inside"])
def test_a_place_that_cannot_hold_results_is_refused_before_the_run(
    out: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(*_: object, **__: object) -> None:
        raise AssertionError("the run began")

    monkeypatch.setattr("simulator.pipeline.simulate", simulate)
    Path("file").write_text("x")
    assert f"error: {out}: " in refusal(capsys, "run", "ws16", "alexnet", "--out", out)


def test_a_workload_of_10000_layers_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    layers = "".join(f"  - {{name: L{i}, fc: {{C: 2, M: 2}}}}\n" for i in range(10_000))
    Path("net.yaml").write_text("name: net\nlayers:\n" + layers)
    assert "(got L10000)" in refusal(capsys, "run", "ws16", "net.yaml", "--layer", "L10000")


def test_check_goes_through_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.yaml").write_text("name: 1e9\n")
    told = refusal(capsys, "check", ".", "missing.yaml", "bad.yaml")
    for place in (".", "missing.yaml", "bad.yaml"):
        assert f"error: {place}: " in told
