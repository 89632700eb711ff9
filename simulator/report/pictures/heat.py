"""The PE array as a heat map: what every PE did with its cycles."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.report.pictures.plots import heading
from simulator.report.pictures.series import Floats, pe_shares
from simulator.report.pictures.style import drawn, scale_of, shortened, wrapped

if TYPE_CHECKING:
    from simulator.report.result import Run

SMALLEST_CELL = 0.34
"""Inches that a cell needs for its number."""
LARGEST_SIDE = 10.0
NARROW = 65
"""Characters in a line of the title: the picture of a small array is narrow."""
DARK_FROM = 0.55
"""From this share of the scale on a cell is so dark that its number is white."""


def pe_heat_map(run: "Run", layer: str, path: str | Path, name: str = "mac") -> Path:
    """Draw for every PE the share of a layer's cycles that it spent as ``name``; `InputError`."""
    path, result = Path(path), run.layers[layer]
    shares = pe_shares(result, name)
    rows, columns = shares.shape
    cell = min(0.45, LARGEST_SIDE / max(rows, columns))
    with drawn(path, max(5.5, 1.8 + cell * columns), max(2.2, 1.3 + cell * rows)) as figure:
        axes = figure.add_subplot()
        scale = scale_of(100 * float(shares.max(initial=0.0)))
        image = axes.imshow(100 * shares, cmap="Greys", vmin=0, vmax=scale, interpolation="nearest")
        figure.colorbar(image, ax=axes, label=f"{name}, % of the layer's cycles", shrink=0.9)
        if cell >= SMALLEST_CELL:
            _write_numbers(axes, 100 * shares, scale)
        _place_ticks(axes, rows, columns)
        mean, low, high = (100 * x for x in (shares.mean(), shares.min(), shares.max()))
        told = f"{name} per PE, mean {mean:.1f} %, from {low:.1f} to {high:.1f} %"
        title = wrapped(f"{heading(run)}, {shortened(result.name)}\n{told}", NARROW)
        axes.set_title(title, loc="left", fontsize=9)
    return path


def _write_numbers(axes: Any, percents: Floats, scale: int) -> None:
    digits = 0 if scale > 5 else 1
    for row, line in enumerate(percents.tolist()):
        for column, share in enumerate(line):
            colour = "white" if share >= DARK_FROM * scale else "black"
            told = f"{share:.{digits}f}"
            axes.text(column, row, told, color=colour, ha="center", va="center", fontsize=7)


def _place_ticks(axes: Any, rows: int, columns: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("column of the array")
    axes.set_ylabel("row of the array")
    axes.xaxis.set_major_locator(MaxNLocator(15, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(15, integer=True))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
