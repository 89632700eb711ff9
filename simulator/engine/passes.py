"""The passes of a layer, one row each: the tiles it uses, those that are new, and those seen last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from simulator.mapping.mapping import Mapping, whole
from simulator.mapping.nest import Extents, Iteration, Loop, walk
from simulator.names import DATA_TYPES, DIMENSIONS, REDUCTION, RELEVANT, DataType
from simulator.spec.layer import Layer

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Digits:
    """Which digits of a pass decide what, worked out once per layer."""

    pad: dict[DataType, tuple[int, ...]]
    tile: dict[DataType, tuple[int, ...]]
    reduction: tuple[int, ...]
    block: tuple[tuple[int, int], ...]


def _positions(loops: tuple[Loop, ...], data_type: DataType) -> tuple[int, ...]:
    return tuple(i for i, loop in enumerate(loops) if loop.dimension in RELEVANT[data_type])


def _digits(mapping: Mapping, innermost: dict[DataType, str], step_blocks: int) -> _Digits:
    outer = mapping.outer
    outside = {d: len(mapping.outside(innermost[d])) for d in DATA_TYPES}
    pad = {d: _positions(outer, d) for d in DATA_TYPES}
    block, weight = [], step_blocks
    for i in reversed(pad["output"]):
        if i >= outside["output"]:
            block.append((i, weight))
            weight *= outer[i].trips
    return _Digits(
        pad,
        {d: tuple(i for i in pad[d] if i < outside[d]) for d in DATA_TYPES},
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
    tiles = dict.fromkeys(DATA_TYPES, -1)
    before: tuple[Iteration, dict[DataType, bool]] | None = None

    def described() -> Iterator[tuple[int, list[bool], int, int, list[int], list[bool]]]:
        nonlocal before
        for iteration in walk(mapping.outer, whole(layer), mapping.pass_extents):
            number, moves = type_of(iteration.block.extent)
            now = iteration.digits
            new, new_tile = [], []
            for d in DATA_TYPES:
                changed = before is None or any(now[i] != before[0].digits[i] for i in digits.pad[d])
                new.append(changed or (before is not None and before[1][d]))
                fresh = before is None or any(now[i] != before[0].digits[i] for i in digits.tile[d])
                new_tile.append(fresh)
                tiles[d] += fresh
            first = int(all(now[i] == 0 for i in digits.reduction))
            block = sum(now[i] * weight for i, weight in digits.block)
            before = (iteration, moves)
            yield number, new, first, block, [tiles[d] for d in DATA_TYPES], new_tile
        yield -1, [True] * 3, 0, 0, [0] * 3, [True] * 3

    for this, following in pairwise(described()):
        number, new, first, block, tile, _ = this
        end, last = following[1], following[5]
        yield (
            number, *map(int, new), int(end[2]), first, block,
            *map(int, last), *tile, int(end[0]), int(end[1]),
        )  # fmt: skip


def pass_count(layer: Layer, mapping: Mapping) -> int:
    """Number of passes of a layer."""
    return sum(1 for _ in walk(mapping.outer, whole(layer), mapping.pass_extents))


DIMENSION_COUNT = len(DIMENSIONS)
