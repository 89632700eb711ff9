"""The stall timeline: what the PEs do over time, and which parts they wait for."""

from pathlib import Path
from typing import Any

import numpy as np

from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.report.numbers import count
from simulator.report.style import PE_CYCLE_LOOKS, Looks, bare, drawn, shortened
from simulator.traces.rows import Ints
from simulator.traces.run import RunTrace

BINS = 400
"""Stretches of time that a picture tells apart."""
CAUSE_LOOKS = (
    ("#fdebd0", "///"),
    ("#dc7633", "..."),
    ("#7fb3d5", "\\\\\\"),
    ("#808b96", "xxx"),
    ("#f5b041", "--"),
    ("#d5d8dc", "||"),
    ("#1b4f72", ""),
    ("#fad7a0", "++"),
    ("#b7950b", "oo"),
    ("#ffffff", "**"),
)
"""Colour and hatch of causes in the order of their share; further ones begin anew."""


def stall_timeline(trace: RunTrace, path: str | Path) -> Path:
    """Draw PEs by what they do, and those that stall by cause, over all that a trace holds; `InputError`."""
    path = Path(path)
    edges, names, causes = series(trace)
    with drawn(path, 9, 5.2) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _stack(upper, edges, names, PE_CYCLE_LOOKS)
        looks = {cause: CAUSE_LOOKS[i % len(CAUSE_LOOKS)] for i, cause in enumerate(causes)}
        _stack(lower, edges, causes, looks)
        upper.set_title(_title(trace, edges), loc="left")
        upper.set_ylabel("PEs, by what they do")
        lower.set_ylabel("PEs that stall, by cause")
        lower.set_xlabel("cycle")
        lower.xaxis.set_major_formatter(lambda value, _: count(value))
        lower.set_xlim(edges[0], edges[-1])
        _layers(upper, trace)
    return path


def series(trace: RunTrace) -> tuple[Ints, dict[str, Ints], dict[str, Ints]]:
    """(edges [n + 1] in cycles of the run, PEs by name [n], PEs that stall by cause [n]); means between edges.

    Causes come by their share, the largest first; names and causes without any are left out.
    """
    edges: list[Ints] = []
    names: dict[str, list[Ints]] = {name: [] for name in PE_CYCLE_NAMES}
    by_cause: dict[str, list[Ints]] = {cause: [] for _, _, layer in trace.layers for cause in layer.causes}
    bins = max(1, BINS // len(trace.layers))
    for _, begin, layer in trace.layers:
        first, last = layer.window
        own, sums = layer.over_time(min(bins, last - first))
        means = sums / np.maximum(np.diff(own), 1)[:, None]
        edges.append(begin + own)
        for name, found in names.items():
            found.append(means[:, [i for i, x in enumerate(layer.states) if x[0] == name]].sum(axis=1))
        for cause, found in by_cause.items():
            stalls = [i for i, x in enumerate(layer.states) if x[0] in STALL_NAMES and x[1] == cause]
            found.append(means[:, stalls].sum(axis=1))
    whole = np.concatenate([edges[0], *(own[1:] for own in edges[1:])])
    widths = np.diff(whole)
    shares = {cause: np.concatenate(found) for cause, found in by_cause.items()}
    kept = sorted((c for c in shares if shares[c].any()), key=lambda c: -float(shares[c] @ widths))
    by_name = {name: np.concatenate(found) for name, found in names.items()}
    return whole, {k: v for k, v in by_name.items() if v.any()}, {cause: shares[cause] for cause in kept}


def _stack(axes: Any, edges: Ints, values: dict[str, Ints], looks: Looks) -> None:
    floor: Any = np.zeros(len(edges) - 1)
    for name, height in values.items():
        colour, hatch = looks[name]
        top = floor + height
        axes.stairs(
            top, edges, baseline=floor, fill=True, fc=colour, hatch=hatch, ec="black", lw=0.3, label=name
        )
        floor = top
    axes.set_ylim(0, 1.02 * max(1.0, float(floor.max())))
    bare(axes)
    if values:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)


def _layers(axes: Any, trace: RunTrace) -> None:
    """Mark where layers begin, where there are some."""
    for _, begin, layer in trace.layers[1:]:
        axes.axvline(begin + layer.window[0], color="black", lw=1.2)


def _title(trace: RunTrace, edges: Ints) -> str:
    told, names = trace.told, [name for name, _, _ in trace.layers]
    which = shortened(names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}")
    each = count(max(1.0, float(np.diff(edges).mean())))
    head = f"{told['workload']} on {told['architecture']}, batch {told['batch']}, {which}"
    return f"{head}: what the PEs do\n(means over about {each} cycles)"
