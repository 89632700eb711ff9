"""The joint kernel of a spatial array: its PEs, scratchpads, psum chains and the ports that feed it.

Four streams move words between buffers and PEs: weights, inputs, incoming psums and outgoing psums. All of them,
and the MACs, walk the same loop nest, each as far ahead of the others as room and data allow. A stream serves the
steps at which its tile in the scratchpads changes; what it moves for one step is a transaction. It leaves when
its tile is resident, every destination has room and its ports are free. Transactions are granted in the order
of their start times, so ports may be shared; everything inside PEs follows by maxima over earlier times.

Times of ports are in ticks (1 / ``ticks`` cycle, one unit for all rates of a machine, so that all are
integers); everything else is in cycles. All mutable state is in `State`.
"""

from typing import Any

from simulator.kernels._jit import stage
from simulator.kernels.nest import ceil_div, kind_at, next_turn, part_at, parts_inside, trips, turn
from simulator.kernels.stationary import may_enter
from simulator.kernels.tables import (
    A, ACCUMULATE, ACC_END, ACC_IN, ACC_TILE, AGAIN, ARRAY_CAUSE, AT_LIMIT, AT_TILE, AT_WORD, BARRIER, BETWEEN, BINNED, BLOCK, BLOCKED,
    BLOCK_END, BLOCK_OF, BLOCK_START, BUFFER_PORT, BUSY, CAPACITY, CLOCK, COPIED, CROSSED, CYCLES, DELIVERIES, DEPTH,
    DONE, DOWN, ENDED, END_NEED, EVENTS, EXTRA_LATENCY, FIFO, FIRST, FIRST_BACK, FIRST_GROUP, FIRST_NEED, FIRST_PART,
    FIRST_USE, FIRST_WORDS, FOREVER, FULL, GRANTS, GROUPS, HAS_PSUM, HEAD_ASKED, HEAD_DELIVERY, HEAD_KNOWN, HEAD_READY,
    HEAD_START, HEAD_WORDS, HELD, HORIZON, I, IMBALANCE, KIND, KIND_OF, KNOWN, LAST_ACC, LAST_GRANT, LAST_START, LAST_WORDS,
    LATENCY, LEAVE, LEAVING_TILES, LEFT_KIND, LINK_LATENCY, LINK_TICKS, LOGGED, LOG_ROWS, LOOKS_AHEAD, LOOPS, MAC, MACS, MACS_DONE,
    MAC_END, MAC_KIND, MAC_TILE, MODE, MOST, MOST_TRACED, MOVED, NETWORK_PORT, NEW_I, NEW_O, NEW_W, OPEN_TILES, ORDER,
    OUTSIDE, OUTSIDE_UNTIL, OUT_FINISH, OUT_FIRST, OUT_LAST, OUT_READY, OUT_WORDS, PART, PART_COUNT, PART_MASK,
    PASSED, PASSES_TELL, PASS_BEGINS, PASS_KIND, PIN, PIPELINE, PORT_CAUSE, PORT_MODE, PORT_RANK, PORT_TICKS, POSITION, POUT,
    PREFIX, Program, REDUCTION_MASK, RELEASED, RELEVANT, REUSED, ROOT, ROUND_ROBIN, SEEN, SENT, SHARED_ADDER,
    SLICE_CAUSE, SLICE_LENGTH, SLICE_NAME, SLICE_PE, SLICE_START, SLIDE, SPLIT, STARTED, STATIONARY, STEADY_LOOP, STREAMS,
    S_INPUT, S_OUTPUT, S_PSUM, S_WEIGHT, SYSTOLIC, State, TAKEN, TICKS, TILES, TILES_AHEAD, TILE_BASE, TILE_KIND, TILE_MASK,
    TO_OPEN, TRACED, TRACING, TRIES, TURNED, UNMAPPED, UP, W, WEIGHT, WHICH, WHOLE, WORDS, ZEROS_COME_IN,
)  # fmt: skip
from simulator.kernels.rows import ACCUMULATE_TILE, COMPUTE, FILL_WINDOWS, GRANT, LOOK_BACK, SETTLE
from simulator.kernels.views import Rows, call, log_at, program_at, rows_at, state_at, wave_at
from simulator.kernels.windows import log_row


@stage
def quick_ceil_div(a: int, b: int, inverse: float) -> int:
    """`ceil_div` for a >= 0 by multiplying with ``inverse`` = 1 / b; exact, the guess is put right."""
    guess = int(a * inverse)
    while guess * b < a:
        guess += 1
    while (guess - 1) * b >= a:
        guess -= 1
    return guess


@stage
def note_slice(s: State, pe: int, name: int, cause: int, start: int, length: int) -> None:
    """Write down what a PE does from cycle ``start`` on, if somebody traces."""
    if s.scalars[TRACING] != 0 and length > 0:
        row = s.slices[s.scalars[TRACED]]
        row[SLICE_PE], row[SLICE_NAME], row[SLICE_CAUSE], row[SLICE_START], row[SLICE_LENGTH] = pe, name, cause, start, length
        s.scalars[TRACED] += 1


@stage
def blame(s: State, pe: int, name: int, until: A, cause: A, start: int, end: int, early: int) -> None:
    """Add the cycles [start, end) to a PE's stalls by causes, each of which holds until its time; the last one for ever.

    The PE waits ``early`` cycles before that.
    """
    t = start
    for i in range(until.shape[0]):
        if t >= end:
            return
        if until[i] > t:
            upto = min(until[i], end)
            s.causes[name - S_WEIGHT, cause[i]] += upto - t
            note_slice(s, pe, name, cause[i], t - early, upto - t)
            t = until[i]


