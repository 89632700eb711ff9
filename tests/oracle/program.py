"""What a layer asks of a machine, walked out loop by loop: passes, steps, psum tiles and buffer tiles, in program order.

Nothing here knows of time; the run writes what happens to a thing into the thing (``visible``, ``arrived``, ``added``, ...).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from simulator.components.memories.sram import Sram
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

from .nest import (
    AXES,
    DIMENSIONS,
    INDEXED_BY,
    SUMMED,
    At,
    Box,
    Marks,
    Words,
    advances,
    indices,
    on_bus,
    spans,
    volume,
    walk,
)

CUT_BY = {"weight": set("GMCRS"), "input": set("NGC"), "output": set()}
"""Loops that cut a tile of the innermost buffer into parts: those whose parts do not overlap."""
LOOK_AHEAD = 16
"""How many psum tiles the psum reader may be ahead of the adders when it passes over one that starts at zero."""


def held_once(memory: Any) -> Sequence[str]:
    """The data types of which a buffer holds one tile at a time, whole."""
    return memory.single_buffered if isinstance(memory, Sram) else ()


@dataclass(eq=False)
class Tile:
    """What a buffer holds of a data type and gets at once: a tile, or in the innermost buffer one part of it."""

    words: int
    padding: int
    row_words: int
    first: bool
    last: bool
    parent: "Tile | None"
    before: "Tile | None"
    ends_parent: bool = False
    visible: int | None = None
    gone: int | None = None
    marks: Marks = field(default_factory=list)
    way_out: Marks = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class Sums:
    """Psums that leave the array together: what comes in for them, where they go, and when they did.

    ``earlier`` wrote the same psums before, ``after_zeros`` must have been added before these are read (see `LOOK_AHEAD`).
    ``left[a]``: when every head's first ``a + 1`` words had left; empty until the write begins.
    """

    number: int
    incoming: Words | None
    made_up: bool
    outgoing: Words
    home: Tile
    earlier: "Sums | None"
    after_zeros: "Sums | None"
    ready: int | None = None
    write_start: int | None = None
    left: list[int] = field(default_factory=list)
    written: int | None = None
    marks: Marks = field(default_factory=list)

    def all_added(self) -> int | None:
        """When what came in for them had been added everywhere; None: not yet."""
        raise NotImplementedError


@dataclass(eq=False, kw_only=True)
class PsumTile(Sums):
    """The psums that the PEs hold from one write-out to the next; its first step decides its chains and words."""

    chains: list[list[int]]
    words: dict[int, int]
    before: dict[int, "PsumTile | None"] = field(default_factory=dict)
    mac_end: dict[int, int] = field(default_factory=dict)
    last_step: dict[int, "Step"] = field(default_factory=dict)
    psums_in: dict[int, tuple[int, Marks | None]] = field(default_factory=dict)
    first_out: dict[int, int] = field(default_factory=dict)
    last_out_by_rate: dict[int, int] = field(default_factory=dict)
    last_out: dict[int, int] = field(default_factory=dict)
    complete: dict[int, int] = field(default_factory=dict)
    added: dict[int, int] = field(default_factory=dict)

    @property
    def pes(self) -> list[int]:
        return [pe for chain in self.chains for pe in chain]

    def all_added(self) -> int | None:
        return max(self.added.values()) if len(self.added) == len(self.words) else None


@dataclass(eq=False)
class Step:
    """One step: MAC cycles of every PE with work, words that come for it, and what is dead after it.

    ``frees[data type]`` are words of the fullest PE; inputs are dead after ``share`` of the step's MACs.
    """

    cycles: dict[int, int]
    macs: int
    new: dict[str, Words]
    tile: PsumTile
    frees: dict[str, int]
    share: tuple[int, int]
    run: "Pass"
    ended: dict[int, int] = field(default_factory=dict)
    dead: dict[int, int] = field(default_factory=dict)


@dataclass(eq=False)
class Pass:
    """One iteration of the loops around the array: what it uses of every data type, and the PEs with work."""

    at: At
    uses: dict[str, Tile] = field(default_factory=dict)
    mapped: set[int] = field(default_factory=set)
    arrived: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Here:
    """Where a step stands: its pass, the digits of all loops around it, the box of every PE with work."""

    run: Pass
    digits: tuple[int, ...]
    work: dict[int, Box]


class Program:
    """Everything that one layer asks for, in order.

    ``tiles[memory, data type]`` are a buffer's, outermost first; a home, where a data type starts and ends, has none: it
    holds everything. ``largest`` are the words of its largest tile, or of all there is.
    """

    def __init__(self, layer: Layer, mapping: Mapping, machine: Architecture) -> None:
        self.layer, self.mapping, self.machine = layer, mapping, machine
        ones = dict.fromkeys(DIMENSIONS, 1)
        self.spatial = [*mapping.rows, *mapping.columns]
        self.leaf_pe = advances(mapping.pe, ones)[1]
        self.leaf_step = advances(self.spatial, self.leaf_pe)[1]
        self.leaf_pass = advances(mapping.steps, self.leaf_step)[1]
        self.outer = [loop for loops in mapping.levels.values() for loop in loops]
        whole = {d: (0, layer.sizes[d]) for d in DIMENSIONS}  # type: ignore[index]
        self.loops = [*self.outer, *mapping.steps]
        self.passes = [Pass(at) for at in walk(self.outer, self.leaf_pass, whole)]
        self.tiles: dict[tuple[str, str], list[Tile]] = {}
        self.largest: dict[tuple[str, str], int] = {}
        self.parts: dict[tuple[str, str], int] = {}
        self.resident: list[Tile] = []  # what the array uses where it starts and ends
        for data_type in INDEXED_BY:
            self._buffer_tiles(data_type)
        self.steps: list[Step] = []
        self.psum_tiles: list[PsumTile] = []
        self.zeros_at = -1  # the last psum tile that started at zero
        self.held: dict[int, Box] = {}  # the boxes for which inputs came last
        self._walk_steps()

    # Tiles of buffers

    def outside(self, memory: str) -> int:
        """How many loops lie outside a memory."""
        names = list(self.mapping.levels)
        return sum(len(self.mapping.levels[name]) for name in names[: names.index(memory)])

    def _buffer_tiles(self, data_type: str) -> None:
        home, *inside = self.machine.levels(data_type)  # type: ignore[arg-type]
        whole = {d: (0, self.layer.sizes[d]) for d in DIMENSIONS}  # type: ignore[index]
        words, padding, row = self._count(data_type, whole)
        everything = Tile(words, padding, row, True, True, None, None)
        self.largest[home, data_type], self.parts[home, data_type] = self._all_words(data_type, words), 1
        held: list[Tile] | None = None
        for memory in inside:
            cuts = self._cut_by(data_type) if memory == inside[-1] and self._in_parts(memory, data_type) else set()
            held = self._tiles_of(memory, data_type, cuts, held)
        if held is None:
            self.resident.append(everything)
            held = [everything] * len(self.passes)
        for one, tile in zip(self.passes, held, strict=True):
            one.uses[data_type] = tile

    def _all_words(self, data_type: str, touched: int) -> int:
        """Words that a home holds, of which the layer touches some."""
        return touched

    def _room_for(self, data_type: str, box: Box, around: list[Loop]) -> int:
        """Words for which a memory reserves room where a tile is this box, cut by the loops around it."""
        return self._count(data_type, box)[0]

    def _cut_by(self, data_type: str) -> set[str]:
        return CUT_BY[data_type]

    def _in_parts(self, memory: str, data_type: str) -> bool:
        """Whether the array may use a part of a tile before the rest has come."""
        part = self.machine.memories[memory]
        return not isinstance(part, Sram) or data_type not in (*part.single_buffered, *part.whole_tiles)

    def _tiles_of(self, memory: str, data_type: str, cut_by: set[str], parents: list[Tile] | None) -> list[Tile]:
        """List a buffer's tiles; returns the one that every pass uses. A tile stays while its digits do."""
        outside = self.outside(memory)
        relevant = [i for i in range(outside) if self.outer[i].dimension in INDEXED_BY[data_type]]
        summed = [i for i in range(outside) if self.outer[i].dimension in SUMMED]
        cuts = [i for i in range(outside, len(self.outer)) if self.outer[i].dimension in cut_by]
        out: list[Tile] = []
        used: list[Tile] = []
        known: dict[tuple[int, ...], Tile] = {}
        largest = 0
        start = 0
        keys = [tuple(one.at.digits[i] for i in relevant) for one in self.passes]
        while start < len(keys):
            end = start
            while end < len(keys) and keys[end] == keys[start]:
                end += 1
            group, key = self.passes[start:end], keys[start]
            first, last = group[0].at, group[-1].at
            begins = all(first.digits[i] == 0 for i in summed)
            finishes = all(last.digits[i] == last.trips[i] - 1 for i in summed)
            largest = max(largest, self._room_for(data_type, first.boxes[outside], self.outer[:outside]))
            parts: dict[tuple[int, ...], Tile] = {}
            boxes = {tuple(one.at.digits[i] for i in cuts): one.at.boxes[-1] for one in group}
            for digits, inner in sorted(boxes.items(), key=lambda item: item[0]):
                box = {d: inner[d] if d in cut_by else first.boxes[outside][d] for d in DIMENSIONS}
                words, padding, row = self._count(data_type, box)
                parent = None if parents is None else parents[start]
                tile = Tile(words, padding, row, begins, finishes, parent, known.get((*key, *digits)))
                known[(*key, *digits)] = parts[digits] = tile
                out.append(tile)
            used += [parts[tuple(one.at.digits[i] for i in cuts)] for one in group]
            start = end
        for tile, after in zip(out, [*out[1:], None], strict=True):
            tile.ends_parent = after is None or after.parent is not tile.parent
        self.tiles[memory, data_type] = out
        self.largest[memory, data_type] = largest
        self.parts[memory, data_type] = prod(self.outer[i].trips for i in cuts)
        return used

    def _count(self, data_type: str, box: Box) -> tuple[int, int, int]:
        """(words, those that are padding, length of a row of the feature map without padding) of a box."""
        if data_type != "input":
            return volume(box, INDEXED_BY[data_type]), 0, box["Q"][1] if data_type == "output" else 1
        found = [indices(self.layer, axis, box) for axis in (0, 1)]
        real = [sum(0 <= i < self.layer.input_size[axis] for i in found[axis]) for axis in (0, 1)]
        images = volume(box, "NGC")
        words = images * len(found[0]) * len(found[1])
        return words, words - images * real[0] * real[1], max(1, real[1])

    # Steps and psum tiles

    def _walk_steps(self) -> None:
        loops = self.loops
        memory = self.machine.levels("output")[-1]
        outputs = [i for i in range(len(loops)) if loops[i].dimension in INDEXED_BY["output"]]
        blocks = [i for i in outputs if i >= self.outside(memory)]
        nest = [
            _Here(one, (*one.at.digits, *at.digits), self._place(at.boxes[-1]))
            for one in self.passes
            for at in walk(self.mapping.steps, self.leaf_step, one.at.boxes[-1])
        ]
        written: dict[tuple[Any, ...], PsumTile] = {}
        held = {"weight": 0, "input": 0}
        for before, here, after in zip([None, *nest[:-1]], nest, [*nest[1:], None], strict=True):
            if before is None or any(here.digits[i] != before.digits[i] for i in outputs):
                home = here.run.uses["output"]
                block = (id(home), *(here.digits[i] for i in blocks))
                first = all(digit == 0 for digit, loop in zip(here.digits, loops, strict=True) if loop.dimension in SUMMED)
                tile = self._psum_tile(here.work, home, written.get(block), first=first)
                written[block] = tile
                self.psum_tiles.append(tile)
            step = self._step(before, here, after, tile, held)
            for pe in here.work:
                tile.last_step[pe] = step
            here.run.mapped |= set(here.work)
            self.steps.append(step)

    def _step(
        self, before: "_Here | None", here: "_Here", after: "_Here | None", tile: PsumTile, held: dict[str, int]
    ) -> Step:
        """One step; ``held`` are the words of the fullest PE, before it and then after it."""
        new = self._arrivals(before, here)
        for data_type, words in new.items():
            held[data_type] += words.most
        frees, share = {}, (1, 1)
        for data_type, n in held.items():
            if after is None or self._changes(here, after, data_type):
                frees[data_type] = n
        if after is not None and self._slides(here, after):
            whole, fresh = (
                max(len(self._window(box, old.get(pe))) for pe, box in after.work.items()) for old in ({}, self.held)
            )
            frees["input"] -= whole - fresh
            if self._column_by_column():
                share = (frees["input"], held["input"])
        for data_type, n in frees.items():
            held[data_type] -= n
        macs = {pe: volume(box, DIMENSIONS) for pe, box in here.work.items()}
        cycles = {pe: -(-n // self.machine.spatial.pe.macs_per_cycle) for pe, n in macs.items()}
        return Step(cycles, sum(macs.values()), new, tile, frees, share, here.run)

    def _changes(self, a: "_Here", b: "_Here", data_type: str) -> list[int]:
        """The loops over a data type's dimensions whose digits differ between two steps."""
        relevant = [i for i, loop in enumerate(self.loops) if loop.dimension in INDEXED_BY[data_type]]
        return [i for i in relevant if a.digits[i] != b.digits[i]]

    def _slide_loop(self) -> int | None:
        """Which step loop inputs slide along: the innermost that moves them, if it goes over P or Q."""
        steps = self.mapping.steps
        moving = [i for i, x in enumerate(steps) if x.trips > 1 and x.dimension in INDEXED_BY["input"]]
        return len(self.outer) + moving[-1] if moving and steps[moving[-1]].dimension in ("P", "Q") else None

    def _slides(self, a: "_Here", b: "_Here") -> bool:
        """Whether inputs slide from one step to the next."""
        moved = self._changes(a, b, "input")
        return moved == [self._slide_loop()] and b.digits[moved[0]] == a.digits[moved[0]] + 1

    def _column_by_column(self) -> bool:
        """Whether a PE uses the columns that leave its window first."""
        slide = self._slide_loop()
        if slide is None or self.loops[slide].dimension != "Q" or self.leaf_pe["Q"] > 1:
            return False
        moving = [loop.dimension for loop in self.mapping.pe if loop.trips > 1]
        return self.leaf_pe["S"] == 1 or moving[:1] == ["S"]

    def _place(self, box: Box) -> dict[int, Box]:
        """The box of every PE with work in a step."""
        out = {}
        for at in walk(self.spatial, self.leaf_pe, box):
            row = column = 0
            for i, (loop, digit) in enumerate(zip(self.spatial, at.digits, strict=True)):
                if i < len(self.mapping.rows):
                    row = row * loop.trips + digit
                else:
                    column = column * loop.trips + digit
            out[row * self.machine.array.columns + column] = at.boxes[-1]
        return out

    def _arrivals(self, before: "_Here | None", here: "_Here") -> dict[str, Words]:
        """Weights and inputs that must come for a step."""
        needs: dict[str, dict[int, list[Any]]] = {}
        if before is None or self._changes(before, here, "weight"):
            needs["weight"] = {pe: self._weights(box) for pe, box in here.work.items()}
        if before is None or self._changes(before, here, "input"):
            old = self.held if before is not None and self._slides(before, here) else {}
            needs["input"] = {pe: self._window(box, old.get(pe)) for pe, box in here.work.items()}
            self.held = here.work
        uses = {pe: self._first_uses(box) for pe, box in here.work.items()} if needs else {}
        return {
            data_type: on_bus(words, {pe: its[data_type] for pe, its in uses.items()}, multicast=self._multicast(data_type))
            for data_type, words in needs.items()
        }

    def _multicast(self, data_type: str) -> bool:
        inner = self.machine.levels(data_type)[-1]  # type: ignore[arg-type]
        name = self.machine.network(data_type, inner, "array")  # type: ignore[arg-type]
        return name is not None and self.machine.networks[name].kind == "multicast_bus"

    def _first_uses(self, box: Box) -> dict[str, dict[Any, int]]:
        """The working cycle of a step in which a PE first uses each word: its MACs go in the order of its loops."""
        first: dict[str, dict[Any, int]] = {"weight": {}, "input": {}}
        for number, at in enumerate(walk(self.mapping.pe, dict.fromkeys(DIMENSIONS, 1), box)):
            here = {d: at.boxes[-1][d][0] for d in DIMENSIONS}
            row, column = (
                here[out] * self.layer.stride[axis] + here[tap] * self.layer.dilation[axis] - self.layer.padding_before[axis]
                for axis, (out, tap) in enumerate(AXES)
            )
            cycle = number // self.machine.spatial.pe.macs_per_cycle
            first["weight"].setdefault(tuple(here[d] for d in "GMCRS"), cycle)
            first["input"].setdefault((tuple(here[d] for d in "NGC"), row, column), cycle)
        return first

    def _weights(self, box: Box) -> list[Any]:
        """A PE's weights in the order in which its loops use them."""
        loops = [loop for loop in self.mapping.pe if loop.dimension in INDEXED_BY["weight"]]
        ones = dict.fromkeys(DIMENSIONS, 1)
        used = (at.boxes[-1] for at in walk(loops, ones, box))
        return list(dict.fromkeys(tuple(b[d][0] for d in "GMCRS") for b in used))

    def _window(self, box: Box, old: Box | None = None) -> list[Any]:
        """A PE's inputs column by column, channels inside, rows innermost; without those of its ``old`` window."""
        columns, rows = indices(self.layer, 1, box), indices(self.layer, 0, box)
        words = [(image, row, column) for column in columns for image in spans(box, "NGC") for row in rows]
        if old is None:
            return words
        had = (set(indices(self.layer, 0, old)), set(indices(self.layer, 1, old)))
        return [word for word in words if not (word[1] in had[0] and word[2] in had[1])]

    def _psum_tile(self, work: dict[int, Box], home: Tile, earlier: PsumTile | None, *, first: bool) -> PsumTile:
        """A new psum tile: PEs that hold parts of one output form a chain, the lowest row its tail."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for pe, box in work.items():
            groups.setdefault(tuple(box[d][0] for d in "NGMPQ"), []).append(pe)
        chains = [sorted(pes, key=lambda pe: -pe) for pes in groups.values()]
        words = {pe: volume(box, INDEXED_BY["output"]) for pe, box in work.items()}
        ends = [{chain[i]: [(chain[i], n) for n in range(words[chain[i]])] for chain in chains} for i in (0, -1)]
        made_up = first and self.machine.spatial.initial_psums == "buffer"
        incoming = on_bus(ends[0], multicast=False) if made_up or not first else None
        outgoing = on_bus(ends[1], multicast=False)
        if incoming is None:
            self.zeros_at = len(self.psum_tiles)
        passed = self.zeros_at - LOOK_AHEAD
        after_zeros = self.psum_tiles[passed] if passed >= 0 else None
        return PsumTile(
            number=len(self.psum_tiles), incoming=incoming, made_up=made_up, outgoing=outgoing, home=home,
            earlier=earlier, after_zeros=after_zeros, chains=chains, words=words,
        )  # fmt: skip
