"""How large a filter a machine's dataflow can map, found by mapping small layers."""

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

LARGEST_TRIED = 512
"""Filter rows or columns beyond which no limit is looked for."""
SHAPES: dict[str, tuple[Dimension, ...]] = {"rows": ("R",), "columns": ("S",), "square": ("R", "S")}
"""Filters that are tried: a column of so many rows, a row of so many columns, and both."""


def largest_filters(architecture: Architecture, dataflow: str) -> dict[str, int | None]:
    """The largest filter of every shape that maps with one channel, one output; None: no limit was found.

    A size maps where all smaller ones do; the first that does not is looked for by halving.
    """
    return {name: _largest(architecture, dataflow, grown) for name, grown in SHAPES.items()}


def _largest(architecture: Architecture, dataflow: str, grown: tuple[Dimension, ...]) -> int | None:
    good, bad = 0, 1
    while bad <= LARGEST_TRIED and _maps(architecture, dataflow, grown, bad):
        good, bad = bad, 2 * bad
    if bad > LARGEST_TRIED:
        return None
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _maps(architecture, dataflow, grown, middle) else (good, middle)
    return good


def _maps(architecture: Architecture, dataflow: str, grown: tuple[Dimension, ...], taps: int) -> bool:
    sizes: dict[Dimension, int] = dict.fromkeys(DIMENSIONS, 1) | dict.fromkeys(grown, taps)
    layer = Layer("filter", sizes, input_size=(sizes["R"], sizes["S"]))
    try:
        map_layer(layer, architecture, dataflow)
    except InputError:
        return False
    return True
