"""The PE array: four streams of words, PEs that work on their own, and chains of psums, one cycle at a time."""

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from simulator.spec.architecture import Architecture

from .memories import Ports
from .out_fifo import OutFifo
from .program import Pass, Program, PsumTile, Step, Tile
from .streams import Edges, Transaction
from .work import last_mac, waited_for


class Pe:
    """One PE: what it has to do in order, and the cycle up to which its cycles have names."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.todo: deque[tuple[str, Any]] = deque()
        self.clock: int | None = None
        self.adding: int | None = None
        self.finished: list[PsumTile] = []


class Array(Edges):
    """All PEs and streams of a machine."""

    def __init__(
        self, program: Program, machine: Architecture, ports: Ports, through: Callable[[str, Tile, int], None]
    ) -> None:
        self.spatial, self.pe = machine.spatial, machine.spatial.pe
        rooms = {
            "weight": self.pe.weight_words + self.pe.weight_fifo_words,
            "input": self.pe.input_words + self.pe.input_fifo_words,
            "psum_in": self.pe.psum_in_fifo_words,
        }
        super().__init__(program, machine, ports, through, rooms)
        self.shared = self.pe.adder == "shared"
        self.depth = self.pe.pipeline_cycles - 1
        self.out_fifo = OutFifo(program.psum_tiles, self.pe.psum_out_fifo_words)
        self.places = 1 if self.shared else max(1, self.pe.psum_words // self.out_fifo.widest)
        self._make_links(ports)
        self.pes = [Pe(i) for i in range(machine.array.pes)]
        self.ups: dict[tuple[int, int], int] = {}
        self.downs: dict[tuple[int, int], int] = {}
        self._queue_transactions()
        self._queue_work()

    def _make_links(self, ports: Ports) -> None:
        name = self.machine.psum_links()
        self.cycles_per_hop, self.hop_latency = Fraction(0), 0
        if name is not None:
            part = self.machine.networks[name]
            self.hop_latency = part.latency_cycles
            if name not in ports.relaxed and part.words_per_cycle != "unlimited":
                self.cycles_per_hop = 1 / Fraction(part.words_per_cycle)

    def _queue_transactions(self) -> None:
        for step in self.program.steps:
            for data_type, words in step.new.items():
                self.streams[data_type].queue.append(Transaction(words, step.run.uses[data_type]))
            for data_type, n in step.frees.items():
                times = step.dead if data_type == "input" else step.ended
                if n:
                    self.streams[data_type].to_free.append((_when_all(times, step.cycles), n))
        for tile in self.program.psum_tiles:
            if tile.incoming is not None:
                self.streams["psum_in"].queue.append(Transaction(tile.incoming, tile.home, tile))
                self.streams["psum_in"].to_free.append((_when_all(tile.added, tile.words), tile.incoming.most))
            self.streams["psum_out"].queue.append(Transaction(tile.outgoing, tile.home, tile))
        self._mark_last()

    def _queue_work(self) -> None:
        """Give every PE its MACs, additions and pass ends in program order."""
        before: list[PsumTile | None] = [None] * len(self.pes)
        steps = self.program.steps
        for i, step in enumerate(steps):
            tile = step.tile
            for pe in step.cycles:
                self.pes[pe].todo.append(("mac", step))
            if i + 1 == len(steps) or steps[i + 1].tile is not tile:
                for pe in tile.pes:
                    tile.before[pe] = before[pe]
                    before[pe] = tile
                    if self.shared:
                        self.pes[pe].todo.append(("add", tile))
                for chain in tile.chains:
                    for below, above in pairwise(chain):
                        self.ups[tile.number, above] = below
                        self.downs[tile.number, below] = above
            if i + 1 < len(steps) and steps[i + 1].run is not step.run:
                for one in self.pes:
                    one.todo.append(("pass", step.run))

    # Words

    def settle(self, now: int) -> None:
        """Let PEs and adders do what they can in this cycle, until nothing more happens."""
        moved = True
        while moved:
            moved = False
            if self.started:
                for pe in self.pes:
                    while self._work(pe, now):
                        moved = True
                    for tile in [*pe.finished]:
                        moved |= self._add_private(pe, tile, now)
            for stream in self.streams.values():
                moved |= stream.settle(now)

    def begin(self, cycle: int) -> None:
        """PEs start to count when the first transaction starts."""
        for pe in self.pes:
            pe.clock = cycle
            self.account.name(pe.number, "between", cycle)

    # PEs

    def _work(self, pe: Pe, now: int) -> bool:
        """Let a PE begin or end the next thing on its list; whether it did."""
        assert pe.clock is not None
        if not pe.todo or pe.clock > now:
            return False
        kind, what = pe.todo[0]
        done = {"mac": self._mac, "add": self._add_shared, "pass": self._end_pass}[kind](pe, what, now)
        if done:
            pe.todo.popleft()
        return done

    def _mac(self, pe: Pe, step: Step, now: int) -> bool:
        """Issue a step's MACs when there is a place for its psums, each as soon as its weight and input are there.

        The PE's clock goes on to the step's end at once when the end is known: with the last word on its way.
        """
        assert pe.clock is not None
        place = self._place_before(pe, step.tile)
        if place is not None and place.added.get(pe.number, now + 1) > now:
            return False
        if not all(words.on_their_way(pe.number) for words in step.new.values()):
            return False
        if place is not None:
            self._waited_for_place(pe, place)
        cycles, end = step.cycles[pe.number], last_mac(step, pe.number, pe.clock)
        if end > pe.clock + cycles:
            self.account.stall(pe.number, *waited_for(step, pe.number, end - cycles - pe.clock))
        self.account.name(pe.number, "mac", cycles)
        pe.clock = step.ended[pe.number] = end
        part, whole = step.share
        step.dead[pe.number] = end - cycles + -(-cycles * part // whole)
        if step.tile.last_step[pe.number] is step:
            step.tile.mac_end[pe.number] = pe.clock
            if not self.shared:
                pe.finished.append(step.tile)
        return True

    def _place_before(self, pe: Pe, tile: PsumTile) -> PsumTile | None:
        """The psum tile that was where ``tile`` goes: with n places, tiles take them in turn (private adders)."""
        if self.shared:
            return None
        other = tile.before[pe.number]
        while other is not None and (tile.number - other.number) % self.places:
            other = other.before[pe.number]
        return other

    def _waited_for_place(self, pe: Pe, old: PsumTile) -> None:
        """Name the cycles until the old psums have left: until they were complete, then until they could go."""
        assert pe.clock is not None
        end = old.added[pe.number]
        if end <= pe.clock:
            return
        middle = min(max(old.complete[pe.number], pe.clock), end)
        self._missed_psums(pe, old, pe.clock, middle)
        self._blocked(pe, old, middle, end)
        pe.clock = end

    def _missed_psums(self, pe: Pe, tile: PsumTile, start: int, end: int) -> None:
        """A missing psum is where the chain's incoming one is; once that has come, its neighbours have to add."""
        came, marks = tile.psums_in[pe.number]
        middle = min(max(came, start), end) if marks is not None else start
        if marks is not None:
            self.account.stall(pe.number, "stall_psum_in", start, middle, marks)
        self.account.stall(pe.number, "stall_psum_in", middle, end, [(0, "array")])

    def _blocked(self, pe: Pe, tile: PsumTile, start: int, end: int) -> None:
        """A result could not leave: the next PE was not ready for it, or an older result was still on its way out."""
        if end <= start:
            return
        marks = [(0, "array")]
        if (tile.number, pe.number) not in self.downs:
            marks = self.out_fifo.before(tile).marks
        self.account.stall(pe.number, "stall_output", start, end, marks)

    def _end_pass(self, pe: Pe, one: Pass, now: int) -> bool:
        """Go on to the next pass: with a barrier when all are through, an unmapped PE when the first one is."""
        assert pe.clock is not None
        mapped = pe.number in one.mapped
        if mapped:
            one.arrived.add(pe.number)
        if self.spatial.pass_barrier:
            if one.arrived != one.mapped:
                return False
        elif not mapped and not one.arrived:
            return False
        self.account.name(pe.number, "imbalance" if mapped else "unmapped", now - pe.clock)
        pe.clock = now
        return True

    # Psums

    def _comes_in(self, pe: Pe, tile: PsumTile, now: int) -> tuple[int, int | None] | None:
        """When a PE's first and last psum from below or from the buffer came; (-1, -1) if none do; None: not yet."""
        below = self.ups.get((tile.number, pe.number))
        if below is not None:
            if tile.first_out.get(below, now + 1) > now:
                return None
            tile.psums_in[pe.number] = tile.psums_in[below]
            return tile.first_out[below], tile.last_out.get(below)
        if tile.incoming is None:
            tile.psums_in[pe.number] = (0, None)
            return -1, -1
        arrived = tile.incoming.last(pe.number)
        if arrived is None or arrived[0] > now:
            return None
        tile.psums_in[pe.number] = arrived
        return arrived[0], arrived[0]

    def _has_room(self, pe: Pe, tile: PsumTile, now: int) -> bool:
        """Whether what is next on the way can take a tile of psums; with a shared adder at a head, its first word."""
        above = self.downs.get((tile.number, pe.number))
        if above is not None:
            older = tile.before[above]
            return older is None or older.added.get(above, now + 1) <= now
        room = self.out_fifo.first(tile) if self.shared else self.out_fifo.last(tile)
        return room is not None and room <= now

    def _add_shared(self, pe: Pe, tile: PsumTile, now: int) -> bool:
        """Add incoming psums, one a cycle, and pass them on; a head is done when its FIFO has room for all of them."""
        assert pe.clock is not None
        came = self._comes_in(pe, tile, now)
        if came is None:
            return False
        first, last = came
        words = tile.words[pe.number] if first >= 0 else 0
        if pe.adding is None:
            if not self._has_room(pe, tile, now):
                return False
            pe.adding = now
            self._send_first(pe, tile, now + 1 if words else now)
        room = 0 if (tile.number, pe.number) in self.downs else self.out_fifo.last(tile)
        if last is None or room is None:
            return False
        end = max(pe.adding + words, last + 1, room)
        if end > now:
            return False
        complete = max(max(pe.clock, first) + words, last + 1)
        missing, blocked = complete - pe.clock - words, end - complete
        self._missed_psums(pe, tile, pe.clock, pe.clock + missing)
        self._blocked(pe, tile, pe.clock + missing, pe.clock + missing + blocked)
        self.account.name(pe.number, "accumulate", words)
        pe.clock, pe.adding = end, None
        self._send_last(pe, tile, end, end)
        return True

    def _add_private(self, pe: Pe, tile: PsumTile, now: int) -> bool:
        """Pass a tile of psums on when its MACs and all incoming psums are there, and there is room."""
        came = self._comes_in(pe, tile, now)
        if tile.mac_end[pe.number] > now or came is None or came[1] is None or came[1] > now:
            return False
        if not self._has_room(pe, tile, now):
            return False
        pe.finished.remove(tile)
        tile.complete[pe.number] = max(tile.mac_end[pe.number], came[1])
        self._send_first(pe, tile, now + self.depth)
        self._send_last(pe, tile, now, now + self.depth)
        return True

    def _send_first(self, pe: Pe, tile: PsumTile, first: int) -> None:
        """The first psum leaves at ``first``; the others follow as fast as the link goes."""
        tile.first_out[pe.number] = first + ceil(self.cycles_per_hop) + self.hop_latency
        tile.last_out_by_rate[pe.number] = first + ceil(tile.words[pe.number] * self.cycles_per_hop)

    def _send_last(self, pe: Pe, tile: PsumTile, end: int, last: int) -> None:
        """The PE is done at ``end``, its last psum leaves at ``last``; results leave once all heads have theirs."""
        tile.added[pe.number] = end
        by_rate = tile.last_out_by_rate[pe.number]
        tile.last_out[pe.number] = max(last + ceil(self.cycles_per_hop), by_rate) + self.hop_latency
        if len(tile.added) == len(tile.words):
            tile.ready = max(tile.added[chain[-1]] for chain in tile.chains) + self.depth

    def hops(self) -> int:
        return sum(tile.words[pe] for tile in self.program.psum_tiles for chain in tile.chains for pe in chain[:-1])

    def register_writes(self) -> dict[str, int]:
        words = {name: stream.delivered for name, stream in self.streams.items()}
        return {"weight": words["weight"], "input": words["input"], "output": self.hops() + words["psum_in"]}

    def close(self, end: int) -> None:
        """Name the PE-cycles from each PE's last work to the layer's end."""
        drained, mapped = self.drained, self.program.passes[-1].mapped
        for pe in self.pes:
            assert not pe.todo
            assert pe.clock is not None
            rest = drained - pe.clock
            if pe.number in mapped:
                self.account.name(pe.number, "fill_drain", min(rest, self.depth))
                self.account.name(pe.number, "imbalance", rest - min(rest, self.depth))
            else:
                self.account.name(pe.number, "unmapped", rest)
            self.account.name(pe.number, "between", end - drained)


def _when_all(times: dict[int, int], wanted: dict[int, int]) -> Callable[[], int | None]:
    """When the last of ``wanted`` has its time, None while one is missing."""
    return lambda: max(times.values()) if len(times) == len(wanted) else None
