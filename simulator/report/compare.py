"""Two runs side by side: cycles, PE-cycle names, causes and energy per layer, with ratios."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from simulator.names import PE_CYCLE_NAMES
from simulator.report.numbers import ratio, short
from simulator.report.result import LayerResult, Run
from simulator.report.tables import Grid


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity of one layer in two runs; None where a run does not have the layer."""

    layer: str
    quantity: str
    before: float | None
    after: float | None

    @property
    def ratio(self) -> str:
        """``after / before``, or a word where that says nothing."""
        if self.before is None:
            return "only in B"
        return "only in A" if self.after is None else ratio(self.before, self.after)


def compare(before: Run, after: Run) -> list[Difference]:
    """Every quantity of every layer of either run, in the order of the first run, then the total.

    Layers match by name, whatever their case. Quantities that are 0 in both runs are left out.
    """
    found: list[Difference] = []
    for name in _names(before, after):
        found += _layer(name, before.layers.get(name), after.layers.get(name))
    return found + _layer("total", before.total, after.total)


def _names(before: Run, after: Run) -> list[str]:
    return [*before.layers, *(name for name in after.layers if name not in before.layers)]


def _layer(name: str, before: LayerResult | None, after: LayerResult | None) -> list[Difference]:
    left = dict(_quantities(before)) if before else None
    right = dict(_quantities(after)) if after else None
    keys = sorted({**(left or {}), **(right or {})}, key=_position)
    rows = (Difference(name, key, _value(left, key), _value(right, key)) for key in keys)
    return [row for row in rows if row.before or row.after]


def _value(values: dict[str, float] | None, key: str) -> float | None:
    return None if values is None else values.get(key, 0)


def _quantities(result: LayerResult) -> Iterator[tuple[str, float]]:
    yield "cycles", result.cycles
    for name in PE_CYCLE_NAMES:
        yield name, result.pe_cycles.get(name, 0)
        for cause, amount in result.stall_causes.get(name, {}).items():
            yield f"{name}: {cause}", amount
    yield "energy_pj", result.energy_pj
    for component, by_type in result.energy.items():
        yield f"energy_pj: {component}", sum(sum(actions.values()) for actions in by_type.values())


def _position(key: str) -> tuple[int, str]:
    order = ("cycles", *PE_CYCLE_NAMES, "energy_pj")
    return order.index(key.partition(": ")[0]), key


def comparison_grid(before: Run, after: Run) -> Grid:
    """The comparison as a table; a layer's name stands in its first row."""
    rows: list[tuple[str, ...]] = []
    for layer, differences in groupby(compare(before, after), key=lambda row: row.layer):
        for i, row in enumerate(differences):
            cells = (row.quantity, short(row.before, 6), short(row.after, 6), row.ratio)
            rows.append(("" if i else layer, *cells))
    title = f"A: {_what(before)}\nB: {_what(after)}\nPE-cycles by name and cause"
    return Grid(title, ("layer", "quantity", "A", "B", "B / A"), tuple(rows))


def _what(run: Run) -> str:
    relaxed = f", unlimited {', '.join(run.relax)}" if run.relax else ""
    return f"{run.workload} on {run.architecture.name}, batch {run.batch}{relaxed}"
