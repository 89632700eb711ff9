"""The one door to numba: what is compiled, and how."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from simulator.kernels.cache import directory

F = TypeVar("F", bound=Callable[..., Any])


@cache
def _use_cache() -> bool:
    """Point numba's cache at our directory; False where none can be written.

    Numba itself would miss edits of a stage that another file's kernel calls.
    """
    import numba

    if "NUMBA_CACHE_DIR" in os.environ:
        return True
    where = directory()
    if where is not None:
        numba.config.CACHE_DIR = str(where)
    return where is not None


def _make_jit(**options: bool) -> Callable[[F], F]:
    import numba

    return numba.njit(cache=_use_cache(), error_model="numpy", **options)  # type: ignore[no-any-return]


jit = _make_jit()
"""For functions that Python calls."""

stage = _make_jit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For the stages of a kernel: merged into their caller, which spares a count per array and call."""


def optimized(name: str) -> tuple[str, str]:
    """A kernel, ``module:function`` of (address of rows, argument), in LLVM's assembly, and its name there."""
    import numba
    from numba import types

    module, function = name.split(":")
    kernel = getattr(import_module(f"simulator.kernels.{module}"), function)
    signature = types.int64(types.int64, types.int64)
    found = numba.cfunc(signature, error_model="numpy")(kernel)
    return found.inspect_llvm(), found.native_name
