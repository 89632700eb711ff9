"""SimPy's part: simulated time, processes that sleep until something is due, the fabric between memories."""

from bisect import insort
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from heapq import heapify, heappush
from typing import Any

import simpy
from simpy.events import NORMAL

from simulator.components.base import Arbitrated, Rate
from simulator.engine.program import MODES, STREAM_NAMES, ticks_per_unit
from simulator.kernels.tables import FIFO, PRIORITY, ROUND_ROBIN

Breaks = tuple[tuple[int, int], ...]
"""Where a missing thing was: (until when, number of the cause), in order of time."""

Process = Generator[simpy.Event, Any, None]

FABRIC, ARRAY_LAST = 2, 3
"""SimPy priorities: within a cycle memories come first, then arbitration, then the array."""
PAST = -(1 << 60)
"""What every time that can no longer matter looks like, relative to now."""


class World(simpy.Environment):
    """Simulated time in whole core cycles; it can be moved on as a whole."""

    @property
    def cycle(self) -> int:
        """The present cycle."""
        return int(self._now)

    def put(self, event: simpy.Event, priority: int, cycle: int) -> None:
        """Let an event happen at a cycle."""
        event._ok, event._value = True, None
        heappush(self._queue, (cycle, priority, next(self._eid), event))  # type: ignore[misc]

    def take_back(self, event: simpy.Event) -> None:
        """Forget an event that was put."""
        self._queue[:] = [entry for entry in self._queue if entry[3] is not event]
        heapify(self._queue)

    def peek_cycle(self, forever: int) -> int:
        """The cycle of the next event, ``forever`` where there is none."""
        return int(self._queue[0][0]) if self._queue else forever

    def pending(self) -> list[tuple[int, int, simpy.Event]]:
        """(cycle, priority, event) of everything that is to happen, in order."""
        return [(int(cycle), priority, event) for cycle, priority, _, event in sorted(self._queue)]

    def shift(self, cycles: int) -> None:
        """Move now and everything that is to happen by ``cycles``."""
        self._now += cycles
        self._queue[:] = [(time + cycles, *rest) for time, *rest in self._queue]  # type: ignore[misc]


class Sleeper:
    """A SimPy process that sleeps until the earliest cycle that it was asked to wake at, and then acts.

    A subclass says what it does in `act`; all its state is in its attributes. ``alarm`` is what wakes it.
    """

    def __init__(self, world: World, priority: int) -> None:
        self.world, self.priority = world, priority
        self.due: int | None = None
        self.alarm = simpy.Event(world)
        world.process(self._run())

    def wake_at(self, cycle: int) -> None:
        """Act at a cycle, if not before."""
        if self.due is not None:
            if self.due <= cycle:
                return
            self.world.take_back(self.alarm)
        self.due = cycle
        self.world.put(self.alarm, self.priority, cycle)

    def act(self) -> None:
        """Do what is due now."""
        raise NotImplementedError

    def _run(self) -> Process:
        while True:
            yield self.alarm
            self.alarm, self.due = simpy.Event(self.world), None
            self.act()


class Agenda(Sleeper):
    """A process with a list of things to do, each at its time; in one cycle in the order of being asked."""

    def __init__(self, world: World) -> None:
        super().__init__(world, NORMAL)
        self.items: list[tuple[int, int, Callable[..., None], Any]] = []
        self._asked = 0

    def expect(self, cycle: int, do: Callable[..., None], what: Any) -> None:
        """Call ``do(what)`` at a cycle."""
        self._asked += 1
        insort(self.items, (cycle, self._asked, do, what), key=lambda item: item[:2])
        self.wake_at(cycle)

    def act(self) -> None:
        """Do everything that is due."""
        while self.items and self.items[0][0] <= self.world.cycle:
            _, _, do, what = self.items.pop(0)
            do(what)
        if self.items:
            self.wake_at(self.items[0][0])

    def shift(self, cycles: int) -> None:
        """Put everything off; the world has moved the alarm."""
        self.items = [(time + cycles, number, do, what) for time, number, do, what in self.items]
        if self.due is not None:
            self.due += cycles


@dataclass(slots=True)
class FabricPort:
    """One port between memories; ``free_at`` is in ticks. ``number`` tells it apart in counts and logs."""

    name: str
    cause: int
    number: int
    ticks_per_unit: int
    mode: int = FIFO
    rank: dict[str, int] = field(default_factory=dict)
    free_at: int = 0
    last: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """A transaction that a lane asks for: units on each port, since when, and what for (``subject``)."""

    units: tuple[int, ...]
    ready: int
    subject: Any
    breaks: Breaks


@dataclass(slots=True)
class Lane:
    """A way between two memories for one stream: its ports, outermost first, and what waits on it, in order.

    ``sent`` is called with a request and the cycle in which its last slot ends, when it is granted, and
    ``done`` with (its subject, visible cycle, where it was) on ``receiver``'s agenda when it is visible.
    """

    stream: str
    ports: tuple[FabricPort, ...]
    inward: bool
    latency: int
    receiver: Agenda
    sent: Callable[[Request, int], None]
    done: Callable[[Any], None]
    waiting: deque[Request] = field(default_factory=deque)


