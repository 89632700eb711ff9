"""``stallion evaluate``: all that must be said of a design for it to be judged."""

import json
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
    WorkloadArgument,
    workload_given,
)
from simulator.commands.run import OperandsOption, SeedOption, ZerosOption, operands_given
from simulator.commands.terminal import INTERRUPTED, progress, say, show_tables
from simulator.errors import refuse

if TYPE_CHECKING:
    from simulator.studies.evaluation import Evaluation


def evaluate(
    architecture: ArchitectureArgument,
    workload: WorkloadArgument,
    *,
    param: ParameterOption = None,
    batch: BatchOption = 1,
    pes: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Other arrays: PEs (64,256) or rows x columns (8x8,16x16); all else stays."
        ),
    ] = None,
    accuracy: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Accuracy with task, data set and model, told as you give it."),
    ] = None,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    dataflow: DataflowOption = None,
    energy: EnergyOption = None,
    operands: OperandsOption = None,
    zeros: ZerosOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")] = False,
    jobs: JobsOption = 1,
) -> None:
    """Say all that must be said of a design: throughput, latency, energy, traffic, cost, range, scaling."""
    if as_json and as_markdown:
        raise refuse("--markdown", "", None, "either --json or --markdown was expected")
    if accuracy is not None and not accuracy.strip():
        raise refuse("--accuracy", "", "''", "a text was expected")
    data = operands_given(operands, zeros or [], seed, None)
    network = workload_given(workload, param)
    from simulator.studies.evaluation import evaluate as evaluate_design

    try:
        with progress(hidden=False) as on_layer:
            found = evaluate_design(
                architecture,
                network,
                batch=batch,
                pes=[] if pes is None else pes.split(","),
                accuracy=accuracy,
                layers=layer or None,
                mapping=mapping,
                dataflow=dataflow,
                energy=energy,
                operands=data,
                jobs=jobs,
                progress=on_layer,
            )
    except KeyboardInterrupt:
        say("interrupted before all runs were through")
        raise typer.Exit(INTERRUPTED) from None
    _print(found, as_json=as_json, as_markdown=as_markdown)


def _print(found: "Evaluation", *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        print(json.dumps(found.to_dict(), allow_nan=False))
    elif as_markdown:
        print(found.to_markdown(), end="")
    else:
        show_tables(found.grids(), found.remarks())