@stage
def blame_array(p: Program, s: State, pe: int, name: int, start: int, end: int) -> None:
    """Add the cycles [start, end) to a PE's stalls because of the array itself."""
    s.causes[name - S_WEIGHT, p.machine[ARRAY_CAUSE]] += end - start
    note_slice(s, pe, name, p.machine[ARRAY_CAUSE], start, end - start)


@stage
def is_last_use(p: Program, s: State, stream: int) -> bool:
    """Whether no later pass uses a stream's tile, or its part of one, before that would be fetched again."""
    outside, depth = p.stream[stream, OUTSIDE], min(p.stream[stream, DEPTH], p.machine[SPLIT])
    for loop in range(outside, depth):
        if (p.stream[stream, PART_MASK] >> loop) & 1 == 0 and s.digit[stream, loop] + 1 < trips(p, s, stream, loop):
            return False
    for loop in range(min(outside, depth) - 1, -1, -1):
        if (p.stream[stream, TILE_MASK] >> loop) & 1 != 0:
            if trips(p, s, stream, loop) > 1:
                return True
        elif s.digit[stream, loop] + 1 < trips(p, s, stream, loop):
            return False
    return True


@stage
def note_psum_block(p: Program, s: State, stream: int) -> None:
    """Which psums the step where a stream is begins with: the block's number, whether they are the first, or were here before."""
    c, block, first = s.stream[stream], 0, 1
    for loop in range(p.stream[stream, DEPTH]):
        block += s.digit[stream, loop] * p.nest[loop, WEIGHT]
        if (p.machine[REDUCTION_MASK] >> loop) & 1 != 0 and s.digit[stream, loop] != 0:
            first = 0
    c[BLOCK], c[FIRST], c[AGAIN] = block, first, 0
    if first != 0:
        return
    for loop in range(p.stream[stream, DEPTH] - 1, -1, -1):
        if (p.stream[stream, TILE_MASK] >> loop) & 1 != 0 and trips(p, s, stream, loop) > 1:
            return
        if (p.machine[REDUCTION_MASK] >> loop) & 1 != 0 and s.digit[stream, loop] != 0:
            c[AGAIN] = 1
            return


def settle(address: Any, stream: int) -> int:
    """Behind a transaction that is done, go on to the next step at which the stream's tile changes.

    Tiles that the stream is through with are reported; psums that start at zero are passed over.
    """
    rows = rows_at(address)
    p, s = program_at(rows), state_at(rows)
    c, depth, ring = s.stream[stream], p.stream[stream, DEPTH], s.tile.shape[1]
    while True:
        while c[LEAVE] != 0:
            loop = next_turn(p, s, stream, depth)
            if loop < p.machine[SPLIT] and stream != PIN and is_last_use(p, s, stream):
                s.events[s.scalars[EVENTS], 0] = stream
                s.events[s.scalars[EVENTS], 1] = s.finish[stream]
                s.scalars[EVENTS] += 1
                s.scalars[KNOWN] = s.scalars[TRIES] = 0
            if loop < 0:
                c[LEAVE], c[ENDED] = 0, 1
                return 0
            tile = parts_inside(p, s, stream, p.stream[stream, OUTSIDE], -2)
            changed = turn(p, s, stream, loop, depth)
            if changed & p.stream[stream, TILE_MASK] != 0:
                c[TILE_BASE] += tile
            if changed & p.stream[stream, RELEVANT] != 0:
                c[AT_TILE] = c[TILE_BASE] + part_at(p, s, stream)
                c[KIND] = kind_at(p, s, stream)
                c[MODE] = 2 if stream == I and loop == p.machine[SLIDE] and changed & p.stream[I, RELEVANT] == 1 << loop else 1
                if stream >= PIN:
                    note_psum_block(p, s, stream)
                c[LEAVE] = 0
        if stream != PIN or c[ENDED] != 0 or c[FIRST] == 0 or p.machine[ZEROS_COME_IN] != 0:
            return 0
        if c[DONE] - s.scalars[MAC_TILE if p.machine[SYSTOLIC] != 0 else ACC_TILE] >= TILES_AHEAD:
            return 0  # goes on when the adders have
        if c[DONE] >= TILES_AHEAD:
            s.passed[0] = max(s.passed[0], s.leaving[TAKEN, (c[DONE] - TILES_AHEAD) % ring])
        visit_block(s, 0)
        c[LEAVE] = 1


@stage
def visit_block(s: State, has_psum: int) -> None:
    """The psums of the next output tile are there, or start at zero."""
    c, slot = s.stream[PIN], s.stream[PIN, DONE] % s.tile.shape[1]
    s.tile[HAS_PSUM, slot], s.tile[BLOCK_OF, slot] = has_psum, c[BLOCK]
    s.block_visit[c[BLOCK]] = c[DONE]
    c[DONE] += 1


