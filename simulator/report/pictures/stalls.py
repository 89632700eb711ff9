"""The stall timeline: what the PEs do over time, and which parts they wait for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.errors import refuse
from simulator.names import PE_CYCLE_NAMES
from simulator.report.numbers import count
from simulator.report.pictures.style import PE_CYCLE_LOOKS, Looks, bare, drawn, shortened, wrapped
from simulator.traces.layer import LayerTrace
from simulator.traces.rows import Ints
from simulator.traces.run import RunTrace

if TYPE_CHECKING:
    from simulator.report.result import Run

BINS = 400
"""Stretches of time that a picture tells apart."""
EDGES = "pes.edges"
"""Under this name the results of a traced run keep where the stretches of time begin and end."""
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


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the PEs of a layer did over time: PE-cycles [n] by (name, cause) between ``edges`` [n + 1].

    ``edges`` are cycles of the layer, which starts ``begin`` cycles after the run; some names have no cause.
    """

    layer: str
    begin: int
    edges: Ints
    pe_cycles: dict[tuple[str, str | None], Ints]


def of_trace(trace: RunTrace) -> list[Timeline]:
    """What a trace holds, layer by layer."""
    shown = sum(layer.window[1] - layer.window[0] for _, _, layer in trace.layers)
    each = -(-shown // BINS)
    return [
        _of_layer(name, begin, layer, -(-(layer.window[1] - layer.window[0]) // each))
        for name, begin, layer in trace.layers
    ]


def _of_layer(name: str, begin: int, layer: LayerTrace, bins: int = BINS) -> Timeline:
    first, last = layer.window
    edges, sums = layer.over_time(max(1, min(bins, last - first)))
    known = {state: sums[:, i] for i, state in enumerate(layer.states)}
    return Timeline(name, begin, edges, {state: n for state, n in known.items() if n.any()})


def arrays(layer: LayerTrace) -> dict[str, Ints]:
    """A layer's timeline as arrays by name, as a run's results keep them; `of_run` reads them back."""
    found = _of_layer("", 0, layer)
    by_name = {".".join(("pes", name, cause or "")): n for (name, cause), n in found.pe_cycles.items()}
    return {EDGES: found.edges, **by_name}


def of_run(run: "Run", layer: str | None = None) -> list[Timeline]:
    """What a run's results hold of its layers, or of one; `InputError` where it was not traced."""
    begin, out = 0, []
    for name, result in run.layers.items():
        series = result.windows
        if layer in (None, name):
            if EDGES not in series:
                told = "a run that was traced (--trace, trace=True) was expected for what PEs do over time"
                raise refuse(name, "", None, told)
            keys = [key for key in series if key.startswith("pes.") and key != EDGES]
            states = [key.split(".", 2)[1:] for key in keys]
            values = [np.asarray(series[key]) for key in keys]
            found = {(s, c or None): n for (s, c), n in zip(states, values, strict=True)}
            out.append(Timeline(name, begin, np.asarray(series[EDGES]), found))
        begin += result.cycles
    return out


def stall_timeline(timelines: Sequence[Timeline], heading: str, path: str | Path) -> Path:
    """Draw PEs by what they do, and those that stall by cause, over time; `InputError`."""
    path = Path(path)
    edges, names, causes = series(coarser(timelines))
    with drawn(path, 9, 5.2) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _stack(upper, edges, names, PE_CYCLE_LOOKS)
        looks = {cause: CAUSE_LOOKS[i % len(CAUSE_LOOKS)] for i, cause in enumerate(causes)}
        _stack(lower, edges, causes, looks)
        each = count(max(1.0, float(np.diff(edges).mean())))
        title = f"{heading}, {_layers(timelines)}: what the PEs do\n(means over about {each} cycles)"
        upper.set_title(wrapped(title), loc="left")
        upper.set_ylabel("PEs, by what they do")
        lower.set_ylabel("PEs that stall, by cause")
        lower.set_xlabel("cycle")
        lower.xaxis.set_major_formatter(lambda value, _: count(value))
        lower.set_xlim(edges[0], edges[-1])
        for later in timelines[1:]:
            upper.axvline(later.begin + later.edges[0], color="black", lw=1.2)
    return path


def coarser(timelines: Sequence[Timeline], bins: int = BINS) -> list[Timeline]:
    """The same with about ``bins`` stretches of time in all, spread over layers by their cycles."""
    lengths = [int(one.edges[-1] - one.edges[0]) for one in timelines]
    whole = max(1, sum(lengths))
    return [
        _merged(one, max(1, bins * length // whole)) for one, length in zip(timelines, lengths, strict=True)
    ]


def _merged(one: Timeline, bins: int) -> Timeline:
    """One layer with at most ``bins`` stretches: neighbours are added up."""
    count = len(one.edges) - 1
    starts = np.arange(0, count, -(-count // bins))
    edges = np.append(one.edges[starts], one.edges[-1])
    return replace(
        one, edges=edges, pe_cycles={key: np.add.reduceat(n, starts) for key, n in one.pe_cycles.items()}
    )


def _layers(timelines: Sequence[Timeline]) -> str:
    first, last = timelines[0].layer, timelines[-1].layer
    return shortened(first if first == last else f"{first} to {last}")


def series(timelines: Sequence[Timeline]) -> tuple[Ints, dict[str, Ints], dict[str, Ints]]:
    """(edges [n + 1] in cycles of the run, PEs by name [n], PEs that stall by cause [n]).

    PEs are means between edges. Causes come by their share, the largest first; what never occurs is left out.
    """
    edges = [timelines[0].begin + timelines[0].edges[:1]] + [one.begin + one.edges[1:] for one in timelines]
    whole = np.concatenate(edges)
    widths = np.maximum(np.diff(whole), 1)
    causes = dict.fromkeys(c for one in timelines for _, c in one.pe_cycles if c is not None)
    names = {name: _sums(timelines, lambda x, name=name: x[0] == name) / widths for name in PE_CYCLE_NAMES}  # type: ignore[misc]
    shares = {cause: _sums(timelines, lambda x, cause=cause: x[1] == cause) / widths for cause in causes}  # type: ignore[misc]
    order = sorted(shares, key=lambda cause: -float(shares[cause] @ widths))
    return whole, {k: v for k, v in names.items() if v.any()}, {cause: shares[cause] for cause in order}


def _sums(timelines: Sequence[Timeline], wanted: Callable[[tuple[str, str | None]], bool]) -> Ints:
    """PE-cycles of some states over all timelines."""
    every = []
    for one in timelines:
        none = np.zeros(len(one.edges) - 1)
        every.append(sum((n for state, n in one.pe_cycles.items() if wanted(state)), none))
    return np.concatenate(every)


def _stack(axes: Any, edges: Ints, values: dict[str, Ints], looks: Looks) -> None:
    floor: Any = np.zeros(len(edges) - 1)
    for name, height in values.items():
        colour, hatch = looks[name]
        top = floor + height
        axes.stairs(
            top, edges, baseline=floor, fill=True, fc=colour, hatch=hatch, ec="black", lw=0, label=name
        )  # no outlines: where the height changes often they would hide everything else
        floor = top
    axes.set_ylim(0, 1.02 * max(1.0, float(floor.max())))
    bare(axes)
    if values:
        legend = axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
        for patch in legend.get_patches():
            patch.set_linewidth(0.5)
