"""The roofline with every layer below its roofs, one panel per level, and the Eyexam staircase of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

from simulator.report.numbers import short
from simulator.report.pictures.style import DARK, LIGHT, bare, drawn, shortened

ACROSS = 4
"""Panels beside each other."""
NEAR_ACROSS, NEAR_UP = 0.09, 0.045
"""Layers closer to each other than these parts of the axes share a label."""
CHARACTER, GAP, DOT = (0.018, 0.03), 0.02, 0.01
"""Width and height of a character of a label, its distance from a dot, half a dot, in parts of the axes."""
MOST_LABELS = 3
"""Numbers of layers in one label."""
STEP_NAMES = ("3 PE count", "4 array", "5 storage", "mapping", "6 bandwidth", "7 measured")
MAPPING, MEASURED = 3, 5
STEP_LOOKS = (("white", ""), ("white", ""), ("white", ""), (LIGHT, ""), ("#f5b041", "///"), (DARK, ""))
HOW_TO_READ = (
    "thin line: from step 3 down; triangle: the mapping; bar: the roof, where it is lower; dot: measured; "
    "x: at the port of that roof that takes longest"
)
UPRIGHT, WIDEST = 10, 24.0
"""So many layers have names beside each other; inches of the widest picture."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A layer (its number) in one panel: MACs per byte there, and the roof there in MACs per cycle."""

    layer: int
    macs_per_byte: float
    roof: float


@dataclass(frozen=True, slots=True)
class Level:
    """One panel: a roof of so many bytes per cycle, the ports that have it, and the layers below it."""

    title: str
    ports: str
    bytes_per_cycle: float
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Staircase:
    """One layer's steps in MACs per cycle, in the order of `STEP_NAMES`."""

    name: str
    heights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Roofline:
    """What is drawn; ``peak`` is what all PEs do per cycle."""

    title: str
    peak: float
    levels: tuple[Level, ...]
    layers: tuple[Staircase, ...]

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest MACs per cycle of a panel."""
        lowest = min((layer.heights[MEASURED] for layer in self.layers), default=1.0)
        return lowest / 1.8, 1.8 * self.peak


def draw_roofline(data: Roofline, path: str | Path) -> Path:
    """Draw and write to ``path``, whose suffix decides the format; the same data give the same bytes."""
    path = Path(path)
    width = min(max(11.0, 2.4 + 0.24 * len(data.layers)), WIDEST)
    lines = -(-len(data.levels) // ACROSS)
    with drawn(path, width, 4.3 + 4.2 * lines) as figure:
        figure.suptitle(f"{data.title}: Eyexam", x=0.01, ha="left", fontsize=10)
        if not data.levels:
            _draw_stairs(figure.subplots(), data)
            return path
        above, below = figure.subfigures(2, 1, height_ratios=(4.2 * lines, 4.3))
        panels = above.subplots(lines, min(ACROSS, len(data.levels)), sharey=True, squeeze=False)
        for axes, level in zip(panels.flat, data.levels, strict=False):
            _draw_level(axes, data, level)
        for axes in panels.flat[len(data.levels) :]:
            axes.remove()
        for axes in panels[:, 0]:
            axes.set_ylabel("MAC/cycle")
        above.supxlabel(HOW_TO_READ, fontsize=8)
        _draw_stairs(below.subplots(), data)
    return path


def _draw_level(axes: Any, data: Roofline, level: Level) -> None:
    places = [spot.macs_per_byte for spot in level.spots]
    low = min(places) / 2.2
    high = max(2.2 * max(places), 1.6 * data.peak / level.bytes_per_cycle)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=data.range)
    xs = [low, max(low, data.peak / level.bytes_per_cycle), high]
    axes.plot(xs, [min(data.peak, x * level.bytes_per_cycle) for x in xs], color="black", lw=1.3, zorder=2)
    for spot in level.spots:
        _draw_spot(axes, spot, data.layers[spot.layer].heights)
    _label(axes, data, level.spots, (low, high))
    axes.set_title(f"{level.title}\n{shortened(level.ports, 36)}", loc="left", fontsize=8)
    axes.set_xlabel("MAC/byte")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: short(value))
        axis.set_minor_formatter(lambda *_: "")
    bare(axes)


def _draw_spot(axes: Any, spot: Spot, heights: Sequence[float]) -> None:
    """A layer's way down: steps 3 to 5, the mapping, the roof of this level where it is lower, measured."""
    x, most, mapping, measured = spot.macs_per_byte, heights[:MAPPING], heights[MAPPING], heights[MEASURED]
    axes.plot([x, x], [most[0], measured], color="#808b96", lw=0.8, zorder=3)
    axes.plot([x] * len(most), most, marker="_", ms=4, mec="#808b96", mew=0.8, ls="", zorder=3)
    axes.plot([x], [mapping], marker="v", ms=5, mfc="white", mec="black", mew=0.8, ls="", zorder=4)
    if spot.roof < mapping:
        axes.plot([x], [spot.roof], marker="_", ms=10, mec="black", mew=2, ls="", zorder=4)
    axes.plot([x], [measured], marker="o", ms=4.5, mfc=DARK, mec="black", mew=0.5, ls="", zorder=5)


