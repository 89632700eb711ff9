"""What the JSON Schemas of studies are made of."""

from typing import Any

from simulator.spec.schema import DIALECT

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BATCH: Schema = {"type": "integer", "minimum": 1}


def titled(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Whole documents by name."""
    return {name: {"$schema": DIALECT, **schema, "title": name} for name, schema in schemas.items()}


def object_of(**properties: Schema) -> Schema:
    """An object with just these properties, all of them required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(items: Schema, **more: int) -> Schema:
    """A list of ``items``; ``more`` are other words of JSON Schema such as ``minItems``."""
    return {"type": "array", "items": items, **more}


def or_null(schema: Schema) -> Schema:
    """That, or nothing."""
    return {"anyOf": [schema, {"type": "null"}]}
