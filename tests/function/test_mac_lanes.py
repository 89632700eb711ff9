"""The MAC kernel gives the same outputs compiled, as plain Python, and with bounds checked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, simulator
from fractions import Fraction
from simulator.dataflows import map_layer
from simulator.engine.function import compute
from simulator.spec.layer import Layer
from simulator.spec.operands import random_operands
layer = Layer("L", {"N": 2, "G": 2, "M": 9, "C": 3, "P": 5, "Q": 6, "R": 3, "S": 3}, (1, 1), (1, 1), (5, 6), (1, 1))
out = []
for name in ("eyeriss_v1", "ws16", "os16"):
    machine = simulator.load_architecture(name)
    for dataflow in ("row_stationary", "weight_stationary", "output_stationary", "input_stationary"):
        try:
            mapping = map_layer(layer, machine, dataflow)
        except simulator.InputError:
            continue
        found = compute(layer, mapping, machine, random_operands(layer, machine, {"input": Fraction(1, 3)}, 0))
        out.append([name, dataflow, found.outputs.tolist(), found.zero_input_macs])
print(json.dumps(out))
"""


def lane(tmp_path: Path, **environment: str) -> list[list[object]]:
    """What the script prints in a process of its own, with its own cache of machine code where that differs."""
    env = {**os.environ, **environment}
    if "NUMBA_BOUNDSCHECK" in environment:
        env["XDG_CACHE_HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    found: list[list[object]] = json.loads(done.stdout)
    return found


def test_plain_python_gives_the_same_outputs(tmp_path: Path) -> None:
    found = lane(tmp_path)
    assert found == lane(tmp_path, NUMBA_DISABLE_JIT="1")
    assert len({str(outputs) for *_, outputs, _ in found}) == 1, "all mappings compute the same"


@pytest.mark.slow
def test_the_kernel_reads_nothing_beyond_its_tables(tmp_path: Path) -> None:
    assert lane(tmp_path) == lane(tmp_path, NUMBA_BOUNDSCHECK="1")
