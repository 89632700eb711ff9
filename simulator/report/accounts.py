"""Where the PE-cycles of a stretch of time went, as a table."""

from simulator.names import PE_CYCLE_NAMES
from simulator.report.numbers import count, percent
from simulator.report.tables import Grid
from simulator.traces.run import RunTrace


def accounting_grid(trace: RunTrace) -> Grid:
    """PE-cycles by name and cause of all that a trace holds."""
    found = trace.accounting()
    total = sum(n for causes in found.values() for n in causes.values())
    rows = [
        (name, cause or "", count(n), percent(n, total))
        for name in PE_CYCLE_NAMES
        for cause, n in sorted(found.get(name, {}).items(), key=lambda item: -item[1])
    ]
    rows.append(("total", "", count(total), percent(total, total)))
    told = trace.told
    title = f"{told['workload']} on {told['architecture']}, batch {told['batch']}: {_stretch(trace)}"
    return Grid(title, ("PE-cycles", "because of", "count", "%"), tuple(rows))


def _stretch(trace: RunTrace) -> str:
    parts = [f"{name} cycles {layer.window[0]:,} to {layer.window[1]:,}" for name, _, layer in trace.layers]
    return parts[0] if len(parts) == 1 else f"{parts[0]} ... {parts[-1]}"
