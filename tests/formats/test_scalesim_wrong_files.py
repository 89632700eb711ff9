"""Files that are no topology or configuration: exit code 2, a line for every mistake, and no traceback."""

from pathlib import Path

import pytest

from simulator.cli import main

CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
GEMM = "Layer, M, N, K,\n"
ROW = "a, 6, 6, 3, 3, 2, 4, 1,\n"


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines on stderr with which ``stallion arguments`` refuses."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    lines = output.err.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    return lines


CONFIG = """[general]
run_name: toy
[architecture_presets]
ArrayHeight: 4
ArrayWidth: 4
IfmapSramSzkB: 1
FilterSramSzkB: 1
OfmapSramSzkB: 1
Dataflow: ws
"""


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


WRONG_TOPOLOGIES = {
    "": "net.csv: a header and a row per layer were expected, the file is empty",
    "\n , ,\n# nothing\n": "the file is empty",
    CONV: "a row per layer was expected below the header",
    "hello world\n": "line 1: the columns Layer name, IFMAP Height, IFMAP Width",
    "name: net\nlayers: []\n": "line 1: the columns Layer name, ",
    CONV.replace(",", ";") + ROW: "with commas between them",
    CONV.replace(", ", "\t") + ROW: "were expected",
    CONV.replace("Strides,", "") + ROW: "line 1: the columns",
    CONV.replace("Num Filter, Strides,", "") + ROW: "line 1: the columns Layer name, IFMAP Height",
    CONV + "a, 6, 6, 3, 3, 2, 4,\n": "line 2: 8 columns were expected (Layer name, IFMAP Height,",
    CONV + "a, 6, 6, 3, 3, 2, 4, 1, 1,\n": "line 2: 8 columns were expected",
    CONV + "\n" + ROW.replace("2", "two"): "line 3, Channels: a whole number from 1 to 2147483647 was expected (got two)",
    CONV + ROW.replace("6, 6", "6, -6"): "line 2, IFMAP Width: a whole number from 1 to 2147483647 was expected (got -6)",
    CONV + ROW.replace("4", "0"): "line 2, Num Filter: a whole number from 1",
    CONV + ROW.replace("4", "4.0"): "line 2, Num Filter: a whole number from 1 to 2147483647 was expected (got 4.0)",
    CONV + ROW.replace("4", ""): "line 2, Num Filter: a whole number from 1 to 2147483647 was expected (got nothing)",
    CONV + ROW.replace("4", "9" * 5000): "line 2, Num Filter: a whole number",
    CONV + ROW.replace("4", "٤"): "line 2, Num Filter: a whole number",
    CONV + ROW.replace("3, 3", "7, 3"): "line 2, Filter Height: at most the IFMAP Height, which is 6, was expected (got 7)",
    CONV + ROW.replace("a,", ","): "line 2, Layer name: a name was expected",
    CONV + ROW.replace("a,", f"{'a' * 300},"): "line 2, name: a text of at most 200 characters",
    CONV + "a, 2147483647, 2, 1, 1, 1, 1, 2147483640,\n": "line 2, conv.H: a number of at most 2147483647",
    CONV + "a, 2000000000, 2000000000, 1, 1, 2000000000, 9, 1,\n": "line 2: fewer than 2^62 MACs",
    CONV.replace("Strides,", "Strides, Sparsity,") + ROW.replace("1,\n", "1, 1\n"): "line 2, Sparsity: N:M, N of every M weights",
    CONV.replace("Strides,", "Strides, Sparsity,") + ROW.replace("1,\n", "1, 3:2\n"): "line 2, Sparsity: N:M",
    CONV.replace("Strides,", "Strides, Sparcity,") + ROW: "line 1, column 9: a known column was expected; did you mean Sparsity?",
    CONV.replace("Strides,", "Strides, Sparsity, Sparsity,") + ROW: "line 1, column 10: every column once",
    CONV.replace("Strides,", "Strides, Sparsity, Stride width,") + ROW: "Stride width was expected right after",
    CONV.replace("Channels, Num Filter", "Num Filter, Channels") + ROW: "line 1: Channels was expected in column 6",
    ROW.replace("1,\n", "1, 2,\n"): "line 1: a header was expected that says what column 9 is, such as Stride width or Batch Size",
    "Layer, M, K, N\na, 1, 2, 3\n": "line 1: N was expected in column 3: SCALE-Sim reads columns by position (got K)",
    GEMM + "a, 16, 4\n": "line 2: 4 columns were expected (Layer name, M, N, K)",
    GEMM + "a, 16, 4, 18, 7\n": "line 2: 4 columns were expected",
    GEMM.replace("K,", "K, Type,") + "a, 1, 2, 3, 1\n": "line 1, column 5: a known column was expected; known here: Batch Size, Sparsity",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG_TOPOLOGIES.items(), ids=range(len(WRONG_TOPOLOGIES)))
