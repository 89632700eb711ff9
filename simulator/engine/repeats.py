"""Fast-forward: whole periods of a layer that repeat are skipped, exactly.

At every pass the state of the whole machine is looked at relative to now. If it was the same at an earlier
pass, if since then all cursors in the loop nest either stood still or went on by the same number of
iterations of one loop, and if the iterations to come have the same transactions, then what follows repeats.
As many periods as lie before the loop's last iteration, for whoever is furthest ahead, are skipped at once:
clocks and pending events are shifted, cursors jump, and counters grow by multiples of what one period added.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from simulator.components.networks.base import Ints
from simulator.engine.levels import Fill, Hold, Level, Resident
from simulator.engine.tiles import TileCursor
from simulator.engine.world import PAST, Breaks, later
from simulator.kernels import tables as kernel

if TYPE_CHECKING:
    from simulator.engine.machine import LayerMachine

DEEDS = ("give", "through", "arrived", "drained")
"""What levels have their agendas do."""
TILE_COLUMNS = [kernel.AT_TILE, kernel.TILES]
MOST_MOMENTS = 256
"""How many different states of the machine are remembered."""
MOST_ALIKE = 4
"""How many moments are remembered of each."""
PATIENCE = 32
"""After how many passes without a match only every fourth is looked at, or where an inner loop begins.

