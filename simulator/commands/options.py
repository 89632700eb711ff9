"""Options that several commands take, each with one meaning everywhere."""

from pathlib import Path
from typing import Annotated

import typer

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
