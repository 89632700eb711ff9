"""Architectures and workloads by name or path, whatever tool their file is from."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from simulator.errors import InputWarning, Problem, refuse
from simulator.formats.scalesim_config import read_config
from simulator.formats.scalesim_machine import architecture_of
from simulator.formats.scalesim_topology import read_topology
from simulator.formats.scalesim_workload import workload_of
from simulator.spec import catalog
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import find
from simulator.spec.workload import Workload
from simulator.spec.workload_file import read_workload

TOPOLOGY_SUFFIX: Final = ".csv"
CONFIG_SUFFIX: Final = ".cfg"


def load_architecture(name_or_path: str | Path) -> Architecture:
    """Read and check an architecture: a shipped name, a YAML file, or a SCALE-Sim configuration (``.cfg``).

    Raises `InputError` with every problem of the file; warns (`InputWarning`) of keys without effect.
    """
    path = find("architecture", name_or_path)
    if is_config(path):
        return import_config(path)
    if is_topology(path):
        told = "an architecture was expected; a topology of SCALE-Sim is a workload"
        raise refuse(str(name_or_path), "", None, told)
    return catalog.load_architecture(name_or_path)


def load_workload(
    name_or_path: str | Path, parameters: Mapping[str, int] | None = None
) -> Workload:
    """Read and check a workload: a shipped name, a YAML file, or a topology of SCALE-Sim (``.csv``).

    ``parameters`` are values for some of those that the file declares: ``{"sequence": 512}``. Raises
    `InputError` with every problem of the file; warns (`InputWarning`) of what was not taken as it stands.
    """
    path = find("workload", name_or_path)
    if is_config(path):
        told = "a workload was expected; a configuration of SCALE-Sim is an architecture"
        raise refuse(str(name_or_path), "", None, told)
    if not is_topology(path):
        return read_workload(path, str(name_or_path), parameters)
    if parameters:
        told = "no parameters were expected: a topology of SCALE-Sim declares none"
        raise refuse(str(name_or_path), "", ", ".join(parameters), told)
    return import_topology(path)


def is_topology(path: Path) -> bool:
    """Whether a file is read as a topology of SCALE-Sim."""
    return path.suffix.lower() == TOPOLOGY_SUFFIX


def is_config(path: Path) -> bool:
    """Whether a file is read as a configuration of SCALE-Sim."""
    return path.suffix.lower() == CONFIG_SUFFIX


def import_topology(path: Path, *, gemm: bool = False) -> Workload:
    """A topology of SCALE-Sim as a workload; ``gemm`` says that it must have columns M, N and K.

    Raises and warns as `load_workload`.
    """
    workload, notes = workload_of(read_topology(path, gemm=gemm))
    _warn(notes)
    return workload


def import_config(path: Path) -> Architecture:
    """A configuration of SCALE-Sim as an architecture; raises and warns as `load_architecture`."""
    config = read_config(path)
    machine = architecture_of(config, str(path))
    _warn(config.notes)
    return machine


def _warn(notes: Iterable[Problem]) -> None:
    for note in notes:
        warnings.warn(str(note), InputWarning, stacklevel=3)
