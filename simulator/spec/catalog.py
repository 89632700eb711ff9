"""Shipped files by name, other files by path."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from simulator.errors import refuse
from simulator.spec.architecture import Architecture
from simulator.spec.reader import load
from simulator.spec.validation import did_you_mean, shown

Kind = Literal["architecture", "workload", "energy", "mapping", "case"]

_FOLDERS: Final[dict[Kind, tuple[str, str]]] = {
    "architecture": ("arch_models", ""),
    "workload": ("workloads", ""),
    "energy": ("arch_models", "energy"),
    "mapping": ("arch_models", "mappings"),
    "case": ("simulator", "validation/cases"),
}
_SUFFIXES: Final = (".yaml", ".yml")
_FOREIGN: Final = (".csv", ".cfg")


def load_architecture(name_or_path: str | Path) -> Architecture:
    """Read and check an architecture of our own format: `InputError` has every problem of the file."""
    return load(Architecture, find("architecture", name_or_path))


def shipped(kind: Kind) -> list[str]:
    """Names of the files that come with the simulator, sorted."""
    return sorted(_shipped(kind))


def find(kind: Kind, name_or_path: str | Path) -> Path:
    """The file behind a shipped name or a path.

    A shipped name wins over a file of that name; what has a folder or ends in .yaml is a path.
    Raises `InputError` with the nearest shipped names.
    """
    text = str(name_or_path)
    path = Path(name_or_path)
    known = _shipped(kind)
    if isinstance(name_or_path, str) and text in known:
        return known[text]
    if text and _is_file(path):
        return path
    hint = did_you_mean(path.stem, known, family="shipped ones are")
    if text and _is_directory(path):
        raise refuse(shown(text), "", None, f"a file was expected, this is a directory; {hint}")
    if path.suffix in (*_SUFFIXES, *_FOREIGN) or len(path.parts) > 1:
        raise refuse(shown(text), "", None, f"no such {kind} file; {hint}")
    raise refuse(kind, "", shown(text), f"a shipped name or the path of a file was expected; {hint}")


def _is_file(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


@cache
def _shipped(kind: Kind) -> dict[str, Path]:
    package, folder = _FOLDERS[kind]
    root = resources.files(package).joinpath(folder) if folder else resources.files(package)
    if not root.is_dir():
        return {}
    return {Path(item.name).stem: Path(str(item)) for item in root.iterdir() if item.name.endswith(_SUFFIXES)}
