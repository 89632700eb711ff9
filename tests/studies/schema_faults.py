"""Checks JSON values against the few words of JSON Schema that studies use."""

from typing import Any


def faults(schema: dict[str, Any], value: Any, path: str = "") -> list[str]:
    """Where ``value`` does not follow the few words of JSON Schema that are used here."""
    if "anyOf" in schema:
        tries = [faults(choice, value, path) for choice in schema["anyOf"]]
        return min(tries, key=len)
    if "const" in schema or "enum" in schema:
        return [] if value in schema.get("enum", [schema.get("const")]) else [f"{path}: {value}"]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{path}: {value!r} is no {schema['type']}"]
    found = []
    if schema["type"] == "array":
        for i, item in enumerate(value):
            found += faults(schema["items"], item, f"{path}.{i}")
    if schema["type"] == "object":
        known = schema.get("properties", {})
        found += [f"{path}.{key}: missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in known:
                found += faults(known[key], item, f"{path}.{key}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}.{key}: not in the schema")
    return found
