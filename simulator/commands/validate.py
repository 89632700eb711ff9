"""``stallion validate``: what was published beside what is simulated."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.commands.terminal import INTERRUPTED, check_picture, progress, say, show_tables
from simulator.errors import refuse
from simulator.writing import write_whole

if TYPE_CHECKING:
    from simulator.validation.result import CaseResult, Validation

OUT_OF_TOLERANCE = 1


def validate(
    case: Annotated[
        str | None,
        typer.Argument(metavar="CASE", help="A shipped case or a file; all shipped ones if not given."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print tables in Markdown.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw published against simulated values (.png, .svg or .pdf)."),
    ] = None,
) -> None:
    """Compare with what papers have published; exit code 1 where a declared tolerance is left."""
    if as_json and as_markdown:
        raise refuse("--markdown", "", None, "either --json or --markdown was expected")
    if plot is not None:
        check_picture(plot)
    from simulator.validation import validate as run_cases

    try:
        with progress(hidden=False) as on_case:
            found = run_cases(case, progress=on_case)
    except KeyboardInterrupt:
        say("interrupted before all cases were through")
        raise typer.Exit(INTERRUPTED) from None
    if plot is not None:
        from simulator.validation.tables import plot as draw

        write_whole(plot, partial(draw, found))
    _print(found, as_json=as_json, as_markdown=as_markdown)
    for told in found.misses:
        say(f"out of tolerance: {told}")
    if not found.passed:
        raise typer.Exit(OUT_OF_TOLERANCE)


def _print(found: "Validation", *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        print(json.dumps(found.to_dict(), allow_nan=False))
    elif as_markdown:
        from simulator.validation.tables import markdown

        print(markdown(found), end="")
    else:
        for case in found.cases:
            _show(case)


def _show(case: "CaseResult") -> None:
    from simulator.validation.tables import case_grid, remarks

    show_tables([case_grid(case)], remarks(case))
