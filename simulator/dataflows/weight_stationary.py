"""Weight-stationary: weights stay in the PEs for a pass, inputs and psums stream past them."""

from collections.abc import Iterator

from simulator.dataflows import Parallelism, register
from simulator.dataflows.loops import loops, no_parameters
from simulator.dataflows.tiling import Dimensions, Style, plan, reductions, spread
from simulator.mapping.check import chain_axis
from simulator.mapping.mapping import Loops, Mapping
from simulator.names import REDUCTION
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

STYLE = Style(
    "weight_stationary",
    stepped=("N", "P", "Q"),
    kept=("G", "M", "C", "R", "S"),
    burst=("R", "S", "C", "M", "Q"),
    moving=("input", "output"),
)
SUMMED_AXIS: Dimensions = ("G", "M", "P", "Q", "N")
OTHER_AXIS: Dimensions = ("M", "G", "P", "Q", "N")
PARALLELISM = Parallelism(
    rows=frozenset(SUMMED_AXIS) | REDUCTION, columns=frozenset(SUMMED_AXIS) | REDUCTION
)


@register(STYLE.name, PARALLELISM)
def weight_stationary(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """Input channels (and taps) along the axis that sums psums, output channels along the other."""
    no_parameters(STYLE.name, layer, parameters, place)
    return plan(
        STYLE, summed_layouts(layer, architecture, SUMMED_AXIS, OTHER_AXIS), layer, architecture, place
    )


def summed_layouts(
    layer: Layer, architecture: Architecture, summed: Dimensions, other: Dimensions
) -> Iterator[tuple[Loops, Loops]]:
    """(rows, columns) with reductions innermost on the axis that sums psums, where there is one.

    What reductions leave of that axis goes to dimensions ``summed``; the other axis is filled by ``other``.
    """
    array = architecture.array
    chained = chain_axis(architecture)
    rooms = {"rows": array.rows, "columns": array.columns}
    axis = chained or "rows"
    crossed = "columns" if axis == "rows" else "rows"
    for chain in reductions(rooms[axis], layer) if chained else [[]]:
        used = 1
        for _, n in chain:
            used *= n
        left = dict(layer.sizes)
        across = spread(rooms[crossed], other, left)
        along = spread(rooms[axis] // used, summed, left) + chain
        laid = {axis: loops(*along), crossed: loops(*across)}
        yield laid["rows"], laid["columns"]
