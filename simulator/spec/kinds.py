"""Fields whose class a file names with ``kind``."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from simulator.components.base import Kinds
from simulator.errors import Problem
from simulator.spec.validation import UNREADABLE, MisfitError, did_you_mean, problems_of, shown


@dataclass(frozen=True, slots=True)
class OneOf:
    """Annotation of a field that takes any registered kind; ``kind`` names the class of a mapping."""

    kinds: Kinds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.build, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "anyOf": [handler(part.__pydantic_core_schema__) for _, part in sorted(self.kinds.all().items())]
        }

    def build(self, value: object) -> object:
        """Build a mapping's part; anything else is left to pydantic. Raises `MisfitError`."""
        if not isinstance(value, dict):
            return value
        known = self.kinds.all()
        kind = value.get("kind")
        if kind is UNREADABLE:
            raise MisfitError([])
        if not isinstance(kind, str) or kind not in known:
            given = "" if "kind" not in value else shown(kind)
            hint = did_you_mean(str(kind), known, family="one of")
            raise MisfitError(
                [Problem("", "kind", given, f"a kind of {self.kinds.family} was expected; {hint}")]
            )
        try:
            return known[kind].model_validate(value)
        except ValidationError as error:
            raise MisfitError(problems_of(known[kind], error)) from None
