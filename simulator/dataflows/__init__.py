"""Dataflows: one file each. A dataflow is a function that makes a mapping for a layer on a machine.

To add one, put a file in this package with a function decorated by `register`; nothing else changes. The
function gets the layer, the architecture, the parameters that a mapping file gives for the layer (None:
choose) and the place to name in errors; it returns a `Mapping`, or raises `InputError` where nothing fits.
"""

from collections.abc import Callable
from dataclasses import replace

from simulator.components.base import Registry
from simulator.errors import refuse
from simulator.mapping.check import check
from simulator.mapping.file import Entry
from simulator.mapping.mapping import Mapping
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.validation import did_you_mean

Dataflow = Callable[[Layer, Architecture, dict[str, int] | None, str], Mapping]

_REGISTRY: Registry[Dataflow] = Registry(__name__)


def register(name: str) -> Callable[[Dataflow], Dataflow]:
    """Decorator that makes a function the dataflow called ``name``."""

    def add(dataflow: Dataflow) -> Dataflow:
        _REGISTRY.add(name, dataflow)
        return dataflow

    return add


def dataflows() -> dict[str, Dataflow]:
    """Every dataflow by name, sorted; imports the package's files on first use."""
    return dict(sorted(_REGISTRY.all().items()))


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
        make = find_dataflow(name, place, given.key + ".dataflow" if given else "dataflow")
        mapping = make(layer, architecture, given.parameters if given else None, place)
    check(mapping, layer, architecture, place)
    return mapping


def _ordered(mapping: Mapping, architecture: Architecture) -> Mapping:
    """A file may list memories in any order; the nest is the architecture's."""
    if set(mapping.levels) != set(architecture.memories):
        return mapping
    return replace(mapping, levels={name: mapping.levels[name] for name in architecture.memories})
