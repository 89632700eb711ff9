"""The one door to numba: what is compiled, how, and where the machine code is kept.

Numba's own cache misses edits of a kernel that another file's kernel calls, so the cache directory carries a
digest of all kernel sources and of the numba version.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def _cache_directory() -> Path:
    """A directory of this user's that changes with the kernels' sources."""
    import numba

    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    root = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(root) / "stallion" / digest.hexdigest()[:16]


def _make_jit() -> Callable[[F], F]:
    import numba

    if "NUMBA_CACHE_DIR" not in os.environ:
        try:
            directory = _cache_directory()
            directory.mkdir(parents=True, exist_ok=True)
            numba.config.CACHE_DIR = str(directory)
        except (OSError, RuntimeError):  # no writable home: compile in every process instead
            return numba.njit()  # type: ignore[no-any-return]
    return numba.njit(cache=True)  # type: ignore[no-any-return]


jit = _make_jit()
