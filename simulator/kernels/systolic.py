"""The inside of a systolic array: when it moves, when rows and vectors enter, when results leave, and what PEs wait for.

Its streams are those of `array`; here are the stages that take their words. Everything in the array goes on by one
PE in a cycle in which it moves, so that all follows from the cycles in which vectors and rows of stationary tiles enter
and from those in which it stands still. The latter are found in order: whoever asks for a later cycle first makes sure that
no stand-still is unknown that could begin before it (`settled_until`). DESIGN.md has the rules.
"""

from typing import Any

from simulator.kernels._jit import stage
from simulator.kernels.array import leave_pass, note_slice, release
from simulator.kernels.nest import kind_at, next_turn, turn
from simulator.kernels.tables import (
    ACC_TILE, ALL_ROWS, CLOCK, CROSSED, DELIVERIES, DONE, ENDED, FIRST, FOREVER, FREEZES, HAS_PSUM, HEAD_KNOWN,
    HORIZON, I, IDLE_TILES, KIND_OF, LAST_ENTRY, LAST_ROW, LAST_WAITS, LATE, LEAVING_TILES, LOOKS_AHEAD, LOOPS, MACS,
    MACS_DONE, MAC_KIND, MAC_TILE, MOST, MOST_TRACED, NEW_I, NEW_O, NEW_W, OPENS, OUT_LAST, OUT_MOVES, OUT_READY,
    PASSES_TELL, PASS_BEGINS, PIN, PLACE_FROM, PLACE_MOVES, POUT, Program, REDUCTION_MASK, RELEVANT, ROWS_IN,
    ROWS_WAIT, SEEN, SHADOW, SPLIT, STATIONARY, STEADY_LOOP, State, TAKEN, TICKS, TILES_AHEAD, TILES_IN, TILES_PLACED,
    TILE_KIND, TO_OPEN, TRACED, TURNED, W, Wave,
)  # fmt: skip
from simulator.kernels.stationary import next_row, rows_to_come, tile_rows
from simulator.kernels.rows import ACCOUNT, ARRIVE, SETTLED_UNTIL, SHIFT_IN
from simulator.kernels.views import Rows, call, log_at, program_at, rows_at, state_at, wave_at
from simulator.kernels.wave import add_still, arrival, due_after, later, next_move
from simulator.kernels.windows import log_row


# What is known


@stage
def free_room(s: State, stream: int, words: int, time: int) -> None:
    """Give room at an edge back; words that have waited for it may come from then on."""
    release(s, stream, words, time)
    if s.heads[stream, HEAD_KNOWN] == 0:
        s.scalars[HORIZON] = min(s.scalars[HORIZON], time)


@stage
def look_ahead(s: State) -> int:
    """`HORIZON`, for somebody who may know more as time goes on."""
    s.scalars[LOOKS_AHEAD] = 1
    return int(s.scalars[HORIZON])


@stage
def next_is_new(p: Program, s: State) -> bool:
    """Whether the vector that enters is the last of its output tile."""
    loop = next_turn(p, s, MACS, p.machine[LOOPS])
    if loop < 0 or (p.stream[POUT, RELEVANT] >> loop) & 1 != 0:
        return True
    for i in range(loop + 1, p.machine[LOOPS]):
        if s.digit[MACS, i] != 0 and (p.stream[POUT, RELEVANT] >> i) & 1 != 0:
            return True
    return False


@stage
def way_out_free(p: Program, s: State, v: Wave) -> int:
    """When the registers through which outputs leave have passed on those of the tile before, by the stand-stills known so far."""
    return later(v, v.entry[(s.scalars[MAC_TILE] - 1) % v.entry.shape[0]], p.machine[LAST_WAITS])


