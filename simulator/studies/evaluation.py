"""The evaluation sheet: what must be reported for a design to be judged, and how it scales with PEs."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.energy.table import EnergyTable, load_energy_table
from simulator.errors import InputError
from simulator.formats.load import load_architecture, load_workload
from simulator.pipeline import simulate
from simulator.report.numbers import short
from simulator.report.pictures.gallery import some_layers
from simulator.report.result import Run
from simulator.report.tables import Grid, html_grid, markdown_grid
from simulator.spec.architecture import Architecture
from simulator.spec.operands import Given
from simulator.spec.workload import Workload
from simulator.studies.limits import misfits
from simulator.studies.metrics import Entry, entries_of
from simulator.studies.points import whole
from simulator.studies.scaling import (
    CHOSEN,
    GIVEN,
    SHIPPED,
    Point,
    Shape,
    point_of,
    read_shapes,
    refused_point,
    remarks,
    resized,
    scaling_grid,
)

SCHEMA = "stallion.evaluation/1"
Progress = Callable[[int, int, str], None]
Told = dict[str, Any]
"""Arguments of `simulate`."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A sheet of ``entries`` about one ``run``, and ``points``: the same machine with other numbers of PEs.

    ``points`` starts with the machine as described, and is empty where no sweep was asked for.
    """

    run: Run
    entries: tuple[Entry, ...]
    points: tuple[Point, ...] = ()

    def __getitem__(self, quantity: str) -> Entry:
        """The first row of that quantity; `KeyError` names all."""
        for entry in self.entries:
            if entry.quantity == quantity:
                return entry
        raise KeyError(f"no quantity {quantity!r}; there are {', '.join(e.quantity for e in self.entries)}")

    def grids(self) -> list[Grid]:
        """The sheet, and the table of numbers of PEs where there is one."""
        return [sheet_grid(self.run, self.entries)] + (
            [scaling_grid(self.points, self.run)] if self.points else []
        )

    def remarks(self) -> list[str]:
        """What must be said beside the tables."""
        return remarks(self.points, self.run) if self.points else []

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values (schema ``stallion.evaluation/1``)."""
        return {
            "schema": SCHEMA,
            "architecture": self.run.architecture.name,
            "workload": self.run.workload,
            "batch": self.run.batch,
            "entries": [entry.to_dict() for entry in self.entries],
            "scaling": [point.to_dict(self.run) for point in self.points],
            "remarks": self.remarks(),
            "provenance": self.run.provenance,
        }

    def to_markdown(self) -> str:
        """The tables and remarks in Markdown."""
        return "\n\n".join([*map(markdown_grid, self.grids()), *self.remarks()]) + "\n"

    def __repr__(self) -> str:
        arrays = f", {len(self.points)} arrays" if self.points else ""
        return f"<Evaluation of {self.run!r}{arrays}>"

    def _repr_html_(self) -> str:
        return "".join(map(html_grid, self.grids()))


def sheet_grid(run: Run, entries: Sequence[Entry]) -> Grid:
    """The sheet as a table: a metric is named in its first row."""
    rows = []
    for before, entry in zip((None, *entries), entries, strict=False):
        same = before is not None and before.metric == entry.metric
        value = "-" if entry.value is None else _told(entry)
        rows.append(("" if same else entry.metric, entry.quantity, value, entry.how, entry.note))
    title = f"Evaluation of {run.workload} on {run.architecture.name}, batch {run.batch}"
    return Grid(title, ("metric", "quantity", "value", "how", "what to know"), tuple(rows))


def _told(entry: Entry) -> str:
    value = entry.value if isinstance(entry.value, str) else short(entry.value)
    return f"{value} {entry.unit}".strip()


def evaluate(
    architecture: str | Path | Architecture,
    workload: str | Path | Workload,
    *,
    batch: int = 1,
    pes: Iterable[str | int | Shape] = (),
    accuracy: str | None = None,
    layers: Sequence[str] | None = None,
    mapping: str | Path | dict[str, Any] | None = None,
    dataflow: str | None = None,
    energy: str | Path | EnergyTable | None = None,
    operands: Given | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Run ``workload`` on ``architecture`` and say all that must be said for the design to be judged.

    ``pes`` are other arrays to run it on: numbers of PEs (64), or rows and columns (``"8x16"``, (8, 16));
    all else stays, and their mappings are the dataflow's. ``accuracy`` is told as it is given. Other
    arguments are those of `simulate`. Layers that cannot be mapped are left out and named; where all are, and
    for anything else that cannot be used, `InputError`. `KeyboardInterrupt` where a run is interrupted.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    names = [layer.name for layer in (network if layers is None else network.select(layers)).layers]
    shapes = read_shapes(pes, machine)
    told: dict[str, Any] = {"batch": batch, "dataflow": dataflow, "energy": energy, "operands": operands}
    told |= {"jobs": jobs, "progress": progress}
    run, refused = _what_maps(
        lambda some: simulate(architecture, workload, layers=some, mapping=mapping, **told),
        names,
        lambda: misfits(machine, network, names, batch, mapping, dataflow),
    )
    some_layers(run)
    entries = entries_of(
        run, accuracy=accuracy, refused=refused, prices=_origins(machine, energy), dataflow=dataflow or ""
    )
    same_work = network.select([name for name in names if name not in refused])
    points = tuple(_point(resized(machine, shape), same_work, told) for shape in shapes)
    shipped = machine.shipped_mapping(network.name, dataflow) is not None
    own = GIVEN if mapping is not None else SHIPPED if shipped else CHOSEN
    first = (point_of(run, own),) if points else ()
    return Evaluation(run, entries, first + points)


def _what_maps(
    simulated: Callable[[list[str]], Run], names: list[str], misfitting: Callable[[], dict[str, str]]
) -> tuple[Run, dict[str, str]]:
    """Run all layers ``names``, or else those that can be mapped; the run, and why the others cannot be."""
    try:
        return whole(simulated(names)), {}
    except InputError as error:
        fault = error
    refused = misfitting()
    left = [name for name in names if name not in refused]
    if not refused or not left:
        raise fault
    run = whole(simulated(left))
    if not run.layers:
        raise fault
    return run, refused


def _point(machine: Architecture, network: Workload, told: Told) -> Point:
    """Run a machine with another array; a point without a run where something does not map."""
    try:
        return point_of(whole(simulate(machine, network, **told)), CHOSEN)
    except InputError as error:
        return refused_point(machine, error)


def _origins(machine: Architecture, energy: str | Path | EnergyTable | None) -> str:
    """How many energy prices are published, derived, assumed and fitted."""
    table = energy if isinstance(energy, EnergyTable) else load_energy_table(energy or machine.energy or "")
    prices = [price for kinds in table.actions.values() for offers in kinds.values() for price in offers]
    counted = Counter(price.origin.partition(":")[0] for price in prices)
    words = {"source": "published", "derived": "derived", "assumed": "assumed", "fitted": "fitted"}
    return f"{len(prices)} prices: " + ", ".join(f"{n} {words[kind]}" for kind, n in sorted(counted.items()))
