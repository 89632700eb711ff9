"""The roofline with every layer below its roofs, one panel per level, and the Eyexam staircase of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

from simulator.report.numbers import short
from simulator.report.style import DARK, bare, drawn, shortened

GREY = "#808b96"
LINES = ("-", "--", "-.", ":")
"""Roofs of one level, the lowest rate first."""
NEAR = 0.045
"""Layers closer to each other than this part of an axis share a label."""
MOST_LABELS = 4
"""Numbers of layers in one label."""
STEP_NAMES = ("3 PE count", "4 array", "5 storage", "mapping", "6 bandwidth", "7 measured")


@dataclass(frozen=True, slots=True)
class Spot:
    """A layer in one panel: MACs per byte there, and MACs per cycle: the roof, the mapping's, measured."""

    layer: int
    macs_per_byte: float
    roof: float
    occupancy: float
    measured: float


@dataclass(frozen=True, slots=True)
class Level:
    """One panel: (bytes per cycle, whose) of each roof, and the layers below them."""

    title: str
    roofs: tuple[tuple[float, str], ...]
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Staircase:
    """One layer's steps 3 to 5, the mapping's occupancy, and steps 6 and 7, in MACs per cycle."""

    name: str
    most: tuple[float, ...]
    occupancy: float
    reached: tuple[float, ...]

    @property
    def heights(self) -> tuple[float, ...]:
        """All of them, in the order of `STEP_NAMES`."""
        return (*self.most, self.occupancy, *self.reached)


@dataclass(frozen=True, slots=True)
class Roofline:
    """What is drawn; ``peak`` is what all PEs do per cycle."""

    title: str
    peak: float
    levels: tuple[Level, ...]
    layers: tuple[Staircase, ...]


def draw_roofline(data: Roofline, path: str | Path) -> Path:
    """Draw and write to ``path``, whose suffix decides the format; the same data give the same bytes."""
    path = Path(path)
    width = max(11.0, 2.4 + 0.22 * len(data.layers))
    rows = 2 if data.levels else 1
    with drawn(path, min(width, 24.0), 4.6 * rows + 0.2) as figure:
        figure.suptitle(f"{data.title}: Eyexam", x=0.01, ha="left", fontsize=10)
        if data.levels:
            above, below = figure.subfigures(2, 1, height_ratios=(1, 1))
            panels = above.subplots(1, len(data.levels), sharey=True, squeeze=False)[0]
            for i, (axes, level) in enumerate(zip(panels, data.levels, strict=True)):
                _draw_level(axes, data, level)
                if i == 0:
                    axes.set_ylabel("MAC/cycle")
        else:
            below = figure.subfigures(1, 1)
        _draw_stairs(below.subplots(), data)
    return path


def _floor(data: Roofline) -> float:
    """The lowest measured value, for the axes."""
    return min((layer.heights[-1] for layer in data.layers), default=1.0)


def _draw_level(axes: Any, data: Roofline, level: Level) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    places = [spot.macs_per_byte for spot in level.spots]
    low, high = min(places) / 2.2, max(places) * 2.2
    high = max(high, 1.6 * data.peak / min(rate for rate, _ in level.roofs))
    axes.set_xlim(low, high)
    axes.set_ylim(_floor(data) / 1.8, 1.8 * data.peak)
    for i, (rate, names) in enumerate(level.roofs):
        label = f"{short(rate, 3)} B/cycle: {shortened(names, 44)}"
        corner = data.peak / rate
        line = [(low, low * rate), (corner, data.peak), (high, data.peak)] if corner > low else [(low, data.peak), (high, data.peak)]
        axes.plot(*zip(*line, strict=True), color="black", lw=1.3, ls=LINES[i % len(LINES)], label=label, zorder=2)
    for spot in level.spots:
        _draw_spot(axes, spot)
    _label(axes, level.spots, (low, high), (_floor(data) / 1.8, 1.8 * data.peak))
    axes.set_title(level.title, loc="left", fontsize=9)
    axes.set_xlabel("MAC/byte at the port that takes longest")
    bare(axes)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False, fontsize=7)


def _draw_spot(axes: Any, spot: Spot) -> None:
    """A layer's way down: the mapping's occupancy, the roof of this level where it is lower, measured."""
    x = spot.macs_per_byte
    axes.plot([x, x], [spot.occupancy, spot.measured], color=GREY, lw=1, zorder=3)
    axes.plot([x], [spot.occupancy], marker="v", ms=5, mfc="white", mec="black", mew=0.8, ls="", zorder=4)
    if spot.roof < spot.occupancy:
        axes.plot([x], [spot.roof], marker="_", ms=9, mec="black", mew=1.6, ls="", zorder=4)
    axes.plot([x], [spot.measured], marker="o", ms=4.5, mfc=DARK, mec="black", mew=0.5, ls="", zorder=5)


def _label(
    axes: Any, spots: Sequence[Spot], across: tuple[float, float], along: tuple[float, float]
) -> None:
    """Number the layers at what was measured; those close together share one label."""
    wide, tall = log10(across[1] / across[0]), log10(along[1] / along[0])
    groups: list[list[Spot]] = []
    for spot in sorted(spots, key=lambda spot: (spot.macs_per_byte, spot.measured, spot.layer)):
        for group in groups:
            x = abs(log10(spot.macs_per_byte / group[0].macs_per_byte)) / wide
            y = abs(log10(spot.measured / group[0].measured)) / tall
            if x < 1.6 * NEAR and y < NEAR:
                group.append(spot)
                break
        else:
            groups.append([spot])
    for group in groups:
        text = ranges([spot.layer + 1 for spot in group])
        at = (group[-1].macs_per_byte, group[0].measured)
        axes.annotate(text, at, xytext=(4, -8), textcoords="offset points", fontsize=7, zorder=6)


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as ``1, 3-5``; where there are too many parts, the rest is an ellipsis."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    told = [f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts]
    return ", ".join(told[:MOST_LABELS]) + (", …" if len(told) > MOST_LABELS else "")


def _draw_stairs(axes: Any, data: Roofline) -> None:
    """Every layer's staircase from its left to its right: steps 3 to 5, mapping, 6, 7; shaded what is left."""
    axes.set_yscale("log")
    wide = 0.86 / len(STEP_NAMES)
    for number, layer in enumerate(data.layers):
        edges = [number + 0.07 + wide * i for i in range(len(STEP_NAMES) + 1)]
        axes.stairs(layer.heights, edges, baseline=None, color="black", lw=1.2)
        for i, (look, hatch) in {3: ("#d4e6f1", ""), 4: ("#f5b041", "///"), 5: (DARK, "")}.items():
            axes.stairs([layer.heights[i]], edges[i : i + 2], fill=True, color=look, hatch=hatch, ec="black", lw=0.3, label=STEP_NAMES[i] if number == 0 else None)
    axes.axhline(data.peak, color="black", lw=1, ls="--")
    axes.annotate("all PEs", (0.05, data.peak), xytext=(0, 2), textcoords="offset points", fontsize=7)
    axes.set_ylim(_floor(data) / 1.8, 1.8 * data.peak)
    axes.set_xlim(0, max(1, len(data.layers)))
    names = [f"{i} {shortened(layer.name, 18)}" for i, layer in enumerate(data.layers, start=1)]
    many = len(names) > 10
    axes.set_xticks([i + 0.5 for i in range(len(names))], names, rotation=90 if many else 0, fontsize=7)
    axes.set_ylabel("MAC/cycle")
    axes.set_title("each layer from left to right: " + ", ".join(STEP_NAMES), loc="left", fontsize=9)
    bare(axes)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
