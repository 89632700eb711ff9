"""Where machine code is kept: a directory for all that decides what is in it."""

import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm


@cache
def directory() -> Path | None:
    """Where machine code is kept, a directory of this user's; None where none can be written."""
    digest = hashlib.sha256(repr([version("numba"), version("llvmlite"), processor(), _options()]).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    try:
        roots = (os.environ.get(name) for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"))
        found = Path(next(filter(None, roots), None) or Path("~/.cache").expanduser()) / "stallion" / digest.hexdigest()[:16]
        found.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no writable home: compile in every process instead
        return None
    return found


def processor() -> tuple[str, str]:
    """Its name, and the features that code may use."""
    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # this platform cannot tell
        return llvm.get_host_cpu_name(), ""


def _options() -> list[tuple[str, str]]:
    """What numba reads from the environment, such as whether bounds are checked."""
    given = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
    given.pop("NUMBA_CACHE_DIR", None)
    return sorted(given.items())
