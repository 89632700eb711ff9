"""What keeps the code readable: floors that import only downwards, light imports, short functions and files."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import simulator

ROOT = Path(simulator.__file__).parent
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
HEAVY = ("numba", "matplotlib", "simpy", "yaml", "pydantic", "rich", "typer", "numpy")


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if "kernels" not in path.relative_to(ROOT).parts)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh process has loaded after ``code``."""
    script = f"import sys\n{code}\nprint(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import simulator").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "code",
    [
        "import simulator; simulator.load_architecture('eyeriss_v1'); simulator.load_workload('alexnet')",
        "import simulator.pipeline",
        "import simulator.cli",
        "import simulator.dataflows; simulator.dataflows.dataflows()",
    ],
)
def test_numba_and_matplotlib_load_only_when_needed(code: str) -> None:
    assert loaded_after(code).isdisjoint({"numba", "matplotlib"})


def test_running_a_layer_loads_compiled_kernels_and_no_matplotlib() -> None:
    loaded = loaded_after("import simulator; simulator.simulate('ws16', 'alexnet', layers=['FC8'])")
    assert "llvmlite" in loaded
    assert "matplotlib" not in loaded


def test_floors_import_only_downwards() -> None:
    beside = Path(sys.executable).parent / "lint-imports"
    command = str(beside) if beside.exists() else shutil.which("lint-imports")
    project = ROOT.parent / "pyproject.toml"
    if command is None:
        pytest.skip("import-linter is not installed; it comes with the dev extra")
    if not project.exists():
        pytest.skip("the contracts are in pyproject.toml, which an installed package does not have")
    done = subprocess.run(
        [command, "--config", str(project), "--no-cache"], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT.parent
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function of a file, nested ones included; decorators do not count."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_functions_and_files_are_short(path: Path) -> None:
    long = {name: lines for name, lines in functions(path) if lines > LONGEST_FUNCTION}
    assert not long
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_half_of_all_functions_fit_into_ten_lines() -> None:
    lengths = sorted(lines for path in sources() for _, lines in functions(path))
    assert lengths[len(lengths) // 2] <= 10


@pytest.mark.parametrize("path", sources(), ids=names(sources()))
def test_only_kernels_name_numba_and_only_pictures_name_matplotlib(path: Path) -> None:
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        node.module.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    assert "numba" not in imported
    if path.relative_to(ROOT).parts[:2] != ("report", "pictures"):
        assert "matplotlib" not in imported
