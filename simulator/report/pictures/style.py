"""The house style of all pictures: looks that survive grayscale, and files with the same bytes each time."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import Any

from simulator.errors import refuse

FORMATS = (".png", ".svg", ".pdf")
DARK, MIDDLE, LIGHT = "#1b4f72", "#7fb3d5", "#d4e6f1"
Looks = Mapping[str, tuple[str, str]]
"""Colour and hatch by name."""

PE_CYCLE_LOOKS: Looks = {
    "mac": (DARK, ""),
    "accumulate": (MIDDLE, ""),
    "stall_weight": ("#fdebd0", "///"),
    "stall_input": ("#f5b041", "\\\\\\"),
    "stall_psum_in": ("#fad7a0", "xxx"),
    "stall_output": ("#dc7633", "..."),
    "fill_drain": ("#b7950b", ""),
    "imbalance": ("#d5d8dc", "--"),
    "unmapped": ("#ffffff", ""),
    "between": ("#808b96", "||"),
}
"""Light to dark so that neighbours stay apart in grayscale; the stalls are hatched besides."""
DATA_TYPE_LOOKS: Looks = {
    "weight": ("#fdebd0", "///"),
    "input": ("#f5b041", "\\\\\\"),
    "output": (MIDDLE, "..."),
    "computation": (DARK, ""),
    "clock and leakage": ("#ffffff", ""),
}
"""The data types as their stalls look, and what has no data type."""
PART_LOOKS: Looks = {
    "ALU": (DARK, ""),
    "RF": ("#fdebd0", "///"),
    "NoC": ("#dc7633", "..."),
    "buffer": (MIDDLE, "\\\\\\"),
    "DRAM": ("#808b96", "xxx"),
    "clock and leakage": ("#ffffff", ""),
}

SCALES = (2, 5, 10, 20, 50, 100)
LONGEST_LABEL = 28
LONGEST_LINE = 80
MANY_BARS = 25
"""From so many bars on they stand closer."""
LOWEST, TALLEST = 2.9, 200.0
"""Inches: room for the legend beside few bars; a picture with still more bars is no taller."""


@contextmanager
def drawn(path: Path, width: float, height: float) -> Iterator[Any]:
    """An empty figure of ``width`` x ``height`` inches, written to ``path`` when the block is left.

    The suffix of ``path`` decides the format (`FORMATS`); the same picture gives the same bytes each time.
    `InputError` for another suffix, `OSError` where nothing can be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_format(path)
    settings: Any = {"svg.hashsalt": "stallion", "hatch.linewidth": 0.5, "font.size": 9}
    settings["text.parse_math"] = False  # names are not formulas
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a layer may have any printable name
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(path, dpi=150, metadata=metadata)


def check_format(path: Path) -> None:
    """Raise an `InputError` for a name that says no format, or one that cannot be drawn."""
    if path.suffix not in FORMATS:
        raise refuse(str(path), "", None, f"a file ending in {', '.join(FORMATS)} was expected")


def shortened(name: str, most: int = LONGEST_LABEL) -> str:
    """``name`` with its middle left out where it is longer than ``most`` characters."""
    if len(name) <= most:
        return name
    tail = most // 2
    return f"{name[: most - tail - 1]}…{name[-tail:]}"


def wrapped(title: str, most: int = LONGEST_LINE) -> str:
    """A title in lines of at most so many characters, so that no picture cuts it off."""
    return "\n".join(fill(line, most) for line in title.splitlines())


def scale_of(most: float) -> int:
    """Percent at which a scale from 0 on ends that shows ``most``: the least of `SCALES` that holds it."""
    return next((scale for scale in SCALES if most <= scale), SCALES[-1])


def bars_height(bars: int) -> float:
    """Inches of a picture with so many bars below each other."""
    return min(max(1.3 + (0.36 if bars < MANY_BARS else 0.22) * bars, LOWEST), TALLEST)


def stacked_bars(
    axes: Any, labels: Sequence[str], shares: Sequence[Mapping[str, float]], looks: Looks
) -> None:
    """One horizontal bar per label from top to bottom, divided in the order of ``looks``.

    A name that never occurs is left out of the legend.
    """
    places = range(len(labels))
    left = [0.0] * len(labels)
    for name, (colour, hatch) in looks.items():
        widths = [share.get(name, 0.0) for share in shares]
        if any(widths):
            axes.barh(
                places, widths, left=left, color=colour, hatch=hatch, edgecolor="black", lw=0.5, label=name
            )
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    bare(axes)
    if axes.containers:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def bare(axes: Any) -> None:
    """Take away the lines at the top and at the right."""
    axes.spines[["top", "right"]].set_visible(False)
