"""The joint kernel of a spatial array: its PEs, scratchpads, psum chains and the ports that feed it.

Four streams move words between buffers and PEs: weights, inputs, incoming psums and outgoing psums. A stream
serves the steps in program order. A transaction is what one stream moves for one step at once; it leaves when
its tile is resident, every destination has room and its ports are free. Transactions are granted in the order
of their start times, so ports may be shared; everything inside PEs follows by maxima over earlier times.

Times of ports are in ticks (1 / ``ticks`` cycle, one unit for all rates of a machine, so that all are
integers); everything else is in cycles. All mutable state is in `State`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.kernels._jit import jit

A = NDArray[np.int64]

W, I, PIN, POUT = 0, 1, 2, 3
STREAMS = 4
FOREVER = 1 << 60

# Columns of a pass row.
(TYPE, NEW_W, NEW_I, NEW_O, END_O, FIRST, BLOCK, LAST_W, LAST_I, LAST_O, TILE_W, TILE_I, TILE_O, END_W, END_I) = range(15)
PASS_COLUMNS = 15

# Indices of the PE-cycle names, in the order of `simulator.names.PE_CYCLE_NAMES`.
MAC, ACCUMULATE, S_WEIGHT, S_INPUT, S_PSUM, S_OUTPUT, FILL, IMBALANCE, UNMAPPED, BETWEEN = range(10)

# Scalars of the state.
(PUSHED, STARTED, MAC_PASS, MAC_STEP, MAC_G, MAC_TILE, ACC_TILE, EVENTS, GRANTS, SHIFT, PIN_FIRST, OPENED, FINAL, ZERO_WORDS) = range(14)
SCALARS = 14

FIFO, PRIORITY, ROUND_ROBIN = 0, 1, 2
BREAKS = 12
WINDOWS = 512


class Program(NamedTuple):
    """What does not change during a layer. K kinds of step, D deliveries, T types of pass, PEs row-major."""

    cycles: A  # [K, PE] MAC cycles
    out_words: A  # [K, PE] words of the output tile
    up: A  # [K, PE] the PE whose psums come in, -1 at the tail of a chain
    down: A  # [K, PE] the PE that takes the psums, -1 at the head
    order: A  # [K, PE] PEs with work, tails first, -1 behind the last
    kind_delivery: A  # [K, 5] W, I whole, I slide, PIN, POUT
    delivery_words: A  # [D]
    delivery_max: A  # [D] words of the PE that gets most
    complete: A  # [D, PE] words on the port when the PE has all of its own
    extra: A  # [D, PE] cycles of extra latency
    prefix_at: A  # [D] where its prefix starts
    prefix: A  # words on the port when every PE has its first a words
    step_at: A  # [T] where the type's steps start
    steps: A  # [T] how many
    kind: A  # per step
    new_w: A
    new_i: A  # 0 stays, 1 whole, 2 slide
    new_o: A
    first: A  # 1 where no reduction loop of the step has advanced
    dying: A  # [step] input words that the next step in this pass does not need, -1: all
    dying_part: A  # [step, 2] fraction of the MAC cycles after which they are dead
    block: A  # [step] psum block inside the pass
    mapped: A  # [T, PE]
    capacity: A  # [STREAMS] words per PE
    slots: A  # [2] output tiles that a PE may have open; finished ones that may wait to leave
    ports: A  # [STREAMS, 2] port numbers, -1: none
    port_ticks: A  # [port] ticks per word
    port_cause: A  # [port] cause id
    port_mode: A  # [port] arbitration
    rank: A  # [STREAMS] declared priority
    latency: A  # [STREAMS] cycles
    link: A  # [3] ticks per word, latency, unused
    flags: A  # [4] adder is shared, initial psums come from the buffer, passes end with a barrier, pipeline - 1
    ticks: int
    array_cause: int


class State(NamedTuple):
    """Everything that changes. Times are absolute; a difference to now is what matters."""

    scalars: A
    passes: A  # [ring, PASS_COLUMNS]
    cursor: A  # [STREAMS, 4] pass, step, words of the step already sent, global step
    done: A  # [STREAMS] deliveries completed (W, I), output tiles passed (PIN, POUT)
    seen: A  # [2] deliveries of W and I that the MACs have used
    held: A  # [2] words of W and I per PE that the MACs have not given back
    sent: A  # [STREAMS] words per PE ever sent
    release_time: A  # [STREAMS, ring]
    release_words: A  # [STREAMS, ring] cumulative
    released: A  # [STREAMS, 2] releases known, releases used
    port_free: A  # [port] ticks
    port_words: A  # [port]
    port_busy: A  # [port] ticks
    last_grant: A  # [STREAMS]
    last_finish: A  # [STREAMS]
    tiles: A  # [STREAMS] resident so far
    tile_time: A  # [STREAMS, ring]
    tile_breaks: A  # [STREAMS, ring, BREAKS, 2] until when, which cause
    arrival: A  # [3, ring, PE]
    breaks: A  # [3, ring, BREAKS, 2]
    has_psum: A  # [ring] whether the output tile gets psums from outside
    clock: A  # [PE] accounted until
    mac_end: A  # [slot, PE]
    acc_end: A  # [slot, PE]
    acc_in: A  # [slot, PE] until when psums were missing
    acc_kind: A  # [slot]
    acc_tile: A  # [slot] which output tile it belongs to
    last_acc: A  # [PE]
    root: A  # [PE]
    chain: A  # [PE, 2] first and last word leave
    out_ready: A  # [slot]
    out_finish: A  # [slot]
    visited: A  # [block] accumulations that the psum reader has passed
    written: A  # [block] accumulations that have been written
    block_time: A  # [block, 2] start and finish of the last write
    delivered: A  # [D] how often each delivery was completed
    computed: A  # [K] how often each kind of step ran
    added: A  # [K, 2] how often its output tile was finished: with psums from outside, without
    names: A  # [PE, 10]
    causes: A  # [4, causes]
    events: A  # [n, 2] stream, time
    windows: A  # [STREAMS, WINDOWS]


@jit
def ceil_div(a: int, b: int) -> int:
    """Smallest integer not below a / b, for b > 0."""
    return -(-a // b)


@jit
def blame(table: A, row: A, start: int, end: int) -> None:
    """Add the cycles [start, end) to ``table`` by the causes of a list of (until, cause) pairs."""
    t = start
    for i in range(row.shape[0]):
        if t >= end:
            return
        until = min(row[i, 0], end)
        if until > t:
            table[row[i, 1]] += until - t
            t = until


@jit
def settle(p: Program, s: State, stream: int) -> None:
    """Move a stream's cursor to the next step at which it has something to do; report tiles it is through with."""
    c = s.cursor[stream]
    ring = s.passes.shape[0]
    while c[0] < s.scalars[PUSHED]:
        row = s.passes[c[0] % ring]
        base, n = p.step_at[row[TYPE]], p.steps[row[TYPE]]
        while c[1] < n:
            j = base + c[1]
            if stream == W:
                if (row[NEW_W] if c[1] == 0 else p.new_w[j]) != 0:
                    return
            elif stream == I:
                if (row[NEW_I] if c[1] == 0 else p.new_i[j]) != 0:
                    return
            else:
                if stream == PIN and (row[NEW_O] if c[1] == 0 else p.new_o[j]) != 0:
                    s.scalars[PIN_FIRST] = row[FIRST] * p.first[j]
                if (row[END_O] if c[1] == n - 1 else p.new_o[j + 1]) != 0:
                    if stream == POUT or s.scalars[PIN_FIRST] == 0 or p.flags[1] != 0:
                        return
                    s.has_psum[s.done[PIN] % s.has_psum.shape[0]] = 0
                    s.visited[row[BLOCK] + p.block[j]] += 1
                    s.done[PIN] += 1
            c[1] += 1
            c[3] += 1
        if stream != PIN and row[LAST_O if stream == POUT else LAST_W + stream] != 0:
            s.events[s.scalars[EVENTS], 0] = stream
            s.events[s.scalars[EVENTS], 1] = s.last_finish[stream]
            s.scalars[EVENTS] += 1
        c[0] += 1
        c[1] = 0


