"""A made-up runner with constant answers, and a case file for it."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from simulator.spec.reader import write_yaml
from simulator.validation import runners
from simulator.validation.case import Case
from simulator.validation.runners import Measure, Measured, Runner

SIMULATED = {
    "time_ms": Measured({"A": 11.0, "B": 19.0, "C": 40.0}, 70.0),
    "pes": Measured({"A": 3, "B": 4, "C": 4}, 4),
    "energy": Measured({"A": 1.5, "B": 2.0, "C": 3.0}, 2.25),
    "split": Measured({"busy": 71.5, "idle": 28.5}, None),
}
MEASURES = {
    "time_ms": Measure("ms"),
    "pes": Measure("PEs", adds_up=False),
    "energy": Measure("pJ", adds_up=False, priced=True),
    "split": Measure("% of cycles", adds_up=False, parts=("busy", "idle")),
}
CASE: dict[str, Any] = {
    "name": "tiny",
    "title": "A tiny machine",
    "source": "made up, table I",
    "runner": "constant",
    "run": {"architecture": "ws16", "workload": "WORKLOAD"},
    "rows": ["A", "B", "C"],
    "quantities": {
        "time_ms": {
            "title": "time",
            "unit": "ms",
            "source": "made up",
            "published": {"A": 10, "B": 20, "C": 40},
            "tolerance": {"each_pct": 12},
        },
        "pes": {
            "title": "active PEs",
            "unit": "PEs",
            "source": "made up",
            "published": {"A": 3, "B": 4, "C": 4},
            "total": 4,
            "tolerance": {"exact": True},
        },
    },
}
WORKLOAD = """
name: three
layers:
  - {name: A, fc: {C: 4, M: 8}}
  - {name: B, fc: {C: 8, M: 8}}
  - {name: R, activation: {C: 8}}
  - {name: C, fc: {C: 8, M: 16}}
"""


def _constant(case: Case) -> dict[str, Measured]:
    return {name: SIMULATED[name] for name in case.quantities}


@pytest.fixture(autouse=True)
def _constant_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runners._REGISTRY._kinds, "constant", Runner(MEASURES, _constant))


Write = Callable[..., Path]


@pytest.fixture
def case_file(tmp_path: Path) -> Write:
    """Write the case with some keys changed: ``case_file(**{"quantities.pes.total": 5})``; None takes one away."""

    def write(**changes: Any) -> Path:
        workload = tmp_path / "three.yaml"
        workload.write_text(WORKLOAD, encoding="utf-8")
        data = deepcopy(CASE)
        data["run"]["workload"] = str(workload)
        for key, value in changes.items():
            *path, last = key.split(".")
            place = data
            for step in path:
                place = place[step]
            if value is None:
                del place[last]
            else:
                place[last] = value
        file = tmp_path / "tiny.yaml"
        file.write_text(write_yaml(data), encoding="utf-8")
        return file

    return write
