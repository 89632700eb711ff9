"""``KEY=FIRST:LAST:STEP``: which number of a machine varies, and over which values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final

from simulator.components.base import UNLIMITED
from simulator.errors import InputError, Problem, refuse
from simulator.spec.architecture import Architecture
from simulator.spec.validation import did_you_mean, shown

PLACE: Final = "--vary"
MOST_VALUES: Final = 200
Value = Fraction | str
"""An exact number, or ``"unlimited"``."""

_NUMBER: Final = re.compile(r"\d{1,18}(\.\d{1,18}|/\d{1,18})?")
_FAMILIES: Final = ("memories", "networks")
_NOT_NUMBERS: Final = ("name", "description", "technology", "dataflow", "energy", "provenance", "mappings")
_FORM: Final = "KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected"
_KEPT: Final = re.compile(
    r"(?!.*macs_per_cycle).*(per_cycle|_cycles|clock_mhz|burst_bytes)|array\.[a-z_]*fifo_words"
)


@dataclass(frozen=True, slots=True)
class Variation:
    """Numbers of a machine by their full key paths, which all get the same values; ascending, each once.

    ``name`` is what they are called in tables.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def is_speed(self) -> bool:
        """Whether only rates, latencies, clocks and FIFOs at edges vary: nothing that decides what fits."""
        return all(_KEPT.fullmatch(key) for key in self.keys)

    def own_value(self, architecture: Architecture) -> Value | None:
        """What ``architecture`` itself says; None where it says nothing, or not the same for all keys."""
        known = numbers_of(architecture)
        own = {known[key] for key in self.keys}
        value = own.pop()
        return None if own or value is None else value if value == UNLIMITED else Fraction(str(value))

    def machine(self, architecture: Architecture, value: Value) -> Architecture:
        """``architecture`` with ``value``; raises `InputError` with the point's name."""
        try:
            return architecture.replace(**{key.replace(".", "__"): _as_given(value) for key in self.keys})
        except InputError as error:
            place = f"{PLACE} {self.name}={text_of(value)}"
            raise InputError(Problem(place, p.key, p.value, p.expected) for p in error.problems) from None


def text_of(value: Value | None) -> str:
    """A value as it is written; decimals where they are exact, a dash for None."""
    if value is None or isinstance(value, str):
        return value or "-"
    given = _as_given(value)
    return given if isinstance(given, str) else f"{given:.15g}"


def _as_given(value: Value) -> int | float | str:
    """As an architecture file would say it, so that what is no number there is refused as such."""
    if isinstance(value, str) or value.denominator == 1:
        return value if isinstance(value, str) else value.numerator
    return float(value) if Fraction(str(float(value))) == value else f"{value.numerator}/{value.denominator}"


def numbers_of(architecture: Architecture) -> dict[str, Any]:
    """Every number of a machine by its full key path; None where it may stand but does not."""
    data = architecture.model_dump(by_alias=True)
    parts = {key: value for key, value in data.items() if key not in _NOT_NUMBERS and value is not None}
    return dict(_leaves(parts, ()))


def _leaves(data: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        here = (*path, str(key))
        if isinstance(value, dict):
            yield from _leaves(value, here)
        elif _is_number(value):
            yield ".".join(here), value


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value == UNLIMITED or _NUMBER.fullmatch(value) is not None
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def parse_variation(text: str, architecture: Architecture) -> Variation:
    """Read ``KEY=VALUES``; raises `InputError` that says what was expected.

    KEY is a path such as ``glb.read_words_per_cycle``, ``array.rows`` or ``clock_mhz``; several joined by
    ``+`` vary together. VALUES are numbers, ``unlimited`` and ranges such as ``1:64:x2`` or ``8:32:+8``,
    separated by commas.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not name or not values:
        raise refuse(PLACE, "", shown(text), _FORM)
    keys = tuple(dict.fromkeys(_full_key(key.strip(), architecture) for key in name.split("+")))
    return Variation(name, keys, parse_values(values))


def _full_key(key: str, architecture: Architecture) -> str:
    """The full path of a number that may be named without ``memories`` or ``networks``."""
    known = {}
    for path in numbers_of(architecture):
        family, _, rest = path.partition(".")
        known[rest if family in _FAMILIES else path] = path
    if key in known.values():
        return key
    if key not in known:
        expected = f"a number of {architecture.name} was expected; {_hint(key, known)}"
        raise refuse(PLACE, "", shown(key), expected)
    return known[key]


def _hint(key: str, known: dict[str, str]) -> str:
    """The nearest paths, else those of the part that is named, else the names of all parts."""
    bare = key.partition(".")[2] if key.startswith(_FAMILIES) else key
    if get_close_matches(bare.lower(), known, n=1, cutoff=0.6):
        return did_you_mean(bare, known)
    part = bare.partition(".")[0]
    inside = [path for path in known if path.startswith(f"{part}.")]
    if inside:
        return did_you_mean(bare, inside, family=f"those of {part} are")
    return did_you_mean(part, {path.partition(".")[0] for path in known}, family="they belong to")


def parse_values(text: str) -> tuple[Value, ...]:
    """Numbers, ranges and ``unlimited``, separated by commas: ascending, each once, unlimited last."""
    found: set[Value] = set()
    for item in (part.strip() for part in text.split(",")):
        if item == UNLIMITED:
            found.add(item)
        elif ":" in item:
            found.update(_range(item))
        else:
            found.add(_number(item, item or text))
        if len(found) > MOST_VALUES:
            raise refuse(PLACE, "", shown(text), f"at most {MOST_VALUES} values were expected")
    return tuple(sorted(found, key=lambda value: (isinstance(value, str), value)))


def _number(text: str, whole: str) -> Fraction:
    if not _NUMBER.fullmatch(text) or re.search(r"/0+$", text):
        told = "a number of at least 0 such as 4, 2.4 or 12/5 was expected"
        where = f", not {shown(text)}" if text != whole else ""
        raise refuse(PLACE, "", shown(whole) if whole else None, told + where)
    return Fraction(text)


def _range(text: str) -> list[Fraction]:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise refuse(PLACE, "", shown(text), "FIRST:LAST:STEP such as 1:64:x2 or 8:32:+8 was expected")
    first, last = (_number(part, text) for part in parts[:2])
    kind, amount = parts[2][:1], parts[2][1:]
    if kind not in ("x", "+") or not amount:
        raise refuse(PLACE, "", shown(text), "a step such as x2 (a factor) or +4 was expected")
    step = _number(amount, text)
    if step <= (kind == "x"):
        told = "a factor above 1 was expected" if kind == "x" else "a step above 0 was expected"
        raise refuse(PLACE, "", shown(text), told)
    if first > last or (kind == "x" and not first):
        told = "a LAST of at least FIRST was expected" if first else "a FIRST above 0 was expected"
        raise refuse(PLACE, "", shown(text), told)
    return list(_steps(first, last, step, text, times=kind == "x"))


def _steps(first: Fraction, last: Fraction, step: Fraction, text: str, *, times: bool) -> Iterator[Fraction]:
    for _ in range(MOST_VALUES):
        yield first
        first = first * step if times else first + step
        if first > last:
            return
    raise refuse(PLACE, "", shown(text), f"at most {MOST_VALUES} values were expected")
