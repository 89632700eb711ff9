"""When a systolic array moves: the cycles in which it stands still, and what follows for vectors on their way."""

from simulator.kernels._jit import stage
from simulator.kernels.tables import KIND_OF, OUT_MOVES, OUT_READY, Program, STILLS, State, Wave


@stage
def add_still(v: Wave, start: int, length: int, result: int) -> None:
    """The array stands still from ``start`` on, for a result that has no room or (-1) for operands; later than all it did so far."""
    at = v.array[STILLS] % v.still_at.shape[0]
    v.still_at[at], v.still[at, 0], v.still[at, 1] = start, length, result
    v.array[STILLS] += 1


@stage
def first_still_after(v: Wave, cycle: int) -> int:
    """The number of the first stand-still that ends after ``cycle``."""
    number, ring = v.array[STILLS], v.still_at.shape[0]
    oldest = max(0, number - ring)
    while number > oldest and v.still_at[(number - 1) % ring] + v.still[(number - 1) % ring, 0] > cycle:
        number -= 1
    return int(number)


@stage
def after_moves(v: Wave, cycle: int, moves: int, waits: bool) -> int:
    """`later`, or `due_after` where the array ``waits`` for what is due then."""
    ring, found = v.still_at.shape[0], cycle + moves
    for number in range(first_still_after(v, cycle), v.array[STILLS]):
        start = v.still_at[number % ring]
        if start > found or (waits and start == found and v.still[number % ring, 1] < 0):
            break
        found += v.still[number % ring, 0]
    return found


@stage
def later(v: Wave, cycle: int, moves: int) -> int:
    """The cycle of the array's move that is so many moves after the one in ``cycle``, by the stand-stills known so far."""
    return int(after_moves(v, cycle, moves, False))


@stage
def due_after(v: Wave, cycle: int, moves: int) -> int:
    """As `later`, but where the array was found to stand still from then on for the operands of the vector that is due: that cycle."""
    return int(after_moves(v, cycle, moves, True))


@stage
def next_move(v: Wave, cycle: int) -> int:
    """The first cycle from ``cycle`` on in which the array moves, by the stand-stills known so far."""
    ring = v.still_at.shape[0]
    for number in range(first_still_after(v, cycle), v.array[STILLS]):
        if v.still_at[number % ring] > cycle:
            break
        cycle = v.still_at[number % ring] + v.still[number % ring, 0]
    return cycle


@stage
def leaves(p: Program, s: State, v: Wave, tile: int) -> int:
    """The cycle of the move that brings the last word of a result out of the array, by the stand-stills known so far."""
    kind = s.tile[KIND_OF, tile % s.tile.shape[1]]
    return later(v, v.entry[tile % v.entry.shape[0]], p.dying[kind, OUT_MOVES])


@stage
def arrival(p: Program, s: State, v: Wave, tile: int) -> int:
    """The cycle of the move that brings a result to the FIFO of outputs; the one before it has arrived, and one comes in a move."""
    cycle = leaves(p, s, v, tile)
    if tile > 0:
        cycle = max(cycle, next_move(v, s.leaving[OUT_READY, (tile - 1) % s.leaving.shape[1]]))
    return cycle
