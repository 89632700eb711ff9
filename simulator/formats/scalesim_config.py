"""SCALE-Sim's configurations (v1, v2, v3): every key is read, and what has no effect here is said."""

import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from simulator.errors import InputError, Problem, refuse
from simulator.formats.scalesim_keys import EXPECTED, KEYS, Key
from simulator.spec.parameters import LARGEST
from simulator.spec.reader import read_text
from simulator.spec.validation import did_you_mean, shown

MAXIMUM_CHARACTERS: Final = 1_000_000
_NO_DEFAULTS: Final = "\0"
"""A section that no file has, so that [DEFAULT] is a section like any other."""
_SECTIONS: Final = tuple(dict.fromkeys(key.section for key in KEYS))
_SIZE_DIGITS: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class ScaleSimConfig:
    """A configuration. Sizes in kB of 1024 words, bandwidths in words per cycle, addresses in words.

    Where a file lacks a key its value is what SCALE-Sim starts from, and None where that depends on others.
    ``notes`` name every key of the file that has no effect here; ``origins`` are its keys by field.
    """

    array_height: int
    array_width: int
    ifmap_kb: int
    filter_kb: int
    ofmap_kb: int
    dataflow: str
    name: str = "scale_run"
    interface: str = "calc"
    bandwidths: tuple[int, ...] = ()
    ifmap_bank_bandwidth: int | None = None
    filter_bank_bandwidth: int | None = None
    ifmap_offset: int = 0
    filter_offset: int = 10_000_000
    ofmap_offset: int = 20_000_000
    memory_banks: int = 1
    on_chip_banks: int = 1
    on_chip_bank_ports: int = 2
    read_requests: int = 60
    write_requests: int = 60
    ifmap_custom_layout: bool = False
    ifmap_banks: int = 10
    ifmap_bank_ports: int = 2
    filter_custom_layout: bool = False
    filter_banks: int = 10
    filter_bank_ports: int = 2
    sparsity: bool = False
    sparse_format: str = ""
    optimized_mapping: bool = False
    sparse_block: int = 4
    sparse_seed: int = 40
    ramulator: bool = False
    topology: str = ""
    notes: tuple[Problem, ...] = field(default=(), compare=False)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def ifmap_words_per_cycle(self) -> int | None:
        """Rate at which inputs come on chip; None is unlimited. A key of its own in v3, else Bandwidth."""
        return self._rate(self.ifmap_bank_bandwidth)

    @property
    def filter_words_per_cycle(self) -> int | None:
        """Rate at which weights come on chip, as `ifmap_words_per_cycle`."""
        return self._rate(self.filter_bank_bandwidth)

    @property
    def ofmap_words_per_cycle(self) -> int | None:
        """Rate at which outputs leave the chip; None is unlimited."""
        return self._rate(None)

    def where(self, name: str) -> str:
        """Section and key that a field is from, as the file writes them or SCALE-Sim would."""
        return self.origins.get(name) or next(key.path for key in KEYS if key.field == name)

    def _rate(self, own: int | None) -> int | None:
        if self.interface == "calc":
            return None
        return self.bandwidths[0] if own is None else own


def read_config(path: Path) -> ScaleSimConfig:
    """Read a configuration; raises `InputError` with every mistake of the file."""
    return parse_config(read_text(path, str(path)), str(path))


def parse_config(text: str, place: str) -> ScaleSimConfig:
    """`read_config` on text. ``place`` stands in the messages."""
    parser = _parsed(text, place)
    given, problems = _keys_of(parser, place)
    values: dict[str, Any] = {}
    for path, (key, raw) in given.items():
        value = _value(key, raw)
        if value is None:
            words = f"one of {', '.join(key.words)} was expected"
            expected = words if key.words else EXPECTED[key.reading]
            problems.append(Problem(place, path, shown(raw) if raw else "nothing", expected))
        else:
            values[key.field] = value
    problems += _missing({key for key, _ in given.values()}, values, place)
    if values.get("sparsity"):
        told = "False was expected: sparse weights are not modelled, and dense ones take another time"
        problems.append(Problem(place, "sparsity.SparsitySupport", "True", told))
    if problems:
        raise InputError(problems)
    origins = {key.field: path for path, (key, _) in given.items()}
    return ScaleSimConfig(**values, notes=tuple(_notes(given, values, place)), origins=origins)


