"""Case files: everything wrong, and everything without effect, is refused with its key."""

from typing import Any

import pytest

from simulator.errors import InputError
from simulator.spec.catalog import shipped
from simulator.validation.case import load_case

TIME, PES = "quantities.time_ms", "quantities.pes"
ENERGY = {"title": "energy", "unit": "pJ", "source": "made up", "published": {"A": 1, "B": 2, "C": 3}, "tolerance": {"each_pct": 5}}
LIMITS = f"{TIME}.tolerance"
SPLIT = {"title": "split", "unit": "% of cycles", "source": "made up", "published": {"busy": 70, "idle": 30}, "tolerance": {"each_points": 2}}


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"colour": "red"}, "colour", "unknown key"),
        ({f"{TIME}.unt": "ms"}, f"{TIME}.unt", "did you mean unit?"),
        ({"title": None}, "title", "required"),
        ({"runner": "constnt"}, "runner", "no such runner; did you mean constant? (got constnt)"),
        ({"run.architecture": "eyeris_v1"}, "run.architecture", "a shipped name or the path of a file was expected; did you mean eyeriss_v1"),
        ({"run.workload": "alexnt"}, "run.workload", "did you mean alexnet"),
        ({"run.mapping": "nowhere.yaml"}, "run.mapping", "nowhere.yaml: no such mapping file"),
        ({"run.batch": 0}, "run.batch", "greater than 0"),
        ({"run.energy": "eyeriss_normalized"}, "run.energy", "no effect: no quantity is an energy"),
        ({"quantities.energy": ENERGY, "run.energy": "eyeris_normalized"}, "run.energy", "eyeriss_normalized"),
        ({"rows": ["A", "B"]}, f"{TIME}.published.C", "no such row; rows: A, B"),
        ({"rows": ["A", "B", "C", "A"]}, "rows.3", "a row once was expected (got A)"),
        ({"rows": []}, "rows", "a list of at least 1"),
        ({"rows": ["A", "B", "C", "total"]}, "rows.3", "all rows together are the total"),
        ({f"{PES}.published": {"A": 3, "B": 4}}, f"{PES}.published.C", "a value was expected: rows lists it"),
        ({f"{PES}.published.C": 0}, f"{PES}.published.C", "a number greater than 0.0 was expected (got 0)"),
        ({f"{PES}.published.C": "many"}, f"{PES}.published.C", "a number was expected (got 'many')"),
        ({"quantities.speed": ENERGY}, "quantities.speed", "constant does not measure this; it measures: energy, pes, split, time_ms"),
        ({"quantities": {}}, "quantities", "at least 1"),
        ({f"{TIME}.unit": "s"}, f"{TIME}.unit", "ms was expected, as the runner measures (got s)"),
        ({LIMITS: {}}, LIMITS, "either exact: true, or reported with a reason, or some of each_points, each_pct, mean_pct, sum_pct was expected"),
        ({LIMITS: {"exact": True, "each_pct": 5}}, LIMITS, "either exact: true, or"),
        ({LIMITS: {"reported": "a first look", "each_pct": 5}}, LIMITS, "either exact: true, or"),
        ({LIMITS: {"reported": ""}}, f"{LIMITS}.reported", "at least 1"),
        ({LIMITS: {"each_points": 5}}, f"{LIMITS}.each_points", "a limit in percent was expected: values are in ms (got 5"),
        ({"quantities.split": SPLIT | {"tolerance": {"each_pct": 5}}}, "quantities.split.tolerance.each_pct",
         "each_points was expected: values are in % of cycles (got 5"),
        ({"quantities.split": SPLIT | {"total": 100}}, "quantities.split.total", "no effect: it is what rows split"),
        ({"quantities.split": SPLIT | {"published": {"busy": 70}}}, "quantities.split.published.idle", "a value was expected: the runner measures it"),
        ({"quantities.split": SPLIT | {"published": {"A": 1, "B": 1, "C": 1}}}, "quantities.split.published.A", "no such row; rows: busy, idle"),
        ({LIMITS: {"exact": False}}, f"{LIMITS}.exact", "True was expected (got false)"),
        ({LIMITS: {"each_pct": 0}}, f"{LIMITS}.each_pct", "greater than 0"),
        ({LIMITS: {"each_pct": 5, "mean_pct": 5}}, LIMITS, "mean_pct: no effect"),
        ({LIMITS: {"each_pct": 5, "sum_pct": 5}}, f"{LIMITS}.sum_pct", "no effect: a limit below each_pct"),
        ({f"{PES}.total": None, f"{PES}.tolerance": {"sum_pct": 5}}, f"{PES}.tolerance.sum_pct", "rows do not add up, a total was expected"),
        ({f"{TIME}.fitted": {"rows": ["A"]}}, f"{TIME}.fitted.reason", "required"),
        ({f"{TIME}.fitted": {"rows": ["D"], "reason": "x"}}, f"{TIME}.fitted.rows.0", "no such row; rows: A, B, C (got D)"),
        ({f"{TIME}.fitted": {"rows": ["A", "A"], "reason": "x"}}, f"{TIME}.fitted.rows.1", "a row once was expected"),
        ({LIMITS: {"mean_pct": 5}, f"{TIME}.fitted": {"rows": ["A", "B", "C"], "reason": "x"}}, f"{LIMITS}.mean_pct", "there are none"),
    ],
)  # fmt: skip
def test_what_is_refused(changes: dict[str, Any], key: str, told: str, case_file: Any) -> None:
    path = case_file(**changes)
    with pytest.raises(InputError) as refused:
        load_case(path)
    said = [str(problem) for problem in refused.value.problems]
    assert any(line.startswith(f"{path}: {key}: ") and told in line for line in said), said


@pytest.mark.parametrize("row", ["R", "Z"])
def test_a_row_is_a_layer_with_macs(row: str, case_file: Any) -> None:
    values = {"A": 1, "B": 2, row: 3}
    path = case_file(rows=["A", "B", row], **{f"{TIME}.published": values, f"{PES}.published": values})
    with pytest.raises(InputError, match=rf"rows\.2: no such layer with MACs; layers: A, B, C \(got {row}\)"):
        load_case(path)


def test_every_problem_of_a_file_is_told(case_file: Any) -> None:
    with pytest.raises(InputError) as refused:
        load_case(case_file(**{f"{TIME}.unit": "s", f"{PES}.published": {"A": 1}, "rows": ["A", "A", "B", "C"]}))
    assert len(refused.value.problems) == 4  # the unit, two rows without a value, a row twice


def test_unknown_names_come_with_those_that_are_shipped() -> None:
    with pytest.raises(InputError) as refused:
        load_case("xyz")
    assert all(name in str(refused.value) for name in shipped("case"))


@pytest.mark.parametrize("name", shipped("case"))
def test_shipped_cases_are_good_and_called_like_their_files(name: str) -> None:
    case = load_case(name)
    assert case.name == name
    assert case.source
    assert all(quantity.source for quantity in case.quantities.values())
