"""A curve over one number of a machine, large for the total and small for every layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from simulator.report.numbers import short
from simulator.report.pictures.style import DARK, bare, drawn, shortened, wrapped

MOST_TICKS = 14
"""Values that are written below the axis, at most."""
FACTORS = 0.7
"""The axis is logarithmic where the median of the values lies below this part of their middle."""
NAME_CHARACTERS = 22
LINE_CHARACTERS = 95
GREY = "#707b7c"


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (value, height) in the order of their values; ``bound`` is the height at an unlimited value."""

    name: str
    points: tuple[tuple[float, float], ...]
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn: the total, the layers, and where the knee, the machine itself and misfits are."""

    title: str
    x_label: str
    y_label: str
    total: Curve
    layers: tuple[Curve, ...]
    knee: float | None = None
    knee_told: str = ""
    own: float | None = None
    misfits: tuple[float, ...] = ()

    @property
    def values(self) -> list[float]:
        """Every value that is drawn, ascending."""
        own = [] if self.own is None else [self.own]
        return sorted({*(value for value, _ in self.total.points), *self.misfits, *own})

    @property
    def logarithmic(self) -> bool:
        """Whether the values grow by factors: then half of them lie close to the first one."""
        values = self.values
        if len(values) < 3 or values[0] <= 0:
            return False
        return values[len(values) // 2] < FACTORS * (values[0] + values[-1]) / 2


def draw_curves(curves: Curves, path: str | Path) -> Path:
    """Draw ``curves`` and write them to ``path``, whose suffix decides the format (svg, png, pdf).

    The same curves give the same bytes each time.
    """
    path = Path(path)
    across = 4 if len(curves.layers) <= 16 else 6
    lines = ceil(len(curves.layers) / across) if len(curves.layers) > 1 else 0
    heights = [4.4, 1.35 * lines + 0.3] if lines else [4.4]
    with drawn(path, 9, sum(heights)) as figure:
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        _draw_total(parts[0].subplots(), curves)
        if lines:
            parts[1].suptitle(f"Layers: {curves.y_label}", x=0.01, ha="left", fontsize=9)
            areas = list(parts[1].subplots(lines, across, squeeze=False).flat)
            for area, curve in zip(areas, curves.layers, strict=False):
                _draw_layer(area, curve, curves)
            for area in areas[len(curves.layers) :]:
                area.remove()
    return path


def _draw_total(axes: Any, curves: Curves) -> None:
    total = curves.total
    _scale(axes, curves)
    _line(axes, total, lw=1.8, marker="o", label=total.name)
    if total.bound is not None:
        axes.axhline(total.bound, color="black", ls="--", lw=1, label=f"unlimited: {short(total.bound)}")
    if curves.own is not None:
        axes.axvline(curves.own, color=GREY, ls=":", lw=1.5, label=f"as described: {short(curves.own)}")
    if curves.knee is not None:
        axes.axvline(curves.knee, color="black", ls="-.", lw=1.2, label=f"knee: {short(curves.knee)}")
    if curves.misfits:
        foot = axes.get_xaxis_transform()
        bottom = [0.03] * len(curves.misfits)
        axes.plot(curves.misfits, bottom, "kx", transform=foot, ms=7, label="does not fit")
    _ticks(axes, curves.values)
    axes.set_ylim(0, 1.08 * max((height for _, height in total.points), default=1) or 1)
    axes.set_xlabel(curves.x_label)
    axes.set_ylabel(curves.y_label)
    told = wrapped(curves.knee_told, LINE_CHARACTERS)
    axes.set_title(f"{wrapped(curves.title, LINE_CHARACTERS)}\n{told}".strip(), loc="left", fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    bare(axes)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _draw_layer(axes: Any, curve: Curve, curves: Curves) -> None:
    _scale(axes, curves)
    _line(axes, curve, lw=1.1, marker=".")
    if curve.bound is not None:
        axes.axhline(curve.bound, color="black", ls="--", lw=0.7)
    for value, style in ((curves.own, ":"), (curves.knee, "-.")):
        if value is not None:
            axes.axvline(value, color=GREY, ls=style, lw=0.8)
    values = curves.values
    _ticks(axes, [values[0], values[-1]], fontsize=6)
    axes.set_ylim(0, 1.15 * max((height for _, height in curve.points), default=1) or 1)
    axes.locator_params(axis="y", nbins=3)
    axes.tick_params(axis="y", labelsize=6)
    axes.yaxis.set_major_formatter(lambda value, _: short(value, 3))
    axes.set_title(shortened(curve.name, NAME_CHARACTERS), fontsize=7, loc="left", pad=2)
    bare(axes)


def _line(axes: Any, curve: Curve, **looks: Any) -> None:
    values, heights = [value for value, _ in curve.points], [height for _, height in curve.points]
    axes.plot(values, heights, color=DARK, **looks)


def _scale(axes: Any, curves: Curves) -> None:
    if curves.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()


def _ticks(axes: Any, values: Sequence[float], **looks: Any) -> None:
    """Write every value, of many every second, third, ..."""
    apart = ceil(len(values) / MOST_TICKS) or 1
    chosen = list(values)[::apart]
    axes.set_xticks(chosen, [short(value) for value in chosen], minor=False, **looks)
