"""Input-stationary: inputs stay in the PEs for a pass, weights and psums stream past them."""

from simulator.dataflows import Parallelism, register
from simulator.dataflows.loops import no_parameters
from simulator.dataflows.tiling import Dimensions, Style, plan
from simulator.dataflows.weight_stationary import summed_layouts
from simulator.mapping.mapping import Mapping
from simulator.names import REDUCTION
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

STYLE = Style(
    "input_stationary",
    stepped=("M",),
    kept=("G", "C", "R", "S", "N", "P", "Q"),
    burst=("R", "S", "C", "Q", "M"),
    moving=("weight", "output"),
)
AXIS: Dimensions = ("Q", "P", "N", "G", "M")
PARALLELISM = Parallelism(rows=frozenset(AXIS) | REDUCTION, columns=frozenset(AXIS) | REDUCTION)


@register(STYLE.name, PARALLELISM)
def input_stationary(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """Input channels (and taps) along the axis that sums psums, output positions along the other."""
    no_parameters(STYLE.name, layer, parameters, place)
    return plan(STYLE, summed_layouts(layer, architecture, AXIS, AXIS), layer, architecture, place)