def _parsed(text: str, place: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        interpolation=None,
        default_section=_NO_DEFAULTS,
        inline_comment_prefixes=("#", ";"),
        allow_no_value=True,
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they stand, for messages
    if len(text) > MAXIMUM_CHARACTERS:
        raise refuse(place, "", None, f"at most {MAXIMUM_CHARACTERS:,} characters were expected")
    try:
        parser.read_string(text, place)
    except configparser.DuplicateOptionError as error:
        told = "every key once was expected"
        raise refuse(place, f"line {error.lineno}", f"{error.section}.{error.option}", told) from None
    except configparser.DuplicateSectionError as error:
        raise refuse(
            place, f"line {error.lineno}", f"[{error.section}]", "every section once was expected"
        ) from None
    except configparser.MissingSectionHeaderError as error:
        told = f"a section was expected first, one of [{'], ['.join(_SECTIONS)}]"
        raise refuse(place, f"line {error.lineno}", shown(error.line.strip()), told) from None
    except configparser.ParsingError as error:
        told = "[section], or key: value, was expected"
        raise InputError(Problem(place, f"line {n}", "", told) for n, _ in error.errors) from None
    if not parser.sections():
        raise refuse(place, "", None, f"sections were expected: [{'], ['.join(_SECTIONS)}]")
    return parser


def _folded(name: str) -> str:
    return name.strip().casefold()


def _known_paths() -> dict[str, Key]:
    return {_folded(path): key for key in KEYS for path in (key.path, *key.others)}


def _keys_of(
    parser: configparser.ConfigParser, place: str
) -> tuple[dict[str, tuple[Key, str]], list[Problem]]:
    """What the file gives, by where it stands: key and text. Unknown sections and keys are problems."""
    known = _known_paths()
    given: dict[str, tuple[Key, str]] = {}
    problems: list[Problem] = []
    for section in parser.sections():
        if _folded(section) not in _SECTIONS:
            told = f"unknown section; {did_you_mean(section, _SECTIONS)}"
            problems.append(Problem(place, f"[{shown(section)}]", "", told))
            continue
        for name, raw in parser.items(section):
            key = known.get(f"{_folded(section)}.{_folded(name)}")
            if key is None:
                problems.append(_unknown(section, name, raw, place))
                continue
            path = f"{section.strip()}.{name.strip()}"
            twice = [other for other, (same, _) in given.items() if same == key]
            if twice:
                problems.append(Problem(place, path, "", f"this or {twice[0]} was expected, not both"))
            given[path] = (key, _unquoted(raw or ""))
    return given, problems


def _unquoted(raw: str) -> str:
    raw = raw.strip()
    return raw[1:-1].strip() if len(raw) > 1 and raw[0] == raw[-1] and raw[0] in "\"'" else raw


def _unknown(section: str, name: str, raw: str | None, place: str) -> Problem:
    here = [key.name for key in KEYS if key.section == _folded(section)]
    elsewhere = [key.section for key in KEYS if _folded(key.name) == _folded(name)]
    told = f"it belongs into [{elsewhere[0]}]" if elsewhere else did_you_mean(name, here)
    return Problem(place, f"{section}.{shown(name)}", shown(raw or ""), f"unknown key; {told}")


def _value(key: Key, raw: str) -> Any:
    """A key's value as its field takes it; None where the text is none."""
    match key.reading:
        case "count" | "address":
            return _number(raw, 1 if key.reading == "count" else 0)
        case "counts":
            numbers = [_number(part.strip(), 1) for part in raw.split(",")]
            return None if None in numbers else tuple(numbers)
        case "flag":
            return {"true": True, "false": False}.get(raw.casefold())
        case "word":
            return raw.casefold() if raw.casefold() in key.words else None
        case "text":
            return raw if raw and raw.isprintable() else None


def _number(text: str, least: int) -> int | None:
    number = int(text) if _SIZE_DIGITS.fullmatch(text) else -1
    return number if least <= number <= LARGEST else None


def _missing(given: Iterable[Key], values: dict[str, Any], place: str) -> Iterator[Problem]:
    there = {key.field for key in given}
    for key in KEYS:
        if key.required and key.field not in there:
            yield Problem(place, key.path, "", f"this key is required: {key.meaning}")
    if values.get("interface") == "user" and "bandwidths" not in there:
        told = "this key is required where InterfaceBandwidth is USER: words per cycle"
        yield Problem(place, "architecture_presets.Bandwidth", "", told)


def _notes(
    given: dict[str, tuple[Key, str]], values: dict[str, Any], place: str
) -> Iterator[Problem]:
    """What has no effect, keys of one reason together; and what means something else than it seems to."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for path, (key, _) in given.items():
        section, _, name = path.partition(".")
        reason = _idle(key, values)
        if reason:
            reasons.setdefault((section, reason), []).append(name)
    for (section, reason), names in reasons.items():
        yield Problem(place, f"[{section}] {', '.join(names)}", "", f"no effect here: {reason}")
    if values.get("interface") != "user":
        return
    if len(values["bandwidths"]) > 1:
        told = f"only the first value, {values['bandwidths'][0]}, is used, as SCALE-Sim does"
        yield Problem(place, "architecture_presets.Bandwidth", "", told)
    own = [name for name in ("ifmap", "filter") if f"{name}_bank_bandwidth" in values]
    if own:
        named = " and ".join(f"{name.capitalize()}SRAMBankBandwidth" for name in own)
        others = (f"the {name}" for name in ("ifmap", "filter") if name not in own)
        rest = " and ".join(["the ofmap", *others])
        told = f"limits {rest} only; off-chip reads go by {named}, as in v3 of SCALE-Sim"
        yield Problem(place, "architecture_presets.Bandwidth", "", told)


def _idle(key: Key, values: dict[str, Any]) -> str:
    rates = ("bandwidths", "ifmap_bank_bandwidth", "filter_bank_bandwidth")
    if key.field in rates and values.get("interface", "calc") == "calc":
        return "words per cycle; InterfaceBandwidth is not USER, so nothing is limited"
    return key.idle
