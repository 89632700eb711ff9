"""JSON Schema of every file format and of the result, for editors and for programs that read results."""

from typing import Any

from pydantic import TypeAdapter

from simulator.energy.table import EnergyTable
from simulator.names import DIMENSIONS
from simulator.report.result import ARRAYS, SCHEMA, LayerResult, NotSimulated
from simulator.spec.schema import DIALECT
from simulator.spec.schema import schemas as file_schemas

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    """JSON Schema of ``name``: one of `NAMES`."""
    return {"$schema": DIALECT, **_MAKERS[name](), "title": name}


def schemas() -> dict[str, Schema]:
    """Every schema by name."""
    return {name: schema(name) for name in NAMES}


def _architecture() -> Schema:
    return file_schemas()["architecture"]


def _workload() -> Schema:
    return file_schemas()["workload"]


def _energy() -> Schema:
    found = EnergyTable.model_json_schema()
    prices = found["properties"]["actions"]["additionalProperties"]
    listed = prices["additionalProperties"]
    prices["additionalProperties"] = {"anyOf": [listed["items"], listed]}
    return found


def _mapping() -> Schema:
    dimensions = "".join(DIMENSIONS)
    loops = {
        "type": "array",
        "items": {"type": "string", "pattern": rf"^[{dimensions}] [1-9]\d*( by [1-9]\d*)?$"},
    }
    axes = {"type": "object", "properties": {"rows": loops, "columns": loops}, "additionalProperties": False}
    nest = {
        "type": "object",
        "description": "plain loops, outermost first: a list per memory, the array's axes, the steps, the PE",
        "properties": {"array": axes, "steps": loops, "pe": loops, "dataflow": {"type": "string"}},
        "required": ["array", "pe"],
        "additionalProperties": loops,
    }
    count = {"type": "integer", "minimum": 1}
    parameters = {
        "type": "object",
        "description": "parameters of the dataflow, such as m n e p q r t of row-stationary",
        "properties": {"dataflow": {"type": "string"}},
        "additionalProperties": count,
    }
    layers = {"type": "object", "additionalProperties": {"anyOf": [parameters, nest]}}
    text = {"type": "string"}
    properties = {"dataflow": text, "description": text, "layers": layers}
    return {"type": "object", "properties": properties, "required": ["layers"], "additionalProperties": False}


def _run() -> Schema:
    layer = TypeAdapter(LayerResult).json_schema(ref_template="#/$defs/{model}")
    for arrays in ARRAYS:
        del layer["properties"][arrays]
    skipped = TypeAdapter(NotSimulated).json_schema()
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    properties = {
        "schema": {"const": SCHEMA},
        "architecture": text,
        "workload": text,
        "batch": {"type": "integer", "minimum": 1},
        "clock_mhz": {"type": "number", "exclusiveMinimum": 0},
        "energy_table": text,
        "relax": texts,
        "interrupted": {"type": "boolean"},
        "layers": {"type": "array", "items": {"$ref": "#/$defs/LayerResult"}},
        "not_simulated": {"type": "array", "items": {"$ref": "#/$defs/NotSimulated"}},
        "total": {"$ref": "#/$defs/LayerResult"},
        "notes": texts,
        "provenance": {"type": "object"},
    }
    definitions = {"LayerResult": layer, "NotSimulated": skipped}
    return {"type": "object", "properties": properties, "required": list(properties), "$defs": definitions}


_MAKERS = {
    "architecture": _architecture,
    "workload": _workload,
    "mapping": _mapping,
    "energy": _energy,
    "run": _run,
}

NAMES = tuple(_MAKERS)
