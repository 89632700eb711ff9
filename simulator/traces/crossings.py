"""What crossed which port when: transactions with what repeats kept once, and single ones out of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.kernels.tables import (
    LOG_FROM,
    LOG_LIMIT,
    LOG_PERIOD,
    LOG_SERIES,
    LOG_TIMES,
    LOG_TO,
    LOG_UNITS,
    REPEAT,
    STREAMS,
)
from simulator.traces.rows import Ints

SERIES, BEGIN, END, UNITS, TIMES, STREAM = range(6)
"""Columns of what is returned: series, ticks from and to, units, how many transactions it stands for, stream.

Where different streams are put together, the stream is -1.
"""
AT_ONCE = 1 << 10
"""Transactions that are spread over time together: each takes room for every bin."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the machine as a trace shows it.

    ``part`` is the memory or network that it belongs to, ``series`` are those of the log that cross it.
    ``ticks_per_unit`` is in the log's ticks, 0 where the rate is unlimited; ``limit`` is units per cycle.
    """

    name: str
    part: str
    unit: str
    series: tuple[int, ...]
    ticks_per_unit: float
    limit: float | str


@dataclass(frozen=True, slots=True)
class Crossings:
    """The log of a layer: rows as the kernel writes them, in ``ticks`` per cycle, of series below ``series``.

    ``complete``: False where there were too many to keep.
    """

    log: Ints
    ticks: int
    series: int
    complete: bool

    def single(self, low: int, high: int, most: int) -> Ints | None:
        """Transactions under way in the cycles [low, high), by `SERIES`; None if more than ``most``."""
        found: list[Ints] = []
        count = 0
        for rows in self._single(0, len(self.log), low * self.ticks, high * self.ticks, self.series):
            count += len(rows)
            if count > most:
                return None
            found.append(rows)
        return _in_order(found)

    def _single(self, first: int, last: int, low: int, high: int, limit: int) -> Iterator[Ints]:
        log = self.log[first:last]
        again = np.flatnonzero(log[:, LOG_SERIES] == REPEAT)
        plain = (log[:, LOG_SERIES] >= 0) & (log[:, LOG_SERIES] < limit) & (log[:, LOG_UNITS] > 0)
        plain &= (log[:, LOG_FROM] < high) & (np.maximum(log[:, LOG_TO], log[:, LOG_FROM] + 1) > low)
        if plain.any():
            yield _once(log[plain])
        for i in again.tolist():
            row = log[i]
            period, times = int(row[LOG_PERIOD]), int(row[LOG_TIMES])
            begin, end = int(row[LOG_FROM]) - period, int(row[LOG_TO]) - times * period
            turn = max(1, -(-(low - end) // period))
            while turn <= times and begin + turn * period < high:
                back = turn * period
                inside = self._single(
                    first + i - int(row[LOG_UNITS]), first + i, low - back, high - back,
                    min(limit, int(row[LOG_LIMIT])),
                )  # fmt: skip
                for rows in inside:
                    rows[:, [BEGIN, END]] += back
                    yield rows
                turn += 1

    def folded(self) -> Ints:
        """All transactions, those that repeat as one from their first to their last, by `SERIES`."""
        log, found = self.log, []
        plain = (log[:, LOG_SERIES] >= 0) & (log[:, LOG_SERIES] < self.series) & (log[:, LOG_UNITS] > 0)
        found.append(_once(log[plain]))
        known: dict[tuple[int, int], Ints] = {}
        for i in np.flatnonzero(log[:, LOG_SERIES] == REPEAT).tolist():
            period, times, limit = (int(log[i, k]) for k in (LOG_PERIOD, LOG_TIMES, LOG_LIMIT))
            inside = self._bounds(i - int(log[i, LOG_UNITS]), i, min(limit, self.series), known)
            inside = inside[inside[:, TIMES] > 0].copy()
            inside[:, BEGIN] += period
            inside[:, END] += times * period
            inside[:, [UNITS, TIMES]] *= times
            found.append(inside)
        return _in_order(found)

    def _bounds(self, first: int, last: int, limit: int, known: dict[tuple[int, int], Ints]) -> Ints:
        """First begin, last end, units and number of transactions of every series in some rows of the log."""
        if (first, last) not in known:
            out = np.zeros((self.series, 6), dtype=np.int64)
            out[:, SERIES], out[:, BEGIN], out[:, END] = np.arange(self.series), 1 << 61, 0
            out[:, STREAM] = np.where(np.arange(self.series) < STREAMS, np.arange(self.series), -1)
            log = self.log[first:last]
            rows = log[
                (log[:, LOG_SERIES] >= 0) & (log[:, LOG_SERIES] < self.series) & (log[:, LOG_UNITS] > 0)
            ]
            at = rows[:, LOG_SERIES]
            np.minimum.at(out[:, BEGIN], at, rows[:, LOG_FROM])
            np.maximum.at(out[:, END], at, rows[:, LOG_TO])
            np.add.at(out[:, UNITS], at, rows[:, LOG_UNITS])
            np.add.at(out[:, TIMES], at, 1)
            for i in np.flatnonzero(log[:, LOG_SERIES] == REPEAT).tolist():
                period, times, most = (int(log[i, k]) for k in (LOG_PERIOD, LOG_TIMES, LOG_LIMIT))
                inner = self._bounds(
                    first + i - int(log[i, LOG_UNITS]), first + i, min(most, self.series), known
                )
                some = inner[:, TIMES] > 0
                out[some, BEGIN] = np.minimum(out[some, BEGIN], inner[some, BEGIN] + period)
                out[some, END] = np.maximum(out[some, END], inner[some, END] + times * period)
                out[some, UNITS] += inner[some, UNITS] * times
                out[some, TIMES] += inner[some, TIMES] * times
            known[first, last] = out
        out = known[first, last].copy()
        out[limit:, TIMES] = 0
        return out

    def per_bin(self, port: Port, rows: Ints, edges: Ints) -> Ints:
        """Units [bins] that cross a port between one edge (cycles) and the next, from single transactions."""
        out = np.zeros(len(edges) - 1)
        at = np.asarray(edges, dtype=np.float64) * self.ticks
        own = rows[np.isin(rows[:, SERIES], port.series)]
        for i in range(0, len(own), AT_ONCE):
            begin, units = own[i : i + AT_ONCE, BEGIN], own[i : i + AT_ONCE, UNITS]
            length = np.maximum(units * port.ticks_per_unit, 1)
            out += np.diff(np.clip((at[:, None] - begin) / length, 0, 1) @ units)
        return out


def _once(rows: Ints) -> Ints:
    """Rows of the log as single transactions."""
    series = rows[:, LOG_SERIES]
    stream = np.where(series < STREAMS, series, rows[:, LOG_TIMES])
    columns = (series, rows[:, LOG_FROM], rows[:, LOG_TO], rows[:, LOG_UNITS], np.ones_like(series), stream)
    return np.stack(columns, axis=1)


def _in_order(found: list[Ints]) -> Ints:
    rows = np.concatenate(found) if found else np.zeros((0, 6), dtype=np.int64)
    return rows[np.lexsort((rows[:, BEGIN], rows[:, SERIES]))]
