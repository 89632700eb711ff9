"""What if a resource were unlimited: each one in turn, each one alone limited, and one after another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from simulator.components.base import UNLIMITED
from simulator.energy.table import EnergyTable
from simulator.errors import InputError
from simulator.formats.load import load_architecture, load_workload
from simulator.mapping.file import MappingFile
from simulator.pipeline import Progress, check_jobs
from simulator.report.numbers import short
from simulator.report.result import NotSimulated
from simulator.spec.architecture import Architecture
from simulator.spec.relax import check_relax, declared_rates
from simulator.spec.workload import Workload
from simulator.studies.points import Asked, Bench, Outcome, Point, kept, run_of

SCHEMA = "stallion.relaxing/1"
SHARE_PCT = 1.0
"""Below this share of the cycles a gain does not make a bottleneck."""
MOST_HIDDEN = 4
"""Resources that are named as hidden behind the bottleneck, at most."""
NEARLY = 0.95
"""A single port is named instead of its memory where it wins this part of what the memory wins."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with a finite rate: a network, a port, or a memory with all its ports.

    ``limit`` says the rate in words.
    """

    name: str
    ports: frozenset[str]
    limit: str


@dataclass(frozen=True, slots=True)
class Relaxed:
    """One resource: the run with it unlimited, and the run in which it alone is limited.

    Either is None where the study was stopped before.
    """

    resource: Resource
    unlimited: Outcome | None
    alone: Outcome | None


@dataclass(frozen=True, slots=True)
class Rung:
    """The run in which ``names`` are all unlimited; the last one is what is new in it."""

    names: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What limits a layer, or all (``layer`` is None); ``resource`` is empty where no single one does.

    ``hidden`` are the other ports that cost much when they alone are limited, with that cost in percent.
    """

    layer: str | None
    resource: str
    gain_pct: float
    everything_pct: float | None
    hidden: dict[str, float]

    @property
    def told(self) -> str:
        """In a sentence."""
        if self.everything_pct is None:
            return "not known: the study was interrupted"
        most = f"everything at once {_percent(self.everything_pct)}"
        names = ", ".join(self.hidden_in_words)
        behind = f"; alone limited {names} would cost cycles, too" if names else ""
        if self.resource:
            return f"{self.resource}: unlimited it gains {_percent(self.gain_pct)}, {most}{behind}"
        if self.everything_pct < SHARE_PCT:
            return f"nothing: {most}"
        return f"nothing: no single resource gains {short(SHARE_PCT)} %, {most}{behind}"

    @property
    def hidden_in_words(self) -> list[str]:
        """What is hidden, with its cost."""
        return [f"{name} ({short(cost, 3)} %)" for name, cost in self.hidden.items()]

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, and the sentence."""
        return {**{key: getattr(self, key) for key in self.__slots__}, "told": self.told}


@dataclass(frozen=True, kw_only=True)
class Relaxing:
    """Cycles with each finite resource unlimited in turn; the mapping is the same in all runs.

    ``relaxed`` is sorted by gain in total, largest first. ``everything`` is the run with all resources
    unlimited. ``ladder`` relaxes one port after another, those first that cost most when they alone are
    limited. Gains are cycles saved in percent of ``baseline``.
    """

    architecture: str
    workload: str
    batch: int
    relax: tuple[str, ...]
    baseline: Outcome
    everything: Outcome | None = None
    relaxed: tuple[Relaxed, ...] = ()
    ladder: tuple[Rung, ...] = ()
    unlimited_already: tuple[str, ...] = ()
    not_simulated: tuple[NotSimulated, ...] = ()
    interrupted: bool = False

    @property
    def layers(self) -> list[str]:
        """Names of the simulated layers."""
        return [figures.name for figures in self.baseline.layers]

    def gain_pct(self, outcome: Outcome, layer: str | None = None) -> float:
        """Cycles saved in percent of the baseline's; negative where it became slower."""
        before = self.baseline.cycles(layer)
        return 100 * (before - outcome.cycles(layer)) / before if before else 0.0

    def cost_pct(self, outcome: Outcome, layer: str | None = None) -> float:
        """Cycles above those with everything unlimited, in percent of the baseline's."""
        if self.everything is None:
            return 0.0
        return self.gain_pct(self.everything, layer) - self.gain_pct(outcome, layer)

    def bottleneck(self, layer: str | None = None) -> Bottleneck:
        """The single resource that gains most in a layer, or in total; a port rather than its memory.

        Not known where the study was stopped before every resource had been unlimited once.
        """
        if self.everything is None or any(row.unlimited is None for row in self.relaxed):
            return Bottleneck(layer, "", 0.0, None, {})
        most = self.gain_pct(self.everything, layer)
        gains = {
            row.resource: self.gain_pct(row.unlimited, layer)
            for row in self.relaxed
            if row.unlimited is not None
        }
        best = max(gains.values(), default=0.0)
        if best < SHARE_PCT:
            return Bottleneck(layer, "", best, most, self._hidden(layer, frozenset()))
        near = [resource for resource in gains if gains[resource] >= NEARLY * best]
        named = min(near, key=lambda resource: (len(resource.ports), -gains[resource]))
        hidden = self._hidden(layer, named.ports) if most - gains[named] >= SHARE_PCT else {}
        return Bottleneck(layer, named.name, gains[named], most, hidden)

    def _hidden(self, layer: str | None, ports: frozenset[str]) -> dict[str, float]:
        """Other ports than ``ports`` that cost much when they alone are limited; the worst ones first."""
        costs = {
            row.resource.name: self.cost_pct(row.alone, layer)
            for row in self.relaxed
            if row.alone is not None and len(row.resource.ports) == 1 and not row.resource.ports & ports
        }
        worst = sorted((name for name in costs if costs[name] >= SHARE_PCT), key=lambda name: -costs[name])
        return {name: costs[name] for name in worst[:MOST_HIDDEN]}

    def to_dict(self) -> dict[str, Any]:
        """The study as plain JSON values (schema ``stallion.relaxing/1``)."""
        none = None if self.everything is None else self._outcome(self.everything)
        return {
            "schema": SCHEMA,
            "architecture": self.architecture,
            "workload": self.workload,
            "batch": self.batch,
            "relax": list(self.relax),
            "interrupted": self.interrupted,
            "share_pct": SHARE_PCT,
            "baseline": self._outcome(self.baseline),
            "everything": none,
            "resources": [self._row(row) for row in self.relaxed],
            "one_after_another": [
                {"unlimited": list(rung.names), **self._outcome(rung.outcome)} for rung in self.ladder
            ],
            "bottlenecks": [self.bottleneck(layer).to_dict() for layer in (*self.layers, None)],
            "unlimited_already": list(self.unlimited_already),
            "not_simulated": [layer.to_dict() for layer in self.not_simulated],
        }

    def _row(self, row: Relaxed) -> dict[str, Any]:
        alone = row.alone if self.everything is not None else None
        return {
            "name": row.resource.name,
            "ports": sorted(row.resource.ports),
            "limit": row.resource.limit,
            "unlimited": None if row.unlimited is None else self._outcome(row.unlimited),
            "alone_limited": None if alone is None else self._outcome(alone),
        }

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        """Cycles and gains of the total and of every layer."""
        return {
            **self._gain(outcome, None),
            "milliseconds": outcome.total.milliseconds,
            "layers": [{"name": name, **self._gain(outcome, name)} for name in self.layers],
        }

    def _gain(self, outcome: Outcome, layer: str | None) -> dict[str, Any]:
        return {"cycles": outcome.cycles(layer), "gain_pct": self.gain_pct(outcome, layer)}

    def __repr__(self) -> str:
        what = f"{self.workload} on {self.architecture}, batch {self.batch}"
        return f"<Relaxing {what}: {self.bottleneck().told}>"


