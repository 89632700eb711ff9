"""What a mapping moves through every port, exactly: the same integers as a simulation counts.

Words of every stream at the array are those of the steps at which its tile in the scratchpads changes; tiles
between memories are those of the stays of what a memory keeps. Of the links between PEs the one that carries
most is told: a PE takes over one tile of psums after another, so each link is busy for all that it carries.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from simulator.components.base import Rate
from simulator.components.memories.base import Memory
from simulator.components.memories.dram import Dram
from simulator.eyexam.visits import AXES, NOWHERE, Place, Stays, Turns
from simulator.eyexam.words import Slide, StepWords
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, Extents
from simulator.mapping.tiles import cut, input_span, words
from simulator.names import ARRAY, DIMENSIONS, REDUCTION, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.product import touched

STREAMS: dict[str, DataType] = {
    "weight": "weight",
    "input": "input",
    "psum_in": "output",
    "psum_out": "output",
}
PARTS: dict[DataType, frozenset[Dimension]] = {
    "weight": RELEVANT["weight"],
    "input": frozenset({"N", "G", "C"}),
    "output": frozenset(),
}
"""Dimensions along which the innermost memory's tile moves in parts, where it does."""
APART: frozenset[Dimension] = frozenset({"G"})
"""The same for inputs of a matrix product whose windows overlap."""


@dataclass(frozen=True, slots=True)
class Load:
    """What crosses one port in a layer: ``words`` of ``unit``, at ``rate`` per cycle (None: no limit).

    ``unit_bits`` is how wide such a unit is (of several data types the widest),
    ``owner`` the memory or network that the port belongs to.
    """

    name: str
    owner: str
    unit: str
    words: int
    unit_bits: int
    rate: Fraction | None

    @property
    def cycles(self) -> Fraction:
        """How long that takes at least."""
        return Fraction(0) if self.rate is None else self.words / self.rate


