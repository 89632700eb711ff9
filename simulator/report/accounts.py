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
    return Grid(f"{trace.heading}: {_stretch(trace)}", ("PE-cycles", "because of", "count", "%"), tuple(rows))


def _stretch(trace: RunTrace) -> str:
    """Layers and cycles as the trace's files count them."""
    (first, begin, one), (last, begin_of_last, other) = trace.layers[0], trace.layers[-1]
    names = first if len(trace.layers) == 1 else f"{first} to {last}"
    return f"{names}, cycles {begin + one.window[0]:,} to {begin_of_last + other.window[1]:,}"
