"""Where a curve of time over a number of the machine becomes flat."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simulator.components.base import UNLIMITED
from simulator.report.numbers import short
from simulator.studies.variation import Value, text_of

KNEE_PCT = 5.0
LAST_STEP_PCT = 1.0
"""A last step that still gains more than this leaves open where the knee is."""


@dataclass(frozen=True, slots=True)
class Knee:
    """Where a curve becomes flat: from ``value`` on (``side`` "from") or up to it ("to"), and in words.

    ``value`` is None where there is no such place; ``at_end``: it may lie outside of what was swept.
    """

    value: Value | None
    side: Literal["from", "to"]
    at_end: bool
    told: str

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        value = None if self.value is None else text_of(self.value)
        return {"value": value, "side": self.side, "at_end": self.at_end, "told": self.told}


def find_knee(
    times: Sequence[tuple[Value, float]], share_pct: float = KNEE_PCT, bound: float | None = None
) -> Knee:
    """The knee of (value, time) in ascending values: where all that follows is within a share of the best.

    Where the time grows with the value it is the last value up to which all are. ``bound`` is the time with
    an unlimited value, if that is known. An unlimited value among ``times`` counts as best, never as knee.
    """
    finite = [(value, time) for value, time in times if value != UNLIMITED]
    if not finite:
        return Knee(None, "from", False, "no knee: no finite value runs")
    best = min(time for _, time in times)
    if not best:
        return Knee(None, "from", False, "no knee: nothing takes time")
    if len(times) == 1 and bound is None:
        return Knee(None, "from", False, f"no knee: {text_of(finite[0][0])} is the only value")
    near = [time <= best * (1 + share_pct / 100) for _, time in finite]
    falling = finite[-1][1] <= finite[0][1]
    if not falling:
        return _mirrored(finite, near, share_pct)
    flat = len(near) - len(_leading(near[::-1]))
    if flat == len(near):
        return _no_knee(finite, best, share_pct)
    value = finite[flat][0]
    told = f"from {text_of(value)} on the time stays within {short(share_pct)} % of the best"
    at_end, why = _open_end([time for _, time in finite], flat, share_pct, bound)
    return Knee(value, "from", at_end, told + why)


def _leading(flags: Iterable[bool]) -> list[bool]:
    """The flags before the first that is not set."""
    found: list[bool] = []
    for flag in flags:
        if not flag:
            break
        found.append(flag)
    return found


def _mirrored(finite: Sequence[tuple[Value, float]], near: list[bool], share_pct: float) -> Knee:
    count = len(_leading(near))
    if not count:
        return _no_knee(finite, min(time for _, time in finite), share_pct)
    value, at_end = finite[count - 1][0], count == 1
    told = f"up to {text_of(value)} the time stays within {short(share_pct)} % of the best"
    why = "; that is the smallest value that runs, the knee may lie before it" if at_end else ""
    return Knee(value, "to", at_end, told + why)


def _no_knee(finite: Sequence[tuple[Value, float]], best: float, share_pct: float) -> Knee:
    if min(time for _, time in finite) > best:
        last = text_of(finite[-1][0])
        told = f"no finite value stays within {short(share_pct)} % of unlimited: the knee lies beyond {last}"
        return Knee(None, "from", True, told)
    value = next(value for value, time in finite if time == best)
    told = f"no knee: the best value is {text_of(value)}, on both sides of it the time is longer"
    return Knee(None, "from", False, told)


def _open_end(
    times: Sequence[float], flat: int, share_pct: float, bound: float | None
) -> tuple[bool, str]:
    """Whether the knee may lie beyond the last value, and why."""
    last = times[-1]
    if bound is not None and last > bound * (1 + share_pct / 100):
        still = short(100 * (1 - bound / last), 3)
        return True, f"; unlimited would save another {still} %: the knee may lie beyond the range"
    alone = len(times) > 1 and flat == len(times) - 1
    steep = len(times) > 1 and last < min(times[:-1]) * (1 - LAST_STEP_PCT / 100)
    if bound is None and (alone or steep):
        return True, "; the best is at the end of the range, the knee may lie beyond it"
    return False, ""
