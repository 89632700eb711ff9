"""Runs cases and puts what was published beside what was simulated."""

from collections.abc import Callable
from pathlib import Path

from simulator.errors import refuse
from simulator.spec.catalog import shipped
from simulator.validation.case import Case, Quantity, load_case
from simulator.validation.result import TOTAL, CaseResult, Comparison, Row, Validation
from simulator.validation.runners import Measure, Measured, runners

Progress = Callable[[int, int, str], None]
"""Called with (cases done, cases in all, the case's name) whenever a case is through."""


def validate(case: str | Path | Case | None = None, *, progress: Progress | None = None) -> Validation:
    """Run a published comparison, or all that are shipped, and compare.

    ``case`` is a shipped name, the path of a case file, or a case. Leaving a tolerance raises nothing: see
    ``passed`` and ``misses`` of what is returned. Raises `InputError` for a case that cannot be used.
    """
    if case is not None and not isinstance(case, str | Path | Case):
        told = "a shipped name, the path of a case file or a case was expected"
        raise refuse("validate", "case", repr(case), told)
    given = shipped("case") if case is None else [case]
    cases = [one if isinstance(one, Case) else load_case(one) for one in given]
    results = []
    for done, one in enumerate(cases, start=1):
        results.append(compare(one))
        if progress is not None:
            progress(done, len(cases), one.name)
    return Validation(tuple(results))


def compare(case: Case) -> CaseResult:
    """Run one case."""
    measured = runners()[case.runner].measure(case)
    measures = case.measures
    return CaseResult(
        name=case.name,
        title=case.title,
        source=case.source,
        note=case.note,
        architecture=case.machine.name,
        workload=case.network.name,
        batch=case.run.batch,
        energy_table=case.energy_table().in_words if case.is_priced else "",
        comparisons=tuple(
            comparison(name, quantity, case.rows, measured[name], measures[name])
            for name, quantity in case.quantities.items()
        ),
    )


def comparison(
    name: str, quantity: Quantity, rows: tuple[str, ...], measured: Measured, measure: Measure
) -> Comparison:
    """One quantity side by side. A total that is not published is the sum of the published rows."""
    fitted = () if quantity.fitted is None else quantity.fitted.rows
    published = quantity.total
    if published is None and measure.adds_up:
        published = sum(quantity.published.values())
    total = None if published is None or measured.total is None else Row(TOTAL, published, measured.total)
    return Comparison(
        quantity=name,
        title=quantity.title,
        unit=quantity.unit,
        source=quantity.source,
        rows=tuple(
            Row(row, quantity.published[row], measured.rows[row], row in fitted) for row in measure.rows(rows)
        ),
        total=total,
        in_points=measure.in_points,
        tolerance=quantity.tolerance,
        fitted_reason="" if quantity.fitted is None else quantity.fitted.reason,
        note=quantity.note,
    )
