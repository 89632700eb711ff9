"""Errors, limits, tables, pictures: against numbers worked out by hand from the made-up case."""

import json
from pathlib import Path
from typing import Any

import pytest

import simulator
from simulator.validation.result import Comparison, Validation
from simulator.validation.schemas import schemas
from simulator.validation.tables import case_grid, markdown, plot, remarks

TIME, PES = "quantities.time_ms", "quantities.pes"
FITTED = {"rows": ["A"], "reason": "the clock was chosen by it"}
PNG = b"\x89PNG\r\n\x1a\n"


def time_of(found: Validation) -> Comparison:
    return found.cases[0].comparisons[0]


def test_errors_are_percent_of_the_published_values(case_file: Any) -> None:
    """10 → 11, 20 → 19, 40 → 40; the sum of the published rows is 70, as simulated."""
    found = simulator.validate(case_file())
    time = time_of(found)
    assert [row.error_pct for row in time.rows] == [10, -5, 0]
    assert time.mean_error_pct == 5
    assert time.total is not None
    assert (time.total.published, time.total.simulated, time.total.error_pct) == (70, 70, 0)
    assert found.passed
    assert found.misses == ()


def test_a_published_total_comes_before_the_sum(case_file: Any) -> None:
    total = time_of(simulator.validate(case_file(**{f"{TIME}.total": 56}))).total
    assert total is not None
    assert total.error_pct == 25


def test_rows_that_do_not_add_up_have_no_total_unless_published(case_file: Any) -> None:
    changes = {f"{PES}.total": None, f"{PES}.tolerance": {"each_pct": 1}}
    assert simulator.validate(case_file(**changes)).cases[0].comparisons[1].total is None


def test_fitted_rows_are_marked_and_are_no_part_of_the_mean(case_file: Any) -> None:
    time = time_of(simulator.validate(case_file(**{f"{TIME}.fitted": FITTED})))
    assert [row.fitted for row in time.rows] == [True, False, False]
    assert time.mean_error_pct == 2.5
    assert time.fitted_reason == FITTED["reason"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({f"{TIME}.tolerance": {"each_pct": 10}}, []),
        ({f"{TIME}.tolerance": {"each_pct": 9.9}},
         ["time_ms, A: +10.00 % (10 ms published, 11 ms simulated); at most 9.9 % was declared"]),
        ({f"{TIME}.tolerance": {"each_pct": 4}},
         ["time_ms, A: +10.00 % (10 ms published, 11 ms simulated); at most 4 % was declared",
          "time_ms, B: -5.00 % (20 ms published, 19 ms simulated); at most 4 % was declared"]),
        ({f"{TIME}.tolerance": {"mean_pct": 5}}, []),
        ({f"{TIME}.tolerance": {"mean_pct": 4.5}}, ["time_ms, mean of absolute errors: 5.00 %; at most 4.5 % was declared"]),
        ({f"{TIME}.tolerance": {"mean_pct": 4.5}, f"{TIME}.fitted": FITTED}, []),
        ({f"{TIME}.tolerance": {"sum_pct": 1}}, []),
        ({f"{TIME}.tolerance": {"sum_pct": 24}, f"{TIME}.total": 56},
         ["time_ms, total: +25.00 % (56 ms published, 70 ms simulated); at most 24 % was declared"]),
        ({f"{PES}.published.B": 5}, ["pes, B: 5 PEs published, 4 PEs simulated; exactly the published value was declared"]),
        ({f"{PES}.total": 3}, ["pes, total: 3 PEs published, 4 PEs simulated; exactly the published value was declared"]),
    ],
)  # fmt: skip
def test_limits(changes: dict[str, Any], told: list[str], case_file: Any) -> None:
    found = simulator.validate(case_file(**changes))
    assert found.misses == tuple(f"tiny: {line}" for line in told)
    assert found.passed == (not told)


SPLIT = {"title": "split", "unit": "% of cycles", "source": "made up", "published": {"busy": 70, "idle": 30}}


def with_split(**tolerance: Any) -> dict[str, Any]:
    return {"quantities": {"split": SPLIT | {"tolerance": tolerance}}}


@pytest.mark.parametrize(
    ("tolerance", "told"),
    [
        ({"each_points": 1.5}, []),
        ({"each_points": 1.4},
         ["busy: +1.50 points (70 % of cycles published, 71.5 % of cycles simulated); at most 1.4 points were declared",
          "idle: -1.50 points (30 % of cycles published, 28.5 % of cycles simulated); at most 1.4 points were declared"]),
        ({"exact": True},
         ["busy: 70 % of cycles published, 71.5 % of cycles simulated; exactly the published value was declared",
          "idle: 30 % of cycles published, 28.5 % of cycles simulated; exactly the published value was declared"]),
        ({"reported": "a first look"}, []),
    ],
)  # fmt: skip
def test_percentages_are_compared_in_points(tolerance: dict[str, Any], told: list[str], case_file: Any) -> None:
    """28.5 instead of 30 is 5 % too little, and 1.5 points."""
    found = simulator.validate(case_file(**with_split(**tolerance)))
    assert found.misses == tuple(f"tiny: split, {line}" for line in told)
    split = time_of(found)
    assert split.total is None
    assert [row.error_pct for row in split.rows] == pytest.approx([100 * 1.5 / 70, -5])
    assert split.mean_error == 1.5


