"""What repeats itself: the state of an array relative to a cycle, and how whole periods of it are skipped.

If the state relative to now is the same as at an earlier iteration of a loop, and what follows are the same
transactions, then the periods to come only differ from the last one by a shift in time. Nothing is estimated:
clocks are shifted, cursors advanced, and counters grow by whole multiples of what one period added.
"""

from typing import Any

from simulator.kernels._jit import stage
from simulator.kernels.nest import parts_of, trips
from simulator.kernels.tables import (
    A, ACC_TILE, AGAIN, AT_TILE, AT_WORD, BLOCK, BLOCK_END, BLOCK_OF, BLOCK_START, BUFFER_PORT, CLOCK, CURSORS, DONE,
    ENDED, FIFO, FIRST, FIRST_BACK, FIRST_PART, FOREVER, GROUPS, HAS_PSUM, HEAD_ASKED, HEAD_KNOWN, HELD, I,
    IDLE_TILES, JUMP_CYCLES, JUMP_LOG, JUMP_SERIES, JUMP_STEP, JUMP_TIMES, KIND, KIND_OF, KNOWN, KNOWN_BASE,
    KNOWN_LENGTH, KNOWN_LOG, LAST_ACC, LAST_ENTRY, LAST_GRANT, LAST_ROW, LAST_START, LAST_WAITS, LEAVE, LEFT_KIND, LOGGED,
    MAC_KIND, MAC_TILE, MODE, NEW_I, NEW_O, NEW_W, ODD_FIRST, ODD_LAST, OPEN_TILES, OUT_FINISH, OUT_FIRST, OUT_LAST, OUT_READY, PART_COUNT,
    PART_MASK, PASS_KIND, PIN, PLACE_FROM, PLACE_MOVES, PORT_MODE, POUT, Past, Program, RELEASED, REPEATED, REUSED, ROOT, ROUND_ROBIN, ROWS_IN, SEEN,
    SENT, SERIES, SHARED_ADDER, SLICE_CAUSE, SLICE_LENGTH, SLICE_NAME, SLICE_PE, SLICE_PERIOD, SLICE_START,
    STATIONARY, STEADY_LOOP, STEP, STILLS, STREAMS, SYSTOLIC, State, TAKEN, TICKS, TILES, TILES_AHEAD, TILES_IN, TILES_PLACED, TILE_BASE, TILE_KIND, TO_OPEN, TRACED,
    TRACING, TRIES, W, WEIGHT, WHICH, WORDS, Wave,
)  # fmt: skip
from simulator.kernels.wave import first_still_after, later, leaves
from simulator.kernels.rows import PICTURE, REACH, SKIP
from simulator.kernels.views import call, log_at, past_at, program_at, rows_at, state_at, wave_at
from simulator.kernels.windows import bin_repeats, can_repeat

MOST_TRIES = 64
"""How often a loop inside a pass is looked at before it is left alone until the next pass."""
SHORT_TRIES = 32
"""Up to here every fourth state is compared with those that follow, then that after twice as many."""


@stage
def since(time: int, base: int, low: int) -> int:
    """A time relative to ``base``; what is before ``low`` is past for everybody, and all the same."""
    return min(max(time, low) - base, FOREVER >> 1)


@stage
def past_of(p: Program, s: State) -> int:
    """The cycle before which everything is past for everybody: no PE still has to account for it."""
    low = s.scalars[LAST_START] // p.machine[TICKS]
    for pe in range(s.pe.shape[1]):
        low = min(low, s.pe[CLOCK, pe])
    return int(low)


@stage
def put_marks(out: A, n: int, until: A, cause: A, base: int, low: int) -> int:
    """Write where something was before: only what lasts beyond ``low`` matters."""
    at = n
    n += 1
    for i in range(until.shape[0]):
        if cause[i] < 0:
            break
        if until[i] > low:
            out[n], out[n + 1] = since(until[i], base, low), cause[i]
            n += 2
            if until[i] > FOREVER >> 1:
                break
    out[at] = n - at
    return n