class Traffic:
    """Counts what one layer moves under one mapping."""

    def __init__(
        self,
        layer: Layer,
        mapping: Mapping,
        architecture: Architecture,
        relaxed: frozenset[str] = frozenset(),
    ) -> None:
        self.layer, self.mapping, self.architecture, self.relaxed = layer, mapping, architecture, relaxed
        self.turns = Turns.of(layer, mapping)
        self.slide = self._slide()
        self.steps = StepWords(layer, mapping, self.slide)
        self._loads: dict[str, Load] = {}

    def loads(self) -> dict[str, Load]:
        """Every port by name, those at the array first."""
        self._loads = {}
        for stream, amount in self.stream_words().items():
            self._at_array(stream, amount)
        self._between_pes()
        for name, memory in self.architecture.memories.items():
            for data_type in memory.keeps:
                if self.architecture.home(data_type) != name:
                    self._between(name, data_type)
        return self._loads

    def _slide(self) -> Slide | None:
        """The innermost step loop that moves inputs, where it is over P or Q."""
        turns = self.turns
        moving = turns.over(RELEVANT["input"], turns.split, len(turns.axes))
        if not moving or DIMENSIONS[turns.axes[moving[-1]]] not in ("P", "Q"):
            return None
        return Slide(moving[-1], DIMENSIONS[turns.axes[moving[-1]]], turns.steps[moving[-1]])

    def _stays(self, data_type: DataType, end: int, *, placed: bool = False) -> Stays:
        """Stays of a data type where the loops from ``end`` on lie inside what is held."""
        return self._stays_of(self.turns.over(RELEVANT[data_type], 0, end), placed=placed)

    def _in_pes(self, data_type: DataType) -> Stays:
        """Stays of a data type in the PEs: of what does not stay in a systolic array every vector is new."""
        loops, array = len(self.turns.axes), self.architecture.systolic
        if array is None or data_type == array.stationary:
            return self._stays(data_type, loops)
        return self._stays_of(tuple(range(loops)))

    def _stays_of(self, relevant: tuple[int, ...], *, placed: bool = False) -> Stays:
        depth = relevant[-1] + 1 if relevant else 0
        return Stays(self.turns, depth, relevant, self.turns.over(REDUCTION, 0, depth), placed=placed)

    def stream_words(self) -> dict[str, int]:
        """Words of every stream between the array and its buffers."""
        out = dict.fromkeys(STREAMS, 0)
        loops = len(self.turns.axes)
        for data_type in ("weight", "input"):
            stays = self._in_pes(data_type)
            network = self._network(data_type, data_type)
            multicast = network is None or self.architecture.networks[network].multicast
            for stay, count in stays.starts().items():
                step = stays.entry(stays.depth, stay.place, loops).extents
                slid = self.slide is not None and data_type == "input" and stay.turned == self.slide.loop
                out[data_type] += count * self.steps.moved(data_type, step, slid=slid, multicast=multicast)
        for stay, count in self._in_pes("output").starts().items():
            psums = count * words(self.layer, self.steps.clipped(stay.place.extents), "output")
            out["psum_out"] += psums
            if self.architecture.accumulates():
                continue
            if not stay.edge or self.architecture.spatial.initial_psums == "buffer":
                out["psum_in"] += psums
        return out

    def hops(self) -> tuple[int, int]:
        """Psums over links between PEs: over all links together, and over the one that carries most.

        That one leads to the first PE of a chain of first stretches, which has most in every tile. Inside a
        systolic array they are part of its movement, and none is counted.
        """
        if self.architecture.psum_links() is None:
            return 0, 0
        loops, stays = len(self.turns.axes), self._stays("output", len(self.turns.axes))
        every = busiest = 0
        for stay, count in stays.starts().items():
            step = self.steps.clipped(stays.entry(stays.depth, stay.place, loops).extents)
            cut = {d: self.steps.pieces(d, step[INDEX[d]]) for d in DIMENSIONS}
            links = prod(len(cut[d]) for d in REDUCTION) - 1
            every += count * links * words(self.layer, step, "output")
            if links:
                busiest += count * prod(cut[d][0][1] for d in RELEVANT["output"])
        return every, busiest

    def _between_pes(self) -> None:
        name, carried = self.architecture.psum_links(), self.hops()[1]
        if name is not None and carried:
            rate = self.architecture.networks[name].words_per_cycle
            self._add(name, name, rate, "output", carried)

    def _network(self, stream: str, data_type: DataType) -> str | None:
        """The network that carries a stream at the array."""
        inner = self.architecture.levels(data_type)[-1]
        ends = (ARRAY, inner) if stream == "psum_out" else (inner, ARRAY)
        return self.architecture.network(data_type, *ends)

    def _at_array(self, stream: str, amount: int) -> None:
        """Add a stream to the ports that it crosses."""
        data_type = STREAMS[stream]
        inner = self.architecture.levels(data_type)[-1]
        way = "write" if stream == "psum_out" else "read"
        port, rate = self.architecture.memories[inner].array_port(data_type, way)
        self._add(f"{inner}.{port}", inner, rate, data_type, amount)
        network = self._network(stream, data_type)
        if network is not None:
            limit = self.architecture.networks[network].words_per_cycle
            self._add(network, network, limit, data_type, amount)

    def _add(self, name: str, owner: str, rate: Rate, data_type: DataType | None, amount: int) -> None:
        """Add to a port what it moves: words of a data type, or bytes (None)."""
        free = isinstance(rate, str) or name in self.relaxed or owner in self.relaxed
        limit = None if free or isinstance(rate, str) else rate
        bits = 8 if data_type is None else self.architecture.word_bits[data_type]
        if name in self._loads:
            amount, bits = amount + self._loads[name].words, max(bits, self._loads[name].unit_bits)
        unit = "bytes" if data_type is None else "words"
        self._loads[name] = Load(name, owner, unit, amount, bits, limit)

    def _between(self, memory: str, data_type: DataType) -> None:
        """Add what crosses between a memory and the next one out that keeps a data type."""
        levels = self.architecture.levels(data_type)
        parent = levels[levels.index(memory) - 1]
        for way, tiles in self._tiles(memory, data_type, parent).items():
            moved = crossed = 0
            for (amount, row, final), count in tiles.items():
                moved += count * amount
                crossed += count * self._units(parent, data_type, amount, row, final=final)
            outer, own = self.architecture.memories[parent], self.architecture.memories[memory]
            ends = (parent, memory) if way == "read" else (memory, parent)
            port, rate = outer.array_port(data_type, way)
            in_bytes = isinstance(outer, Dram)
            if isinstance(outer, Dram):
                rate = outer.bytes_per_core_cycle(self.architecture.clock_mhz)
            self._add(f"{parent}.{port}", parent, rate, None if in_bytes else data_type, crossed)
            network = self.architecture.network(data_type, *ends)
            if network is not None:
                limit = self.architecture.networks[network].words_per_cycle
                self._add(network, network, limit, data_type, moved)
            port, rate = own.outer_port(data_type, "write" if way == "read" else "read")
            self._add(f"{memory}.{port}", memory, rate, data_type, moved)

    def _units(self, parent: str, data_type: DataType, amount: int, row: int, *, final: bool) -> int:
        """What a tile of ``amount`` words in rows of ``row`` is on the outer memory's port."""
        outer: Memory = self.architecture.memories[parent]
        if not isinstance(outer, Dram):
            return amount
        width = self.architecture.word_bits[data_type]
        bits = amount * width
        if final:  # a codec never sees sums that are not
            bits = outer.coded_bits(data_type, amount, row, width, self.layer.zeros.get(data_type))
        return outer.transfer_bytes(bits)

    def _tiles(
        self, memory: str, data_type: DataType, parent: str
    ) -> dict[str, Counter[tuple[int, int, bool]]]:
        """Tiles, or parts of them, that come in and go out: (words, words of a row, all summed) of each."""
        end = self.turns.outside(self.mapping, memory)
        at_home = parent == self.architecture.levels(data_type)[0]
        overlaps = self.layer.image is not None
        stays = self._stays(data_type, end, placed=data_type == "input" and (at_home or overlaps))
        inside = self.mapping.tile_extents(memory)
        cuts: tuple[int, ...] = ()
        innermost = memory == self.architecture.levels(data_type)[-1]
        if innermost and self.architecture.memories[memory].in_parts(data_type):
            apart = APART if overlaps and data_type == "input" else PARTS[data_type]
            cuts = self.turns.over(apart, end, self.turns.split)
        read: Counter[tuple[int, int, bool]] = Counter()
        written: Counter[tuple[int, int, bool]] = Counter()
        for stay, count in stays.starts().items():
            if data_type != "output":
                for part, times in self._parts(stay.place, cuts, inside).items():
                    read[(*self._size(data_type, part, at_home=at_home), True)] += count * times
            elif not stay.edge:
                read[(*self._size(data_type, _within(stay.place, inside)), False)] += count
        if data_type != "output":
            return {"read": read}
        for stay, count in stays.ends().items():
            written[(*self._size(data_type, _within(stay.place, inside)), stay.edge)] += count
        return {"read": read, "write": written}

    def _parts(self, place: Place, cuts: tuple[int, ...], inside: Extents) -> Counter[Place]:
        """The parts in which a tile comes, and how many there are of each."""
        lengths = [{length: 1} for length in place.extents]
        for i in cuts:
            axis = self.turns.axes[i]
            lengths[axis] = cut(lengths[axis], self.turns.steps[i])
        out: Counter[Place] = Counter()
        for combination in product(*(some.items() for some in lengths)):
            part = Place(tuple(length for length, _ in combination), place.bases)
            out[_within(part, inside)] += prod(times for _, times in combination)
        return out

    def _size(self, data_type: DataType, place: Place, *, at_home: bool = False) -> tuple[int, int]:
        """(words, words of one row) of a tile, where it comes from its home without its padding."""
        extents = place.extents
        if data_type == "weight":
            return words(self.layer, extents, data_type), 1
        if data_type == "output":
            return words(self.layer, extents, data_type), extents[INDEX["Q"]]
        if self.layer.image is not None:
            return self._of_windows(self.layer.image, place, at_home=at_home), 1
        if place.bases == NOWHERE:
            columns = input_span(self.layer, 1, extents[INDEX["Q"]], extents[INDEX["S"]])
            return words(self.layer, extents, data_type), columns
        rows, columns = (self._inside_map(axis, place) for axis in (0, 1))
        channels = prod(extents[INDEX[d]] for d in PARTS["input"])
        return channels * rows * columns, max(1, columns)

    @staticmethod
    def _of_windows(image: Layer, place: Place, *, at_home: bool) -> int:
        """Different inputs that a block of a matrix product touches."""
        (n, c), extents = place.bases, place.extents
        assert n is not None
        assert c is not None
        found, padding = touched(image, (n, extents[INDEX["N"]]), (c, extents[INDEX["C"]]))
        return extents[INDEX["G"]] * (found - padding if at_home else found)

    def _inside_map(self, axis: int, place: Place) -> int:
        """Input rows (columns) of a block that are no padding."""
        output, tap = AXES[axis]
        outputs, taps, base = place.extents[INDEX[output]], place.extents[INDEX[tap]], place.bases[axis]
        if base is None:
            return input_span(self.layer, axis, outputs, taps)
        stride, dilation = self.layer.stride[axis], self.layer.dilation[axis]
        touched = {base + p * stride + r * dilation for p in range(outputs) for r in range(taps)}
        return sum(0 <= i < self.layer.input_size[axis] for i in touched)


def _within(place: Place, most: Extents) -> Place:
    return Place(tuple(min(a, b) for a, b in zip(place.extents, most, strict=True)), place.bases)
