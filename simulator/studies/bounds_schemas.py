"""JSON Schema of what ``stallion bounds --json`` prints."""

from typing import Any

from simulator.components.base import UNLIMITED
from simulator.spec.schema import DIALECT
from simulator.studies.bounds import SCHEMA

Schema = dict[str, Any]
TEXT, NUMBER, FLAG, COUNT = {"type": "string"}, {"type": "number"}, {"type": "boolean"}, {"type": "integer"}


def schemas() -> dict[str, Schema]:
    """``bounds``, the result."""
    return {"bounds": {"$schema": DIALECT, **_bounds(), "title": "bounds"}}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema, **more: int) -> Schema:
    return {"type": "array", "items": items, **more}


def _bounds() -> Schema:
    skipped = _object({"name": TEXT, "reason": TEXT})
    return _object(
        {
            "schema": {"const": SCHEMA},
            **dict.fromkeys(("architecture", "workload"), TEXT),
            "batch": {"type": "integer", "minimum": 1},
            "relax": _list(TEXT),
            "interrupted": FLAG,
            **dict.fromkeys(("pes", "peak_macs_per_cycle"), COUNT),
            "layers": _list(_layer()),
            "without_macs": _list(skipped),
            "violations": _list(TEXT),
        }
    )


def _layer() -> Schema:
    step = {"macs_per_cycle": {"type": "number", "exclusiveMinimum": 0}, "limit": TEXT}
    numbered = _object({"step": {"type": "integer", "minimum": 1, "maximum": 7}, **step})
    never_negative = {"type": "number", "minimum": 0}
    parts = {"type": "object", "additionalProperties": never_negative}
    rate = {"anyOf": [NUMBER, {"const": UNLIMITED}]}
    resource = _object(
        {"unit": {"enum": ["words", "bytes"]}, "words": COUNT, "rate_per_cycle": rate, "cycles": NUMBER}
    )
    return _object(
        {
            "name": TEXT,
            **dict.fromkeys(("macs", "cycles"), COUNT),
            **dict.fromkeys(("predicted_cycles", "error_pct"), NUMBER),
            "binding": TEXT,
            "steps": _list(numbered, minItems=7, maxItems=7),
            "occupancy": _object(step),
            "loss": _object({"total": never_negative, "predicted": never_negative, "parts": parts}),
            "resources": {"type": "object", "additionalProperties": resource},
        }
    )
