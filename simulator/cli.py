"""The ``stallion`` command. Everything but typer is loaded when a command needs it."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from simulator import __version__
from simulator.commands.bounds import bounds
from simulator.commands.evaluate import evaluate
from simulator.commands.files import check, compare, schema
from simulator.commands.importing import import_file
from simulator.commands.plot import plot, report
from simulator.commands.run import run
from simulator.commands.shipped import list_shipped, show
from simulator.commands.terminal import told_warnings
from simulator.commands.trace import trace
from simulator.commands.validate import validate
from simulator.commands.whatif import whatif
from simulator.errors import InputError

INPUT_ERROR = 2

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
        with told_warnings():
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


app.command("run")(run)
app.command("bounds")(bounds)
app.command("trace")(trace)
app.command("whatif")(whatif)
app.command("import")(import_file)
app.command("list")(list_shipped)
app.command("show")(show)
app.command("check")(check)
app.command("compare")(compare)
app.command("plot")(plot)
app.command("report")(report)
app.command("evaluate")(evaluate)
app.command("validate")(validate)
app.command("schema")(schema)
