"""A systolic array, one cycle at a time: rows and vectors enter, results come out, and all of it moves or stands still."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import gcd, prod

from simulator.components.arrays.systolic import SystolicArray as Described
from simulator.mapping.nest import Loop
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

from .grid import Grid
from .memories import Ports
from .nest import DIMENSIONS, INDEXED_BY, SUMMED, Box, Marks, Words, advances, on_bus, spans, volume, walk
from .program import LOOK_AHEAD, Pass, Program, Sums, Tile, _Here
from .streams import Edges, Transaction

ALONG = {"weight": ("C", "M"), "input": ("C", "N"), "output": ("N", "M")}
"""What lies along rows and columns, by the data type that is stationary."""
IN_THE_ARRAY: Marks = [(0, "array")]


@dataclass(eq=False)
class Held:
    """What stays in the PEs: a tile of the stationary operand that is shifted in row by row, or a tile of outputs.

    ``rows``: the cycles in which its rows entered, rows of zeros first. ``place``: the move from which on it has its place
    in the PEs, and ``free`` the first cycle in which that move could be made.
    """

    number: int
    r: int
    c: int
    words: Words | None
    vectors: list["Vector"] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    place: int | None = None
    free: int | None = None

    def ends(self, vector: "Vector") -> bool:
        return vector is self.vectors[-1]

    def begins(self, vector: "Vector") -> bool:
        return vector is self.vectors[0]


@dataclass(eq=False)
class Vector:
    """One step: what enters in one move, and in which move and cycle it did.

    ``words`` wait for it at the edges by data type, ``psums`` those that come in at the top. ``free``: since when its
    place in the PEs was (with stationary outputs).
    """

    run: Pass
    held: Held
    macs: int
    words: dict[str, Words]
    result: "Result"
    move: int | None = None
    cycle: int | None = None
    free: int | None = None

    @property
    def psums(self) -> Words | None:
        return self.result.incoming


@dataclass(eq=False, kw_only=True)
class Result(Sums):
    """What leaves for a vector, or for all vectors of a tile of outputs: ``vector`` is the last one."""

    vector: Vector | None = None

    def all_added(self) -> int | None:
        assert self.vector is not None
        return None if self.vector.cycle is None else self.vector.cycle + 1


def lanes(count: int, turns: int = 1) -> Words:
    """One word for each of some lanes, and again for as many turns."""
    return on_bus({lane: list(range(turns)) for lane in range(count)}, multicast=False)


def arrived(words: Words, turn: int = 0) -> tuple[int, Marks] | None:
    """When all lanes had their word of a turn, and where the last one was before; None: not known yet."""
    return words.there[max(words.places)].get(turn)


def is_there(words: Words, now: int, turn: int = 0) -> bool:
    told = arrived(words, turn)
    return told is not None and told[0] <= now


class SystolicProgram(Program):
    """The same for a systolic array: its steps are vectors, and each says what it needs at the edges."""

    def _cut_by(self, data_type: str) -> set[str]:
        """Input tiles of layers whose windows overlap do so, too: only those of different groups are apart."""
        return {"G"} if data_type == "input" and self._image() else super()._cut_by(data_type)

    def _all_words(self, data_type: str, touched: int) -> int:
        """Whole feature maps, without padding."""
        origin = self.layer.origin
        if data_type != "input" or origin is None:
            return touched
        return prod(origin.input_size) * prod(origin.sizes[d] for d in "NGC")  # type: ignore[index]

    def _image(self) -> Layer | None:
        """The layer before it was a matrix product, where its windows overlap."""
        return self.layer.image

    def _count(self, data_type: str, box: Box) -> tuple[int, int, int]:
        """As elsewhere; inputs of overlapping windows are the different words of the feature map that a block touches."""
        image = self._image()
        if data_type != "input" or image is None:
            return super()._count(data_type, box)
        words = set()
        for n, g, c in spans(box, "NGC"):
            whole, p, q = (n // (image.sizes["P"] * image.sizes["Q"]), n // image.sizes["Q"] % image.sizes["P"], n % image.sizes["Q"])
            channel, r, s = (c // (image.sizes["R"] * image.sizes["S"]), c // image.sizes["S"] % image.sizes["R"], c % image.sizes["S"])
            row, column = (
                out * image.stride[axis] + tap * image.dilation[axis] - image.padding_before[axis]
                for axis, (out, tap) in enumerate(((p, r), (q, s)))
            )
            words.add((whole, g, channel, row, column))
        real = [word for word in words if 0 <= word[3] < image.input_size[0] and 0 <= word[4] < image.input_size[1]]
        return len(words), len(words) - len(real), 1

    def _room_for(self, data_type: str, box: Box, around: list[Loop]) -> int:
        """For inputs of overlapping windows the box of images, channels, rows and columns that holds them, wherever a tile may begin."""
        image = self._image()
        if data_type != "input" or image is None:
            return super()._room_for(data_type, box, around)
        size, steps = image.sizes, advances(self.outer, self.leaf_pass)[0]

        def touched(d: str, unit: int) -> int:
            """The most units in which the positions or window elements of a tile lie."""
            apart = gcd(*(step for loop, step in zip(around, steps, strict=False) if loop.dimension == d and loop.trips > 1))
            starts = range(0, max(unit * apart, 1), max(apart, 1))
            return max(len({i // unit for i in range(start, start + box[d][1])}) for start in starts)

        images = min(touched("N", size["P"] * size["Q"]), size["N"])
        channels = min(touched("C", size["R"] * size["S"]), size["C"])
        rows = min(touched("N", size["Q"]), size["P"]) if images == 1 else size["P"]
        columns = box["N"][1] if rows == 1 else size["Q"]
        down, across = (
            min((outputs - 1) * image.stride[axis] + (taps - 1) * image.dilation[axis] + 1, outputs * taps)
            for axis, (outputs, taps) in enumerate([(rows, size["R"]), (columns, size["S"])])
        )
        return box["G"][1] * min(images * channels * down * across, volume(box, "NC"))

    def _walk_steps(self) -> None:
        assert self.machine.systolic is not None
        self.stationary = self.machine.systolic.stationary
        self.vectors: list[Vector] = []
        self.held_tiles: list[Held] = []
        self.results: list[Result] = []
        self.moving = [d for d in ("weight", "input") if d != self.stationary]
        self.written: dict[tuple[int, ...], Result] = {}
        before = None
        for one in self.passes:
            for at in walk(self.mapping.steps, self.leaf_step, one.at.boxes[-1]):
                here = _Here(one, (*one.at.digits, *at.digits), {})
                self._vector(before, here, at.boxes[-1])
                before = here
        self.steps = self.vectors

    def _vector(self, before: _Here | None, here: _Here, box: Box) -> None:
        r, c = (box[d][1] for d in ALONG[self.stationary])
        assert volume(box, DIMENSIONS) == r * c, "nothing but rows and columns lies in a step"
        new = {d for d in INDEXED_BY if before is None or self._changes(before, here, d)}
        if self.stationary in new:
            words = None if self.stationary == "output" else lanes(c, r)
            self.held_tiles.append(Held(len(self.held_tiles), r, c, words))
        at_the_top = {"weight"} if self.stationary == "output" else set()
        moving = {d: lanes(c if d in at_the_top else r) for d in self.moving}
        if self.stationary != "output":
            self.results.append(self._result(here, c))
        elif "output" in new:
            self.results.append(self._result(here, c, r))
        held, result = self.held_tiles[-1], self.results[-1]
        result.vector = Vector(here.run, held, r * c, moving, result)
        self.vectors.append(result.vector)
        held.vectors.append(result.vector)
        columns = self.machine.array.columns
        here.run.mapped |= {i * columns + j for i in range(r) for j in range(c)}

    def _result(self, here: _Here, c: int, r: int = 1) -> Result:
        """Sums of ``r`` words in each of ``c`` columns; those of earlier folds come in at the top."""
        outputs = [i for i, loop in enumerate(self.loops) if loop.dimension in INDEXED_BY["output"]]
        first = all(digit == 0 for digit, loop in zip(here.digits, self.loops, strict=True) if loop.dimension in SUMMED)
        comes_in = not first and self.stationary != "output" and not self.machine.accumulates()
        number, home = len(self.results), here.run.uses["output"]
        if not comes_in:
            self.zeros_at = number
        passed = self.zeros_at - LOOK_AHEAD
        block = (id(home), *(here.digits[i] for i in outputs))
        earlier, after_zeros = self.written.get(block), self.results[passed] if passed >= 0 else None
        result = Result(
            number=number, incoming=lanes(c) if comes_in else None, made_up=False, outgoing=lanes(c * r), home=home,
            earlier=earlier, after_zeros=after_zeros,
        )  # fmt: skip
        self.written[block] = result
        return result


class SystolicArray(Edges):
    """All PEs in lock-step. ``moves`` are the cycles in which they moved; the others are those in which they stood still.

    ``full``: the cycles in which a result had no room in the FIFO of outputs, and the one that had to leave first.
    """

    program: SystolicProgram

    def __init__(
        self, program: SystolicProgram, machine: Architecture, ports: Ports, through: Callable[[str, Tile, int], None]
    ) -> None:
        assert machine.systolic is not None
        self.array: Described = machine.systolic
        self.stationary = self.array.stationary
        top = "weight" if self.stationary == "output" else self.stationary
        left = "input" if top == "weight" else "weight"
        rooms = {top: self.array.top_fifo_words, left: self.array.left_fifo_words, "psum_in": self.array.psum_in_fifo_words}
        super().__init__(program, machine, ports, through, rooms)
        self.moves: list[int] = []
        self.full: dict[int, Result] = {}
        self.began = 0
        self.to_enter = deque(program.vectors)
        self.to_shift = deque(program.held_tiles if self.stationary != "output" else [])
        self.on_their_way: deque[tuple[int, Result]] = deque()  # the move that brings a result if none is before it
        program.held_tiles[0].place = 0
        self.grid = Grid(self.array)
        self._queue_transactions()

    def _queue_transactions(self) -> None:
        for held in self.program.held_tiles:
            if held.words is not None:
                stream = self.streams[self.stationary]
                stream.queue.append(Transaction(held.words, held.vectors[0].run.uses[self.stationary]))
                stream.to_free += [(lambda held=held, i=i: self._row_left(held, i), 1) for i in range(held.r)]
        for vector in self.program.vectors:
            for data_type, words in vector.words.items():
                self.streams[data_type].queue.append(Transaction(words, vector.run.uses[data_type]))
                self.streams[data_type].to_free.append((_left(vector), 1))
        for result in self.program.results:
            assert result.vector is not None
            if result.incoming is not None:
                self.streams["psum_in"].queue.append(Transaction(result.incoming, result.home, result))
                self.streams["psum_in"].to_free.append((_left(result.vector), 1))
            self.streams["psum_out"].queue.append(Transaction(result.outgoing, result.home, result))
        self._mark_last()

    def _row_left(self, held: Held, i: int) -> int | None:
        """When the i-th of a tile's rows of words has left the FIFO at the top."""
        at = i + self._zero_rows(held)
        return held.rows[at] + 1 if at < len(held.rows) else None

    def _zero_rows(self, held: Held) -> int:
        return self.array.rows - held.r if self.array.shifted_rows == "all" else 0

    def begin(self, cycle: int) -> None:
        self.began = cycle

    def settle(self, now: int) -> None:
        """Take note of the room that the move in the cycle before has left."""
        for stream in self.streams.values():
            stream.settle(now)

    # What happens in a cycle

    def act(self, now: int) -> None:
        """Move by one PE, or stand still."""
        number = len(self.moves)
        self._find_place(number, now)
        vector = self._due(number, now)
        there = vector is not None and all(is_there(words, now) for words in vector.words.values())
        enters = vector if there and (vector.psums is None or is_there(vector.psums, now)) else None
        result = self._comes(number, enters)
        if result is not None and not self._has_room(result, now):
            self.full[now] = self.program.results[result.number - self.array.output_fifo_words]
            return
        if self.array.bubbles == "freeze" and vector is not None and not there:
            return
        self.moves.append(now)
        if enters is not None:
            self._enter(enters, number, now)
        self._find_place(number, now)
        self.grid.move(number, enters, self._shift_in(number, now))
        if result is not None:
            assert result.vector is not None
            assert self.grid.through(result.vector) + self.array.pipeline_cycles - 1 <= number
            self.on_their_way.popleft()
            result.ready = now + 1

    def _far(self, held: Held) -> int:
        """Moves from a vector's first PE to its last one."""
        if self.array.wavefront == "array":
            return self.array.rows + self.array.columns - 2
        return held.r + held.c - 2

    def _find_place(self, number: int, now: int) -> None:
        """Take note of the first cycle in which the next tile has its place, if this is the one."""
        if self.to_shift:
            held = self.to_shift[0]
            if held.free is None and held.place is not None and number >= held.place:
                held.free = now

    def _due(self, number: int, now: int) -> Vector | None:
        """The vector that is due in the array's move of this number."""
        if not self.to_enter:
            return None
        vector = self.to_enter[0]
        held = vector.held
        if self.stationary != "output":
            return vector if len(held.rows) == self._zero_rows(held) + held.r else None
        if held.begins(vector) and (held.place is None or number < held.place):
            return None
        if held.ends(vector) and self.array.drain == "apart" and number < self._way_out_free(held):
            return None
        if vector.free is None:
            vector.free = now
        return vector

    def _way_out_free(self, held: Held) -> int:
        """The move in which the registers that outputs leave through have passed on those of the tile before."""
        if held.number == 0:
            return 0
        before = self.program.held_tiles[held.number - 1].vectors[-1]
        assert before.move is not None
        return before.move + self.array.rows

    def _enter(self, vector: Vector, number: int, now: int) -> None:
        """A vector enters with the array's move of this number."""
        self.to_enter.popleft()
        vector.move, vector.cycle = number, now
        held, array = vector.held, self.array
        after = next(iter(self.program.held_tiles[held.number + 1 :]), None)
        if self.stationary != "output":
            self.on_their_way.append((number + self._moves_to_leave(held), vector.result))
            far = 0 if array.shift == "skewed" else self._far(held)
            if after is not None and array.shadow and held.begins(vector):
                after.place = number + far
            if after is not None and not array.shadow and held.ends(vector):
                after.place = number + far + 1
        elif held.ends(vector):
            self.on_their_way.append((number + self._moves_to_leave(held), vector.result))
            if after is not None:
                pipeline = array.pipeline_cycles
                waits = {"at_once": self._far(held) + pipeline, "each": 1, "down": array.rows + pipeline - 1, "apart": 1}
                after.place = number + waits[array.drain]

    def _moves_to_leave(self, held: Held) -> int:
        """From a vector's move to the one that brings its result to the FIFO of outputs."""
        last_column = self.array.rows + held.c - 3 + self.array.pipeline_cycles
        if self.stationary != "output":
            return last_column
        return {
            "at_once": self._far(held) + self.array.pipeline_cycles - 1,
            "each": held.r + held.c - 3 + self.array.pipeline_cycles,
        }.get(self.array.drain, self.array.rows + last_column - 1)

    def _comes(self, number: int, enters: Vector | None) -> Result | None:
        """The result that the array's move of this number brings: at most one, in the order of vectors."""
        coming = list(self.on_their_way)
        if enters is not None and (self.stationary != "output" or enters.held.ends(enters)):
            coming.append((number + self._moves_to_leave(enters.held), enters.result))
        return coming[0][1] if coming and coming[0][0] <= number else None

    def _has_room(self, result: Result, now: int) -> bool:
        first = result.number - self.array.output_fifo_words
        if first < 0:
            return True
        written = self.program.results[first].written
        return written is not None and written <= now

    def _shift_in(self, number: int, now: int) -> tuple[Held, int] | None:
        """Let the next row of a tile in, if it has its place and its words are there; the row's number in the array."""
        if not self.to_shift:
            return None
        held = self.to_shift[0]
        zeros = self._zero_rows(held)
        turn = len(held.rows) - zeros
        assert held.words is not None
        if held.place is None or number < held.place or (turn >= 0 and not is_there(held.words, now, turn)):
            return None
        held.rows.append(now)
        if len(held.rows) == zeros + held.r:
            self.to_shift.popleft()
        return held, zeros + held.r - len(held.rows)

    # At the end

    def done(self) -> bool:
        return not self.to_enter and len(self.moves) > self._last_move()

    def _last_move(self) -> int:
        """The first move by which the layer's last vector has passed all PEs; outputs that stay in them are waited for alone."""
        last = self.program.vectors[-1]
        assert last.move is not None
        return last.move + (self._far(last.held) + 1 if self.stationary != "output" else 0)

    @property
    def over(self) -> int:
        """When the array is through: with its last vector, and with the last result that comes out of it."""
        ready = self.program.results[-1].ready
        assert ready is not None
        return max(self.moves[self._last_move()], ready)

    @property
    def drained(self) -> int:
        return max(self.streams["psum_out"].finish, self.over)

    def register_writes(self) -> dict[str, int]:
        """Every register that a word is shifted through."""
        words = {data_type: sum(vector.macs for vector in self.program.vectors) for data_type in self.program.moving}
        if self.stationary != "output":
            words[self.stationary] = sum(held.c * sum(range(1, held.r + 1)) for held in self.program.held_tiles)
        return {"output": 0, **words}

    def close(self, end: int) -> None:
        """Name all PE-cycles: those of the first PE, and what a PE has that some folds do not use."""
        pes = [divmod(pe, self.array.columns) for pe in range(self.array.pes)]
        for pe in range(self.array.pes):
            self.account.name(pe, "between", self.began)
        next_cycle = self.began
        for vector in self.program.vectors:
            assert vector.cycle is not None
            waits = list(self._waits(vector, range(next_cycle, vector.cycle)))
            for pe, (i, j) in enumerate(pes):
                if i < vector.held.r and j < vector.held.c:
                    for cycle, name, marks in waits:
                        self._name(pe, name, cycle, marks)
                    self.account.name(pe, "mac", 1)
                else:
                    self.account.name(pe, "unmapped", vector.cycle + 1 - next_cycle)
            next_cycle = vector.cycle + 1
        last = self.program.vectors[-1].held
        for pe, (i, j) in enumerate(pes):
            if i < last.r and j < last.c:
                for cycle in range(next_cycle, self.over):
                    if cycle in self.full:
                        self._name(pe, "stall_output", cycle, self.full[cycle].marks)
                    else:
                        self._name(pe, "fill_drain", cycle, None)
                self.account.name(pe, "imbalance", self.drained - self.over)
            else:
                self.account.name(pe, "unmapped", self.drained - next_cycle)
            self.account.name(pe, "between", end - self.drained)

    def _name(self, pe: int, name: str, cycle: int, marks: Marks | None) -> None:
        if marks is None:
            self.account.name(pe, name, 1)
        else:
            self.account.stall(pe, name, cycle, cycle + 1, marks)

    def _waits(self, vector: Vector, cycles: range) -> Iterator[tuple[int, str, Marks | None]]:
        """What the cycles between the vector before and this one are, and where what was missing was."""
        held = vector.held
        free = vector.free
        if self.stationary != "output" and held.begins(vector):
            free = held.free
        name, where = self._last_to_come(vector)
        for cycle in cycles:
            if cycle in self.full:
                yield cycle, "stall_output", self.full[cycle].marks
            elif free is not None and cycle < free:
                yield cycle, "fill_drain", None
            else:
                yield cycle, name, where(cycle)

    def _last_to_come(self, vector: Vector) -> tuple[str, Callable[[int], Marks]]:
        """Which operand of a vector was there last, as the name of a stall, and where it was in a cycle."""
        held = vector.held
        found: dict[str, tuple[int, Callable[[int], Marks]]] = {}
        if self.stationary != "output" and held.begins(vector):
            found[self.stationary] = (held.rows[-1] + 1, lambda cycle: self._where_next_row_is(held, cycle))
        for data_type, words in [*vector.words.items(), ("psum_in", vector.psums)]:
            told = arrived(words) if words is not None else None
            if told is not None:
                found[data_type] = (told[0], lambda _, marks=told[1]: marks)
        name = max((name for name in ("weight", "input", "psum_in") if name in found), key=lambda name: found[name][0])
        return f"stall_{name}", found[name][1]

    def _where_next_row_is(self, held: Held, cycle: int) -> Marks:
        """Where the words of the row that enters next are; in the array if it enters now, or is of zeros, or waits there."""
        number = next(number for number, entered in enumerate(held.rows) if entered >= cycle)
        turn = number - self._zero_rows(held)
        assert held.words is not None
        told = arrived(held.words, turn) if turn >= 0 else None
        if told is None or held.rows[number] == cycle or told[0] <= cycle:
            return IN_THE_ARRAY
        return told[1]


def _left(vector: Vector) -> Callable[[], int | None]:
    """When a vector's words have left the FIFOs at the edges, None as long as they are there."""
    return lambda: None if vector.cycle is None else vector.cycle + 1
