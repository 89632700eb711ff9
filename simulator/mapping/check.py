"""Refuses mappings that the machine cannot run, with the numbers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from simulator.components.arrays.systolic import SystolicArray
from simulator.errors import InputError, Problem
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import INDEX, ONES, Loop, steps_of
from simulator.mapping.tiles import cut, held_bits, inside, pieces, step_words
from simulator.names import DIMENSIONS, REDUCTION, DataType, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer


def check(mapping: Mapping, layer: Layer, architecture: Architecture, place: str) -> None:
    """Raise `InputError` with everything that keeps ``architecture`` from running ``layer`` this way.

    ``place`` says where the mapping comes from: a file, or the name of the dataflow that made it.
    """
    found = problems(mapping, layer, architecture, place)
    if found:
        raise InputError(found)


def problems(mapping: Mapping, layer: Layer, architecture: Architecture, place: str) -> list[Problem]:
    """Every problem of a mapping; the later checks run only where the memories are named right."""
    found = [
        Problem(place, f"{layer.name}.{key}", value, text)
        for key, value, text in _levels(mapping, architecture)
    ]
    if found:
        return found
    rest = (
        *_coverage(mapping, layer),
        *_fan_out(mapping, architecture),
        *_reductions(mapping, layer, architecture),
        *_folds(mapping, layer, architecture),
        *_scratchpads(mapping, layer, architecture),
        *_buffers(mapping, layer, architecture),
    )
    return [
        Problem(place, f"{layer.name}.{key}" if key else layer.name, value, text) for key, value, text in rest
    ]


Found = Iterator[tuple[str, str, str]]
"""(key inside the layer's entry, offending value, expectation)."""


def _levels(mapping: Mapping, architecture: Architecture) -> Found:
    known = list(architecture.memories)
    given = list(mapping.levels)
    for name in given:
        if name not in known:
            yield name, "", f"no such memory in {architecture.name}; it has {', '.join(known)}"
    for name in known:
        if name not in given:
            yield (
                name,
                "",
                f"loops for every memory were expected ([] where there are none); {name} is missing",
            )
    if sorted(known) == sorted(given) and known != given:
        yield (
            "",
            ", ".join(given),
            f"memories in the order of the architecture were expected: {', '.join(known)}",
        )


def _sections(mapping: Mapping) -> list[tuple[str, Loops]]:
    """Every list of loops with its key, outermost first."""
    spatial = [("array.rows", mapping.rows), ("array.columns", mapping.columns)]
    return [*mapping.levels.items(), ("steps", mapping.steps), *spatial, ("pe", mapping.pe)]


def _coverage(mapping: Mapping, layer: Layer) -> Found:
    covered = inside(mapping)
    for d in DIMENSIONS:
        if covered[INDEX[d]] < layer.sizes[d]:
            yield "", "", f"loops over {d} cover {covered[INDEX[d]]} of {layer.sizes[d]}"
    named = [(key, loop) for key, loops in _sections(mapping) for loop in loops]
    loops = [loop for _, loop in named]
    left = dict(layer.sizes)
    for (key, loop), step in zip(named, steps_of(loops, ONES), strict=True):
        real = -(-left[loop.dimension] // step)
        if loop.trips > real and not key.startswith("array"):
            length = f"{left[loop.dimension]} of {loop.dimension}, {step} at a time"
            yield key, str(loop), f"at most {real} trips can run ({length})"
        left[loop.dimension] = min(step, left[loop.dimension])


def _fan_out(mapping: Mapping, architecture: Architecture) -> Found:
    array = architecture.array
    for key, loops, room in (("rows", mapping.rows, array.rows), ("columns", mapping.columns, array.columns)):
        spread = 1
        for loop in loops:
            spread *= loop.trips
        if spread > room:
            yield f"array.{key}", _text(loops), f"loops spread over {spread} {key}, the array has {room}"


def _text(loops: Sequence[Loop]) -> str:
    return "[" + ", ".join(str(loop) for loop in loops) + "]"


def chain_axis(architecture: Architecture) -> str | None:
    """The axis (``rows`` or ``columns``) along which PEs pass psums to neighbours; None: they do not."""
    name = architecture.psum_links()
    array = architecture.array
    if isinstance(array, SystolicArray):
        return None if array.stationary == "output" else "rows"
    links = None if name is None else architecture.networks[name].chains(array.rows, array.columns)
    if links is None or not (links >= 0).any():
        return None
    pes = np.arange(array.pes)[links >= 0]
    same_column = (pes % array.columns == links[links >= 0] % array.columns).all()
    return "rows" if same_column else "columns"


def _reductions(mapping: Mapping, layer: Layer, architecture: Architecture) -> Found:
    axis = chain_axis(architecture)
    for key, loops in (("rows", mapping.rows), ("columns", mapping.columns)):
        summed = [loop for loop in loops if loop.dimension in REDUCTION and loop.trips > 1]
        if summed and key != axis:
            can = f"only its {axis} sum psums" if axis else "its PEs do not pass psums on"
            yield (
                f"array.{key}",
                _text(summed),
                f"reduction loops cannot lie on {key} of {architecture.name}: {can}",
            )
        elif summed:
            yield from _chain_order(mapping, layer, key, [loop for loop in loops if loop.trips > 1])


def _chain_order(mapping: Mapping, layer: Layer, key: str, loops: list[Loop]) -> Found:
    for outer, inner in pairwise(loops):
        if outer.dimension in REDUCTION and inner.dimension not in REDUCTION:
            yield (
                f"array.{key}",
                _text(loops),
                "reduction loops must be the innermost ones, so that chains are unbroken",
            )
            return
    summed = [i for i, loop in enumerate(mapping.spatial) if loop.dimension in REDUCTION and loop.trips > 1]
    steps = steps_of(mapping.spatial, mapping.pe_extents)
    blocks = pieces(layer, mapping.outer + mapping.steps, mapping.step_extents)
    for i, loop in enumerate(mapping.spatial):
        if loop.dimension not in REDUCTION:
            continue
        lengths = blocks[loop.dimension]
        real = sorted({-(-length // steps[i]) for length in lengths})
        if i in summed[1:] and real != [loop.trips]:
            text = (
                f"a reduction loop inside another must always run all its trips; it runs {real[0]} somewhere"
            )
            yield f"array.{key}", str(loop), text
        blocks[loop.dimension] = cut(lengths, steps[i])


FOLDS: Final[dict[DataType, tuple[Dimension, Dimension, Dimension]]] = {
    "weight": ("C", "M", "N"),
    "input": ("C", "N", "M"),
    "output": ("N", "M", "C"),
}
"""What lies along a systolic array's rows and columns, what a fold steps through, by what is stationary."""


def _folds(mapping: Mapping, layer: Layer, architecture: Architecture) -> Found:
    """A systolic array has one way to lay a fold: see `SystolicArray`."""
    array = architecture.systolic
    if array is None:
        return
    down, across, stepped = FOLDS[array.stationary]
    told = f"was expected: {array.stationary}s are stationary"
    if any(layer.sizes[d] > 1 for d in ("P", "Q", "R", "S")):
        yield "", "", "a matrix product (N, G, M and C) was expected: a systolic array runs no other layer"
    parts = (("array.rows", mapping.rows, down), ("array.columns", mapping.columns, across))
    for key, loops, dimension in parts:
        if len(loops) > 1 or any(loop.dimension != dimension or loop.by for loop in loops):
            yield key, _text(loops), f"one loop over {dimension} {told}"
    if any(loop.dimension != stepped for loop in mapping.steps):
        yield "steps", _text(mapping.steps), f"nothing but loops over {stepped} {told}"
    if mapping.pe:
        yield "pe", _text(mapping.pe), "no loops were expected: a PE does one MAC per step"
    if array.stationary == "output":
        outer = [loop for loop in mapping.outer if loop.trips > 1]
        moving = [i for i, loop in enumerate(outer) if loop.dimension not in REDUCTION]
        early = [loop for loop in outer[: moving[-1]] if loop.dimension in REDUCTION] if moving else []
        if early:
            told = "loops over C inside all others were expected: outputs stay until they are done"
            yield "", _text(early), told


def _scratchpads(mapping: Mapping, layer: Layer, architecture: Architecture) -> Found:
    needed, pe = step_words(mapping, layer), architecture.spatial.pe
    rooms = [
        ("weight scratchpad", pe.weight_words, needed["weight"]),
        ("input scratchpad", pe.input_words, needed["input"]),
        ("psum scratchpad", pe.psum_words, needed["output"]),
        ("psum_in FIFO", pe.psum_in_fifo_words, needed["output"]),
        ("psum_out FIFO", pe.psum_out_fifo_words, needed["output"]),
    ]
    for name, room, words in rooms:
        if words > room:
            yield "pe", _text(mapping.pe), f"{name} holds {room} words, a step needs {words}"


def _buffers(mapping: Mapping, layer: Layer, architecture: Architecture) -> Found:
    for name, memory in architecture.memories.items():
        bits = held_bits(mapping, layer, architecture, name)
        quota = memory.tile_quota(bits, dict.fromkeys(bits, 1))
        if not all(quota.values()):
            parts = ", ".join(f"{d} {n}" for d, n in bits.items())
            room = capacity_bits(architecture, name)
            text = f"{name} holds {room} bits, its tiles need {sum(bits.values())} ({parts})"
            yield name, "", text + _bank_note(sum(bits.values()) <= room)


def _bank_note(small_enough: bool) -> str:
    return "; rounded up to whole banks per data type they do not fit" if small_enough else ""


def capacity_bits(architecture: Architecture, memory: str) -> int:
    """Bits of the largest single tile that ``memory`` can hold; a very large number where anything fits."""
    part = architecture.memories[memory]
    data_type = part.keeps[0]
    low, high = 0, 1 << 50
    while low < high:
        middle = (low + high + 1) // 2
        if part.tile_quota({data_type: middle}, {data_type: 1})[data_type]:
            low = middle
        else:
            high = middle - 1
    return low
