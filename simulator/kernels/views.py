"""Arrays by address: how a kernel gets many tables without a reference count for each of them at every call.

Numba counts references of every array in a tuple whenever the tuple is passed on, which costs more than the
work of a small stage. An array that is made from an address inside compiled code has nobody to count for. Who
makes the addresses keeps the arrays alive.
"""

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulator.kernels._jit import stage
from simulator.kernels.codes import compiled
from simulator.kernels.rows import ROWS, TABLES
from simulator.kernels.tables import A, Log, Now, Past, Program, Wave

Rows = Any
"""How kernels get their tables: the array that `addresses` makes, or (program, state, kernels) where nothing is compiled."""


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(_: Any, address: Any) -> Any:
    """The address as a pointer to int64."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int64)(address), build


@intrinsic  # type: ignore[untyped-decorator]
def _call(_: Any, kernel: Any, rows: Any, argument: Any) -> Any:
    """Call the kernel at an address; unlike a call by name, this does not compile it into the caller once more."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        target = builder.inttoptr(arguments[0], ir.FunctionType(word, [word, word]).as_pointer())
        return builder.call(target, arguments[1:])

    return types.int64(types.int64, types.int64, types.int64), build


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


if compiled():

    @stage
    def program_at(rows: Rows) -> Program:
        """The `Program` whose arrays are the first of a table of addresses."""
        return Program(
            view3(rows, 0), view2(rows, 1), view1(rows, 2), view2(rows, 3), view2(rows, 4), view2(rows, 5), view2(rows, 6), view1(rows, 7), view2(rows, 8), view2(rows, 9), view1(rows, 10), view2(rows, 11), view2(rows, 12), view1(rows, 13), view1(rows, 14),
        )


    @stage
    def state_at(rows: Rows) -> Any:
        """The arrays of the `State` but for those of its `Log` and its `Past`: every array costs at every call."""
        return Now(  # type: ignore[call-arg]
            view1(rows, 15), view2(rows, 16), view2(rows, 17), view2(rows, 18), view2(rows, 19), view2(rows, 20), view1(rows, 21), view3(rows, 22), view3(rows, 23), view2(rows, 24), view3(rows, 25), view3(rows, 26), view3(rows, 27), view2(rows, 28), view2(rows, 29), view1(rows, 30), view2(rows, 31), view1(rows, 32), view2(rows, 33), view2(rows, 34), view2(rows, 37), view2(rows, 44), view3(rows, 45), view3(rows, 46), view3(rows, 47), view2(rows, 49), view2(rows, 50), view3(rows, 51), view2(rows, 52), view1(rows, 53), view1(rows, 54), view1(rows, 55), view2(rows, 57), view2(rows, 58), view2(rows, 59), view1(rows, 60), view1(rows, 61), view2(rows, 62), view1(rows, 63), view1(rows, 64),
        )

    @stage
    def log_at(rows: Rows) -> Any:
        """The `Log` of the `State`."""
        return Log(view1(rows, 15), view2(rows, 35), view2(rows, 36), view2(rows, 71), view2(rows, 72))

    @stage
    def past_at(rows: Rows) -> Any:
        """The `Past` of the `State`."""
        return Past(view1(rows, 38), view1(rows, 39), view1(rows, 40), view1(rows, 41), view2(rows, 42), view2(rows, 43), view1(rows, 48), view1(rows, 56))

    @stage
    def wave_at(rows: Rows) -> Any:
        """What only a systolic array has."""
        return Wave(view1(rows, 65), view2(rows, 66), view1(rows, 67), view1(rows, 68), view1(rows, 69), view1(rows, 70))

    @stage
    def rows_at(address: Any) -> Rows:
        """The rows from their own address."""
        return numba.carray(_pointer(address), (ROWS, 5))

    @stage
    def call(rows: Rows, kernel: int, argument: int) -> int:
        """Call one of the kernels that the rows end with."""
        return _call(rows[TABLES + kernel, 0], rows[TABLES + kernel, 1], argument)  # type: ignore[no-any-return]

else:

    def program_at(rows: Rows) -> Program:
        """The `Program` as it is."""
        return rows[0]  # type: ignore[no-any-return]

    def state_at(rows: Rows) -> Any:
        """The `State` as it is."""
        return rows[1]

    log_at = past_at = wave_at = state_at

    def rows_at(address: Any) -> Rows:
        """The rows as they are."""
        return address

    def call(rows: Rows, kernel: int, argument: int) -> int:
        """Call one of the kernels that the rows end with."""
        return rows[2][kernel](rows, argument)  # type: ignore[no-any-return]
