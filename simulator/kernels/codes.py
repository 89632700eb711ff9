"""Machine code of kernels: numba compiles each of them once into an object file, which LLVM alone loads from then on.

Where all files are there nobody imports numba: that takes longer than most runs, and more memory than all else.
"""

import ctypes
import hashlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import llvmlite.binding as llvm

from simulator.kernels.cache import directory, processor

LOG = logging.getLogger(__name__)
PYTHON_ONLY = re.compile(r"^declare (.*@(?:numba_|NRT_|Py)\w*\(.*\)).*$", re.MULTILINE)
"""What numba's own runtime or Python would do after an error."""


class Code(NamedTuple):
    """A function of two integers as machine code: its address, and as something to call."""

    address: int
    call: Callable[[Any, int], int]


def compiled() -> bool:
    """Whether kernels are compiled in this process (NUMBA_DISABLE_JIT turns it off)."""
    return os.environ.get("NUMBA_DISABLE_JIT", "") in ("", "0")


def _target(triple: str) -> Any:
    name, features = processor()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features, opt=3, codemodel="jitdefault", jit=True
    )


@cache
def _engine() -> Any:
    """What loads machine code into this process, and keeps it."""
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target(llvm.get_process_triple()))


def _symbol(name: str) -> str:
    return "stallion_" + name.replace(":", "_")


def emit(assembly: str, function: str, name: str) -> bytes:
    """An object file of one function in LLVM's assembly, which it exports as that of kernel ``name``.

    It needs nothing from numba or Python: where these would raise an error, the process ends.
    """
    trapped, found = PYTHON_ONLY.subn(r"define internal \1 { call void @llvm.trap() unreachable }", assembly)
    if found and "@llvm.trap()" not in assembly:
        trapped += "\ndeclare void @llvm.trap()\n"
    module = llvm.parse_assembly(trapped)
    for each in module.functions:
        if each.is_declaration and not each.name.startswith("llvm."):
            raise RuntimeError(f"kernel {name} calls {each.name}, which is not part of it")
        if not each.is_declaration and each.name != function:
            each.linkage = "internal"
    module.get_function(function).name = _symbol(name)
    module.verify()
    return bytes(_target(module.triple).emit_object(module))


def machine_codes(names: Sequence[str]) -> list[Code]:
    """Kernels, each ``module:function`` of this package; where some are not kept yet, two processes compile them."""
    missing = [name for name in names if _kept(name) is None]
    if missing:
        LOG.info("compiling %d kernels, once", len(missing))
    if len(missing) > 1 and directory() is not None and (os.cpu_count() or 1) > 1:
        with _compiling(missing[1::2]):
            for name in missing[::2]:
                machine_code(name)
    return [machine_code(name) for name in names]


@cache
def machine_code(name: str) -> Code:
    """A kernel, ``module:function`` of this package: from its file, or compiled into one."""
    engine, data = _engine(), _kept(name) or compile_kernel(name)
    engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    address = engine.get_function_address(_symbol(name))
    return Code(address, ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address))


def compile_kernel(name: str) -> bytes:
    """Compile a kernel; its object file is kept where that is possible."""
    from simulator.kernels._jit import optimized

    data = emit(*optimized(name), name)
    where = _file(name)
    if where is not None:
        part = where.with_name(f"{where.name}.{uuid4().hex}")
        with suppress(OSError):  # no room, or no right to write there: then it serves this process alone
            part.write_bytes(hashlib.sha256(data).digest() + data)
            part.replace(where)
    return data


def _file(name: str) -> Path | None:
    folder = directory()
    return None if folder is None else folder / f"{_symbol(name)}.o"


def _kept(name: str) -> bytes | None:
    """A kernel's object file; None where there is none, or not a whole one."""
    where = _file(name)
    try:
        kept = b"" if where is None else where.read_bytes()
    except OSError:
        return None
    size = hashlib.sha256().digest_size
    return kept[size:] if kept and hashlib.sha256(kept[size:]).digest() == kept[:size] else None


def _compiling(names: Sequence[str]) -> AbstractContextManager[object]:
    """A process that compiles kernels, to be waited for; nothing where there can be none."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from simulator.kernels.codes import compile_all; compile_all()", *names]
    try:
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return nullcontext()


def compile_all() -> None:
    """Compile the kernels that the command line names."""
    for name in sys.argv[1:]:
        compile_kernel(name)
