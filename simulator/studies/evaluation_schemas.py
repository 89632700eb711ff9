"""JSON Schema of what ``stallion evaluate --json`` prints."""

from simulator.studies.evaluation import SCHEMA
from simulator.studies.schema_parts import BATCH, COUNT, NUMBER, TEXT, Schema, list_of, object_of, titled


def schemas() -> dict[str, Schema]:
    """``evaluation``, the result."""
    return titled({"evaluation": _evaluation()})


def _evaluation() -> Schema:
    value: Schema = {"anyOf": [NUMBER, TEXT, {"type": "null"}]}
    entry = object_of(metric=TEXT, quantity=TEXT, value=value, unit=TEXT, how=TEXT, note=TEXT)
    return object_of(
        schema={"const": SCHEMA},
        architecture=TEXT,
        workload=TEXT,
        batch=BATCH,
        entries=list_of(entry),
        scaling=list_of({"anyOf": [_point(), _refused()]}),
        remarks=list_of(TEXT),
        provenance={"type": "object"},
    )


def _array() -> dict[str, Schema]:
    """What every array of the sweep says, whether the workload runs on it or not."""
    return {
        **dict.fromkeys(("rows", "columns", "pes"), COUNT),
        "mapping": TEXT,
        "storage_bytes": NUMBER,
        "refused": list_of(TEXT),
    }


def _point() -> Schema:
    numbers = (
        "latency_ms",
        "inferences_per_s",
        "speed_up",
        "utilization",
        "mean_active_pes",
        "energy_mj_per_inference",
        "bytes_dram_per_inference",
    )
    return object_of(cycles=COUNT, **_array(), **dict.fromkeys(numbers, NUMBER))


def _refused() -> Schema:
    return object_of(**_array())
