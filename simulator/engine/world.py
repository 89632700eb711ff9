"""SimPy's part: simulated time, the fabric between memories, and tiles that move in whole transactions."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import simpy
from simpy.core import SimTime

from simulator.components.base import Arbitrated, Rate
from simulator.engine.program import MODES, ticks_per_unit
from simulator.kernels.array import PRIORITY, ROUND_ROBIN

Breaks = tuple[tuple[int, str], ...]
"""Where a missing thing was: (until when, cause), in order of time."""

Process = Generator[simpy.Event, Any, Any]

FABRIC, ARRAY_LAST = 2, 3
"""SimPy priorities: within a cycle ordinary events come first, then arbitration, then the array."""


class World(simpy.Environment):
    """Simulated time in whole core cycles."""

    def at_end_of_cycle(self, priority: int, time: int | None = None) -> simpy.Event:
        """An event at ``time`` (now where absent) that comes after all ordinary events of its cycle."""
        event = simpy.Event(self)
        event._ok = True
        event._value = None
        self.schedule(event, priority=priority, delay=0 if time is None else max(0, time - int(self.now)))  # type: ignore[arg-type]
        return event

    def peek_cycle(self, forever: int) -> int:
        """The cycle of the next event, ``forever`` where there is none."""
        next_time: SimTime = self.peek()
        return forever if next_time == float("inf") else int(next_time)


@dataclass(slots=True)
class FabricPort:
    """One port between memories; ``free_at`` is in ticks."""

    name: str
    cause: str
    ticks_per_unit: int
    mode: int = MODES["fifo"]
    rank: dict[str, int] = field(default_factory=dict)
    free_at: int = 0
    units: int = 0
    busy_ticks: int = 0


@dataclass(frozen=True, slots=True)
class Leg:
    """One port on a transaction's way, and how many of its units (words, bytes) cross it."""

    port: FabricPort
    units: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a transaction: start cycle, when it is visible, and where it was meanwhile."""

    start: int
    visible: int
    breaks: Breaks


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transaction that was asked for.

    ``sent`` happens in the cycle in which its last slot on the ports ends, so that the next request of its
    stream finds the port as it leaves it; ``done`` when it is visible, with a `Moved` as value.
    """

    sent: simpy.Event
    done: simpy.Event


@dataclass(slots=True)
class _Request:
    legs: tuple[Leg, ...]
    stream: str
    latency: int
    ready: int
    number: int
    transfer: Transfer


