"""Tables for people: the layers of a run in a terminal, in a notebook, and in one line."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from simulator.energy.price import ENERGY_PARTS, energy_parts
from simulator.names import DATA_TYPES, PE_CYCLE_NAMES
from simulator.report.numbers import count, percent, short

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from simulator.report.result import LayerResult, Run

MB = 1e6
UJ = 1e6


@dataclass(frozen=True, slots=True)
class Grid:
    """A table before it has a medium: a title, column headings and rows of cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def results(run: "Run") -> list["LayerResult"]:
    """Simulated layers, then their total."""
    return [*run.layers.values(), run.total]


def level_bytes(run: "Run", result: "LayerResult", level: str) -> float:
    """Array-side bytes of one memory, read and written."""
    words, bits = result.words.get(level, {}), run.architecture.word_bits
    moved = {
        d: words.get(d, {}).get("array_read", 0) + words.get(d, {}).get("array_write", 0) for d in DATA_TYPES
    }
    return sum(count * bits[data_type] for data_type, count in moved.items()) / 8


def buffers(run: "Run") -> list[str]:
    """Names of the memories on chip."""
    return [name for name, memory in run.architecture.memories.items() if not memory.off_chip]


def layer_grid(run: "Run") -> Grid:
    """Cycles, time, PEs, traffic and energy per simulated layer."""
    columns = ["layer", "cycles", "ms", "active PEs", "util. %", "DRAM MB"]
    columns += [f"{name} MB" for name in buffers(run)] + ["energy uJ"]
    rows = [_layer_cells(run, result) for result in results(run)]
    return Grid(_title(run), tuple(columns), tuple(rows))


def _layer_cells(run: "Run", result: "LayerResult") -> tuple[str, ...]:
    levels = [short(level_bytes(run, result, level) / MB) for level in buffers(run)]
    return (
        result.name,
        count(result.cycles),
        short(result.milliseconds),
        str(result.active_pes),
        f"{100 * result.utilization:.1f}",
        short(result.bytes_dram / MB),
        *levels,
        short(result.energy_pj / UJ),
    )


def cycle_grid(run: "Run") -> Grid:
    """Where every PE-cycle went, in percent per layer; names that never occur are left out."""
    names = [name for name in PE_CYCLE_NAMES if run.total.pe_cycles.get(name)]
    rows = []
    for result in results(run):
        total = sum(result.pe_cycles.values())
        rows.append((result.name, *(percent(result.pe_cycles.get(name, 0), total) for name in names)))
    return Grid("Where the PE-cycles went, %", ("layer", *names), tuple(rows))


def energy_grid(run: "Run") -> Grid:
    """Where the energy went, in microjoules per layer; parts that take none are left out."""
    found = [energy_parts(result.energy, run.architecture) for result in results(run)]
    parts = [part for part in ENERGY_PARTS if found[-1][part]]
    rows = tuple(
        (result.name, *(short(spent[part] / UJ) for part in parts))
        for result, spent in zip(results(run), found, strict=True)
    )
    return Grid("Where the energy went, uJ", ("layer", *parts), rows)


def verdict_grid(run: "Run") -> Grid:
    """What limits each layer."""
    rows = tuple((result.name, result.verdict) for result in results(run))
    return Grid("What limits it", ("layer", "verdict"), rows)


def not_simulated_grid(run: "Run") -> Grid:
    """Layers that no part of the machine runs, with the data they would move."""
    rows = tuple(
        (x.name, x.operator, count(x.input_words), count(x.output_words), short(x.bytes / MB))
        for x in run.not_simulated
    )
    title = "Not simulated (no part of this machine runs them; not in the totals)"
    return Grid(title, ("layer", "operator", "words in", "words out", "MB"), rows)


def grids(run: "Run") -> list[Grid]:
    """All tables of a run, in reading order; the one of layers not simulated only where there are any."""
    always = [layer_grid(run), cycle_grid(run), energy_grid(run), verdict_grid(run)]
    return always + ([not_simulated_grid(run)] if run.not_simulated else [])


def notes(run: "Run") -> list[str]:
    """What a reader must know beside the tables."""
    lines = [f"Energy prices: {run.energy_table}."] if run.energy_table else []
    if run.relax:
        lines.append(f"Unlimited rate: {', '.join(run.relax)}.")
    if run.interrupted:
        lines.append("Interrupted: only the finished layers are here.")
    return lines + list(run.notes)


def _title(run: "Run") -> str:
    return f"{run.workload} on {run.architecture.name}, batch {run.batch}, {short(run.clock_mhz)} MHz"


def one_line(run: "Run") -> str:
    """A run in one line: what ran, how long, how well, and what limits it."""
    total = run.total
    skipped = f", {len(run.not_simulated)} not simulated" if run.not_simulated else ""
    return (
        f"<Run {_title(run)}: {len(run.layers)} layers{skipped}, {count(total.cycles)} cycles, "
        f"{short(total.milliseconds)} ms, utilization {100 * total.utilization:.1f} %, {total.verdict}>"
    )


def rich_table(grid: Grid) -> "Table":
    """A grid for the terminal; the row of totals stands out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(grid.title), title_justify="left", box=box.SIMPLE_HEAD)
    for i, column in enumerate(grid.columns):
        table.add_column(Text(column), justify="right" if _is_numeric(grid, i) else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(cell) for cell in row), style="bold" if row[0] == "total" else "")
    return table


def _is_numeric(grid: Grid, column: int) -> bool:
    return all(not row[column][:1].isalpha() for row in grid.rows)


def rich_tables(run: "Run") -> "Group":
    """All tables and notes of a run, to be printed by a rich console."""
    from rich.console import Group
    from rich.text import Text

    return Group(*(rich_table(grid) for grid in grids(run)), *(Text(line) for line in notes(run)))


def html_table(run: "Run") -> str:
    """All tables and notes of a run as HTML, for notebooks."""
    tables = "".join(html_grid(grid) for grid in grids(run))
    return tables + "".join(f"<p>{escape(line)}</p>" for line in notes(run))


def html_grid(grid: Grid) -> str:
    """A grid as an HTML table; columns of numbers and the row of totals have a class of their own."""
    kinds = [' class="number"' if i and _is_numeric(grid, i) else "" for i in range(len(grid.columns))]
    head = "".join(f"<th{kind}>{escape(x)}</th>" for kind, x in zip(kinds, grid.columns, strict=True))
    body = "".join(
        ('<tr class="total">' if row[0] == "total" else "<tr>")
        + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in grid.rows
    )
    caption = f"<caption>{escape(grid.title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def markdown_grid(grid: Grid) -> str:
    """A grid as a Markdown table under its title."""
    lines = [grid.columns, ["---"] * len(grid.columns), *grid.rows]
    rows = [f"| {' | '.join(map(_markdown, line))} |" for line in lines]
    return "\n".join([f"**{_markdown(grid.title)}**", "", *rows])


def _markdown(text: str) -> str:
    return " ".join(text.replace("|", r"\|").replace("*", r"\*").split())
