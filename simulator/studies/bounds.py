"""Eyexam beside a simulation: per layer seven numbers, and where the rest of the mapping's own went."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from simulator.components.base import UNLIMITED
from simulator.energy.table import EnergyTable
from simulator.errors import refuse
from simulator.eyexam.loss import beyond, losses
from simulator.eyexam.steps import Bounds, Step, bounds_of
from simulator.mapping.file import MappingFile
from simulator.pipeline import Progress, simulate
from simulator.report.pictures.gallery import heaviest
from simulator.report.result import LayerResult, Run
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.product import lowered_for
from simulator.spec.workload import Workload

SCHEMA = "stallion.bounds/1"
NO_MACS = "no MACs: it does not run on the PE array"
NOT_SIMULATED = "no MACs, and no part of this machine runs it"


@dataclass(frozen=True)
class LayerBounds:
    """One layer: its bounds and what the simulation measured."""

    bounds: Bounds
    result: LayerResult
    macs_per_cycle: int

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.result.name

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All seven steps, the widest bound first."""
        told = f"{self.result.cycles:,} cycles simulated"
        if self.lost and self.loss > 0:
            worst = max(self.lost, key=lambda name: self.lost[name])
            share = 100 * float(self.lost[worst] / self.loss)
            told += f"; {worst} is {share:.0f} % of the loss below the mapping's occupancy"
        return self.bounds.steps(self.result.cycles, told)

    @property
    def occupancy(self) -> Fraction:
        """MACs per cycle of this mapping if no PE ever waits."""
        return self.bounds.occupancy.macs_per_cycle

    @property
    def loss(self) -> Fraction:
        """MACs per cycle from there down to what was measured."""
        return self.occupancy - Fraction(self.result.macs, self.result.cycles)

    @property
    def predicted_loss(self) -> Fraction:
        """The part of it that step 6 predicts."""
        return self.occupancy - self.bounds.bandwidth.macs_per_cycle

    @cached_property
    def lost(self) -> dict[str, Fraction]:
        """The loss by PE-cycle name, stalls by ``name: cause``; it sums to `loss`."""
        every = losses(
            self.result.pe_cycles,
            self.result.stall_causes,
            macs=self.result.macs,
            cycles=self.result.cycles,
            macs_per_cycle=self.macs_per_cycle,
        )
        return beyond(every, self.bounds.peak - self.occupancy)

    @property
    def predicted_cycles(self) -> Fraction:
        """What max(compute, traffic / bandwidth) says."""
        return self.bounds.cycles

    @property
    def error_pct(self) -> float:
        """How far that is off the simulation, in percent of it."""
        return error_pct(self.predicted_cycles, self.result.cycles)

    @property
    def violations(self) -> list[str]:
        """Bounds that do not hold; there are none unless the simulator is at fault."""
        return self.bounds.violations(self.result.cycles)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; MACs per cycle where nothing else is said."""
        return {
            "name": self.name,
            "macs": self.result.macs,
            "cycles": self.result.cycles,
            "predicted_cycles": float(self.predicted_cycles),
            "error_pct": self.error_pct,
            "binding": self.bounds.binding,
            "steps": [{"step": i, **_plain(step)} for i, step in enumerate(self.steps, start=1)],
            "occupancy": _plain(self.bounds.occupancy),
            "loss": {
                "total": float(self.loss),
                "predicted": float(self.predicted_loss),
                "parts": {name: float(part) for name, part in self.lost.items()},
            },
            "resources": {
                load.name: {
                    "unit": load.unit,
                    "words": load.words,
                    "rate_per_cycle": UNLIMITED if load.rate is None else float(load.rate),
                    "cycles": float(load.cycles),
                }
                for load in self.bounds.loads.values()
            },
        }


def _plain(step: Step) -> dict[str, Any]:
    return {"macs_per_cycle": float(step.macs_per_cycle), "limit": step.limit}


def error_pct(predicted: Fraction, measured: int) -> float:
    """How far a prediction is off, in percent of what was measured."""
    return float(100 * (predicted / measured - 1)) if measured else 0.0


@dataclass(frozen=True)
class Eyexam:
    """All layers of a run with MACs; ``without`` are the others, with the reason why they have no bounds."""

    run: Run
    layers: dict[str, LayerBounds]
    without: dict[str, str] = field(default_factory=dict)

    @property
    def violations(self) -> list[str]:
        """Bounds that do not hold, of all layers."""
        return [told for layer in self.layers.values() for told in layer.violations]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values (schema ``stallion.bounds/1``)."""
        array = self.run.architecture.spatial
        return {
            "schema": SCHEMA,
            "architecture": self.run.architecture.name,
            "workload": self.run.workload,
            "batch": self.run.batch,
            "relax": list(self.run.relax),
            "interrupted": self.run.interrupted,
            "pes": array.pes,
            "peak_macs_per_cycle": array.pes * array.pe.macs_per_cycle,
            "layers": [layer.to_dict() for layer in self.layers.values()],
            "without_macs": [{"name": name, "reason": reason} for name, reason in self.without.items()],
            "violations": self.violations,
        }

    def plot(self, path: str | Path) -> Path:
        """Draw every layer below its roofs, and its staircase; the suffix decides (svg, png, pdf).

        `InputError` where no layer has MACs.
        """
        from simulator.report.pictures.roofline import draw_roofline
        from simulator.studies.bounds_tables import roofline_of

        heaviest(self.run)
        return draw_roofline(roofline_of(self), path)

    def plot_cycles(self, path: str | Path) -> Path:
        """Draw a bar per layer of where every PE-cycle went."""
        return self.run.plot.pe_cycles(path)


def bounds(
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
) -> Eyexam:
    """Simulate, and work out Eyexam's bounds for every layer; the arguments are those of `simulate`."""
    run = simulate(
        architecture,
        workload,
        batch=batch,
        layers=layers,
        mapping=mapping,
        dataflow=dataflow,
        energy=energy,
        relax=relax,
        jobs=jobs,
        progress=progress,
    )
    return examine(run)


def examine(run: Run) -> Eyexam:
    """Eyexam of a run; `InputError` for one without mappings (loaded from a directory) or with operands."""
    with_macs = {name for name, result in run.layers.items() if result.macs}
    if run.spec is None or not with_macs <= run.mappings.keys():
        told = "a run was expected that was not loaded from a directory"
        raise refuse(run.workload, "mappings", None, told)
    if any(result.operands for result in run.layers.values()):
        told = "a run without operands was expected: the length of coded data is not known without them"
        raise refuse(run.workload, "operands", None, told)
    machine, relaxed = run.architecture, frozenset(run.relax)
    known: dict[tuple[object, ...], Bounds] = {}
    found: dict[str, LayerBounds] = {}
    without: dict[str, str] = {}
    for layer in lowered_for(machine, run.spec, run.batch):
        result = run.layers.get(layer.name)
        if not isinstance(layer, Layer):
            without[layer.name] = NO_MACS if result is not None else NOT_SIMULATED
        elif result is not None:
            mapping = run.mappings[layer.name]
            key = (layer.shape, repr(mapping))
            if key not in known:
                known[key] = bounds_of(layer, mapping, machine, relaxed)
            own = replace(known[key], layer=layer)
            found[layer.name] = LayerBounds(own, result, machine.spatial.pe.macs_per_cycle)
    return Eyexam(run, found, without)
