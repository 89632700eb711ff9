"""What a memory does with each data type that it keeps: its room, its tiles, who is next on either side."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.engine.tiles import Tile, TileCursor
from simulator.engine.world import Agenda, Breaks, Fabric, Lane, Request, World, later
from simulator.names import DataType

FILL_WORDS, DRAIN_WORDS, PADDING_WORDS, FILL_BYTES, DRAIN_BYTES, SAVED_BYTES = range(6)
"""What is counted between a memory and the next one out; padding is made on the way, bytes cross a link."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A tile that a memory holds, when it came and where it was before."""

    tile: Tile
    time: int
    breaks: Breaks

    def later(self, cycles: int) -> "Resident":
        """The same, ``cycles`` later."""
        return Resident(self.tile, self.time + cycles, later(self.breaks, cycles))


@dataclass(slots=True)
class Crossing:
    """What a tile is on its way between two memories: units on every port, and what is counted for it."""

    units: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(slots=True)
class Level:
    """One data type in one memory. `Fill` brings weights and inputs, `Hold` keeps output tiles.

    ``room`` is how many more tiles fit; ``sources`` are the tiles that ``parent``, the next one out, has for
    this one; ``tile_bits`` is the room that one takes; ``sent`` is when the last slot of the last tile
    ended on the ports; ``counts`` see `FILL_WORDS`.
    """

    world: World
    fabric: Fabric
    number: int
    name: str
    parent: str
    data_type: DataType
    cause: int
    array: int
    capacity: int
    tile_bits: float
    agenda: Agenda
    cursor: TileCursor
    cross: Callable[["Level", Tile, str], Crossing]
    hand_in: Callable[["Level", Resident], None]
    note: Callable[["Level", int], None]
    above: "Level | None" = None
    inner: "Level | None" = None
    fill_lane: Lane | None = None
    drain_lane: Lane | None = None
    room: int = 0
    sent: int = 0
    source: Resident | None = None
    sourced: bool = False
    sources: deque[Resident] = field(default_factory=deque)
    counts: list[int] = field(default_factory=lambda: [0] * 6)

    def _take(self) -> None:
        self.room -= 1
        self.note(self, 0)

    def give(self, _: object = None) -> None:
        """Return the room of one dead tile."""
        self.room += 1
        self.note(self, 1)
        self.proceed()

    def offer(self, resident: Resident) -> None:
        """Take note of a tile in the next memory out that tiles of this one come from."""
        self.sources.append(resident)
        self.proceed()

    def _has_source(self, tile: Tile) -> bool:
        """Whether the next tile's source is there; it then is ``source``."""
        if self.above is not None and tile.parent_new and not self.sourced:
            if not self.sources:
                return False
            self.source = self.sources.popleft()
            self.sourced = True
        return True

    def _known(self) -> Breaks:
        """Where the next tile was so far: where its source was, then waiting for room here."""
        before = self.source.breaks if self.source is not None else ()
        return (*before, (self.world.cycle, self.cause))

    def _go_on(self) -> None:
        self.cursor.next()
        self.sourced = False

    def _ask(self, lane: Lane, way: str, tile: Tile, ready: int, breaks: Breaks) -> None:
        crossing = self.cross(self, tile, way)
        for i, n in enumerate(crossing.counts):
            self.counts[i] += n
        self.fabric.ask(lane, Request(crossing.units, ready, tile, breaks))

    def proceed(self) -> None:
        """Do whatever can be done now."""
        raise NotImplementedError

    def was_sent(self, request: Request, cycle: int) -> None:
        """The last slot of a tile ends at ``cycle``; who waits for nothing but its arrival does nothing."""

    def arrived(self, moved: tuple[Tile, int, Breaks]) -> None:
        """A tile from the next memory out is visible."""
        raise NotImplementedError

    def shift(self, cycles: int) -> None:
        """Move all times on by ``cycles``."""
        self.sent += cycles
        if self.source is not None:
            self.source = self.source.later(cycles)
        self.sources = deque(resident.later(cycles) for resident in self.sources)

    def begin(self) -> None:
        """Start the layer."""
        self.room = self.capacity
        self.proceed()

    def pass_on(self, resident: Resident) -> None:
        """Give a resident tile to whoever is next inside: another memory, or the array."""
        if self.inner is not None:
            self.inner.offer(resident)
        else:
            self.hand_in(self, resident)


