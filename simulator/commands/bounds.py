"""``stallion bounds``: Eyexam's seven steps per layer, and where the last part of the loss comes from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.commands.options import (
    ArchitectureArgument,
    BatchOption,
    DataflowOption,
    EnergyOption,
    JobsOption,
    JsonOption,
    LayerOption,
    MappingOption,
    ParameterOption,
    RelaxOption,
    WorkloadArgument,
    workload_given,
)
from simulator.commands.terminal import INTERRUPTED, check_picture, progress, say, show_grid, show_tables
from simulator.errors import refuse
from simulator.writing import write_whole

if TYPE_CHECKING:
    from simulator.studies.bounds import Eyexam

VIOLATED = 1
"""Exit code where a bound does not hold, which only a fault of the simulator can do."""


def bounds(
    architecture: ArchitectureArgument,
    workload: WorkloadArgument,
    *,
    param: ParameterOption = None,
    batch: BatchOption = 1,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    dataflow: DataflowOption = None,
    energy: EnergyOption = None,
    relax: RelaxOption = None,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Print the reason for every number of every layer.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw rooflines and staircases (.png, .svg or .pdf)."),
    ] = None,
    plot_cycles: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a bar per layer of where every PE-cycle went.")
    ] = None,
    as_json: JsonOption = False,
    jobs: JobsOption = 1,
) -> None:
    """Bound every layer step by step (Eyexam), and say where the rest went."""
    if as_json and reasons:
        raise refuse("--reasons", "", None, "no --json was expected with it: the JSON has all reasons")
    for path, option in ((plot, "--plot"), (plot_cycles, "--plot-cycles")):
        if path is not None:
            check_picture(path, option)
    if plot is not None and plot_cycles is not None and plot.absolute() == plot_cycles.absolute():
        raise refuse("--plot-cycles", "", plot_cycles, "another file than that of --plot was expected")
    network = workload_given(workload, param)
    from simulator.studies.bounds import bounds as examine

    try:
        with progress(hidden=False) as on_layer:
            found = examine(
                architecture,
                network,
                batch=batch,
                layers=layer or None,
                mapping=mapping,
                dataflow=dataflow,
                energy=energy,
                relax=tuple(relax or ()),
                jobs=jobs,
                progress=on_layer,
            )
    except KeyboardInterrupt:
        say("interrupted before a layer had finished")
        raise typer.Exit(INTERRUPTED) from None
    for path, draw in ((plot, found.plot), (plot_cycles, found.plot_cycles)):
        if path is not None:
            write_whole(path, draw)
    if as_json:
        print(json.dumps(found.to_dict(), allow_nan=False))
    else:
        _show(found, reasons=reasons)
    _judge(found)


def _show(found: "Eyexam", *, reasons: bool) -> None:
    from simulator.studies.bounds_tables import grids, reason_grid, remarks

    show_tables(grids(found), remarks(found))
    if reasons:
        for layer in found.layers.values():
            show_grid(reason_grid(layer))


def _judge(found: "Eyexam") -> None:
    """End with an error where a bound does not hold or the run was interrupted."""
    for told in found.violations:
        say(f"a bound does not hold: {told}; this is a fault of the simulator")
    if found.violations:
        raise typer.Exit(VIOLATED)
    if found.run.interrupted:
        say(f"interrupted: only {len(found.layers)} finished layers are here")
        raise typer.Exit(INTERRUPTED)
