"""What PEs did over time, from their slices: sums over any stretch, and single slices out of what repeats.

The slices of a PE follow each other without gaps. One that repeats covers ``times`` periods and stands for the period
right before it, which may hold such slices itself. So a walk over a stretch of time goes back into what is repeated;
it is as deep as loops are nested.
"""

import numpy as np

from simulator.kernels._jit import jit, stage
from simulator.kernels.tables import A

WHAT_MASK = (1 << 12) - 1
"""Of a slice's ``what``: the bits that say what it is; higher ones are marks."""
DEPTH = 1 << 12
"""Room for stretches of time that are yet to be walked."""
ROW, FROM, UPTO, SHIFT_OR_COUNT, PASSES, WALKED = range(6)


@stage
def row_at(start: A, first: int, end: int, cycle: int) -> int:
    """The row, of those from ``first`` up to ``end``, in which ``cycle`` lies."""
    low, high = first, end - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if start[middle] <= cycle:
            low = middle
        else:
            high = middle - 1
    return low


@stage
def push(stack: A, top: int, row: int, begin: int, upto: int, a: int, b: int) -> int:
    """Put a stretch on the stack; returns its new top."""
    if top >= DEPTH:
        raise OverflowError("repeats are nested too deeply")
    frame = stack[top]
    frame[ROW], frame[FROM], frame[UPTO], frame[SHIFT_OR_COUNT], frame[PASSES] = row, begin, upto, a, b
    return top + 1


@stage
def add_up(start: A, length: A, what: A, passes: A, periods: A, first: int, end: int, low: int, high: int, stack: A, out: A) -> None:
    """Add the cycles [low, high) of one PE, whose rows are ``first`` up to ``end``, to ``out`` by what it did."""
    top = push(stack, 0, -1, low, high, 1, 0)
    while top > 0:
        top -= 1
        begin, upto, count = stack[top, FROM], stack[top, UPTO], stack[top, SHIFT_OR_COUNT]
        row = stack[top, ROW] if stack[top, ROW] >= 0 else row_at(start, first, end, begin)
        while row < end and start[row] < upto:
            at, until = max(begin, start[row]), min(upto, start[row] + length[row])
            if until <= at:  # what lies between is not known
                row += 1
                continue
            if what[row] >= 0:
                out[what[row] & WHAT_MASK] += (until - at) * count
            else:
                base, period = start[row], periods[passes[row]]
                turn, inside = (at - base) // period, (at - base) % period
                last, rest = (until - base) // period, (until - base) % period
                top = push(stack, top, row + 1, begin, upto, count, 0)
                if turn == last:
                    top = push(stack, top, -1, base - period + inside, base - period + rest, count, 0)
                else:
                    whole = last - turn - (1 if inside > 0 else 0)
                    if inside > 0:
                        top = push(stack, top, -1, base - period + inside, base, count, 0)
                    if whole > 0:
                        top = push(stack, top, -1, base - period, base, count * whole, 0)
                    if rest > 0:
                        top = push(stack, top, -1, base - period, base - period + rest, count, 0)
                break
            row += 1


@jit
def sum_stretches(first: A, start: A, length: A, what: A, passes: A, periods: A, pe: A, low: A, high: A, into: A, out: A) -> None:
    """Add what PE ``pe[i]`` did in the cycles [low[i], high[i]) to ``out[into[i]]``, for every stretch i.

    ``first``: where each PE's rows start, and their end; ``out``: [groups, what].
    """
    stack = np.zeros((DEPTH, WALKED), dtype=np.int64)
    for i in range(pe.shape[0]):
        if high[i] > low[i]:
            add_up(start, length, what, passes, periods, first[pe[i]], first[pe[i] + 1], low[i], high[i], stack, out[into[i]])


@jit
def sum_bins(first: A, start: A, length: A, what: A, passes: A, periods: A, edges: A, into: A, out: A) -> None:
    """Add what all PEs did between one edge and the next to ``out`` [groups, bins, what]; ``into``: each PE's group."""
    stack = np.zeros((DEPTH, WALKED), dtype=np.int64)
    for pe in range(first.shape[0] - 1):
        for i in range(edges.shape[0] - 1):
            if edges[i + 1] > edges[i]:
                add_up(start, length, what, passes, periods, first[pe], first[pe + 1], edges[i], edges[i + 1], stack, out[into[pe], i])


@jit
def expand(first: A, start: A, length: A, what: A, passes: A, periods: A, passes_each: A, low: int, high: int, out: A) -> int:
    """Write the single slices of all PEs in the cycles [low, high) to ``out``: PE, start, length, what, pass.

    They come PE by PE in order of time, cut where the stretch ends. Returns how many there are; where they do not
    fit, one more than would.
    """
    stack, count = np.zeros((DEPTH, WALKED), dtype=np.int64), 0
    for pe in range(first.shape[0] - 1):
        end = first[pe + 1]
        top = push(stack, 0, -1, low, high, 0, 0)
        while top > 0:
            top -= 1
            begin, upto, shift, more = stack[top, FROM], stack[top, UPTO], stack[top, SHIFT_OR_COUNT], stack[top, PASSES]
            row = stack[top, ROW] if stack[top, ROW] >= 0 else row_at(start, first[pe], end, begin)
            while row < end and start[row] < upto:
                at, until = max(begin, start[row]), min(upto, start[row] + length[row])
                if what[row] < 0 and until > at:  # its next turn, then what is left of it
                    base, period, each = start[row], periods[passes[row]], passes_each[passes[row]]
                    turn = (at - base) // period
                    edge = min(until, base + (turn + 1) * period)
                    back = (turn + 1) * period
                    top = push(stack, top, row, edge, upto, shift, more)
                    top = push(stack, top, -1, at - back, edge - back, shift + back, more + (turn + 1) * each)
                    break
                if until > at:
                    if count == out.shape[0]:
                        return count + 1
                    slot = out[count]
                    slot[0], slot[1], slot[2], slot[3], slot[4] = pe, at + shift, until - at, what[row], passes[row] + more
                    count += 1
                row += 1
    return count
