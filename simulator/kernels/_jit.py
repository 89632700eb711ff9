"""The one door to numba: what is compiled, how, and where the machine code is kept.

Numba's own cache misses edits of a kernel that another file's kernel calls, so the cache directory carries a
digest of all kernel sources and of the numba version.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@cache
def _cache_directory() -> Path:
    """A directory of this user's that changes with the kernels' sources."""
    import numba

    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    root = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(root) / "stallion" / digest.hexdigest()[:16]


@cache
def _use_cache() -> bool:
    """Point numba's cache at our directory; False where none can be written."""
    import numba

    if "NUMBA_CACHE_DIR" in os.environ:
        return True
    try:
        directory = _cache_directory()
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no writable home: compile in every process instead
        return False
    numba.config.CACHE_DIR = str(directory)
    return True


def _make_jit(**options: bool) -> Callable[[F], F]:
    import numba

    return numba.njit(cache=_use_cache(), **options)  # type: ignore[no-any-return]


jit = _make_jit()
"""For functions that Python calls."""

stage = _make_jit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For the stages of a kernel: merged into their caller, which spares a count per array and call."""


@cache
def machine_code(kernel: Callable[[Any, int], int]) -> Any:
    """A function of (address of rows, argument) as machine code: its ``address``, and as something to call (``ctypes``)."""
    import numba
    from numba import types

    signature = types.int64(types.int64, types.int64)
    return numba.cfunc(signature, cache=_use_cache())(kernel)


@cache
def machine_codes(kernels: tuple[Callable[[Any, int], int], ...]) -> list[Any]:
    """`machine_code` of several kernels; where none is kept yet, a second process compiles every other one meanwhile."""
    if "NUMBA_CACHE_DIR" in os.environ or not _use_cache() or (os.cpu_count() or 1) < 2:
        return [machine_code(kernel) for kernel in kernels]
    done = _cache_directory() / kernels[1].__module__
    if not done.exists():
        with _compiling(kernels[1::2]):
            for kernel in kernels[::2]:
                machine_code(kernel)
        done.touch()
    return [machine_code(kernel) for kernel in kernels]  # what the other process has done comes from the cache


def _compiling(kernels: Sequence[Callable[[Any, int], int]]) -> AbstractContextManager[object]:
    """A process that compiles kernels into the cache, to be waited for; nothing where there can be none."""
    names = [f"{kernel.__module__}:{kernel.__name__}" for kernel in kernels]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from simulator.kernels._jit import compile_all; compile_all()", *names]
    try:
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return nullcontext()


def compile_all() -> None:
    """Compile the kernels that the command line names, as ``module:function``."""
    for name in sys.argv[1:]:
        module, function = name.split(":")
        machine_code(getattr(import_module(module), function))


def compiled() -> bool:
    """Whether kernels are compiled in this process (NUMBA_DISABLE_JIT turns it off)."""
    import numba

    return not numba.config.DISABLE_JIT
