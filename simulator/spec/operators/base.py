"""What every kind of layer shares: sizes in the field's letters, and how it becomes a loop nest."""

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from simulator.components.base import Part
from simulator.errors import Problem
from simulator.names import DIMENSIONS, DataType, Dimension
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.parameters import LARGEST, resolved, size_schema
from simulator.spec.validation import MisfitError

Zeros = dict[DataType, Fraction]


def _as_size(value: object, info: ValidationInfo) -> object:
    return resolved(value, 1, info.context)


def _as_size_or_zero(value: object, info: ValidationInfo) -> object:
    return resolved(value, 0, info.context)


Size = Annotated[
    int,
    Field(gt=0, le=LARGEST, strict=True),
    BeforeValidator(_as_size),
    WithJsonSchema(size_schema(1)),
]
"""A whole number greater than 0; in a file also an expression over the workload's parameters."""
SizeOrZero = Annotated[
    int,
    Field(ge=0, le=LARGEST, strict=True),
    BeforeValidator(_as_size_or_zero),
    WithJsonSchema(size_schema(0)),
]


def _list_schema(least: int, *lengths: int) -> dict[str, Any]:
    item = size_schema(least)
    lists = [{"type": "array", "items": item, "minItems": n, "maxItems": n} for n in lengths]
    return {"anyOf": [*item["anyOf"], *lists]}


def as_pair(value: object) -> tuple[object, object]:
    """``4`` or ``[4, 4]`` as (vertical, horizontal)."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        return (value, value)
    if isinstance(value, list | tuple) and len(value) == 2:
        return (value[0], value[1])
    raise ValueError("a whole number or [vertical, horizontal] was expected")


def as_sides(value: object) -> tuple[object, ...]:
    """``1``, ``[1, 1]`` or ``[1, 1, 1, 1]`` as (top, bottom, left, right)."""
    if isinstance(value, list | tuple) and len(value) == 4:
        return tuple(value)
    try:
        vertical, horizontal = as_pair(value)
    except ValueError:
        told = "a whole number, [vertical, horizontal] or [top, bottom, left, right] was expected"
        raise ValueError(told) from None
    return (vertical, vertical, horizontal, horizontal)


Pair = Annotated[tuple[Size, Size], BeforeValidator(as_pair), WithJsonSchema(_list_schema(1, 2))]
Sides = Annotated[
    tuple[SizeOrZero, SizeOrZero, SizeOrZero, SizeOrZero],
    BeforeValidator(as_sides),
    WithJsonSchema(_list_schema(0, 2, 4)),
]


class Operator(Part):
    """What a layer does. Subclass, register a kind, implement `lower`: a new kind of layer."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = list(self.faults())
        if faults:
            raise MisfitError(faults)
        return self

    def faults(self) -> Iterator[Problem]:
        """Sizes that contradict each other, with the keys of this operator."""
        yield from ()

    def lower(self, name: str, batch: int, zeros: Zeros) -> Layer | VectorLayer:
        """The loop nest over ``batch`` images, or the data volume where there are no MACs."""
        raise NotImplementedError


class Window(Operator):
    """A filter that slides over C feature maps of H × W."""

    C: Size = Field(description="input channels, of all groups together")
    H: Size = Field(description="input rows, padding not counted")
    W: Size = Field(description="input columns, padding not counted")
    R: Size = Field(description="filter rows")
    S: Size = Field(description="filter columns")
    stride: Pair = Field((1, 1), description="one number, or [vertical, horizontal]")
    padding: Sides = Field(
        (0, 0, 0, 0), description="one number, [vertical, horizontal] or [top, bottom, left, right]"
    )
    dilation: Pair = Field(
        (1, 1), description="distance of filter taps: one number, or [vertical, horizontal]"
    )

    def faults(self) -> Iterator[Problem]:
        """A filter that is larger than its padded input."""
        for axis, (span, filled) in enumerate(zip(self._spans, self._filled, strict=True)):
            if span > filled:
                tap, size = "RS"[axis], "HW"[axis]
                told = f"a filter that fits was expected: it spans {span}, {size} with padding is {filled}"
                yield Problem("", tap, str(getattr(self, tap)), told)

    @property
    def _spans(self) -> tuple[int, int]:
        return self.dilation[0] * (self.R - 1) + 1, self.dilation[1] * (self.S - 1) + 1

    @property
    def _filled(self) -> tuple[int, int]:
        top, bottom, left, right = self.padding
        return self.H + top + bottom, self.W + left + right

    @property
    def output_size(self) -> tuple[int, int]:
        """(P, Q)."""
        (rows, columns), (high, wide) = self._spans, self._filled
        return (high - rows) // self.stride[0] + 1, (wide - columns) // self.stride[1] + 1

    def nest(self, name: str, batch: int, zeros: Zeros, *, groups: int, filters: int) -> Layer:
        """The loop nest with ``filters`` output channels per group."""
        P, Q = self.output_size
        outer: dict[Dimension, int] = {"N": batch, "G": groups, "M": filters, "C": self.C // groups}
        return Layer(
            name=name,
            sizes={**outer, "P": P, "Q": Q, "R": self.R, "S": self.S},
            stride=self.stride,
            dilation=self.dilation,
            input_size=(self.H, self.W),
            padding_before=(self.padding[0], self.padding[2]),
            zeros=zeros,
        )


def product(name: str, zeros: Zeros, *, rows: int, groups: int, filters: int, channels: int) -> Layer:
    """``groups`` products of rows × channels by channels × filters as a loop nest."""
    sizes: dict[Dimension, int] = {
        **dict.fromkeys(DIMENSIONS, 1),
        "N": rows,
        "G": groups,
        "M": filters,
        "C": channels,
    }
    return Layer(name=name, sizes=sizes, zeros=zeros)


class FeatureMaps(Operator):
    """An operator on C feature maps of H × W that works on each element alone."""

    C: Size = Field(description="channels")
    H: Size = Field(1, description="rows")
    W: Size = Field(1, description="columns")

    @property
    def elements(self) -> int:
        """Elements of one image."""
        return prod((self.C, self.H, self.W))
