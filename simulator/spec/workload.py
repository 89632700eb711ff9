"""What a network is: named layers in the field's dimensions, lowered to loop nests."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PrivateAttr
from pydantic_core import CoreSchema

from simulator.components.base import Part
from simulator.errors import InputError, Problem, refuse
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.layers import LARGEST_COUNT, LayerSpec, Listed, Name, folded, largest_count, unroll
from simulator.spec.parameters import LARGEST
from simulator.spec.validation import did_you_mean, shown, validate

__all__ = ["LayerSpec", "Origin", "Workload"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a workload was read from, and the values of its parameters; equal to every other one."""

    file: str = field(default="", compare=False)
    sha256: str = field(default="", compare=False)
    parameters: dict[str, int] = field(default_factory=dict, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """What a run keeps of it; parameters where there are some."""
        told: dict[str, Any] = {"file": self.file, "sha256": self.sha256}
        return {**told, "parameters": dict(self.parameters)} if self.parameters else told

    def notes(self) -> Iterator[str]:
        """The values of parameters in words, as a workload's name does not tell them."""
        if self.parameters:
            values = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
            yield f"parameters of the workload: {values}"


class Workload(Part):
    """A network: layers in the order in which they run. Change it with `replace`, which validates anew."""

    name: Name
    description: str = ""
    source: str = Field("", description="where the shapes come from")
    layers: Annotated[tuple[LayerSpec, ...], BeforeValidator(unroll)]
    provenance: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="key path to {source|assumed|fitted|derived: text}; filled by the reader",
    )
    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        """Where it was read from; empty where it was not."""
        return self._origin

    @classmethod
    def file_keys(cls) -> list[str]:
        """The keys of a workload in a file."""
        return [*cls.model_fields, "parameters"]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        out = handler.resolve_ref_schema(handler(schema))
        listed = handler.resolve_ref_schema(handler(Listed.__pydantic_core_schema__))
        out["properties"]["layers"] = listed["properties"]["layers"]
        out["properties"]["parameters"] = {
            "type": "object",
            "description": "whole numbers by name, which sizes may use; --param gives others",
            "additionalProperties": {"type": "integer", "minimum": 0},
        }
        return out

    def lower(self, batch: int = 1) -> list[Layer | VectorLayer]:
        """Every layer over ``batch`` images; raises `InputError` where that is no count."""
        if isinstance(batch, bool) or not isinstance(batch, int) or not 0 < batch <= LARGEST:
            raise refuse("batch", "", shown(batch), f"a whole number from 1 to {LARGEST} was expected")
        lowered = [layer.lower(batch) for layer in self.layers]
        large = [layer.name for layer in lowered if largest_count(layer) >= LARGEST_COUNT]
        if large:
            told = f"fewer than 2^62 MACs and words were expected in {', '.join(large[:5])}"
            raise refuse("batch", "", batch, told)
        return lowered

    def select(self, names: Iterable[str]) -> Self:
        """The layers with these names, in the network's order; case is ignored and ``_`` is ``-``.

        Raises `InputError` with the nearest names for every name that no layer has.
        """
        wanted = {folded(name): name for name in names}
        known = {folded(layer.name) for layer in self.layers}
        unknown = [name for key, name in wanted.items() if key not in known]
        if unknown:
            here = [layer.name for layer in self.layers]
            told = "the name of a layer was expected; {}"
            raise InputError(
                Problem(self.name, "", shown(name), told.format(did_you_mean(name, here))) for name in unknown
            )
        if not wanted:
            return self
        chosen = [i for i, layer in enumerate(self.layers) if folded(layer.name) in wanted]
        places = [f"layers.{i}" for i in chosen]
        told_of = provenance_of(self.provenance, places)
        found = self.replace(layers=tuple(self.layers[i] for i in chosen), provenance=told_of)
        return found.read_from(self.origin)

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed; raises `InputError`."""
        data = {key: getattr(self, key) for key in type(self).model_fields}
        return validate(type(self), {**data, **changes}, self.name)

    def read_from(self, origin: Origin) -> Self:
        """The same network, said to be read from ``origin``."""
        found = self.model_copy()
        found._origin = origin
        return found


def provenance_of(
    provenance: dict[str, dict[str, str]], places: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Provenance of layers that stood at ``places`` and now follow each other, and of what is no layer."""
    found = {key: told for key, told in provenance.items() if not key.startswith(("layers.", "parameters."))}
    inside: dict[str, list[tuple[str, dict[str, str]]]] = {place: [] for place in places}
    for key, told in provenance.items():
        steps = key.split(".")
        for n in range(1, len(steps)):
            inside.get(".".join(steps[:n]), []).append((".".join(steps[n:]), told))
    return found | {
        f"layers.{i}.{key}": told for i, place in enumerate(places) for key, told in inside[place]
    }
