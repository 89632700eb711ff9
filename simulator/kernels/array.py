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

from simulator.kernels._jit import compiled, jit, stage
from simulator.kernels.views import addresses, view1, view2, view3, view4

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

# Columns of the program's tables.
CYCLES, OUT_WORDS, UP, DOWN, ORDER = range(5)
DELIVERIES = 5  # per kind of step: weights, a whole input window, a slide of it, psums in, psums out
WORDS, MOST, PREFIX = range(3)
# STEP_I: 0 stays, 1 whole, 2 slide. STEP_FIRST: no reduction loop has advanced. STEP_DYING: input words that the
# next step does not need (-1: all), dead after STEP_PART / STEP_WHOLE of the MACs. STEP_BLOCK: psum block in the pass.
(STEP_KIND, STEP_W, STEP_I, STEP_O, STEP_FIRST, STEP_DYING, STEP_PART, STEP_WHOLE, STEP_BLOCK) = range(9)
CAPACITY, BUFFER_PORT, NETWORK_PORT, LATENCY = range(4)
PORT_TICKS, PORT_CAUSE, PORT_MODE, PORT_RANK = range(4)  # a rank per stream from PORT_RANK on
(OPEN_TILES, LEAVING_TILES, LINK_TICKS, LINK_LATENCY, SHARED_ADDER, ZEROS_COME_IN, BARRIER, PIPELINE, TICKS, ARRAY_CAUSE) = range(10)

# Columns of the state's tables. A stream: its cursor (pass, step, words of the step already sent, global step), what
# it has done (deliveries, or output tiles passed), words sent, releases known and used, ...
(AT_PASS, AT_STEP, AT_WORD, AT_GLOBAL, DONE, SENT, RELEASED, REUSED, LAST_GRANT, LAST_FINISH, TILES, SEEN, HELD) = range(13)
FREE_AT, MOVED, BUSY = range(3)
CLOCK, LAST_ACC, ROOT = range(3)
MAC_END, ACC_END, ACC_IN = range(3)
HAS_PSUM, OUT_READY, OUT_FINISH = range(3)
VISITED, WRITTEN, WRITE_START, WRITE_END = range(4)

FIFO, PRIORITY, ROUND_ROBIN = 0, 1, 2
BREAKS = 12
WINDOWS = 512


class Program(NamedTuple):
    """What does not change during a layer. K kinds of step, D deliveries, T types of pass, PEs row-major."""

    work: A  # [K, 5, PE] MAC cycles; words of the output tile; PE that psums come from (-1), go to (-1); PEs, tails first
    delivery: A  # [D, 3] words in all, words of the PE that gets most, where its prefix starts; DELIVERIES per kind
    arrive: A  # [D, 2, PE] words on the port when the PE has all of its own; cycles of extra latency
    prefix: A  # words on the port when every PE has its first a words
    types: A  # [T, 2] where the type's steps start, how many
    step: A  # [step, 9] see STEP_*
    mapped: A  # [T, PE]
    stream: A  # [STREAMS, 4] words of room per PE, buffer port, network port (-1: none), latency
    port: A  # [port, 3 + STREAMS] ticks per word, cause, arbitration, each stream's rank
    machine: A  # see OPEN_TILES and following


class State(NamedTuple):
    """Everything that changes. Times are absolute; a difference to now is what matters."""

    scalars: A
    passes: A  # [ring, PASS_COLUMNS]
    stream: A  # [STREAMS, 13] see AT_PASS and following
    release: A  # [STREAMS, ring, 2] time, words per PE ever released
    port: A  # [port, 3] free at (ticks), words moved, busy ticks
    tile_time: A  # [STREAMS, ring] when each tile became resident
    tile_breaks: A  # [STREAMS, ring, BREAKS, 2] where it was before: until when, which cause
    arrival: A  # [3, ring, PE] when each PE has its words of a delivery
    breaks: A  # [STREAMS, ring, BREAKS, 2] where they were before
    pe: A  # [3, PE] accounted until; last addition ended; psum at the chain's tail came
    chain: A  # [PE, 2] when a tile's first and last psum leave
    slot: A  # [3, slot, PE] per open output tile: MACs end, additions end, psums were missing until
    open_tile: A  # [slot, 2] its kind of step, its number
    tile_ring: A  # [3, ring] per output tile: psums come in, ready to leave, gone
    block: A  # [block, 4] accumulations passed by the psum reader, written; start and end of the last write
    delivered: A  # [D] how often each delivery was completed
    computed: A  # [K] how often each kind of step ran
    added: A  # [K, 2] how often its output tile was finished: with psums from outside, without
    names: A  # [PE, 10]
    causes: A  # [4, causes]
    events: A  # [n, 2] stream, time
    windows: A  # [STREAMS, WINDOWS]


