"""What the kernels of a spatial array work on: the tables of a layer, all mutable state, and their columns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

A = NDArray[np.int64]

W, I, PIN, POUT = 0, 1, 2, 3
STREAMS = 4
MACS = 4
"""The MACs' own cursor in the loop nest, and their series over time, beside those of the four streams."""
CURSORS = SERIES = 5
FOREVER = 1 << 60

# Indices of the PE-cycle names, in the order of `simulator.names.PE_CYCLE_NAMES`.
MAC, ACCUMULATE, S_WEIGHT, S_INPUT, S_PSUM, S_OUTPUT, FILL, IMBALANCE, UNMAPPED, BETWEEN = range(10)

# Columns of the program's tables.
CYCLES, OUT_WORDS, UP, DOWN, ORDER = range(5)
DELIVERIES = 5  # per kind of step: weights, a whole input window, a slide of it, psums in, psums out
WORDS, MOST, PREFIX, FIRST_GROUP, GROUPS = range(5)
FIRST_NEED, END_NEED, EXTRA_LATENCY = range(3)
POSITION, FIRST_USE = range(2)
PART, WHOLE, OUT_MOVES, PLACE_MOVES = range(4)  # a kind's inputs that the next window does not need are dead after PART / WHOLE of its MACs; systolic arrays: moves from a vector's to its result's last one, moves from a vector on until the next tile may come
# A loop of the nest: the next one out over the same dimension (-1: none), how far it goes, psum blocks per iteration; whether its first or last iteration differs from others in more than its length; how many iterations loops over the
# same dimension make inside one that is whole, and the next of them (-1: none), both of those around passes.
PARENT, STEP, WEIGHT, ODD_FIRST, ODD_LAST, INSIDE, CHILD = range(7)
# A stream: room per PE; ports (-1: none); how deep in the nest it looks, loops that change its tile in the scratchpads;
# loops outside its innermost memory, those of them that change the tile there, those that cut that tile into parts.
CAPACITY, BUFFER_PORT, NETWORK_PORT, LATENCY, DEPTH, RELEVANT, OUTSIDE, TILE_MASK, PART_MASK = range(9)
PORT_TICKS, PORT_CAUSE, PORT_MODE, PORT_RANK = range(4)  # a rank per stream from PORT_RANK on
# LOOPS of the nest outside a pass are the first SPLIT; SLIDE is the loop along which input windows slide (-1: none);
# STEADY_LOOP the loop inside passes that may repeat itself (-1: none is looked for); PASSES_TELL the innermost loop whose turns are told (-1: none); IDLE_TILES how many output tiles of a pass a PE may sit out.
# Of the tile FIRST_BACK before, FIRST_WORDS psums of each head must be gone before a tile's first one has room; of that LEAVING_TILES before, LAST_WORDS before all have.
(OPEN_TILES, LEAVING_TILES, LINK_TICKS, LINK_LATENCY, SHARED_ADDER, ZEROS_COME_IN, BARRIER, PIPELINE, TICKS, ARRAY_CAUSE, LOOPS, SPLIT, SLIDE, REDUCTION_MASK, STEADY_LOOP, PASSES_TELL, IDLE_TILES, FIRST_BACK, FIRST_WORDS, LAST_WORDS, SYSTOLIC, STATIONARY, FREEZES, SHADOW, ALL_ROWS, LAST_WAITS) = range(26)

# Systolic arrays: SYSTOLIC; STATIONARY is the stream of the operand that stays (POUT: none); FREEZES: late operands stop the array; SHADOW: a tile's place is free from a vector of the tile before on, its first one; ALL_ROWS:
# rows that enter for every tile (0: those in use); LAST_WAITS: moves from a tile's last vector to that of the next (0: any).

# Scalars of the state. The MACs' next step: which operands are new, its kind; the kind at the start of its psum tile and of its pass.
# HORIZON: a cycle before which no word comes that has not been granted yet; ROWS_WAIT: rows of a stationary tile may enter;
# LOOKS_AHEAD: something would be known if HORIZON were later.
# TRACING: whether slices are wanted; of them TRACED stand in the table, and more than MOST_TRACED shall not; COPIED: the log's rows up to there were taken out.
(STARTED, MAC_TILE, ACC_TILE, EVENTS, GRANTS, LAST_START, SHIFT, LOGGED, BINNED, NEW_W, NEW_I, NEW_O, MAC_KIND, TILE_KIND, PASS_KIND, LEFT_KIND, MACS_DONE, TO_OPEN, TURNED, CROSSED, TRIES, KNOWN, KNOWN_LENGTH, KNOWN_BASE, KNOWN_LOG, TRACING, TRACED, MOST_TRACED, COPIED, HORIZON, ROWS_WAIT, LOOKS_AHEAD) = range(32)
SCALARS = 32

