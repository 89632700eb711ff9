"""Arguments and options that several commands take, each with one meaning everywhere."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.errors import refuse

if TYPE_CHECKING:
    from simulator.spec.workload import Workload

ArchitectureArgument = Annotated[
    str, typer.Argument(metavar="ARCH", help="A shipped architecture or a file.")
]
WorkloadArgument = Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload or a file.")]
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
LayerOption = Annotated[list[str] | None, typer.Option(help="Run only this layer; may be repeated.")]
BatchOption = Annotated[int, typer.Option(min=1, help="Images per run.")]
JobsOption = Annotated[int, typer.Option(min=1, help="Processes that share the layers.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="NAME=VALUE", help="Give a parameter of the workload a value; may be repeated."
    ),
]


def workload_given(workload: str, parameters: list[str] | None) -> "str | Workload":
    """The workload by its name, or read with other values for some of its parameters; raises `InputError`."""
    if not parameters:
        return workload
    from simulator.formats.load import load_workload

    return load_workload(workload, parameters_given(parameters))


def parameters_given(texts: list[str]) -> dict[str, int]:
    """``NAME=VALUE``, each name once."""
    found: dict[str, int] = {}
    for text in texts:
        parts = re.fullmatch(r"([^=\s]+)=([0-9]{1,18})", text, re.ASCII)
        if parts is None:
            told = "NAME=VALUE with a whole number such as sequence=512 was expected"
            raise refuse("--param", "", text or "''", told)
        if parts[1] in found:
            raise refuse("--param", "", text, f"one value for {parts[1]} was expected")
        found[parts[1]] = int(parts[2])
    return found