@stage
def ceil_div(a: int, b: int) -> int:
    """Smallest integer not below a / b, for b > 0."""
    return -(-a // b)


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


@stage
def settle(p: Program, s: State, stream: int) -> None:
    """Move a stream's cursor to the next step at which it has something to do; report tiles it is through with."""
    c = s.stream[stream]
    ring = s.passes.shape[0]
    while c[AT_PASS] < s.scalars[PUSHED]:
        row = s.passes[c[AT_PASS] % ring]
        base, n = p.types[row[TYPE], 0], p.types[row[TYPE], 1]
        while c[AT_STEP] < n:
            j = base + c[AT_STEP]
            if stream == W:
                if (row[NEW_W] if c[AT_STEP] == 0 else p.step[j, STEP_W]) != 0:
                    return
            elif stream == I:
                if (row[NEW_I] if c[AT_STEP] == 0 else p.step[j, STEP_I]) != 0:
                    return
            else:
                if stream == PIN and (row[NEW_O] if c[AT_STEP] == 0 else p.step[j, STEP_O]) != 0:
                    s.scalars[PIN_FIRST] = row[FIRST] * p.step[j, STEP_FIRST]
                if (row[END_O] if c[AT_STEP] == n - 1 else p.step[j + 1, STEP_O]) != 0:
                    if stream == POUT or s.scalars[PIN_FIRST] == 0 or p.machine[ZEROS_COME_IN] != 0:
                        return
                    if s.stream[PIN, DONE] - s.scalars[ACC_TILE] >= s.tile_ring.shape[1] - 2:
                        return  # far enough ahead of the adders; goes on when they have
                    s.tile_ring[HAS_PSUM, s.stream[PIN, DONE] % s.tile_ring.shape[1]] = 0
                    s.block[row[BLOCK] + p.step[j, STEP_BLOCK], VISITED] += 1
                    s.stream[PIN, DONE] += 1
            c[AT_STEP] += 1
            c[AT_GLOBAL] += 1
        if stream != PIN and row[LAST_O if stream == POUT else LAST_W + stream] != 0:
            s.events[s.scalars[EVENTS], 0] = stream
            s.events[s.scalars[EVENTS], 1] = s.stream[stream, LAST_FINISH]
            s.scalars[EVENTS] += 1
        c[AT_PASS] += 1
        c[AT_STEP] = 0


@stage
def head_of(p: Program, s: State, stream: int, out: A) -> bool:
    """Whether a stream's next transaction can be timed; ``out`` gets start ticks, ready, words per PE, delivery."""
    c = s.stream[stream]
    if c[AT_PASS] >= s.scalars[PUSHED] or (stream == PIN and s.scalars[PIN_FIRST] != 0 and p.machine[ZEROS_COME_IN] == 0):
        return False
    row = s.passes[c[AT_PASS] % s.passes.shape[0]]
    tile = row[TILE_O] if stream >= PIN else row[TILE_W + stream]
    if tile >= s.stream[stream, TILES]:
        return False
    resident = s.tile_time[stream, tile % s.tile_time.shape[1]]
    j = p.types[row[TYPE], 0] + c[AT_STEP]
    kind = p.step[j, STEP_KIND]
    room = 0
    if stream == POUT:
        if s.stream[POUT, DONE] >= s.scalars[ACC_TILE]:
            return False
        delivery = DELIVERIES * kind + 4
        words = p.delivery[delivery, MOST]
        room = s.tile_ring[OUT_READY, s.stream[POUT, DONE] % s.tile_ring.shape[1]]
    else:
        if stream == W:
            delivery = DELIVERIES * kind
        elif stream == I:
            delivery = DELIVERIES * kind + (2 if c[AT_STEP] > 0 and p.step[j, STEP_I] == 2 else 1)
        else:
            delivery = DELIVERIES * kind + 3
            block = row[BLOCK] + p.step[j, STEP_BLOCK]
            if s.scalars[PIN_FIRST] == 0 and s.block[block, VISITED] > 0:
                if s.block[block, WRITTEN] < s.block[block, VISITED]:
                    return False
                room = s.block[block, WRITE_END]
        words = p.delivery[delivery, MOST] - c[AT_WORD]
        rel, ring = c, s.release.shape[1]
        freed = s.release[stream, (rel[REUSED] - 1) % ring, 1] if rel[REUSED] > 0 else 0
        while freed < s.stream[stream, SENT] + 1 - p.stream[stream, CAPACITY]:
            if rel[REUSED] >= rel[RELEASED]:
                return False
            freed = s.release[stream, rel[REUSED] % ring, 1]
            rel[REUSED] += 1
        if rel[REUSED] > 0:
            room = max(room, s.release[stream, (rel[REUSED] - 1) % ring, 0])
        words = min(words, freed + p.stream[stream, CAPACITY] - s.stream[stream, SENT])
    ready = max(resident, room)
    start = ready * p.machine[TICKS]
    for k in range(2):
        if p.stream[stream, BUFFER_PORT + k] >= 0:
            start = max(start, s.port[p.stream[stream, BUFFER_PORT + k], FREE_AT])
    out[0], out[1], out[2], out[3] = start, ready, words, delivery
    return True


@stage
def wins(p: Program, s: State, a: int, head_a: A, b: int, head_b: A) -> bool:
    """Whether stream ``a`` goes before ``b``: by start, then by the declared arbitration of the port they share."""
    if head_a[0] != head_b[0]:
        return bool(head_a[0] < head_b[0])
    port = -1
    for k in range(2):
        for m in range(2):
            if p.stream[a, BUFFER_PORT + k] >= 0 and p.stream[a, BUFFER_PORT + k] == p.stream[b, BUFFER_PORT + m]:
                port = p.stream[a, BUFFER_PORT + k]
    if port < 0:
        return a < b
    mode = p.port[port, PORT_MODE]
    if mode == FIFO and head_a[1] != head_b[1]:
        return bool(head_a[1] < head_b[1])
    if mode == ROUND_ROBIN and s.stream[a, LAST_GRANT] != s.stream[b, LAST_GRANT]:
        return bool(s.stream[a, LAST_GRANT] < s.stream[b, LAST_GRANT])
    return bool(p.port[port, PORT_RANK + a] < p.port[port, PORT_RANK + b])


@stage
def note_window(p: Program, s: State, stream: int, start: int, step: int, words: int) -> None:
    """Add the words of a transaction to its stream's bandwidth over time; bins double when time outgrows them."""
    last = (start + words * step) // p.machine[TICKS]
    while (last >> s.scalars[SHIFT]) >= WINDOWS:
        for k in range(STREAMS):
            for i in range(WINDOWS // 2):
                s.windows[k, i] = s.windows[k, 2 * i] + s.windows[k, 2 * i + 1]
            s.windows[k, WINDOWS // 2 :] = 0
        s.scalars[SHIFT] += 1
    gone, at = 0, start // p.machine[TICKS] >> s.scalars[SHIFT]
    while gone < words:
        edge = ((at + 1) << s.scalars[SHIFT]) * p.machine[TICKS]
        upto = words if step == 0 else min(words, max(gone, (edge - start) // step))
        if at == last >> s.scalars[SHIFT]:
            upto = words
        s.windows[stream, at] += upto - gone
        gone = upto
        at += 1


@stage
def note_breaks(
    p: Program, s: State, stream: int, tile: int, block: int, ready: int, start: int, queue_cause: int, slow_cause: int
) -> None:
    """Write down where a transaction's words were until they arrived: see `blame`."""
    source = s.tile_breaks[stream, tile % s.tile_time.shape[1]]
    marks, n = s.breaks[stream, s.stream[stream, DONE] % s.arrival.shape[1]], 0
    while n < BREAKS - 5 and source[n, 0] > 0:
        marks[n, 0], marks[n, 1] = source[n, 0], source[n, 1]
        n += 1
    if stream == PIN and s.scalars[PIN_FIRST] == 0:
        out_port = p.stream[POUT, NETWORK_PORT] if p.stream[POUT, NETWORK_PORT] >= 0 else p.stream[POUT, BUFFER_PORT]
        marks[n, 0], marks[n, 1] = s.block[block, WRITE_START], p.machine[ARRAY_CAUSE]
        marks[n + 1, 0], marks[n + 1, 1] = s.block[block, WRITE_END], p.port[out_port, PORT_CAUSE]
        n += 2
    marks[n, 0], marks[n, 1] = ready, p.machine[ARRAY_CAUSE]
    marks[n + 1, 0], marks[n + 1, 1] = ceil_div(start, p.machine[TICKS]), queue_cause
    marks[n + 2 :, 0], marks[n + 2 :, 1] = FOREVER, slow_cause


@stage
def grant(p: Program, s: State, stream: int, head: A) -> None:
    """Move one transaction over its ports and set the time at which each PE has its words."""
    start, ready, words_each, delivery = head[0], head[1], head[2], head[3]
    c = s.stream[stream]
    if s.scalars[STARTED] == 0:
        s.scalars[STARTED] = 1
        first = start // p.machine[TICKS]
        for pe in range(s.pe.shape[1]):
            s.names[pe, BETWEEN] += first - s.pe[CLOCK, pe]
            s.pe[CLOCK, pe] = first
    at = p.delivery[delivery, PREFIX] + c[AT_WORD]
    before = p.prefix[at] if stream != POUT else 0
    after = p.prefix[at + words_each] if stream != POUT else p.delivery[delivery, WORDS]
    words, step, slow, queue = after - before, 0, -1, -1
    for k in range(2):
        port = p.stream[stream, BUFFER_PORT + k]
        if port >= 0:
            if p.port[port, PORT_TICKS] >= step:
                step, slow = p.port[port, PORT_TICKS], port
            if s.port[port, FREE_AT] == start:
                queue = port
    queue_cause = p.port[queue if queue >= 0 else slow, PORT_CAUSE]
    for k in range(2):
        port = p.stream[stream, BUFFER_PORT + k]
        if port >= 0:
            s.port[port, FREE_AT] = start + words * p.port[port, PORT_TICKS]
            s.port[port, BUSY] += words * p.port[port, PORT_TICKS]
            s.port[port, MOVED] += words
    finish = ceil_div(start + words * step, p.machine[TICKS]) + p.stream[stream, LATENCY]
    s.stream[stream, LAST_FINISH] = max(s.stream[stream, LAST_FINISH], finish)
    s.scalars[GRANTS] += 1
    s.stream[stream, LAST_GRANT] = s.scalars[GRANTS]
    note_window(p, s, stream, start, step, words)
    row = s.passes[c[AT_PASS] % s.passes.shape[0]]
    block = row[BLOCK] + p.step[p.types[row[TYPE], 0] + c[AT_STEP], STEP_BLOCK]
    if stream == POUT:
        s.tile_ring[OUT_FINISH, s.stream[POUT, DONE] % s.tile_ring.shape[1]] = finish
        s.block[block, WRITTEN] += 1
        s.block[block, WRITE_START], s.block[block, WRITE_END] = start // p.machine[TICKS], finish
        note_breaks(p, s, POUT, row[TILE_O], block, ready, start, queue_cause, p.port[slow, PORT_CAUSE])
        s.stream[POUT, DONE] += 1
        s.delivered[delivery] += 1
        c[AT_STEP] += 1
        c[AT_GLOBAL] += 1
        return
    slot = s.stream[stream, DONE] % s.arrival.shape[1]
    arrival, marks_in, extra = s.arrival[stream, slot], p.arrive[delivery, 0], p.arrive[delivery, 1]
    latency, ticks, inverse = p.stream[stream, LATENCY], p.machine[TICKS], 1.0 / p.machine[TICKS]
    for pe in range(arrival.shape[0]):
        mark = marks_in[pe]
        if before < mark <= after:
            arrival[pe] = quick_ceil_div(start + (mark - before) * step, ticks, inverse) + latency + extra[pe]
    s.stream[stream, SENT] += words_each
    c[AT_WORD] += words_each
    if stream == PIN and s.scalars[PIN_FIRST] != 0:
        s.scalars[ZERO_WORDS] += words
    if c[AT_WORD] < p.delivery[delivery, MOST]:
        return
    s.delivered[delivery] += 1
    tile = row[TILE_O] if stream == PIN else row[TILE_W + stream]
    note_breaks(p, s, stream, tile, block, ready, start, queue_cause, p.port[slow, PORT_CAUSE])
    if stream == PIN:
        s.tile_ring[HAS_PSUM, s.stream[PIN, DONE] % s.tile_ring.shape[1]] = 1
        s.block[block, VISITED] += 1
    s.stream[stream, DONE] += 1
    c[AT_STEP] += 1
    c[AT_WORD] = 0
    c[AT_GLOBAL] += 1


@stage
def release(s: State, stream: int, words: int, time: int) -> None:
    """Give scratchpad words back to a stream."""
    if words == 0:
        return
    rel, ring = s.stream[stream], s.release.shape[1]
    i = rel[RELEASED] % ring
    before = s.release[stream, (i - 1) % ring, 1] if rel[RELEASED] > 0 else 0
    last = s.release[stream, (i - 1) % ring, 0] if rel[RELEASED] > 0 else 0
    s.release[stream, i, 1] = before + words
    s.release[stream, i, 0] = max(last, time)
    rel[RELEASED] += 1


@stage
def open_pass(p: Program, s: State, row: A) -> None:
    """The array goes from the pass of type ``row[TYPE]`` to the next: unmapped PEs follow the first mapped one."""
    first, last = FOREVER, 0
    for pe in range(s.pe.shape[1]):
        if p.mapped[row[TYPE], pe] != 0:
            first, last = min(first, s.pe[CLOCK, pe]), max(last, s.pe[CLOCK, pe])
    for pe in range(s.pe.shape[1]):
        mapped = p.mapped[row[TYPE], pe] != 0
        until = (last if p.machine[BARRIER] != 0 else s.pe[CLOCK, pe]) if mapped else (last if p.machine[BARRIER] != 0 else first)
        if until > s.pe[CLOCK, pe]:
            s.names[pe, IMBALANCE if mapped else UNMAPPED] += until - s.pe[CLOCK, pe]
            s.pe[CLOCK, pe] = until


@stage
def blame_psum(table: A, row: A, comes_in: bool, root: int, array_cause: int, start: int, end: int) -> None:
    """Say why a psum was missing: where the chain's incoming psum was, then the array that had yet to add to it."""
    middle = start
    if comes_in:
        middle = min(max(root, start), end)
        blame(table, row, start, middle)
    table[array_cause] += end - middle


@stage
def wait_for_slot(p: Program, s: State, pe: int, slot: int) -> None:
    """A PE whose psum storage is full waits for its oldest tile to leave (private adders only)."""
    end, clock = s.slot[ACC_END, slot, pe], s.pe[CLOCK, pe]
    if end <= clock:
        return
    middle = min(max(s.slot[ACC_IN, slot, pe], clock), end)
    if middle > clock:
        s.names[pe, S_PSUM] += middle - clock
        arrived = s.open_tile[slot, 1] % s.arrival.shape[1]
        blame_psum(
            s.causes[2], s.breaks[PIN, arrived], s.tile_ring[HAS_PSUM, arrived] != 0, s.pe[ROOT, pe], p.machine[ARRAY_CAUSE], clock, middle
        )
    if end > middle:
        s.names[pe, S_OUTPUT] += end - middle
        leaving = (s.open_tile[slot, 1] - p.machine[LEAVING_TILES]) % s.arrival.shape[1]
        if p.work[s.open_tile[slot, 0], DOWN, pe] >= 0:
            s.causes[3, p.machine[ARRAY_CAUSE]] += end - middle
        else:
            blame(s.causes[3], s.breaks[POUT, leaving], middle, end)
    s.pe[CLOCK, pe] = end


@stage
def operands_missing(names: A, causes: A, breaks_w: A, breaks_i: A, clock: int, weight: int, inputs: int) -> int:
    """Account for a PE that waits from ``clock`` for the operand that comes last; returns when it came."""
    if weight >= inputs:
        names[S_WEIGHT] += weight - clock
        blame(causes[0], breaks_w, clock, weight)
        return weight
    names[S_INPUT] += inputs - clock
    blame(causes[1], breaks_i, clock, inputs)
    return inputs


@stage
def give_back(p: Program, s: State, stream: int, words: int, time: int) -> None:
    """Free scratchpad words that the MACs are through with; -1 frees all that is held."""
    words = s.stream[stream, HELD] if words < 0 else min(words, s.stream[stream, HELD])
    s.stream[stream, HELD] -= words
    release(s, stream, words, time)


@stage
def run_macs(
    p: Program, s: State, kind: int, slot: int, w_slot: int, i_slot: int, part: int, whole: int
) -> tuple[int, int]:
    """Time one step's MACs in every PE with work; returns when the last PE ends and when dying inputs are dead."""
    clock, names, causes, mac_end, all_cycles = s.pe[CLOCK], s.names, s.causes, s.slot[MAC_END, slot], p.work[kind, CYCLES]
    weights, inputs = s.arrival[W, max(w_slot, 0)], s.arrival[I, max(i_slot, 0)]
    breaks_w, breaks_i = s.breaks[W, max(w_slot, 0)], s.breaks[I, max(i_slot, 0)]
    full, acc_end = s.scalars[MAC_TILE] >= p.machine[OPEN_TILES], s.slot[ACC_END, slot]
    ended, dead = 0, 0
    for pe in range(clock.shape[0]):
        cycles = all_cycles[pe]
        if cycles > 0:
            if full and acc_end[pe] > clock[pe]:
                wait_for_slot(p, s, pe, slot)
            weight = weights[pe] if w_slot >= 0 else 0
            operand = inputs[pe] if i_slot >= 0 else 0
            start = clock[pe]
            if weight > start or operand > start:
                start = operands_missing(names[pe], causes, breaks_w, breaks_i, start, weight, operand)
            names[pe, MAC] += cycles
            clock[pe] = start + cycles
            mac_end[pe] = start + cycles
            ended = max(ended, start + cycles)
            dead = ended if part == whole else max(dead, start + ceil_div(cycles * part, whole))
    return ended, dead


@stage
def compute(p: Program, s: State) -> bool:
    """Time the MACs of the next step in every PE; False while something that decides them is not known."""
    q, ring = s.scalars, s.passes.shape[0]
    if q[MAC_PASS] >= q[PUSHED] or s.stream[W, AT_GLOBAL] <= q[MAC_G] or s.stream[I, AT_GLOBAL] <= q[MAC_G]:
        return False
    slots = p.machine[OPEN_TILES]
    if q[MAC_TILE] - q[ACC_TILE] >= slots:
        return False
    if q[MAC_STEP] == 0 and q[MAC_PASS] > q[OPENED]:
        open_pass(p, s, s.passes[q[OPENED] % ring])
        q[OPENED] = q[MAC_PASS]
    row = s.passes[q[MAC_PASS] % ring]
    n, j = p.types[row[TYPE], 1], p.types[row[TYPE], 0] + q[MAC_STEP]
    last, kind, slot = q[MAC_STEP] == n - 1, p.step[j, STEP_KIND], q[MAC_TILE] % slots
    new_w = row[NEW_W] if q[MAC_STEP] == 0 else p.step[j, STEP_W]
    new_i = row[NEW_I] if q[MAC_STEP] == 0 else p.step[j, STEP_I]
    w_slot, i_slot = -1, -1
    if new_w != 0:
        w_slot = s.stream[W, SEEN] % s.arrival.shape[1]
        s.stream[W, SEEN] += 1
        s.stream[W, HELD] += p.delivery[DELIVERIES * kind, MOST]
    if new_i != 0:
        i_slot = s.stream[I, SEEN] % s.arrival.shape[1]
        s.stream[I, SEEN] += 1
        s.stream[I, HELD] += p.delivery[DELIVERIES * kind + (2 if new_i == 2 and q[MAC_STEP] > 0 else 1), MOST]
    ended, dead = run_macs(p, s, kind, slot, w_slot, i_slot, p.step[j, STEP_PART], p.step[j, STEP_WHOLE])
    if last:
        give_back(p, s, W, -row[END_W], ended)
        give_back(p, s, I, -row[END_I], ended)
    else:
        give_back(p, s, W, -p.step[j + 1, STEP_W], ended)
        give_back(p, s, I, p.step[j, STEP_DYING], dead)
    if (row[END_O] if last else p.step[j + 1, STEP_O]) != 0:
        s.open_tile[slot, 0] = kind
        s.open_tile[slot, 1] = q[MAC_TILE]
        q[MAC_TILE] += 1
    s.computed[kind] += 1
    q[MAC_G] += 1
    q[MAC_STEP] += 1
    if last:
        q[MAC_STEP] = 0
        q[MAC_PASS] += 1
    return True


@stage
def run_chains(p: Program, s: State, tile: int, kind: int, slot: int, room_out: int) -> tuple[int, int]:
    """Run one tile's psums up every chain; returns when the last result can leave and when incoming psums are used.

    A shared adder takes a cycle per incoming word, and its PE waits for them; words stream from PE to PE. A
    private one adds as the words come. ``room_out`` is when there is room at the heads of the chains.
    """
    arrived = tile % s.arrival.shape[1]
    clock, names, psum_causes, chain, root = s.pe[CLOCK], s.names, s.causes[2], s.chain, s.pe[ROOT]
    incoming, marks, has = s.arrival[PIN, arrived], s.breaks[PIN, arrived], s.tile_ring[HAS_PSUM, arrived] != 0
    last_acc, acc_in, acc_end, mac_end = s.pe[LAST_ACC], s.slot[ACC_IN, slot], s.slot[ACC_END, slot], s.slot[MAC_END, slot]
    order, ups, downs, out_words = p.work[kind, ORDER], p.work[kind, UP], p.work[kind, DOWN], p.work[kind, OUT_WORDS]
    shared, pipe, hop, latency = p.machine[SHARED_ADDER] != 0, p.machine[PIPELINE], ceil_div(p.machine[LINK_TICKS], p.machine[TICKS]), p.machine[LINK_LATENCY]
    leaving = s.breaks[POUT, (tile - p.machine[LEAVING_TILES]) % s.arrival.shape[1]]
    ready, taken, same_words, transfer = 0, 0, -1, 0
    for i in range(clock.shape[0]):
        pe = order[i]
        if pe < 0:
            break
        up, down, words = ups[pe], downs[pe], out_words[pe]
        first, last, source = -1, -1, 0
        if up >= 0:
            first, last, source = chain[up, 0], chain[up, 1], root[up]
        elif has:
            first, last, source = incoming[pe], incoming[pe], incoming[pe]
        root[pe] = source
        room = room_out if down < 0 else last_acc[down]
        if shared:
            now, work = clock[pe], words if last >= 0 else 0
            start = max(now, first)
            complete = max(start + work, last + 1)
            start = max(start, room)
            end = max(start + work, last + 1)
            missing, blocked = complete - now - work, end - complete
            if missing > 0:
                names[pe, S_PSUM] += missing
                blame_psum(psum_causes, marks, has, source, p.machine[ARRAY_CAUSE], now, now + missing)
            if blocked > 0:
                names[pe, S_OUTPUT] += blocked
                if down >= 0:
                    s.causes[3, p.machine[ARRAY_CAUSE]] += blocked
                else:
                    blame(s.causes[3], leaving, now + missing, now + missing + blocked)
            names[pe, ACCUMULATE] += work
            clock[pe] = end
            acc_in[pe], acc_end[pe] = complete, end
            first, last = (start + 1 if work > 0 else start), end
        else:
            acc_in[pe] = max(mac_end[pe], last)
            end = max(acc_in[pe], room)
            acc_end[pe] = end
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


@stage
def accumulate(p: Program, s: State) -> bool:
    """Time how the next finished tile of psums runs up its chains; False while something is not known."""
    q = s.scalars
    tile = q[ACC_TILE]
    if tile >= q[MAC_TILE] or s.stream[PIN, DONE] <= tile or tile - s.stream[POUT, DONE] >= p.machine[LEAVING_TILES]:
        return False
    slot = tile % p.machine[OPEN_TILES]
    kind, has = s.open_tile[slot, 0], s.tile_ring[HAS_PSUM, tile % s.arrival.shape[1]] != 0
    room_out = s.tile_ring[OUT_FINISH, (tile - p.machine[LEAVING_TILES]) % s.tile_ring.shape[1]] if tile >= p.machine[LEAVING_TILES] else 0
    ready, taken = run_chains(p, s, tile, kind, slot, room_out)
    if has:
        release(s, PIN, p.delivery[DELIVERIES * kind + 3, MOST], taken)
    s.added[kind, 0 if has else 1] += 1
    s.tile_ring[OUT_READY, tile % s.tile_ring.shape[1]] = ready
    q[ACC_TILE] += 1
    return True


@stage
def needs_passes(s: State) -> bool:
    """Whether a stream has run out of known passes while half of the ring is free."""
    if s.scalars[FINAL] != 0:
        return False
    oldest, newest = min(s.scalars[OPENED], s.scalars[MAC_PASS]), 0
    for stream in range(STREAMS):
        oldest, newest = min(oldest, s.stream[stream, AT_PASS]), max(newest, s.stream[stream, AT_PASS])
    return bool(newest >= s.scalars[PUSHED] and s.scalars[PUSHED] - oldest <= s.passes.shape[0] // 2)


@stage
def run_until(p: Program, s: State, limit: int) -> int:
    """Grant every transaction that starts before ``limit`` (ticks) or before the first event that this causes.

    Returns 0 when nothing can go on without new tiles, 1 when more passes must be pushed first, 2 at the limit. Events (tiles that are through) are in ``s.events``.
    """
    heads = np.zeros((STREAMS, 4), dtype=np.int64)
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
            if moved:
                settle(p, s, PIN)
        for i in range(s.scalars[EVENTS]):
            limit = min(limit, s.events[i, 1] * p.machine[TICKS])
        if needs_passes(s):
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


@jit
def _run_at(rows: A, limit: int) -> int:
    """`run_until` on tables given by their addresses: those of a `Program`, then those of a `State`."""
    p = Program(
        view3(rows, 0), view2(rows, 1), view3(rows, 2), view1(rows, 3), view2(rows, 4), view2(rows, 5), view2(rows, 6), view2(rows, 7), view2(rows, 8), view1(rows, 9),
    )
    s = State(
        view1(rows, 10), view2(rows, 11), view2(rows, 12), view3(rows, 13), view2(rows, 14), view2(rows, 15), view4(rows, 16), view3(rows, 17), view4(rows, 18), view2(rows, 19), view2(rows, 20), view3(rows, 21), view2(rows, 22), view2(rows, 23), view2(rows, 24), view1(rows, 25), view1(rows, 26), view2(rows, 27), view2(rows, 28), view2(rows, 29), view2(rows, 30), view2(rows, 31),
    )
    return run_until(p, s, limit)


class Bound:
    """A program and a state that belong together, ready to run."""

    def __init__(self, program: Program, state: State) -> None:
        self.program, self.state = program, state
        self._rows = addresses((*program, *state))

    def advance(self, limit: int) -> int:
        """See `run_until`."""
        if compiled():
            return int(_run_at(self._rows, limit))
        return run_until(self.program, self.state, limit)
