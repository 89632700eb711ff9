"""``stallion whatif``: which resource is the real bottleneck, and how much of one is enough."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulator.commands.options import (
    ArchitectureArgument,
    BatchOption,
    DataflowOption,
    EnergyOption,
    JsonOption,
    LayerOption,
    MappingOption,
    ParameterOption,
    RelaxOption,
    WorkloadArgument,
    workload_given,
)
from simulator.commands.terminal import INTERRUPTED, check_picture, progress, say, show_tables
from simulator.errors import InputError, Problem, refuse
from simulator.writing import write_whole

if TYPE_CHECKING:
    from simulator.spec.workload import Workload
    from simulator.studies.relaxing import Relaxing
    from simulator.studies.varying import Sweep

VaryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUES",
        help="Sweep one number of the machine: a range such as 1:64:x2 or 8:32:+8, or 4,8,unlimited.",
    ),
]
KeepOption = Annotated[
    bool | None,
    typer.Option(
        "--keep-mapping/--map-anew",
        help="Points of a sweep keep the mapping of the machine as described, or are mapped anew by the "
        "dataflow; kept for rates, latencies, clocks and edge FIFOs, anew for everything else if not given.",
    ),
]
KneeOption = Annotated[
    float | None,
    typer.Option(metavar="PERCENT", help="How near to the best time the knee is; 5 if not given."),
]
PlotOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw the curve of a sweep (.png, .svg or .pdf).")
]


def whatif(
    architecture: ArchitectureArgument,
    workload: WorkloadArgument,
    *,
    vary: VaryOption = None,
    param: ParameterOption = None,
    batch: BatchOption = 1,
    layer: LayerOption = None,
    mapping: MappingOption = None,
    dataflow: DataflowOption = None,
    energy: EnergyOption = None,
    relax: RelaxOption = None,
    keep_mapping: KeepOption = None,
    knee: KneeOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the runs.")] = 1,
) -> None:
    """Relax each resource in turn and name the real bottleneck; or sweep one number with --vary.

    Such as --vary glb.read_words_per_cycle=1:64:x2, --vary array.rows=8:32:+8 or
    --vary dram.bytes_per_cycle=4,8,unlimited; keys joined by + vary together.
    """
    varied = _variation(vary or [], keep_mapping=keep_mapping, knee=knee, plot=plot)
    network = workload_given(workload, param)
    options: dict[str, Any] = {
        "batch": batch,
        "layers": layer or None,
        "mapping": mapping,
        "dataflow": dataflow,
        "energy": energy,
        "relax": tuple(relax or ()),
        "jobs": jobs,
    }
    try:
        with progress(hidden=False) as on_step:
            options["progress"] = on_step
            if varied is not None:
                options |= {"keep_mapping": keep_mapping} | ({} if knee is None else {"knee_pct": knee})
            study = _study(architecture, network, varied, options)
    except KeyboardInterrupt:
        say("interrupted before the machine as described was through")
        raise typer.Exit(INTERRUPTED) from None
    _deliver(study, plot, as_json=as_json)
    if study.interrupted:
        say("interrupted: only what was finished is here")
        raise typer.Exit(INTERRUPTED)


def _variation(
    vary: list[str], *, keep_mapping: bool | None, knee: float | None, plot: Path | None
) -> str | None:
    """The one variation, None where there is none; options that would do nothing are refused."""
    if len(vary) > 1:
        told = "one --vary was expected; keys joined by + vary together: array.rows+array.columns=8:32:x2"
        raise refuse("--vary", "", vary[1], told)
    if vary:
        if plot is not None:
            check_picture(plot)
        return vary[0]
    idle = {
        "--keep-mapping": keep_mapping is True,
        "--map-anew": keep_mapping is False,
        "--knee": knee is not None,
        "--plot": plot is not None,
    }
    wrong = [option for option, used in idle.items() if used]
    if wrong:
        raise InputError(Problem(option, "", "", "--vary was expected with it") for option in wrong)
    return None


def _study(
    architecture: str, workload: "str | Workload", varied: str | None, options: dict[str, Any]
) -> "Relaxing | Sweep":
    if varied is None:
        from simulator.studies.relaxing import whatif as relax_each

        return relax_each(architecture, workload, **options)
    from simulator.studies.varying import vary

    return vary(architecture, workload, varied, **options)


def _deliver(study: "Relaxing | Sweep", plot: Path | None, *, as_json: bool) -> None:
    from simulator.studies.varying import Sweep

    if plot is not None and isinstance(study, Sweep):
        write_whole(plot, study.plot)
    if as_json:
        print(json.dumps(study.to_dict(), allow_nan=False))
    else:
        _show(study)


def _show(study: "Relaxing | Sweep") -> None:
    from simulator.studies.varying import Sweep
    from simulator.studies.whatif_tables import relaxing_grids, relaxing_remarks, sweep_grid, sweep_remarks

    if isinstance(study, Sweep):
        show_tables([sweep_grid(study)], sweep_remarks(study))
    else:
        show_tables(relaxing_grids(study), relaxing_remarks(study))
