"""YAML as it is read and written here: nothing means something else than it looks like.

PyYAML reads ``1e9`` as text, ``no`` as false and ``010`` as 8, keeps the last of two equal keys and expands
aliases without bound. Here all of these are refused, each with its key path, and the rest of the file is
read all the same, so that one message has every problem.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel

from simulator.errors import InputError, Problem, refuse
from simulator.spec.validation import MARKERS, UNREADABLE, dotted, shown, validate

__all__ = [
    "load",
    "load_plain",
    "read_document",
    "read_text",
    "read_yaml",
    "strip_provenance",
    "validate",
    "write_yaml",
]

M = TypeVar("M", bound=BaseModel)
Provenance = dict[str, dict[str, str]]

MAXIMUM_BYTES: Final = 64_000_000
MAXIMUM_DEPTH: Final = 50
MAXIMUM_DIGITS: Final = 18

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?|[-+]?\.[0-9]+([eE][-+][0-9]+)?")
_EXPONENT: Final = re.compile(r"([-+]?)([0-9]+|[0-9]*\.[0-9]+|[0-9]+\.)[eE]([-+]?)([0-9]+)")
_TRAPS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(?i)yes|no|on|off"), "true or false was expected, or quotes if it is text"),
    (re.compile(r"(?i)[-+]?\.?(nan|inf|infinity)"), "a finite number was expected, or quotes if it is text"),
    (
        re.compile(r"[-+]?0([0-9_]+|[xXoObB][0-9a-fA-F_]+)"),
        "a decimal number without leading zeros was expected",
    ),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_.]*"), "a number without _ was expected"),
    (re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "a number was expected, or quotes if it is text"),
)


@dataclass(slots=True)
class Document:
    """What a file says, with `UNREADABLE` in place of what could not be read, and why it could not."""

    place: str
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load(model: type[M], path: Path) -> M:
    """Read, strip provenance and validate; raises `InputError` with every problem of the file."""
    document = read_document(path)
    if "provenance" not in model.model_fields:
        return built(model, strip_provenance(document.data)[0], document)
    return built(model, with_provenance(document.data), document)


def with_provenance(data: dict[str, Any]) -> dict[str, Any]:
    """Plain data whose key ``provenance`` says what stood beside its values."""
    plain, provenance = strip_provenance(data)
    if provenance:
        given = plain.get("provenance")
        plain["provenance"] = {**given, **provenance} if isinstance(given, dict) else given or provenance
    return dict(plain)


def load_plain(model: type[M], path: Path) -> M:
    """`load` for a format that says in its own way where its numbers come from."""
    document = read_document(path)
    return built(model, document.data, document)


def built(model: type[M], data: dict[str, Any], document: Document, context: object = None) -> M:
    """Validate what was read; raises `InputError` with every problem of the file."""
    try:
        found = validate(model, data, document.place, context)
    except InputError as error:
        raise InputError([*document.problems, *error.problems]) from None
    if document.problems:
        raise InputError(document.problems)
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping; raises `InputError` with everything that is not plainly readable."""
    document = read_document(path)
    if document.problems:
        raise InputError(document.problems)
    return document.data


def read_document(path: Path) -> Document:
    """Read one YAML mapping and keep going after a mistake inside it; raises where nothing is readable."""
    place = str(path)
    return parse(read_text(path, place), place)


def parse(text: str, place: str) -> Document:
    """`read_document` on text. ``place`` stands in the messages."""
    builder = _Builder(text, place)
    try:
        data = builder.document()
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, place) from None
    if not isinstance(data, dict):
        if builder.problems:
            raise InputError(builder.problems)
        raise refuse(place, "", shown(data), "a mapping of keys to values was expected")
    return Document(place, data, builder.problems)


