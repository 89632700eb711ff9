"""``stallion run``: one workload on one architecture, with everything that can be asked of it."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.commands.options import (
    ArchitectureArgument,
    BatchOption,
    DataflowOption,
    EnergyOption,
    JobsOption,
    LayerOption,
    MappingOption,
    ParameterOption,
    RelaxOption,
    WorkloadArgument,
    workload_given,
)
from simulator.commands.terminal import INTERRUPTED, console, default_directory, progress, say
from simulator.errors import InputError, Problem, refuse

if TYPE_CHECKING:
    from simulator.report.result import Run
    from simulator.spec.operands import Given

OutOption = Annotated[
    Path | None, typer.Option(help="Results directory; a new one under results/ if not given.")
]
OperandsOption = Annotated[
    str | None,
    typer.Option(
        "--operands", metavar="random|FILE", help="Compute with random data, or with that of an .npz file."
    ),
]
ZerosOption = Annotated[
    list[str] | None,
    typer.Option(
        "--zeros",
        metavar="LAYER=FRACTION",
        help="Zeros of random inputs, LAYER may be 'all'; may be repeated.",
    ),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of random operands; 0 if not given.")
]
SaveOutputsOption = Annotated[
    Path | None, typer.Option("--save-outputs", metavar="FILE", help="Write computed outputs as an .npz.")
]
FastForwardOption = Annotated[
    bool,
    typer.Option(
        "--fast-forward/--no-fast-forward", help="Skip what repeats; no result depends on it, only the time."
    ),
]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Write trace.json.gz and stall_trace.csv to the results.")
]
CompatOption = Annotated[
    str | None,
    typer.Option("--compat", metavar="scalesim", help="Write SCALE-Sim's reports to --out, too."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the results of an earlier run in --out.")]


def run(
    context: typer.Context,
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
    operands: OperandsOption = None,
    zeros: ZerosOption = None,
    seed: SeedOption = None,
    save_outputs: SaveOutputsOption = None,
    fast_forward: FastForwardOption = True,
    trace: TraceOption = False,
    out: OutOption = None,
    compat: CompatOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; write a directory only with --out.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no tables.")] = False,
    jobs: JobsOption = 1,
    force: ForceOption = False,
) -> None:
    """Run a workload on an architecture."""
    from simulator.pipeline import simulate

    _check_out(out, force=force, files=trace and as_json)
    _check_compat(compat, out, architecture)
    data = operands_given(operands, zeros or [], seed, save_outputs)
    network = workload_given(workload, param)
    try:
        with progress(hidden=quiet) as on_layer:
            result = simulate(
                architecture,
                network,
                batch=batch,
                layers=layer or None,
                mapping=mapping,
                dataflow=dataflow,
                energy=energy,
                relax=tuple(relax or ()),
                operands=data,
                fast_forward=fast_forward,
                trace=trace,
                jobs=jobs,
                progress=on_layer,
            )
    except KeyboardInterrupt:
        say("interrupted before a layer had finished; nothing was written")
        raise typer.Exit(INTERRUPTED) from None
    if save_outputs is not None and result.layers:
        result.save_outputs(save_outputs)
    told = _with_command(result, context.obj)
    _deliver(told, out, compat=compat, as_json=as_json, quiet=quiet, force=force)


def _check_out(out: Path | None, *, force: bool, files: bool) -> None:
    """Refuse a place that cannot be written to, and options that would do nothing.

    ``files``: a trace is wanted beside one JSON document.
    """
    from simulator.report.save import check_free

    if out is not None:
        check_free(out, force=force)
    elif force:
        raise refuse("--force", "", None, "--out was expected with it: other directories are always new ones")
    elif files:
        raise refuse("--trace", "", None, "--out was expected with it and --json: it writes files")


def _check_compat(compat: str | None, out: Path | None, architecture: str) -> None:
    """Refuse reports that could not be written, before anything runs."""
    if compat is None:
        return
    if out is None:
        raise refuse("--compat", "", None, "--out was expected with it: it writes files")
    from simulator.formats.load import load_architecture
    from simulator.report.save import check_compat

    check_compat(compat, load_architecture(architecture))


def operands_given(
    given: str | None, zeros: list[str], seed: int | None, save: Path | None
) -> "Given | None":
    """What to compute on; options that would do nothing are refused."""
    from simulator.spec.operands import RandomOperands, read_zeros

    idle = {"--zeros": bool(zeros), "--seed": seed is not None}
    expected = "--operands random was expected with it"
    if given is None:
        idle["--save-outputs"] = save is not None
        expected = "--operands was expected with it"
    wrong = [option for option, used in idle.items() if used and given != "random"]
    if wrong:
        raise InputError(Problem(option, "", "", expected) for option in wrong)
    if save is not None and (save.exists() or not save.absolute().parent.is_dir()):
        raise refuse(str(save), "", None, "a new file in a directory that exists was expected")
    return RandomOperands(read_zeros(zeros), seed or 0) if given == "random" else given


def _with_command(result: "Run", arguments: Sequence[str]) -> "Run":
    command = shlex.join(["stallion", *arguments])
    return replace(result, provenance={**result.provenance, "command": command})


def _deliver(
    result: "Run", out: Path | None, *, compat: str | None, as_json: bool, quiet: bool, force: bool
) -> None:
    finished = len(result.layers)
    if result.interrupted and not finished:
        say("interrupted before a layer had finished; nothing was written")
        raise typer.Exit(INTERRUPTED)
    names = (result.architecture.name, result.workload, f"b{result.batch}")
    target = out if out is not None or as_json else default_directory(*names)
    if as_json:
        print(json.dumps(result.to_dict(), allow_nan=False))
    elif not quiet:
        _show_run(result)
    if target is not None:
        result.save(target, force=force, compat=compat)
        if not as_json:
            print(f"results: {target}")
        for note in result.trace.notes if result.traced else ():
            say(f"note: trace: {note}")
    if result.interrupted:
        kept = f", kept in {target}" if target is not None else ""
        say(f"interrupted: {finished} finished layers{kept}")
        raise typer.Exit(INTERRUPTED)


def _show_run(result: "Run") -> None:
    from simulator.report.tables import rich_tables

    console().print(rich_tables(result))
