"""JSON Schema of what ``stallion bounds --json`` prints."""

from simulator.components.base import UNLIMITED
from simulator.studies.bounds import SCHEMA
from simulator.studies.schema_parts import (
    BATCH,
    COUNT,
    FLAG,
    NUMBER,
    TEXT,
    Schema,
    list_of,
    object_of,
    titled,
)


def schemas() -> dict[str, Schema]:
    """``bounds``, the result."""
    return titled({"bounds": _bounds()})


def _bounds() -> Schema:
    return object_of(
        schema={"const": SCHEMA},
        architecture=TEXT,
        workload=TEXT,
        batch=BATCH,
        relax=list_of(TEXT),
        interrupted=FLAG,
        pes=COUNT,
        peak_macs_per_cycle=COUNT,
        layers=list_of(_layer()),
        without_macs=list_of(object_of(name=TEXT, reason=TEXT)),
        violations=list_of(TEXT),
    )


def _layer() -> Schema:
    step: dict[str, Schema] = {"macs_per_cycle": {"type": "number", "exclusiveMinimum": 0}, "limit": TEXT}
    numbered = object_of(step={"type": "integer", "minimum": 1, "maximum": 7}, **step)
    never_negative: Schema = {"type": "number", "minimum": 0}
    parts: Schema = {"type": "object", "additionalProperties": never_negative}
    resource = object_of(
        unit={"enum": ["words", "bytes"]},
        words=COUNT,
        rate_per_cycle={"anyOf": [NUMBER, {"const": UNLIMITED}]},
        cycles=NUMBER,
    )
    return object_of(
        name=TEXT,
        macs=COUNT,
        cycles=COUNT,
        predicted_cycles=NUMBER,
        error_pct=NUMBER,
        binding=TEXT,
        steps=list_of(numbered, minItems=7, maxItems=7),
        occupancy=object_of(**step),
        loss=object_of(total=never_negative, predicted=never_negative, parts=parts),
        resources={"type": "object", "additionalProperties": resource},
    )
