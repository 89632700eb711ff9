"""The kernels give the same integers compiled, as plain Python, and with bounds checked; small stages match their twins."""

import json
import os
import subprocess
import sys
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.kernels import array as kernel
from simulator.kernels import tables
from simulator.names import PE_CYCLE_NAMES

SCRIPT = """
import json, simulator
from simulator.spec.validation import validate
conv = {"C": 6, "M": 20, "H": 9, "W": 9, "R": 3, "S": 3, "padding": 1}
net = validate(simulator.Workload, {"name": "small", "layers": [{"name": "A", "conv": conv}]}, "small")
runs = [simulator.simulate(name, net, batch=2).layers["A"] for name in ("eyeriss_v1", "ws16", "os16", "scalesim_ws", "scalesim_os")]
print(json.dumps([[run.cycles, run.pe_cycles, run.stall_causes, run.words] for run in runs]))
"""


def lane(tmp_path: Path, **environment: str) -> object:
    """What the script prints in a process of its own, with its own cache of machine code where that differs."""
    env = {**os.environ, **environment}
    if "NUMBA_BOUNDSCHECK" in environment:
        env["XDG_CACHE_HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_plain_python_gives_the_same_integers(tmp_path: Path) -> None:
    assert lane(tmp_path) == lane(tmp_path, NUMBA_DISABLE_JIT="1")


@pytest.mark.slow
def test_no_kernel_reads_beyond_its_tables(tmp_path: Path) -> None:
    assert lane(tmp_path) == lane(tmp_path, NUMBA_BOUNDSCHECK="1")


@given(st.integers(0, 1 << 52), st.integers(1, 1 << 20))
def test_division_by_multiplication_is_exact(a: int, b: int) -> None:
    quick = getattr(kernel.quick_ceil_div, "py_func", kernel.quick_ceil_div)
    assert quick(a, b, 1.0 / b) == -(-a // b)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=6), st.integers(0, 50), st.integers(0, 50))
def test_blame_splits_a_wait_by_cycle(marks: list[tuple[int, int]], start: int, length: int) -> None:
    """The obvious twin: for every cycle, the first entry that lasts beyond it; the last entry lasts for ever."""
    rows = [*marks, (tables.FOREVER, 3)]
    until, cause = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    scalars = np.zeros(tables.SCALARS, dtype=np.int64)
    state = SimpleNamespace(causes=np.zeros((4, 4), dtype=np.int64), scalars=scalars)
    table = state.causes[tables.S_PSUM - tables.S_WEIGHT]
    plain = [getattr(stage, "py_func", stage) for stage in (kernel.blame, kernel.note_slice)]
    with patch.object(kernel, "note_slice", plain[1]):
        plain[0](state, 0, tables.S_PSUM, until, cause, start, start + length, 0)
    expected = [0, 0, 0, 0]
    for cycle in range(start, start + length):
        expected[next(who for until, who in rows if until > cycle)] += 1
    assert table.tolist() == expected


@given(st.integers(0, 100), st.integers(1, 12), st.integers(1, 40), st.integers(1, 7))
def test_words_are_visible_at_the_ceiling_of_their_slots(start: int, step: int, words: int, ticks: int) -> None:
    """A port that takes ``step`` / ``ticks`` cycles a word, word by word in fractions."""
    free = start * 1.0
    arrivals = [ceil(round(free := free + step / ticks, 9)) for _ in range(words)]
    divide = getattr(kernel.ceil_div, "py_func", kernel.ceil_div)
    assert arrivals == [divide(start * ticks + (i + 1) * step, ticks) for i in range(words)]


def test_name_indices_follow_the_vocabulary() -> None:
    order = ("MAC", "ACCUMULATE", "S_WEIGHT", "S_INPUT", "S_PSUM", "S_OUTPUT", "FILL", "IMBALANCE", "UNMAPPED", "BETWEEN")
    assert [getattr(tables, name) for name in order] == list(range(len(PE_CYCLE_NAMES)))
