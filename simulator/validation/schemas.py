"""JSON Schema of case files and of what a validation found."""

from typing import Any

from simulator.spec.schema import DIALECT
from simulator.validation.case import Case, Tolerance
from simulator.validation.result import SCHEMA

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """``case``, the file, and ``validation``, the result, by name."""
    made = {"case": Case.model_json_schema(), "validation": _validation()}
    return {name: {"$schema": DIALECT, **schema, "title": name} for name, schema in made.items()}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _validation() -> Schema:
    text, number, flag = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
    row = _object(
        {"name": text, "published": number, "simulated": number, "error_pct": number, "fitted": flag}
    )
    quantity = _object(
        {
            **dict.fromkeys(("quantity", "title", "unit", "source", "note"), text),
            "rows": _list(row),
            "total": {"anyOf": [row, {"type": "null"}]},
            "mean_error_pct": {"type": ["number", "null"]},
            "tolerance": Tolerance.model_json_schema(),
            "fitted_reason": text,
            "misses": _list(text),
        }
    )
    case = _object(
        {
            **dict.fromkeys(
                ("name", "title", "source", "note", "architecture", "workload", "energy_table"), text
            ),
            "batch": {"type": "integer", "minimum": 1},
            "passed": flag,
            "quantities": _list(quantity),
        }
    )
    return _object({"schema": {"const": SCHEMA}, "passed": flag, "cases": _list(case)})