@stage
def head_of(p: Program, s: State, stream: int) -> bool:
    """Whether a stream's next transaction can be timed; if so it stands in ``s.heads``."""
    c, out = s.stream[stream], s.heads[stream]
    out[HEAD_KNOWN] = 0
    if c[ENDED] != 0 or c[LEAVE] != 0 or c[AT_TILE] >= c[TILES]:
        return False
    room = 0
    if stream == POUT:
        if c[DONE] >= s.scalars[ACC_TILE]:
            return False
        delivery = DELIVERIES * c[KIND] + 4
        room = s.leaving[OUT_READY, c[DONE] % s.leaving.shape[1]]
    elif stream == PIN:
        if c[FIRST] != 0 and p.machine[ZEROS_COME_IN] == 0:
            return False
        delivery, room = DELIVERIES * c[KIND] + 3, s.passed[0]
        if c[AGAIN] != 0:
            if s.block_visit[c[BLOCK]] >= s.stream[POUT, DONE]:
                return False
            room = max(room, s.block_time[c[BLOCK], BLOCK_END])
    else:
        delivery = DELIVERIES * c[KIND] + (c[MODE] if stream == I else 0)
    words = p.delivery[delivery, MOST] - c[AT_WORD]
    ring, capacity, freed = s.release_time.shape[1], p.stream[stream, CAPACITY], 0
    if stream != POUT:
        freed = s.release_words[stream, (c[REUSED] - 1) % ring] if c[REUSED] > 0 else 0
        while freed < c[SENT] + 1 - capacity:
            if c[REUSED] >= c[RELEASED]:
                return False
            freed = s.release_words[stream, c[REUSED] % ring]
            c[REUSED] += 1
        if c[REUSED] > 0:
            room = max(room, s.release_time[stream, (c[REUSED] - 1) % ring])
    ready = max(s.tile_time[stream, c[AT_TILE] % s.tile_time.shape[1]], room)
    start = ready * p.machine[TICKS]
    for k in range(2):
        if p.stream[stream, BUFFER_PORT + k] >= 0:
            start = max(start, s.port_free[p.stream[stream, BUFFER_PORT + k]])
    if stream != POUT:  # what has room when it starts goes with it
        at = c[REUSED]
        while freed < c[SENT] + words - capacity and at < c[RELEASED] and s.release_time[stream, at % ring] * p.machine[TICKS] <= start:
            freed = s.release_words[stream, at % ring]
            at += 1
        words = min(words, freed + capacity - c[SENT])
    out[HEAD_START], out[HEAD_READY], out[HEAD_WORDS], out[HEAD_DELIVERY] = start, ready, words, delivery
    out[HEAD_ASKED], out[HEAD_KNOWN] = max(ready, s.sent[stream]), 1
    return True


@stage
def wins(p: Program, s: State, a: int, b: int) -> bool:
    """Whether stream ``a`` goes before ``b``: by start, then by the declared arbitration of the port they share."""
    head_a, head_b, port = s.heads[a], s.heads[b], -1
    if head_a[HEAD_START] != head_b[HEAD_START]:
        return bool(head_a[HEAD_START] < head_b[HEAD_START])
    for k in range(2):
        for m in range(2):
            if p.stream[a, BUFFER_PORT + k] >= 0 and p.stream[a, BUFFER_PORT + k] == p.stream[b, BUFFER_PORT + m]:
                port = p.stream[a, BUFFER_PORT + k]
    if port < 0:
        return a < b
    mode = p.port[port, PORT_MODE]
    if mode == FIFO and head_a[HEAD_ASKED] != head_b[HEAD_ASKED]:
        return bool(head_a[HEAD_ASKED] < head_b[HEAD_ASKED])
    if mode == ROUND_ROBIN and s.stream[a, LAST_GRANT] != s.stream[b, LAST_GRANT]:
        return bool(s.stream[a, LAST_GRANT] < s.stream[b, LAST_GRANT])
    return bool(p.port[port, PORT_RANK + a] < p.port[port, PORT_RANK + b])


@stage
def note_breaks(p: Program, s: State, stream: int, ready: int, start: int, queue_cause: int, slow_cause: int) -> None:
    """Write down where a transaction's words were until they arrived: see `blame`."""
    c = s.stream[stream]
    tile, slot, n = c[AT_TILE] % s.tile_time.shape[1], (c[DONE] if stream == POUT else c[PART_COUNT]) % s.part.shape[1], 0
    until, cause = s.until[stream, slot], s.cause[stream, slot]
    while s.tile_cause[stream, tile, n] >= 0:
        until[n], cause[n] = s.tile_until[stream, tile, n], s.tile_cause[stream, tile, n]
        n += 1
    if stream == PIN and c[AGAIN] != 0:
        out_port = p.stream[POUT, NETWORK_PORT] if p.stream[POUT, NETWORK_PORT] >= 0 else p.stream[POUT, BUFFER_PORT]
        until[n], cause[n] = s.block_time[c[BLOCK], BLOCK_START], p.machine[ARRAY_CAUSE]
        until[n + 1], cause[n + 1] = s.block_time[c[BLOCK], BLOCK_END], p.port[out_port, PORT_CAUSE]
        n += 2
    until[n], cause[n] = ready, p.machine[ARRAY_CAUSE]
    until[n + 1], cause[n + 1] = ceil_div(start, p.machine[TICKS]), queue_cause
    until[n + 2], cause[n + 2] = FOREVER, slow_cause


