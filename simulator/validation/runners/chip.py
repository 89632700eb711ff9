"""What measurements of a chip print per layer: time, active PEs, traffic and power."""

from collections.abc import Callable, Mapping
from typing import Final

from simulator.errors import refuse
from simulator.report.result import LayerResult, Run
from simulator.validation.case import Case
from simulator.validation.runners import Measure, Measured, register

BYTES_PER_MB: Final = 1e6
MILLIWATTS: Final = 1e-6
"""Of one picojoule per millisecond."""

MEASURES: Final[Mapping[str, Measure]] = {
    "processing_ms": Measure("ms"),
    "total_ms": Measure("ms"),
    "active_pes": Measure("PEs", adds_up=False),
    "glb_mb": Measure("MB"),
    "dram_mb": Measure("MB"),
    "power_mw": Measure("mW", adds_up=False, priced=True),
}
OVERLAPPED: Final = ("processing_ms", "active_pes")
"""Measured as if the outermost memory were fully overlapped; 'processing' is the term of JSSC 2017."""


@register("chip", MEASURES)
def measure_chip(case: Case) -> dict[str, Measured]:
    """Run the layers as they are and, where asked for, with an outermost memory that nothing waits for.

    ``processing_ms`` and ``active_pes`` are of the second run, the total of active PEs is their mean weighted
    by its cycles. ``power_mw`` is the first run's energy outside the outermost memory, over its time.
    """
    runs: dict[bool, Run] = {}
    out: dict[str, Measured] = {}
    for quantity in case.quantities:
        overlapped = quantity in OVERLAPPED
        if overlapped not in runs:
            outermost = case.machine.outermost
            runs[overlapped] = case.simulate(relax=(outermost,) if overlapped else ())
        out[quantity] = _measured(case, runs[overlapped], quantity)
    return out


def _measured(case: Case, run: Run, quantity: str) -> Measured:
    def value(result: LayerResult) -> float:
        if quantity == "power_mw":
            return on_chip_pj(run, result) / result.milliseconds * MILLIWATTS
        found = _VALUES[quantity](result)
        if found is None:
            told = "a machine with a buffer called glb was expected"
            raise refuse(case.name, f"quantities.{quantity}", None, told)
        return found

    return Measured({name: value(result) for name, result in run.layers.items()}, value(run.total))


def on_chip_pj(run: Run, result: LayerResult) -> float:
    """Picojoules of everything but the outermost memory."""
    return sum(
        pj
        for part, by_type in result.energy.items()
        if part != run.architecture.outermost
        for by_action in by_type.values()
        for pj in by_action.values()
    )


_VALUES: Final[dict[str, Callable[[LayerResult], float | None]]] = {
    "processing_ms": lambda result: result.milliseconds,
    "total_ms": lambda result: result.milliseconds,
    "active_pes": lambda result: result.active_pes,
    "glb_mb": lambda result: None if result.bytes_glb is None else result.bytes_glb / BYTES_PER_MB,
    "dram_mb": lambda result: result.bytes_dram / BYTES_PER_MB,
}
