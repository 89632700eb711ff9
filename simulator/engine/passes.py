"""The passes of a layer, one row each: the tiles it uses, those that are new, and those seen last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from simulator.engine.tiles import part_loops
from simulator.mapping.mapping import Mapping, whole
from simulator.mapping.nest import Extents, Iteration, Loop, walk
from simulator.names import DATA_TYPES, REDUCTION, RELEVANT, DataType
from simulator.spec.layer import Layer

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Digits:
    """Which digits of a pass decide what, worked out once per layer."""

    pad: dict[DataType, tuple[int, ...]]
    tiles: dict[DataType, "_TileDigits"]
    reduction: tuple[int, ...]
    block: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _TileDigits:
    """The digits that tell one data type's tiles in its innermost memory apart, and their parts."""

    outside: int
    relevant: tuple[int, ...]
    parts: tuple[int, ...]
    reuse: tuple[int, ...]

    def part_of(self, now: Iteration) -> int:
        """Which part of its tile a pass uses."""
        value = 0
        for i in self.parts:
            value = value * now.trips[i] + now.digits[i]
        return value

    def parts_in(self, now: Iteration) -> int:
        """How many parts the tile of a pass has."""
        return prod(now.trips[i] for i in self.parts)

    def last_use(self, now: Iteration) -> bool:
        """Whether no later pass uses the same part before it would be fetched again."""
        moving = [i for i in self.relevant if now.trips[i] > 1]
        kept = range(moving[-1] + 1 if moving else 0, self.outside)
        idle = (i for i in kept if i not in self.relevant)
        return all(now.digits[i] == now.trips[i] - 1 for i in (*idle, *self.reuse))


def _positions(loops: tuple[Loop, ...], data_type: DataType) -> tuple[int, ...]:
    return tuple(i for i, loop in enumerate(loops) if loop.dimension in RELEVANT[data_type])


def _tile_digits(mapping: Mapping, data_type: DataType, memory: str) -> _TileDigits:
    outside, parts = len(mapping.outside(memory)), part_loops(mapping, data_type, memory)
    relevant = tuple(i for i in _positions(mapping.outer, data_type) if i < outside)
    reuse = tuple(i for i in range(outside, len(mapping.outer)) if i not in parts)
    return _TileDigits(outside, relevant, parts, reuse)


def _digits(mapping: Mapping, innermost: dict[DataType, str], step_blocks: int) -> _Digits:
    outer = mapping.outer
    outside = len(mapping.outside(innermost["output"]))
    pad = {d: _positions(outer, d) for d in DATA_TYPES}
    block, weight = [], step_blocks
    for i in reversed(pad["output"]):
        if i >= outside:
            block.append((i, weight))
            weight *= outer[i].trips
    return _Digits(
        pad,
        {d: _tile_digits(mapping, d, innermost[d]) for d in DATA_TYPES},
        tuple(i for i, loop in enumerate(outer) if loop.dimension in REDUCTION),
        tuple(block),
    )


def psum_blocks(mapping: Mapping, innermost: str, step_blocks: int) -> int:
    """How many separately timed psum blocks one output tile of the innermost buffer has."""
    outside = len(mapping.outside(innermost))
    blocks = step_blocks
    for loop in mapping.outer[outside:]:
        if loop.dimension in RELEVANT["output"]:
            blocks *= loop.trips
    return blocks


def pass_rows(
    layer: Layer,
    mapping: Mapping,
    innermost: dict[DataType, str],
    type_of: Callable[[Extents], tuple[int, dict[DataType, bool]]],
    step_blocks: int,
) -> Iterator[Row]:
    """Yield the kernel's pass rows in order.

    ``type_of`` gives a pass extent's type number and, per data type, whether its scratchpad tile changes
    inside the pass; then what the last step leaves is not what the next pass starts with.
    """
    digits = _digits(mapping, innermost, step_blocks)
    base = dict.fromkeys(DATA_TYPES, 0)
    before: tuple[Iteration, dict[DataType, bool]] | None = None

    def described() -> Iterator[tuple[int, list[bool], int, int, list[int], list[bool]]]:
        nonlocal before
        for iteration in walk(mapping.outer, whole(layer), mapping.pass_extents):
            number, moves = type_of(iteration.block.extent)
            now = iteration.digits
            new, tile, last = [], [], []
            for d in DATA_TYPES:
                where = digits.tiles[d]
                changed = before is None or any(now[i] != before[0].digits[i] for i in digits.pad[d])
                new.append(changed or (before is not None and before[1][d]))
                if before is not None and any(now[i] != before[0].digits[i] for i in where.relevant):
                    base[d] += where.parts_in(before[0])
                tile.append(base[d] + where.part_of(iteration))
                last.append(where.last_use(iteration))
            first = int(all(now[i] == 0 for i in digits.reduction))
            block = sum(now[i] * weight for i, weight in digits.block)
            before = (iteration, moves)
            yield number, new, first, block, tile, last
        yield -1, [True] * 3, 0, 0, [0] * 3, [True] * 3

    for this, following in pairwise(described()):
        number, new, first, block, tile, last = this
        end = following[1]
        yield (
            number, *map(int, new), int(end[2]), first, block,
            *map(int, last), *tile, int(end[0]), int(end[1]),
        )  # fmt: skip
