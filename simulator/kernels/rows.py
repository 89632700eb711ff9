"""Kernels by number, and the table of addresses through which they get their arrays and call each other."""

import numpy as np

from simulator.kernels.tables import A, Program, State

KERNELS = (
    "array:settle", "array:compute", "array:accumulate", "array:grant", "recurrence:look_back", "recurrence:picture",
    "recurrence:reach", "windows:fill_windows", "recurrence:skip",
)  # fmt: skip
"""The kernels that are called by address, in the order of their rows, as ``module:function``."""
MORE = ("systolic:settled_until", "systolic:shift_in", "systolic:arrive", "accounts:account")
"""Those that only a systolic array has, behind them."""
SETTLE, COMPUTE, ACCUMULATE_TILE, GRANT, LOOK_BACK, PICTURE, REACH, FILL_WINDOWS, SKIP = range(len(KERNELS))
SETTLED_UNTIL, SHIFT_IN, ARRIVE, ACCOUNT = range(len(KERNELS), len(KERNELS) + len(MORE))
TABLES = len(Program._fields) + len(State._fields)
ROWS = TABLES + len(KERNELS) + len(MORE)
"""Rows at the most: the arrays, then the kernels."""


def addresses(tables: tuple[A, ...], kernels: tuple[int, ...]) -> A:
    """One row per array: its address and up to four extents; then one per kernel that others call: its address and that of the rows.

    All arrays must be C-contiguous int64.
    """
    rows = np.zeros((len(tables) + len(kernels), 5), dtype=np.int64)
    for row, table in zip(rows, tables, strict=False):
        if table.dtype != np.int64 or not table.flags.c_contiguous:
            raise ValueError("kernel tables are C-contiguous arrays of int64")
        row[0] = table.__array_interface__["data"][0]
        row[1 : 1 + table.ndim] = table.shape
    rows[len(tables) :, 0] = kernels
    rows[len(tables) :, 1] = rows.__array_interface__["data"][0]
    return rows
