"""Tiles of a stationary operand: their rows enter a systolic array one after another."""

from simulator.kernels._jit import stage
from simulator.kernels.tables import (
    ALL_ROWS, AT_WORD, DELIVERIES, DONE, ENDED, HORIZON, KIND, LAST_ENTRY, LAST_ROW, LEAVE, MACS_DONE,
    MOST, NEW_I, NEW_W, PLACE_FROM, PLACE_MOVES, Program, ROWS_IN, ROWS_WAIT, SEEN, STATIONARY, State, TILES_IN,
    TILES_PLACED, TILE_KIND, W, WHICH, Wave,
)  # fmt: skip
from simulator.kernels.wave import later


@stage
def tile_rows(p: Program, s: State, v: Wave) -> int:
    """How many rows of the next tile have words; 0 where there is none any more."""
    stays, tile = p.machine[STATIONARY], v.array[TILES_IN]
    c = s.stream[stays]
    if tile < c[DONE] or (tile == c[DONE] and c[AT_WORD] > 0):
        return int(p.delivery[s.delivery[stays, tile % s.delivery.shape[1], WHICH], MOST])
    if c[ENDED] != 0 or c[LEAVE] != 0:
        return 0
    return int(p.delivery[DELIVERIES * c[KIND] + stays, MOST])


@stage
def rows_to_come(p: Program, s: State, v: Wave) -> int:
    """How many rows of the next tile have yet to enter."""
    return int(max(p.machine[ALL_ROWS], tile_rows(p, s, v)) - v.array[ROWS_IN])


@stage
def next_word(p: Program, v: Wave, used: int) -> int:
    """The next row's number among those with words; negative for one of zeros."""
    return int(v.array[ROWS_IN] - (max(p.machine[ALL_ROWS], used) - used))


@stage
def granted(p: Program, s: State, v: Wave, row: int) -> bool:
    """Whether the words of a row of the next tile are granted; those of zeros always are."""
    c, tile = s.stream[p.machine[STATIONARY]], v.array[TILES_IN]
    return bool(row < 0 or tile < c[DONE] or (tile == c[DONE] and row < c[AT_WORD]))


@stage
def may_enter(p: Program, s: State, v: Wave) -> bool:
    """Whether what the next vector or the next row of the stationary operand consists of is granted."""
    q, stays = s.scalars, p.machine[STATIONARY]
    if q[ROWS_WAIT] != 0:
        used = tile_rows(p, s, v)
        if used > 0 and granted(p, s, v, next_word(p, v, used)):
            return True
    if q[MACS_DONE] != 0:
        return False
    for stream in range(2):
        if (q[NEW_W] if stream == W else q[NEW_I]) != 0:
            here = v.array[TILES_IN] if stream == stays else s.stream[stream, DONE]
            if here <= s.stream[stream, SEEN]:
                return False
    return True


@stage
def next_row(p: Program, s: State, v: Wave) -> tuple[int, int]:
    """(1 if that is known, 2 if not, 0 if there is none) the cycle from which on the next tile's next row may enter."""
    used = tile_rows(p, s, v)
    if used == 0:
        return 0, 0
    row, known, there = next_word(p, v, used), 1, 0
    if not granted(p, s, v, row):
        known, there = 2, s.scalars[HORIZON]
    elif row >= 0:
        stays = p.machine[STATIONARY]
        there = s.come[stays, v.array[TILES_IN] % s.come.shape[1], row]
    if v.array[ROWS_IN] > 0:
        free = v.wave[LAST_ROW] + 1
    elif v.array[TILES_IN] == 0:
        free = v.wave[PLACE_FROM]
    elif v.array[TILES_PLACED] > v.array[TILES_IN]:
        free = later(v, v.wave[PLACE_FROM], p.dying[s.scalars[TILE_KIND], PLACE_MOVES])
    else:  # the vector from which on it is counted has yet to enter
        free, known = v.wave[LAST_ENTRY] + 1, 2
    return known, max(free, there)
