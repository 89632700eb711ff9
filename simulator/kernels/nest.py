"""The loop nest that everything walks: where a cursor is, how it goes on, and how many iterations lie inside."""

from simulator.kernels._jit import stage
from simulator.kernels.tables import (
    CHILD, INSIDE, OUTSIDE, PARENT, PART_MASK, Program, SPLIT, STEP, State,
)  # fmt: skip


@stage
def ceil_div(a: int, b: int) -> int:
    """Smallest integer not below a / b, for b > 0."""
    return -(-a // b)


@stage
def covers(p: Program, s: State, cursor: int, loop: int) -> int:
    """How much of its dimension one iteration of ``loop`` covers where ``cursor`` is."""
    return int(min(p.nest[loop, STEP], s.extent[cursor, loop] - s.digit[cursor, loop] * p.nest[loop, STEP]))


@stage
def trips(p: Program, s: State, cursor: int, loop: int) -> int:
    """How many iterations ``loop`` makes where ``cursor`` is."""
    return ceil_div(s.extent[cursor, loop], p.nest[loop, STEP])


@stage
def next_turn(p: Program, s: State, cursor: int, depth: int) -> int:
    """The loop, of the outer ``depth`` ones, that goes on next; -1 at the end of the layer."""
    loop = depth - 1
    while loop >= 0 and (s.digit[cursor, loop] + 1) * p.nest[loop, STEP] >= s.extent[cursor, loop]:
        loop -= 1
    return loop


@stage
def turn(p: Program, s: State, cursor: int, loop: int, depth: int) -> int:
    """Go on with ``loop``, all loops inside it start anew; returns which digits have changed, a bit each."""
    changed = 1 << loop
    s.digit[cursor, loop] += 1
    for i in range(loop + 1, depth):
        if s.digit[cursor, i] != 0:
            changed |= 1 << i
            s.digit[cursor, i] = 0
    for i in range(loop + 1, p.nest.shape[0]):
        if p.nest[i, PARENT] >= 0:
            s.extent[cursor, i] = covers(p, s, cursor, p.nest[i, PARENT])
    return changed


@stage
def kind_at(p: Program, s: State, cursor: int) -> int:
    """The kind of the step where ``cursor`` is."""
    kind = 0
    for i in range(p.leaf.shape[0]):
        kind += p.classes[p.leaf[i, 1] + covers(p, s, cursor, p.leaf[i, 0])]
    return kind


@stage
def pieces(p: Program, loop: int, length: int) -> int:
    """How many iterations ``loop`` and those inside it over the same dimension, around passes, make over ``length``."""
    count = 0
    while length > 0:
        if loop < 0:
            return count + 1
        count += length // p.nest[loop, STEP] * p.nest[loop, INSIDE]
        length = length % p.nest[loop, STEP]
        loop = p.nest[loop, CHILD]
    return count


@stage
def parts_inside(p: Program, s: State, stream: int, start: int, besides: int) -> int:
    """In how many parts a stream's tile is used by the loops from ``start`` on, without those inside loop ``besides``."""
    count = 1
    for loop in range(start, p.machine[SPLIT]):
        outer = p.nest[loop, PARENT]
        if (p.stream[stream, PART_MASK] >> loop) & 1 != 0 and outer < start and outer != besides:
            count *= pieces(p, loop, s.extent[stream, loop])
    return count


@stage
def parts_of(p: Program, s: State, stream: int, loop: int) -> int:
    """How many parts of a stream's tile a whole iteration of ``loop`` uses."""
    return int(p.nest[loop, INSIDE] * parts_inside(p, s, stream, loop + 1, loop))


@stage
def part_at(p: Program, s: State, stream: int) -> int:
    """Which part of its present tile a stream uses where it is, counted in the order in which they come."""
    part = 0
    for loop in range(p.stream[stream, OUTSIDE], p.machine[SPLIT]):
        if (p.stream[stream, PART_MASK] >> loop) & 1 != 0 and s.digit[stream, loop] != 0:
            part += s.digit[stream, loop] * parts_of(p, s, stream, loop)
    return part