@jit
def head_of(p: Program, s: State, stream: int, out: A) -> bool:
    """Whether a stream's next transaction can be timed; ``out`` gets start ticks, ready, room, words per PE, delivery."""
    c = s.cursor[stream]
    if c[0] >= s.scalars[PUSHED]:
        return False
    row = s.passes[c[0] % s.passes.shape[0]]
    tile = row[TILE_O] if stream >= PIN else row[TILE_W + stream]
    if tile >= s.tiles[stream]:
        return False
    resident = s.tile_time[stream, tile % s.tile_time.shape[1]]
    j = p.step_at[row[TYPE]] + c[1]
    kind = p.kind[j]
    room = 0
    if stream == POUT:
        if s.done[POUT] >= s.scalars[ACC_TILE]:
            return False
        delivery = p.kind_delivery[kind, 4]
        words = p.delivery_max[delivery]
        room = s.out_ready[s.done[POUT] % s.out_ready.shape[0]]
    else:
        if stream == W:
            delivery = p.kind_delivery[kind, 0]
        elif stream == I:
            delivery = p.kind_delivery[kind, 2 if (c[1] > 0 and p.new_i[j] == 2) else 1]
        else:
            delivery = p.kind_delivery[kind, 3]
            block = row[BLOCK] + p.block[j]
            if s.scalars[PIN_FIRST] == 0 and s.visited[block] > 0:
                if s.written[block] < s.visited[block]:
                    return False
                room = s.block_time[block, 1]
        words = p.delivery_max[delivery] - c[2]
        rel, ring = s.released[stream], s.release_time.shape[1]
        freed = s.release_words[stream, (rel[1] - 1) % ring] if rel[1] > 0 else 0
        while freed < s.sent[stream] + 1 - p.capacity[stream]:
            if rel[1] >= rel[0]:
                return False
            freed = s.release_words[stream, rel[1] % ring]
            rel[1] += 1
        if rel[1] > 0:
            room = max(room, s.release_time[stream, (rel[1] - 1) % ring])
        words = min(words, freed + p.capacity[stream] - s.sent[stream])
    ready = max(resident, room)
    start = ready * p.ticks
    for k in range(2):
        if p.ports[stream, k] >= 0:
            start = max(start, s.port_free[p.ports[stream, k]])
    out[0], out[1], out[2], out[3], out[4] = start, ready, max(resident, room), words, delivery
    return True


