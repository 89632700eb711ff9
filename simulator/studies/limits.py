"""What a machine cannot map: layers of a network, and filters that are too large."""

from collections.abc import Sequence

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.names import DIMENSIONS, Dimension
from simulator.pipeline import given_mappings, plan
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.product import as_product, lowered_for
from simulator.spec.workload import Workload
from simulator.studies.points import GivenMapping

LARGEST_TRIED = 512
"""Filter rows or columns beyond which no limit is looked for."""
SHAPES: dict[str, tuple[Dimension, ...]] = {"rows": ("R",), "columns": ("S",), "square": ("R", "S")}
"""Filters that are tried: a column of so many rows, a row of so many columns, and both."""


def misfits(
    architecture: Architecture,
    workload: Workload,
    names: Sequence[str],
    batch: int,
    mapping: GivenMapping,
    dataflow: str | None,
) -> dict[str, str]:
    """Which of the layers ``names`` cannot be mapped, and why; other arguments are those of `simulate`."""
    given, default = given_mappings(architecture, workload, mapping, dataflow)
    found: dict[str, str] = {}
    for layer in lowered_for(architecture, workload.select(names), batch):
        try:
            plan(architecture, [layer], given, default)
        except InputError as error:
            found[layer.name] = "; ".join(problem.expected for problem in error.problems)
    return found


def largest_filters(architecture: Architecture, dataflow: str) -> dict[str, int | None]:
    """The largest filter of every shape that maps with one channel, one output; None: no limit was found.

    Small layers are mapped. A size maps where all smaller ones do; the first that does not is looked for by
    halving.
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
    if architecture.systolic is not None:
        layer = as_product(layer)
    try:
        map_layer(layer, architecture, dataflow)
    except InputError:
        return False
    return True
