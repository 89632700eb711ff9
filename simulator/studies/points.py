"""The simulations of a study: each one once, spread over processes, reduced to what a study compares."""

from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from simulator.energy.table import EnergyTable
from simulator.errors import InputError
from simulator.mapping.file import Entry, MappingFile
from simulator.mapping.mapping import Mapping
from simulator.pipeline import simulate
from simulator.report.pictures.gallery import some_layers
from simulator.report.result import LayerResult, Run
from simulator.spec.architecture import Architecture
from simulator.spec.workload import Workload

GivenMapping = str | Path | dict[str, Any] | MappingFile | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What all simulations of a study share; the fields are those of `simulator.simulate`."""

    workload: Workload
    batch: int = 1
    layers: tuple[str, ...] | None = None
    dataflow: str | None = None
    energy: str | Path | EnergyTable | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One simulation: a machine, how its layers are mapped, and which resources have an unlimited rate."""

    name: str
    architecture: Architecture
    mapping: GivenMapping
    relax: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Figures:
    """What a study compares of a layer, or of all layers together."""

    name: str
    cycles: int
    milliseconds: float
    utilization: float
    energy_pj: float
    verdict: str

    @classmethod
    def of(cls, result: LayerResult) -> "Figures":
        """The figures of a result."""
        return cls(*(getattr(result, key) for key in cls.__slots__))

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {key: getattr(self, key) for key in self.__slots__}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of every layer in the workload's order, and of all of them together."""

    layers: tuple[Figures, ...]
    total: Figures

    @classmethod
    def of(cls, run: Run) -> "Outcome":
        """The figures of a run."""
        return cls(tuple(Figures.of(result) for result in run.layers.values()), Figures.of(run.total))

    def cycles(self, layer: str | None) -> int:
        """Cycles of a layer, of all layers for None."""
        if layer is None:
            return self.total.cycles
        return next(figures.cycles for figures in self.layers if figures.name == layer)

    def to_dict(self) -> dict[str, Any]:
        """The total and the layers as plain values."""
        return {
            "total": self.total.to_dict(),
            "layers": [figures.to_dict() for figures in self.layers],
        }


def kept(mappings: dict[str, Mapping]) -> MappingFile:
    """A mapping file that maps every layer just as ``mappings`` do."""
    return MappingFile(
        "the kept mapping", None, {name: Entry(name, None, loops=nest) for name, nest in mappings.items()}
    )


def whole(run: Run) -> Run:
    """The run itself; `KeyboardInterrupt` where it was interrupted: half a run says nothing of a design."""
    if run.interrupted:
        raise KeyboardInterrupt
    return run


def run_of(asked: Asked, point: Point) -> Run:
    """Simulate one point. Raises `InputError` where it does not fit, `KeyboardInterrupt` on Ctrl-C.

    A workload of which the machine runs no layer does not fit either.
    """
    run = simulate(
        point.architecture,
        asked.workload,
        batch=asked.batch,
        layers=asked.layers,
        mapping=point.mapping,
        dataflow=asked.dataflow,
        energy=asked.energy,
        relax=point.relax,
    )
    return some_layers(whole(run))


def _outcome(asked: Asked, point: Point) -> Outcome | InputError:
    try:
        return Outcome.of(run_of(asked, point))
    except InputError as error:
        return error


class Bench(AbstractContextManager["Bench"]):
    """Simulates points, in this process or in several that live as long as the study."""

    def __init__(self, asked: Asked, processes: int) -> None:
        self.asked, self.processes = asked, processes
        self._pool: ProcessPoolExecutor | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def measure(self, points: Sequence[Point]) -> Generator[tuple[Point, Outcome | InputError], None, None]:
        """Each point with its figures, or why it does not run, in the order of ``points``.

        The kernels must be compiled already, that is something must have been simulated.
        """
        if self.processes == 1 or len(points) < 2:
            for point in points:
                yield point, _outcome(self.asked, point)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.processes, mp_context=get_context("spawn"))
        futures = [self._pool.submit(_outcome, self.asked, point) for point in points]
        for point, future in zip(points, futures, strict=True):
            yield point, future.result()