# A stream's columns: its place (kind of step, way of a window, psum block, no reduction has
# advanced, the block was written before), its tile in the innermost buffer, words of the step already sent, what it has done ...
(KIND, MODE, BLOCK, FIRST, AGAIN, AT_TILE, TILE_BASE, AT_WORD, LEAVE, ENDED, DONE, SENT, RELEASED, REUSED, LAST_GRANT, TILES, SEEN, HELD, PART_COUNT) = range(19)
STREAM_COLUMNS = 19
MOVED, BUSY = range(2)
CLOCK, LAST_ACC, ROOT = range(3)
MAC_END, ACC_END, ACC_IN, OUTSIDE_UNTIL = range(4)
WHICH, FIRST_PART = range(2)
OUT_READY, OUT_FINISH, TAKEN, OUT_FIRST, OUT_LAST = range(5)
HEAD_START, HEAD_READY, HEAD_WORDS, HEAD_DELIVERY, HEAD_ASKED, HEAD_KNOWN = range(6)  # start in ticks; asked: ready, and the stream's last words had left
HAS_PSUM, BLOCK_OF, KIND_OF = range(3)
BLOCK_START, BLOCK_END = range(2)
JUMP_STEP, JUMP_CYCLES, JUMP_LOG, JUMP_TIMES, JUMP_SERIES = range(5)
LOG_SERIES, LOG_FROM, LOG_TO, LOG_UNITS, LOG_TIMES, LOG_PERIOD, LOG_OLDEST, LOG_LIMIT = range(8)
LOG_COLUMNS = 8
SLICE_PE, SLICE_NAME, SLICE_CAUSE, SLICE_START, SLICE_LENGTH, SLICE_PERIOD = range(6)
SLICE_COLUMNS = 6
ROWS_IN, TILES_IN, TILES_PLACED, STILLS, OPENS, LATE = range(6)  # rows of the tile that enters, tiles that have; tiles whose place is known to become free; stills so far; for `systolic.account` of the next vector: when its fold opens, the stream that is late
LAST_ENTRY, LAST_ROW, PLACE_FROM = range(3)  # the last vector; the last row; the vector from which on the place of the next tile is counted
REPEATED = 10
"""Beside the PE-cycle names: a slice that repeats the SLICE_PERIOD cycles before it."""
PASS_BEGINS = -1
"""In place of a PE: the slices that follow belong to the next pass."""
REPEAT = -1
"""Series of a log row that repeats the LOG_UNITS rows before it LOG_TIMES more, every LOG_PERIOD ticks; only series below LOG_LIMIT;
they refer back to LOG_OLDEST."""

FIFO, PRIORITY, ROUND_ROBIN = 0, 1, 2
TILES_AHEAD = 16
"""How many output tiles the stream of incoming psums may be ahead of the adders while they start at zero."""
WINDOWS = 512
LOG_ROWS = 1 << 17
STACK = 1 << 14

BLOCKED, AT_LIMIT, PASSED, FULL = range(4)
"""Why an array has stopped: nothing can go on without new tiles; the limit; another pass; the table of slices is full."""


class Program(NamedTuple):
    """What does not change during a layer. K kinds of step, D deliveries, L loops around a step, PEs row-major."""

    work: A  # [K, 5, PE] MAC cycles; words of the output tile; PE that psums come from (-1), go to (-1); PEs, tails first
    dying: A  # [K, 4] see PART
    macs: A  # [K] MACs of all PEs
    delivery: A  # [D, 5] words in all, words of the PE that gets most, where its prefix starts, its first group of PEs, how many there are; DELIVERIES per kind
    group: A  # [D, PE] the PE's group, counted from the delivery's first (-1: it gets nothing)
    supply: A  # [group, 3] where its needs start and end in `need`; cycles of extra latency
    need: A  # [word, 2] words on the port when it has crossed, ascending; the cycle of the step's MACs that first uses it
    prefix: A  # words on the port when every PE has its first a words
    nest: A  # [L, 7] see PARENT
    leaf: A  # [dimensions of several lengths, 2] its innermost loop, where its lengths start in `classes`
    classes: A  # by length: its share of the kind's number
    stream: A  # [STREAMS, 9] see CAPACITY
    port: A  # [port, 3 + STREAMS] ticks per word, cause, arbitration, each stream's rank
    machine: A  # see OPEN_TILES
    group_pes: A  # [PE] of how many PEs each one stands for