@stage
def cross(p: Program, s: State, stream: int, start: int, words: int) -> tuple[int, int, int]:
    """Hold a stream's ports for ``words``; returns ticks per word, the port that was waited for, the slower one."""
    step, slow, queue, late = 0, -1, -1, 0
    for k in range(2):
        port = p.stream[stream, BUFFER_PORT + (1 - k if stream == POUT else k)]  # downstream last
        if port >= 0:
            if p.port[port, PORT_TICKS] >= step:
                step, slow = p.port[port, PORT_TICKS], port
            if s.port_free[port] == start and p.port[port, PORT_TICKS] >= late:
                late, queue = p.port[port, PORT_TICKS], port
            s.port_free[port] = start + words * p.port[port, PORT_TICKS]
            s.moved[port, BUSY] += words * p.port[port, PORT_TICKS]
            s.moved[port, MOVED] += words
    return step, (queue if queue >= 0 else slow), slow


@stage
def start_layer(s: State, cycle: int) -> None:
    """The first word enters the array: what was before lies between layers."""
    s.scalars[STARTED] = 1
    for pe in range(s.pe.shape[1]):
        s.names[pe, BETWEEN] += cycle - s.pe[CLOCK, pe]
        note_slice(s, pe, BETWEEN, -1, s.pe[CLOCK, pe], cycle - s.pe[CLOCK, pe])
        s.pe[CLOCK, pe] = cycle


@stage
def note_words(p: Program, s: State, stream: int, delivery: int, start: int, step: int, words_each: int, before: int, after: int) -> None:
    """Say when PEs can start so that none of the words that cross now holds up their MACs.

    A word that is there at t and first used in cycle k of a step's MACs is in time for a start at t - k. The words
    are those up to ``after`` on the port, behind ``before``; ``step``: ticks per word.
    """
    c, slot, ticks = s.stream[stream], s.stream[stream, DONE] % s.come.shape[1], p.machine[TICKS]
    come, part, use = s.come[stream, slot], s.late_part[stream, slot], s.late_use[stream, slot]
    latency, inverse, here = p.stream[stream, LATENCY], 1.0 / ticks, c[PART_COUNT] - s.delivery[stream, slot, FIRST_PART]
    first, low, high = p.delivery[delivery, FIRST_GROUP], 0, p.delivery[delivery, GROUPS]
    if c[AT_WORD] == 0:
        for i in range(high):
            come[i] = -FOREVER
    if p.machine[SYSTOLIC] != 0 and stream == p.machine[STATIONARY]:  # a group is a row
        low, high = c[AT_WORD], c[AT_WORD] + words_each
    for i in range(low, high):
        late = latency + p.supply[first + i, EXTRA_LATENCY]
        for row in range(p.supply[first + i, FIRST_NEED], p.supply[first + i, END_NEED]):
            position = p.need[row, POSITION]
            if position > after:
                break
            if position > before:
                there = quick_ceil_div(start + (position - before) * step, ticks, inverse) + late - p.need[row, FIRST_USE]
                if there > come[i]:
                    come[i], part[i], use[i] = there, here, p.need[row, FIRST_USE]


@stage
def gone(p: Program, delivery: int, words: int, start: int, step: int) -> int:
    """When so many words of each PE (all, where it has fewer) have left with a transaction that started at ``start``."""
    rounds = min(words, p.delivery[delivery, MOST])
    crossed = p.prefix[p.delivery[delivery, PREFIX] + rounds]
    return int(ceil_div(start + crossed * step, p.machine[TICKS]) + p.stream[POUT, LATENCY])


@stage
def come_for(p: Program, s: State, stream: int, slot: int, pe: int) -> int:
    """The start of a PE's MACs that no word of a delivery holds up."""
    group = p.group[s.delivery[stream, slot, WHICH], pe]
    return int(s.come[stream, slot, group]) if group >= 0 else 0


