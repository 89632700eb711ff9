"""What a validation found: published and simulated values side by side, and which limits they leave."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from simulator.report.numbers import short
from simulator.validation.case import Tolerance

SCHEMA: Final = "stallion.validation/1"
TOTAL: Final = "total"
ROUNDING: Final = 1e-9
"""By how much an error may pass its limit, so that limits hold in decimals as they are written."""


@dataclass(frozen=True, slots=True)
class Row:
    """One published value beside the simulated one; ``fitted``: a number of the machine was chosen by it."""

    name: str
    published: float
    simulated: float
    fitted: bool = False

    @property
    def error_pct(self) -> float:
        """How far the simulated value is above (+) or below (-) the published one, in percent of that."""
        return 100 * (self.simulated - self.published) / self.published

    @property
    def difference(self) -> float:
        """How far the simulated value is above (+) or below (-) the published one, in its own unit."""
        return self.simulated - self.published

    def to_dict(self) -> dict[str, Any]:
        """The fields and the error as plain values."""
        return {
            "name": self.name,
            "published": self.published,
            "simulated": self.simulated,
            "error_pct": self.error_pct,
            "fitted": self.fitted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One quantity of a case. ``total`` is None where rows do not add up and no total is published.

    ``in_points``: values are percentages, and errors percentage points.
    """

    quantity: str
    title: str
    unit: str
    source: str
    rows: tuple[Row, ...]
    total: Row | None
    tolerance: Tolerance
    in_points: bool = False
    fitted_reason: str = ""
    note: str = ""

    def error(self, row: Row) -> float:
        """A row's error: percentage points of what is a percentage, else percent of the published value."""
        return row.difference if self.in_points else row.error_pct

    @property
    def error_unit(self) -> str:
        """The unit of errors."""
        return "points" if self.in_points else "%"

    @property
    def predicted(self) -> tuple[Row, ...]:
        """The rows that were not used to fit."""
        return tuple(row for row in self.rows if not row.fitted)

    @property
    def mean_error_pct(self) -> float | None:
        """Mean of the absolute errors of the predicted rows; None where all rows were used to fit."""
        return _mean([abs(row.error_pct) for row in self.predicted])

    @property
    def mean_error(self) -> float | None:
        """The same in the unit of errors."""
        return _mean([abs(self.error(row)) for row in self.predicted])

    @property
    def misses(self) -> tuple[str, ...]:
        """Every limit that is left, in words: which quantity, which row, by how much."""
        return tuple(f"{self.quantity}, {told}" for told in self._misses())

    def _misses(self) -> Iterator[str]:
        limits = self.tolerance
        totals = () if self.total is None else (self.total,)
        if limits.exact:
            for row in (*self.rows, *totals):
                if row.simulated != row.published:
                    yield f"{row.name}: {self._values(row)}; exactly the published value was declared"
        each = limits.each_points if self.in_points else limits.each_pct
        for rows, limit in ((self.rows, each), (totals, limits.sum_pct)):
            for row in rows:
                error = self.error(row)
                if _beyond(error, limit):
                    told = f"{row.name}: {error:+.2f} {self.error_unit} ({self._values(row)})"
                    yield f"{told}; {self._declared(limit)}"
        mean = self.mean_error_pct
        if mean is not None and _beyond(mean, limits.mean_pct):
            yield f"mean of absolute errors: {mean:.2f} %; {self._declared(limits.mean_pct)}"

    def _declared(self, limit: float | None) -> str:
        return f"at most {limit:g} {self.error_unit} {'were' if self.in_points else 'was'} declared"

    def _values(self, row: Row) -> str:
        published, simulated = (short(value, 6) for value in (row.published, row.simulated))
        return f"{published} {self.unit} published, {simulated} {self.unit} simulated"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "quantity": self.quantity,
            "title": self.title,
            "unit": self.unit,
            "source": self.source,
            "note": self.note,
            "rows": [row.to_dict() for row in self.rows],
            "total": None if self.total is None else self.total.to_dict(),
            "mean_error_pct": self.mean_error_pct,
            "tolerance": self.tolerance.model_dump(exclude_none=True),
            "fitted_reason": self.fitted_reason,
            "misses": list(self.misses),
        }


def _mean(errors: list[float]) -> float | None:
    return sum(errors) / len(errors) if errors else None


def _beyond(error: float, limit: float | None) -> bool:
    return limit is not None and abs(error) > limit + ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One published comparison, run. ``energy_table`` is what priced it, if anything."""

    name: str
    title: str
    source: str
    architecture: str
    workload: str
    batch: int
    comparisons: tuple[Comparison, ...]
    energy_table: str = ""
    note: str = ""

    @property
    def misses(self) -> tuple[str, ...]:
        """Every limit that is left, in words; empty where the case passes."""
        return tuple(f"{self.name}: {told}" for comparison in self.comparisons for told in comparison.misses)

    @property
    def passed(self) -> bool:
        """Whether every quantity is within its declared tolerance."""
        return not self.misses

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "note": self.note,
            "architecture": self.architecture,
            "workload": self.workload,
            "batch": self.batch,
            "energy_table": self.energy_table,
            "passed": self.passed,
            "quantities": [comparison.to_dict() for comparison in self.comparisons],
        }


@dataclass(frozen=True, slots=True)
class Validation:
    """Published comparisons, run."""

    cases: tuple[CaseResult, ...]

    @property
    def misses(self) -> tuple[str, ...]:
        """Every limit that is left, in words; empty where all cases pass."""
        return tuple(told for case in self.cases for told in case.misses)

    @property
    def passed(self) -> bool:
        """Whether every case is within its declared tolerance."""
        return not self.misses

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values (schema ``stallion.validation/1``)."""
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "cases": [case.to_dict() for case in self.cases],
        }

    def __repr__(self) -> str:
        told = "within its tolerance" if self.passed else f"{len(self.misses)} limits left"
        return f"<Validation {', '.join(case.name for case in self.cases)}: {told}>"
