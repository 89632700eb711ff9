"""Readable sheets of what goes into a run: an architecture with its sources, a workload with its sizes."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from simulator.names import DIMENSIONS, RELEVANT, DataType
from simulator.report.numbers import count
from simulator.report.save import resolved
from simulator.report.tables import Grid
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.workload import Workload

ORIGINS = ("source", "derived", "assumed", "fitted")


def architecture_grid(architecture: Architecture) -> Grid:
    """Every key of an architecture with its value, and where the number comes from."""
    data = resolved(architecture)
    title = f"{architecture.name}: {data.pop('description', '')}".rstrip(": ")
    del data["name"]
    return Grid(title, ("key", "value", "where from"), tuple(_rows(data, "")))


def _rows(value: Any, key: str) -> Iterator[tuple[str, str, str]]:
    origins = [name for name in ORIGINS if isinstance(value, Mapping) and name in value]
    if origins and "value" in value:
        yield key, _told(value["value"]), f"{origins[0]}: {value[origins[0]]}"
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _rows(item, f"{key}.{name}" if key else str(name))
    elif value not in ([], ()):
        yield key, _told(value), ""


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def workload_grid(workload: Workload) -> Grid:
    """Every layer for a batch of 1: loop sizes, MACs and words per data type."""
    layers = workload.lower(1)
    rows = [_mac_cells(layer) if isinstance(layer, Layer) else _vector_cells(layer) for layer in layers]
    macs = sum(layer.macs for layer in layers if isinstance(layer, Layer))
    rows.append(("total", "", count(macs), "", "", ""))
    values = "".join(f", {name} {value}" for name, value in workload.origin.parameters.items())
    title = f"{workload.name}{values}, batch 1 (M and C are per group)"
    return Grid(title, ("layer", "loops", "MACs", "weight words", "input words", "output words"), tuple(rows))


def _mac_cells(layer: Layer) -> tuple[str, ...]:
    loops = " ".join(f"{d}{layer.sizes[d]}" for d in DIMENSIONS if layer.sizes[d] > 1)
    height, width = layer.input_size
    inputs = prod(layer.sizes[d] for d in ("N", "G", "C")) * height * width
    words = (_words(layer, "weight"), inputs, _words(layer, "output"))
    return (layer.name, loops, count(layer.macs), *map(count, words))


def _words(layer: Layer, data_type: DataType) -> int:
    return prod(layer.sizes[d] for d in RELEVANT[data_type])


def _vector_cells(layer: VectorLayer) -> tuple[str, ...]:
    text = f"{layer.operator}, {count(layer.operations)} operations"
    return (layer.name, text, "", "", count(layer.input_words), count(layer.output_words))
