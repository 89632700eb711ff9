"""``stallion check``, ``stallion compare`` and ``stallion schema``: files, without running anything."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.commands.terminal import show_grid
from simulator.errors import InputError, Problem, refuse


def check(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any kind.")]) -> None:
    """Validate architecture, workload, mapping, energy and case files without running them."""
    from simulator.report.files import check_files
    from simulator.validation.case import read_case

    good, problems = check_files(files, read_case)
    for path, kind in good:
        print(f"{path}: {kind}, ok")
    if problems:
        raise InputError(problems)


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A results directory.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="A results directory.")],
) -> None:
    """Put two runs side by side: cycles, PE-cycle names and causes, energy, with ratios."""
    from simulator.report.compare import comparison_grid
    from simulator.report.result import Run

    show_grid(comparison_grid(*_all_or_errors(Run.load, (run_a, run_b))))


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


def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            help="architecture, workload, mapping, energy, run, case, validation, relaxing, sweep, bounds or "
            "evaluation; all of them if not given."
        ),
    ] = None,
) -> None:
    """Print JSON Schema of the file formats and of the result."""
    from simulator.report.schemas import schemas
    from simulator.studies.bounds_schemas import schemas as bounds_schemas
    from simulator.studies.evaluation_schemas import schemas as evaluation_schemas
    from simulator.studies.whatif_schemas import schemas as whatif_schemas
    from simulator.validation.schemas import schemas as validation_schemas

    made = (schemas, validation_schemas, whatif_schemas, bounds_schemas, evaluation_schemas)
    known = {name: schema for group in made for name, schema in group().items()}
    if name is not None and name not in known:
        raise refuse("stallion schema", "", name, f"one of {', '.join(known)} was expected")
    print(json.dumps(known if name is None else known[name], indent=2))