@stage
def due_at(p: Program, s: State, v: Wave) -> int:
    """A cycle before which no further vector is due."""
    q, stays = s.scalars, p.machine[STATIONARY]
    soonest = v.wave[LAST_ENTRY] + 1
    if q[MACS_DONE] != 0:
        return FOREVER
    if stays == POUT:
        if q[NEW_O] != 0 and q[MAC_TILE] > 0:
            soonest = later(v, v.wave[LAST_ENTRY], p.dying[q[TILE_KIND], PLACE_MOVES])
        if p.machine[LAST_WAITS] != 0 and q[MAC_TILE] > 0 and next_is_new(p, s):
            soonest = max(soonest, way_out_free(p, s, v))
        return int(soonest)
    new = q[NEW_W] if stays == W else q[NEW_I]
    if new == 0:
        return int(soonest)
    if v.array[TILES_IN] > s.stream[stays, SEEN]:
        return int(max(soonest, v.wave[LAST_ROW] + 1))
    known, row = next_row(p, s, v)
    if known != 1:
        q[LOOKS_AHEAD] = 1
    return int(max(soonest, next_move(v, row) + rows_to_come(p, s, v)))


@stage
def next_entry(p: Program, s: State, entry: int) -> int:
    """A cycle before which no further vector enters; none is due before ``entry``."""
    q = s.scalars
    if q[MACS_DONE] != 0:
        return FOREVER
    for stream in range(2):
        if stream != p.machine[STATIONARY] and (q[NEW_W] if stream == W else q[NEW_I]) != 0:
            known = s.stream[stream, DONE] > s.stream[stream, SEEN]
            entry = max(entry, comes(s, stream, s.stream[stream, SEEN]) if known else look_ahead(s))
    if s.stream[PIN, DONE] <= q[MAC_TILE]:
        entry = max(entry, look_ahead(s))
    elif s.tile[HAS_PSUM, q[MAC_TILE] % s.tile.shape[1]] != 0:
        entry = max(entry, comes(s, PIN, q[MAC_TILE]))
    return int(entry)


@stage
def comes(s: State, stream: int, slot: int) -> int:
    """When all words of a vector are in their FIFO."""
    return int(s.come[stream, slot % s.come.shape[1], 0])


@stage
def next_freeze(p: Program, s: State, v: Wave, due: int) -> int:
    """No stand-still for want of operands begins before this cycle, but those that are known; no vector is due before ``due``."""
    q, there = s.scalars, 0
    if q[MACS_DONE] != 0:
        return FOREVER
    stays = p.machine[STATIONARY]
    if stays != POUT and (q[NEW_W] if stays == W else q[NEW_I]) != 0 and v.array[TILES_IN] <= s.stream[stays, SEEN]:
        return due
    for stream in range(2):
        if stream != stays and (q[NEW_W] if stream == W else q[NEW_I]) != 0:
            if s.stream[stream, DONE] <= s.stream[stream, SEEN]:
                return due
            there = max(there, comes(s, stream, s.stream[stream, SEEN]))
    return due if there > next_move(v, due) else next_entry(p, s, due) + 1  # only psums may be late, and they stop nothing


def settled_until(address: Any, _: int) -> int:
    """Every stand-still that begins before this cycle is known."""
    rows = rows_at(address)
    p, s, v = program_at(rows), state_at(rows), wave_at(rows)
    q, due = s.scalars, due_at(p, s, v)
    if q[ACC_TILE] < q[MAC_TILE]:
        until = arrival(p, s, v, q[ACC_TILE])
    else:
        until = next_entry(p, s, due) + p.dying[q[MAC_KIND], OUT_MOVES]
    return int(min(until, next_freeze(p, s, v, due)) if p.machine[FREEZES] != 0 else until)