def grant(address: Any, stream: int) -> int:
    """Move one transaction over its ports and set the time at which each PE has its words."""
    rows = rows_at(address)
    p, s = program_at(rows), state_at(rows)
    head, c, ticks = s.heads[stream], s.stream[stream], p.machine[TICKS]
    start, words_each, delivery = head[HEAD_START], head[HEAD_WORDS], head[HEAD_DELIVERY]
    if s.scalars[STARTED] == 0:
        start_layer(s, start // ticks)
    at = p.delivery[delivery, PREFIX] + c[AT_WORD]
    before = p.prefix[at] if stream != POUT else 0
    after = p.prefix[at + words_each] if stream != POUT else p.delivery[delivery, WORDS]
    words = after - before
    step, queue, slow = cross(p, s, stream, start, words)
    end = start + words * step
    finish = ceil_div(end, ticks) + p.stream[stream, LATENCY]
    s.finish[stream] = max(s.finish[stream], finish)
    s.sent[stream] = end // ticks
    s.scalars[GRANTS] += 1
    s.scalars[LAST_START] = start
    c[LAST_GRANT] = s.scalars[GRANTS]
    log_row(log_at(rows), stream, start, end, words)
    note_breaks(p, s, stream, head[HEAD_READY], start, p.port[queue, PORT_CAUSE], p.port[slow, PORT_CAUSE])
    if stream == POUT:
        s.leaving[OUT_FINISH, c[DONE] % s.leaving.shape[1]] = finish
        s.leaving[OUT_FIRST, c[DONE] % s.leaving.shape[1]] = gone(p, delivery, p.machine[FIRST_WORDS], start, step)
        s.leaving[OUT_LAST, c[DONE] % s.leaving.shape[1]] = gone(p, delivery, p.machine[LAST_WORDS], start, step)
        s.block_time[c[BLOCK], BLOCK_START], s.block_time[c[BLOCK], BLOCK_END] = start // ticks, finish
    else:
        if c[AT_WORD] == 0:
            s.delivery[stream, c[DONE] % s.delivery.shape[1], WHICH] = delivery
            s.delivery[stream, c[DONE] % s.delivery.shape[1], FIRST_PART] = c[PART_COUNT]
        s.part[stream, c[PART_COUNT] % s.part.shape[1]] = after
        note_words(p, s, stream, delivery, start, step, words_each, before, after)
        c[PART_COUNT] += 1
        c[SENT] += words_each
        c[AT_WORD] += words_each
        if stream == PIN and c[FIRST] != 0:
            s.zero_words[0] += words
        if c[AT_WORD] < p.delivery[delivery, MOST]:
            return 0
    c[AT_WORD], c[LEAVE] = 0, 1
    s.delivered[delivery] += 1
    if stream == PIN:
        visit_block(s, 1)
    else:
        c[DONE] += 1
    return 0


@stage
def release(s: State, stream: int, words: int, time: int) -> None:
    """Give scratchpad words back to a stream."""
    if words == 0:
        return
    c, ring = s.stream[stream], s.release_time.shape[1]
    i = c[RELEASED] % ring
    before = s.release_words[stream, (i - 1) % ring] if c[RELEASED] > 0 else 0
    last = s.release_time[stream, (i - 1) % ring] if c[RELEASED] > 0 else 0
    s.release_words[stream, i] = before + words
    s.release_time[stream, i] = max(last, time)
    c[RELEASED] += 1


@stage
def open_pass(p: Program, s: State) -> None:
    """The array goes from one pass to the next: PEs that it did not map follow the first mapped one."""
    first, last, cycles = FOREVER, 0, p.work[s.scalars[LEFT_KIND], CYCLES]
    for pe in range(s.pe.shape[1]):
        if cycles[pe] != 0:
            first, last = min(first, s.pe[CLOCK, pe]), max(last, s.pe[CLOCK, pe])
    for pe in range(s.pe.shape[1]):
        until = last if p.machine[BARRIER] != 0 else (s.pe[CLOCK, pe] if cycles[pe] != 0 else first)
        if until > s.pe[CLOCK, pe]:
            name = IMBALANCE if cycles[pe] != 0 else UNMAPPED
            s.names[pe, name] += until - s.pe[CLOCK, pe]
            note_slice(s, pe, name, -1, s.pe[CLOCK, pe], until - s.pe[CLOCK, pe])
            s.pe[CLOCK, pe] = until
    note_slice(s, PASS_BEGINS, 0, 0, 0, 1)


@stage
def blame_words(p: Program, s: State, stream: int, slot: int, asker: int, pe: int, start: int, end: int) -> None:
    """Say where the word of PE ``asker`` was that ``pe`` waited for: in the cycles right before it came."""
    group = p.group[s.delivery[stream, slot, WHICH], asker]
    part = (s.delivery[stream, slot, FIRST_PART] + s.late_part[stream, slot, group]) % s.part.shape[1]
    use = s.late_use[stream, slot, group]
    blame(s, pe, S_WEIGHT + stream, s.until[stream, part], s.cause[stream, part], start + use, end + use, use)


@stage
def carry_unmapped(p: Program, s: State) -> None:
    """Within a pass, PEs that it does not map go on with the first mapped one."""
    first, cycles = FOREVER, p.work[s.scalars[PASS_KIND], CYCLES]
    for pe in range(s.pe.shape[1]):
        if cycles[pe] != 0:
            first = min(first, s.pe[CLOCK, pe])
    for pe in range(s.pe.shape[1]):
        if cycles[pe] == 0 and first > s.pe[CLOCK, pe]:
            s.names[pe, UNMAPPED] += first - s.pe[CLOCK, pe]
            note_slice(s, pe, UNMAPPED, -1, s.pe[CLOCK, pe], first - s.pe[CLOCK, pe])
            s.pe[CLOCK, pe] = first


@stage
def blame_psum(p: Program, s: State, tile: int, tail: int, pe: int, outside_until: int, start: int, end: int) -> None:
    """Say why a psum was missing: where the chain's incoming psum was, then the array that had yet to add to it."""
    middle, slot = start, tile % s.tile.shape[1]
    if s.tile[HAS_PSUM, slot] != 0:
        middle = min(max(outside_until, start), end)
        if middle > start:
            blame_words(p, s, PIN, slot, tail, pe, start, middle)
    blame_array(p, s, pe, S_PSUM, middle, end)


@stage
def blame_room(p: Program, s: State, tile: int, down: int, pe: int, start: int, end: int) -> None:
    """Say why a result of an output tile could not leave: the next PE, or where the tile before it that has to go was."""
    if down >= 0:
        blame_array(p, s, pe, S_OUTPUT, start, end)
    else:
        leaving = (tile - p.machine[LEAVING_TILES]) % s.part.shape[1]
        blame(s, pe, S_OUTPUT, s.until[POUT, leaving], s.cause[POUT, leaving], start, end, 0)


@stage
def wait_for_slot(p: Program, s: State, pe: int, slot: int) -> None:
    """A PE whose psum storage is full waits for its oldest tile to leave (private adders only)."""
    end, clock, tile = s.slot[ACC_END, slot, pe], s.pe[CLOCK, pe], s.slot_tile[slot, pe]
    middle, kind, tail = min(max(s.slot[ACC_IN, slot, pe], clock), end), s.tile[KIND_OF, tile % s.tile.shape[1]], pe
    while p.work[kind, UP, tail] >= 0:
        tail = p.work[kind, UP, tail]
    if middle > clock:
        s.names[pe, S_PSUM] += middle - clock
        blame_psum(p, s, tile, tail, pe, s.slot[OUTSIDE_UNTIL, slot, pe], clock, middle)
    if end > middle:
        s.names[pe, S_OUTPUT] += end - middle
        blame_room(p, s, tile, p.work[kind, DOWN, pe], pe, middle, end)
    s.pe[CLOCK, pe] = end


@stage
def operands_missing(p: Program, s: State, pe: int, w_slot: int, i_slot: int, weight: int, inputs: int) -> int:
    """Account for a PE whose MACs wait for the operand that comes last, as if before the first; returns when they start."""
    clock = s.pe[CLOCK, pe]
    if weight >= inputs:
        s.names[pe, S_WEIGHT] += weight - clock
        blame_words(p, s, W, w_slot, pe, pe, clock, weight)
        return weight
    s.names[pe, S_INPUT] += inputs - clock
    blame_words(p, s, I, i_slot, pe, pe, clock, inputs)
    return inputs


@stage
def give_back(s: State, stream: int, words: int, time: int) -> None:
    """Free scratchpad words that the MACs are through with; -1 frees all that is held."""
    words = s.stream[stream, HELD] if words < 0 else min(words, s.stream[stream, HELD])
    s.stream[stream, HELD] -= words
    release(s, stream, words, time)


@stage
def run_macs(p: Program, s: State, kind: int, slot: int, w_slot: int, i_slot: int) -> tuple[int, int, int]:
    """Time one step's MACs in every PE with work; returns when the first PE starts, the last ends, and dying inputs are dead."""
    clock, names, mac_end, all_cycles = s.pe[CLOCK], s.names, s.slot[MAC_END, slot], p.work[kind, CYCLES]
    part, whole = p.dying[kind, PART], p.dying[kind, WHOLE]
    full, acc_end = s.scalars[MAC_TILE] >= p.machine[OPEN_TILES], s.slot[ACC_END, slot]
    began, ended, dead = FOREVER, 0, 0
    for pe in range(clock.shape[0]):
        cycles = all_cycles[pe]
        if cycles > 0:
            if full and acc_end[pe] > clock[pe]:
                wait_for_slot(p, s, pe, slot)
            weight = come_for(p, s, W, w_slot, pe) if w_slot >= 0 else 0
            operand = come_for(p, s, I, i_slot, pe) if i_slot >= 0 else 0
            start = clock[pe]
            if weight > start or operand > start:
                start = operands_missing(p, s, pe, w_slot, i_slot, weight, operand)
            names[pe, MAC] += cycles
            note_slice(s, pe, MAC, -1, start, cycles)
            clock[pe] = start + cycles
            mac_end[pe] = start + cycles
            began, ended = min(began, start), max(ended, start + cycles)
            dead = ended if part == whole else max(dead, start + ceil_div(cycles * part, whole))
    return began, ended, dead


@stage
def operand_slots(p: Program, s: State, kind: int) -> tuple[int, int]:
    """Where the next step's new weights and inputs are (-1: it goes on with the old ones); they are now in use."""
    q, ring, w_slot, i_slot = s.scalars, s.come.shape[1], -1, -1
    if q[NEW_W] != 0:
        w_slot = s.stream[W, SEEN] % ring
        s.stream[W, SEEN] += 1
        s.stream[W, HELD] += p.delivery[DELIVERIES * kind, MOST]
    if q[NEW_I] != 0:
        i_slot = s.stream[I, SEEN] % ring
        s.stream[I, SEEN] += 1
        s.stream[I, HELD] += p.delivery[DELIVERIES * kind + q[NEW_I], MOST]
    return w_slot, i_slot


@stage
def leave_pass(s: State, kind: int) -> None:
    """The MACs are through with a pass; ``kind``: of the next one's first step."""
    q = s.scalars
    s.passes[q[PASS_KIND]] += 1
    q[LEFT_KIND], q[PASS_KIND], q[TO_OPEN] = q[PASS_KIND], kind, 1
    q[KNOWN] = q[TRIES] = 0


def compute(address: Any, _: int) -> int:
    """Time the MACs of the next step in every PE; 0 while something that decides them is not known."""
    rows = rows_at(address)
    p, s = program_at(rows), state_at(rows)
    q, loops = s.scalars, p.machine[LOOPS]
    if q[MACS_DONE] != 0 or q[MAC_TILE] - q[ACC_TILE] >= p.machine[OPEN_TILES] or q[TRACED] > q[MOST_TRACED]:
        return 0
    if (q[NEW_W] != 0 and s.stream[W, DONE] <= s.stream[W, SEEN]) or (q[NEW_I] != 0 and s.stream[I, DONE] <= s.stream[I, SEEN]):
        return 0
    if q[TO_OPEN] != 0:
        open_pass(p, s)
        q[TO_OPEN] = 0
    kind, slot = q[MAC_KIND], q[MAC_TILE] % p.machine[OPEN_TILES]
    w_slot, i_slot = operand_slots(p, s, kind)
    began, ended, dead = run_macs(p, s, kind, slot, w_slot, i_slot)
    log_row(log_at(rows), MACS, began * p.machine[TICKS], ended * p.machine[TICKS], p.macs[kind])
    s.computed[kind] += 1
    if q[NEW_O] != 0:
        q[TILE_KIND] = kind
    loop, after = next_turn(p, s, MACS, loops), kind
    if loop >= 0:
        changed = turn(p, s, MACS, loop, loops)
        after = kind_at(p, s, MACS)
        if loop == p.machine[STEADY_LOOP]:
            q[TURNED] = 1
            carry_unmapped(p, s)
        q[NEW_W], q[NEW_O] = changed & p.stream[W, RELEVANT], changed & p.stream[POUT, RELEVANT]
        q[NEW_I] = changed & p.stream[I, RELEVANT]
        if q[NEW_I] != 0:
            q[NEW_I] = 2 if loop == p.machine[SLIDE] and q[NEW_I] == 1 << loop else 1
    else:
        q[MACS_DONE] = q[NEW_W] = q[NEW_I] = q[NEW_O] = 1
    q[MAC_KIND] = after
    if q[NEW_W] != 0:
        q[NEW_W] = 1
        give_back(s, W, -1, ended)
    if q[NEW_I] == 2:
        kept = p.delivery[DELIVERIES * after + 1, MOST] - p.delivery[DELIVERIES * after + 2, MOST]
        known = q[LAST_START] // p.machine[TICKS]  # when the last of the step's words left its buffer
        give_back(s, I, max(0, p.delivery[DELIVERIES * kind + 1, MOST] - kept), max(dead, known))
    elif q[NEW_I] == 1:
        give_back(s, I, -1, ended)
    if q[NEW_O] != 0:
        q[NEW_O] = 1
        s.open_kind[slot] = q[TILE_KIND]
        q[MAC_TILE] += 1
    if loop < p.machine[SPLIT]:
        leave_pass(s, after)
        q[CROSSED] = loop <= p.machine[PASSES_TELL]
    return 1


@stage
def run_chains(p: Program, s: State, tile: int, kind: int, slot: int, room_first: int, room_last: int) -> tuple[int, int]:
    """Run one tile's psums up every chain; returns when the last result can leave and when incoming psums are used.

    A shared adder takes a cycle per incoming word, and its PE waits for them; words stream from PE to PE. A
    private one adds as the words come. ``room_first`` and ``room_last`` are when there is room for the first and the
    last psum at the heads of the chains.
    """
    arrived = tile % s.tile.shape[1]
    clock, names, chain, root = s.pe[CLOCK], s.names, s.chain, s.pe[ROOT]
    has, tail = s.tile[HAS_PSUM, arrived] != 0, -1
    last_acc, acc_in, acc_end, mac_end = s.pe[LAST_ACC], s.slot[ACC_IN, slot], s.slot[ACC_END, slot], s.slot[MAC_END, slot]
    order, ups, downs, out_words = p.work[kind, ORDER], p.work[kind, UP], p.work[kind, DOWN], p.work[kind, OUT_WORDS]
    shared, pipe, hop, latency = p.machine[SHARED_ADDER] != 0, p.machine[PIPELINE], ceil_div(p.machine[LINK_TICKS], p.machine[TICKS]), p.machine[LINK_LATENCY]
    ready, taken, same_words, transfer = 0, 0, -1, 0
    for i in range(clock.shape[0]):
        pe = order[i]
        if pe < 0:
            break
        up, down, words = ups[pe], downs[pe], out_words[pe]
        first, last, source = -1, -1, 0
        tail = tail if up >= 0 else pe
        if up >= 0:
            first, last, source = chain[up, 0], chain[up, 1], root[up]
        elif has:
            source = come_for(p, s, PIN, arrived, pe)
            first, last = source, source
        root[pe] = source
        room, room_all = (room_first, room_last) if down < 0 else (last_acc[down], last_acc[down])
        if shared:
            now, work = clock[pe], words if last >= 0 else 0
            start = max(now, first)
            complete = max(start + work, last + 1)
            start = max(start, room)
            end = max(start + work, last + 1, room_all)
            missing, blocked = complete - now - work, end - complete
            if missing > 0:
                names[pe, S_PSUM] += missing
                blame_psum(p, s, tile, tail, pe, source, now, now + missing)
            if blocked > 0:
                names[pe, S_OUTPUT] += blocked
                blame_room(p, s, tile, down, pe, now + missing, now + missing + blocked)
            names[pe, ACCUMULATE] += work
            note_slice(s, pe, ACCUMULATE, -1, end - work, work)
            clock[pe] = end
            acc_in[pe], acc_end[pe] = complete, end
            first, last = (start + 1 if work > 0 else start), end
        else:
            acc_in[pe] = max(mac_end[pe], last)
            end = max(acc_in[pe], room_all)
            acc_end[pe] = end
            s.slot_tile[slot, pe], s.slot[OUTSIDE_UNTIL, slot, pe] = tile, source
            first, last = end + pipe, end + pipe
        last_acc[pe] = end
        taken = max(taken, end)
        if down < 0:
            ready = max(ready, last + (pipe if shared else 0))
        chain[pe, 0] = first + hop + latency
        if words != same_words:
            same_words, transfer = words, ceil_div(words * p.machine[LINK_TICKS], p.machine[TICKS])
        chain[pe, 1] = max(last + hop, first + transfer) + latency
    return ready, taken


def accumulate(address: Any, _: int) -> int:
    """Time how the next finished tile of psums runs up its chains; 0 while something is not known."""
    rows = rows_at(address)
    p, s = program_at(rows), state_at(rows)
    q = s.scalars
    tile = q[ACC_TILE]
    if tile >= q[MAC_TILE] or s.stream[PIN, DONE] <= tile or tile - s.stream[POUT, DONE] >= p.machine[LEAVING_TILES]:
        return 0
    if q[TRACED] > q[MOST_TRACED]:
        return 0
    slot = tile % p.machine[OPEN_TILES]
    kind, has = s.open_kind[slot], s.tile[HAS_PSUM, tile % s.tile.shape[1]] != 0
    room_first = s.leaving[OUT_FIRST, (tile - p.machine[FIRST_BACK]) % s.tile.shape[1]] if tile >= p.machine[FIRST_BACK] else 0
    room_last = s.leaving[OUT_LAST, (tile - p.machine[LEAVING_TILES]) % s.tile.shape[1]] if tile >= p.machine[LEAVING_TILES] else 0
    s.tile[KIND_OF, tile % s.tile.shape[1]] = kind
    ready, taken = run_chains(p, s, tile, kind, slot, room_first, room_last)
    if has:
        release(s, PIN, p.delivery[DELIVERIES * kind + 3, MOST], taken)
    s.added[kind, 0 if has else 1] += 1
    s.leaving[OUT_READY, tile % s.tile.shape[1]] = ready
    s.leaving[TAKEN, tile % s.tile.shape[1]] = taken
    q[ACC_TILE] += 1
    return 1


@stage
def passes_on(p: Program, s: State) -> bool:
    """Whether the stream of incoming psums may pass an output tile that starts at zero."""
    c, entered = s.stream[PIN], s.scalars[MAC_TILE if p.machine[SYSTOLIC] != 0 else ACC_TILE]
    return bool(c[ENDED] == 0 and c[FIRST] != 0 and p.machine[ZEROS_COME_IN] == 0 and c[DONE] - entered < TILES_AHEAD)


@stage
def may_compute(rows: Rows, p: Program, s: State) -> bool:
    """Whether the operands of the next step are granted: else `compute` would do nothing."""
    q = s.scalars
    if p.machine[SYSTOLIC] != 0:
        return may_enter(p, s, wave_at(rows))
    if q[MACS_DONE] != 0:
        return False
    missing = (q[NEW_W] != 0 and s.stream[W, DONE] <= s.stream[W, SEEN]) or (q[NEW_I] != 0 and s.stream[I, DONE] <= s.stream[I, SEEN])
    return not missing


def run_until(address: Any, limit: int) -> int:
    """Grant every transaction that starts before ``limit`` (ticks) or before the first event that this causes.

    Returns `BLOCKED` when nothing can go on without new tiles, `AT_LIMIT`, `PASSED` when the MACs have come to
    another pass (where the program wants to be told), or `FULL` when what is traced has to be taken out first.
    Events (tiles that are through) are in ``s.events``.
    """
    rows = rows_at(address)
    p, s, result = program_at(rows), state_at(rows), -1
    while result < 0:
        moved, settled, s.scalars[LOOKS_AHEAD] = True, True, 0
        while moved:  # cursors, MACs and chains go as far as the transactions granted so far decide
            moved = False
            for stream in range(STREAMS):
                if s.stream[stream, LEAVE] != 0 or (stream == PIN and passes_on(p, s)):
                    call(rows, SETTLE, stream)
                    settled = True
            while may_compute(rows, p, s) and call(rows, COMPUTE, 0) != 0:
                moved = True
            while (moved or settled) and s.scalars[ACC_TILE] < s.scalars[MAC_TILE] and call(rows, ACCUMULATE_TILE, 0) != 0:
                moved = True
            settled = False
        for i in range(s.scalars[EVENTS]):
            limit = min(limit, s.events[i, 1] * p.machine[TICKS])
        best = -1
        for stream in range(STREAMS):
            if head_of(p, s, stream) and (best < 0 or wins(p, s, stream, best)):
                best = stream
        if s.scalars[LOOKS_AHEAD] != 0:
            nearest = limit if best < 0 else min(limit, s.heads[best, HEAD_START])
            if nearest // p.machine[TICKS] > s.scalars[HORIZON]:  # no later word is there before it: more may be known
                s.scalars[HORIZON] = nearest // p.machine[TICKS]
                more = call(rows, COMPUTE, 0) if may_compute(rows, p, s) else 0
                if more + call(rows, ACCUMULATE_TILE, 0) != 0:
                    continue
        if s.scalars[TRACED] > s.scalars[MOST_TRACED] or (s.scalars[TRACING] != 0 and s.scalars[LOGGED] - s.scalars[COPIED] > LOG_ROWS // 2):
            return FULL
        if s.scalars[CROSSED] != 0:
            result = PASSED
        elif best < 0:  # where time alone lets something be known, it goes on at the limit
            result = AT_LIMIT if s.scalars[LOOKS_AHEAD] != 0 and limit < FOREVER else BLOCKED
        elif s.heads[best, HEAD_START] >= limit:
            result = AT_LIMIT
        elif s.scalars[TURNED] == 0 or call(rows, LOOK_BACK, limit) == 0:
            call(rows, GRANT, best)
            if s.scalars[LOGGED] - s.scalars[BINNED] > LOG_ROWS // 2:
                call(rows, FILL_WINDOWS, 0)
        s.scalars[TURNED] = 0
    s.scalars[CROSSED] = 0
    return result