class State(NamedTuple):
    """Everything that changes. Times are absolute; a difference to now is what matters."""

    scalars: A
    heads: A  # [STREAMS, 6] every stream's next transaction, see HEAD_START
    digit: A  # [CURSORS, L] where each is in the nest
    extent: A  # [CURSORS, L] what each loop there covers
    stream: A  # [STREAMS, STREAM_COLUMNS] see KIND
    release_words: A  # [STREAMS, ring] words per PE ever released
    port_free: A  # [port] ticks
    tile_cause: A  # [STREAMS, tiles, marks] where a resident tile was before ...
    cause: A  # [STREAMS, parts, marks] where the words of a part of a delivery were before ...
    part: A  # [STREAMS, parts] words on the port when that part is through
    delivery: A  # [3, ring, 2] per delivery under way: which it is, its first part
    late_part: A  # [3, ring, group] of the word that decides `come`: its part, counted from the delivery's first ...
    late_use: A  # [3, ring, group] ... and the cycle of the step's MACs that first uses it
    tile: A  # [3, ring] per output tile: psums come in, its block, the kind of its first step
    chain: A  # [PE, 2] when a tile's first and last psum leave
    open_kind: A  # [slot] kind of step of every open output tile
    slot_tile: A  # [slot, PE] the output tile that a PE had there last
    block_visit: A  # [block] the last output tile that began there
    block_time: A  # [block, 2] start and end of its last write
    events: A  # [n, 2] stream, time
    windows: A  # [series, WINDOWS]
    log: A  # [LOG_ROWS, LOG_COLUMNS] see LOG_SERIES
    slices: A  # [n, SLICE_COLUMNS] what PEs did, where somebody traces: PE, name, cause, cycles
    picture: A  # the state relative to some cycle
    jump: A  # [5] what to skip: iterations per period, its cycles, where it starts in the log, how many, series to repeat
    known: A  # an earlier picture
    known_tally: A
    known_digit: A  # [CURSORS, L]
    known_tile: A  # [STREAMS, 2] each stream's tile, tiles that had come
    # Times in rings: a skip puts off only what still matters.
    tile_time: A  # [STREAMS, tiles] when each tile became resident
    tile_until: A  # [STREAMS, tiles, marks] ... until when
    come: A  # [3, ring, group] when PEs can start so that no word of a delivery holds up their MACs
    until: A  # [STREAMS, parts, marks] ... until when
    # Other times, all in one array:
    times: A
    release_time: A  # [STREAMS, ring]
    pe: A  # [3, PE] accounted until; last addition ended; psum at the chain's tail came
    slot: A  # [4, slot, PE] per open output tile: MACs end, additions end, psums were missing until, were outside until
    leaving: A  # [5, ring] per output tile: ready to leave, gone, added in every PE, as much of it gone that the first psum of a later one has room, that all have
    passed: A  # [1] when the psums in passed the last output tile that starts at zero
    finish: A  # [STREAMS] when the last words were there
    sent: A  # [STREAMS] when the last words had left
    # Counters that only grow, all in one array:
    tally: A
    names: A  # [PE, 10]
    causes: A  # [4, causes]
    moved: A  # [port, 2] words, busy ticks
    delivered: A  # [D] how often each delivery was completed
    computed: A  # [K] how often each kind of step ran
    added: A  # [K, 2] how often its output tile was finished: with psums from outside, without
    passes: A  # [K] passes by the kind of their first step
    zero_words: A  # [1] zero psums that crossed
    # Of a systolic array:
    array: A  # see ROWS_IN
    still: A  # [ring, 2] cycles in which the array stands still: how many, and the result that has no room (-1: operands are late)
    # ... and among the times:
    still_at: A  # [ring] when they begin
    entry: A  # [ring] per output tile: when its last vector entered
    row_in: A  # [R] when each row of the next tile entered
    wave: A  # see LAST_ENTRY
    # To sum what repeats:
    stack: A  # [STACK, 5] rows of the log that are yet to be counted, see `windows.push`
    sums: A  # [2, series] what crossed until a window's end, and until the end of that before


WAVE = ("array", "still", "still_at", "entry", "row_in", "wave")
SELDOM = ("picture", "jump", "known", "known_tally", "known_digit", "known_tile", "times", "tally", *WAVE)
Now = NamedTuple("Now", [(name, A) for name in State._fields if name not in (*SELDOM, "log", "windows", "stack", "sums")])  # type: ignore[misc]
"""A `State` without what its `Log` and its `Past` have."""


class Log(NamedTuple):
    """Of a `State`, what traffic over time needs."""

    scalars: A
    windows: A
    log: A
    stack: A
    sums: A


class Wave(NamedTuple):
    """Of a `State`, what only a systolic array has."""

    array: A
    still: A
    still_at: A
    entry: A
    row_in: A
    wave: A


class Past(NamedTuple):
    """Of a `State`, what looking back and skipping needs beside the rest."""

    picture: A
    jump: A
    known: A
    known_tally: A
    known_digit: A
    known_tile: A
    times: A
    tally: A


def parts_of(shapes: dict[str, tuple[int, ...]]) -> tuple[A, dict[str, A]]:
    """One array of zeros and views of it with the given shapes, one after another."""
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    whole, at, out = np.zeros(sum(sizes.values()), dtype=np.int64), 0, {}
    for name, size in sizes.items():
        out[name] = whole[at : at + size].reshape(shapes[name])
        at += size
    return whole, out