class Fabric(Sleeper):
    """Grants transactions between memories in order of start time; ties by the port's arbitration."""

    def __init__(
        self, world: World, ticks: int, log: Callable[[FabricPort, str, int, int, int], None]
    ) -> None:
        super().__init__(world, FABRIC)
        self.ticks, self.log = ticks, log
        self.lanes: list[Lane] = []
        self.grants = 0

    def busy_cycles(self, port: FabricPort, units: int) -> float:
        """How long ``units`` hold a port."""
        return units * port.ticks_per_unit / self.ticks

    def limit_per_cycle(self, port: FabricPort) -> float | str:
        """Units that a port moves per cycle at the most."""
        return self.ticks / port.ticks_per_unit if port.ticks_per_unit else "unlimited"

    def ask(self, lane: Lane, request: Request) -> None:
        """Ask for a transaction."""
        lane.waiting.append(request)
        if len(lane.waiting) == 1:
            self.wake_at(max(self.world.cycle, self._start(lane) // self.ticks))

    def _start(self, lane: Lane) -> int:
        start = lane.waiting[0].ready * self.ticks
        for port in lane.ports:
            start = max(start, port.free_at)
        return start

    def first(self) -> Lane | None:
        """Whose turn it is: the earliest start, then the declared order of the port that two share."""
        best, start = None, 0
        for lane in self.lanes:
            if lane.waiting:
                at = self._start(lane)
                if best is None or at < start or (at == start and self._goes_before(lane, best)):
                    best, start = lane, at
        return best

    def _goes_before(self, lane: Lane, other: Lane) -> bool:
        shared = [port for port in lane.ports if any(port is x for x in other.ports)]
        if not shared:
            return False
        port = max(shared, key=lambda port: port.free_at)
        return self._place_in(port, lane) < self._place_in(port, other)

    def _place_in(self, port: FabricPort, lane: Lane) -> tuple[int, int]:
        rank = port.rank[lane.stream]
        if port.mode == PRIORITY:
            return (rank, 0)
        if port.mode == ROUND_ROBIN:
            return (port.last.get(lane.stream, -1), rank)
        return (lane.waiting[0].ready, rank)

    def act(self) -> None:
        """Grant one transaction, if one starts in this cycle, and sleep until the next may."""
        lane = self.first()
        if lane is not None and self._start(lane) // self.ticks <= self.world.cycle:
            self._grant(lane)
            lane = self.first()
        if lane is not None:
            self.wake_at(max(self.world.cycle, self._start(lane) // self.ticks))

    def _grant(self, lane: Lane) -> None:
        start, request = self._start(lane), lane.waiting.popleft()
        flow = zip(lane.ports, request.units, strict=True)
        slowest = busiest = lane.ports[0]
        longest = late = most = 0
        self.grants += 1
        for port, units in flow if lane.inward else reversed(tuple(flow)):
            length = units * port.ticks_per_unit
            if length >= longest:  # of two the slower, then the one downstream
                slowest, longest = port, length
            if (port.free_at, length) >= (late, most):
                busiest, late, most = port, port.free_at, length
            port.free_at = start + length
            port.last[lane.stream] = self.grants
        visible = -(-(start + longest) // self.ticks) + lane.latency
        begin = -(-start // self.ticks)
        for port, units in zip(lane.ports, request.units, strict=True):  # without latency: the port is free
            taken = units * port.ticks_per_unit or longest
            self.log(port, lane.stream, begin, -(-(start + taken) // self.ticks), units)
        breaks = (*request.breaks, (begin, busiest.cause), (visible, slowest.cause))
        lane.receiver.expect(visible, lane.done, (request.subject, visible, breaks))
        lane.sent(request, (start + longest) // self.ticks)

    def shift(self, cycles: int) -> None:
        """Move everything on by ``cycles``; the world has moved the alarm."""
        if self.due is not None:
            self.due += cycles
        for port in {id(port): port for lane in self.lanes for port in lane.ports}.values():
            port.free_at += cycles * self.ticks
        for lane in self.lanes:
            for request in lane.waiting:
                request.ready += cycles
                request.breaks = later(request.breaks, cycles)


def fabric_port(name: str, cause: int, number: int, rate: Rate, ticks: int, part: Arbitrated) -> FabricPort:
    """Build a port of ``part``, which declares the order of its streams."""
    ranks = {stream: part.order.index(stream) for stream in STREAM_NAMES}
    return FabricPort(name, cause, number, ticks_per_unit(rate, ticks), MODES[part.arbitration], ranks)


def compact(breaks: Breaks) -> list[tuple[int, int]]:
    """Drop what ended before it began: only pairs in rising order of time matter."""
    out: list[tuple[int, int]] = []
    for until, cause in breaks:
        if until > (out[-1][0] if out else 0):
            out.append((until, cause))
    return out


def later(breaks: Breaks, cycles: int) -> Breaks:
    """The same marks, ``cycles`` later."""
    return tuple((until + cycles, cause) for until, cause in breaks)
