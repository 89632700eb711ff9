"""One number of a machine over a range of values: time at each, and the knee of the curve."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from simulator.components.base import UNLIMITED
from simulator.energy.price import check_prices
from simulator.energy.table import EnergyTable, load_energy_table
from simulator.errors import InputError, Problem, refuse
from simulator.formats.load import load_architecture, load_workload
from simulator.mapping.file import MappingFile
from simulator.pipeline import Progress, check_jobs
from simulator.report.result import NotSimulated
from simulator.spec.architecture import Architecture
from simulator.spec.relax import check_relax
from simulator.spec.validation import shown
from simulator.spec.workload import Workload
from simulator.studies.knee import KNEE_PCT, Knee, find_knee
from simulator.studies.points import Asked, Bench, GivenMapping, Outcome, Point, kept, run_of
from simulator.studies.variation import Value, Variation, parse_variation, text_of

SCHEMA = "stallion.sweep/1"
Mapped = Literal["kept", "anew"]


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One value with its figures, or the ``reason`` why the machine with it does not run the workload."""

    value: Value
    outcome: Outcome | None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values; the value as it is written in a file."""
        found = {"total": None, "layers": []} if self.outcome is None else self.outcome.to_dict()
        return {"value": text_of(self.value), "reason": self.reason, **found}


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Time over one number of a machine.

    ``points`` are in the order of their values. ``own`` is the machine as described, mapped in the same way,
    with its value (None where it says none); ``unlimited`` the bound of a rate. ``mapped`` says for all
    points whether they keep the mapping of the machine as described or are mapped anew, and
    ``mapping_note`` what that leaves out.
    """

    architecture: str
    workload: str
    batch: int
    variation: Variation
    mapped: Mapped
    relax: tuple[str, ...]
    knee_pct: float
    points: tuple[SweepPoint, ...]
    own_value: Value | None
    own: Outcome | None
    unlimited: Outcome | None = None
    not_simulated: tuple[NotSimulated, ...] = ()
    mapping_note: str = ""
    interrupted: bool = False

    @property
    def finished(self) -> list[tuple[Value, Outcome]]:
        """The points that run, with their figures."""
        return [(point.value, point.outcome) for point in self.points if point.outcome is not None]

    def gain_pct(self, outcome: Outcome | None) -> float | None:
        """Time saved in percent of that of the machine as described; None where either does not run."""
        if outcome is None or self.own is None or not self.own.total.milliseconds:
            return None
        return 100 * (1 - outcome.total.milliseconds / self.own.total.milliseconds)

    @property
    def knee(self) -> Knee:
        """The knee of the total time over the values, that of the machine as described among them."""
        known = dict(self.finished)
        if self.own is not None and isinstance(self.own_value, Fraction):
            known.setdefault(self.own_value, self.own)
        ordered = sorted(known.items(), key=lambda pair: (isinstance(pair[0], str), pair[0]))
        times = [(value, outcome.total.milliseconds) for value, outcome in ordered]
        bound = None if self.unlimited is None else self.unlimited.total.milliseconds
        return find_knee(times, self.knee_pct, bound)

    def to_dict(self) -> dict[str, Any]:
        """The study as plain JSON values (schema ``stallion.sweep/1``)."""
        return {
            "schema": SCHEMA,
            "architecture": self.architecture,
            "workload": self.workload,
            "batch": self.batch,
            "keys": list(self.variation.keys),
            "mapping": self.mapped,
            "mapping_note": self.mapping_note,
            "relax": list(self.relax),
            "interrupted": self.interrupted,
            "own_value": None if self.own_value is None else text_of(self.own_value),
            "own": None if self.own is None else self.own.to_dict(),
            "unlimited": None if self.unlimited is None else self.unlimited.to_dict(),
            "points": [{**x.to_dict(), "gain_pct": self.gain_pct(x.outcome)} for x in self.points],
            "knee_pct": self.knee_pct,
            "knee": self.knee.to_dict(),
            "not_simulated": [layer.to_dict() for layer in self.not_simulated],
        }

    def plot(self, path: str | Path) -> Path:
        """Draw the curve with its knee and one small curve per layer (svg, png or pdf)."""
        from simulator.studies.whatif_tables import draw_sweep

        return draw_sweep(self, Path(path))

    def __repr__(self) -> str:
        what = f"{self.workload} on {self.architecture}, batch {self.batch}"
        return f"<Sweep {what}: {self.variation.name}, {len(self.points)} values, {self.knee.told}>"


