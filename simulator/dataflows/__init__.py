"""Dataflows: one file each. A dataflow is a function that makes a mapping for a layer on a machine.

To add one, put a file in this package with a function decorated by `register`; nothing else changes. The
function gets the layer, the architecture, the parameters that a mapping file gives for the layer (None:
choose) and the place to name in errors; it returns a `Mapping`, or raises `InputError` where nothing fits.
It is registered with what it can spread over PEs at all (`Parallelism`), from which bounds are worked out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.components.base import Registry
from simulator.errors import refuse
from simulator.mapping.check import check
from simulator.mapping.file import Entry
from simulator.mapping.mapping import Mapping
from simulator.names import Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.validation import did_you_mean

Dataflow = Callable[[Layer, Architecture, dict[str, int] | None, str], Mapping]


@dataclass(frozen=True, slots=True)
class Parallelism:
    """Which dimensions a dataflow can spread over PEs, whatever the layer.

    ``rows`` and ``columns`` are those that can lie on an axis, reductions only where the machine sums psums
    along it. Dimensions ``spread_whole`` have a PE for every index; a pass goes over all of those
    ``held_whole``.
    """

    rows: frozenset[Dimension]
    columns: frozenset[Dimension]
    spread_whole: frozenset[Dimension] = frozenset()
    held_whole: frozenset[Dimension] = frozenset()


@dataclass(frozen=True, slots=True)
class _Known:
    dataflow: Dataflow
    parallelism: Parallelism
    array: str


_REGISTRY: Registry[_Known] = Registry(__name__)


def register(
    name: str, parallelism: Parallelism, array: str = "spatial"
) -> Callable[[Dataflow], Dataflow]:
    """Decorator that makes a function the dataflow called ``name``, for arrays of one kind."""

    def add(dataflow: Dataflow) -> Dataflow:
        _REGISTRY.add(name, _Known(dataflow, parallelism, array))
        return dataflow

    return add


def dataflows(array: str | None = None) -> dict[str, Dataflow]:
    """Every dataflow (for arrays of one kind) by name, sorted; imports the package's files on first use."""
    every = sorted(_REGISTRY.all().items())
    return {name: known.dataflow for name, known in every if array in (None, known.array)}


def parallelism_of(name: str) -> Parallelism:
    """What a dataflow can spread; nothing for the name of none, such as that of a given loop nest."""
    nothing: frozenset[Dimension] = frozenset()
    known = _REGISTRY.all().get(name)
    return known.parallelism if known is not None else Parallelism(nothing, nothing)


def find_dataflow(name: str, place: str = "--dataflow", key: str = "") -> Dataflow:
    """The dataflow called ``name``; raises `InputError` with the nearest names."""
    known = dataflows()
    if name not in known:
        raise refuse(place, key, name, f"no such dataflow; {did_you_mean(name, known, family='dataflows')}")
    return known[name]


def map_layer(
    layer: Layer,
    architecture: Architecture,
    dataflow: str,
    given: Entry | None = None,
    place: str = "mapping",
) -> Mapping:
    """Map one layer: as ``given`` says, or as the dataflow chooses. The result has passed `check`.

    Raises `InputError` for an unknown dataflow, an illegal given mapping, and a layer that nothing fits.
    """
    if given is not None and given.loops is not None:
        mapping = _ordered(given.loops, architecture)
    else:
        name = (given.dataflow if given else None) or dataflow
        key = given.key + ".dataflow" if given else "dataflow"
        make, fitting = find_dataflow(name, place, key), dataflows(architecture.array.kind)
        if name not in fitting:
            told = f"one for an array of kind {architecture.array.kind} was expected: {', '.join(fitting)}"
            raise refuse(place, key, name, told)
        mapping = make(layer, architecture, given.parameters if given else None, place)
    check(mapping, layer, architecture, place)
    return mapping


def _ordered(mapping: Mapping, architecture: Architecture) -> Mapping:
    """A file may list memories in any order; the nest is the architecture's."""
    if set(mapping.levels) != set(architecture.memories):
        return mapping
    return replace(mapping, levels={name: mapping.levels[name] for name in architecture.memories})
