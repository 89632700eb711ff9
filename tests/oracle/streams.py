"""Streams of words between a buffer and the PEs: what is next, when it may start, how much has room."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from .memories import Port
from .nest import Words
from .program import PsumTile, Tile


@dataclass(eq=False)
class Transaction:
    """What a stream moves for one step or psum tile, and the buffer tile that it needs there."""

    words: Words
    tile: Tile
    psums: PsumTile | None = None
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
            other = move.psums.after_zeros
            out.append(max(other.added.values()) if len(other.added) == len(other.words) else None)
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
