"""From pydantic's errors to problems in plain words: key path, offending value, what was expected."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from simulator.errors import InputError, Problem

M = TypeVar("M", bound=BaseModel)

SHOWN_CHARACTERS: Final = 60
MARKERS: Final = ("source", "assumed", "fitted", "derived")


class Unreadable:
    """Stands where a file's value could not be read, so that the rest is still checked."""

    def __repr__(self) -> str:
        return "unreadable"


UNREADABLE: Final = Unreadable()


class MisfitError(ValueError):
    """Raised inside a validator that knows more than one problem, with keys relative to the validated value.

    With ``replaces_key`` the problems' keys start one level up, with the key as it stands in the file.
    """

    def __init__(self, problems: Iterable[Problem], *, replaces_key: bool = False) -> None:
        self.problems = tuple(problems)
        self.replaces_key = replaces_key
        super().__init__("; ".join(str(problem) for problem in self.problems))


def validate(model: type[M], data: object, place: str, context: object = None) -> M:
    """Build ``model`` from plain data; raises `InputError` with every problem, located in ``place``.

    ``context`` is what the model's validators are told beside the data.
    """
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        raise InputError(_placed(problems_of(model, error), place)) from None
    except InputError as error:
        raise InputError(_placed(error.problems, place)) from None


def problems_of(model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Every error as a problem without a place; values that were unreadable already are left out."""
    problems: list[Problem] = []
    for entry in error.errors(include_url=False):
        if _was_unreadable(entry["input"]) or _is_echo(entry):
            continue
        path = tuple(str(step) for step in entry["loc"] if step != "[key]")
        cause = entry.get("ctx", {}).get("error")
        if isinstance(cause, MisfitError):
            parents = path[:-1] if cause.replaces_key else path
            problems += [Problem("", dotted(*parents, p.key), p.value, p.expected) for p in cause.problems]
        else:
            problems.append(_problem(model, path, entry))
    return problems


def dotted(*steps: str) -> str:
    """Join the steps of a key path."""
    return ".".join(step for step in steps if step)


def did_you_mean(name: str, known: Iterable[str], *, family: str = "known") -> str:
    """A clause with the nearest names, or with all of them where none is near."""
    names = {str(n).lower(): str(n) for n in known}
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.6) or [
        n for n in names if _begins(name.lower(), n)
    ]
    if near:
        return f"did you mean {', '.join(names[n] for n in near)}?"
    return f"{family}: {', '.join(sorted(names.values())) or 'none'}"


def _begins(one: str, other: str) -> bool:
    return min(len(one), len(other)) > 1 and (one.startswith(other) or other.startswith(one))


def shown(value: object) -> str:
    """A value as it may stand in a message: one line, not long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) and value.isprintable() and value.strip() else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _placed(problems: Iterable[Problem], place: str) -> list[Problem]:
    return [Problem(place, p.key, p.value, p.expected) for p in problems]


def _was_unreadable(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return any(item is UNREADABLE for item in items)


def _is_echo(entry: Mapping[str, Any]) -> bool:
    """Whether a list seems too short only because some of its items were refused."""
    return entry["type"] == "too_short" and bool(len(entry["input"]) >= entry["ctx"]["min_length"])


def _problem(model: type[BaseModel], path: tuple[str, ...], entry: Mapping[str, Any]) -> Problem:
    key, value = dotted(*path), entry["input"]
    if entry["type"] == "missing":
        return Problem("", key, "", "this key is required")
    if entry["type"] == "extra_forbidden":
        hint = did_you_mean(path[-1], _known_keys(model, path[:-1]))
        return Problem("", key, shown(value), f"unknown key; {hint}")
    if isinstance(value, dict) and "value" in value:
        wanted = "{value: ..., source: ...} needs exactly one of " + ", ".join(MARKERS) + ", with a text"
        return Problem("", key, shown(value), wanted)
    whole = entry["type"] == "value_error" and isinstance(value, dict)
    quoted = isinstance(value, str) and entry["type"] in _NUMERIC
    return Problem("", key, "" if whole else repr(value) if quoted else shown(value), _expected(entry))


_NUMERIC: Final = ("int_type", "int_parsing", "float_type", "float_parsing")
"""Faults of numbers, where quotes in the message tell "3" from 3."""

_WORDS: Final[dict[str, str]] = {
    "int_type": "a whole number was expected",
    "int_parsing": "a whole number was expected",
    "int_from_float": "a whole number was expected",
    "float_type": "a number was expected",
    "float_parsing": "a number was expected",
    "finite_number": "a finite number was expected",
    "string_type": "text was expected",
    "bool_type": "true or false was expected",
    "bool_parsing": "true or false was expected",
    "dict_type": "a mapping of keys to values was expected",
    "model_type": "a mapping of keys to values was expected",
    "model_attributes_type": "a mapping of keys to values was expected",
    "list_type": "a list was expected",
    "tuple_type": "a list was expected",
}

_LIMITS: Final[dict[str, str]] = {
    "greater_than": "a number greater than {gt} was expected",
    "greater_than_equal": "a number of at least {ge} was expected",
    "less_than": "a number less than {lt} was expected",
    "less_than_equal": "a number of at most {le} was expected",
    "literal_error": "one of {expected} was expected",
    "string_too_short": "a text of at least {min_length} characters was expected",
    "string_too_long": "a text of at most {max_length} characters was expected",
    "too_short": "a list of at least {min_length} was expected",
    "too_long": "a list of at most {max_length} was expected",
    "value_error": "{error}",
}


def _expected(entry: Mapping[str, Any]) -> str:
    kind = entry["type"]
    if kind in _LIMITS:
        return _LIMITS[kind].format(**entry["ctx"])
    return _WORDS.get(kind) or str(entry["msg"])


def _known_keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """The keys of the mapping at ``path``."""
    here: Any = model
    for step in path:
        here = _inside(here, step)
    here = _bare(here)
    return list(_keys(here)) if _is_model(here) else []


def _keys(model: type[BaseModel]) -> dict[str, Any]:
    listed: Callable[[], list[str]] | None = getattr(model, "file_keys", None)
    if listed is not None:
        return dict.fromkeys(listed())
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _inside(annotation: Any, step: str) -> Any:
    here = _bare(annotation)
    if _is_model(here):
        return _keys(here).get(step)
    arguments = get_args(here)
    return arguments[-1 if get_origin(here) is dict else 0] if arguments else None


def _bare(annotation: Any) -> Any:
    """An annotation without `Annotated` and without `None`."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        else:
            return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