@stage
def shares(p: Program, stream: int, mode: int) -> int:
    """Whether a stream shares a port that is given away in the order ``mode``."""
    found = 0
    for k in range(2):
        port = p.stream[stream, BUFFER_PORT + k]
        if port >= 0 and p.port[port, PORT_MODE] == mode:
            for other in range(STREAMS):
                for m in range(2):
                    found |= other != stream and p.stream[other, BUFFER_PORT + m] == port
    return int(found)


@stage
def asked_before(p: Program, s: State, stream: int, low: int) -> int:
    """``low``, or when a stream's next transaction asked for a port that goes by that, if it was earlier."""
    if s.heads[stream, HEAD_KNOWN] != 0 and s.heads[stream, HEAD_ASKED] < low and shares(p, stream, FIFO) != 0:
        return int(s.heads[stream, HEAD_ASKED])
    return low


@stage
def first_hot(p: Program, s: State, low: int) -> int:
    """The first output tile whose write back does not end before ``low``; -1 if it is no longer known."""
    low, ring = asked_before(p, s, PIN, low), s.tile.shape[1]
    tile, oldest_known = s.stream[POUT, DONE], max(0, s.stream[PIN, DONE] - ring + 1)
    while tile > 0 and s.leaving[OUT_FINISH, (tile - 1) % ring] >= low:
        tile -= 1
        if tile < oldest_known:
            return -1
    return int(tile)


@stage
def first_recent(p: Program, s: State, stream: int, low: int) -> int:
    """The first tile ahead of a stream that came in ``low`` or later; those before it have been there for everybody."""
    low = asked_before(p, s, stream, low)
    tile, tiles = s.stream[stream, TILES], s.tile_time.shape[1]
    while tile > s.stream[stream, AT_TILE] and s.tile_time[stream, (tile - 1) % tiles] >= low:
        tile -= 1
    return int(tile)


@stage
def put_stream(p: Program, s: State, stream: int, out: A, n: int, base: int, low: int) -> int:
    """Write one stream: its place, its room, the tiles that wait for it, its last words."""
    c, ring, tiles = s.stream[stream], s.release_time.shape[1], s.tile_time.shape[1]
    out[n], out[n + 1], out[n + 2], out[n + 3] = c[KIND], c[MODE], c[FIRST], c[AGAIN]
    out[n + 4], out[n + 5], out[n + 6], out[n + 7] = c[AT_WORD], c[LEAVE], c[ENDED], c[HELD]
    rank, waits = 0, s.heads[stream, HEAD_KNOWN] * shares(p, stream, FIFO)
    if shares(p, stream, ROUND_ROBIN) != 0:
        for other in range(STREAMS):
            rank += s.stream[other, LAST_GRANT] < c[LAST_GRANT]
    out[n + 8], out[n + 9] = rank, waits * (s.heads[stream, HEAD_ASKED] - base)
    out[n + 10], out[n + 11] = min(c[TILES] - c[AT_TILE], 1), c[RELEASED] - c[REUSED]
    out[n + 12], out[n + 13] = since(s.finish[stream], base, low), since(s.sent[stream], base, low)
    freed = s.release_words[stream, (c[REUSED] - 1) % ring] if c[REUSED] > 0 else 0
    out[n + 14] = c[SENT] - freed
    out[n + 15] = since(s.release_time[stream, (c[REUSED] - 1) % ring], base, low) if c[REUSED] > 0 else 0
    n += 16
    for i in range(c[REUSED], c[RELEASED]):
        out[n], out[n + 1] = since(s.release_time[stream, i % ring], base, low), s.release_words[stream, i % ring] - freed
        n += 2
    for tile in range(first_recent(p, s, stream, low), c[TILES]):
        out[n], out[n + 1] = c[TILES] - tile, since(s.tile_time[stream, tile % tiles], base, low)
        n = put_marks(out, n + 2, s.tile_until[stream, tile % tiles], s.tile_cause[stream, tile % tiles], base, low)
    return n