def _label(axes: Any, data: Roofline, spots: Sequence[Spot], across: tuple[float, float]) -> None:
    """Number the layers at what was measured; those close together share one label.

    A label for which there is no room beside others is left out: the staircases below have all layers.
    """
    left, wide = across[0], log10(across[1] / across[0])
    low, tall = data.range[0], log10(data.range[1] / data.range[0])
    groups: list[list[tuple[float, float, int]]] = []
    for spot in sorted(spots, key=lambda spot: (spot.macs_per_byte, spot.layer)):
        x = log10(spot.macs_per_byte / left) / wide
        y = log10(data.layers[spot.layer].heights[MEASURED] / low) / tall
        for group in groups:
            if abs(x - group[0][0]) < NEAR_ACROSS and abs(y - group[0][1]) < NEAR_UP:
                group.append((x, y, spot.layer + 1))
                break
        else:
            groups.append([(x, y, spot.layer + 1)])
    dots = [place for group in groups for place in group]
    taken: list[Box] = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _ in dots]
    for group in groups:
        text = ranges([number for _, _, number in group])
        box = _free_place(text, group[0], group[-1], taken)
        if box is not None:
            taken.append(box)
            axes.text(box[0], box[1], text, transform=axes.transAxes, fontsize=7, zorder=6)


Box = tuple[float, float, float, float]
"""Left, bottom, right and top of a label, in parts of the axes."""


def _free_place(
    text: str, first: tuple[float, float, int], last: tuple[float, float, int], taken: Sequence[Box]
) -> Box | None:
    """Beside the layers that ``text`` numbers, where no label is yet; None where there is no such place."""
    wide = CHARACTER[0] * len(text)
    places = [(last[0] + GAP, last[1]), (first[0] - GAP - wide, first[1])]
    for x, y in [(x, y + shift) for shift in (-0.042, -0.015, 0.012, -0.075) for x, y in places]:
        box = (x, y, x + wide, y + CHARACTER[1])
        free = all(
            box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1]
            for other in taken
        )
        if free and x >= 0 and box[2] <= 1 and y >= 0:
            return box
    return None


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
    """Every layer's staircase from its left to its right, in the order of `STEP_NAMES`."""
    wide = 0.86 / len(STEP_NAMES)
    for i, (name, (colour, hatch)) in enumerate(zip(STEP_NAMES, STEP_LOOKS, strict=True)):
        places = [number + 0.07 + wide * (i + 0.5) for number in range(len(data.layers))]
        heights = [layer.heights[i] for layer in data.layers]
        axes.bar(places, heights, wide, color=colour, hatch=hatch, edgecolor="black", lw=0.4, label=name)
    axes.axhline(data.peak, color="black", lw=1, ls="--")
    told = f"all PEs: {short(data.peak)}"
    axes.annotate(told, (0.05, data.peak), xytext=(0, 2), textcoords="offset points", fontsize=8)
    axes.set(xlim=(0, max(1, len(data.layers))), ylim=(0, 1.1 * data.peak), ylabel="MAC/cycle")
    names = [f"{i} {shortened(layer.name, 18)}" for i, layer in enumerate(data.layers, start=1)]
    turned = 90 if len(names) > UPRIGHT else 0
    axes.set_xticks([i + 0.5 for i in range(len(names))], names, rotation=turned, fontsize=7.5)
    bare(axes)
    title = "from left to right"
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8, title=title)