def _percent(gain: float) -> str:
    return f"{short(gain, 3)} %" if abs(gain) >= 0.1 or not gain else "less than 0.1 %"


def resources(architecture: Architecture) -> tuple[list[Resource], list[str]]:
    """What can be relaxed and has a finite rate, and the names of the ports that are unlimited as described.

    A memory of which one port is finite stands for that port.
    """
    rates = declared_rates(architecture)
    finite = {name: rate for name, rate in rates.items() if rate != UNLIMITED}
    found = []
    for name in (*architecture.memories, *architecture.networks):
        ports = [port for port in finite if port == name or port.startswith(f"{name}.")]
        if ports:
            found.append(Resource(name, frozenset(ports), _limit(name, ports, finite, architecture)))
        if len(ports) > 1:
            limits = [_limit(port, [port], finite, architecture) for port in ports]
            found += [Resource(p, frozenset([p]), limit) for p, limit in zip(ports, limits, strict=True)]
    return found, [name for name in rates if name not in finite]


def _limit(name: str, ports: Sequence[str], rates: dict[str, Any], architecture: Architecture) -> str:
    """The rate in words; of several ports the lowest and the highest one."""
    memory = architecture.memories.get(name.partition(".")[0])
    unit = "bytes" if memory is not None and memory.off_chip else "words"
    low, high = (short(float(pick(rates[port] for port in ports))) for pick in (min, max))
    return f"{low} {unit}/cycle" if low == high else f"{low} to {high} {unit}/cycle"