@stage
def put_delivery(p: Program, s: State, stream: int, delivery: int, out: A, n: int, base: int, low: int) -> int:
    """Write when the words of a delivery are there and which decide that, its parts, and where each of them was."""
    slot = delivery % s.come.shape[1]
    which, part = s.delivery[stream, slot, WHICH], s.delivery[stream, slot, FIRST_PART]
    for group in range(p.delivery[which, GROUPS]):
        come = s.come[stream, slot, group]
        out[n] = since(come, base, low)
        n += 1
        if come > low:
            out[n], out[n + 1] = s.late_part[stream, slot, group], s.late_use[stream, slot, group]
            n += 2
    at = n
    n += 1
    while part < s.stream[stream, PART_COUNT]:
        row = part % s.part.shape[1]
        out[n] = s.part[stream, row]
        n = put_marks(out, n + 1, s.until[stream, row], s.cause[stream, row], base, low)
        part += 1
        if s.part[stream, row] >= p.delivery[which, WORDS]:
            break
    out[at] = n - at
    return n


@stage
def put_pes(p: Program, s: State, out: A, n: int, base: int, low: int) -> int:
    """Write the PEs' clocks and their open output tiles."""
    q, slots = s.scalars, p.machine[OPEN_TILES]
    for pe in range(s.pe.shape[1]):
        out[n] = since(s.pe[CLOCK, pe], base, low)
        out[n + 1] = since(s.pe[LAST_ACC, pe], base, low)
        out[n + 2] = since(s.pe[ROOT, pe], base, low)
        n += 3
    if p.machine[SHARED_ADDER] == 0:
        for tile in range(q[MAC_TILE], q[MAC_TILE] + slots):
            out[n] = s.open_kind[tile % slots]
            n += 1
            for pe in range(s.pe.shape[1]):
                out[n + pe] = max(s.slot_tile[tile % slots, pe] - q[MAC_TILE], -1 - slots - p.machine[IDLE_TILES])
            n += s.pe.shape[1]
            for row in range(4):
                for pe in range(s.pe.shape[1]):
                    out[n + pe] = since(s.slot[row, tile % slots, pe], base, low)
                n += s.pe.shape[1]
    elif q[MAC_TILE] > q[ACC_TILE]:
        out[n] = s.open_kind[q[ACC_TILE] % slots]
        n += 1
    return n


@stage
def oldest_tile(p: Program, s: State) -> int:
    """The oldest output tile whose psums somebody may still wait for."""
    q = s.scalars
    return int(max(min(q[ACC_TILE], q[MAC_TILE] - p.machine[OPEN_TILES] - p.machine[IDLE_TILES]), 0))


@stage
def put_tiles(p: Program, s: State, hot: int, out: A, n: int, base: int, low: int) -> int:
    """Write the output tiles between their first psum and the end of their write back."""
    q, ring = s.scalars, s.tile.shape[1]
    back = p.machine[FIRST_BACK]
    done_in, done_out = s.stream[PIN, DONE], s.stream[POUT, DONE]
    for tile in range(hot, done_in):
        block = s.tile[BLOCK_OF, tile % ring]
        out[n], out[n + 1] = block - s.stream[PIN, BLOCK], tile - done_out
        n += 2
        if tile < done_out:
            out[n], out[n + 1] = since(s.block_time[block, BLOCK_START], base, low), since(s.block_time[block, BLOCK_END], base, low)
            n += 2
    oldest = oldest_tile(p, s)
    for tile in range(oldest, done_in):
        out[n], out[n + 1] = s.tile[HAS_PSUM, tile % ring], s.tile[KIND_OF, tile % ring] if tile < q[ACC_TILE] else -1
        n += 2
    out[n] = since(s.passed[0], base, low)
    n += 1
    for tile in range(max(done_in - TILES_AHEAD, 0), q[MAC_TILE if p.machine[SYSTOLIC] != 0 else ACC_TILE]):
        out[n] = since(s.leaving[TAKEN, tile % ring], base, low)
        n += 1
    for tile in range(done_out, q[ACC_TILE]):
        out[n] = since(s.leaving[OUT_READY, tile % ring], base, low)
        n += 1
    for tile in range(max(oldest - back, 0), done_out):
        out[n], out[n + 1] = since(s.leaving[OUT_FINISH, tile % ring], base, low), since(s.leaving[OUT_FIRST, tile % ring], base, low)
        out[n + 2] = since(s.leaving[OUT_LAST, tile % ring], base, low)
        row = tile % s.part.shape[1]
        n = put_marks(out, n + 3, s.until[POUT, row], s.cause[POUT, row], base, low)
    return n


