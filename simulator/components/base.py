"""What every described part shares: strict frozen fields, exact rates and the registry of kinds."""

import re
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from simulator.names import DataType

UNLIMITED: Final = "unlimited"


class Part(BaseModel):
    """A described thing: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True, populate_by_name=True
    )

    def replace(self, **changes: Any) -> "Part":
        """Return a validated copy with some fields changed."""
        return type(self).model_validate({**self.model_dump(), **changes})


def parse_rate(value: object) -> object:
    """Turn ``4``, ``"12/5"``, ``2.4`` or ``"unlimited"`` into an exact rate; decimals are read as written."""
    if value == UNLIMITED or isinstance(value, Fraction):
        return value
    told = "a positive number, a fraction such as '12/5', or 'unlimited' was expected"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(told)  # noqa: TRY004 (pydantic collects value errors only)
    if re.search(r"[eE][+-]?\d{4}", str(value)):  # an exact fraction of it would fill the memory
        raise ValueError(told)
    try:
        rate = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(told) from None
    if rate <= 0:
        raise ValueError("a rate must be greater than 0")
    return rate


def _write_rate(rate: "Fraction | str") -> int | str:
    if isinstance(rate, str):
        return rate
    return rate.numerator if rate.denominator == 1 else f"{rate.numerator}/{rate.denominator}"


Rate = Annotated[
    Fraction | Literal["unlimited"],
    BeforeValidator(parse_rate),
    PlainSerializer(_write_rate),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]
"""Something per cycle: an exact rational, or ``"unlimited"``."""

Stream = Literal["weight", "input", "psum_in", "psum_out"]
"""What a port can be asked to move: a data type, and for psums a direction seen from the array."""
Arbitration = Literal["fifo", "priority", "round_robin"]
Count = Annotated[int, Field(gt=0, strict=True)]
CountOrZero = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[float, Field(gt=0, strict=True)]


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_DATA_TYPE: Final = {"enum": ["weight", "input", "output"]}
DataTypes = Annotated[
    tuple[DataType, ...],
    Field(min_length=1),
    BeforeValidator(_as_tuple),
    WithJsonSchema({"anyOf": [_DATA_TYPE, {"type": "array", "items": _DATA_TYPE, "minItems": 1}]}),
]
"""One data type or a list of them."""

NoOrMoreDataTypes = Annotated[
    tuple[DataType, ...],
    BeforeValidator(_as_tuple),
    WithJsonSchema({"anyOf": [_DATA_TYPE, {"type": "array", "items": _DATA_TYPE}]}),
]
"""One data type, a list of them, or an empty list."""


class Arbitrated(Part):
    """A part whose ports serve several request streams in a declared order."""

    arbitration: Arbitration = Field(
        "fifo", description="order of requests that want one port in the same cycle; ties go by `priority`"
    )
    priority: tuple[Stream, ...] = Field(
        (),
        description="streams, first served first; unnamed ones follow: weight, input, psum_in, psum_out",
    )

    @property
    def order(self) -> tuple[str, ...]:
        """All streams, first served first."""
        return (*self.priority, *(stream for stream in get_args(Stream) if stream not in self.priority))


P = TypeVar("P", bound=Part)
T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one sort by name: each file of a package adds its own when it is imported."""

    def __init__(self, package: str) -> None:
        self.package = package
        self._kinds: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, thing: T) -> None:
        """Make ``thing`` known as ``name``."""
        self._kinds[name] = thing

    def all(self) -> dict[str, T]:
        """Return everything by name; imports the package's files on first use."""
        if not self._loaded:
            self._loaded = True
            package = import_module(self.package)
            for module in iter_modules(package.__path__):
                import_module(f"{self.package}.{module.name}")
        return dict(self._kinds)


class Kinds(Registry[type[Part]]):
    """The registry of one family of parts: each kind is one class in one file of a package."""

    def __init__(self, family: str, package: str) -> None:
        super().__init__(package)
        self.family = family

    def register(self, kind: str) -> Callable[[type[P]], type[P]]:
        """Class decorator that makes ``kind: NAME`` in an architecture file build this class."""

        def add(part: type[P]) -> type[P]:
            self.add(kind, part)
            return part

        return add

    def name_of(self, part: Part) -> str:
        """The name that ``part``'s class is registered under."""
        return next(kind for kind, known in self.all().items() if known is type(part))
