"""``stallion import``: files of other tools as ours."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.errors import refuse


def import_topology(
    file: Annotated[Path, typer.Argument(metavar="TOPOLOGY.csv", help="A topology of SCALE-Sim.")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the workload goes; stdout if not given.")
    ] = None,
    gemm: Annotated[
        bool, typer.Option("--gemm", help="Refuse a file whose columns are not M, N and K.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file in --out.")] = False,
) -> None:
    """Turn a topology of SCALE-Sim into a workload file; warnings go to stderr."""
    from simulator.formats.load import import_topology as read
    from simulator.formats.load import is_topology
    from simulator.report.save import resolved, write_text
    from simulator.spec.reader import write_yaml
    from simulator.writing import write_whole

    if force and out is None:
        raise refuse("--force", "", None, "--out was expected with it")
    if file.suffix.lower() == ".cfg":
        raise refuse(str(file), "", None, "architectures of SCALE-Sim cannot be imported yet")
    if not is_topology(file):
        raise refuse(str(file), "", None, "a topology of SCALE-Sim, a .csv, was expected")
    if out is not None and (out.is_dir() or (out.exists() and not force)):
        raise refuse(str(out), "", None, "exists already; name another file, or replace it with --force")
    text = write_yaml(resolved(read(file, gemm=gemm), defaults=False))
    if out is None:
        print(text, end="")
    else:
        write_whole(out, lambda draft: write_text(draft, text))
