"""Steps 3 to 5 of Eyexam: the most MACs per cycle of any mapping that fits the PEs, their shape, the storage.

If a mapping spreads dimension d over at most u_d PEs at a time, T(u) = product over all dimensions of
ceil(size_d / u_d), divided by the MACs that a PE does per cycle, bounds its busiest PE from below. For the PE
with the first stretch of every dimension always has the longest one, so it is the busiest in every step. In a
step that covers e of d that stretch is at least e / u_d long, so all steps together leave this PE at least
ceil(size_d / u_d) of d; and it does every combination of what it has along the eight dimensions. So the least
T(u) over a set of u bounds every mapping in the set, and a smaller set can only have a larger least one.

Only u_d at which ceil(size_d / u_d) changes are of use. The least product for what is left of rows and
columns is worked out from the last dimension back (`Plan`); with storage, the search goes best first and
takes that least product as what the other dimensions cost at least, so the first plan that fits is the best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.eyexam.freedom import Freedom
from simulator.mapping.nest import INDEX, Extents
from simulator.mapping.tiles import tile_bits, whole_bits
from simulator.names import DIMENSIONS, RELEVANT, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Table = NDArray[Any]
Axis = tuple[int, bool, bool, bool]
"""Of one dimension: its size, whether it can lie on rows, on columns, and whether it is spread whole."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One dimension over ``rows`` × ``columns`` PEs, of which ``at_once`` have work, in ``rounds`` rounds."""

    rows: int
    columns: int
    at_once: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The best mapping of a set: a choice per dimension; ``rounds``: their product over spread dimensions."""

    choices: dict[Dimension, Choice]
    rounds: int

    @property
    def pes(self) -> int:
        """PEs that have work at once at the most."""
        return prod(choice.at_once for choice in self.choices.values())


@lru_cache(maxsize=4096)
def _choices(axis: Axis, rows: int, columns: int) -> tuple[Choice, ...]:
    """Choices of one dimension, none of which another one beats with as few rows and columns."""
    size, on_rows, on_columns, whole = axis
    down = np.arange(1, (min(rows, size) if on_rows else 1) + 1, dtype=np.int64)
    along = np.arange(1, (min(columns, size) if on_columns else 1) + 1, dtype=np.int64)
    rounds = -(-size // (down[:, None] * along[None, :]))
    better = np.ones(rounds.shape, dtype=bool)
    better[1:] &= rounds[1:] < rounds[:-1]
    better[:, 1:] &= rounds[:, 1:] < rounds[:, :-1]
    if whole:
        better &= rounds == 1
    found = [(int(rounds[i, j]), int(down[i]), int(along[j])) for i, j in np.argwhere(better).tolist()]
    return tuple(Choice(a, b, -(-size // t), t) for t, a, b in sorted(found))


def _quotients(number: int) -> list[int]:
    """The different values of number // 1, number // 2, ..., descending."""
    out, divisor = [], 1
    while divisor <= number:
        out.append(number // divisor)
        divisor = number // (number // divisor) + 1
    return out


class Plan:
    """The least product of rounds for every rest of rows and columns, from any dimension on; 0: none fits."""

    def __init__(self, choices: Sequence[Sequence[Choice]], most: int, rows: int, columns: int) -> None:
        """``choices`` per dimension, none of them in more rounds together than ``most``."""
        self.choices, self.most, self.rows, self.columns = choices, most, rows, columns
        self._down, self._along = _quotients(rows), _quotients(columns)
        self._row = {n: i for i, n in enumerate(self._down)}
        self._column = {n: i for i, n in enumerate(self._along)}
        kind = np.int64 if most < 1 << 62 else object
        self._least = [np.ones((len(self._down), len(self._along)), dtype=kind)]
        for some in reversed(self.choices):
            self._least.insert(0, self._before(some, self._least[0]))

    def _before(self, choices: Sequence[Choice], after: Table) -> Table:
        out = np.zeros_like(after)
        for choice in choices:
            down = [self._row[n // choice.rows] for n in self._down if n >= choice.rows]
            along = [self._column[n // choice.columns] for n in self._along if n >= choice.columns]
            value = after[np.ix_(down, along)] * choice.rounds
            known = out[: len(down), : len(along)]
            better = (value > 0) & ((known == 0) | (value < known))
            known[better] = value[better]
        return out

    def least(self, dimension: int, rows: int, columns: int) -> int:
        """The least product of the dimensions from number ``dimension`` on."""
        if rows == 0 or columns == 0:
            return 0
        return int(self._least[dimension][self._row[rows], self._column[columns]])

    def best(self) -> list[Choice]:
        """Choices with the least product, the first ones where several have it."""
        rows, columns, out = self.rows, self.columns, list[Choice]()
        for i, some in enumerate(self.choices):
            wanted = self.least(i, rows, columns)
            for choice in some:
                down, along = rows // choice.rows, columns // choice.columns
                if choice.rounds * self.least(i + 1, down, along) == wanted:
                    break
            out.append(choice)
            rows, columns = down, along
        return out


@lru_cache(maxsize=256)
def _plan(axes: tuple[Axis, ...], rows: int, columns: int) -> Plan:
    choices = [_choices(axis, rows, columns) for axis in axes]
    return Plan(choices, prod(size for size, *_ in axes), rows, columns)


def _spread(dimensions: Sequence[Dimension], choices: Sequence[Choice]) -> Spread:
    return Spread(dict(zip(dimensions, choices, strict=True)), prod(c.rounds for c in choices))


def on_pes(layer: Layer, freedom: Freedom, pes: int) -> Spread:
    """Step 3: the best on ``pes`` PEs of any shape."""
    axes = tuple((layer.sizes[d], True, False, d in freedom.whole) for d in freedom.spread)
    return _spread(freedom.spread, _plan(axes, pes, 1).best())


def _on_array(layer: Layer, freedom: Freedom, rows: int, columns: int) -> Plan:
    axes = tuple(
        (layer.sizes[d], d in freedom.rows, d in freedom.columns, d in freedom.whole) for d in freedom.spread
    )
    return _plan(axes, rows, columns)


def on_array(layer: Layer, freedom: Freedom, rows: int, columns: int) -> Spread:
    """Step 4: the best on an array of ``rows`` × ``columns``."""
    return _spread(freedom.spread, _on_array(layer, freedom, rows, columns).best())


def in_storage(layer: Layer, freedom: Freedom, architecture: Architecture) -> Spread:
    """Step 5: the best of which every memory has room for what runs at once.

    A PE's own scratchpads and FIFOs hold a word of each data type on every machine that can be described, so
    they never limit how many PEs run at once.
    """
    array = architecture.array
    plan = _on_array(layer, freedom, array.rows, array.columns)
    best = _spread(freedom.spread, plan.best())
    if fits(layer, freedom, architecture, best):
        return best
    return _search(plan, freedom, lambda spread: fits(layer, freedom, architecture, spread), layer)


def at_once(layer: Layer, freedom: Freedom, spread: Spread) -> Extents:
    """The least that memories hold while so many PEs run: the box of what they work on."""
    return tuple(
        layer.sizes[d] if d in freedom.held else spread.choices[d].at_once if d in spread.choices else 1
        for d in DIMENSIONS
    )


def fits(layer: Layer, freedom: Freedom, architecture: Architecture, spread: Spread) -> bool:
    """Whether every memory can hold one tile of each data type that it keeps."""
    box = at_once(layer, freedom, spread)
    return not any(full for _, full in stored_bits(layer, architecture, box).values())


def stored_bits(layer: Layer, architecture: Architecture, box: Extents) -> dict[str, tuple[int, bool]]:
    """Bits that memories on the chip hold at least of a box, and whether that is too much for them.

    What is at home in a memory is all there.
    """
    out = {}
    for name, memory in architecture.memories.items():
        if memory.off_chip:
            continue
        bits = tile_bits(layer, box, memory.keeps, architecture.word_bits)
        if layer.image is not None and "input" in bits:
            bits["input"] = _least_inputs(layer.image, box) * architecture.word_bits.input
        at_home = [d for d in bits if architecture.home(d) == name]
        bits |= {d: whole_bits(layer, architecture, d) for d in at_home}
        full = not all(memory.tile_quota(bits, dict.fromkeys(bits, 1)).values())
        out[name] = (sum(bits.values()), full)
    return out


def _least_inputs(image: Layer, box: Extents) -> int:
    """No more inputs than any block of a matrix product touches, wherever it lies; more for no smaller one.

    One window element meets a different input at every position, and the other way round.
    """
    size, positions, elements = image.sizes, box[INDEX["N"]], box[INDEX["C"]]
    images, channels = -(-positions // (size["P"] * size["Q"])), -(-elements // (size["R"] * size["S"]))
    return box[INDEX["G"]] * max(positions * channels, elements * images)


Rest = tuple[int, int, tuple[Choice, ...]]
"""Rows and columns that are left for other dimensions, and the choices so far."""


class _Node(NamedTuple):
    """So many PEs for some dimensions: the least product of rounds with them; best ones first.

    ``missing`` dimensions are to be chosen; of equal nodes those go first of which fewer are missing.
    ``rests`` are the ways to lay them on the array, none of which leaves less than another.
    """

    least: int
    missing: int
    number: int
    rounds: int
    rests: tuple[Rest, ...]


def _search(plan: Plan, freedom: Freedom, fit: Callable[[Spread], bool], layer: Layer) -> Spread:
    """The fitting choices with the least product, best first; what does not fit never does with more."""
    dimensions, count = freedom.spread, len(freedom.spread)
    sizes = [sorted({choice.at_once for choice in some}) for some in plan.choices]
    rest: Rest = (plan.rows, plan.columns, ())
    heap = [_Node(plan.least(0, plan.rows, plan.columns), count, 0, 1, (rest,))]
    seen: dict[tuple[object, ...], int] = {}
    while heap:
        node = heappop(heap)
        done = count - node.missing
        if node.missing == 0:
            return _spread(dimensions, node.rests[0][2])
        for at_once in sizes[done]:
            same = [choice for choice in plan.choices[done] if choice.at_once == at_once]
            rests = _rests(node.rests, same)
            least = [plan.least(done + 1, rows, columns) for rows, columns, _ in rests]
            if not any(least):
                continue
            if not fit(_spread(dimensions[: done + 1], rests[0][2])):
                break
            rounds = node.rounds * same[0].rounds
            left = tuple((rows, columns) for rows, columns, _ in rests)
            key = (*_held(layer, dimensions, rests[0][2]), left)
            if seen.get(key, rounds + 1) > rounds:
                seen[key] = rounds
                bound = rounds * min(n for n in least if n)
                heappush(heap, _Node(bound, node.missing - 1, len(seen), rounds, rests))
    raise AssertionError(f"nothing fits for {layer.name}, though its mapping does: a fault of the simulator")


def _rests(before: Sequence[Rest], choices: Sequence[Choice]) -> tuple[Rest, ...]:
    """What is left when one more dimension is laid; only what no other way leaves as much of."""
    found: list[Rest] = [
        (rows // choice.rows, columns // choice.columns, (*chosen, choice))
        for rows, columns, chosen in before
        for choice in choices
        if choice.rows <= rows and choice.columns <= columns
    ]
    kept: list[Rest] = []
    for rest in sorted(found, key=lambda rest: (-rest[0], -rest[1])):
        if not kept or rest[1] > kept[-1][1]:
            kept.append(rest)
    return tuple(kept)


def _held(layer: Layer, dimensions: Sequence[Dimension], chosen: Sequence[Choice]) -> tuple[int, ...]:
    """What storage depends on: how many dimensions are chosen, and what they make of each data type's box."""
    some = {d: choice.at_once for d, choice in zip(dimensions, chosen, strict=False)}
    box = {d: some.get(d, 1) for d in DIMENSIONS}
    plain: tuple[DataType, DataType] = ("weight", "output")
    sizes = [prod(box[d] for d in RELEVANT[data_type]) for data_type in plain]
    channels = (box["N"] * box["G"] * box["C"],) if layer.image is None else (box["N"], box["G"], box["C"])
    return (len(chosen), *sizes, *channels, box["P"], box["Q"], box["R"], box["S"])
