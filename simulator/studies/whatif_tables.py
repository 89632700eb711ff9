"""What-if studies for people: tables in a terminal, remarks, and the picture of a sweep."""

from fractions import Fraction
from pathlib import Path

from simulator.components.base import UNLIMITED
from simulator.report.numbers import count, several, short, signed
from simulator.report.pictures.curves import Curve, Curves, draw_curves
from simulator.report.result import NotSimulated
from simulator.report.tables import UJ, Grid
from simulator.studies.points import Figures, Outcome
from simulator.studies.relaxing import SHARE_PCT, Relaxed, Relaxing
from simulator.studies.variation import Value, text_of
from simulator.studies.varying import Sweep, SweepPoint

MOST_COLUMNS = 6
"""Resources with a column of their own in the table of layers."""
_HOW = {
    "kept": "every point keeps the mapping of the machine as described",
    "anew": "every point is mapped anew",
}


def relaxing_grids(study: Relaxing) -> list[Grid]:
    """Resources by gain, then relaxed one after another, then layers with what limits each."""
    found = [_resources(study), _ladder(study), _layers(study), _bottlenecks(study)]
    return [grid for grid in found if grid.rows]


def _resources(study: Relaxing) -> Grid:
    base = study.baseline.total
    rows: list[tuple[str, ...]] = [
        ("as described", "", count(base.cycles), short(base.milliseconds), "", "")
    ]
    rows += [_resource_cells(study, row) for row in study.relaxed]
    if study.everything is not None:
        rows.append(("everything at once", "", *_cells(study, study.everything), ""))
    columns = ("unlimited", "limit", "cycles", "ms", "gain %", "cost alone %")
    title = f"{study.workload} on {study.architecture}, batch {study.batch}: cycles if it were unlimited"
    return Grid(title, columns, tuple(rows))


def _resource_cells(study: Relaxing, row: Relaxed) -> tuple[str, ...]:
    known = ("-", "-", "-") if row.unlimited is None else _cells(study, row.unlimited)
    complete = row.alone is not None and study.everything is not None
    alone = signed(study.cost_pct(row.alone)) if row.alone is not None and complete else "-"
    return (row.resource.name, row.resource.limit, *known, alone)


def _cells(study: Relaxing, outcome: Outcome) -> tuple[str, str, str]:
    total = outcome.total
    return count(total.cycles), short(total.milliseconds), signed(study.gain_pct(outcome))


def _ladder(study: Relaxing) -> Grid:
    rows = [
        ("then" if i else "first", rung.names[-1], *_cells(study, rung.outcome))
        for i, rung in enumerate(study.ladder)
    ]
    columns = ("relaxed", "resource", "cycles", "ms", "gain %")
    return Grid("One after another, in the order of what each costs alone", columns, tuple(rows))


def _layers(study: Relaxing) -> Grid:
    """Gains per layer, with a column for each resource that gains somewhere."""
    known = [(row.resource.name, row.unlimited) for row in study.relaxed if row.unlimited is not None]
    most = {name: max((study.gain_pct(o, x) for x in study.layers), default=0) for name, o in known}
    shown = [(name, o) for name, o in known if most[name] >= SHARE_PCT][:MOST_COLUMNS]
    if study.everything is not None:
        shown.append(("everything", study.everything))
    rows = [
        (name, count(study.baseline.cycles(layer)), *(signed(study.gain_pct(o, layer)) for _, o in shown))
        for layer, name in _layers_and_total(study)
    ]
    return Grid("Gain per layer, %", ("layer", "cycles", *(name for name, _ in shown)), tuple(rows))


def _bottlenecks(study: Relaxing) -> Grid:
    rows = []
    for layer, name in _layers_and_total(study):
        found = study.bottleneck(layer)
        if found.everything_pct is None:
            rows.append((name, "not known", "-", "-", ""))
            continue
        most, named = signed(found.everything_pct), found.resource or "nothing"
        rows.append((name, named, signed(found.gain_pct), most, ", ".join(found.hidden_in_words)))
    columns = ("layer", "bottleneck", "gain %", "everything %", "hidden behind it (cost alone)")
    return Grid("The real bottleneck", columns, tuple(rows))


def _layers_and_total(study: Relaxing) -> list[tuple[str | None, str]]:
    return [*((layer, layer) for layer in study.layers), (None, "total")]


def relaxing_remarks(study: Relaxing) -> list[str]:
    """How to read the tables, and what is not in them."""
    lines = [
        "The mapping is the same in all rows. Gain: cycles saved, in % of those as described. Cost alone: "
        "what it costs when it alone is limited and everything else is not; what costs much and gains "
        "nothing is hidden by another resource. What is left with everything unlimited at once no "
        f"bandwidth can win back. A bottleneck gains at least {short(SHARE_PCT)} %; a port is named rather "
        "than its memory.",
        f"In total: {study.bottleneck().told}.",
    ]
    if study.unlimited_already:
        lines.append(f"Unlimited as described: {', '.join(study.unlimited_already)}.")
    if study.relax:
        lines.append(f"Unlimited in all rows: {', '.join(study.relax)}.")
    return lines + _left_out(study.not_simulated, interrupted=study.interrupted)


