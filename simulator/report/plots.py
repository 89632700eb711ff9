"""Pictures of a run; the only place that needs matplotlib, which is loaded when a picture is drawn."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.names import PE_CYCLE_NAMES

if TYPE_CHECKING:
    from simulator.report.result import Run

# Light to dark so that neighbours stay apart in grayscale; the stalls are hatched besides.
_LOOKS: dict[str, tuple[str, str]] = {
    "mac": ("#1b4f72", ""),
    "accumulate": ("#7fb3d5", ""),
    "stall_weight": ("#fdebd0", "///"),
    "stall_input": ("#f5b041", "\\\\\\"),
    "stall_psum_in": ("#fad7a0", "xxx"),
    "stall_output": ("#dc7633", "..."),
    "fill_drain": ("#b7950b", ""),
    "imbalance": ("#d5d8dc", "--"),
    "unmapped": ("#ffffff", ""),
    "between": ("#808b96", "||"),
}


def pe_cycle_bars(run: "Run", path: str | Path) -> Path:
    """Draw one bar per layer, divided by where its PE-cycles went, and write it to ``path``.

    The suffix of ``path`` decides the format (svg, png, pdf); a run gives the same bytes each time.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    with rc_context(
        {"svg.hashsalt": "stallion", "hatch.linewidth": 0.5, "font.size": 9, "text.parse_math": False}
    ):
        figure = Figure(figsize=(8, 1.3 + 0.36 * (len(run.layers) + 1)), layout="constrained")
        FigureCanvasAgg(figure)
        _draw_bars(figure.add_subplot(), run)
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(path, dpi=150, metadata=metadata)
    return path


def _draw_bars(axes: Any, run: "Run") -> None:
    bars = pe_cycle_shares(run)
    places = range(len(bars))
    left = [0.0] * len(bars)
    for name, (colour, hatch) in _LOOKS.items():
        widths = [share[name] for _, share in bars]
        if any(widths):
            axes.barh(
                places, widths, left=left, color=colour, hatch=hatch, edgecolor="black", lw=0.5, label=name
            )
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [label for label, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of PE-cycles, %")
    axes.set_title(
        f"{run.workload} on {run.architecture.name}, batch {run.batch}: where every PE-cycle went", loc="left"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def pe_cycle_shares(run: "Run") -> list[tuple[str, dict[str, float]]]:
    """Label and percent of PE-cycles by name for each layer, then the total; each bar's shares sum to 100."""
    return [
        (f"{x.name}  {x.milliseconds:.3g} ms", _percent(x.pe_cycles))
        for x in (*run.layers.values(), run.total)
    ]


def _percent(pe_cycles: dict[str, int]) -> dict[str, float]:
    total = sum(pe_cycles.values()) or 1
    return {name: 100 * pe_cycles.get(name, 0) / total for name in PE_CYCLE_NAMES}
