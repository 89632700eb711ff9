"""JSON Schema of what-if studies."""

from pydantic import TypeAdapter

from simulator.report.result import NotSimulated
from simulator.studies.relaxing import SCHEMA as RELAXING
from simulator.studies.schema_parts import (
    BATCH,
    COUNT,
    FLAG,
    NUMBER,
    TEXT,
    Schema,
    list_of,
    object_of,
    or_null,
    titled,
)
from simulator.studies.varying import SCHEMA as SWEEP


def schemas() -> dict[str, Schema]:
    """``relaxing`` and ``sweep``, the results of ``stallion whatif``, by name."""
    return titled({"relaxing": _relaxing(), "sweep": _sweep()})


def _head(schema: str) -> dict[str, Schema]:
    """What both begin with."""
    return {
        "schema": {"const": schema},
        "architecture": TEXT,
        "workload": TEXT,
        "batch": BATCH,
        "relax": list_of(TEXT),
        "interrupted": FLAG,
        "not_simulated": list_of(TypeAdapter(NotSimulated).json_schema()),
    }


def _relaxing() -> Schema:
    gain = {"cycles": COUNT, "gain_pct": NUMBER}
    outcome = {**gain, "milliseconds": NUMBER, "layers": list_of(object_of(name=TEXT, **gain))}
    resource = {
        "name": TEXT,
        "ports": list_of(TEXT),
        "limit": TEXT,
        "unlimited": or_null(object_of(**outcome)),
        "alone_limited": or_null(object_of(**outcome)),
    }
    bottleneck = {
        "layer": or_null(TEXT),
        "resource": TEXT,
        "gain_pct": NUMBER,
        "everything_pct": or_null(NUMBER),
        "hidden": {"type": "object", "additionalProperties": NUMBER},
        "told": TEXT,
    }
    return object_of(
        **_head(RELAXING),
        share_pct=NUMBER,
        baseline=object_of(**outcome),
        everything=or_null(object_of(**outcome)),
        resources=list_of(object_of(**resource)),
        one_after_another=list_of(object_of(unlimited=list_of(TEXT), **outcome)),
        bottlenecks=list_of(object_of(**bottleneck)),
        unlimited_already=list_of(TEXT),
    )


def _sweep() -> Schema:
    figures = object_of(
        name=TEXT,
        cycles=COUNT,
        milliseconds=NUMBER,
        utilization=NUMBER,
        energy_pj=NUMBER,
        verdict=TEXT,
    )
    outcome = {"total": figures, "layers": list_of(figures)}
    point = {**outcome, "total": or_null(figures)}
    knee = {
        "value": or_null(TEXT),
        "side": {"enum": ["from", "to"]},
        "at_end": FLAG,
        "told": TEXT,
    }
    return object_of(
        **_head(SWEEP),
        keys=list_of(TEXT),
        mapping={"enum": ["kept", "anew"]},
        mapping_note=TEXT,
        own_value=or_null(TEXT),
        own=or_null(object_of(**outcome)),
        unlimited=or_null(object_of(**outcome)),
        points=list_of(object_of(value=TEXT, reason=TEXT, gain_pct=or_null(NUMBER), **point)),
        knee_pct=NUMBER,
        knee=object_of(**knee),
    )
