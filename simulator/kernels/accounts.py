"""The accounts of a systolic array: what PEs do from a vector to the next, and what they wait for."""

from typing import Any

from simulator.kernels._jit import stage
from simulator.kernels.array import note_slice
from simulator.kernels.tables import (
    ALL_ROWS, ARRAY_CAUSE, CLOCK, CYCLES, FILL, FIRST_PART, LATE, MAC, MAC_KIND, MAC_TILE, MOST, OPENS, PIN, POUT,
    Program, SEEN, STATIONARY, STILLS, S_OUTPUT, S_PSUM, S_WEIGHT, State, UNMAPPED, WHICH, Wave,
)  # fmt: skip
from simulator.kernels.views import program_at, rows_at, state_at, wave_at
from simulator.kernels.wave import first_still_after


@stage
def tell(p: Program, s: State, kind: int, name: int, cause: int, start: int, length: int) -> None:
    """What the PEs that a fold uses do from ``start`` on; others are unmapped."""
    if length <= 0:
        return
    if cause >= 0:
        s.causes[name - S_WEIGHT, cause] += length * p.macs[kind]
    for pe in range(s.pe.shape[1]):
        used = p.work[kind, CYCLES, pe] != 0
        s.names[pe, name if used else UNMAPPED] += length
        note_slice(s, pe, name if used else UNMAPPED, cause if used else -1, start, length)


@stage
def tell_causes(p: Program, s: State, kind: int, name: int, stream: int, part: int, start: int, end: int) -> None:
    """Cycles of a stall by where the words of a part of a delivery (a result on its way out) were."""
    until, cause = s.until[stream, part % s.part.shape[1]], s.cause[stream, part % s.part.shape[1]]
    t = start
    for i in range(until.shape[0]):
        if t >= end:
            return
        if until[i] > t:
            upto = min(until[i], end)
            tell(p, s, kind, name, cause[i], t, upto - t)
            t = until[i]


@stage
def part_of(s: State, stream: int, slot: int, group: int) -> int:
    """The part in which a group's words came."""
    return int(s.delivery[stream, slot, FIRST_PART] + s.late_part[stream, slot, group])


@stage
def tell_rows(p: Program, s: State, v: Wave, kind: int, start: int, end: int) -> None:
    """Cycles in which the tile of the stationary operand was not in place: words that were missing, else rows that enter."""
    stays = p.machine[STATIONARY]
    slot, name, t = s.stream[stays, SEEN] % s.come.shape[1], S_WEIGHT + stays, start
    used = p.delivery[s.delivery[stays, slot, WHICH], MOST]
    rows = max(p.machine[ALL_ROWS], used)
    for row in range(rows):
        if v.row_in[row] < t:
            continue
        word = row - (rows - used)
        if word >= 0:
            there = min(s.come[stays, slot, word], end)
            if there > t:
                tell_causes(p, s, kind, name, stays, part_of(s, stays, slot, word), t, there)
                t = there
        upto = min(v.row_in[row] + 1, end)
        if upto > t:
            tell(p, s, kind, name, p.machine[ARRAY_CAUSE], t, upto - t)
            t = upto


@stage
def tell_wait(p: Program, s: State, v: Wave, kind: int, opens: int, late: int, start: int, end: int) -> None:
    """Name cycles without a vector in which results had room: the fold is not open before ``opens``, then a stream is ``late`` (-1: none)."""
    if start >= end:
        return
    if late < 0:
        opens = end
    middle = min(max(opens, start), end)
    tell(p, s, kind, FILL, -1, start, middle - start)
    if middle >= end:
        return
    if late == p.machine[STATIONARY]:
        tell_rows(p, s, v, kind, middle, end)
    elif late == PIN:
        slot = s.scalars[MAC_TILE] % s.come.shape[1]
        tell_causes(p, s, kind, S_PSUM, PIN, part_of(s, PIN, slot, 0), middle, end)
    else:
        slot = s.stream[late, SEEN] % s.come.shape[1]
        tell_causes(p, s, kind, S_WEIGHT + late, late, part_of(s, late, slot, 0), middle, end)


def account(address: Any, cycle: int) -> int:
    """Name the cycles from the vector before up to the one that enters in ``cycle``, and that one; see `tell_wait`."""
    rows = rows_at(address)
    p, s, v = program_at(rows), state_at(rows), wave_at(rows)
    kind, opens, late = s.scalars[MAC_KIND], v.array[OPENS], v.array[LATE]
    at, ring = s.pe[CLOCK, 0], v.still_at.shape[0]
    if at < cycle:
        for number in range(first_still_after(v, at), v.array[STILLS]):
            start, result = v.still_at[number % ring], v.still[number % ring, 1]
            if start >= cycle:
                break
            if result >= 0:
                end = min(start + v.still[number % ring, 0], cycle)
                start = max(start, at)
                tell_wait(p, s, v, kind, opens, late, at, start)
                tell_causes(p, s, kind, S_OUTPUT, POUT, result, start, end)
                at = end
        tell_wait(p, s, v, kind, opens, late, at, cycle)
    tell(p, s, kind, MAC, -1, cycle, 1)
    for pe in range(s.pe.shape[1]):
        s.pe[CLOCK, pe] = cycle + 1
    return 0