@stage
def put_wave(p: Program, s: State, v: Wave, out: A, n: int, base: int, low: int) -> int:
    """Write what a systolic array has under way: results, rows of the next tile, and when it stands still."""
    q, ring, stays = s.scalars, v.still_at.shape[0], p.machine[STATIONARY]
    out[n], out[n + 1] = v.wave[LAST_ENTRY] - base, 0
    if p.machine[LAST_WAITS] != 0 and q[MAC_TILE] > 0:
        out[n + 1] = since(later(v, v.entry[(q[MAC_TILE] - 1) % v.entry.shape[0]], p.machine[LAST_WAITS]), base, low)
    n += 2
    if stays != POUT:
        begun, ahead = v.array[ROWS_IN], v.array[TILES_IN] - s.stream[stays, SEEN]
        out[n], out[n + 1], out[n + 2] = begun, ahead, v.array[TILES_PLACED] - v.array[TILES_IN]
        place = later(v, v.wave[PLACE_FROM], p.dying[q[TILE_KIND], PLACE_MOVES])
        out[n + 3], out[n + 4] = since(place, base, low), since(v.wave[LAST_ROW], base, low - 1)
        n += 5
        for row in range(v.row_in.shape[0] if ahead > 0 else begun):
            out[n] = since(v.row_in[row], base, low - 1)
            n += 1
    for tile in range(q[ACC_TILE], q[MAC_TILE]):
        out[n] = since(leaves(p, s, v, tile), base, low)
        n += 1
    out[n] = since(s.leaving[OUT_READY, (q[ACC_TILE] - 1) % s.leaving.shape[1]], base, low) if q[ACC_TILE] > 0 else 0
    n += 1
    at = n
    n += 1
    for number in range(first_still_after(v, low), v.array[STILLS]):
        out[n], out[n + 1] = since(v.still_at[number % ring], base, low), since(v.still_at[number % ring] + v.still[number % ring, 0], base, low)
        out[n + 2] = v.still[number % ring, 1] - s.stream[POUT, DONE] if v.still[number % ring, 1] >= 0 else FOREVER
        n += 3
    out[at] = n - at
    return n


@stage
def room_for_wave(s: State, v: Wave, low: int) -> int:
    """No fewer numbers than `put_wave` writes."""
    return int(16 + v.row_in.shape[0] + s.scalars[MAC_TILE] - s.scalars[ACC_TILE] + 3 * (v.array[STILLS] - first_still_after(v, low)))


@stage
def room_for(p: Program, s: State, hot: int) -> int:
    """No fewer numbers than `picture` writes."""
    tiles, entries, marks, pes = p.machine[OPEN_TILES] + p.machine[IDLE_TILES] + p.machine[FIRST_BACK] + 2, 0, 0, s.pe.shape[1]
    for stream in range(STREAMS):
        c = s.stream[stream]
        entries += c[RELEASED] - c[REUSED] + 16
        marks += min(max(c[TILES] - c[AT_TILE], 0), s.tile_time.shape[1])
    psums = s.stream[PIN, DONE] - s.stream[POUT, DONE] + tiles
    deliveries = s.stream[W, DONE] - s.stream[W, SEEN] + s.stream[I, DONE] - s.stream[I, SEEN] + psums + 4
    marks += 2 * psums + 2 * (s.stream[PIN, DONE] - hot)
    for stream in range(POUT):
        marks += min(s.stream[stream, PART_COUNT], s.part.shape[1])
    per_pe = 3 + 5 * p.machine[OPEN_TILES] * (1 - p.machine[SHARED_ADDER])
    longest = 2 * max(s.until.shape[2], s.tile_until.shape[2]) + 4
    return int(64 + 4 * entries + marks * longest + deliveries * (4 + 3 * s.come.shape[2]) + per_pe * pes + 2 * s.port_free.shape[0])


