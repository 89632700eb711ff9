"""The layers of a network as they stand in a file, some of them repeated."""

from collections.abc import Iterable, Iterator, Sequence
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
    ValidationInfo,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from simulator.components.base import Part
from simulator.errors import Problem
from simulator.names import DataType
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.operators import OPERATORS
from simulator.spec.operators.base import Operator, Size, SizeOrZero
from simulator.spec.parameters import Parameters
from simulator.spec.validation import MisfitError, did_you_mean, problems_of, shown

LARGEST_COUNT: Final = 1 << 62
"""Counters are 64-bit; a layer with more MACs or words could not be counted."""
MOST_LAYERS: Final = 100_000
"""How many layers repeated ones may become."""
LONGEST_NAME: Final = 200


def name_in_words(name: str) -> str:
    """Accept any printable text without slashes and without spaces around it."""
    if not name.isprintable() or name != name.strip() or any(c in name for c in "/\\"):
        raise ValueError("a printable name without slashes, line breaks and outer spaces was expected")
    return name


def folded(name: str) -> str:
    """A layer's name as it is matched: case is ignored, ``_`` is ``-``."""
    return name.casefold().replace("_", "-")


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(name_in_words)]
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


def _build(value: object, info: ValidationInfo) -> object:
    if isinstance(value, _NoChoice):
        raise MisfitError(value.problems, replaces_key=True)
    if not isinstance(value, _Chosen):
        return value
    operator = OPERATORS.all()[value.kind]
    try:
        return operator.model_validate(value.data, context=info.context)
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

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        data = {key: getattr(self, key) for key in type(self).model_fields}
        return type(self).model_validate({**data, **changes})

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
        hint = did_you_mean(str(key), [*kinds, "repeat"], family="one of")
        yield Problem("", str(key), "", f"a kind of layer was expected; {hint}")
    if not unknown:
        yield Problem("", "", "", f"a kind of layer was expected; one of: {', '.join(sorted(kinds))}")


def _item(value: object, _handler: object, info: ValidationInfo) -> object:
    """One entry of a list of layers."""
    if isinstance(value, LayerSpec | Stack):
        return value
    kind = Stack if isinstance(value, dict) and "repeat" in value else LayerSpec
    try:
        return kind.model_validate(value, context=info.context)
    except ValidationError as error:
        raise MisfitError(problems_of(kind, error)) from None


class Listed(Part):
    """Layers as they stand in a file, in which some may be repeated."""

    layers: Annotated[
        tuple[Annotated["LayerSpec | Stack", WrapValidator(_item)], ...], Field(min_length=1)
    ]

    @property
    def size(self) -> int:
        """How many layers these become."""
        return sum(1 if isinstance(item, LayerSpec) else item.repeat.repeated for item in self.layers)

    def unrolled(self) -> Iterator[tuple[str, LayerSpec]]:
        """Every layer, repeated ones as often as they are, with the key path where it stands."""
        for i, item in enumerate(self.layers):
            if isinstance(item, LayerSpec):
                yield f"layers.{i}", item
            else:
                for key, layer in item.repeat.repetitions():
                    yield f"layers.{i}.repeat.{key}", layer


class Repeat(Listed):
    """Layers that follow each other ``count`` times; ``q`` of the third time is ``NAME2.q``."""

    count: Size = Field(description="how often")
    name: Name = Field(description="what their names begin with, before the number of the repetition")
    first: SizeOrZero = Field(0, description="number of the first repetition")

    @property
    def repeated(self) -> int:
        """How many layers these become."""
        return self.count * self.size

    def repetitions(self) -> Iterator[tuple[str, LayerSpec]]:
        """Every layer of every repetition, with the key path where it stands."""
        once = list(self.unrolled())
        for number in range(self.first, self.first + self.count):
            for key, layer in once:
                yield key, layer.model_copy(update={"name": f"{self.name}{number}.{layer.name}"})


class Stack(Part):
    """Repeated layers in a list of layers."""

    repeat: Repeat


Listed.model_rebuild()
Repeat.model_rebuild()


def unroll(value: object, info: ValidationInfo) -> tuple[LayerSpec, ...]:
    """The layers of a network one by one; raises `MisfitError` with key paths as they stand in the file."""
    try:
        listed = Listed.model_validate({"layers": value}, context=info.context)
    except ValidationError as error:
        raise MisfitError(problems_of(Listed, error), replaces_key=True) from None
    if listed.size > max(MOST_LAYERS, len(listed.layers)):
        told = f"repetitions that give at most {MOST_LAYERS:,} layers were expected"
        raise MisfitError([Problem("", "", f"{listed.size:,} layers", told)])
    found = list(listed.unrolled())
    faults = [*_names_too_long(found), *_same_names(found), *_too_large(found)]
    if faults:
        raise MisfitError(_once(faults), replaces_key=True)
    if isinstance(info.context, Parameters):
        info.context.places = [place for place, _ in found]
    return tuple(layer for _, layer in found)


Found = Sequence[tuple[str, LayerSpec]]
"""Layers with the key paths where they stand."""


def _names_too_long(found: Found) -> Iterator[Problem]:
    for place, layer in found:
        if len(layer.name) > LONGEST_NAME:
            told = f"names of at most {LONGEST_NAME} characters were expected"
            yield Problem("", f"{place}.name", shown(layer.name), told)


def _same_names(found: Found) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i, (place, layer) in enumerate(found):
        at = first.setdefault(folded(layer.name), i)
        if at != i:
            other = f"{found[at][0]} is called {found[at][1].name}"
            told = f"a name of its own was expected: {other} (case does not count, _ is -)"
            yield Problem("", f"{place}.name", layer.name, told)


def _too_large(found: Found) -> Iterator[Problem]:
    sizes: dict[str, int] = {}
    for place, layer in found:
        if place not in sizes:
            sizes[place] = largest_count(layer.lower(1))
        if sizes[place] >= LARGEST_COUNT:
            told = "fewer than 2^62 MACs and words were expected"
            yield Problem("", place, f"{sizes[place]:,}", told)


def _once(faults: Iterable[Problem]) -> list[Problem]:
    """The first problem of every place: what is repeated is wrong in one place."""
    first: dict[str, Problem] = {}
    for fault in faults:
        first.setdefault(fault.key, fault)
    return list(first.values())


def largest_count(layer: Layer | VectorLayer) -> int:
    """The largest of a layer's MACs and words."""
    if isinstance(layer, VectorLayer):
        return max(layer.input_words, layer.output_words, layer.operations)
    inputs = prod(layer.input_size) * prod(layer.sizes[d] for d in ("N", "G", "C"))
    return max(layer.macs, inputs)
