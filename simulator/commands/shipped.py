"""``stallion list`` and ``stallion show``: what is shipped, and what stands in a file."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.commands.options import ParameterOption, parameters_given
from simulator.commands.terminal import show_grid
from simulator.errors import InputError, refuse


def list_shipped() -> None:
    """List shipped architectures, workloads, dataflows, energy tables and validation cases."""
    from simulator.dataflows import dataflows
    from simulator.spec.catalog import shipped

    groups = {
        "architectures": shipped("architecture"),
        "workloads": shipped("workload"),
        "dataflows": sorted(dataflows()),
        "energy tables": shipped("energy"),
        "validation cases": shipped("case"),
    }
    for title, names in groups.items():
        print(f"{title}:")
        for name in names:
            print(f"  {name}")


def show(
    name: Annotated[str, typer.Argument(metavar="ARCH|WORKLOAD", help="A shipped name or a file.")],
    *,
    param: ParameterOption = None,
) -> None:
    """Show an architecture with the source of each number, or a workload's layers."""
    from simulator.formats.load import load_architecture, load_workload
    from simulator.report.sheets import architecture_grid, workload_grid

    parameters = parameters_given(param or [])
    if _kind(name) == "workload":
        show_grid(workload_grid(load_workload(name, parameters)))
    elif parameters:
        raise refuse("--param", "", param[0] if param else "", "a workload was expected with it")
    else:
        show_grid(architecture_grid(load_architecture(name)))


def _kind(name: str) -> str:
    from simulator.formats.load import is_config, is_topology
    from simulator.report.files import kind_of
    from simulator.spec.catalog import shipped
    from simulator.spec.reader import read_yaml

    names = {kind: shipped(kind) for kind in ("architecture", "workload")}
    for kind, known in names.items():
        if name in known:
            return kind
    path = Path(name)
    if is_topology(path) and path.exists():
        return "workload"
    if is_config(path) and path.exists():
        return "architecture"
    if not path.exists() and path.suffix not in (".yaml", ".yml"):
        raise _unknown(name, [*names["architecture"], *names["workload"]])
    kind = kind_of(read_yaml(path), name)
    if kind not in names:
        raise refuse(name, "", f"a file of kind {kind}", "an architecture or a workload was expected")
    return kind


def _unknown(name: str, known: list[str]) -> InputError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.4) or known
    return refuse(
        "stallion show", "", name, f"an architecture or workload was expected, nearest: {', '.join(near)}"
    )