def test_tables_tell_points_as_such_and_why_there_is_no_limit(case_file: Any) -> None:
    held = simulator.validate(case_file(**with_split(each_points=2)))
    assert case_grid(held.cases[0]).rows == (
        ("split, % of cycles", "busy", "70", "71.5", "+1.5 points", "2 points", "no"),
        ("", "idle", "30", "28.5", "-1.5 points", "2 points", "no"),
        ("", "mean |error|", "", "", "1.5 points", "", ""),
    )
    assert "| split, % of cycles | 70 → 71.5 (+1.5 points) | 30 → 28.5 (-1.5 points) |  | 1.5 points |" in markdown(held).splitlines()
    free = simulator.validate(case_file(**with_split(reported="a first look"))).cases[0]
    assert {row[5] for row in case_grid(free).rows[:2]} == {"none"}
    assert remarks(free) == ["split: no limit is declared: a first look"]
    assert_as_described(json.loads(json.dumps(Validation((free,)).to_dict())), schemas()["validation"])


def assert_as_described(value: Any, schema: dict[str, Any]) -> None:
    """Every object has exactly the keys that its schema requires."""
    if schema.get("type") == "object" and "required" in schema:
        assert set(value) == set(schema["required"])
        for key, inner in schema["properties"].items():
            assert_as_described(value[key], inner)
    if schema.get("type") == "array":
        for item in value:
            assert_as_described(item, schema["items"])


def test_the_json_is_what_its_schema_says(case_file: Any) -> None:
    told = json.loads(json.dumps(simulator.validate(case_file(**{f"{TIME}.fitted": FITTED})).to_dict()))
    assert_as_described(told, schemas()["validation"])
    first = told["cases"][0]["quantities"][0]
    assert first["rows"][0] == {"name": "A", "published": 10, "simulated": 11, "error_pct": 10, "fitted": True}
    assert first["tolerance"] == {"each_pct": 12}
    assert told["passed"] is True


def test_the_table_puts_values_side_by_side(case_file: Any) -> None:
    case = simulator.validate(case_file(**{f"{TIME}.fitted": FITTED})).cases[0]
    assert case_grid(case).rows == (
        ("time_ms, ms", "A", "10", "11", "+10.0", "12", "yes"),
        ("", "B", "20", "19", "-5.0", "12", "no"),
        ("", "C", "40", "40", "0.0", "12", "no"),
        ("", "total", "70", "70", "0.0", "", ""),
        ("", "mean |error|", "", "", "2.5", "", ""),
        ("pes, PEs", "A", "3", "3", "0.0", "exact", "no"),
        ("", "B", "4", "4", "0.0", "exact", "no"),
        ("", "C", "4", "4", "0.0", "exact", "no"),
        ("", "total", "4", "4", "0.0", "exact", ""),
    )
    assert remarks(case) == ["time_ms: A used to fit: the clock was chosen by it"]


def test_markdown_has_one_line_per_quantity(case_file: Any) -> None:
    text = markdown(simulator.validate(case_file(**{f"{TIME}.fitted": FITTED, "title": "A | B"})))
    lines = text.splitlines()
    assert lines[0] == r"**A \| B**: `three` on `ws16`, batch 1, published → simulated. made up, table I."
    assert lines[2:6] == [
        "|  | A | B | C | total | mean of absolute errors |",
        "| --- | --- | --- | --- | --- | --- |",
        r"| time, ms | 10 → 11 (+10.0 %) \* | 20 → 19 (-5.0 %) | 40 → 40 (0.0 %) | 70 → 70 (0.0 %) | 2.5 % |",
        "| active PEs | 3 → 3 | 4 → 4 | 4 → 4 | 4 → 4 |  |",
    ]
    assert r"\* used to fit" in lines[-1]


def test_a_picture_has_a_panel_per_quantity(case_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    write = Figure.savefig

    def kept(self: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(self)
        write(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    found = simulator.validate(case_file())
    path = plot(Validation(found.cases * 2), tmp_path / "p.png")
    assert path.read_bytes().startswith(PNG)
    axes = figures[0].get_axes()
    assert [area.get_title(loc="left") for area in axes] == ["time, ms", "active PEs"] * 2
    assert [area.get_ylabel() for area in axes] == ["ms", "PEs"] * 2
    heights = [bar.get_height() for bar in axes[0].patches]
    assert heights == [10, 20, 40, 11, 19, 40]
    assert path.read_bytes() == plot(Validation(found.cases * 2), tmp_path / "q.png").read_bytes()
