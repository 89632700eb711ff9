"""JSON Schema of the files that are read here, for editors."""

from typing import Any, Final

from simulator.spec.architecture import Architecture
from simulator.spec.validation import MARKERS
from simulator.spec.workload import Workload

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema per file format: ``architecture`` and ``workload``, with every registered kind."""
    return {
        "architecture": _file_schema(Architecture.model_json_schema(by_alias=True)),
        "workload": _file_schema(Workload.model_json_schema(by_alias=True)),
    }


def _file_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a file, in which any number or word may say where it comes from."""
    told: dict[str, Any] = _with_sources(schema)
    return {"$schema": DIALECT, **told, "$defs": {**told.get("$defs", {}), "told": _told()}}


def _with_sources(schema: Any) -> Any:
    """Let every property that is no mapping be ``{value: ..., source: ...}``; names and kinds stay plain."""
    if isinstance(schema, list):
        return [_with_sources(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _with_sources(part) for key, part in schema.items()}
    properties = out.get("properties")
    if isinstance(properties, dict):
        out["properties"] = {key: _or_told(key, part) for key, part in properties.items()}
    numbers = out.get("additionalProperties")
    if isinstance(numbers, dict) and numbers.get("type") in ("integer", "number"):
        out["additionalProperties"] = _or_told("", numbers)
    return out


def _or_told(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    if key in ("name", "kind", "layers") or _is_mapping(schema):
        return schema
    outer = {name: part for name, part in schema.items() if name in ("description", "title", "default")}
    inner = {name: part for name, part in schema.items() if name not in outer}
    told = {"$ref": "#/$defs/told", "properties": {"value": inner}}
    return {**outer, "anyOf": [inner, told]}


def _is_mapping(schema: dict[str, Any]) -> bool:
    if "$ref" in schema or schema.get("type") == "object":
        return True
    return any(_is_mapping(part) for part in schema.get("anyOf", ()))


def _told() -> dict[str, Any]:
    markers = {marker: {"type": "string", "minLength": 1} for marker in MARKERS}
    return {
        "type": "object",
        "description": "a value and where it comes from",
        "properties": {"value": {}, **markers},
        "additionalProperties": False,
        "minProperties": 2,
        "maxProperties": 2,
        "required": ["value"],
    }
