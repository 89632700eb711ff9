"""A run as one HTML file: tables, pictures, notes, the architecture with its sources, and provenance."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.errors import InputError
from simulator.names import STALL_NAMES
from simulator.report.numbers import count, percent, short
from simulator.report.page import Section, facts, figure, page, paragraphs, tables
from simulator.report.pictures.gallery import find_layers, pictures, some_layers
from simulator.report.save import TRACE_FILES
from simulator.report.sheets import architecture_grid
from simulator.report.tables import Grid, grids, not_simulated_grid, notes
from simulator.writing import write_whole

if TYPE_CHECKING:
    from simulator.report.result import LayerResult, Run

PICTURED = 3
"""Layers with pictures over time where none are named: those that take most cycles."""


def write_report(
    run: "Run",
    path: Path,
    *,
    layers: Sequence[str] = (),
    beside: Path | None = None,
    extra: Sequence[Grid] = (),
) -> list[str]:
    """Write the page of a run to ``path``, whole or not at all; returns what could not be drawn and why.

    Pictures over time are of ``layers``, or of the `PICTURED` layers that take most cycles. ``beside`` is the
    results directory, whose traces are named; ``extra`` are tables of a section of their own. `InputError`.
    """
    text, missing = report(run, layers=layers, beside=beside, extra=extra)
    write_whole(path, lambda draft: draft.write_text(text, encoding="utf-8", newline="\n"))
    return missing


def report(
    run: "Run", *, layers: Sequence[str] = (), beside: Path | None = None, extra: Sequence[Grid] = ()
) -> tuple[str, list[str]]:
    """The page of a run, and what could not be drawn and why."""
    run = some_layers(run)
    chosen = find_layers(run, layers) if layers else _longest(run)
    whole, single, missing = _drawn(run, chosen)
    result = [grid for grid in grids(run) if grid.title != not_simulated_grid(run).title]
    sections = [
        Section("Summary", _summary(run)),
        Section("Pictures of the run", whole),
        Section("Tables", tables([*result, stall_grid(run), port_grid(run)])),
        Section("Layers over time", paragraphs([_which(run, chosen)]) + single),
        Section("Not simulated", _not_simulated(run)),
        *([Section("Evaluation sheet", tables(extra))] if extra else []),
        Section("Notes", paragraphs([*notes(run), *missing]) or paragraphs(["None."])),
        Section("Architecture and its sources", tables([architecture_grid(run.architecture)])),
        Section("Provenance", _provenance(run, beside)),
    ]
    title = f"{run.workload} on {run.architecture.name}"
    lead = f"batch {run.batch}, {short(run.clock_mhz)} MHz, Stallion {run.provenance.get('version', '')}"
    return page(title, lead, sections), missing


def _longest(run: "Run") -> list["LayerResult"]:
    """The layers with MACs that take most cycles, in the order of the run."""
    found = [result for result in run.layers.values() if result.macs]
    most = {x.name for x in sorted(found, key=lambda result: -result.cycles)[:PICTURED]}
    return [result for result in found if result.name in most]


def _which(run: "Run", chosen: Sequence["LayerResult"]) -> str:
    others = sum(1 for result in run.layers.values() if result.macs) - len(chosen)
    told = f"Shown: {', '.join(result.name for result in chosen) or 'no layers'}."
    return told + (f" {others} other layers with MACs are not; --layer names them." if others else "")


def _drawn(run: "Run", chosen: Sequence["LayerResult"]) -> tuple[str, str, list[str]]:
    """HTML of the pictures of the run, of those of single layers, and why some are missing."""
    whole, single, missing = "", "", []
    heading = None
    with tempfile.TemporaryDirectory(prefix="stallion-report-") as draft:
        for number, picture in enumerate(pictures(run, chosen)):
            try:
                shown = figure(picture.draw(Path(draft) / f"{number}.png"), picture.caption)
            except InputError as error:
                missing += [f"{picture.caption}: not drawn: {problem}" for problem in error.problems]
                continue
            if picture.layer is None:
                whole += shown
                continue
            if heading != picture.layer:
                heading = picture.layer
                single += f"<h3>{escape(heading)}</h3>\n"
            single += shown
    return whole, single, missing


def _summary(run: "Run") -> str:
    total = run.total
    millijoules = total.energy_pj / 1e9
    pairs = [
        ("latency", f"{short(total.milliseconds)} ms, {count(total.cycles)} cycles, batch {run.batch}"),
        ("utilization", f"{100 * total.utilization:.1f} % of the peak of {count(total.pes)} PEs"),
        ("energy", f"{short(millijoules)} mJ, {short(millijoules / run.batch)} mJ per image"),
        ("DRAM", f"{short(total.bytes_dram / 1e6)} MB"),
        ("layers", f"{len(run.layers)} simulated, {len(run.not_simulated)} not simulated"),
        ("verdict", total.verdict),
    ]
    warnings = []
    if run.interrupted:
        warnings.append("The run was interrupted: only the layers that had finished are here.")
    if run.not_simulated:
        told = "In none of these numbers are layers that no part of this machine runs"
        warnings.append(f"{told}: {len(run.not_simulated)}.")
    if run.relax:
        warnings.append(f"These parts ran at an unlimited rate: {', '.join(run.relax)}.")
    return facts(pairs) + paragraphs(warnings, "warning")


def stall_grid(run: "Run") -> Grid:
    """PE-cycles waited per layer in percent, by what was waited for and where it was."""
    kinds = [
        (name, cause)
        for name in STALL_NAMES
        for cause, waited in run.total.stall_causes.get(name, {}).items()
        if waited
    ]
    rows = []
    for result in (*run.layers.values(), run.total):
        pe_cycles = sum(result.pe_cycles.values())
        waits = [result.stall_causes.get(name, {}).get(cause, 0) for name, cause in kinds]
        rows.append((result.name, *(percent(n, pe_cycles) for n in waits)))
    columns = ("layer", *(f"{name}: {cause}" for name, cause in kinds))
    return Grid("What was waited for and where it was, % of PE-cycles", columns, tuple(rows))


def port_grid(run: "Run") -> Grid:
    """How busy every port was in each layer, in percent of its cycles."""
    names = [name for name, port in run.total.ports.items() if port["busy_cycles"]]
    rows = tuple(
        (
            result.name,
            *(percent(result.ports.get(name, {}).get("busy_cycles", 0), result.cycles) for name in names),
        )
        for result in (*run.layers.values(), run.total)
    )
    return Grid("Ports busy, % of cycles; those without a limit never are", ("layer", *names), rows)


def _not_simulated(run: "Run") -> str:
    if run.not_simulated:
        return tables([not_simulated_grid(run)])
    return paragraphs(["Nothing: every layer of the workload that was asked for ran."])


def _provenance(run: "Run", beside: Path | None) -> str:
    pairs = [(key, str(told)) for key, told in run.provenance.items() if not isinstance(told, dict)]
    pairs += [("energy prices", run.energy_table)] if run.energy_table else []
    pairs += list(_inputs(run.provenance.get("inputs", {})))
    traces = [name for name in TRACE_FILES if beside is not None and (beside / name).is_file()]
    lines = [f"Stall trace beside this report: {name}." for name in traces]
    whole = json.dumps(run.provenance, indent=1, default=str)
    details = f"<details><summary>provenance.json</summary><pre>{escape(whole)}</pre></details>\n"
    return facts(pairs) + paragraphs(lines) + details


def _inputs(inputs: Any) -> Iterator[tuple[str, str]]:
    """What was read, with its hash where one is known."""
    for kind, told in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(told, dict):
            values = told.get("parameters", {})
            given = "".join(f", {name} {value}" for name, value in values.items())
            yield str(kind), f"{told.get('file', '')}{given}, SHA-256 {told.get('sha256', 'unknown')}"
        else:
            yield str(kind), str(told)
