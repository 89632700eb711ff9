"""A network kind, a dataflow and an energy table of one's own: one new file each, and the run finds them."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import simulator

WORKLOAD = """
name: tiny
layers:
  - {name: CONV, conv: {C: 2, M: 3, H: 4, W: 4, R: 2, S: 2}}
"""
MACS = 2 * 3 * (3 * 3) * (2 * 2)

NETWORK = """
from dataclasses import replace
from typing import Literal

import numpy as np

from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Delivery, Ints, Network, interleave


@NETWORKS.register("daisy_chain")
class DaisyChain(Network):
    kind: Literal["daisy_chain"]

    def deliver(self, needs: list[Ints], rows: int, columns: int) -> Delivery:
        words = interleave(needs, multicast=True)
        return replace(words, extra_latency=100 + np.arange(rows * columns, dtype=np.int64))
"""

DATAFLOW = """
from simulator.dataflows import Parallelism, register
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop


@register("one_by_one", Parallelism(frozenset(), frozenset()))
def one_by_one(layer, architecture, parameters, place):
    loops = tuple(Loop(d, n) for d, n in layer.sizes.items() if n > 1)
    return Mapping("one_by_one", {m: loops if m == architecture.outermost else () for m in architecture.memories})
"""

RUN = """
import json, sys
import simulator, simulator.components.networks, simulator.dataflows

folder = sys.argv[1]
simulator.components.networks.__path__.append(folder + "/networks")
simulator.dataflows.__path__.append(folder + "/dataflows")
machine = simulator.load_architecture(sys.argv[2])
runs = [simulator.simulate(machine, folder + "/tiny.yaml", dataflow=name or None) for name in sys.argv[3:]]
print(json.dumps([run.to_dict() for run in runs]))
"""


def run_with_files(folder: Path, architecture: str | Path, *dataflows: str) -> list[dict[str, Any]]:
    """Run in a process of its own, where the new files lie on the packages' paths as if they had been put there."""
    (folder / "tiny.yaml").write_text(WORKLOAD)
    command = [sys.executable, "-c", RUN, str(folder), str(architecture), *dataflows]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [result["layers"][0] for result in json.loads(done.stdout)]


def place(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(dedent(text))


def test_a_network_kind_is_one_file_and_an_architecture_names_it(tmp_path: Path) -> None:
    place(tmp_path, "networks/daisy_chain.py", NETWORK)
    shipped = simulator.load_architecture("ws16")
    given = Path(__import__("arch_models").__file__).parent / "ws16.yaml"
    before, after = given.read_text().split("  weight_in:\n    kind: multicast_bus\n")
    place(tmp_path, "mine.yaml", before + "  weight_in:\n    kind: daisy_chain\n" + after)
    (layer,) = run_with_files(tmp_path, tmp_path / "mine.yaml", "")
    (tmp_path / "tiny.yaml").write_text(WORKLOAD)
    usual = simulator.simulate(shipped, tmp_path / "tiny.yaml").layers["CONV"]
    assert layer["macs"] == MACS
    assert layer["words"] == usual.words
    assert layer["cycles"] >= usual.cycles + 100  # every weight is 100 cycles longer on its way
    assert sum(layer["pe_cycles"].values()) == layer["pes"] * layer["cycles"]
    assert layer["stall_causes"]["stall_weight"]["weight_in"] > usual.stall_causes["stall_weight"].get(
        "weight_in", 0
    )


def test_a_dataflow_is_one_file_and_a_run_names_it(tmp_path: Path) -> None:
    place(tmp_path, "dataflows/one_by_one.py", DATAFLOW)
    layer, usual = run_with_files(tmp_path, "ws16", "one_by_one", "")
    assert layer["macs"] == usual["macs"] == MACS
    assert layer["active_pes"] == 1
    assert layer["passes"] == layer["steps"] == layer["pe_cycles"]["mac"] == MACS
    assert layer["cycles"] > usual["cycles"]


TABLE = """
name: flat
unit: pj
word_bits: 16
actions:
  mac: {compute: {value: 1, assumed: "a unit"}, gated: {value: 0, assumed: "nothing"}}
  scratchpad: {read: {value: 2, assumed: "two units"}, write: {value: 2, assumed: "two units"}}
  memory:
    read: {value: 3, assumed: "three units"}
    write: {value: 3, assumed: "three units"}
    clock: {value: 0.5, assumed: "half a unit"}
    leakage: {value: 0, assumed: "nothing"}
  network:
    hop: {value: 4, assumed: "four units"}
    deliver: {value: 4, assumed: "four units"}
    clock: {value: 0, assumed: "nothing"}
    leakage: {value: 0, assumed: "nothing"}
  array: {clock: {value: 0, assumed: "nothing"}, leakage: {value: 0.25, assumed: "a quarter"}}
"""


def test_an_energy_table_is_one_file_and_a_run_names_it(tmp_path: Path) -> None:
    place(tmp_path, "flat.yaml", TABLE)
    (tmp_path / "tiny.yaml").write_text(WORKLOAD)
    architecture = simulator.load_architecture("ws16")
    layer = simulator.simulate(architecture, tmp_path / "tiny.yaml", energy=tmp_path / "flat.yaml").layers[
        "CONV"
    ]
    each = {"compute": 1.0, "gated": 0.0, "leakage": 0.0, "hop": 4.0, "deliver": 4.0, "clock": 0.0}
    expected = 0.0
    for part, by_type in layer.actions.items():
        moves = {"read": 2.0, "write": 2.0}
        own = dict(each)
        if part in architecture.memories:
            moves, own = {"read": 3.0, "write": 3.0}, {**each, "clock": 0.5}
        elif part == "array":
            own = {**each, "leakage": 0.25}
        expected += sum(
            n * {**own, **moves}[action] for counts in by_type.values() for action, n in counts.items()
        )
    assert layer.energy_pj == pytest.approx(expected, rel=1e-12)
    assert layer.energy["mac"]["all"]["compute"] == MACS


def test_a_table_that_lacks_prices_names_all_of_them_before_anything_runs(tmp_path: Path) -> None:
    lacking = "\n".join(line for line in TABLE.splitlines() if "hop" not in line and "  array" not in line)
    place(tmp_path, "lacking.yaml", lacking)
    (tmp_path / "tiny.yaml").write_text(WORKLOAD)
    with pytest.raises(simulator.InputError) as error:
        simulator.simulate("ws16", tmp_path / "tiny.yaml", energy=tmp_path / "lacking.yaml")
    assert "hop" in str(error.value)
    assert "leakage" in str(error.value)
    assert "clock" in str(error.value)


def test_a_machine_is_changed_in_python_and_runs(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(WORKLOAD)
    wide = simulator.load_architecture("ws16")
    narrow = wide.replace(networks__weight_in__words_per_cycle="1/4", name="narrow")
    slow, fast = (
        simulator.simulate(machine, tmp_path / "tiny.yaml").layers["CONV"] for machine in (narrow, wide)
    )
    assert slow.cycles > fast.cycles
    assert slow.words == fast.words
    assert slow.stall_causes["stall_weight"]["weight_in"] > 0