def shift_in(address: Any, _: int) -> int:
    """Let rows of the next tile enter as far as that is known; whether any has."""
    rows_of = rows_at(address)
    p, s, v = program_at(rows_of), state_at(rows_of), wave_at(rows_of)
    stays, moved = p.machine[STATIONARY], 0
    while True:
        s.scalars[ROWS_WAIT] = v.array[TILES_PLACED] > v.array[TILES_IN]
        known, due = next_row(p, s, v)
        if known != 1:
            return moved
        cycle = next_move(v, due)
        if call(rows_of, SETTLED_UNTIL, 0) <= cycle:
            return moved
        used = tile_rows(p, s, v)
        rows, row = max(p.machine[ALL_ROWS], used), v.array[ROWS_IN]
        v.row_in[row] = cycle
        if row >= rows - used:
            free_room(s, stays, 1, cycle + 1)
        v.wave[LAST_ROW], moved = cycle, 1
        v.array[ROWS_IN] += 1
        if v.array[ROWS_IN] == rows:
            v.array[ROWS_IN] = 0
            v.array[TILES_IN] += 1
            s.scalars[ROWS_WAIT] = v.array[TILES_PLACED] > v.array[TILES_IN]
            return moved


# Vectors and results


@stage
def room_at(p: Program, s: State, tile: int) -> int:
    """When the FIFO of outputs has room for a result; -1 while that is not known."""
    ahead = tile - p.machine[LEAVING_TILES]
    if ahead < 0:
        return 0
    if ahead >= s.stream[POUT, DONE]:
        return -1
    return int(s.leaving[OUT_LAST, ahead % s.tile.shape[1]])


@stage
def has_room(p: Program, s: State, v: Wave, tile: int, cycle: int) -> int:
    """When a result that comes in ``cycle`` has room, the array standing still until then; -1 while that is not known."""
    room = room_at(p, s, tile)
    if room > cycle:
        add_still(v, cycle, room - cycle, tile - p.machine[LEAVING_TILES])
    return max(room, cycle) if room >= 0 else -1


@stage
def wait_for_room(p: Program, s: State, v: Wave, cycle: int) -> int:
    """The array stands still from ``cycle`` on if the next result would come then and has no room (1; 2: that is not known; 0: it need not)."""
    tile = s.scalars[ACC_TILE]
    if tile >= s.scalars[MAC_TILE] or arrival(p, s, v, tile) != cycle:
        return 0
    room = has_room(p, s, v, tile, cycle)
    return 2 if room < 0 else int(room > cycle)


def arrive(address: Any, before: int) -> int:
    """The next result comes to the FIFO of outputs, if that is before a cycle; 2 if it is not known whether it has room, 0 if it comes later."""
    rows = rows_at(address)
    p, s, v = program_at(rows), state_at(rows), wave_at(rows)
    q, ring, tile = s.scalars, s.tile.shape[1], s.scalars[ACC_TILE]
    if tile >= q[MAC_TILE]:
        return 0
    cycle = arrival(p, s, v, tile)
    if cycle >= before:
        return 0
    cycle = has_room(p, s, v, tile, cycle)
    if cycle < 0:
        return 2
    s.leaving[OUT_READY, tile % ring] = cycle + 1
    if s.stream[PIN, FIRST] == 0 and s.stream[PIN, ENDED] == 0:  # psums may wait for it
        q[HORIZON] = min(q[HORIZON], cycle + 1)
    s.added[s.tile[KIND_OF, tile % ring], 0 if s.tile[HAS_PSUM, tile % ring] != 0 else 1] += 1
    q[ACC_TILE] += 1
    return 1


@stage
def moves_in(rows: Rows, v: Wave, cycle: int) -> int:
    """The first cycle from ``cycle`` on in which the array moves; -1 while that is not known."""
    while True:
        cycle = next_move(v, cycle)
        code = call(rows, ARRIVE, cycle + 1)
        if code == 2:
            return -1
        if code == 0:
            return cycle


@stage
def freeze(rows: Rows, p: Program, s: State, v: Wave, due: int, there: int) -> int:
    """The array stands still from when a vector is ``due`` until its operands are ``there``; 0 while it is not known when."""
    while True:  # what arrives before the vector is due, or in that cycle if the array then moves
        cycle = next_move(v, due)
        code = call(rows, ARRIVE, cycle)
        if code == 0 and there > cycle:
            code = wait_for_room(p, s, v, cycle)
            if code == 0:
                add_still(v, cycle, there - cycle, -1)
        elif code == 0:
            code = call(rows, ARRIVE, cycle + 1)
        if code != 1:
            return int(code == 0)