@dataclass(slots=True)
class Fill(Level):
    """Weights or inputs: asks for tile after tile, one at a time, as soon as source and room are there."""

    asked: bool = False

    def proceed(self) -> None:
        """Ask for the next tile; it may leave when the one before has left the ports."""
        tile = self.cursor.tile
        if tile is None or self.asked or not self._has_source(tile) or self.room == 0:
            return
        assert self.fill_lane is not None
        self._take()
        self.asked = True
        known = self._known()
        self._go_on()
        self._ask(self.fill_lane, "fill", tile, max(self.world.cycle, self.sent), known)

    def was_sent(self, request: Request, cycle: int) -> None:
        """The last slot of a tile ends at ``cycle``."""
        self.sent, self.asked = cycle, False
        self.proceed()

    def arrived(self, moved: tuple[Tile, int, Breaks]) -> None:
        """A tile is visible."""
        tile, visible, breaks = moved
        self.pass_on(Resident(tile, visible, breaks))
        if self.above is not None and tile.parent_last:
            self.above.give()


@dataclass(slots=True)
class Hold(Level):
    """Outputs: gives room to tile after tile, loads those with sums outside, writes them back.

    ``taken``: the next tile has its room, and was where ``marks`` say; ``loading``: it is on its way in.
    ``undrained`` are the keys of tiles that are not written back yet, ``end`` is when the last one was.
    """

    drains: TileCursor | None = None
    taken: bool = False
    loading: bool = False
    undrained: deque[tuple[int, ...]] = field(default_factory=deque)
    end: int = 0
    marks: Breaks = ()
    _way_out: Breaks = ()

    def proceed(self) -> None:
        """Give room to the next tiles; one that comes back waits until it has been written out."""
        tile = self.cursor.tile
        while tile is not None and not self.loading and self._has_source(tile):
            if not self.taken:
                if self.room == 0:
                    return
                self._take()
                self.taken = True
                self.marks = self._known()
            if not tile.first:
                if tile.key in self.undrained:
                    return
                assert self.fill_lane is not None
                self.loading = True
                marks = (*self.marks, *self._way_out)
                self._ask(self.fill_lane, "fill", tile, self.world.cycle, marks)
                return
            self._admit(tile, self.world.cycle, self.marks)
            tile = self.cursor.tile

    def _admit(self, tile: Tile, cycle: int, breaks: Breaks) -> None:
        self.taken, self.marks = False, ()
        self.undrained.append(tile.key)
        self._go_on()
        self.pass_on(Resident(tile, cycle, breaks))

    def arrived(self, moved: tuple[Tile, int, Breaks]) -> None:
        """A tile with sums from outside is visible."""
        _, visible, breaks = moved
        assert self.cursor.tile is not None
        self.loading = False
        self._admit(self.cursor.tile, visible, breaks)
        self.proceed()

    def shift(self, cycles: int) -> None:
        """Move all times on by ``cycles``."""
        Level.shift(self, cycles)
        self.marks = later(self.marks, cycles)

    def jump(self, loop: int, far: int) -> None:
        """Tiles that are not written back yet are ``far`` iterations of a loop further on."""
        self.undrained = deque(self.cursor.moved(key, loop, far) for key in self.undrained)

    def use_up(self, tiles: int) -> None:
        """So many of the tiles that are not written back are, and their room is free."""
        for _ in range(tiles):
            self.undrained.popleft()
        self.room += tiles

    def through(self, marks: Breaks | None = None) -> None:
        """Whoever is inside is through with the oldest tile, which was where ``marks`` say: write it out."""
        assert self.drains is not None
        assert self.drain_lane is not None
        tile = self.drains.tile
        assert tile is not None
        self.drains.next()
        way_here = ((self.world.cycle, self.array),) if marks is None else marks
        self._ask(self.drain_lane, "drain", tile, self.world.cycle, way_here)

    def drained(self, moved: tuple[Tile, int, Breaks]) -> None:
        """A tile has reached the next memory out."""
        tile, visible, breaks = moved
        self.end = max(self.end, visible)
        self.undrained.popleft()
        self._way_out = breaks
        self.give()
        self._way_out = ()
        if tile.parent_last and isinstance(self.above, Hold):
            self.above.through(breaks)
