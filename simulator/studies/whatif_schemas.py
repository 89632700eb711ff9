"""JSON Schema of what-if studies."""

from typing import Any

from pydantic import TypeAdapter

from simulator.report.result import NotSimulated
from simulator.spec.schema import DIALECT
from simulator.studies.relaxing import SCHEMA as RELAXING
from simulator.studies.varying import SCHEMA as SWEEP

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}


def schemas() -> dict[str, Schema]:
    """``relaxing`` and ``sweep``, the results of ``stallion whatif``, by name."""
    made = {"relaxing": _relaxing(), "sweep": _sweep()}
    return {name: {"$schema": DIALECT, **schema, "title": name} for name, schema in made.items()}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _head(schema: str) -> dict[str, Schema]:
    """What both begin with."""
    return {
        "schema": {"const": schema},
        "architecture": _TEXT,
        "workload": _TEXT,
        "batch": {"type": "integer", "minimum": 1},
        "relax": _list(_TEXT),
        "interrupted": _FLAG,
        "not_simulated": _list(TypeAdapter(NotSimulated).json_schema()),
    }


def _relaxing() -> Schema:
    gain = {"cycles": _COUNT, "gain_pct": _NUMBER}
    outcome = {**gain, "milliseconds": _NUMBER, "layers": _list(_object(name=_TEXT, **gain))}
    resource = {
        "name": _TEXT,
        "ports": _list(_TEXT),
        "limit": _TEXT,
        "unlimited": _or_null(_object(**outcome)),
        "alone_limited": _or_null(_object(**outcome)),
    }
    bottleneck = {
        "layer": _or_null(_TEXT),
        "resource": _TEXT,
        "gain_pct": _NUMBER,
        "everything_pct": _or_null(_NUMBER),
        "hidden": {"type": "object", "additionalProperties": _NUMBER},
        "told": _TEXT,
    }
    return _object(
        **_head(RELAXING),
        share_pct=_NUMBER,
        baseline=_object(**outcome),
        everything=_or_null(_object(**outcome)),
        resources=_list(_object(**resource)),
        one_after_another=_list(_object(unlimited=_list(_TEXT), **outcome)),
        bottlenecks=_list(_object(**bottleneck)),
        unlimited_already=_list(_TEXT),
    )


def _sweep() -> Schema:
    figures = _object(
        name=_TEXT,
        cycles=_COUNT,
        milliseconds=_NUMBER,
        utilization=_NUMBER,
        energy_pj=_NUMBER,
        verdict=_TEXT,
    )
    outcome = {"total": figures, "layers": _list(figures)}
    point = {**outcome, "total": _or_null(figures)}
    knee = {
        "value": _or_null(_TEXT),
        "side": {"enum": ["from", "to"]},
        "at_end": _FLAG,
        "told": _TEXT,
    }
    return _object(
        **_head(SWEEP),
        keys=_list(_TEXT),
        mapping={"enum": ["kept", "anew"]},
        mapping_note=_TEXT,
        own_value=_or_null(_TEXT),
        own=_or_null(_object(**outcome)),
        unlimited=_or_null(_object(**outcome)),
        points=_list(_object(value=_TEXT, reason=_TEXT, gain_pct=_or_null(_NUMBER), **point)),
        knee_pct=_NUMBER,
        knee=_object(**knee),
    )
