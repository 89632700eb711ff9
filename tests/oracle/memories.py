"""Ports, buffers and the fabric between memories, one cycle at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

from simulator.components.memories.dram import Dram
from simulator.components.memories.sram import Sram
from simulator.spec.architecture import Architecture

from .nest import Marks
from .program import Program, Tile, held_once

MOST_TILES = 64


class Port:
    """A port: free at an exact time; what it moved, by stream."""

    def __init__(self, name: str, cause: str, rate: Any, part: Any, *, relaxed: bool) -> None:
        self.name, self.cause = name, cause
        self.cycles_per_unit = Fraction(0) if relaxed or rate == "unlimited" else 1 / Fraction(rate)
        self.arbitration, self.order = part.arbitration, part.order
        self.free_at = self.busy = Fraction(0)
        self.units: dict[str, int] = {}
        self.last_grant: dict[str, int] = {}
        self.grants = 0

    def hold(self, stream: str, start: Fraction, units: int) -> None:
        self.free_at = start + units * self.cycles_per_unit
        self.busy += units * self.cycles_per_unit
        self.units[stream] = self.units.get(stream, 0) + units
        self.grants += 1
        self.last_grant[stream] = self.grants

    def turn(self, stream: str, ready: int) -> tuple[int, ...]:
        """Who has the smaller one goes first when two could start at the same time."""
        rank = self.order.index(stream)
        if self.arbitration == "priority":
            return (rank,)
        return (self.last_grant.get(stream, 0), rank) if self.arbitration == "round_robin" else (ready, rank)


class Ports:
    """All ports by name; each is made when a route first needs it."""

    def __init__(self, machine: Architecture, relaxed: frozenset[str]) -> None:
        self.machine, self.relaxed = machine, relaxed
        self.by_name: dict[str, Port] = {}

    def get(self, owner: str, port: str, rate: Any) -> Port:
        name = f"{owner}.{port}" if port else owner
        part = self.machine.memories.get(owner) or self.machine.networks[owner]
        free = owner in self.relaxed or name in self.relaxed
        return self.by_name.setdefault(name, Port(name, owner, rate, part, relaxed=free))

    def network(self, data_type: str, source: str, target: str) -> tuple[list[Port], int]:
        """The network on a way, if there is one, and its latency."""
        name = self.machine.network(data_type, source, target)  # type: ignore[arg-type]
        if name is None:
            return [], 0
        part = self.machine.networks[name]
        return [self.get(name, "", part.words_per_cycle)], part.latency_cycles


def share(room: int, needs: dict[Any, int], most: dict[Any, int]) -> dict[Any, int]:
    """Tiles for everybody: complete rounds of one each; then one more, the smallest first, while they fit."""
    tiles, growing = dict.fromkeys(needs, 0), sorted(needs, key=lambda d: needs[d])
    while growing and sum(needs[d] for d in growing) <= room:
        for d in growing:
            tiles[d] += 1
            room -= needs[d]
        growing = [d for d in growing if tiles[d] < most[d]]
    for d in growing if all(tiles.values()) else []:
        if needs[d] > room:
            break
        tiles[d] += 1
        room -= needs[d]
    return tiles


def queue_port(ports: Sequence[Port], start: Fraction, lengths: Sequence[Fraction]) -> Port:
    """Which port a transaction queued for: the last one to be free; of two, the slower, then the downstream one."""
    last = [i for i, port in enumerate(ports) if port.free_at == start] or list(range(len(ports)))
    return ports[max(last, key=lambda i: (lengths[i], i))]


@dataclass(eq=False)
class Request:
    """A transaction that a buffer asked for; ``ports`` stand in the order in which words cross them."""

    level: "Level"
    tile: Tile
    way: str
    stream: str
    ports: list[Port]
    units: list[int]
    latency: int
    ready: int

    @property
    def start(self) -> Fraction:
        return max(Fraction(self.ready), *(port.free_at for port in self.ports))


class Level:
    """One data type in one buffer: its tiles in order, its room, and what crossed to and from the next memory out."""

    def __init__(self, name: str, parent: str, data_type: str, tiles: list[Tile], room: int) -> None:
        self.name, self.parent, self.data_type, self.tiles, self.room = name, parent, data_type, tiles, room
        self.next = 0
        self.has_room = False
        self.asks_again = 0
        self.moved = {"fill": 0, "drain": 0, "padding": 0, "fill_bytes": 0, "drain_bytes": 0, "saved_bytes": 0}


@dataclass
class Memories:
    """The buffers and the fabric that joins them to each other and to DRAM."""

    program: Program
    machine: Architecture
    ports: Ports
    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    later: list[tuple[int, Any]] = field(default_factory=list)
    end: int = 0

    def __post_init__(self) -> None:
        for name, memory in self.machine.memories.items():
            if memory.off_chip:
                continue
            for data_type, room in self._rooms(name).items():
                chain = self.machine.levels(data_type)  # type: ignore[arg-type]
                if name != chain[0]:
                    tiles = self.program.tiles[name, data_type]
                    self.levels[name, data_type] = Level(name, chain[chain.index(name) - 1], data_type, tiles, room)

    def _rooms(self, name: str) -> dict[str, int]:
        """How many tiles (parts, in an innermost buffer) there is room for, by data type; a home holds one, all there is."""
        memory, program = self.machine.memories[name], self.program
        assert isinstance(memory, Sram)
        bits = {d: program.largest[name, d] * self.machine.word_bits[d] for d in memory.keeps}
        ever = prod(loop.trips for loop in program.outer[: program.outside(name)])
        once = {d for d in memory.keeps if d in held_once(memory) or name == self.machine.home(d)}
        most = {d: 1 if d in once else min(MOST_TILES, ever) for d in memory.keeps}
        if memory.bank_owner == "shared":
            tiles = share(memory.size_bytes * 8, bits, most)
        else:  # a bank belongs wholly to one data type; what is left in its last bank may hold more
            assert memory.banks is not None
            assert memory.bank_bytes is not None
            bank = memory.bank_bytes * 8
            banks = {d: ceil(Fraction(n, bank)) for d, n in bits.items()}
            tiles = {d: min(most[d], n * banks[d] * bank // bits[d]) for d, n in share(memory.banks, banks, most).items()}
        assert all(tiles.values()), "one tile of each must fit"
        parts = {d: program.parts[name, d] for d in tiles}
        return {d: parts[d] * min(n, max(1, MOST_TILES // parts[d])) for d, n in tiles.items()}

    def act(self, now: int) -> None:
        """Everything between memories that is due in a cycle, apart from grants: arrivals, room, requests."""
        moved = True
        while moved:
            due = [act for cycle, act in self.later if cycle <= now]
            self.later = [(cycle, act) for cycle, act in self.later if cycle > now]
            for act in due:
                act()
            moved = bool(due)
            for level in self.levels.values():
                while self._ask(level, now):
                    moved = True

    def at(self, cycle: int, act: Any) -> None:
        self.later.append((cycle, act))

    def _ask(self, level: Level, now: int) -> bool:
        """Let a level ask for its next tile when the slot of the one before has ended; whether something happened."""
        if level.next == len(level.tiles) or level.asks_again > now:
            return False
        tile = level.tiles[level.next]
        if tile.parent is not None and (tile.parent.visible is None or tile.parent.visible > now):
            return False
        if not level.has_room:
            if level.room == 0:
                return False
            level.room -= 1
            level.has_room = True
            tile.marks = [*(tile.parent.marks if tile.parent else []), (now, level.name)]
        if level.data_type == "output":
            if not tile.first:
                assert tile.before is not None
                if tile.before.gone is None or tile.before.gone > now:
                    return False
                tile.marks += tile.before.way_out
            if tile.first:
                tile.visible = now
        if tile.visible is None:
            level.asks_again = 1 << 60  # until it is granted
            self._request(level, tile, "fill", now)
        level.next += 1
        level.has_room = False
        return True

    def drain(self, level: Level, tile: Tile, now: int, way_out: Marks) -> None:
        """An output tile that nothing inside works on any more leaves; ``way_out``: where its last sums were until now."""
        tile.way_out = way_out
        self._request(level, tile, "drain", now)

    def _request(self, level: Level, tile: Tile, way: str, now: int) -> None:
        parent, child, data_type = level.parent, level.name, level.data_type
        outer, inner = self.machine.memories[parent], self.machine.memories[child]
        words, latency = tile.words, 0
        if parent == self.machine.home(data_type):  # type: ignore[arg-type]
            words -= tile.padding
        name, rate = outer.array_port(data_type, "read" if way == "fill" else "write")  # type: ignore[arg-type]
        units = words
        if isinstance(outer, Dram):
            rate = outer.bytes_per_core_cycle(self.machine.clock_mhz)
            latency += outer.latency_cycles
            units = self._bytes(outer, level, tile, words, way)
            level.moved[f"{way}_bytes"] += units
        ends = (parent, child) if way == "fill" else (child, parent)
        between, more = self.ports.network(data_type, *ends)
        own, own_rate = inner.outer_port(data_type, "write" if way == "fill" else "read")  # type: ignore[arg-type]
        ports = [self.ports.get(parent, name, rate), *between, self.ports.get(child, own, own_rate)]
        counts = [units, *([words] * (len(ports) - 1))]
        if way == "drain":
            ports, counts = ports[::-1], counts[::-1]
        level.moved[way] += words
        level.moved["padding"] += tile.words - words
        stream = data_type if data_type != "output" else "psum_in" if way == "fill" else "psum_out"
        self.requests.append(Request(level, tile, way, stream, ports, counts, latency + more, now))

    def _bytes(self, dram: Dram, level: Level, tile: Tile, words: int, way: str) -> int:
        """Bytes on the link: whole bursts of what a codec makes of it; sums that are not final cross as they are."""
        width, zeros = self.machine.word_bits[level.data_type], self.program.layer.zeros.get(level.data_type)  # type: ignore[index, call-overload]
        bits = words * width
        codec = dram.codecs.get(level.data_type)  # type: ignore[call-overload]
        final = level.data_type == "input" or (way == "drain" and tile.last)
        if codec is not None and zeros is not None and words and final:
            bits = ceil(words // tile.row_words * codec.row_bits(tile.row_words, width, zeros))
        level.moved["saved_bytes"] += (words * width - bits) // 8
        return ceil(Fraction(bits, 8 * dram.burst_bytes)) * dram.burst_bytes

    def grant(self, now: int) -> bool:
        """Start the request that goes first in this cycle, if any."""
        best: Request | None = None
        for one in self._in_declared_order():
            if floor(one.start) <= now and (best is None or goes_before(one, best)):
                best = one
        if best is None:
            return False
        self.requests.remove(best)
        self._cross(best)
        return True

    def _in_declared_order(self) -> list[Request]:
        """By memory, then data type, then fills before drains, then in order of asking."""
        keys = {
            (name, d, way): (i, j, k)
            for i, (name, memory) in enumerate(self.machine.memories.items())
            for j, d in enumerate(memory.keeps)
            for k, way in enumerate(("fill", "drain"))
        }
        return sorted(self.requests, key=lambda r: keys[r.level.name, r.level.data_type, r.way])

    def _cross(self, request: Request) -> None:
        start, level, tile = request.start, request.level, request.tile
        lengths = [n * port.cycles_per_unit for port, n in zip(request.ports, request.units, strict=True)]
        queue = queue_port(request.ports, start, lengths)
        longest = max(lengths)
        slow = [port for port, length in zip(request.ports, lengths, strict=True) if length == longest][-1]
        for port, n in zip(request.ports, request.units, strict=True):
            port.hold(request.stream, start, n)
        visible = ceil(start + longest) + request.latency
        crossing = [(ceil(start), queue.cause), (visible, slow.cause)]
        if request.way == "drain":
            tile.way_out = [*tile.way_out, *crossing]
            self.at(visible, lambda: self._drained(level, tile, visible))
            return
        level.asks_again = visible if level.data_type == "output" else floor(start + longest)
        tile.visible = visible
        tile.marks += crossing
        above = self.levels.get((level.parent, level.data_type))
        if above is not None and level.data_type != "output" and tile.ends_parent:
            self.at(visible, lambda: self.free(above))

    def free(self, level: Level) -> None:
        level.room += 1

    def _drained(self, level: Level, tile: Tile, visible: int) -> None:
        self.end = max(self.end, visible)
        tile.gone = visible
        level.room += 1
        if tile.parent is not None and tile.ends_parent:
            self.drain(self.levels[level.parent, level.data_type], tile.parent, visible, tile.way_out)


def goes_before(one: Request, other: Request) -> bool:
    """Whether ``one`` starts before ``other``, or at the same time and the port that both want prefers it."""
    if one.start != other.start:
        return one.start < other.start
    route = one.ports if one.way == "fill" else one.ports[::-1]
    shared = [port for port in route if port in other.ports]
    if not shared:
        return False
    port = max(shared, key=lambda port: port.free_at)
    return port.turn(one.stream, one.ready) < port.turn(other.stream, other.ready)
