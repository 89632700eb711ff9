"""What a network is: named layers in the field's dimensions, lowered to loop nests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from simulator.components.base import Part
from simulator.errors import InputError, Problem, refuse
from simulator.names import DataType
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import LARGEST, Operator
from simulator.spec.validation import MisfitError, did_you_mean, problems_of, shown, validate

LARGEST_COUNT: Final = 1 << 62
"""Counters are 64-bit; a layer with more MACs or words could not be counted."""


def name_in_words(name: str) -> str:
    """Accept any printable text without slashes and without spaces around it."""
    if not name.isprintable() or name != name.strip() or any(c in name for c in "/\\"):
        raise ValueError("a printable name without slashes, line breaks and outer spaces was expected")
    return name


def folded(name: str) -> str:
    """A layer's name as it is matched: case is ignored, ``_`` is ``-``."""
    return name.casefold().replace("_", "-")


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(name_in_words)]
Fractional = Annotated[float, Field(ge=0, le=1, strict=True)]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The operator that a file's layer names."""

    kind: str
    data: object


@dataclass(frozen=True, slots=True)
class _NoChoice:
    """Why a file's layer names no operator."""

    problems: tuple[Problem, ...]


def _build(value: object) -> object:
    if isinstance(value, _NoChoice):
        raise MisfitError(value.problems, replaces_key=True)
    if not isinstance(value, _Chosen):
        return value
    operator = OPERATORS.all()[value.kind]
    try:
        return operator.model_validate(value.data)
    except ValidationError as error:
        inner = problems_of(operator, error)
        below = [Problem("", f"{value.kind}.{p.key}".rstrip("."), p.value, p.expected) for p in inner]
        raise MisfitError(below, replaces_key=True) from None


class LayerSpec(Part):
    """One layer: a name, one operator under the name of its kind, and fractions of zero words.

    In Python: ``LayerSpec(name="CONV1", operator=Conv(C=3, ...))``; in a file
    ``{name: CONV1, conv: {C: 3, ...}}``.
    """

    name: Name
    operator: Annotated[SerializeAsAny[Operator], BeforeValidator(_build)]
    zeros: dict[DataType, Fractional] = Field(
        default_factory=dict, description="fraction of zero words per data type; what is absent is unknown"
    )

    @classmethod
    def file_keys(cls) -> list[str]:
        """The keys of a layer in a file."""
        return ["name", *OPERATORS.all(), "zeros"]

    @model_validator(mode="before")
    @classmethod
    def _choose_operator(cls, data: object) -> object:
        if not isinstance(data, dict) or isinstance(data.get("operator"), Operator):
            return data
        kinds = OPERATORS.all()
        found = [key for key in data if key in kinds]
        if len(found) == 1:
            rest = {key: value for key, value in data.items() if key != found[0]}
            return {**rest, "operator": _Chosen(found[0], data[found[0]])}
        rest = {key: value for key, value in data.items() if key in ("name", "zeros")}
        return {**rest, "operator": _NoChoice(tuple(_not_one_operator(data, found)))}

    @model_serializer(mode="wrap")
    def _under_its_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data = handler(self)
        out = {"name": data["name"], OPERATORS.name_of(self.operator): data["operator"]}
        return {**out, "zeros": data["zeros"]} if data.get("zeros") else out

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        kinds = sorted(OPERATORS.all().items())
        operators = {kind: handler(part.__pydantic_core_schema__) for kind, part in kinds}
        out = handler.resolve_ref_schema(handler(schema))
        fields = {key: value for key, value in out["properties"].items() if key != "operator"}
        out |= {"properties": {**fields, **operators}, "required": ["name"]}
        return {**out, "oneOf": [{"required": [kind]} for kind in operators]}

    def lower(self, batch: int) -> Layer | VectorLayer:
        """The layer over ``batch`` images."""
        zeros = {data_type: Fraction(str(part)) for data_type, part in self.zeros.items()}
        return self.operator.lower(self.name, batch, zeros)


def _not_one_operator(data: dict[str, Any], found: list[str]) -> Iterator[Problem]:
    kinds = OPERATORS.all()
    if found:
        yield Problem("", "", ", ".join(found), "one kind of layer was expected")
        return
    unknown = [key for key in data if key not in ("name", "zeros")]
    for key in unknown:
        hint = did_you_mean(str(key), kinds, family="one of")
        yield Problem("", str(key), "", f"a kind of layer was expected; {hint}")
    if not unknown:
        yield Problem("", "", "", f"a kind of layer was expected; one of: {', '.join(sorted(kinds))}")


class Workload(Part):
    """A network: layers in the order in which they run. Change it with `replace`, which validates anew."""

    name: Name
    description: str = ""
    source: str = Field("", description="where the shapes come from")
    layers: Annotated[tuple[LayerSpec, ...], Field(min_length=1)]
    provenance: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="key path to {source|assumed|fitted|derived: text}; filled by the reader",
    )

    @model_validator(mode="after")
    def _checked(self) -> Self:
        faults = [*self._same_names(), *self._too_large()]
        if faults:
            raise InputError(Problem(self.name, fault.key, fault.value, fault.expected) for fault in faults)
        return self

    def _same_names(self) -> Iterator[Problem]:
        first: dict[str, int] = {}
        for i, layer in enumerate(self.layers):
            at = first.setdefault(folded(layer.name), i)
            if at != i:
                other = f"layers.{at} is called {self.layers[at].name}"
                told = f"a name of its own was expected: {other} (case does not count, _ is -)"
                yield Problem("", f"layers.{i}.name", layer.name, told)

    def _too_large(self) -> Iterator[Problem]:
        for i, layer in enumerate(self.layers):
            count = _largest_count(layer.lower(1))
            if count >= LARGEST_COUNT:
                yield Problem("", f"layers.{i}", f"{count:,}", "fewer than 2^62 MACs and words were expected")

    def lower(self, batch: int = 1) -> list[Layer | VectorLayer]:
        """Every layer over ``batch`` images; raises `InputError` where that is no count."""
        if isinstance(batch, bool) or not isinstance(batch, int) or not 0 < batch <= LARGEST:
            raise refuse("batch", "", shown(batch), f"a whole number from 1 to {LARGEST} was expected")
        lowered = [layer.lower(batch) for layer in self.layers]
        large = [layer.name for layer in lowered if _largest_count(layer) >= LARGEST_COUNT]
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
        chosen = tuple(layer for layer in self.layers if folded(layer.name) in wanted)
        return self.replace(layers=chosen) if wanted else self

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed; raises `InputError`."""
        data = {key: getattr(self, key) for key in type(self).model_fields}
        return validate(type(self), {**data, **changes}, self.name)


def _largest_count(layer: Layer | VectorLayer) -> int:
    if isinstance(layer, VectorLayer):
        return max(layer.input_words, layer.output_words, layer.operations)
    inputs = prod(layer.input_size) * prod(layer.sizes[d] for d in ("N", "G", "C"))
    return max(layer.macs, inputs)
