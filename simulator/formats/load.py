"""Workloads by name or path, whatever tool their file is from."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from simulator.errors import InputWarning, Problem, refuse
from simulator.formats.scalesim_config import ScaleSimConfig, read_config
from simulator.formats.scalesim_topology import read_topology
from simulator.formats.scalesim_workload import workload_of
from simulator.spec.catalog import find
from simulator.spec.workload import Workload
from simulator.spec.workload_file import read_workload

TOPOLOGY_SUFFIX: Final = ".csv"


def load_workload(
    name_or_path: str | Path, parameters: Mapping[str, int] | None = None
) -> Workload:
    """Read and check a workload: a shipped name, a YAML file, or a topology of SCALE-Sim (``.csv``).

    ``parameters`` are values for some of those that the file declares: ``{"sequence": 512}``. Raises
    `InputError` with every problem of the file; warns (`InputWarning`) of what was not taken as it stands.
    """
    path = find("workload", name_or_path)
    if not is_topology(path):
        return read_workload(path, str(name_or_path), parameters)
    if parameters:
        told = "no parameters were expected: a topology of SCALE-Sim declares none"
        raise refuse(str(name_or_path), "", ", ".join(parameters), told)
    return import_topology(path)


def is_topology(path: Path) -> bool:
    """Whether a file is read as a topology of SCALE-Sim."""
    return path.suffix.lower() == TOPOLOGY_SUFFIX


def import_topology(path: Path, *, gemm: bool = False) -> Workload:
    """A topology of SCALE-Sim as a workload; ``gemm`` says that it must have columns M, N and K.

    Raises and warns as `load_workload`.
    """
    workload, notes = workload_of(read_topology(path, gemm=gemm))
    _warn(notes)
    return workload


def check_config(path: Path) -> ScaleSimConfig:
    """A configuration of SCALE-Sim; raises `InputError`, warns (`InputWarning`) of keys without effect."""
    config = read_config(path)
    _warn(config.notes)
    return config


def _warn(notes: Iterable[Problem]) -> None:
    for note in notes:
        warnings.warn(str(note), InputWarning, stacklevel=3)
