"""``stallion trace``: what every PE and port did when, as files for a trace viewer and for scripts."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.commands.options import (
    ArchitectureArgument,
    BatchOption,
    DataflowOption,
    JobsOption,
    MappingOption,
    ParameterOption,
    RelaxOption,
    WorkloadArgument,
    workload_given,
)
from simulator.commands.terminal import (
    INTERRUPTED,
    check_picture,
    default_directory,
    progress,
    say,
    show_grid,
)
from simulator.errors import InputError, Problem, refuse
from simulator.writing import write_whole

if TYPE_CHECKING:
    from simulator.traces.run import RunTrace
WindowOption = Annotated[
    str | None, typer.Option(metavar="FROM:TO", help="Only these cycles: of the layer, or of the whole run.")
]
FilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Write this file (.json.gz and .json: Perfetto; .csv and .npz: tables); may be repeated.",
    ),
]
PlotOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw the stall timeline (.png, .svg or .pdf).")
]
SlicesOption = Annotated[
    int | None,
    typer.Option(min=1, max=1_000_000, help="About how many slices are shown; above, neighbours are merged."),
]


def trace(
    architecture: ArchitectureArgument,
    workload: WorkloadArgument,
    *,
    param: ParameterOption = None,
    layer: Annotated[str | None, typer.Option(help="Trace only this layer.")] = None,
    window: WindowOption = None,
    out: FilesOption = None,
    plot: PlotOption = None,
    slices: SlicesOption = None,
    batch: BatchOption = 1,
    mapping: MappingOption = None,
    dataflow: DataflowOption = None,
    relax: RelaxOption = None,
    jobs: JobsOption = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Trace a run: stalls with their causes, cycle by cycle, for a trace viewer (ui.perfetto.dev)."""
    from simulator.studies.tracing import trace as run_trace
    from simulator.traces.layer import MOST_SLICES

    _check(out or [], force=force)
    if plot is not None:
        check_picture(plot)
    cycles = None if window is None else _window(window)
    network = workload_given(workload, param)
    try:
        with progress(hidden=quiet) as on_layer:
            found = run_trace(
                architecture,
                network,
                layer=layer,
                window=cycles,
                batch=batch,
                mapping=mapping,
                dataflow=dataflow,
                relax=tuple(relax or ()),
                jobs=jobs,
                progress=on_layer,
            )
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        raise typer.Exit(INTERRUPTED) from None
    files = out or _default_files(found)
    found.save(*files, most=slices or MOST_SLICES)
    if plot is not None:
        from simulator.report.pictures.stalls import of_trace, stall_timeline

        write_whole(plot, partial(stall_timeline, of_trace(found), found.heading))
    _tell(found, files, quiet=quiet)


def _tell(found: "RunTrace", files: Sequence[Path], *, quiet: bool) -> None:
    from simulator.report.accounts import accounting_grid

    if not quiet:
        show_grid(accounting_grid(found))
    for note in found.notes:
        say(f"note: {note}")
    for file in files:
        print(f"trace: {file}")


def _window(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,18}):(\d{1,18})", text, re.ASCII)
    if found is None or int(found[1]) >= int(found[2]):
        raise refuse("--window", "", text, "cycles FROM:TO such as 1000:2000 were expected")
    return int(found[1]), int(found[2])


def _check(files: list[Path], *, force: bool) -> None:
    """Refuse before anything runs what could not be written."""
    from simulator.traces.run import check_format

    if force and not files:
        raise refuse("--force", "", None, "--out was expected with it: other files are always new ones")
    problems: list[Problem] = []
    for file in files:
        try:
            check_format(file)
        except InputError as error:
            problems += error.problems
            continue
        if file.is_dir() or not file.absolute().parent.is_dir():
            problems.append(Problem("--out", "", str(file), "a file in a directory that exists was expected"))
        elif file.exists() and not force:
            problems.append(
                Problem("--out", "", str(file), "exists already; name another, or replace it with --force")
            )
    if len(set(files)) < len(files):
        problems.append(Problem("--out", "", ", ".join(map(str, files)), "every file once was expected"))
    if problems:
        raise InputError(problems)


def _default_files(found: "RunTrace") -> list[Path]:
    from simulator.report.save import TRACE_FILES

    told = found.told
    base = default_directory(told["architecture"], told["workload"], f"b{told['batch']}", "trace")
    base.mkdir(parents=True)
    return [base / name for name in TRACE_FILES]