def strip_provenance(data: Any) -> tuple[Any, Provenance]:
    """Replace every ``{value: v, source: text}`` by ``v``; return the texts by dotted key path.

    The text's key is one of source, assumed, fitted, derived. Any other mapping stays as it is.
    """
    provenance: Provenance = {}

    def strip(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            marker = _marker(value)
            if marker:
                provenance[path] = {marker: value[marker]}
                return strip(value["value"], path)
            return {key: strip(inner, dotted(path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [strip(inner, dotted(path, str(i))) for i, inner in enumerate(value)]
        return value

    return strip(data, ""), provenance


def write_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as YAML that `read_yaml` reads back equal; keys keep their order."""
    return str(yaml.dump(dict(data), Dumper=_StrictDumper, sort_keys=False, allow_unicode=True, width=120))


class _StrictDumper(_Dumper):  # type: ignore[misc]
    """Quotes text that would not be read back as the same text."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    try:
        plain = _scalar(text) == text and text.isprintable()
    except ValueError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_StrictDumper.add_representer(str, _represent_text)
_StrictDumper.add_representer(tuple, lambda dumper, items: dumper.represent_list(items))


def _marker(value: dict[str, Any]) -> str | None:
    if len(value) != 2 or "value" not in value:
        return None
    marker = next(key for key in value if key != "value")
    told = value[marker]
    return marker if marker in MARKERS and isinstance(told, str) and told.strip() else None


def read_text(path: Path, place: str) -> str:
    """A file as text, without a byte order mark; raises `InputError` unless it is UTF-8 and not too large."""
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(place, "", None, f"a readable file was expected: {reason}") from None
    if len(content) > MAXIMUM_BYTES:
        raise refuse(place, "", None, f"a file of at most {MAXIMUM_BYTES:,} bytes was expected")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(place, "", None, f"UTF-8 text was expected (byte {error.start} is not)") from None


def _not_yaml(error: yaml.YAMLError, text: str, place: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return refuse(place, "", None, f"YAML was expected: {' '.join(str(error).split())}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    told = f"YAML was expected: {getattr(error, 'problem', error)}"
    expected = "spaces, not tabs, were expected" if "\t" in indent else told
    where = f"line {mark.line + 1}, column {mark.column + 1}"
    return refuse(place, where, shown(line.strip()) if line.strip() else None, expected)


def _scalar(text: str) -> object:
    """The value of an unquoted word; raises `ValueError` with what was expected where readers disagree."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > MAXIMUM_DIGITS:
            raise ValueError(f"a number of at most {MAXIMUM_DIGITS} digits was expected")
        return int(text)
    if _DECIMAL.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return _finite(float(text))
    exponent = _EXPONENT.fullmatch(text)
    if exponent:
        raise ValueError(f"this is text to many YAML readers; write {_with_point(exponent)}")
    for pattern, expected in _TRAPS:
        if pattern.fullmatch(text):
            raise ValueError(expected)
    return text


def _finite(number: float) -> float:
    if number in (float("inf"), float("-inf")):
        raise ValueError("a finite number was expected")
    return number


def _with_point(match: re.Match[str]) -> str:
    sign, mantissa, direction, digits = match.groups()
    whole, _, part = mantissa.partition(".")
    return f"{sign}{whole or '0'}.{part or '0'}e{direction or '+'}{digits}"


class _Builder:
    """Builds plain data from YAML events, noting problems with their key paths."""

    def __init__(self, text: str, place: str) -> None:
        self.place = place
        self.text = text
        self.problems: list[Problem] = []

    def document(self) -> Any:
        """The file's only document; None where the file is empty."""
        self._events = _Loader(self.text)
        try:
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                return None
            data = self._value(self._next(), "", 0)
            self._next()
            if not isinstance(self._next(), yaml.StreamEndEvent):
                self._complain("", None, "one document per file was expected: a second '---' begins another")
            return data
        finally:
            self._events.dispose()

    def _next(self) -> Any:
        return self._events.get_event()

    def _complain(self, key: str, value: object, expected: str) -> object:
        self.problems.append(Problem(self.place, key, "" if value is None else shown(value), expected))
        return UNREADABLE

    def _value(self, event: Any, key: str, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._complain(key, f"*{event.anchor}", "the value itself was expected, not an alias")
        if depth > MAXIMUM_DEPTH:
            raise refuse(self.place, key, None, f"at most {MAXIMUM_DEPTH} levels of nesting were expected")
        if event.tag not in (None, "!"):
            self._complain(key, event.tag, "a value without a tag was expected")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(key, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(key, depth)
        return self._word(event, key)

    def _word(self, event: Any, key: str) -> object:
        if not event.implicit[0]:
            return event.value
        try:
            return _scalar(event.value)
        except ValueError as error:
            return self._complain(key, event.value, str(error))

    def _sequence(self, key: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, dotted(key, str(len(items))), depth + 1))
        return items

    def _mapping(self, key: str, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name = self._key(event, key, depth)
            inner = dotted(key, name)
            value = self._value(self._next(), inner, depth + 1)
            line = event.start_mark.line + 1
            if name in data:
                told = f"a key once was expected: it stands in line {lines[name]} and in line {line}"
                self._complain(inner, None, told)
            else:
                data[name], lines[name] = value, line
        return data

    def _key(self, event: Any, parent: str, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value != "<<":
            return str(event.value)
        if not isinstance(event, yaml.ScalarEvent):
            self._value(event, parent, depth + 1)
        line = f"line {event.start_mark.line + 1}"
        told = f"a word as key was expected in {line}: merged, listed or nested keys are not read"
        self._complain(parent, None, told)
        return line