def picture(address: Any, base: int) -> int:
    """Write all that decides the future, relative to cycle ``base``, to ``h.picture``; its length, -1 if it is too long."""
    rows = rows_at(address)
    p, s, h = program_at(rows), state_at(rows), past_at(rows)
    q, out, n, low = s.scalars, h.picture, 0, min(base, past_of(p, s))
    hot, done_out = first_hot(p, s, low), s.stream[POUT, DONE]
    room = 0 if hot < 0 else room_for(p, s, hot) + (room_for_wave(s, wave_at(rows), low) if p.machine[SYSTOLIC] != 0 else 0)
    if hot < 0 or room > out.shape[0]:
        return -1
    out[0], out[1], out[2], out[3] = q[MAC_TILE] - done_out, q[ACC_TILE] - done_out, s.stream[PIN, DONE] - done_out, hot - done_out
    out[4], out[5], out[6], out[7] = q[NEW_W], q[NEW_I], q[NEW_O], q[TO_OPEN]
    out[8], out[9], out[10], out[11] = q[TILE_KIND], q[PASS_KIND], q[LEFT_KIND], q[MAC_KIND]
    n = 12
    for port in range(s.port_free.shape[0]):
        out[n] = max(s.port_free[port], low * p.machine[TICKS]) - base * p.machine[TICKS]
        n += 1
    for stream in range(STREAMS):
        n = put_stream(p, s, stream, out, n, base, low)
    n = put_tiles(p, s, hot, out, n, base, low)
    n = put_pes(p, s, out, n, base, low)
    if p.machine[SYSTOLIC] != 0:
        n = put_wave(p, s, wave_at(rows), out, n, base, low)
    for stream in range(POUT):
        c = s.stream[stream]
        first, last = oldest_tile(p, s) if stream == PIN else c[SEEN], c[DONE] + (c[AT_WORD] > 0)
        out[n] = last - first
        n += 1
        for delivery in range(first, last):
            if stream != PIN or delivery == c[DONE] or s.tile[HAS_PSUM, delivery % s.tile.shape[1]] != 0:
                n = put_delivery(p, s, stream, delivery, out, n, base, low)
    return n


@stage
def moves(s: State, h: Past, loop: int) -> int:
    """By how many iterations of ``loop`` the cursors have moved since ``h.known_digit``; 0 unless all those that moved agree."""
    found = 0
    for cursor in range(CURSORS):
        for i in range(s.digit.shape[1]):
            step = s.digit[cursor, i] - h.known_digit[cursor, i]
            if step != 0:
                if i != loop or found not in (0, step):
                    return 0
                found = step
    return max(found, 0)


