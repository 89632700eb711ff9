"""``stallion plot`` and ``stallion report``: what a results directory shows."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.errors import refuse

PLOTS = "plots"
"""The directory inside a run's own that takes its pictures."""
REPORT = "report.html"


RunArgument = Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A results directory.")]
PicturedOption = Annotated[
    list[str] | None,
    typer.Option("--layer", help="Draw pictures over time of this layer; may be repeated."),
]


def plot(
    run_directory: RunArgument,
    *,
    layer: PicturedOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the pictures go; RUN_DIR/plots if not given.")
    ] = None,
    picture_format: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
    force: Annotated[bool, typer.Option("--force", help="Replace pictures that exist.")] = False,
) -> None:
    """Draw a run: PE-cycles, energy, and over time utilization, bandwidth, room in buffers, and PEs.

    Of a run with --trace also what the PEs did over time and what they waited for.
    """
    from simulator.report.pictures.gallery import default_layers
    from simulator.report.pictures.style import FORMATS
    from simulator.report.result import Run

    known = [suffix.removeprefix(".") for suffix in FORMATS]
    if picture_format not in known:
        raise refuse("--format", "", picture_format or "''", f"one of {', '.join(known)} was expected")
    run = Run.load(run_directory)
    target = run_directory / PLOTS if out is None else out
    found = run.plot.all(target, layers=layer or (), kind=picture_format, force=force)
    if not layer:
        for result in default_layers(run):
            print(f"over time: {result.name}, the layer with MACs that takes most cycles (others: --layer)")
    for note in found.notes:
        print(f"note: {note}")
    for file in found.files:
        print(file)


def report(
    run_directory: RunArgument,
    *,
    layer: PicturedOption = None,
    out: Annotated[Path | None, typer.Option(help="The file; RUN_DIR/report.html if not given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that exists.")] = False,
) -> None:
    """Write a run as one HTML file that needs nothing else: tables, pictures, provenance."""
    from simulator.report.html import write_report
    from simulator.report.pictures.gallery import some_layers
    from simulator.report.result import Run
    from simulator.studies.evaluation import sheet_grid
    from simulator.studies.metrics import entries_of

    run = some_layers(Run.load(run_directory))
    target = run_directory / REPORT if out is None else out
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise refuse(str(target), "", None, "a file in a directory that exists was expected")
    if target.exists() and not force:
        raise refuse(str(target), "", None, "exists already; replace it with --force, or give --out")
    sheet = sheet_grid(run, entries_of(run))
    for note in write_report(run, target, layers=layer or (), beside=run_directory, extra=[sheet]):
        print(f"note: {note}")
    print(target)
