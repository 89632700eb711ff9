"""Says which row-stationary parameter is too large where a machine cannot hold a mapping, and by how much."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

from simulator.dataflows.loops import ceiling
from simulator.dataflows.sets import Parameters, build, chosen
from simulator.errors import Problem
from simulator.mapping.check import problems
from simulator.names import DataType
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

SMALLER: dict[DataType, str] = {"output": "mne", "weight": "tprq", "input": "qrne"}
"""Parameters that make tiles of a data type smaller, the least harmful one first."""


DEALT = "tr"
"""Parameters whose smaller values do not always need less room."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit, and the parameter that can be smaller.

    ``names`` is one letter and ``most`` the largest value that it may have with all others as they are, or
    ``names`` are several letters and ``most`` is 0: none of them alone would do.
    """

    told: str
    names: str
    most: int


def named(fault: Fault, wanted: Parameters, key: str, place: str) -> Problem:
    """The problem with the parameter to change, its value in the file and the most that it may be."""
    given = asdict(wanted)
    if fault.most:
        expected = f"at most {fault.most} was expected: {fault.told}"
        return Problem(place, f"{key}.{fault.names}", str(given[fault.names]), expected)
    values = ", ".join(f"{name}: {given[name]}" for name in fault.names)
    alone = f"no smaller {' or '.join(fault.names)} alone would do"
    return Problem(place, key, values, f"{fault.told}; {alone}")


def too_large(wanted: Parameters, layer: Layer, architecture: Architecture) -> Fault:
    """PE sets for which the array has no place."""
    used, _ = chosen(wanted, layer, architecture)
    array, rows = architecture.array, layer.sizes["R"]
    fold = ceiling(used.e, array.columns)
    told = (
        f"r*t = {used.r * used.t} sets of {rows * fold} x {ceiling(used.e, fold)} PEs"
        f" (R = {rows}, e = {used.e}) do not fit an array of {array.rows} x {array.columns}"
    )
    return _smaller(told, wanted, "tre", array.pes, lambda x: chosen(x, layer, architecture)[1] is not None)


def full_scratchpads(wanted: Parameters, layer: Layer, architecture: Architecture) -> Iterator[Fault]:
    """What a PE has no room for."""

    def fits(words: Callable[[Parameters], int], room: int) -> Callable[[Parameters], bool]:
        return lambda x: words(chosen(x, layer, architecture)[0]) <= room

    used, _ = chosen(wanted, layer, architecture)
    taps, pe = layer.sizes["S"], architecture.spatial.pe
    told = "{} holds {} words, {} = {}".format
    if used.p * used.q * taps > pe.weight_words:
        full = told("weight scratchpad", pe.weight_words, "p*q*S", used.p * used.q * taps)
        room = fits(lambda x: x.p * x.q * taps, pe.weight_words)
        yield _smaller(full, wanted, "pq", architecture.array.pes, room)
    if used.q * taps > pe.input_words:
        full = told("input scratchpad", pe.input_words, "q*S", used.q * taps)
        yield _smaller(full, wanted, "q", architecture.array.pes, fits(lambda x: x.q * taps, pe.input_words))
    psum_room = min(pe.psum_words, pe.psum_in_fifo_words, pe.psum_out_fifo_words)
    if used.p > psum_room:
        part = "psum scratchpad" if psum_room == pe.psum_words else "psum FIFO"
        yield Fault(told(part, psum_room, "p", used.p), "p", psum_room)


def misfits(wanted: Parameters, layer: Layer, architecture: Architecture) -> Iterator[Fault]:
    """Tiles for which a buffer has no room, and sums that the array's links cannot add up."""
    for key, told in _refused(wanted, layer, architecture).items():
        memory = architecture.memories.get(key)
        kept = () if memory is None else [d for d in SMALLER if d in memory.keeps]
        names = "".join(dict.fromkeys("".join(SMALLER[d] for d in kept))) or "r"
        room = partial(_has_room, key, layer, architecture)
        yield _smaller(told, wanted, names, architecture.array.pes, room)


def _has_room(key: str, layer: Layer, architecture: Architecture, wanted: Parameters) -> bool:
    return key not in _refused(wanted, layer, architecture)


def _refused(wanted: Parameters, layer: Layer, architecture: Architecture) -> dict[str, str]:
    """What `problems` says of the mapping, by the part of it."""
    used, placement = chosen(wanted, layer, architecture)
    if placement is None:
        return {}
    mapping = build(used, placement, layer, architecture)
    found = problems(mapping, layer, architecture, "")
    return {problem.key.removeprefix(f"{layer.name}."): problem.expected for problem in found}


def _smaller(
    told: str, wanted: Parameters, names: str, pes: int, fits: Callable[[Parameters], bool]
) -> Fault:
    """The fault with the first of ``names`` that helps when it alone is smaller; sets are at most ``pes``."""
    for name in names:

        def bad(value: int, name: str = name) -> bool:
            return not fits(replace(wanted, **{name: value}))

        given = getattr(wanted, name)
        if name in DEALT:  # fewer sets get more each
            most = next((value for value in range(min(given - 1, pes), 0, -1) if not bad(value)), 0)
        else:
            most = bisect_left(range(1, given), True, key=bad)
        if most:
            return Fault(told, name, most)
    return Fault(told, names, 0)
