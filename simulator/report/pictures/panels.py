"""Published against simulated values as pictures: groups of panels with two bars per row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.report.numbers import short, signed
from simulator.report.pictures.style import DARK, bare, drawn

ACROSS = 3
"""Panels beside each other."""
UPRIGHT = 6
"""Rows whose names fit beside each other."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity: values by row, in the order of ``rows``."""

    title: str
    unit: str
    rows: tuple[str, ...]
    published: tuple[float, ...]
    simulated: tuple[float, ...]


def draw_panels(groups: Sequence[tuple[str, Sequence[Panel]]], path: str | Path) -> Path:
    """Draw titled groups of panels under each other and write them to ``path``.

    The suffix of ``path`` decides the format (svg, png, pdf); the same values give the same bytes each time.
    """
    path = Path(path)
    lines = [-(-len(panels) // ACROSS) for _, panels in groups]
    with drawn(path, 11, 0.6 * len(groups) + 2.3 * sum(lines)) as figure:
        parts = figure.subfigures(len(groups), 1, height_ratios=[0.3 + line for line in lines], squeeze=False)
        for part, (title, panels), line in zip(parts.flat, groups, lines, strict=True):
            part.suptitle(title, x=0.01, ha="left", weight="bold")
            axes = part.subplots(line, ACROSS, squeeze=False)
            _draw_group(list(axes.flat), panels)
    return path


def _draw_group(axes: list[Any], panels: Sequence[Panel]) -> None:
    """Fill as many axes as there are panels, take the others away, and explain the bars once."""
    for area, panel in zip(axes, panels, strict=False):
        _draw(area, panel)
    for area in axes[len(panels) :]:
        area.remove()
    axes[0].legend(frameon=False, fontsize=8)


def _draw(axes: Any, panel: Panel) -> None:
    width = 0.38
    places = range(len(panel.rows))
    left, right = [x - width / 2 for x in places], [x + width / 2 for x in places]
    looks = {"edgecolor": "black", "lw": 0.6}
    axes.bar(left, panel.published, width, color="white", hatch="////", label="published", **looks)
    axes.bar(right, panel.simulated, width, color=DARK, label="simulated", **looks)
    highest = max((*panel.published, *panel.simulated))
    for x, published, simulated in zip(places, panel.published, panel.simulated, strict=True):
        error = f"{signed(100 * (simulated - published) / published)} %"
        axes.text(x, max(published, simulated) + 0.02 * highest, error, ha="center", va="bottom", fontsize=7)
    axes.set_ylim(0, 1.3 * highest)
    axes.set_xticks(places, panel.rows, fontsize=8, rotation=0 if len(panel.rows) <= UPRIGHT else 45)
    axes.set_ylabel(panel.unit)
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    bare(axes)
