"""Output-stationary: psums stay in the PEs until they are done, inputs and weights stream past them."""

from simulator.dataflows import Parallelism, register
from simulator.dataflows.loops import loops, no_parameters
from simulator.dataflows.tiling import Style, plan, spread
from simulator.mapping.mapping import Mapping
from simulator.names import RELEVANT
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

STYLE = Style(
    "output_stationary",
    stepped=("C", "R", "S"),
    kept=("G", "M", "N", "P", "Q"),
    burst=("C", "R", "S", "N", "P", "Q", "M"),
    moving=("weight", "input"),
    finishes=True,
)

PARALLELISM = Parallelism(rows=RELEVANT["output"], columns=RELEVANT["output"])


@register(STYLE.name, PARALLELISM)
def output_stationary(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """Output positions along rows, output channels along columns; reductions in time only."""
    no_parameters(STYLE.name, layer, parameters, place)
    array, left = architecture.array, dict(layer.sizes)
    columns = spread(array.columns, ("M", "G", "Q", "P", "N"), left)
    rows = spread(array.rows, ("Q", "P", "N", "M", "G"), left)
    return plan(STYLE, [(loops(*rows), loops(*columns))], layer, architecture, place)