class Fabric:
    """Grants transactions between memories in order of start time; ties by the port's arbitration."""

    def __init__(self, world: World, ticks: int) -> None:
        self.world, self.ticks = world, ticks
        self.pending: list[_Request] = []
        self.transfers: list[tuple[str, str, int, int, int]] = []
        self._wake = world.event()
        self._count = 0
        self._last: dict[str, int] = {}
        world.process(self._run())

    def move(self, legs: tuple[Leg, ...], stream: str, latency: int) -> Transfer:
        """Ask for a transaction."""
        transfer = Transfer(self.world.event(), self.world.event())
        self._count += 1
        self.pending.append(_Request(legs, stream, latency, int(self.world.now), self._count, transfer))
        if not self._wake.triggered:
            self._wake.succeed()
        return transfer

    def _start(self, request: _Request) -> int:
        return max(request.ready * self.ticks, *(leg.port.free_at for leg in request.legs))

    def _first(self) -> _Request:
        """Who is granted next: the earliest start, then the declared order of the port that two share."""
        return reduce(lambda best, other: other if self._wins(other, best) else best, self.pending)

    def _wins(self, one: _Request, other: _Request) -> bool:
        starts = self._start(one), self._start(other)
        shared = [leg.port for leg in one.legs if any(leg.port is x.port for x in other.legs)]
        if starts[0] != starts[1] or not shared:
            return (starts[0], one.number) < (starts[1], other.number)
        port = max(shared, key=lambda port: port.free_at)
        return self._place_in(port, one) < self._place_in(port, other)

    def _place_in(self, port: FabricPort, request: _Request) -> tuple[int, int, int]:
        rank = port.rank[request.stream]
        if port.mode == PRIORITY:
            return (rank, request.number, 0)
        if port.mode == ROUND_ROBIN:
            return (self._last.get(request.stream, -1), rank, request.number)
        return (request.ready, rank, request.number)

    def _run(self) -> Process:
        while True:
            self._wake = self.world.event()
            if not self.pending:
                yield self._wake
                continue
            first = self._first()
            cycle = self._start(first) // self.ticks
            if cycle > self.world.now:
                yield self.world.timeout(cycle - int(self.world.now)) | self._wake
                continue
            yield self.world.at_end_of_cycle(FABRIC)
            self._grant(self._first())

    def _grant(self, request: _Request) -> None:
        start = self._start(request)
        if start // self.ticks > self.world.now:
            return
        self.pending.remove(request)
        self._count += 1
        self._last[request.stream] = self._count
        busiest = max(request.legs, key=lambda leg: leg.port.free_at).port
        slowest, longest = request.legs[0].port, 0
        for leg in request.legs:
            length = leg.units * leg.port.ticks_per_unit
            leg.port.free_at = start + length
            leg.port.units += leg.units
            leg.port.busy_ticks += length
            if length >= longest:
                slowest, longest = leg.port, length
        visible = -(-(start + longest) // self.ticks) + request.latency
        begin = -(-start // self.ticks)
        breaks = ((begin, busiest.cause), (visible, slowest.cause))
        self.transfers.extend(
            (leg.port.name, request.stream, begin, visible, leg.units) for leg in request.legs
        )
        moved = Moved(begin, visible, breaks)
        self._tell(request.transfer.sent, (start + longest) // self.ticks, None)
        self._tell(request.transfer.done, visible, moved)

    def _tell(self, event: simpy.Event, cycle: int, value: Moved | None) -> None:
        """Let ``event`` happen at ``cycle``."""
        timer = self.world.timeout(max(0, cycle - int(self.world.now)), value)
        when(timer, lambda told: event.succeed(told.value))


class Credits:
    """Room for a number of tiles; a tile that does not fit waits. Hand-over is in order of asking."""

    def __init__(self, world: World, tiles: int) -> None:
        self._room = simpy.Container(world, capacity=max(1, tiles), init=tiles)
        self.capacity, self.world = tiles, world
        self.history: list[tuple[int, int]] = []

    def take(self) -> simpy.Event:
        """Wait for room for one tile."""
        room = self._room.get(1)
        if room.triggered:
            self._note()
        else:
            when(room, lambda _: self._note())
        return room

    def give(self) -> None:
        """Return the room of one dead tile."""
        self._room.put(1)
        self._note()

    def _note(self) -> None:
        self.history.append((int(self.world.now), self.capacity - int(self._room.level)))


def when(event: simpy.Event, act: Callable[[simpy.Event], object]) -> None:
    """Call ``act`` when the event, which must still be ahead, happens."""

    def callback(happened: simpy.Event) -> None:
        act(happened)

    assert event.callbacks is not None
    event.callbacks.append(callback)


def fabric_port(name: str, cause: str, rate: Rate, ticks: int, part: Arbitrated) -> FabricPort:
    """Build a port of ``part``, which declares the order of its streams."""
    ranks = {stream: i for i, stream in enumerate(part.order)}
    return FabricPort(name, cause, ticks_per_unit(rate, ticks), MODES[part.arbitration], ranks)


def compact(breaks: Breaks) -> list[tuple[int, str]]:
    """Drop what ended before it began: only pairs in rising order of time matter."""
    out: list[tuple[int, str]] = []
    for until, cause in breaks:
        if until > (out[-1][0] if out else 0):
            out.append((until, cause))
    return out
