"""Traces as a table: one row per slice and state, so that PE-cycles sum up to the layer's."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulator.traces.rows import Ints
from simulator.traces.shown import Shown

COLUMNS = (
    "layer", "start_cycle", "length_cycles", "first_pe", "last_pe", "name", "cause",
    "first_pass", "last_pass", "pe_cycles", "repeats", "merged_slices",
)  # fmt: skip
"""``first_pe`` and ``last_pe`` are the corners of the rectangle of PEs that share a row. Passes are -1 where
there are none, or where several tracks were merged. ``repeats``: how often the slice repeats what came before
it (0: it is no repeat); ``merged_slices``: of how many it was made (0: of several).
"""


def columns(shown: Shown) -> dict[str, Ints]:
    """The table of one layer as arrays under the names of `COLUMNS`; names and causes are texts."""
    slices = shown.slices
    names = np.array([name for name, _ in slices.states])
    causes = np.array([cause or "" for _, cause in slices.states])
    owner, part = slices.owner, slices.part
    return {
        "start_cycle": shown.begin + slices.start[owner],
        "length_cycles": slices.length[owner],
        "first_pe": slices.first_pe[owner],
        "last_pe": slices.last_pe[owner],
        "name": names[part],
        "cause": causes[part],
        "first_pass": slices.first_pass[owner],
        "last_pass": slices.last_pass[owner],
        "pe_cycles": slices.pe_cycles,
        "repeats": slices.times[owner],
        "merged_slices": slices.steps[owner],
    }


def write_table(path: Path, layers: Sequence[Shown]) -> None:
    """Write the slices of all layers as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for shown in layers:
            writer.writerows(_rows(shown))


def _rows(shown: Shown) -> Iterator[tuple[Any, ...]]:
    yield from zip(
        *([shown.name] * len(shown.slices.owner), *(c.tolist() for c in columns(shown).values())), strict=True
    )
