"""``stallion import``: files of other tools as ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.errors import refuse

if TYPE_CHECKING:
    from simulator.spec.architecture import Architecture
    from simulator.spec.workload import Workload


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="TOPOLOGY.csv|CONFIG.cfg", help="A topology or a configuration of SCALE-Sim."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the workload or architecture goes; stdout if not given."),
    ] = None,
    gemm: Annotated[
        bool, typer.Option("--gemm", help="Refuse a topology whose columns are not M, N and K.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file in --out.")] = False,
) -> None:
    """Turn a topology or a configuration of SCALE-Sim into a file of ours; warnings go to stderr."""
    from simulator.report.save import resolved, write_text
    from simulator.spec.reader import write_yaml
    from simulator.writing import write_whole

    if force and out is None:
        raise refuse("--force", "", None, "--out was expected with it")
    if out is not None and (out.is_dir() or (out.exists() and not force)):
        raise refuse(str(out), "", None, "exists already; name another file, or replace it with --force")
    text = write_yaml(resolved(_read(file, gemm=gemm), defaults=False))
    if out is None:
        print(text, end="")
    else:
        write_whole(out, lambda draft: write_text(draft, text))


def _read(file: Path, *, gemm: bool) -> "Workload | Architecture":
    from simulator.formats.load import import_config, import_topology, is_config, is_topology

    if is_topology(file):
        return import_topology(file, gemm=gemm)
    if not is_config(file):
        told = "a topology of SCALE-Sim, a .csv, or a configuration, a .cfg, was expected"
        raise refuse(str(file), "", None, told)
    if gemm:
        raise refuse("--gemm", "", None, "a topology was expected with it")
    return import_config(file)