def whatif(
    architecture: str | Path | Architecture,
    workload: str | Path | Workload,
    *,
    batch: int = 1,
    layers: Sequence[str] | None = None,
    mapping: str | Path | dict[str, Any] | MappingFile | None = None,
    dataflow: str | None = None,
    energy: str | Path | EnergyTable | None = None,
    relax: Iterable[str] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Relaxing:
    """Relax every finite resource in turn, with the mapping kept; the arguments are those of `simulate`.

    ``relax`` is unlimited in the baseline, too; ``jobs`` spreads the runs over processes; ``progress`` is
    called after each of them. Raises `InputError`. On Ctrl-C the study comes back with what is finished and
    ``interrupted`` set, before the baseline is through the exception does.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    given = check_relax(machine, (relax,) if isinstance(relax, str) else tuple(relax))
    check_jobs(jobs)
    asked = Asked(network, batch, None if layers is None else tuple(layers), dataflow, energy)
    return _Study(machine, asked, mapping, given, jobs, progress).run()


class _Study:
    """The runs of one study by the set of ports that are unlimited in them; equal sets are run once."""

    def __init__(
        self,
        architecture: Architecture,
        asked: Asked,
        mapping: str | Path | dict[str, Any] | MappingFile | None,
        relax: frozenset[str],
        processes: int,
        progress: Progress | None,
    ) -> None:
        self.architecture, self.asked, self.mapping, self.relax = architecture, asked, mapping, relax
        self.processes, self.progress = processes, progress
        every, self.unlimited = resources(architecture)
        rates = declared_rates(architecture)
        self.given = frozenset(port for port in rates if {port, port.partition(".")[0]} & relax)
        left = [Resource(r.name, r.ports - self.given, r.limit) for r in every]
        self.resources = _once([resource for resource in left if resource.ports])
        self.all = frozenset(port for resource in self.resources for port in resource.ports)
        self.known: dict[frozenset[str], Outcome] = {}
        self.expected = 0

    def run(self) -> Relaxing:
        """Simulate everything; what was not finished when Ctrl-C came is missing."""
        first = [frozenset[str](), self.all, *(r.ports for r in self.resources)]
        alone = [self.all - r.ports for r in self.resources]
        self.expected = len({*first, *alone})
        start = run_of(self.asked, Point("as described", self.architecture, self.mapping, self.relax))
        self._note(frozenset(), Outcome.of(start))
        self.mapping = kept(start.mappings)
        interrupted = False
        rungs: list[list[Resource]] = []
        try:
            with Bench(self.asked, self.processes) as bench:
                self._measure(bench, [*first, *alone])
                rungs = self._rungs()
                sets = [_ports(rung) for rung in rungs]
                self.expected += len({ports for ports in sets if ports not in self.known})
                self._measure(bench, sets)
        except KeyboardInterrupt:
            interrupted = True
        return Relaxing(
            architecture=self.architecture.name,
            workload=self.asked.workload.name,
            batch=self.asked.batch,
            relax=tuple(sorted(self.relax)),
            baseline=self.known[frozenset()],
            everything=self.known.get(self.all),
            relaxed=self._relaxed(),
            ladder=tuple(
                Rung(tuple(resource.name for resource in rung), self.known[_ports(rung)])
                for rung in rungs
                if _ports(rung) in self.known
            ),
            unlimited_already=tuple(self.unlimited),
            not_simulated=start.not_simulated,
            interrupted=interrupted,
        )

    def _note(self, ports: frozenset[str], outcome: Outcome) -> None:
        self.known[ports] = outcome
        if self.progress is not None:
            self.progress(len(self.known), self.expected, self._name(ports))

    def _name(self, ports: frozenset[str]) -> str:
        if not ports:
            return "as described"
        limited = self.all - ports
        few = ports if len(ports) <= len(limited) or not limited else limited
        return f"{'unlimited' if few is ports else 'limited'}: {', '.join(sorted(few)[:3])}"

    def _measure(self, bench: Bench, sets: Sequence[frozenset[str]]) -> None:
        new = [ports for ports in dict.fromkeys(sets) if ports not in self.known]
        points = [
            Point(self._name(ports), self.architecture, self.mapping, ports | self.relax) for ports in new
        ]
        for ports, (_, outcome) in zip(new, bench.measure(points), strict=True):
            if isinstance(outcome, InputError):
                raise outcome
            self._note(ports, outcome)

    def _relaxed(self) -> tuple[Relaxed, ...]:
        rows = [
            Relaxed(r, self.known.get(r.ports), self.known.get(self.all - r.ports)) for r in self.resources
        ]
        worst = self.known[frozenset()].total.cycles
        return tuple(sorted(rows, key=lambda row: row.unlimited.total.cycles if row.unlimited else worst))

    def _rungs(self) -> list[list[Resource]]:
        """Growing lists of single ports: those first that cost most cycles when they alone are limited."""
        base, floor = self.known[frozenset()].total.cycles, self.known[self.all].total.cycles
        single = [r for r in self.resources if len(r.ports) == 1]
        costs = {r.name: self.known[self.all - r.ports].total.cycles - floor for r in single}
        ordered = [
            r
            for r in sorted(single, key=lambda r: -costs[r.name])
            if costs[r.name] > 0 and Fraction(100 * costs[r.name]) >= Fraction(SHARE_PCT) * base
        ]
        return [ordered[: i + 1] for i in range(len(ordered))]


def _once(found: Iterable[Resource]) -> list[Resource]:
    """Of resources with the same ports the first."""
    first: dict[frozenset[str], Resource] = {}
    for resource in found:
        first.setdefault(resource.ports, resource)
    return list(first.values())


def _ports(found: Iterable[Resource]) -> frozenset[str]:
    return frozenset(port for resource in found for port in resource.ports)
