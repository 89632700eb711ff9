"""The ``stallion`` command. Everything but typer is loaded when a command needs it."""

import json
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from simulator import __version__
from simulator.errors import InputError, Problem, refuse

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.report.result import Run
    from simulator.report.tables import Grid
    from simulator.spec.operands import Given

INPUT_ERROR = 2
INTERRUPTED = 130
PLAIN_WIDTH = 160
"""Columns of a table that goes to a file or a pipe."""

MappingOption = Annotated[
    Path | None, typer.Option(help="A mapping file; layers it lacks are mapped as usual.")
]
DataflowOption = Annotated[
    str | None, typer.Option(help="Map with this dataflow, not the architecture's own.")
]
EnergyOption = Annotated[str | None, typer.Option(metavar="TABLE", help="A shipped energy table or a file.")]
RelaxOption = Annotated[
    list[str] | None, typer.Option(metavar="RESOURCE", help="Give it an unlimited rate; may be repeated.")
]
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

app = typer.Typer(
    name="stallion",
    help="Run a neural network on an accelerator, cycle by cycle, and account for every PE-cycle.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; input errors go to stderr, one line per problem, and end with exit code 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=given, prog_name="stallion", obj=given)
    except InputError as error:
        for problem in error.problems:
            print(f"error: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(INPUT_ERROR)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"stallion {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def run(
    context: typer.Context,
    architecture: Annotated[str, typer.Argument(metavar="ARCH", help="A shipped architecture or a file.")],
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload or a file.")],
    *,
    batch: Annotated[int, typer.Option(min=1, help="Images per run.")] = 1,
    layer: Annotated[list[str] | None, typer.Option(help="Run only this layer; may be repeated.")] = None,
    mapping: MappingOption = None,
    dataflow: DataflowOption = None,
    energy: EnergyOption = None,
    relax: RelaxOption = None,
    operands: OperandsOption = None,
    zeros: ZerosOption = None,
    seed: SeedOption = None,
    save_outputs: SaveOutputsOption = None,
    fast_forward: FastForwardOption = True,
    out: OutOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; write a directory only with --out.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no tables.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the layers.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the results of an earlier run in --out.")
    ] = False,
) -> None:
    """Run a workload on an architecture."""
    from simulator.pipeline import simulate
    from simulator.report.save import check_free

    if out is not None:
        check_free(out, force=force)
    elif force:
        raise refuse("--force", "", None, "--out was expected with it: other directories are always new ones")
    data = _operands(operands, zeros or [], seed, save_outputs)
    try:
        with _progress(hidden=quiet) as progress:
            result = simulate(
                architecture,
                workload,
                batch=batch,
                layers=layer or None,
                mapping=mapping,
                dataflow=dataflow,
                energy=energy,
                relax=tuple(relax or ()),
                operands=data,
                fast_forward=fast_forward,
                jobs=jobs,
                progress=progress,
            )
    except KeyboardInterrupt:
        _say("interrupted before a layer had finished; nothing was written")
        raise typer.Exit(INTERRUPTED) from None
    if save_outputs is not None and result.layers:
        result.save_outputs(save_outputs)
    _deliver(_with_command(result, context.obj), out, as_json=as_json, quiet=quiet, force=force)


def _operands(given: str | None, zeros: list[str], seed: int | None, save: Path | None) -> "Given | None":
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


class _OnLayer(Protocol):
    def __call__(self, done: int, total: int, layer: str, /) -> None: ...


@contextmanager
def _progress(*, hidden: bool) -> Iterator[_OnLayer]:
    """A bar on stderr that follows finished layers; invisible where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=hidden or not console.is_terminal
    ) as bar:
        task = bar.add_task("starting", total=None)

        def on_layer(done: int, total: int, layer: str, /) -> None:
            bar.update(task, completed=done, total=total, description=layer)

        yield on_layer


def _with_command(result: "Run", arguments: Sequence[str]) -> "Run":
    from dataclasses import replace

    command = shlex.join(["stallion", *arguments])
    return replace(result, provenance={**result.provenance, "command": command})


def _deliver(result: "Run", out: Path | None, *, as_json: bool, quiet: bool, force: bool) -> None:
    finished = len(result.layers)
    if result.interrupted and not finished:
        _say("interrupted before a layer had finished; nothing was written")
        raise typer.Exit(INTERRUPTED)
    target = out if out is not None or as_json else _default_directory(result)
    if as_json:
        print(json.dumps(result.to_dict(), allow_nan=False))
    elif not quiet:
        _show_run(result)
    if target is not None:
        result.save(target, force=force)
        if not as_json:
            print(f"results: {target}")
    if result.interrupted:
        kept = f", kept in {target}" if target is not None else ""
        _say(f"interrupted: {finished} finished layers{kept}")
        raise typer.Exit(INTERRUPTED)


def _default_directory(result: "Run") -> Path:
    """The first of results/ARCH-WORKLOAD-bN, ...-2, ...-3 that does not exist."""
    base = f"{_file_name(result.architecture.name)}-{_file_name(result.workload)}-b{result.batch}"
    path, number = Path("results") / base, 1
    while path.exists() or path.is_symlink():
        number += 1
        path = Path("results") / f"{base}-{number}"
    return path


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip(".")[:60] or "unnamed"


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _show_run(result: "Run") -> None:
    from simulator.report.tables import rich_tables

    _console().print(rich_tables(result))


def _show_grid(grid: "Grid") -> None:
    from simulator.report.tables import rich_table

    _console().print(rich_table(grid))


@app.command("list")
def list_shipped() -> None:
    """List shipped architectures, workloads, dataflows and energy tables."""
    from simulator.dataflows import dataflows
    from simulator.spec.catalog import shipped

    groups = {
        "architectures": shipped("architecture"),
        "workloads": shipped("workload"),
        "dataflows": sorted(dataflows()),
        "energy tables": shipped("energy"),
    }
    for title, names in groups.items():
        print(f"{title}:")
        for name in names:
            print(f"  {name}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ARCH|WORKLOAD", help="A shipped name or a file.")],
) -> None:
    """Show an architecture with the source of each number, or a workload's layers."""
    from simulator.report.sheets import architecture_grid, workload_grid
    from simulator.spec.catalog import load_architecture, load_workload

    if _kind(name) == "architecture":
        _show_grid(architecture_grid(load_architecture(name)))
    else:
        _show_grid(workload_grid(load_workload(name)))


def _kind(name: str) -> str:
    from simulator.report.files import kind_of
    from simulator.spec.catalog import shipped
    from simulator.spec.reader import read_yaml

    names = {kind: shipped(kind) for kind in ("architecture", "workload")}
    for kind, known in names.items():
        if name in known:
            return kind
    path = Path(name)
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


@app.command()
def check(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any kind.")]) -> None:
    """Validate architecture, workload, mapping and energy files without running them."""
    from simulator.report.files import check_files

    good, problems = check_files(files)
    for path, kind in good:
        print(f"{path}: {kind}, ok")
    if problems:
        raise InputError(problems)


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A results directory.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="A results directory.")],
) -> None:
    """Put two runs side by side: cycles, PE-cycle names and causes, energy, with ratios."""
    from simulator.report.compare import comparison_grid
    from simulator.report.result import Run

    _show_grid(comparison_grid(*_all_or_errors(Run.load, (run_a, run_b))))


def _all_or_errors(load: Any, paths: Sequence[Path]) -> list[Any]:
    loaded: list[Any] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            loaded.append(load(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return loaded


@app.command()
def schema(
    name: Annotated[
        str | None,
        typer.Argument(help="architecture, workload, mapping, energy or run; all of them if not given."),
    ] = None,
) -> None:
    """Print JSON Schema of the file formats and of the result."""
    from simulator.report.schemas import NAMES, schemas
    from simulator.report.schemas import schema as schema_of

    if name is not None and name not in NAMES:
        raise refuse("stallion schema", "", name, f"one of {', '.join(NAMES)} was expected")
    print(json.dumps(schemas() if name is None else schema_of(name), indent=2))
