"""A validation for people: tables in a terminal, tables for a README, and a picture."""

from collections.abc import Iterator
from pathlib import Path

from simulator.report.numbers import short, signed
from simulator.report.pictures.panels import Panel, draw_panels
from simulator.report.tables import Grid
from simulator.validation.result import CaseResult, Comparison, Row, Validation

MEAN = "mean"
COLUMNS = ("quantity", "row", "published", "simulated", "error %", "allowed %", "used to fit")
FITTED = "*"


def case_grid(case: CaseResult) -> Grid:
    """One line per quantity and row, then the total and the mean of absolute errors."""
    rows = [cells for comparison in case.comparisons for cells in _lines(comparison)]
    return Grid(heading(case), COLUMNS, tuple(rows))


def heading(case: CaseResult) -> str:
    """What is compared with what."""
    ran = f"{case.workload} on {case.architecture}, batch {case.batch}"
    return f"{case.name}: {case.title}\n{ran}; published: {case.source}"


def _lines(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    limits, points = comparison.tolerance, " points" if comparison.in_points else ""
    told = "exact" if limits.exact else "none" if limits.reported else None
    each = told or _limit(limits.each_points if comparison.in_points else limits.each_pct, points)
    name = f"{comparison.quantity}, {comparison.unit}"
    for i, row in enumerate(comparison.rows):
        yield ("" if i else name, *_values(row, comparison, points), each, "yes" if row.fitted else "no")
    if comparison.total is not None:
        total = told or _limit(limits.sum_pct, "")
        yield ("", *_values(comparison.total, comparison, points), total, "")
    mean = comparison.mean_error
    if mean is not None and not limits.exact:
        allowed = _limit(limits.mean_pct, "")
        yield ("", f"{MEAN} |error|", "", "", f"{mean:.1f}{points}", allowed, "")


def _limit(limit: float | None, points: str) -> str:
    return "" if limit is None else f"{limit:g}{points}"


def _values(row: Row, comparison: Comparison, points: str) -> tuple[str, ...]:
    error = signed(comparison.error(row)) + points
    return row.name, short(row.published), short(row.simulated), error


def remarks(case: CaseResult) -> list[str]:
    """What a reader must know beside the table: notes, and what was fitted to which rows."""
    lines = [case.note] if case.note else []
    if case.energy_table:
        lines.append(f"Energy prices: {case.energy_table}.")
    for comparison in case.comparisons:
        fitted = [row.name for row in comparison.rows if row.fitted]
        if fitted:
            told = f"{', '.join(fitted)} used to fit: {comparison.fitted_reason}"
            lines.append(f"{comparison.quantity}: {told}")
        if comparison.tolerance.reported:
            lines.append(f"{comparison.quantity}: no limit is declared: {comparison.tolerance.reported}")
        if comparison.note:
            lines.append(f"{comparison.quantity}: {comparison.note}")
    return [" ".join(line.split()) for line in lines]


def markdown(validation: Validation) -> str:
    """Every case as a table with one line per quantity and ``published → simulated (error)`` per row."""
    return "\n\n".join("\n".join(_markdown(case)) for case in validation.cases) + "\n"


def _markdown(case: CaseResult) -> Iterator[str]:
    ran = f"`{case.workload}` on `{case.architecture}`, batch {case.batch}"
    yield f"**{_escaped(case.title)}**: {ran}, published → simulated. {_escaped(case.source)}."
    yield ""
    names = list(dict.fromkeys(row.name for comparison in case.comparisons for row in comparison.rows))
    yield _line(["", *map(_escaped, names), "total", "mean of absolute errors"])
    yield _line(["---"] * (len(names) + 3))
    for comparison in case.comparisons:
        cells = {row.name: _cell(row, comparison) for row in comparison.rows}
        total = "" if comparison.total is None else _cell(comparison.total, comparison)
        mean = comparison.mean_error
        told = "" if mean is None or comparison.tolerance.exact else f"{mean:.1f} {comparison.error_unit}"
        yield _line([_escaped(label(comparison)), *(cells.get(name, "") for name in names), total, told])
    for remark in remarks(case):
        yield ""
        yield _escaped(remark)
    if any(row.fitted for comparison in case.comparisons for row in comparison.rows):
        yield ""
        yield rf"\{FITTED} used to fit; not part of the mean"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: Row, comparison: Comparison) -> str:
    values = f"{short(row.published)} → {short(row.simulated)}"
    error = (
        "" if comparison.tolerance.exact else f" ({signed(comparison.error(row))} {comparison.error_unit})"
    )
    return values + error + (rf" \{FITTED}" if row.fitted else "")


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def plot(validation: Validation, path: str | Path) -> Path:
    """Draw one panel per quantity, published beside simulated by row, one line of panels per case."""
    lines = [[_panel(comparison) for comparison in case.comparisons] for case in validation.cases]
    return draw_panels([(case.title, line) for case, line in zip(validation.cases, lines, strict=True)], path)


def _panel(comparison: Comparison) -> Panel:
    fitted = any(row.fitted for row in comparison.rows)
    return Panel(
        title=label(comparison) + (f" ({FITTED} used to fit)" if fitted else ""),
        unit=comparison.unit,
        rows=tuple(row.name + (FITTED if row.fitted else "") for row in comparison.rows),
        published=tuple(row.published for row in comparison.rows),
        simulated=tuple(row.simulated for row in comparison.rows),
    )


def label(comparison: Comparison) -> str:
    """The quantity's title with its unit, said once."""
    title, unit = comparison.title, comparison.unit
    return title if title.endswith(unit) else f"{title}, {unit}"
