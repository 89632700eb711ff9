"""Streams of words between a buffer and the PEs: what is next, when it may start, how much has room."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from simulator.spec.architecture import Architecture

from .account import Account
from .memories import Port, Ports, queue_port
from .nest import Marks, Words
from .program import Program, Sums, Tile

STREAMS = ("weight", "input", "psum_in", "psum_out")


@dataclass(eq=False)
class Transaction:
    """What a stream moves for one step or psum tile, and the buffer tile that it needs there."""

    words: Words
    tile: Tile
    psums: Sums | None = None
    through: bool = False
    sent: int = 0


class Stream:
    """One data type in one direction between its innermost buffer and the PEs; room in words of the fullest PE."""

    def __init__(self, name: str, ports: list[Port], latency: int, room: int) -> None:
        self.name, self.ports, self.latency, self.room = name, ports, latency, room
        self.queue: deque[Transaction] = deque()
        self.sent = 0
        self.freed = 0
        self.freed_log: list[tuple[int, int]] = []
        self.to_free: deque[tuple[Callable[[], int | None], int]] = deque()
        self.finish = 0
        self.slot_end = 0
        self.words = self.delivered = self.zeros = 0

    def settle(self, now: int) -> bool:
        """Take back the room of words that are dead in every PE, in order; whether there was any."""
        moved = False
        while self.to_free:
            when, words = self.to_free[0]
            time = when()
            if time is None or time > now:
                break
            self.to_free.popleft()
            self.freed += words
            self.freed_log.append((now, self.freed))
            moved = True
        return moved

    def ready(self, now: int) -> int | None:
        """Since when the next transaction has had all it needs except its ports; None while something is missing."""
        if not self.queue:
            return None
        move = self.queue[0]
        if move.tile.visible is None or move.tile.visible > now:
            return None
        ready = move.tile.visible
        if self.name == "psum_out":
            assert move.psums is not None
            return None if move.psums.ready is None else max(ready, move.psums.ready)
        for time in self._psums_before(move):
            if time is None:
                return None
            ready = max(ready, time)
        needed = self.sent + 1 - self.room  # words freed before the next one has room
        if needed > self.freed:
            return None
        if needed > 0:
            ready = max(ready, next(time for time, freed in self.freed_log if freed >= needed))
        return ready

    def _psums_before(self, move: Transaction) -> list[int | None]:
        """When the same psums were written back, and when the tile was added that the reader must not be too far ahead of."""
        out: list[int | None] = []
        if move.psums is not None and move.psums.earlier is not None:
            out.append(move.psums.earlier.written)
        if move.psums is not None and move.psums.after_zeros is not None:
            out.append(move.psums.after_zeros.all_added())
        return out

    def room_now(self) -> int:
        """How many words of the fullest PE could come now."""
        return self.freed + self.room - self.sent

    def start(self, now: int) -> tuple[Fraction, int] | None:
        """Exact start and ready cycle of the next transaction, if they can be told by now."""
        ready = self.ready(now)
        return None if ready is None else (max(Fraction(ready), *(port.free_at for port in self.ports)), ready)


def goes_before(one: tuple[Stream, Fraction, int], other: tuple[Stream, Fraction, int]) -> bool:
    """Whether ``one`` starts before ``other``, or at the same time and a port that both want prefers it."""
    if one[1] != other[1]:
        return one[1] < other[1]
    shared = [port for port in one[0].ports if port in other[0].ports]
    asked = [max(ready, stream.slot_end) for stream, _, ready in (one, other)]
    return bool(shared) and shared[-1].turn(one[0].name, asked[0]) < shared[-1].turn(other[0].name, asked[1])


class Edges:
    """The streams between an array and its buffers: who of them goes next, what crosses, and when it is there."""

    def __init__(
        self,
        program: Program,
        machine: Architecture,
        ports: Ports,
        through: Callable[[str, Tile, int], None],
        rooms: dict[str, int],
    ) -> None:
        self.program, self.machine, self.through = program, machine, through
        self.account = Account(machine.array.pes)
        self.started = False
        self.streams = {name: self._stream(ports, name, rooms.get(name, 0)) for name in STREAMS}

    def _stream(self, ports: Ports, name: str, room: int) -> Stream:
        data_type = name if name in ("weight", "input") else "output"
        inner = self.machine.levels(data_type)[-1]  # type: ignore[arg-type]
        out = name == "psum_out"
        port, rate = self.machine.memories[inner].array_port(data_type, "write" if out else "read")  # type: ignore[arg-type]
        networks, latency = ports.network(data_type, *(("array", inner) if out else (inner, "array")))
        return Stream(name, [ports.get(inner, port, rate), *networks], latency, room)

    def _mark_last(self) -> None:
        """Mark every stream's last transaction of a buffer tile: the buffer is then rid of it."""
        for name in ("weight", "input", "psum_out"):
            last = {id(move.tile): move for move in self.streams[name].queue}
            for move in last.values():
                move.through = True

    def begin(self, cycle: int) -> None:
        """The first transaction into the array starts."""
        raise NotImplementedError

    def settle(self, now: int) -> None:
        """Let everything happen that the streams can see in this cycle."""
        raise NotImplementedError

    def act(self, now: int) -> None:
        """Do what the streams can see in the next cycle at the earliest."""

    def done(self) -> bool:
        """Whether nothing is left to do once all words have crossed."""
        return True

    def close(self, end: int) -> None:
        """Name the PE-cycles that have no name yet, up to the layer's end."""
        raise NotImplementedError

    def hops(self) -> int:
        """Psums passed on between PEs over links."""
        return 0

    def register_writes(self) -> dict[str, int]:
        """Words written in the PEs, by data type; of psums those besides one per MAC."""
        raise NotImplementedError

    @property
    def drained(self) -> int:
        """When the last result has left and the array is through."""
        return self.streams["psum_out"].finish

    def grant(self, now: int) -> bool:
        """Start the transaction that goes first in this cycle, if any."""
        best: tuple[Stream, Fraction, int] | None = None
        for stream in self.streams.values():
            told = stream.start(now)
            if told is not None and floor(told[0]) <= now:
                one = (stream, *told)
                if best is None or goes_before(one, best):
                    best = one
        if best is None:
            return False
        self._cross(*best)
        return True

    def _cross(self, stream: Stream, start: Fraction, ready: int) -> None:
        """Move a transaction, or the part of it that has room in the cycle in which it starts."""
        if not self.started:
            self.started = True
            self.begin(floor(start))
        move = stream.queue[0]
        words, most = move.words, move.words.most
        part = most - move.sent
        if stream.name != "psum_out":
            part = min(part, stream.room_now())
        before, after = words.crossed[move.sent], words.crossed[move.sent + part]
        n = after - before
        route = stream.ports if stream.name != "psum_out" else stream.ports[::-1]
        lengths = [port.cycles_per_unit for port in route]
        slowest = max(lengths)
        queue = queue_port(route, start, lengths)
        slow = [port for port, length in zip(route, lengths, strict=True) if length == slowest][-1]
        for port in stream.ports:
            port.hold(stream.name, start, n)
        finish = ceil(start + n * slowest) + stream.latency
        stream.finish, stream.slot_end = max(stream.finish, finish), floor(start + n * slowest)
        stream.sent += part
        move.sent += part
        stream.words += n
        marks = [*move.tile.marks, *self._write_back_marks(move, stream), (ready, "array"), (ceil(start), queue.cause), (0, slow.cause)]
        for place, positions in words.places.items():
            for i, at in enumerate(positions):
                if before < at <= after:
                    words.there[place][i] = (ceil(start + (at - before) * slowest) + stream.latency, marks)
        if stream.name == "psum_in" and move.psums is not None and move.psums.made_up:
            stream.zeros += n
        if stream.name == "psum_out" and move.psums is not None:  # it crosses whole
            move.psums.left = [ceil(start + crossed * slowest) + stream.latency for crossed in words.crossed[1:]]
        if move.sent == most:
            self._complete(stream, move, start, finish, marks)

    def _write_back_marks(self, move: Transaction, stream: Stream) -> Marks:
        """A psum that an earlier step has yet to write back is in the array, then on its way out."""
        earlier = move.psums.earlier if move.psums is not None and stream.name == "psum_in" else None
        if earlier is None:
            return []
        assert earlier.write_start is not None
        assert earlier.written is not None
        return [(earlier.write_start, "array"), (earlier.written, self.streams["psum_out"].ports[-1].cause)]

    def _complete(self, stream: Stream, move: Transaction, start: Fraction, finish: int, marks: Marks) -> None:
        stream.queue.popleft()
        stream.delivered += move.words.destinations
        if stream.name == "psum_out":
            assert move.psums is not None
            move.psums.write_start, move.psums.written, move.psums.marks = floor(start), finish, marks
        if move.through:
            self.through("output" if stream.name == "psum_out" else stream.name, move.tile, stream.finish)