After four times as many it is every 16th.
"""


class Moment(NamedTuple):
    """The machine at the end of a pass: all that is needed to tell what has changed since."""

    base: int
    place: tuple[int, ...]
    digit: Ints
    tiles: Ints
    tally: Ints
    logged: int
    cursors: tuple[tuple[int, ...], ...]
    counts: tuple[int, ...]
    undrained: tuple[int, ...]


class Repeats:
    """Looks for what repeats in one layer, and skips it."""

    def __init__(self, machine: "LayerMachine") -> None:
        self.machine = machine
        self.skipped = 0
        self._moments: dict[tuple[bytes, tuple[int, ...]], list[Moment]] = {}
        self._misses = 0

    def look_back(self) -> None:
        """Compare the machine with what it was at earlier passes; skip what repeats, or remember it."""
        machine, s = self.machine, self.machine.state
        every = 1 if self._misses <= PATIENCE else 4 if self._misses <= 4 * PATIENCE else 16
        if self._misses % every and s.digit[kernel.MACS, machine.program.machine[kernel.PASSES_TELL]]:
            self._misses += 1
            return
        base = int(s.scalars[kernel.LAST_START]) // machine.array.ticks
        picture = machine.bound.picture(base)
        if picture is None:
            return
        low = min(base, machine.world.cycle, int(s.pe[kernel.CLOCK].min()))
        key = picture, tuple(self._around(base, low))
        now = Moment(
            base, tuple(s.digit[kernel.MACS].tolist()), s.digit.copy(), s.stream[:, TILE_COLUMNS],
            s.tally.copy(), int(s.scalars[kernel.LOGGED]),
            tuple([c.place for c in self._tile_cursors()]), self._counts(), self._undrained(),
        )  # fmt: skip
        alike = self._moments.setdefault(key, [])
        for then in reversed(alike):
            if self._skip(then, now):
                self._misses = 0
                return
        self._misses += 1
        alike.append(now)
        del alike[:-MOST_ALIKE]
        if len(self._moments) > MOST_MOMENTS:
            del self._moments[next(iter(self._moments))]

    def _tile_cursors(self) -> list[TileCursor]:
        out = []
        for level in self.machine.levels.values():
            out.append(level.cursor)
            if isinstance(level, Hold) and level.drains is not None:
                out.append(level.drains)
        return out

    def _counts(self) -> tuple[int, ...]:
        """Everything outside the array that only grows."""
        out: list[int] = []
        for level in self.machine.levels.values():
            out += level.counts
        for counts in self.machine.port_counts:
            out += counts.values()
        return tuple(out)

    def _undrained(self) -> tuple[int, ...]:
        """How many output tiles each level that holds such has."""
        return tuple([len(x.undrained) for x in self.machine.levels.values() if isinstance(x, Hold)])

    def _around(self, base: int, low: int) -> list[int]:
        """The state outside the array relative to ``base``; what is before ``low`` is past."""
        machine, out = self.machine, list[int]()
        sleepers = {id(x.alarm): i for i, x in enumerate((machine.fabric, *machine.agendas.values()))}
        for time, priority, event in machine.world.pending():
            out += (time - base, priority, sleepers.get(id(event), -1))
        ticks = machine.fabric.ticks
        for port in machine.ports.values():
            out.append(port.free_at - base * ticks if port.free_at > low * ticks else PAST)
            if port.mode == kernel.ROUND_ROBIN:
                out += [sum(other < last for other in port.last.values()) for last in port.last.values()]
                out.append(len(port.last))
        for level in machine.levels.values():
            _put_level(level, out, base, low)
        for number, agenda in enumerate(machine.agendas.values()):
            out.append(number)
            for time, _, do, what in agenda.items:
                out += (time - base, do.__self__.number, DEEDS.index(do.__name__))  # type: ignore[attr-defined]
                if what is not None:
                    tile, _, breaks = what
                    out += tile.shape
                    _put_marks(breaks, out, base, low)
        return out

    def _skip(self, then: Moment, now: Moment) -> bool:
        """Skip as many periods from ``then`` to now as the loop allows; False where none can be."""
        cycles = now.base - then.base
        turned = [i for i, (a, b) in enumerate(zip(then.place, now.place, strict=True)) if a != b]
        if cycles <= 0 or len(turned) != 1:
            return False
        loop = turned[0]
        step = now.place[loop] - then.place[loop]
        if step <= 0 or not self._tiles_moved_alike(then, now, loop, step):
            return False
        s = self.machine.state
        s.known_digit[:], s.known_tile[:], s.known_tally[:] = then.digit, then.tiles, then.tally
        times = min(self.machine.bound.reach(loop), self._horizon_of_tiles(then, now, loop, step))
        if times <= 0:
            return False
        if (now.base + cycles * times) * self.machine.array.ticks >= kernel.FOREVER:
            raise OverflowError("the kernel's time would come to its end")
        passes = int(s.passes.sum())
        if not self.machine.bound.skip(loop, step, cycles, then.logged, times):
            return False
        self.skipped += int(s.passes.sum()) - passes
        if self.machine.recorder is not None:
            self.machine.recorder.skipped((int(s.passes.sum()) - passes) // times)
        self._shift(then, now, loop, step * times, cycles * times, times)
        return True

    def _tiles_moved_alike(self, then: Moment, now: Moment, loop: int, step: int) -> bool:
        """Whether all tiles stood still or went on by ``step`` iterations of ``loop`` and nothing else."""
        for cursor, before, after in zip(self._tile_cursors(), then.cursors, now.cursors, strict=True):
            if before[-1] != after[-1]:  # on its way to the end
                return False
            for i, a, b in zip(cursor.cursor.loops, before, after, strict=False):
                if a != b and (i != loop or b - a != step):
                    return False
        return True

    def _horizon_of_tiles(self, then: Moment, now: Moment, loop: int, step: int) -> int:
        """How many periods lie before the loop's end for the tiles, as the kernel's `reach` for the array."""
        most, tables, far = kernel.FOREVER, self.machine.tables, self.machine.nest.steps[loop]
        for level, cursor, before in self._moving(then, now):
            n = cursor.cursor.loops.index(loop)
            here, odd = cursor.cursor.digits[n], tables.odd_last[loop] or cursor.cursor.lengths[n] % far != 0
            if before[n] < 2 * tables.odd_first[loop]:  # the present tile may be of the iteration before
                return 0
            times = (cursor.cursor.trips(n) - 1 - odd - here) // step
            first, outermost = max(before[n] - 1, 0), level.above is None
            while times > 0 and not cursor.repeats(loop, first, here + times * step, inside=outermost):
                times = times // 2 if times > 8 else times - 1
            most = min(most, times)
        return most

    def _moving(self, then: Moment, now: Moment) -> Iterator[tuple[Level, TileCursor, tuple[int, ...]]]:
        owners = [level for level in self.machine.levels.values() for _ in range(1 + isinstance(level, Hold))]
        rows = zip(owners, self._tile_cursors(), then.cursors, now.cursors, strict=True)
        for level, cursor, before, after in rows:
            if before != after:
                yield level, cursor, before

    def _shift(self, then: Moment, now: Moment, loop: int, far: int, cycles: int, times: int) -> None:
        """Move everything outside the array on."""
        machine = self.machine
        for level, cursor, _ in list(self._moving(then, now)):
            if isinstance(level, Hold) and cursor is level.cursor:
                level.jump(loop, far)
            cursor.jump(loop, far)
        machine.world.shift(cycles)
        machine.fabric.shift(cycles)
        for agenda in machine.agendas.values():
            agenda.shift(cycles)
            agenda.items = [(t, n, do, _put_off(what, cycles)) for t, n, do, what in agenda.items]
        for level in machine.levels.values():
            level.shift(cycles)
        holds = [level for level in machine.levels.values() if isinstance(level, Hold)]
        for hold, before, after in zip(holds, then.undrained, now.undrained, strict=True):
            hold.use_up((before - after) * times)
        counts = iter([b - a for a, b in zip(then.counts, now.counts, strict=True)])
        for level in machine.levels.values():
            for i in range(len(level.counts)):
                level.counts[i] += times * next(counts)
        for port in machine.port_counts:
            for stream in port:
                port[stream] += times * next(counts)


def _put_off(what: object, cycles: int) -> object:
    """A thing on an agenda, ``cycles`` later."""
    if not isinstance(what, tuple):
        return what
    tile, visible, breaks = what
    return tile, visible + cycles, later(breaks, cycles)


def _put_level(level: Level, out: list[int], base: int, low: int) -> None:
    """Write what a level waits for, and what it has."""
    here = level.cursor.tile
    room = level.room if here is not None else PAST
    out += (room, level.sourced, level.sent - base if level.sent > low else PAST)
    _put_resident(level.source, out, base, low)
    out.append(len(level.sources))
    for resident in level.sources:
        _put_resident(resident, out, base, low)
    drains = None
    if isinstance(level, Fill):
        out.append(level.asked)
    if isinstance(level, Hold):
        left = len(level.undrained) if here is not None else PAST  # then it only gets less
        out += (level.taken, level.loading, left)
        _put_marks(level.marks, out, base, low)
        for key in level.undrained if here is not None else ():
            assert here is not None
            out += [a - b for a, b in zip(key, here.key, strict=True)]
        drains = level.drains.tile if level.drains else None
    for tile in (here, drains):
        out += (PAST,) if tile is None else tile.shape
    for lane in (level.fill_lane, level.drain_lane):
        for request in lane.waiting if lane is not None else ():
            out += (request.ready - base, *request.units, *request.subject.shape)
            _put_marks(request.breaks, out, base, low)


def _put_resident(resident: Resident | None, out: list[int], base: int, low: int) -> None:
    if resident is None:
        out.append(PAST)
        return
    out += resident.tile.shape
    out.append(resident.time - base if resident.time > low else PAST)
    _put_marks(resident.breaks, out, base, low)


def _put_marks(breaks: Breaks, out: list[int], base: int, low: int) -> None:
    """Where something was, relative to ``base``; `PAST` ends it."""
    for until, cause in breaks:
        if until > low:
            out += (until - base, cause)
    out.append(PAST)
