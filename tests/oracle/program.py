"""What a layer asks of a machine, walked out loop by loop: passes, steps, psum tiles, buffer tiles, words of every PE.

Nothing here knows of time. `tiles_of` and `Program` are lists in program order; the run writes what happens
to a thing into the thing (``visible``, ``arrived``, ``added``, ...).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from simulator.mapping.mapping import Mapping
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Box = dict[str, tuple[int, int]]
"""First index and length of every dimension."""
Marks = list[tuple[int, str]]
"""Where a missing thing was: (until when, part), in order of time."""

DIMENSIONS = "NGMCPQRS"
INDEXED_BY = {"weight": set("GMCRS"), "input": set("NGCPQRS"), "output": set("NGMPQ")}
CUT_BY = {"weight": set("GMCRS"), "input": set("NGC"), "output": set()}
SUMMED = set("CRS")
AXES = (("P", "R"), ("Q", "S"))


def advances(loops: Sequence[Any], leaf: dict[str, int]) -> tuple[list[int], dict[str, int]]:
    """How far one trip of every loop goes (by what is inside it, or less where the loop says so), and what all cover."""
    covered, steps = dict(leaf), []
    for loop in reversed(loops):
        inside = covered[loop.dimension]
        steps.append(min(loop.by, inside) if loop.by else inside)
        covered[loop.dimension] = steps[-1] * loop.trips
    return steps[::-1], covered


@dataclass(frozen=True)
class At:
    """One iteration of a nest: the digit and the real number of trips of every loop, and the box at every depth."""

    digits: tuple[int, ...]
    trips: tuple[int, ...]
    boxes: tuple[Box, ...]


def walk(loops: Sequence[Any], leaf: dict[str, int], box: Box) -> Iterator[At]:
    """Every iteration of ``loops`` inside ``box``, the innermost loop fastest; the last trip takes what is left."""
    steps, _ = advances(loops, leaf)

    def inside(depth: int, at: At) -> Iterator[At]:
        if depth == len(loops):
            yield at
            return
        d, step, here = loops[depth].dimension, steps[depth], at.boxes[-1]
        first, length = here[d]
        trips = -(-length // step)
        for digit in range(trips):
            cut = {**here, d: (first + digit * step, min(step, length - digit * step))}
            yield from inside(depth + 1, At((*at.digits, digit), (*at.trips, trips), (*at.boxes, cut)))

    yield from inside(0, At((), (), (box,)))


def indices(layer: Layer, axis: int, box: Box) -> list[int]:
    """Input rows (axis 0) or columns (axis 1) that a box touches; those outside the feature map are padding."""
    (first, outputs), (tap, taps) = (box[d] for d in AXES[axis])
    spread, back = layer.dilation[axis], layer.padding_before[axis]
    return sorted(
        {(first + p) * layer.stride[axis] + (tap + r) * spread - back for p in range(outputs) for r in range(taps)}
    )


def volume(box: Box, dimensions: Iterable[str]) -> int:
    return prod(box[d][1] for d in dimensions)


def spans(box: Box, dimensions: str) -> Iterator[tuple[int, ...]]:
    return product(*(range(box[d][0], sum(box[d])) for d in dimensions))


@dataclass(eq=False)
class Words:
    """One step's words on a bus. They leave in rounds: every PE's first word, every PE's second, ...

    ``last[pe]`` counts the words that have crossed when a PE has all of its own, ``crossed[a]`` those that have
    when every PE has its first ``a``. ``arrived[pe]``: when it had them, and where they were before.
    """

    last: dict[int, int]
    crossed: list[int]
    destinations: int
    arrived: dict[int, tuple[int, Marks]] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """Words of the PE that gets most."""
        return len(self.crossed) - 1

    @property
    def total(self) -> int:
        return self.crossed[-1]


def on_bus(needs: dict[int, list[Any]], *, multicast: bool) -> Words:
    """Put what every PE needs, in the order in which it uses it, on a bus; with ``multicast`` a word crosses once."""
    position: dict[Any, int] = {}
    last: dict[int, int] = {}
    crossed = [0]
    for turn in range(max(len(words) for words in needs.values())):
        high = crossed[-1]
        for pe in sorted(needs):
            if turn < len(needs[pe]):
                word = needs[pe][turn] if multicast else (pe, turn)
                at = position.setdefault(word, len(position) + 1)
                last[pe] = max(last.get(pe, 0), at)
                high = max(high, at)
        crossed.append(high)
    return Words(last, crossed, sum(len(words) for words in needs.values()))


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


@dataclass(eq=False)
class PsumTile:
    """The psums that the PEs hold from one write-out to the next; its first step decides its chains and words."""

    number: int
    chains: list[list[int]]
    words: dict[int, int]
    incoming: Words | None
    made_up: bool
    outgoing: Words
    home: Tile
    earlier: "PsumTile | None"
    before: dict[int, "PsumTile | None"] = field(default_factory=dict)
    mac_end: dict[int, int] = field(default_factory=dict)
    last_step: dict[int, "Step"] = field(default_factory=dict)
    psums_in: dict[int, tuple[int, Marks | None]] = field(default_factory=dict)
    first_out: dict[int, int] = field(default_factory=dict)
    last_out_by_rate: dict[int, int] = field(default_factory=dict)
    last_out: dict[int, int] = field(default_factory=dict)
    complete: dict[int, int] = field(default_factory=dict)
    added: dict[int, int] = field(default_factory=dict)
    ready: int | None = None
    write_start: int | None = None
    written: int | None = None
    marks: Marks = field(default_factory=list)

    @property
    def pes(self) -> list[int]:
        return [pe for chain in self.chains for pe in chain]


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


class Program:
    """Everything that one layer asks for, in order. ``tiles[memory, data type]`` are a buffer's, outermost first."""

    def __init__(self, layer: Layer, mapping: Mapping, machine: Architecture) -> None:
        self.layer, self.mapping, self.machine = layer, mapping, machine
        ones = dict.fromkeys(DIMENSIONS, 1)
        self.spatial = [*mapping.rows, *mapping.columns]
        self.leaf_pe = advances(mapping.pe, ones)[1]
        self.leaf_step = advances(self.spatial, self.leaf_pe)[1]
        self.leaf_pass = advances(mapping.steps, self.leaf_step)[1]
        self.outer = [loop for loops in mapping.levels.values() for loop in loops]
        whole = {d: (0, layer.sizes[d]) for d in DIMENSIONS}  # type: ignore[index]
        self.passes = [Pass(at) for at in walk(self.outer, self.leaf_pass, whole)]
        self.tiles: dict[tuple[str, str], list[Tile]] = {}
        self.largest: dict[tuple[str, str], int] = {}
        self.parts: dict[tuple[str, str], int] = {}
        for data_type in INDEXED_BY:
            self._buffer_tiles(data_type)
        self.steps: list[Step] = []
        self.psum_tiles: list[PsumTile] = []
        self._walk_steps()

    # Tiles of buffers

    def _outside(self, memory: str) -> int:
        """How many loops lie outside a memory."""
        names = list(self.mapping.levels)
        return sum(len(self.mapping.levels[name]) for name in names[: names.index(memory)])

    def _buffer_tiles(self, data_type: str) -> None:
        levels = self.machine.levels(data_type)  # type: ignore[arg-type]
        held: list[Tile] | None = None
        for memory in levels[1:]:
            cuts = CUT_BY[data_type] if memory == levels[-1] else set()
            held = self._tiles_of(memory, data_type, cuts, held)
        assert held is not None
        for one, tile in zip(self.passes, held, strict=True):
            one.uses[data_type] = tile

    def _tiles_of(self, memory: str, data_type: str, cut_by: set[str], parents: list[Tile] | None) -> list[Tile]:
        """List a buffer's tiles; returns the one that every pass uses. A tile stays while its digits do."""
        outside = self._outside(memory)
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
            largest = max(largest, self._count(data_type, first.boxes[outside])[0])
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
        loops = [*self.outer, *self.mapping.steps]
        memory = self.machine.levels("output")[-1]
        outputs = [i for i in range(len(loops)) if loops[i].dimension in INDEXED_BY["output"]]
        blocks = [i for i in outputs if i >= self._outside(memory)]
        nest = []
        for one in self.passes:
            for at in walk(self.mapping.steps, self.leaf_step, one.at.boxes[-1]):
                nest.append((one, (*one.at.digits, *at.digits), self._place(at.boxes[-1])))
        last_of_block: dict[tuple[Any, ...], PsumTile] = {}
        held = {"weight": 0, "input": 0}
        for number, (one, digits, work) in enumerate(nest):
            before = nest[number - 1] if number else None
            after = nest[number + 1] if number + 1 < len(nest) else None
            if before is None or any(digits[i] != before[1][i] for i in outputs):
                home = one.uses["output"]
                block = (id(home), *(digits[i] for i in blocks))
                first = all(digits[i] == 0 for i in range(len(loops)) if loops[i].dimension in SUMMED)
                tile = self._psum_tile(work, home, last_of_block.get(block), first=first)
                last_of_block[block] = tile
                self.psum_tiles.append(tile)
            new = self._arrivals(loops, before, (one, digits, work))
            for data_type, words in new.items():
                held[data_type] += words.most
            frees, share = {}, (1, 1)
            if after is None or self._changes(loops, digits, after[1], "weight"):
                frees["weight"] = held["weight"]
            if after is None or self._changes(loops, digits, after[1], "input"):
                frees["input"] = held["input"]
                if after is not None and self._slides(loops, digits, after[1]):
                    whole, fresh = ({pe: self._window(b, old.get(pe)) for pe, b in after[2].items()} for old in ({}, work))
                    frees["input"] -= max(map(len, whole.values())) - max(map(len, fresh.values()))
                    if self._column_by_column():
                        share = (frees["input"], held["input"])
            for data_type, words in frees.items():
                held[data_type] -= words
            per_cycle = self.machine.spatial.pe.macs_per_cycle
            macs = {pe: volume(box, DIMENSIONS) for pe, box in work.items()}
            cycles = {pe: -(-n // per_cycle) for pe, n in macs.items()}
            step = Step(cycles, sum(macs.values()), new, tile, frees, share, one)
            for pe in work:
                tile.last_step[pe] = step
            one.mapped |= set(work)
            self.steps.append(step)

    def _changes(self, loops: Sequence[Any], a: tuple[int, ...], b: tuple[int, ...], data_type: str) -> bool:
        return any(x != y and loop.dimension in INDEXED_BY[data_type] for loop, x, y in zip(loops, a, b, strict=True))

    def _slide_loop(self) -> int | None:
        """Which step loop inputs slide along: the innermost that moves them, if it goes over P or Q."""
        steps = self.mapping.steps
        moving = [i for i, x in enumerate(steps) if x.trips > 1 and x.dimension in INDEXED_BY["input"]]
        return len(self.outer) + moving[-1] if moving and steps[moving[-1]].dimension in ("P", "Q") else None

    def _slides(self, loops: Sequence[Any], a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        """Whether inputs slide from the step at digits ``a`` to the one at ``b``."""
        moved = [i for i, loop in enumerate(loops) if a[i] != b[i] and loop.dimension in INDEXED_BY["input"]]
        return len(moved) == 1 and moved[0] == self._slide_loop() and b[moved[0]] == a[moved[0]] + 1

    def _column_by_column(self) -> bool:
        """Whether a PE uses the columns that leave its window first."""
        slide = self._slide_loop()
        if slide is None or [*self.outer, *self.mapping.steps][slide].dimension != "Q" or self.leaf_pe["Q"] > 1:
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

    def _arrivals(self, loops: Sequence[Any], before: Any, here: Any) -> dict[str, Words]:
        """Weights and inputs that must come for a step."""
        out = {}
        _, digits, work = here
        if before is None or self._changes(loops, before[1], digits, "weight"):
            out["weight"] = self._bus("weight", {pe: self._weights(box) for pe, box in work.items()})
        if before is None or self._changes(loops, before[1], digits, "input"):
            old = before[2] if before is not None and self._slides(loops, before[1], digits) else {}
            out["input"] = self._bus("input", {pe: self._window(box, old.get(pe)) for pe, box in work.items()})
        return out

    def _bus(self, data_type: str, needs: dict[int, list[Any]]) -> Words:
        inner = self.machine.levels(data_type)[-1]  # type: ignore[arg-type]
        name = self.machine.network(data_type, inner, "array")  # type: ignore[arg-type]
        return on_bus(needs, multicast=name is not None and self.machine.networks[name].kind == "multicast_bus")

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
        return PsumTile(len(self.psum_tiles), chains, words, incoming, made_up, outgoing, home, earlier)
