"""Runners: one file each. A runner runs what a case describes and measures its quantities.

To add one, put a file in this package with a function decorated by `register`; nothing else changes. The
function gets the case and returns what it measured of the quantities that the case asks for, by name. One
runner serves every case whose quantities it measures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.components.base import Registry

if TYPE_CHECKING:
    from simulator.validation.case import Case


@dataclass(frozen=True, slots=True)
class Measure:
    """What a runner measures: its unit, whether rows add up to the total, whether energy prices decide it.

    Rows are layers, or the ``parts`` into which all of them together are split. Errors of what is itself a
    percentage are told in percentage points.
    """

    unit: str
    adds_up: bool = True
    priced: bool = False
    parts: tuple[str, ...] = ()

    def rows(self, layers: tuple[str, ...]) -> tuple[str, ...]:
        """The rows of a case that runs ``layers``."""
        return self.parts or layers

    @property
    def in_points(self) -> bool:
        """Whether it is a percentage."""
        return self.unit.startswith("%")


@dataclass(frozen=True, slots=True)
class Measured:
    """One quantity as simulated: by row, and of all rows together (a mean where rows do not add up).

    There is no total of parts: they are what a total is split into.
    """

    rows: Mapping[str, float]
    total: float | None


Measuring = Callable[["Case"], dict[str, Measured]]


@dataclass(frozen=True, slots=True)
class Runner:
    """A registered runner: what it can measure, and how."""

    measures: Mapping[str, Measure]
    measure: Measuring


_REGISTRY: Registry[Runner] = Registry(__name__)


def register(name: str, measures: Mapping[str, Measure]) -> Callable[[Measuring], Measuring]:
    """Decorator that makes a function the runner called ``name``, which measures ``measures``."""

    def add(measure: Measuring) -> Measuring:
        _REGISTRY.add(name, Runner(measures, measure))
        return measure

    return add


def runners() -> dict[str, Runner]:
    """Every runner by name, sorted; imports the package's files on first use."""
    return dict(sorted(_REGISTRY.all().items()))
