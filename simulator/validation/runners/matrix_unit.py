"""What hardware counters tell of a systolic array's cycles: active, waiting for weights, shifting them in."""

from collections.abc import Mapping
from typing import Final

from simulator.errors import refuse
from simulator.names import ARRAY
from simulator.validation.case import Case
from simulator.validation.runners import Measure, Measured, register

SPLIT: Final = ("active", "weight stall", "weight shift")
FIRST_PE: Final = 0
"""It is used in every fold, and all others live its cycles, shifted by the skew."""
MEASURES: Final[Mapping[str, Measure]] = {
    "matrix_cycles_pct": Measure("% of these three", adds_up=False, parts=SPLIT)
}


@register("matrix_unit", MEASURES)
def measure_matrix_unit(case: Case) -> dict[str, Measured]:
    """Run the layers once and split the cycles of the array's first PE.

    It is active in every cycle in which a vector enters, however full the fold. It stalls while weights are
    on their way; they shift while they are in the array's FIFO, or a row of them enters. All else (inputs,
    results, fills and drains) is left out, as counters put it down to something else.
    """
    array = case.machine.systolic
    if array is None or array.stationary != "weight":
        told = "a systolic array with stationary weights was expected"
        raise refuse(case.name, "run.architecture", case.machine.name, told)
    cycles = dict.fromkeys(SPLIT, 0)
    for result in case.simulate(trace=True).layers.values():
        names = result.trace.of_pe(FIRST_PE)
        waits = dict(names.get("stall_weight", {}))
        cycles["active"] += sum(names["mac"].values())
        cycles["weight shift"] += waits.pop(ARRAY, 0)
        cycles["weight stall"] += sum(waits.values())
    total = sum(cycles.values())
    return {"matrix_cycles_pct": Measured({part: 100 * n / total for part, n in cycles.items()}, None)}
