"""Parameters of a workload's file: numbers with names, and sizes that are expressions over them.

``hidden // heads * 3`` is one: whole numbers and parameters with + - * // and parentheses, nothing else. A
division must leave no remainder, as half a head is no head.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulator.errors import Problem
from simulator.spec.validation import UNREADABLE, MisfitError, did_you_mean, shown

LARGEST: Final = (1 << 31) - 1
"""The largest size, and the largest value of a parameter."""

EXPRESSION: Final = r"[A-Za-z_0-9+\-*/() ]{1,100}"
"""What an expression is made of."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,99}")
_TOKEN: Final = re.compile(r"\s*(?:([A-Za-z_][A-Za-z_0-9]*)|([0-9]{1,18})|(//|[-+*()]))")
_SYNTAX: Final = "a whole number, or parameters and whole numbers with + - * // and ( ), were expected"


class Parameters:
    """The values of one workload's parameters, which of them are used, and where its layers stand.

    ``given`` are values that replace the file's. It goes along with the data while a workload is built.
    """

    def __init__(self, given: Mapping[str, object] | None = None) -> None:
        self.given = dict(given or {})
        self.values: dict[str, int] = {}
        self.places: list[str] = []
        self._wrong: set[str] = set()
        self._used: set[str] = set()
        self._told: set[str] = set()

    def declare(self, declared: object) -> Iterator[Problem]:
        """Take the parameters that a file declares; yields what is wrong with them and with those given."""
        if declared is UNREADABLE:
            self._wrong |= self.given.keys()
            return
        if not isinstance(declared, Mapping):
            yield Problem("", "parameters", shown(declared), "a mapping of names to numbers was expected")
            return
        for name, default in declared.items():
            yield from self._take(str(name), default)
        for name in [name for name in self.given if name not in declared]:
            hint = did_you_mean(str(name), declared, family="parameters are")
            yield Problem("", f"parameters.{name}", shown(self.given[name]), f"unknown parameter; {hint}")

    def _take(self, name: str, default: object) -> Iterator[Problem]:
        self._wrong.add(name)
        if _NAME.fullmatch(name) is None:
            told = "a name of letters, digits and _ that begins with no digit was expected"
            yield Problem("", f"parameters.{name}", "", told)
            return
        values = [default, self.given[name]] if name in self.given else [default]
        for value in values:
            if value is UNREADABLE:
                return
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
                told = f"a whole number from 0 to {LARGEST} was expected"
                yield Problem("", f"parameters.{name}", shown(value), told)
                return
            self.values[name] = value
        self._wrong.discard(name)

    def unused(self) -> Iterator[Problem]:
        """Parameters that no size names: giving them would do nothing."""
        for name in self.values:
            if name not in self._used:
                told = "a parameter that a size uses was expected"
                yield Problem("", f"parameters.{name}", str(self.values[name]), told)

    def misfit(self, expression: str, told: str) -> ValueError:
        """What to raise for values with which ``expression`` is no size: only once, its places are alike."""
        again = expression in self._told
        self._told.add(expression)
        return MisfitError([]) if again else ValueError(told)

    def __getitem__(self, name: str) -> int:
        """The value of a parameter; raises `MisfitError` where there is none."""
        self._used.add(name)
        if name in self._wrong:
            raise MisfitError([])
        if name not in self.values:
            hint = did_you_mean(name, self.values, family="parameters are")
            raise ValueError(f"{_SYNTAX}; {name} is no parameter; {hint}")
        return self.values[name]


def resolved(value: object, least: int, context: object) -> object:
    """The number that ``value`` stands for where it is an expression, else ``value`` as it is.

    Raises `ValueError` where it is none, or is not from ``least`` to the largest size.
    """
    if not isinstance(value, str) or not re.search("[A-Za-z_]", value):
        return value
    parameters = context if isinstance(context, Parameters) else Parameters()
    found = _Expression(value, parameters).value()
    if not least <= found <= LARGEST:
        named = sorted(set(_NAME.findall(value)))
        told = ", ".join(f"{name} {parameters[name]}" for name in named)
        told = f"a number from {least} to {LARGEST} was expected; with {told} it is {found}"
        raise parameters.misfit(value, told)
    return found


class _Expression:
    """Reads one expression from left to right; every method takes what it understands."""

    def __init__(self, text: str, parameters: Parameters) -> None:
        if re.fullmatch(EXPRESSION, text) is None:
            raise ValueError(_SYNTAX)
        self.text, self.parameters = text, parameters
        self.tokens = list(self._split(text))
        self.at = 0

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise ValueError(_SYNTAX)
            yield found[0].strip()
            at = found.end()

    def value(self) -> int:
        """The value of all of it."""
        found = self._sum()
        if self.at < len(self.tokens):
            raise ValueError(_SYNTAX)
        return found

    def _sum(self) -> int:
        found = self._product()
        while (sign := self._taken("+", "-")) is not None:
            other = self._product()
            found = found + other if sign == "+" else found - other
        return found

    def _product(self) -> int:
        found = self._atom()
        while (sign := self._taken("*", "//")) is not None:
            other = self._atom()
            found = found * other if sign == "*" else self._quotient(found, other)
        return found

    def _atom(self) -> int:
        if self._taken("(") is not None:
            found = self._sum()
            if self._taken(")") is None:
                raise ValueError(_SYNTAX)
            return found
        word = self.tokens[self.at] if self.at < len(self.tokens) else ""
        self.at += 1
        if word.isdecimal():
            return int(word)
        if _NAME.fullmatch(word):
            return self.parameters[word]
        raise ValueError(_SYNTAX)

    def _quotient(self, dividend: int, divisor: int) -> int:
        if divisor == 0 or dividend % divisor:
            told = f"a division without remainder was expected, and it is {dividend} // {divisor}"
            raise self.parameters.misfit(self.text, told)
        return dividend // divisor

    def _taken(self, *words: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at] in words:
            self.at += 1
            return self.tokens[self.at - 1]
        return None


def size_schema(least: int) -> dict[str, Any]:
    """JSON Schema of a size in a workload's file."""
    text = {"type": "string", "pattern": f"^{EXPRESSION}$"}
    return {"anyOf": [{"type": "integer", "minimum": least}, text]}