def _left_out(skipped: tuple[NotSimulated, ...], *, interrupted: bool) -> list[str]:
    lines = []
    if skipped:
        bytes_moved = short(sum(layer.bytes for layer in skipped) / 1e6)
        told = f"{several(len(skipped), 'layer')} with {bytes_moved} MB of data"
        lines.append(f"Not simulated: {told}; no part of this machine runs that, and it is in no row.")
    if interrupted:
        lines.append("Interrupted: only what was finished is here.")
    return lines


def sweep_grid(sweep: Sweep) -> Grid:
    """One row per value; the machine as described stands apart where its value is not in the sweep."""
    numbers = ("cycles", "ms", "gain %", "util. %", "energy uJ")
    columns = (sweep.variation.name, "", *numbers, "mapping", "what limits it")
    rows = [(point.value, _point_cells(sweep, point)) for point in sweep.points]
    values = [point.value for point in sweep.points]
    if sweep.unlimited is not None and UNLIMITED not in (*values, sweep.own_value):
        rows.append((UNLIMITED, (UNLIMITED, "bound", *_figures(sweep, sweep.unlimited))))
    if sweep.own is not None and sweep.own_value not in values:
        own = (text_of(sweep.own_value), _marks(sweep, sweep.own_value), *_figures(sweep, sweep.own))
        rows.append((Fraction(0) if sweep.own_value is None else sweep.own_value, own))
    ordered = sorted(rows, key=lambda row: (isinstance(row[0], str), row[0]))
    title = f"{sweep.workload} on {sweep.architecture}, batch {sweep.batch}: {sweep.variation.name}"
    return Grid(title, columns, tuple(cells for _, cells in ordered))


def _point_cells(sweep: Sweep, point: SweepPoint) -> tuple[str, ...]:
    head = (text_of(point.value), _marks(sweep, point.value))
    if point.outcome is None:
        return (*head, *["-"] * 5, sweep.mapped, point.reason)
    return (*head, *_figures(sweep, point.outcome))


def _marks(sweep: Sweep, value: Value | None) -> str:
    """What is special about a value."""
    marks = ["as described"] if value == sweep.own_value else []
    return ", ".join(marks + (["knee"] if value is not None and value == sweep.knee.value else []))


def _figures(sweep: Sweep, outcome: Outcome) -> tuple[str, ...]:
    total, gain = outcome.total, sweep.gain_pct(outcome)
    return (
        count(total.cycles),
        short(total.milliseconds),
        "-" if gain is None else signed(gain),
        f"{100 * total.utilization:.1f}",
        short(total.energy_pj / UJ),
        sweep.mapped,
        total.verdict,
    )


def sweep_remarks(sweep: Sweep) -> list[str]:
    """The knee in words, how points are mapped, and what is not in the table."""
    lines = [f"Knee: {sweep.knee.told}.", f"Mapping: {_HOW[sweep.mapped]}{sweep.mapping_note}."]
    if sweep.own is None:
        lines.append("The machine as described does not run this workload, so there are no gains.")
    if sweep.relax:
        lines.append(f"Unlimited at all points: {', '.join(sweep.relax)}.")
    return lines + _left_out(sweep.not_simulated, interrupted=sweep.interrupted)


def draw_sweep(sweep: Sweep, path: Path) -> Path:
    """Draw cycles over values, milliseconds where a clock varies."""
    clocks = any(key.endswith("clock_mhz") for key in sweep.variation.keys)
    finite = [(float(v), o) for v, o in sweep.finished if not isinstance(v, str)]
    own, knee = sweep.own_value, sweep.knee
    if own is not None and not isinstance(own, str) and sweep.own is not None:
        finite = sorted({**dict(finite), float(own): sweep.own}.items(), key=lambda pair: pair[0])

    most = max((o.total.cycles for _, o in finite), default=0)
    unit, scale = ("millions", 1e6) if most >= 1e6 else ("thousands", 1e3) if most >= 1e4 else ("", 1)

    def height(figures: Figures) -> float:
        return figures.milliseconds if clocks else figures.cycles / scale

    def layer(i: int, name: str) -> Curve:
        points = tuple((value, height(outcome.layers[i])) for value, outcome in finite)
        return Curve(name, points, None if sweep.unlimited is None else height(sweep.unlimited.layers[i]))

    names = [figures.name for figures in finite[0][1].layers] if finite else []
    bound = None if sweep.unlimited is None else height(sweep.unlimited.total)
    title = f"{sweep.workload} on {sweep.architecture}, batch {sweep.batch}; mapping {sweep.mapped}"
    curves = Curves(
        title=title + (f"; unlimited: {', '.join(sweep.relax)}" if sweep.relax else ""),
        x_label=sweep.variation.name,
        y_label="time, ms" if clocks else f"cycles, {unit}".removesuffix(", "),
        total=Curve("all layers", tuple((value, height(o.total)) for value, o in finite), bound),
        layers=tuple(layer(i, name) for i, name in enumerate(names)),
        knee=None if knee.value is None or isinstance(knee.value, str) else float(knee.value),
        knee_told=knee.told,
        own=None if own is None or isinstance(own, str) else float(own),
        misfits=tuple(
            float(p.value) for p in sweep.points if p.outcome is None and not isinstance(p.value, str)
        ),
    )
    return draw_curves(curves, path)
