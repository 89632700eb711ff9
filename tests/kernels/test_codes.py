"""Machine code is compiled once, kept whole, needs no numba to run, and is compiled anew where nothing can be kept."""

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from simulator.commands.terminal import heard
from simulator.kernels import codes

SMALL = "windows:fill_windows"
SUM = """
target triple = "{triple}"
{outside}
declare void @PyErr_Clear()
define i64 @sum(i64 %a, i64 %b) {{
  %found = add i64 %a, %b
  {call}
  ret i64 %found
}}
"""


def run(script: str, **environment: str) -> list[str]:
    """The lines that a process of its own prints."""
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_warm_run_imports_no_numba() -> None:
    script = 'import sys, simulator; simulator.simulate("ws16", "alexnet"); print("numba" in sys.modules)'
    run(script)
    assert run(script) == ["False"]


def test_code_that_is_not_whole_is_compiled_again(tmp_path: Path) -> None:
    script = f"""
import sys
from simulator.kernels.codes import machine_code
print(machine_code("{SMALL}").address != 0, "numba" in sys.modules)
"""
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    assert run(script, **cache) == ["True True"]
    (kept,) = tmp_path.glob("stallion/*/*.o")
    whole = kept.read_bytes()
    assert run(script, **cache) == ["True False"]
    kept.write_bytes(whole[:-1])
    assert run(script, **cache) == ["True True"]
    assert run(script, **cache) == ["True False"]
    assert [path for path in kept.parent.glob("*.o*") if path != kept] == []


def test_whoever_follows_the_work_hears_of_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    for name, found in (("_kept", None), ("directory", None), ("machine_code", codes.Code(0, max))):
        monkeypatch.setattr(codes, name, lambda *_, found=found: found)
    with heard(told.append):
        codes.machine_codes(["a:b", "a:c"])
    codes.machine_codes(["a:b", "a:c"])
    assert told == ["compiling 2 kernels, once"]


def test_where_nothing_can_be_kept_code_is_compiled_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = f'from simulator.kernels.codes import directory, machine_code; print(directory(), machine_code("{SMALL}").address != 0)'
    assert run(script, XDG_CACHE_HOME=str(tmp_path / "file")) == ["None True"]


def test_code_that_cannot_be_written_serves_its_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(codes, "directory", lambda: tmp_path / "gone")
    monkeypatch.setattr("simulator.kernels._jit.optimized", lambda _: (SUM.format(triple=llvm.get_process_triple(), outside="", call=""), "sum"))
    assert codes.machine_code("test:unwritten").call(1, 2) == 3


def test_options_of_numba_have_code_of_their_own(tmp_path: Path) -> None:
    script = "from simulator.kernels.codes import directory; print(directory())"
    found = [run(script, XDG_CACHE_HOME=str(tmp_path), NUMBA_BOUNDSCHECK=check) for check in ("0", "1", "1")]
    assert found[0] != found[1] == found[2]


def test_emitted_code_is_loaded_and_called() -> None:
    module = SUM.format(triple=llvm.get_process_triple(), outside="", call="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "_kept", lambda _: codes.emit(module, "sum", "test:sum"))
        assert codes.machine_code("test:sum").call(40, 2) == 42


def test_a_kernel_that_calls_what_is_not_part_of_it_is_refused() -> None:
    module = SUM.format(triple=llvm.get_process_triple(), outside="declare i64 @other(i64)", call="call i64 @other(i64 %a)")
    with pytest.raises(RuntimeError, match="kernel test:sum calls other"):
        codes.emit(module, "sum", "test:sum")


def test_an_error_of_python_ends_the_process() -> None:
    module = SUM.format(triple=llvm.get_process_triple(), outside="", call="call void @PyErr_Clear()")
    script = f"""
from simulator.commands.terminal import heard
from simulator.kernels import codes
codes._kept = lambda _: codes.emit({module!r}, "sum", "test:sum")
codes.machine_code("test:sum").call(1, 2)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode < 0