def test_wrong_topologies(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.csv").write_text(text, encoding="utf-8")
    (line,) = refusal(capsys, "import", "net.csv")
    assert line.startswith("error: net.csv: ")
    assert said in line
    assert refusal(capsys, "run", "ws16", "net.csv") == [line]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "UTF-8 text was expected"),
        ("\ufeff".encode("utf-16") + CONV.encode("utf-16-le"), "UTF-8 text was expected"),
        (b"a\0b,c\n", "a text file was expected, this one is binary"),
        (b"a" * 200_000, "line 1: the columns"),
    ],
)
def test_binary_topologies(data: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.csv").write_bytes(data)
    (line,) = refusal(capsys, "import", "net.csv")
    assert said in line
    assert len(line) < 300


def test_a_million_rows_are_refused_unread(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.csv").write_text(GEMM + "layer, 1, 2, 3,\n" * 1_000_000)
    (line,) = refusal(capsys, "import", "net.csv")
    assert "line 20002: at most 20,000 layers were expected" in line


def test_every_mistake_is_said_at_once_and_a_flood_of_them_ends(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.csv").write_text(CONV + "a, x, 6, 3, y, 2, 4, 1\nb\n" + ROW + "c, 6, 6, 7, 3, 2, 4, 0\n")
    lines = refusal(capsys, "import", "net.csv")
    where = [line.removeprefix("error: net.csv: ").partition(":")[0] for line in lines]
    assert where == ["line 2, IFMAP Height", "line 2, Filter Width", "line 3", "line 5, Strides"]
    Path("net.csv").write_text(CONV + "a\n" * 5000)
    lines = refusal(capsys, "import", "net.csv")
    assert len(lines) == 51
    assert "after 50 mistakes the rest of the file was not read" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv"], "missing.csv: a readable file was expected: No such file"),
        (["folder.csv"], "folder.csv: a readable file was expected: Is a directory"),
        (["net.yaml"], "net.yaml: a topology of SCALE-Sim, a .csv, or a configuration, a .cfg, was expected"),
        (["missing.cfg"], "missing.cfg: a readable file was expected: No such file"),
        (["folder.cfg"], "folder.cfg: a readable file was expected: Is a directory"),
        (["v2.cfg", "--gemm"], "--gemm: a topology was expected with it"),
        (["conv.csv", "--gemm"], "line 1: the columns Layer name, M, N, K were expected"),
        (["conv.csv", "--force"], "--force: --out was expected with it"),
        (["conv.csv", "--out", "conv.csv"], "conv.csv: exists already"),
        (["conv.csv", "--out", "folder.csv", "--force"], "folder.csv: exists already"),
        (["conv.csv", "--out", "nowhere/x.yaml"], "nowhere/x.yaml: a file in a directory that exists"),
    ],
)
def test_arguments_of_import(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder.csv").mkdir()
    Path("folder.cfg").mkdir()
    Path("conv.csv").write_text(CONV + ROW)
    Path("v2.cfg").write_text(CONFIG)
    (line,) = refusal(capsys, "import", *arguments)
    assert said in line


WRONG_CONFIGURATIONS = {
    "": "m.cfg: sections were expected: [general], [architecture_presets]",
    "name: machine\n": "m.cfg: line 1: a section was expected first",
    CONV + ROW: "m.cfg: line 1: a section was expected first",
    CONFIG.replace("Height: 4", "Height: four"): "m.cfg: architecture_presets.ArrayHeight: a whole number from 1 to 2147483647 was expected (got four)",
    CONFIG.replace("Height: 4", "Height: 0"): "ArrayHeight: a whole number from 1 to 2147483647 was expected (got 0)",
    CONFIG.replace("Height: 4", "Height: -4"): "ArrayHeight: a whole number from 1 to 2147483647 was expected (got -4)",
    CONFIG.replace("Height: 4", f"Height: {'9' * 5000}"): "ArrayHeight: a whole number from 1 to 2147483647 was expected (got 9999",
    CONFIG.replace("Height: 4", "Height: 2147483647"): "m.cfg: architecture_presets.ArrayHeight, architecture_presets.ArrayWidth: at most 1,048,576 PEs were expected (got 8,589,934,588)",
    CONFIG.replace("toy", "t" * 300): "m.cfg: general.run_name: a text of at most 200 characters was expected",
    CONFIG.replace("ArrayHeight: 4\n", ""): "architecture_presets.ArrayHeight: this key is required: rows of the array",
    CONFIG.replace("ArrayHeight", "ArrayHigth"): "architecture_presets.ArrayHeight: this key is required",
    CONFIG.replace("[arch", "[march"): "[march",
    CONFIG + "[sparsity]\nSparsitySupport: true\n": "sparsity.SparsitySupport: False was expected",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG_CONFIGURATIONS.items(), ids=range(len(WRONG_CONFIGURATIONS)))
def test_wrong_configurations(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.cfg").write_text(text)
    Path("net.csv").write_text(CONV + ROW)
    lines = refusal(capsys, "import", "m.cfg", "--out", "machine.yaml")
    assert all(line.startswith("error: m.cfg: ") for line in lines)
    assert said in "\n".join(lines)
    assert refusal(capsys, "run", "m.cfg", "net.csv") == refusal(capsys, "check", "m.cfg") == lines
    assert sorted(path.name for path in Path().iterdir()) == ["m.cfg", "net.csv"]


def test_binary_configurations(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.cfg").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (line,) = refusal(capsys, "import", "m.cfg")
    assert "m.cfg: UTF-8 text was expected" in line
    Path("m.cfg").write_bytes(b"\0" * 100_000)
    (line,) = refusal(capsys, "import", "m.cfg")
    assert "m.cfg: line 1: a section was expected first" in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ws16", "missing.csv"], "missing.csv: no such workload file"),
        (["ws16", "folder.csv"], "folder.csv: a file was expected, this is a directory"),
        (["ws16", "m.cfg"], "m.cfg: a workload was expected; a configuration of SCALE-Sim is an architecture"),
        (["missing.cfg", "net.csv"], "missing.cfg: no such architecture file"),
        (["folder.cfg", "net.csv"], "folder.cfg: a file was expected, this is a directory"),
        (["net.csv", "net.csv"], "net.csv: an architecture was expected; a topology of SCALE-Sim is a workload"),
        (["net.csv", "m.cfg"], "net.csv: an architecture was expected"),
        (["yaml.cfg", "net.csv"], "yaml.cfg: line 1: a section was expected first"),
        (["cfg.yaml", "net.csv"], "cfg.yaml: line 2, column 1: YAML was expected"),
    ],
)
def test_files_in_each_other_s_place(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder.csv").mkdir()
    Path("folder.cfg").mkdir()
    Path("m.cfg").write_text(CONFIG)
    Path("cfg.yaml").write_text(CONFIG)
    Path("yaml.cfg").write_text("name: machine\n")
    Path("net.csv").write_text(CONV + ROW)
    (line,) = refusal(capsys, "run", *arguments)
    assert said in line
    assert not Path("results").exists()
