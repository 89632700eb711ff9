"""Case files: what a paper published, what to run beside it, and how far off it may be."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from simulator.components.base import Count, Part, Positive
from simulator.energy.table import EnergyTable, load_energy_table
from simulator.errors import InputError, Problem
from simulator.formats.load import load_architecture, load_workload
from simulator.mapping.file import read_mapping_file
from simulator.pipeline import simulate
from simulator.report.result import Run
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import find
from simulator.spec.layer import Layer
from simulator.spec.reader import load_plain
from simulator.spec.validation import MisfitError, did_you_mean, shown
from simulator.spec.workload import Workload
from simulator.validation.runners import Measure, runners

Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Text, ...], Field(min_length=1)]


LIMITS: Final = ("each_points", "each_pct", "mean_pct", "sum_pct")


class Tolerance(Part):
    """How far simulated values may be from published ones; errors are percent of the published value.

    Of values that are percentages themselves they are percentage points.
    """

    exact: Literal[True] | None = Field(None, description="every row and the total agree in every digit")
    reported: Text | None = Field(None, description="why no limit is declared, and values are only compared")
    each_points: Positive | None = Field(
        None, description="largest difference of a row of percentages, in percentage points"
    )
    each_pct: Positive | None = Field(None, description="largest error of a row")
    mean_pct: Positive | None = Field(
        None, description="mean of absolute errors over the rows that were not used to fit"
    )
    sum_pct: Positive | None = Field(
        None, description="error of the total: the published one, else the sum of the published rows"
    )

    @model_validator(mode="after")
    def _every_limit_matters(self) -> Self:
        given = [self.exact is not None, self.reported is not None, bool(self.limits)]
        if given.count(True) != 1:
            told = ", ".join(LIMITS)
            raise ValueError(f"either exact: true, or reported with a reason, or some of {told} was expected")
        if self.each_pct is not None and self.mean_pct is not None and self.mean_pct >= self.each_pct:
            raise ValueError("mean_pct: no effect, a mean below each_pct was expected")
        return self

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are declared, by their keys."""
        return {key: limit for key in LIMITS if (limit := getattr(self, key)) is not None}


class Fitted(Part):
    """Rows whose published values were used to choose a number of the machine: they are no prediction."""

    rows: Names
    reason: Text = Field(description="which number was fitted to them, and why")


class Quantity(Part):
    """One published quantity, by row."""

    title: Text
    unit: Text
    source: Text = Field(description="where the values are published")
    published: dict[str, Positive]
    total: Positive | None = Field(None, description="the published value of all rows together")
    tolerance: Tolerance
    fitted: Fitted | None = None
    note: str = ""

    def problems(self, layers: tuple[str, ...], measure: Measure) -> Iterator[Problem]:
        """What does not fit the case's rows or what its runner measures; keys start at the quantity."""
        rows = measure.rows(layers)
        if self.unit != measure.unit:
            yield Problem(
                "", "unit", shown(self.unit), f"{measure.unit} was expected, as the runner measures"
            )
        for row in rows:
            if row not in self.published:
                why = "the runner measures it" if measure.parts else "rows lists it"
                yield Problem("", f"published.{row}", "", f"a value was expected: {why}")
        for row in self.published:
            if row not in rows:
                yield Problem(
                    "", f"published.{row}", "", f"no such row; {did_you_mean(row, rows, family='rows')}"
                )
        yield from self._idle_limits(measure)
        if self.fitted is not None:
            yield from self._fitted_problems(rows, self.fitted)

    def _idle_limits(self, measure: Measure) -> Iterator[Problem]:
        limits = self.tolerance
        if measure.parts and self.total is not None:
            yield Problem("", "total", shown(self.total), "no effect: it is what rows split")
        for key, limit in limits.limits.items():
            if (key == "each_points") != measure.in_points:
                wanted = "each_points" if measure.in_points else "a limit in percent"
                told = f"{wanted} was expected: values are in {measure.unit}"
                yield Problem("", f"tolerance.{key}", shown(limit), told)
        if self.total is not None or limits.sum_pct is None or measure.in_points:
            return
        if not measure.adds_up:
            yield Problem("", "tolerance.sum_pct", "", "no effect: rows do not add up, a total was expected")
        elif limits.each_pct is not None and limits.sum_pct >= limits.each_pct:
            told = "no effect: a limit below each_pct, or a total, was expected"
            yield Problem("", "tolerance.sum_pct", shown(limits.sum_pct), told)

    def _fitted_problems(self, rows: tuple[str, ...], fitted: Fitted) -> Iterator[Problem]:
        for i, row in enumerate(fitted.rows):
            if row not in rows:
                hint = did_you_mean(row, rows, family="rows")
                yield Problem("", f"fitted.rows.{i}", shown(row), f"no such row; {hint}")
            elif row in fitted.rows[:i]:
                yield Problem("", f"fitted.rows.{i}", shown(row), "a row once was expected")
        if self.tolerance.mean_pct is not None and set(rows) <= set(fitted.rows):
            told = "no effect: it is the mean over rows that were not used to fit, and there are none"
            yield Problem("", "tolerance.mean_pct", "", told)