@stage
def enter(rows: Rows, p: Program, s: State, v: Wave, kind: int) -> int:
    """The cycle in which the next vector enters, accounted for; -1 while that is not known."""
    q, stays = s.scalars, p.machine[STATIONARY]
    first = q[NEW_O] if stays == POUT else q[NEW_W] if stays == W else q[NEW_I]
    opens, late, latest, due = 0, -1, 0, s.pe[CLOCK, 0]
    if first != 0 and stays == POUT and q[MAC_TILE] > 0:
        opens = due_after(v, v.wave[LAST_ENTRY], p.dying[q[TILE_KIND], PLACE_MOVES])
        due = max(due, opens)
    elif first != 0 and stays != POUT:
        if v.array[TILES_IN] <= s.stream[stays, SEEN]:
            return -1
        if s.stream[stays, SEEN] > 0:
            opens = due_after(v, v.wave[PLACE_FROM], p.dying[q[TILE_KIND], PLACE_MOVES])
        due = max(due, v.wave[LAST_ROW] + 1)
        late, latest = stays, v.wave[LAST_ROW] + 1
    there = 0
    for stream in range(2):
        new = q[NEW_W] if stream == W else q[NEW_I]
        if stream != stays and new != 0:
            if s.stream[stream, DONE] <= s.stream[stream, SEEN]:
                return -1
            come = comes(s, stream, s.stream[stream, SEEN])
            there = max(there, come)
            if come > latest or (come == latest and stream < late):
                late, latest = stream, come
    tile = q[MAC_TILE]
    if p.machine[LAST_WAITS] != 0 and tile > 0 and next_is_new(p, s):
        ready = due_after(v, v.entry[(tile - 1) % v.entry.shape[0]], p.machine[LAST_WAITS])
        due, opens = max(due, ready), max(opens, ready)
        if ready >= latest:
            late, latest = -1, ready
    if stays == POUT and due > s.pe[CLOCK, 0] and call(rows, SETTLED_UNTIL, 0) < due:
        return -1  # whether the PEs are free by then is not known
    if p.machine[FREEZES] != 0 and freeze(rows, p, s, v, due, there) == 0:
        return -1
    if s.stream[PIN, DONE] <= tile:
        return -1
    psums = comes(s, PIN, tile) if s.tile[HAS_PSUM, tile % s.tile.shape[1]] != 0 else 0
    if psums > latest:
        late, latest = PIN, psums
    cycle = moves_in(rows, v, max(due, there, psums))
    if cycle >= 0 and p.dying[kind, OUT_MOVES] == 0 and comes_at_once(p, s, cycle):
        cycle = has_room(p, s, v, tile, cycle)
    if cycle >= 0:
        v.array[OPENS], v.array[LATE] = opens, late if latest > s.pe[CLOCK, 0] else -1
        call(rows, ACCOUNT, cycle)
    return int(cycle)


@stage
def comes_at_once(p: Program, s: State, cycle: int) -> bool:
    """Whether the vector that enters completes a result, and none before that one has yet to come."""
    tile = s.scalars[MAC_TILE]
    if p.machine[STATIONARY] == POUT and not next_is_new(p, s):
        return False
    return bool(s.scalars[ACC_TILE] == tile and (tile == 0 or s.leaving[OUT_READY, (tile - 1) % s.leaving.shape[1]] <= cycle))


@stage
def free_place(s: State, v: Wave, cycle: int) -> None:
    """From the vector that enters in ``cycle`` on, the place of the next tile becomes free."""
    v.wave[PLACE_FROM] = cycle
    v.array[TILES_PLACED] += 1
    s.scalars[ROWS_WAIT] = 1