@stage
def horizon(p: Program, s: State, h: Past, loop: int, step: int) -> int:
    """How many periods of ``step`` iterations of ``loop`` lie between here and its end, or its last iteration where that is odd."""
    most, low = FOREVER, past_of(p, s)
    for stream in range(STREAMS):
        far, come = s.stream[stream, AT_TILE] - h.known_tile[stream, 0], s.stream[stream, TILES] - h.known_tile[stream, 1]
        if far != come:  # only tiles that have been there all the time may be used up
            if come != 0 or far < 0:
                return 0
            most = min(most, (first_recent(p, s, stream, low) - 1 - s.stream[stream, AT_TILE]) // far - 1)
    for cursor in range(CURSORS):
        if s.digit[cursor, loop] == h.known_digit[cursor, loop]:
            continue
        if h.known_digit[cursor, loop] < p.nest[loop, ODD_FIRST]:
            return 0
        odd = p.nest[loop, ODD_LAST] != 0 or s.extent[cursor, loop] % p.nest[loop, STEP] != 0
        most = min(most, (trips(p, s, cursor, loop) - 1 - odd - s.digit[cursor, loop]) // step)
    return max(most, 0)


def reach(address: Any, loop: int) -> int:
    """How many periods since ``h.known_digit`` can be skipped; ``h.jump`` gets by how many iterations of ``loop`` each of them goes on."""
    rows = rows_at(address)
    p, s, h = program_at(rows), state_at(rows), past_at(rows)
    h.jump[JUMP_STEP] = moves(s, h, loop)
    return horizon(p, s, h, loop, h.jump[JUMP_STEP]) if h.jump[JUMP_STEP] > 0 else 0


@stage
def shift_blocks(p: Program, s: State, h: Past, blocks: int, cycles: int, low: int) -> None:
    """Give the recent writes of psums to the blocks that stand there after a skip."""
    ring, done_out = s.tile.shape[1], s.stream[POUT, DONE]
    hot = first_hot(p, s, low)
    for tile in range(hot, s.stream[PIN, DONE]):
        s.block_visit[s.tile[BLOCK_OF, tile % ring]] = -1
    times = h.picture  # scratch: the old blocks are read before the new ones are written
    for tile in range(hot, done_out):
        block = s.tile[BLOCK_OF, tile % ring]
        times[2 * (tile - hot)], times[2 * (tile - hot) + 1] = s.block_time[block, BLOCK_START], s.block_time[block, BLOCK_END]
    for tile in range(hot, s.stream[PIN, DONE]):
        block = s.tile[BLOCK_OF, tile % ring] + blocks
        s.tile[BLOCK_OF, tile % ring] = block
        s.block_visit[block] = tile
        if tile < done_out:
            s.block_time[block, BLOCK_START] = times[2 * (tile - hot)] + cycles
            s.block_time[block, BLOCK_END] = times[2 * (tile - hot) + 1] + cycles


@stage
def shift_rows(p: Program, s: State, pause: int, low: int) -> None:
    """Put off what is in rings: tiles that have just come, deliveries that are not used up, results that may hold up others."""
    parts, tiles = s.part.shape[1], s.tile_time.shape[1]
    for stream in range(STREAMS):
        c = s.stream[stream]
        for tile in range(first_recent(p, s, stream, low), c[TILES]):
            s.tile_time[stream, tile % tiles] += pause
            for i in range(s.tile_until.shape[2]):
                s.tile_until[stream, tile % tiles, i] += pause
        first, last = oldest_tile(p, s) if stream >= PIN else c[SEEN], c[DONE]
        if stream == POUT:
            first = max(first - p.machine[FIRST_BACK], 0)
        else:
            for delivery in range(first, last + 1):
                for group in range(s.come.shape[2]):
                    s.come[stream, delivery % s.come.shape[1], group] += pause
            first, last = first_part(s, stream, first, last), c[PART_COUNT]
        for row in range(first, last):
            for i in range(s.until.shape[2]):
                s.until[stream, row % parts, i] += pause


@stage
def first_part(s: State, stream: int, first: int, last: int) -> int:
    """The first part of the deliveries from ``first`` up to ``last``, the one under way; none that is past where there are none."""
    for delivery in range(first, last + (s.stream[stream, AT_WORD] > 0)):
        if stream != PIN or delivery == last or s.tile[HAS_PSUM, delivery % s.tile.shape[1]] != 0:
            return int(s.delivery[stream, delivery % s.delivery.shape[1], FIRST_PART])
    return int(s.stream[stream, PART_COUNT])


@stage
def note_repeat(s: State, cycles: int, times: int) -> None:
    """Write down that what every PE did in the last ``cycles`` repeats, if somebody traces."""
    if s.scalars[TRACING] == 0:
        return
    for pe in range(s.pe.shape[1]):
        row = s.slices[s.scalars[TRACED]]
        row[SLICE_PE], row[SLICE_NAME], row[SLICE_CAUSE], row[SLICE_PERIOD] = pe, REPEATED, -1, cycles
        row[SLICE_START], row[SLICE_LENGTH] = s.pe[CLOCK, pe], cycles * times
        s.scalars[TRACED] += 1


def skip(address: Any, loop: int) -> int:
    """Skip what ``h.jump`` says of ``loop``: periods of iterations, cycles each, as since ``h.known_tally``; 0 if the log forgot them."""
    rows = rows_at(address)
    p, s, h = program_at(rows), state_at(rows), past_at(rows)
    step, cycles, log_start, times = h.jump[JUMP_STEP], h.jump[JUMP_CYCLES], h.jump[JUMP_LOG], h.jump[JUMP_TIMES]
    log_end, ticks = s.scalars[LOGGED], p.machine[TICKS]
    if not can_repeat(log_at(rows).log, log_start, log_end, cycles * ticks, h.jump[JUMP_SERIES]):
        return 0
    low, pause = past_of(p, s), times * cycles
    note_repeat(s, cycles, times)
    bin_repeats(rows, log_start, log_end, cycles * ticks, times, h.jump[JUMP_SERIES])
    moved_out = s.digit[POUT, loop] != h.known_digit[POUT, loop]
    blocks = p.nest[loop, WEIGHT] * step * times if moved_out else 0
    shift_blocks(p, s, h, blocks, pause, low)
    shift_rows(p, s, pause, low)
    for cursor in range(CURSORS):
        if s.digit[cursor, loop] != h.known_digit[cursor, loop]:
            s.digit[cursor, loop] += step * times
            if cursor < STREAMS and s.stream[cursor, TILES] == h.known_tile[cursor, 1]:
                s.stream[cursor, AT_TILE] += times * (s.stream[cursor, AT_TILE] - h.known_tile[cursor, 0])
            elif cursor < STREAMS and (p.stream[cursor, PART_MASK] >> loop) & 1 != 0:
                parts = parts_of(p, s, cursor, loop)  # tiles are counted as they come, whatever is skipped
                s.stream[cursor, TILE_BASE] -= parts * step * times
    if moved_out:
        s.stream[PIN, BLOCK] += blocks
        s.stream[POUT, BLOCK] += blocks
    for i in range(h.times.shape[0]):
        h.times[i] += pause
    for port in range(s.port_free.shape[0]):
        s.port_free[port] += pause * ticks
    s.scalars[LAST_START] += pause * ticks
    for i in range(h.tally.shape[0]):
        h.tally[i] += times * (h.tally[i] - h.known_tally[i])
    s.scalars[KNOWN] = s.scalars[TRIES] = 0
    return 1


@stage
def remember(p: Program, s: State, h: Past, length: int) -> None:
    """Write down where this state, whose picture is in ``h.known``, is in time and in the nest."""
    q = s.scalars
    for i in range(h.tally.shape[0]):
        h.known_tally[i] = h.tally[i]
    for stream in range(STREAMS):
        h.known_tile[stream, 0], h.known_tile[stream, 1] = s.stream[stream, AT_TILE], s.stream[stream, TILES]
    for cursor in range(CURSORS):
        for i in range(s.digit.shape[1]):
            h.known_digit[cursor, i] = s.digit[cursor, i]
    q[KNOWN], q[KNOWN_LENGTH], q[KNOWN_BASE], q[KNOWN_LOG] = 1, length, q[LAST_START] // p.machine[TICKS], q[LOGGED]


def look_back(address: Any, limit: int) -> int:
    """At a turn of the steady loop: skip what repeats up to ``limit`` (ticks), or remember this state to compare with. 1 if it skipped."""
    rows = rows_at(address)
    p, s, h = program_at(rows), state_at(rows), past_at(rows)
    q = s.scalars
    base = q[LAST_START] // p.machine[TICKS]
    if q[KNOWN] != 0 and limit - q[LAST_START] <= (base - q[KNOWN_BASE]) * p.machine[TICKS]:
        return 0  # nothing that has begun since then can end once more before the limit
    n = call(rows, PICTURE, base) if q[TRIES] < MOST_TRIES else -1
    if n < 0:
        return 0
    if q[KNOWN] != 0 and n == q[KNOWN_LENGTH]:
        same = True
        for i in range(n):
            if h.picture[i] != h.known[i]:
                same = False
                break
        loop, cycles = p.machine[STEADY_LOOP], base - q[KNOWN_BASE]
        times = call(rows, REACH, loop) if same and cycles > 0 else 0
        if same and cycles > 0 and h.jump[JUMP_STEP] > 0:
            times = min(times, (limit - 1 - q[LAST_START]) // (cycles * p.machine[TICKS]))
            if times > 0:
                h.jump[JUMP_CYCLES], h.jump[JUMP_LOG], h.jump[JUMP_TIMES], h.jump[JUMP_SERIES] = cycles, q[KNOWN_LOG], times, SERIES
                if call(rows, SKIP, loop) != 0:
                    remember(p, s, h, n)  # the state is still the known one, only later
                    return 1
                return 0
            q[TRIES] = 0  # something else has come meanwhile: compare with this state from now on
    q[TRIES] += 1
    if q[TRIES] & 3 == 0 if 2 < q[TRIES] < SHORT_TRIES else q[TRIES] & (q[TRIES] - 1) == 0:
        for i in range(n):
            h.known[i] = h.picture[i]
        remember(p, s, h, n)
    return 0
