"""Mapping files: per layer either plain loop nests or a dataflow's own parameters."""

from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.errors import InputError, Problem, refuse
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import Loop
from simulator.spec.reader import read_yaml, strip_provenance, write_yaml
from simulator.spec.validation import did_you_mean

_TOP: Final = ("dataflow", "layers", "description")
_AXES: Final = ("rows", "columns")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says about one layer: exactly one of ``parameters`` and ``loops``; ``key`` is its place."""

    key: str
    dataflow: str | None
    parameters: dict[str, int] | None = None
    loops: Mapping | None = None


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping file. ``dataflow`` maps the layers that have no entry; None: the architecture's own."""

    place: str
    dataflow: str | None
    entries: dict[str, Entry]

    def matched(self, layers: Iterable[str]) -> dict[str, Entry]:
        """The entries by the workload's own layer names; raises `InputError` for entries of unknown layers.

        Pass all names of the workload, not only those that are to run.
        """
        names = {normal(name): name for name in layers}
        unknown = [key for key in self.entries if normal(key) not in names]
        if unknown:
            hints = {key: did_you_mean(key, names.values(), family="layers") for key in unknown}
            raise InputError(
                Problem(self.place, f"layers.{key}", "", f"no such layer; {hints[key]}") for key in unknown
            )
        return {names[normal(key)]: entry for key, entry in self.entries.items()}


def normal(name: str) -> str:
    """A layer name as it is compared: case does not matter, ``_`` is ``-``."""
    return name.casefold().replace("_", "-")


def read_mapping_file(path: Path, place: str | None = None) -> MappingFile:
    """Read a mapping file; raises `InputError` with all its problems. ``place`` stands in messages."""
    return parse_mapping(strip_provenance(read_yaml(path))[0], place or str(path))


def parse_mapping(data: Dict[str, Any], place: str) -> MappingFile:
    """`read_mapping_file` on data that was read already."""
    unknown = [str(key) for key in data if key not in _TOP]
    problems = [Problem(place, key, "", f"one of {', '.join(_TOP)} was expected") for key in unknown]
    dataflow, layers = data.get("dataflow"), data.get("layers")
    problems += _no_name(dataflow, "dataflow", place)
    if not isinstance(layers, dict):
        problems.append(Problem(place, "layers", "", "layers with their mappings were expected, by name"))
        layers = {}
    entries: dict[str, Entry] = {}
    seen: dict[str, str] = {}
    for name, body in layers.items():
        key = str(name)
        if normal(key) in seen:
            problems.append(Problem(place, f"layers.{key}", "", f"the same layer as {seen[normal(key)]}"))
        seen[normal(key)] = key
        try:
            entries[key] = _entry(key, body, dataflow, place)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return MappingFile(place, dataflow, entries)


def _no_name(value: object, key: str, place: str) -> list[Problem]:
    if value is None or isinstance(value, str):
        return []
    return [Problem(place, key, str(value), "the name of a dataflow was expected")]


def _entry(name: str, body: object, dataflow: str | None, place: str) -> Entry:
    key = f"layers.{name}"
    if not isinstance(body, dict) or not body:
        raise refuse(place, key, body, "loops per memory, or parameters such as m: 64, were expected")
    own = body.get("dataflow", dataflow)
    problems = _no_name(own, f"{key}.dataflow", place)
    rest = {str(k): v for k, v in body.items() if k != "dataflow"}
    if problems:
        raise InputError(problems)
    if _is_nest(rest):
        return Entry(key, own, loops=_nest(rest, own or "loops", key, place))
    return Entry(key, own, parameters=_parameters(rest, key, place))


def _is_nest(body: dict[str, Any]) -> bool:
    """Whether loops are meant: by the keys that only nests have, else by what most values are."""
    nested = sum(isinstance(value, list | dict) for value in body.values())
    return 2 * nested > len(body) or (nested > 0 and not body.keys().isdisjoint(("array", "steps", "pe")))


def _parameters(body: dict[str, Any], key: str, place: str) -> dict[str, int]:
    wrong = {k: v for k, v in body.items() if isinstance(v, bool) or not isinstance(v, int) or v < 1}
    if wrong:
        expected = "a whole number above 0 was expected"
        raise InputError(Problem(place, f"{key}.{k}", str(v), expected) for k, v in wrong.items())
    return dict(body)


def _nest(body: dict[str, Any], dataflow: str, key: str, place: str) -> Mapping:
    problems: list[Problem] = []

    def loops(value: object, *keys: str) -> Loops:
        path = ".".join((key, *keys))
        if not isinstance(value, list):
            problems.append(Problem(place, path, str(value), "a list such as [M 4, C 2] was expected"))
            return ()
        out = []
        for i, text in enumerate(value):
            try:
                out.append(Loop.parse(text, place, f"{path}.{i}"))
            except InputError as error:
                problems.extend(error.problems)
        return tuple(out)

    array = body.get("array", {})
    if not isinstance(array, dict) or not set(array) <= set(_AXES):
        problems.append(Problem(place, f"{key}.array", str(array), "rows and columns were expected"))
        array = {}
    nest = Mapping(
        dataflow,
        {name: loops(value, name) for name, value in body.items() if name not in ("array", "steps", "pe")},
        rows=loops(array.get("rows", []), "array", "rows"),
        columns=loops(array.get("columns", []), "array", "columns"),
        steps=loops(body.get("steps", []), "steps"),
        pe=loops(body.get("pe", []), "pe"),
    )
    if problems:
        raise InputError(problems)
    return nest


def write_mapping_file(mappings: dict[str, Mapping]) -> str:
    """The text of a mapping file that maps every layer the same way again."""
    common = next((mapping.dataflow for mapping in mappings.values()), None)
    layers: dict[str, dict[str, Any]] = {}
    for name, mapping in mappings.items():
        own = {} if mapping.dataflow == common else {"dataflow": mapping.dataflow}
        layers[name] = own | (mapping.parameters or mapping.to_dict())
    head = {} if common is None else {"dataflow": common}
    return write_yaml({**head, "layers": layers})
