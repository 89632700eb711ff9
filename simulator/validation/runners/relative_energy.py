"""Energy per layer in units of one MAC, by the parts that papers on dataflows tell apart."""

from collections.abc import Mapping
from typing import Final

from simulator.energy.table import EnergyTable
from simulator.errors import refuse
from simulator.report.result import LayerResult
from simulator.validation.case import Case
from simulator.validation.runners import Measure, Measured, register

BILLION: Final = 1e9
OUTERMOST: Final = "outermost memory"
PARTS: Final[Mapping[str, str]] = {"alu": "mac", "rf": "scratchpad", "dram": OUTERMOST}
"""The papers' name of a part and ours."""
MEASURES: Final = {name: Measure("1e9 MACs", priced=True) for name in PARTS}


@register("relative_energy", MEASURES)
def measure_relative_energy(case: Case) -> dict[str, Measured]:
    """Run the layers once and price them with a table whose unit is the energy of one MAC."""
    table = case.energy_table()
    if table.unit != "mac":
        told = f"an energy table in units of one MAC was expected, {table.name} is in picojoules"
        raise refuse(case.name, "run.energy", case.run.energy, told)
    run = case.simulate()
    out: dict[str, Measured] = {}
    for quantity in case.quantities:
        part = run.architecture.outermost if PARTS[quantity] == OUTERMOST else PARTS[quantity]
        rows = {name: _macs(result, part, table) for name, result in run.layers.items()}
        out[quantity] = Measured(rows, _macs(run.total, part, table))
    return out


def _macs(result: LayerResult, part: str, table: EnergyTable) -> float:
    """Energy of one part in 10^9 MACs."""
    spent = sum(pj for by_action in result.energy[part].values() for pj in by_action.values())
    return spent / table.pj_per_unit / BILLION