@jit
def wins(p: Program, s: State, a: int, head_a: A, b: int, head_b: A) -> bool:
    """Whether stream ``a`` goes before ``b``: by start, then by the declared arbitration of the port they share."""
    if head_a[0] != head_b[0]:
        return bool(head_a[0] < head_b[0])
    mode = PRIORITY
    for k in range(2):
        for m in range(2):
            if p.ports[a, k] >= 0 and p.ports[a, k] == p.ports[b, m]:
                mode = p.port_mode[p.ports[a, k]]
    if mode == FIFO and head_a[1] != head_b[1]:
        return bool(head_a[1] < head_b[1])
    if mode == ROUND_ROBIN and s.last_grant[a] != s.last_grant[b]:
        return bool(s.last_grant[a] < s.last_grant[b])
    return bool(p.rank[a] < p.rank[b])


@jit
def note_window(p: Program, s: State, stream: int, start: int, step: int, words: int) -> None:
    """Add the words of a transaction to its stream's bandwidth over time; bins double when time outgrows them."""
    last = (start + words * step) // p.ticks
    while (last >> s.scalars[SHIFT]) >= WINDOWS:
        for k in range(STREAMS):
            for i in range(WINDOWS // 2):
                s.windows[k, i] = s.windows[k, 2 * i] + s.windows[k, 2 * i + 1]
            s.windows[k, WINDOWS // 2 :] = 0
        s.scalars[SHIFT] += 1
    gone, at = 0, start // p.ticks >> s.scalars[SHIFT]
    while gone < words:
        edge = ((at + 1) << s.scalars[SHIFT]) * p.ticks
        upto = words if step == 0 else min(words, max(gone, (edge - start) // step))
        if at == last >> s.scalars[SHIFT]:
            upto = words
        s.windows[stream, at] += upto - gone
        gone = upto
        at += 1


@jit
def grant(p: Program, s: State, stream: int, head: A) -> None:
    """Move one transaction over its ports and set the time at which each PE has its words."""
    start, ready, words_each, delivery = head[0], head[1], head[3], head[4]
    c = s.cursor[stream]
    if s.scalars[STARTED] == 0:
        s.scalars[STARTED] = 1
        first = start // p.ticks
        for pe in range(s.clock.shape[0]):
            s.names[pe, BETWEEN] += first - s.clock[pe]
            s.clock[pe] = first
    at = p.prefix_at[delivery] + c[2]
    before = p.prefix[at] if stream != POUT else 0
    after = p.prefix[at + words_each] if stream != POUT else p.delivery_words[delivery]
    words, step, slow, queue = after - before, 0, -1, -1
    for k in range(2):
        port = p.ports[stream, k]
        if port >= 0:
            if p.port_ticks[port] >= step:
                step, slow = p.port_ticks[port], port
            if s.port_free[port] == start:
                queue = port
    queue_cause = p.port_cause[queue if queue >= 0 else slow]
    for k in range(2):
        port = p.ports[stream, k]
        if port >= 0:
            s.port_free[port] = start + words * p.port_ticks[port]
            s.port_busy[port] += words * p.port_ticks[port]
            s.port_words[port] += words
    finish = ceil_div(start + words * step, p.ticks) + p.latency[stream]
    s.last_finish[stream] = max(s.last_finish[stream], finish)
    s.scalars[GRANTS] += 1
    s.last_grant[stream] = s.scalars[GRANTS]
    note_window(p, s, stream, start, step, words)
    row = s.passes[c[0] % s.passes.shape[0]]
    block = row[BLOCK] + p.block[p.step_at[row[TYPE]] + c[1]]
    if stream == POUT:
        s.out_finish[s.done[POUT] % s.out_finish.shape[0]] = finish
        s.written[block] += 1
        s.block_time[block, 0], s.block_time[block, 1] = start // p.ticks, finish
        s.done[POUT] += 1
        s.delivered[delivery] += 1
        c[1] += 1
        c[3] += 1
        return
    slot = s.done[stream] % s.arrival.shape[1]
    for pe in range(s.clock.shape[0]):
        mark = p.complete[delivery, pe]
        if before < mark <= after:
            s.arrival[stream, slot, pe] = (
                ceil_div(start + (mark - before) * step, p.ticks) + p.latency[stream] + p.extra[delivery, pe]
            )
    s.sent[stream] += words_each
    c[2] += words_each
    if stream == PIN and s.scalars[PIN_FIRST] != 0:
        s.scalars[ZERO_WORDS] += words
    if c[2] < p.delivery_max[delivery]:
        return
    s.delivered[delivery] += 1
    tile = row[TILE_O] if stream == PIN else row[TILE_W + stream]
    source = s.tile_breaks[stream, tile % s.tile_time.shape[1]]
    marks, n = s.breaks[stream, slot], 0
    while n < BREAKS - 4 and source[n, 0] > 0:
        marks[n, 0], marks[n, 1] = source[n, 0], source[n, 1]
        n += 1
    if stream == PIN and s.scalars[PIN_FIRST] == 0:
        out_port = p.ports[POUT, 1] if p.ports[POUT, 1] >= 0 else p.ports[POUT, 0]
        marks[n, 0], marks[n, 1] = s.block_time[block, 0], p.array_cause
        marks[n + 1, 0], marks[n + 1, 1] = s.block_time[block, 1], p.port_cause[out_port]
        n += 2
    marks[n, 0], marks[n, 1] = ready, p.array_cause
    marks[n + 1, 0], marks[n + 1, 1] = ceil_div(start, p.ticks), queue_cause
    marks[n + 2 :, 0], marks[n + 2 :, 1] = FOREVER, p.port_cause[slow]
    if stream == PIN:
        s.has_psum[s.done[PIN] % s.has_psum.shape[0]] = 1
        s.visited[block] += 1
    s.done[stream] += 1
    c[1] += 1
    c[2] = 0
    c[3] += 1


@jit
def release(s: State, stream: int, words: int, time: int) -> None:
    """Give scratchpad words back to a stream."""
    if words == 0:
        return
    rel, ring = s.released[stream], s.release_time.shape[1]
    i = rel[0] % ring
    before = s.release_words[stream, (i - 1) % ring] if rel[0] > 0 else 0
    last = s.release_time[stream, (i - 1) % ring] if rel[0] > 0 else 0
    s.release_words[stream, i] = before + words
    s.release_time[stream, i] = max(last, time)
    rel[0] += 1


@jit
def open_pass(p: Program, s: State, row: A) -> None:
    """The array goes from the pass of type ``row[TYPE]`` to the next: unmapped PEs follow the first mapped one."""
    first, last = FOREVER, 0
    for pe in range(s.clock.shape[0]):
        if p.mapped[row[TYPE], pe] != 0:
            first, last = min(first, s.clock[pe]), max(last, s.clock[pe])
    for pe in range(s.clock.shape[0]):
        mapped = p.mapped[row[TYPE], pe] != 0
        until = (last if p.flags[2] != 0 else s.clock[pe]) if mapped else (last if p.flags[2] != 0 else first)
        if until > s.clock[pe]:
            s.names[pe, IMBALANCE if mapped else UNMAPPED] += until - s.clock[pe]
            s.clock[pe] = until


@jit
def blame_psum(p: Program, s: State, pe: int, tile: int, start: int, end: int) -> None:
    """Say why a psum was missing: where the chain's incoming psum was, then the array that had yet to add to it."""
    middle = start
    slot = tile % s.arrival.shape[1]
    if s.has_psum[slot] != 0:
        middle = min(max(s.root[pe], start), end)
        blame(s.causes[2], s.breaks[PIN, slot], start, middle)
    s.causes[2, p.array_cause] += end - middle


@jit
def wait_for_slot(p: Program, s: State, pe: int, slot: int) -> None:
    """A PE whose psum storage is full waits for its oldest tile to leave (private adders only)."""
    end, clock = s.acc_end[slot, pe], s.clock[pe]
    if end <= clock:
        return
    middle = min(max(s.acc_in[slot, pe], clock), end)
    if middle > clock:
        s.names[pe, S_PSUM] += middle - clock
        blame_psum(p, s, pe, s.acc_tile[slot], clock, middle)
    if end > middle:
        s.names[pe, S_OUTPUT] += end - middle
        port = p.ports[POUT, 1] if p.ports[POUT, 1] >= 0 else p.ports[POUT, 0]
        s.causes[3, p.port_cause[port]] += end - middle
    s.clock[pe] = end


@jit
def step_in_pe(p: Program, s: State, pe: int, cycles: int, w_slot: int, i_slot: int) -> int:
    """Let one PE wait for its operands and do its MACs; returns when they started."""
    weight = s.arrival[W, w_slot, pe] if w_slot >= 0 else 0
    inputs = s.arrival[I, i_slot, pe] if i_slot >= 0 else 0
    clock, needed = s.clock[pe], max(weight, inputs)
    if needed > clock:
        if weight >= inputs:
            s.names[pe, S_WEIGHT] += needed - clock
            blame(s.causes[0], s.breaks[W, w_slot], clock, needed)
        else:
            s.names[pe, S_INPUT] += needed - clock
            blame(s.causes[1], s.breaks[I, i_slot], clock, needed)
        clock = needed
    s.names[pe, MAC] += cycles
    s.clock[pe] = clock + cycles
    return clock


@jit
def give_back(p: Program, s: State, stream: int, words: int, time: int) -> None:
    """Free scratchpad words that the MACs are through with; -1 frees all that is held."""
    words = s.held[stream] if words < 0 else min(words, s.held[stream])
    s.held[stream] -= words
    release(s, stream, words, time)


@jit
def compute(p: Program, s: State) -> bool:
    """Time the MACs of the next step in every PE; False while something that decides them is not known."""
    q, ring = s.scalars, s.passes.shape[0]
    if q[MAC_PASS] >= q[PUSHED] or s.cursor[W, 3] <= q[MAC_G] or s.cursor[I, 3] <= q[MAC_G]:
        return False
    slots = p.slots[0]
    if q[MAC_TILE] - q[ACC_TILE] >= slots:
        return False
    if q[MAC_STEP] == 0 and q[MAC_PASS] > q[OPENED]:
        open_pass(p, s, s.passes[q[OPENED] % ring])
        q[OPENED] = q[MAC_PASS]
    row = s.passes[q[MAC_PASS] % ring]
    n, j = p.steps[row[TYPE]], p.step_at[row[TYPE]] + q[MAC_STEP]
    last, kind, slot = q[MAC_STEP] == n - 1, p.kind[j], q[MAC_TILE] % slots
    new_w = row[NEW_W] if q[MAC_STEP] == 0 else p.new_w[j]
    new_i = row[NEW_I] if q[MAC_STEP] == 0 else p.new_i[j]
    w_slot, i_slot = -1, -1
    if new_w != 0:
        w_slot = s.seen[W] % s.arrival.shape[1]
        s.seen[W] += 1
        s.held[W] += p.delivery_max[p.kind_delivery[kind, 0]]
    if new_i != 0:
        i_slot = s.seen[I] % s.arrival.shape[1]
        s.seen[I] += 1
        s.held[I] += p.delivery_max[p.kind_delivery[kind, 2 if (new_i == 2 and q[MAC_STEP] > 0) else 1]]
    ended, dead = 0, 0
    for pe in range(s.clock.shape[0]):
        cycles = p.cycles[kind, pe]
        if cycles > 0:
            if q[MAC_TILE] >= slots:
                wait_for_slot(p, s, pe, slot)
            start = step_in_pe(p, s, pe, cycles, w_slot, i_slot)
            s.mac_end[slot, pe] = s.clock[pe]
            ended = max(ended, s.clock[pe])
            dead = max(dead, start + ceil_div(cycles * p.dying_part[j, 0], p.dying_part[j, 1]))
    if last:
        give_back(p, s, W, -row[END_W], ended)
        give_back(p, s, I, -row[END_I], ended)
    else:
        give_back(p, s, W, -p.new_w[j + 1], ended)
        give_back(p, s, I, p.dying[j], dead)
    if (row[END_O] if last else p.new_o[j + 1]) != 0:
        s.acc_kind[slot] = kind
        s.acc_tile[slot] = q[MAC_TILE]
        q[MAC_TILE] += 1
    s.computed[kind] += 1
    q[MAC_G] += 1
    q[MAC_STEP] += 1
    if last:
        q[MAC_STEP] = 0
        q[MAC_PASS] += 1
    return True


@jit
def add_shared(p: Program, s: State, pe: int, tile: int, words: int, first: int, last: int, room: int) -> None:
    """Add incoming psums with the adder that the MACs use: a cycle per word, and the PE waits for them.

    ``first`` and ``last`` are when the first and the last word can be used (-1: none come in); results can
    leave from ``room`` on.
    """
    clock, work = s.clock[pe], words if last >= 0 else 0
    start = max(clock, first)
    complete = max(start + work, last + 1)
    start = max(start, room)
    end = max(start + work, last + 1)
    missing, blocked = complete - clock - work, end - complete
    if missing > 0:
        s.names[pe, S_PSUM] += missing
        blame_psum(p, s, pe, tile, clock, clock + missing)
    if blocked > 0:
        s.names[pe, S_OUTPUT] += blocked
        port = p.ports[POUT, 1] if p.ports[POUT, 1] >= 0 else p.ports[POUT, 0]
        s.causes[3, p.array_cause if p.down[s.acc_kind[tile % p.slots[0]], pe] >= 0 else p.port_cause[port]] += blocked
    s.names[pe, ACCUMULATE] += work
    s.clock[pe] = end
    s.chain[pe, 0], s.chain[pe, 1] = (start + 1 if work > 0 else start), end
    s.acc_in[tile % p.slots[0], pe] = complete


@jit
def accumulate(p: Program, s: State) -> bool:
    """Time how the next finished tile of psums runs up its chains; False while something is not known."""
    q = s.scalars
    tile = q[ACC_TILE]
    if tile >= q[MAC_TILE] or s.done[PIN] <= tile or tile - s.done[POUT] >= p.slots[1]:
        return False
    slot, arrived = tile % p.slots[0], tile % s.arrival.shape[1]
    kind, has, shared, pipe = s.acc_kind[slot], s.has_psum[arrived] != 0, p.flags[0] != 0, p.flags[3]
    room_out = s.out_finish[(tile - p.slots[1]) % s.out_finish.shape[0]] if tile >= p.slots[1] else 0
    ready, taken = 0, 0
    for i in range(s.clock.shape[0]):
        pe = p.order[kind, i]
        if pe < 0:
            break
        up, down, words = p.up[kind, pe], p.down[kind, pe], p.out_words[kind, pe]
        first, last, s.root[pe] = -1, -1, 0
        if up >= 0:
            first, last, s.root[pe] = s.chain[up, 0], s.chain[up, 1], s.root[up]
        elif has:
            last = s.arrival[PIN, arrived, pe]
            first, s.root[pe] = last, last
        room = room_out if down < 0 else s.last_acc[down]
        if shared:
            add_shared(p, s, pe, tile, words, first, last, room)
        else:
            s.acc_in[slot, pe] = max(s.mac_end[slot, pe], last)
            end = max(s.acc_in[slot, pe], room)
            s.chain[pe, 0], s.chain[pe, 1] = end + pipe, end + pipe
        first, last = s.chain[pe, 0], s.chain[pe, 1]
        s.last_acc[pe] = last - (0 if shared else pipe)
        s.acc_end[slot, pe] = s.last_acc[pe]
        taken = max(taken, s.last_acc[pe])
        if down < 0:
            ready = max(ready, last + (pipe if shared else 0))
        s.chain[pe, 0] = first + ceil_div(p.link[0], p.ticks) + p.link[1]
        s.chain[pe, 1] = max(last + ceil_div(p.link[0], p.ticks), first + ceil_div(words * p.link[0], p.ticks)) + p.link[1]
    if has:
        release(s, PIN, p.delivery_max[p.kind_delivery[kind, 3]], taken)
    s.added[kind, 0 if has else 1] += 1
    s.out_ready[tile % s.out_ready.shape[0]] = ready
    q[ACC_TILE] += 1
    return True


@jit
def advance(p: Program, s: State, limit: int, ring_full: bool) -> int:
    """Grant every transaction that starts before ``limit`` (ticks) or before the first event that this causes.

    Returns 0 when nothing can go on without new tiles, 1 when more passes must be pushed first, 2 at the limit. Events (tiles that are through) are in ``s.events``.
    """
    heads = np.zeros((STREAMS, 5), dtype=np.int64)
    for stream in range(STREAMS):
        settle(p, s, stream)
    while True:
        moved = True
        while moved:
            moved = False
            while compute(p, s):
                moved = True
            while accumulate(p, s):
                moved = True
        for i in range(s.scalars[EVENTS]):
            limit = min(limit, s.events[i, 1] * p.ticks)
        if not ring_full and s.scalars[FINAL] == 0:
            for stream in range(STREAMS):
                if s.cursor[stream, 0] >= s.scalars[PUSHED]:
                    return 1
        best = -1
        for stream in range(STREAMS):
            if head_of(p, s, stream, heads[stream]) and (
                best < 0 or wins(p, s, stream, heads[stream], best, heads[best])
            ):
                best = stream
        if best < 0:
            return 0
        if heads[best, 0] >= limit:
            return 2
        grant(p, s, best, heads[best])
        settle(p, s, best)
