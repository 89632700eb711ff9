"""Description files of any kind: which kind one is, and what is wrong with it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from simulator.dataflows import dataflows
from simulator.energy.table import read_energy_table
from simulator.errors import InputError, Problem, refuse
from simulator.formats.load import import_config, is_config, is_topology, load_workload
from simulator.mapping.file import read_mapping_file
from simulator.spec.catalog import load_architecture, shipped
from simulator.spec.reader import read_yaml
from simulator.spec.validation import did_you_mean

Check = Callable[[Path], object]
"""Raises `InputError` for what is wrong with a file."""


def kind_of(data: dict[str, Any], place: str) -> str:
    """Tell a file's kind by the key that only this kind has; `InputError` where none fits."""
    if "quantities" in data:
        return "case"
    if "memories" in data or "array" in data:
        return "architecture"
    if "unit" in data or "actions" in data:
        return "energy"
    if isinstance(data.get("layers"), list):
        return "workload"
    if isinstance(data.get("layers"), dict):
        return "mapping"
    raise refuse(
        place,
        "",
        ", ".join(map(str, data)) or "nothing",
        "one of these keys was expected: memories (an architecture), layers as a list (a workload) or by "
        "name (a mapping), unit (an energy table), quantities (a validation case)",
    )


def check_file(path: Path, check_case: Check) -> str:
    """Validate one file as far as it goes alone, and return its kind; `InputError` lists all faults."""
    if is_topology(path):
        _check_workload(path)
        return "workload"
    if is_config(path):
        import_config(path)
        return "configuration of SCALE-Sim"
    kind = kind_of(read_yaml(path), str(path))
    {**_CHECKS, "case": check_case}[kind](path)
    return kind


def check_files(paths: Iterable[Path], check_case: Check) -> tuple[list[tuple[Path, str]], list[Problem]]:
    """Validate every file: those that are good with their kind, and the problems of all others.

    ``check_case`` validates case files, which are read on a floor above this one.
    """
    good: list[tuple[Path, str]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            good.append((path, check_file(path, check_case)))
        except InputError as error:
            problems += error.problems
    return good, problems


def _check_workload(path: Path) -> None:
    load_workload(path).lower(1)


def _check_mapping(path: Path) -> None:
    read_mapping_file(path, str(path))


def _check_architecture(path: Path) -> None:
    architecture = load_architecture(path)
    problems: list[Problem] = []
    if architecture.dataflow not in dataflows():
        hint = did_you_mean(architecture.dataflow, dataflows(), family="dataflows")
        problems.append(Problem(str(path), "dataflow", architecture.dataflow, f"no such dataflow; {hint}"))
    if architecture.energy is not None and architecture.energy not in shipped("energy"):
        hint = did_you_mean(architecture.energy, shipped("energy"), family="energy tables")
        problems.append(Problem(str(path), "energy", architecture.energy, f"no such energy table; {hint}"))
    if problems:
        raise InputError(problems)


_CHECKS: dict[str, Check] = {
    "architecture": _check_architecture,
    "workload": _check_workload,
    "mapping": _check_mapping,
    "energy": read_energy_table,
}
