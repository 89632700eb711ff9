"""Pictures of a whole run, one bar per layer: where its PE-cycles and its energy went."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from simulator.energy.price import OPERATIONS, PER_CYCLE, Energy, energy_parts
from simulator.errors import refuse
from simulator.names import DATA_TYPES, PE_CYCLE_NAMES
from simulator.report.numbers import short
from simulator.report.pictures.style import (
    DATA_TYPE_LOOKS,
    PART_LOOKS,
    PE_CYCLE_LOOKS,
    bars_height,
    drawn,
    shortened,
    stacked_bars,
    wrapped,
)

if TYPE_CHECKING:
    from simulator.report.result import Run

ENERGY_SPLITS = ("component", "data_type")
_PREFIXES = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"))


def pe_cycle_bars(run: "Run", path: str | Path) -> Path:
    """Draw one bar per layer, divided by where its PE-cycles went, and write it to ``path``.

    The suffix of ``path`` decides the format (svg, png, pdf); a run gives the same bytes each time.
    """
    path = Path(path)
    bars = pe_cycle_shares(run)
    with drawn(path, 8, bars_height(len(bars))) as figure:
        axes = figure.add_subplot()
        stacked_bars(axes, [label for label, _ in bars], [share for _, share in bars], PE_CYCLE_LOOKS)
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of PE-cycles, %")
        axes.set_title(wrapped(f"{heading(run)}: where every PE-cycle went"), loc="left")
    return path


def pe_cycle_shares(run: "Run") -> list[tuple[str, dict[str, float]]]:
    """Label and percent of PE-cycles by name for each layer, then the total; each bar's shares sum to 100."""
    return [
        (f"{shortened(x.name)}  {x.milliseconds:.3g} ms", _percent(x.pe_cycles))
        for x in (*run.layers.values(), run.total)
    ]


def _percent(pe_cycles: dict[str, int]) -> dict[str, float]:
    total = sum(pe_cycles.values()) or 1
    return {name: 100 * pe_cycles.get(name, 0) / total for name in PE_CYCLE_NAMES}


def energy_bars(run: "Run", path: str | Path, by: str = "component") -> Path:
    """Draw one bar per layer, divided by where its energy went, and write it to ``path``.

    ``by`` is ``component`` (computation, scratchpads, networks, buffers, DRAM) or ``data_type``; `InputError`
    for anything else.
    """
    path, bars = Path(path), energy_shares(run, by)
    largest = max((sum(share.values()) for _, share in bars), default=0.0)
    scale, unit = next((found for found in _PREFIXES if largest >= found[0]), _PREFIXES[-1])
    with drawn(path, 8, bars_height(len(bars))) as figure:
        axes = figure.add_subplot()
        scaled = [{name: pj / scale for name, pj in share.items()} for _, share in bars]
        looks = PART_LOOKS if by == "component" else DATA_TYPE_LOOKS
        stacked_bars(axes, [label for label, _ in bars], scaled, looks)
        axes.set_xlim(left=0)
        prices = fill(f"prices: {run.energy_table}", 95, max_lines=3) if run.energy_table else ""
        axes.set_xlabel(f"energy, {unit}\n{prices}".strip())
        total = f"{short(run.total.energy_pj / scale)} {unit} in all"
        told = f"{heading(run)}: energy by {by.replace('_', ' ')}, {total}"
        axes.set_title(wrapped(told), loc="left")
    return path


def energy_shares(run: "Run", by: str) -> list[tuple[str, dict[str, float]]]:
    """Label and picojoules of each layer by ``component`` or ``data_type``; they sum to its energy."""
    if by not in ENERGY_SPLITS:
        raise refuse("energy", "by", by, f"one of {', '.join(ENERGY_SPLITS)} was expected")
    return [
        (
            shortened(x.name),
            energy_parts(x.energy, run.architecture) if by == "component" else by_data_type(x.energy),
        )
        for x in run.layers.values()
    ]


def by_data_type(energy: Energy) -> dict[str, float]:
    """Picojoules by data type; operations, clock and leakage, which have none, under names of their own."""
    out = dict.fromkeys((*DATA_TYPES, "computation", "clock and leakage"), 0.0)
    for by_type in energy.values():
        for data_type, by_action in by_type.items():
            for action, pj in by_action.items():
                no_words = "clock and leakage" if action in PER_CYCLE else "computation"
                out[no_words if data_type == OPERATIONS else data_type] += pj
    return out


def heading(run: "Run") -> str:
    """What ran on what, and what is not as it would be on the machine; short enough for a picture."""
    told = f"{shortened(run.workload)} on {shortened(run.architecture.name)}, batch {run.batch}"
    beside = [f"unlimited: {shortened(', '.join(run.relax))}"] if run.relax else []
    beside += ["interrupted"] if run.interrupted else []
    return told + (f" ({'; '.join(beside)})" if beside else "")