def vary(
    architecture: str | Path | Architecture,
    workload: str | Path | Workload,
    variation: str | Variation,
    *,
    batch: int = 1,
    layers: Sequence[str] | None = None,
    mapping: str | Path | dict[str, Any] | MappingFile | None = None,
    dataflow: str | None = None,
    energy: str | Path | EnergyTable | None = None,
    relax: Iterable[str] = (),
    keep_mapping: bool | None = None,
    knee_pct: float = KNEE_PCT,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Sweep:
    """Simulate ``workload`` for every value of one number of ``architecture``.

    ``variation`` is text such as ``glb.read_words_per_cycle=1:64:x2``. ``keep_mapping`` maps every point as
    the machine as described is mapped; None: for rates, latencies, clocks and FIFOs at edges. Otherwise
    every point is mapped anew by the dataflow; a shipped mapping belongs to the machine as shipped and is
    then not used, a given one is. The other arguments are those of `simulate`. Raises `InputError` before
    anything runs where a value is refused; one with which a layer does not fit is a point with a reason. On
    Ctrl-C the sweep comes back with the finished points and ``interrupted`` set.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    asked = Asked(network, batch, None if layers is None else tuple(layers), dataflow, energy)
    varied = parse_variation(variation, machine) if isinstance(variation, str) else variation
    relaxed = check_relax(machine, (relax,) if isinstance(relax, str) else tuple(relax))
    check_jobs(jobs)
    if not 0 < knee_pct < 100:
        raise refuse("--knee", "", shown(knee_pct), "a share between 0 and 100 % was expected")
    keep = varied.is_speed if keep_mapping is None else keep_mapping
    given = mapping if keep or mapping is not None else MappingFile("no mapping", None, {})
    machines = _machines(machine, varied, energy)
    own = varied.own_value(machine)
    start = _Start(asked, machine, given, relaxed, keep=keep)
    study = _Study(asked, varied, machines, own, start, relaxed, progress)
    interrupted = study.run(1 if start.outcome is None else jobs)
    return Sweep(
        architecture=machine.name,
        workload=network.name,
        batch=batch,
        variation=varied,
        mapped="kept" if keep else "anew",
        relax=tuple(sorted(relaxed)),
        knee_pct=float(knee_pct),
        points=study.points(),
        own_value=own,
        own=start.outcome,
        unlimited=study.bound(),
        not_simulated=start.not_simulated,
        mapping_note=_note(machine, network, dataflow, given),
        interrupted=interrupted,
    )


def _note(machine: Architecture, network: Workload, dataflow: str | None, given: GivenMapping) -> str:
    """What mapping anew leaves out; empty where nothing."""
    shipped = machine.shipped_mapping(network.name, dataflow)
    anew = isinstance(given, MappingFile) and not given.entries
    if not anew or shipped is None:
        return ""
    return f"; {shipped}, made for the machine as shipped, is not used"


def _machines(
    machine: Architecture, varied: Variation, energy: str | Path | EnergyTable | None
) -> dict[Value, Architecture]:
    """The machine at every value, and at an unlimited one if it is a rate; `InputError` for all faults."""
    table = energy if isinstance(energy, EnergyTable) or energy is None else load_energy_table(energy)
    if table is None and machine.energy is not None:
        table = load_energy_table(machine.energy)
    machines: dict[Value, Architecture] = {}
    faults: list[Problem] = []
    for value in varied.values:
        try:
            machines[value] = varied.machine(machine, value)
            if table is not None:
                check_prices(machines[value], table)
        except InputError as error:
            faults += error.problems
    if faults:
        raise InputError(faults)
    if UNLIMITED not in machines:
        with suppress(InputError):  # raised where it is not a rate
            machines[UNLIMITED] = varied.machine(machine, UNLIMITED)
    return machines


class _Start:
    """The machine as described: its figures, none where a layer does not fit, and how points are mapped."""

    def __init__(
        self, asked: Asked, machine: Architecture, given: GivenMapping, relax: frozenset[str], *, keep: bool
    ) -> None:
        self.outcome: Outcome | None = None
        self.refused: InputError | None = None
        self.mapping = given
        self.not_simulated: tuple[NotSimulated, ...] = ()
        try:
            run = run_of(asked, Point("as described", machine, given, relax))
        except InputError as error:
            if keep:
                raise
            self.refused = error
            return
        self.outcome, self.not_simulated = Outcome.of(run), run.not_simulated
        if keep:
            self.mapping = kept(run.mappings)


class _Study:
    """The points of one sweep and what is known of them."""

    def __init__(
        self,
        asked: Asked,
        varied: Variation,
        machines: dict[Value, Architecture],
        own: Value | None,
        start: _Start,
        relax: frozenset[str],
        progress: Progress | None,
    ) -> None:
        self.asked, self.varied, self.machines, self.start = asked, varied, machines, start
        self.relax, self.progress = relax, progress
        self.known: dict[Value, Outcome | InputError] = {}
        if own is not None and start.outcome is not None:
            self.known[own] = start.outcome

    def run(self, processes: int) -> bool:
        """Simulate every value that is not known yet; whether Ctrl-C came before all were through."""
        new = [value for value in self.machines if value not in self.known]
        names = [f"{self.varied.name}={text_of(value)}" for value in new]
        points = [
            Point(name, self.machines[value], self.start.mapping, self.relax)
            for name, value in zip(names, new, strict=True)
        ]
        try:
            with Bench(self.asked, processes) as bench:
                for value, (point, found) in zip(new, bench.measure(points), strict=True):
                    self.known[value] = found
                    if self.progress is not None:
                        self.progress(len(self.known), len(self.machines), point.name)
        except KeyboardInterrupt:
            return True
        refused = self.start.refused
        if refused is not None and not any(isinstance(found, Outcome) for found in self.known.values()):
            raise refused
        return False

    def points(self) -> tuple[SweepPoint, ...]:
        """The finished points in the order of their values."""
        return tuple(_point(value, self.known[value]) for value in self.varied.values if value in self.known)

    def bound(self) -> Outcome | None:
        """The figures with an unlimited value, where that is known."""
        found = self.known.get(UNLIMITED)
        return found if isinstance(found, Outcome) else None


def _point(value: Value, found: Outcome | InputError) -> SweepPoint:
    if isinstance(found, Outcome):
        return SweepPoint(value, found)
    more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
    return SweepPoint(value, None, f"does not fit: {found.problems[0]}{more}")
