"""Arrays by address: how a kernel gets many tables without a reference count for each of them at every call.

Numba counts references of every array in a tuple whenever the tuple is passed on, which costs more than the
work of a small stage. An array that is made from an address inside compiled code has nobody to count for. Who
makes the addresses keeps the arrays alive.
"""

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from simulator.kernels._jit import stage

A = NDArray[np.int64]


def addresses(tables: tuple[A, ...]) -> A:
    """One row per array: its address and up to four extents. All must be C-contiguous int64."""
    rows = np.zeros((len(tables), 5), dtype=np.int64)
    for row, table in zip(rows, tables, strict=True):
        if table.dtype != np.int64 or not table.flags.c_contiguous:
            raise ValueError("kernel tables are C-contiguous arrays of int64")
        row[0] = table.ctypes.data
        row[1 : 1 + table.ndim] = table.shape
    return rows


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(_: Any, address: Any) -> Any:
    """The address as a pointer to int64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int64)(address), build


@stage
def view1(rows: A, i: int) -> A:
    """Array ``i`` as one of one dimension."""
    return numba.carray(_pointer(rows[i, 0]), (rows[i, 1],))  # type: ignore[no-any-return]


@stage
def view2(rows: A, i: int) -> A:
    """Array ``i`` as one of two dimensions."""
    return numba.carray(_pointer(rows[i, 0]), (rows[i, 1], rows[i, 2]))  # type: ignore[no-any-return]


@stage
def view3(rows: A, i: int) -> A:
    """Array ``i`` as one of three dimensions."""
    return numba.carray(_pointer(rows[i, 0]), (rows[i, 1], rows[i, 2], rows[i, 3]))  # type: ignore[no-any-return]


@stage
def view4(rows: A, i: int) -> A:
    """Array ``i`` as one of four dimensions."""
    return numba.carray(_pointer(rows[i, 0]), (rows[i, 1], rows[i, 2], rows[i, 3], rows[i, 4]))  # type: ignore[no-any-return]