class Described(Part):
    """What to run; names are shipped ones or paths."""

    architecture: Text
    workload: Text
    batch: Count = 1
    mapping: Text | None = Field(None, description="a mapping file; the architecture's own if not given")
    energy: Text | None = Field(None, description="an energy table; the architecture's own if not given")


class Case(Part):
    """One published comparison. ``rows`` are layers of the workload, which alone are run.

    Quantities have a value for each of them, or for each of the parts that the runner splits them into.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    title: Text
    source: Text = Field(description="the publication")
    note: str = ""
    runner: Text = Field(description="what runs and measures it")
    run: Described
    rows: Names
    quantities: Annotated[dict[str, Quantity], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise MisfitError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        for i, row in enumerate(self.rows):
            if row in self.rows[:i]:
                yield Problem("", f"rows.{i}", shown(row), "a row once was expected")
            if row == "total":
                told = "a layer was expected; all rows together are the total"
                yield Problem("", f"rows.{i}", shown(row), told)
        known = runners()
        if self.runner not in known:
            hint = did_you_mean(self.runner, known, family="runners")
            yield Problem("", "runner", shown(self.runner), f"no such runner; {hint}")
            return
        measures = known[self.runner].measures
        for name, quantity in self.quantities.items():
            key = f"quantities.{name}"
            if name not in measures:
                hint = did_you_mean(name, measures, family="it measures")
                yield Problem("", key, "", f"{self.runner} does not measure this; {hint}")
                continue
            for p in quantity.problems(self.rows, measures[name]):
                yield Problem("", f"{key}.{p.key}", p.value, p.expected)
        if self.run.energy is not None and not self.is_priced:
            yield Problem("", "run.energy", shown(self.run.energy), "no effect: no quantity is an energy")

    @property
    def measures(self) -> dict[str, Measure]:
        """What the runner measures of each quantity."""
        known = runners()[self.runner].measures
        return {name: known[name] for name in self.quantities}

    @property
    def is_priced(self) -> bool:
        """Whether any quantity depends on an energy table."""
        known = runners()[self.runner].measures
        return any(known[name].priced for name in self.quantities if name in known)

    @cached_property
    def machine(self) -> Architecture:
        """The architecture to run."""
        return load_architecture(self.run.architecture)

    @cached_property
    def network(self) -> Workload:
        """The workload to run."""
        return load_workload(self.run.workload)

    def energy_table(self) -> EnergyTable:
        """The table that prices the run; `InputError` where neither case nor architecture names one."""
        name = self.run.energy or self.machine.energy
        if name is None:
            told = "the name of an energy table was expected: the architecture names none"
            raise InputError([Problem(self.name, "run.energy", "", told)])
        return load_energy_table(name)

    def simulate(self, relax: Iterable[str] = (), *, trace: bool = False) -> Run:
        """Run the case's layers, with unlimited rates for some resources; half a run is no comparison."""
        described = self.run
        run = simulate(
            self.machine,
            self.network,
            batch=described.batch,
            layers=self.rows,
            mapping=described.mapping,
            energy=described.energy,
            relax=relax,
            trace=trace,
        )
        if run.interrupted:
            raise KeyboardInterrupt
        return run


def load_case(name_or_path: str | Path) -> Case:
    """Read a shipped case by name, or any by path; raises `InputError` with every problem."""
    return read_case(find("case", name_or_path))


def read_case(path: Path) -> Case:
    """Read one case file, and check that what it names can be run; raises `InputError`."""
    case = load_plain(Case, path)
    described = case.run
    problems = _faults(str(path), "run.architecture", lambda: case.machine)
    problems += _faults(str(path), "run.workload", lambda: case.network)
    if described.mapping is not None:
        mapping = described.mapping
        problems += _faults(str(path), "run.mapping", lambda: read_mapping_file(find("mapping", mapping)))
    if case.is_priced and (described.energy is not None or not problems):
        problems += _faults(str(path), "run.energy", case.energy_table)
    if not problems:
        problems = list(_unknown_rows(case, str(path)))
    if problems:
        raise InputError(problems)
    return case


def _faults(place: str, key: str, load: Callable[[], Any]) -> list[Problem]:
    """What is wrong with a file that a case names, located in the case."""
    try:
        load()
    except InputError as error:
        return [_located(place, key, problem) for problem in error.problems]
    return []


def _located(place: str, key: str, problem: Problem) -> Problem:
    """An unknown name is the case's own mistake; what is wrong inside a file keeps that file's name."""
    if problem.place == key.rpartition(".")[2]:
        return Problem(place, key, problem.value, problem.expected)
    return Problem(place, key, "", str(problem))


def _unknown_rows(case: Case, place: str) -> Iterator[Problem]:
    """Rows that are no layers with MACs."""
    layers = [layer.name for layer in case.network.lower(case.run.batch) if isinstance(layer, Layer)]
    for i, row in enumerate(case.rows):
        if row not in layers:
            hint = did_you_mean(row, layers, family="layers")
            yield Problem(place, f"rows.{i}", shown(row), f"no such layer with MACs; {hint}")