def compute(address: Any, _: int) -> int:
    """Let the next vector enter; 0 while something that decides when is not known."""
    rows = rows_at(address)
    p, s, v = program_at(rows), state_at(rows), wave_at(rows)
    q, loops, stays = s.scalars, p.machine[LOOPS], p.machine[STATIONARY]
    if q[TRACED] > q[MOST_TRACED]:
        return 0
    shifted = call(rows, SHIFT_IN, 0) if stays != POUT else 0
    if q[MACS_DONE] != 0:
        return int(shifted)
    kind, new_o, tile = q[MAC_KIND], q[NEW_O], q[MAC_TILE]
    new = q[NEW_W] if stays == W else q[NEW_I]
    cycle = enter(rows, p, s, v, kind)
    if cycle < 0:
        return int(shifted)
    if q[TO_OPEN] != 0:
        note_slice(s, PASS_BEGINS, 0, 0, 0, 1)
        q[TO_OPEN] = 0
    if q[NEW_W] != 0:
        s.stream[W, SEEN] += 1
        if stays != W:
            free_room(s, W, 1, cycle + 1)
    if q[NEW_I] != 0:
        s.stream[I, SEEN] += 1
        if stays != I:
            free_room(s, I, 1, cycle + 1)
    if new_o != 0:
        q[TILE_KIND] = kind
        s.tile[KIND_OF, tile % s.tile.shape[1]] = kind
    v.wave[LAST_ENTRY] = v.entry[tile % v.entry.shape[0]] = cycle
    if stays != POUT and new != 0 and p.machine[SHADOW] != 0:
        free_place(s, v, cycle)
    log_row(log_at(rows), MACS, cycle * p.machine[TICKS], (cycle + 1) * p.machine[TICKS], p.macs[kind])
    s.computed[kind] += 1
    loop, after = next_turn(p, s, MACS, loops), kind
    if loop >= 0:
        changed = turn(p, s, MACS, loop, loops)
        after = kind_at(p, s, MACS)
        if loop == p.machine[STEADY_LOOP] and s.digit[MACS, loop] > p.machine[IDLE_TILES]:
            q[TURNED] = 1  # before, results of the fold before are still under way
        q[NEW_W], q[NEW_I] = changed & p.stream[W, RELEVANT] != 0, changed & p.stream[I, RELEVANT] != 0
        q[NEW_O] = changed & p.stream[POUT, RELEVANT] != 0
    else:
        q[MACS_DONE] = q[NEW_W] = q[NEW_I] = q[NEW_O] = 1
    q[MAC_KIND] = after
    if stays != POUT and p.machine[SHADOW] == 0 and (q[NEW_W] if stays == W else q[NEW_I]) != 0:
        free_place(s, v, cycle)
    if q[NEW_O] != 0:
        if s.tile[HAS_PSUM, tile % s.tile.shape[1]] != 0:
            free_room(s, PIN, p.delivery[DELIVERIES * q[TILE_KIND] + 3, MOST], cycle + 1)
        s.leaving[TAKEN, tile % s.leaving.shape[1]] = cycle + 1
        if p.machine[REDUCTION_MASK] != 0 and s.stream[PIN, DONE] - tile >= TILES_AHEAD:  # psums may be passed over only now
            q[HORIZON] = min(q[HORIZON], cycle + 1)
        q[MAC_TILE] += 1
    if loop < p.machine[SPLIT]:
        leave_pass(s, after)
        q[CROSSED] = loop <= p.machine[PASSES_TELL]
    return 1


def accumulate(address: Any, _: int) -> int:
    """Let the next result arrive, where no stand-still is unknown that could put it off; 0 while one is, or it has no room yet."""
    rows = rows_at(address)
    p, s, v = program_at(rows), state_at(rows), wave_at(rows)
    until = next_freeze(p, s, v, due_at(p, s, v)) if p.machine[FREEZES] != 0 else FOREVER
    return int(call(rows, ARRIVE, until) == 1)
