"""Words over time: a log of what crossed when, and its sums in windows that grow with the layer."""

from math import gcd
from typing import Any

from simulator.kernels._jit import stage
from simulator.kernels.tables import (
    A, BINNED, LOGGED, LOG_FROM, LOG_LIMIT, LOG_OLDEST, LOG_PERIOD, LOG_ROWS, LOG_SERIES, LOG_TIMES, LOG_TO,
    LOG_UNITS, Log, REPEAT, SHIFT, TICKS, WINDOWS,
)  # fmt: skip
from simulator.kernels.rows import FILL_WINDOWS
from simulator.kernels.views import Rows, call, program_at, rows_at, log_at

MOST_OVERLAPS = 256
"""How many repeats may overlap in time for them to be counted; nested in a nest of loops they stay within the stack."""


@stage
def log_row(t: Log, series: int, start: int, end: int, units: int) -> None:
    """Write down that ``units`` of a series cross evenly from ``start`` to ``end`` (ticks)."""
    row = t.log[t.scalars[LOGGED] % LOG_ROWS]
    row[LOG_SERIES], row[LOG_FROM], row[LOG_TO], row[LOG_UNITS], row[LOG_TIMES] = series, start, end, units, 0
    t.scalars[LOGGED] += 1


@stage
def widen(t: Log, last_cycle: int) -> None:
    """Double the windows' width until ``last_cycle`` lies in one of them."""
    while (last_cycle >> t.scalars[SHIFT]) >= WINDOWS:
        for k in range(t.windows.shape[0]):
            for i in range(WINDOWS // 2):
                t.windows[k, i] = t.windows[k, 2 * i] + t.windows[k, 2 * i + 1]
            t.windows[k, WINDOWS // 2 :] = 0
        t.scalars[SHIFT] += 1


@stage
def crossed(start: int, end: int, units: int, time: int) -> int:
    """How many of ``units`` that cross evenly from ``start`` to ``end`` have crossed before ``time``."""
    if time <= start or units == 0:
        return 0
    if time >= end:
        return units
    gone, length = time - start, end - start
    if gone > (1 << 62) // units:  # the product would not fit
        shared = gcd(gone, length)
        gone, length = gone // shared, length // shared
    return units * gone // length


@stage
def bin_row(t: Log, ticks: int, series: int, start: int, end: int, units: int) -> None:
    """Add what crosses evenly from ``start`` to ``end`` (ticks) to the windows, which reach that far."""
    at, gone = start // ticks >> t.scalars[SHIFT], 0
    while gone < units:
        upto = crossed(start, end, units, ((at + 1) << t.scalars[SHIFT]) * ticks)
        t.windows[series, at] += upto - gone
        gone = upto
        at += 1


def fill_windows(address: Any, _: int) -> int:
    """Add the rows that were logged since the last call to the windows; nothing is lost to rounding."""
    rows = rows_at(address)
    p, t = program_at(rows), log_at(rows)
    ticks = p.machine[TICKS]
    for i in range(t.scalars[BINNED], t.scalars[LOGGED]):
        row = t.log[i % LOG_ROWS]
        start, end, units = row[LOG_FROM], row[LOG_TO], row[LOG_UNITS]
        if row[LOG_SERIES] == REPEAT or units == 0:
            continue
        widen(t, max(start, end - 1) // ticks)
        bin_row(t, ticks, row[LOG_SERIES], start, end, units)
    t.scalars[BINNED] = t.scalars[LOGGED]
    return 0


@stage
def bounds_of(log: A, first: int, last: int, limit: int) -> tuple[int, int]:
    """From when until when (ticks) units of series below ``limit`` cross in the log's rows from ``first`` up to ``last``."""
    low, high = 1 << 61, 0
    for i in range(first, last):
        row = log[i % LOG_ROWS]
        if row[LOG_SERIES] < limit:
            low, high = min(low, row[LOG_FROM]), max(high, row[LOG_TO], row[LOG_FROM] + 1)  # at once: in that tick
    return low, high


@stage
def oldest(log: A, first: int, last: int) -> int:
    """The first of the log's rows that those from ``first`` up to ``last`` refer to."""
    found = first
    for i in range(first, last):
        if log[i % LOG_ROWS, LOG_SERIES] == REPEAT:
            found = min(found, log[i % LOG_ROWS, LOG_OLDEST])
    return found


@stage
def log_repeat(t: Log, first: int, last: int, period: int, times: int, limit: int) -> None:
    """Write down that the rows from ``first`` up to ``last`` (the next one) of series below ``limit`` repeat."""
    row, (low, high) = t.log[last % LOG_ROWS], bounds_of(t.log, first, last, limit)
    row[LOG_SERIES], row[LOG_UNITS], row[LOG_TIMES], row[LOG_PERIOD], row[LOG_LIMIT] = REPEAT, last - first, times, period, limit
    row[LOG_FROM], row[LOG_TO], row[LOG_OLDEST] = low + period, high + times * period, oldest(t.log, first, last)
    t.scalars[LOGGED] += 1


@stage
def push(stack: A, top: int, first: int, last: int, time: int, times: int, limit: int) -> int:
    """Put rows on the stack of what is still to be counted; returns its new top."""
    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3], stack[top, 4] = first, last, time, times, limit
    return top + 1


@stage
def push_repeats(log: A, i: int, first: int, last: int, time: int, times: int, limit: int, stack: A, top: int) -> int:
    """Open the repeats in row ``i`` of the rows from ``first`` up to ``last`` that have begun before ``time``."""
    row = log[i % LOG_ROWS]
    limit = min(limit, row[LOG_LIMIT])
    period, count = row[LOG_PERIOD], row[LOG_TIMES]
    low, high = row[LOG_FROM] - period, row[LOG_TO] - count * period
    whole = min(max((time - high) // period, 0), count)
    if whole > 0:
        top = push(stack, top, first, last, 1 << 61, times * whole, limit)
    for turn in range(whole + 1, count + 1):
        if time - turn * period <= low:
            break
        top = push(stack, top, first, last, time - turn * period, times, limit)
    return top


@stage
def add_crossed(log: A, stack: A, top: int, out: A) -> None:
    """Add to ``out``, by series, what crossed by the rows on the stack: from, up to, before when, how often, series below."""
    while top > 0:
        top -= 1
        i, last, time, times, limit = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3], stack[top, 4]
        while i < last:
            row = log[i % LOG_ROWS]
            if row[LOG_SERIES] == REPEAT:  # first what it repeats, then the rest
                top = push(stack, top, i + 1, last, time, times, limit)
                top = push_repeats(log, i, i - row[LOG_UNITS], i, time, times, limit, stack, top)
                break
            if row[LOG_SERIES] < limit:
                out[row[LOG_SERIES]] += times * crossed(row[LOG_FROM], row[LOG_TO], row[LOG_UNITS], time)
            i += 1


@stage
def can_repeat(log: A, first: int, last: int, period: int, limit: int) -> bool:
    """Whether the log still has what the rows from ``first`` up to ``last`` (the next one) refer to, and few overlap."""
    low, high = bounds_of(log, first, last, limit)
    return bool(last + 1 - oldest(log, first, last) <= LOG_ROWS and high - low <= MOST_OVERLAPS * period)


@stage
def bin_turns(t: Log, ticks: int, repeat: int, first: int, last: int, at: int, final: int) -> None:
    """Add the turns of rows from ``first`` up to ``last`` in the row ``repeat`` to the windows from ``at`` to ``final``, one by one."""
    before, now, stack = t.sums[0], t.sums[1], t.stack
    before[:] = 0
    for window in range(at, final + 1):
        edge = ((window + 1) << t.scalars[SHIFT]) * ticks if window < final else 1 << 61
        now[:] = 0
        top = push_repeats(t.log, repeat, first, last, edge, 1, t.log[repeat % LOG_ROWS, LOG_LIMIT], stack, 0)
        add_crossed(t.log, stack, top, now)
        for k in range(now.shape[0]):
            t.windows[k, window] += now[k] - before[k]
            before[k] = now[k]


@stage
def bin_repeats(rows: Rows, first: int, last: int, period: int, times: int, limit: int) -> None:
    """Add ``times`` repeats, each ``period`` ticks later, of the log's rows from ``first`` up to ``last`` to the windows.

    They become the log's next row. Only series below ``limit`` repeat.
    """
    call(rows, FILL_WINDOWS, 0)
    p, t = program_at(rows), log_at(rows)
    log_repeat(t, first, last, period, times, limit)
    t.scalars[BINNED] = t.scalars[LOGGED]
    if t.log[last % LOG_ROWS, LOG_FROM] > t.log[last % LOG_ROWS, LOG_TO]:
        return  # nothing crossed
    row, ticks = t.log[last % LOG_ROWS], p.machine[TICKS]
    final = max(row[LOG_FROM], row[LOG_TO] - 1) // ticks
    widen(t, final)
    final >>= t.scalars[SHIFT]
    at = row[LOG_FROM] // ticks >> t.scalars[SHIFT]
    if times > 2 * (final + 1 - at):  # fewer windows than turns
        bin_turns(t, ticks, last, first, last, at, final)
        return
    for i in range(first, last):
        row = t.log[i % LOG_ROWS]
        if row[LOG_SERIES] == REPEAT:
            bin_turns(t, ticks, last, i, i + 1, at, final)
        elif row[LOG_SERIES] < limit:
            for turn in range(1, times + 1):
                bin_row(t, ticks, row[LOG_SERIES], row[LOG_FROM] + turn * period, row[LOG_TO] + turn * period, row[LOG_UNITS])
