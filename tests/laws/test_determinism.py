"""Same inputs, same bytes: in other processes, with other hash seeds, in another order, on more processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simulator
from simulator.spec.catalog import load_architecture, shipped
from simulator.spec.reader import write_yaml

WORKLOAD = {
    "name": "small",
    "layers": [
        {"name": "CONV", "conv": {"C": 20, "M": 30, "H": 11, "W": 11, "R": 3, "S": 3, "padding": 1}, "zeros": {"input": 0.3, "output": 0.5}},
        {"name": "RELU", "activation": {"C": 30, "H": 11, "W": 11}},
        {"name": "STRIDED", "conv": {"C": 30, "M": 16, "H": 11, "W": 11, "R": 5, "S": 5, "stride": 2, "groups": 2}},
        {"name": "AGAIN", "conv": {"C": 20, "M": 30, "H": 11, "W": 11, "R": 3, "S": 3, "padding": 1}, "zeros": {"input": 0.3, "output": 0.5}},
        {"name": "DENSE", "matmul": {"M": 50, "K": 200}},
    ],
}  # fmt: skip
CONTENDED = "contended"
"""A machine that all streams share ports on, each with another way to choose between them."""
RUN_THEM = """
import sys
from simulator.cli import main
for machine in sys.argv[1].split():
    name = machine.removesuffix(".yaml")
    try:
        main(["run", machine, "small.yaml", "--batch", "2", "--quiet", "--out", name, *sys.argv[2:]])
    except SystemExit as ended:
        assert not ended.code, ended.code
"""
Files = dict[str, bytes]


def contended() -> dict[str, Any]:
    """ws16 with one port per buffer, served in turn, and a vector unit."""
    data: dict[str, Any] = load_architecture("ws16").model_dump(mode="json", by_alias=True, exclude_none=True)
    del data["provenance"]
    memories = data["memories"]
    memories["dram"] |= {"bytes_per_cycle": "7/3", "arbitration": "round_robin"}
    memories["glb"] |= {"ports": "one", "arbitration": "priority", "priority": ["psum_out", "psum_in", "input", "weight"]}
    data["networks"]["psum_out"]["words_per_cycle"] = "11/13"
    return {**data, "name": CONTENDED, "vector_unit": {"lanes": 16, "buffer_words": 1024}}


def results(place: Path, machines: list[str], hash_seed: str, *options: str) -> dict[str, Files]:
    """Every file of the results of every machine, by the machine's name; run in a process of its own."""
    place.mkdir()
    (place / "small.yaml").write_text(write_yaml(WORKLOAD))
    (place / f"{CONTENDED}.yaml").write_text(write_yaml(contended()))
    names = " ".join(f"{m}.yaml" if m == CONTENDED else m for m in machines)
    surroundings = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(simulator.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", RUN_THEM, names, *options], cwd=place, env=surroundings, check=True, capture_output=True)
    return {m: {file.name: file.read_bytes() for file in (place / m).iterdir()} for m in machines}


@pytest.fixture(scope="module")
def machines() -> list[str]:
    return [*shipped("architecture"), CONTENDED]


@pytest.fixture(scope="module")
def expected(machines: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    return results(tmp_path_factory.mktemp("results") / "first", machines, "0")


def test_another_process_with_another_hash_seed_writes_the_same_bytes(
    machines: list[str], expected: dict[str, Files], tmp_path: Path
) -> None:
    """The machines run in the opposite order, so that nothing that one leaves behind reaches another."""
    found = results(tmp_path / "again", machines[::-1], "4711")
    for machine in machines:
        assert len(expected[machine]) > 5
        assert found[machine].keys() == expected[machine].keys()
        for file, content in expected[machine].items():
            assert found[machine][file] == content, f"{machine}: {file}"


def test_two_processes_write_the_same_bytes_as_one(
    machines: list[str], expected: dict[str, Files], tmp_path: Path
) -> None:
    """But for the command itself, which the provenance tells."""
    found = results(tmp_path / "spread", machines, "random", "--jobs", "2")
    for machine in machines:
        for file, content in expected[machine].items():
            other = found[machine][file]
            if file in ("run.json", "provenance.json"):
                assert without_command(other) == without_command(content), f"{machine}: {file}"
            else:
                assert other == content, f"{machine}: {file}"


def without_command(content: bytes) -> str:
    """The document without the line that started the run, in its own order."""
    data = json.loads(content)
    origin = data.get("provenance", data)
    assert origin.pop("command").startswith("stallion run ")
    return json.dumps(data)
