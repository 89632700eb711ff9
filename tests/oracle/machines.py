"""Random small machines, layers and mappings for the comparison: those of the laws, varied and driven to their limits."""

import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from simulator.errors import InputError
from simulator.mapping.check import problems
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer

from .nest import DIMENSIONS, advances
from .program import Program

sys.path.append(str(Path(__file__).resolve().parent.parent / "laws"))

from random_machines import (
    ALL,
    ROOMY,
    arbitrations,
    buffers,
    built,
    cases,
    changed,
    free_cases,
    layers,
    machines,
    mappings,
    networks,
)

__all__ = ["Case", "built", "busy_cases", "changed", "crowded_cases", "layers", "leaving_cases", "long_cases", "varied_case"]

Case = tuple[dict[str, Any], Layer, Mapping]
ODD = ["unlimited", 1, 3, "5/7", "7/3", "3/2", "2/5", "12/5", "1/3"]
odd_rates = st.sampled_from(ODD)
SLOW = [1, 1, "1/2", "1/3", "2/5", "5/7", "3/2", "7/3", "unlimited"]
odd_bytes = st.sampled_from([rate for rate in ODD if rate != 3])  # words cross a link whole


@st.composite
def deep_cases(draw: st.DrawFn) -> Case:
    """One more buffer below DRAM, so up to three in a row; any loop nest."""
    roomy = {f"array__pe__{size}": draw(st.sampled_from([16, 48])) for size in ROOMY}
    description = changed(draw(machines()), **roomy)
    keeps = draw(st.sampled_from([ALL, ["output"], ["input", "output"], ["weight", "output"]]))
    first, *rest = description["memories"].items()
    description["memories"] = dict([first, ("middle", draw(buffers(keeps))), *rest])
    description = changed(description, **{f"memories__{name}__capacity_bytes": 2048 for name in list(description["memories"])[1:]})
    layer = draw(layers())
    return described(description, layer, draw(mappings(description, layer)))


@st.composite
def clipped_cases(draw: st.DrawFn) -> Case:
    """A loop that advances by less than what the array covers (``M 3 by 2`` around four columns)."""
    description, layer, mapping = draw(free_cases())
    ones = dict.fromkeys(DIMENSIONS, 1)
    spatial = advances([*mapping.rows, *mapping.columns], advances(mapping.pe, ones)[1])[1]
    outer = [loop for loops in mapping.levels.values() for loop in loops]
    wide = [d for d in DIMENSIONS if spatial[d] > 1 and sum(loop.dimension == d for loop in outer) == 1]
    wide = [d for d in wide if all(loop.dimension != d for loop in mapping.steps)]
    assume(wide)
    d = draw(st.sampled_from(wide))
    by = draw(st.integers(1, spatial[d]))
    loop = Loop(d, -(-layer.sizes[d] // by), by)  # type: ignore[arg-type, index]
    levels = {name: tuple(loop if x.dimension == d else x for x in loops) for name, loops in mapping.levels.items()}
    return described(description, layer, replace(mapping, levels=levels))


@st.composite
def busy_cases(draw: st.DrawFn) -> Case:
    """PEs with much to do in a step: long loops of all kinds in any order, and words that come one by one, many used often."""
    roomy = {f"array__pe__{size}": 96 for size in ROOMY}
    description = changed(draw(machines()), **roomy, array__rows=4, array__columns=4)
    description = changed(description, **{f"memories__{name}__capacity_bytes": 4096 for name in list(description["memories"])[1:]})
    description = slow(draw, description)
    layer = draw(layers())
    mapping = draw(mappings(description, layer, longest_in_pe=8))
    if draw(st.booleans()):
        mapping = column_by_column(draw, layer, mapping)
    pe = list(mapping.pe)
    long = [loop for loop in pe if loop.trips > 2]
    if long and draw(st.booleans()):  # a dimension in two loops of the PE, others between them
        loop = draw(st.sampled_from(long))
        pe[pe.index(loop)] = Loop(loop.dimension, -(-loop.trips // 2))
        pe.insert(draw(st.integers(0, len(pe))), Loop(loop.dimension, 2))
    description, layer, mapping = described(description, layer, replace(mapping, pe=tuple(pe)))
    if draw(st.booleans()):
        description, layer = tight_pes(draw, description, layer, mapping)
    return described(description, layer, mapping)


@st.composite
def crowded_cases(draw: st.DrawFn) -> Case:
    """Windows worked off column by column, with new weights every step that share a slow port with psums.

    Weights whose rest waits for the port are late for their MACs: when columns die is known late, too.
    """
    description = slow(draw, changed(draw(machines()), **{f"array__pe__{size}": 96 for size in ROOMY}))
    for memory in list(description["memories"].values())[1:]:
        memory["capacity_bytes"] = 4096
        if {"weight", "output"} <= set(memory["keeps"]):
            rate = draw(st.sampled_from([1, "2/3", "1/2", "1/3"]))
            memory.update(ports="one", read_words_per_cycle=rate, write_words_per_cycle=rate)
            if draw(st.booleans()):
                memory.update(arbitration="priority", priority=["psum_out"])
    for name in [name for name in ("weight_in", "input_in", "psum_out") if name in description["networks"]]:
        description["networks"][name]["words_per_cycle"] = draw(st.sampled_from(["unlimited", 1, 2, "1/2"]))
    longest = {"Q": 4, "S": 4, "M": 4, "C": 2, "P": 6, "R": 2}
    sizes = {d: draw(st.integers(1 + (d in "QSM"), n)) for d, n in longest.items()}
    layer = Layer("crowded", dict.fromkeys(DIMENSIONS, 1) | sizes, input_size=(8, 8))  # type: ignore[arg-type]
    q, s, m, *others = (Loop(d, n) for d, n in sizes.items())  # type: ignore[arg-type]
    inner = draw(st.permutations([loop for loop in others if loop.trips > 1]))
    mapping = Mapping("random", dict.fromkeys(description["memories"], ()), steps=(q, m), pe=(s, *inner))
    description, layer, mapping = described(description, layer, mapping)
    steps = Program(layer, mapping, built(description)).steps
    for key in ("weight", "input"):
        most = max(step.new[key].most for step in steps if key in step.new)
        description["array"]["pe"] |= {f"{key}_words": most, f"{key}_fifo_words": draw(st.integers(0, most))}
    return described(description, layer, mapping)


@st.composite
def leaving_cases(draw: st.DrawFn) -> Case:
    """Heads of chains with words of one psum tile after another, not all the same many, and slow ways out for them.

    Their FIFOs hold whole tiles and often some words more, the PEs with private adders one tile or a few. Where MACs and
    operands are fast, the way out decides when a tile may begin.
    """
    description = changed(draw(machines()), **{f"array__pe__{size}": 96 for size in ROOMY}, array__rows=4, array__columns=4)
    description = changed(description, **{f"memories__{name}__capacity_bytes": 4096 for name in list(description["memories"])[1:]})
    description["networks"]["psum_out"]["words_per_cycle"] = draw(st.sampled_from([*SLOW, 2]))
    if draw(st.booleans()):
        description = fast(draw, description)
    in_pe = {d: draw(st.integers(1, n)) for d, n in {"M": 5, "P": 4, "Q": 2, "C": 2, "S": 2}.items()}
    beside = draw(st.integers(1, 4))
    chained = draw(st.integers(1, 4)) if "links" in description["networks"] else 1
    around = {d: draw(st.integers(1, 4)) for d in "MQN"} | {"C": draw(st.sampled_from([1, 1, 2]))}
    outer: dict[str, list[Loop]] = {section: [] for section in ("steps", *description["memories"])}
    for d in draw(st.permutations(list(around))):
        outer[draw(st.sampled_from(list(outer)))].append(Loop(d, around[d]))
    inside = {"M": in_pe["M"] * beside, "Q": in_pe["Q"], "N": 1, "C": in_pe["C"] * chained}
    sizes = {d: n * around[d] for d, n in inside.items()} | {"P": in_pe["P"], "S": in_pe["S"]}
    most = (inside["M"] if around["M"] > 1 else in_pe["M"]) - 1
    sizes["M"] -= draw(st.one_of(st.just(most), st.integers(0, most)))  # fewer words in the last heads, or in all of a tile
    layer = Layer("leaving", dict.fromkeys(DIMENSIONS, 1) | sizes, input_size=(8, 8))  # type: ignore[arg-type]
    pe = tuple(Loop(d, n) for d, n in draw(st.permutations(list(in_pe.items()))))  # type: ignore[arg-type]
    steps = tuple(outer.pop("steps"))
    levels = {name: tuple(loops) for name, loops in outer.items()}
    mapping = without_ones(Mapping("random", levels, (Loop("C", chained),), (Loop("M", beside),), steps, pe))
    description, layer, mapping = described(description, layer, mapping)
    widest = max(max(tile.words.values()) for tile in Program(layer, mapping, built(description)).psum_tiles)
    fifo = draw(st.sampled_from([1, 1, 2, 3])) * widest + draw(st.sampled_from([0, 1, widest // 2, widest - 1]))
    held = {"array__pe__psum_words": draw(st.integers(widest, 3 * widest)), "array__pe__psum_out_fifo_words": fifo}
    return described(changed(description, **held), layer, mapping)


def fast(draw: Any, description: dict[str, Any]) -> dict[str, Any]:
    """Buffers, MACs and the ways in take no time, or nearly none; the way out of the array has a latency."""
    changes: dict[str, Any] = {"array__pe__macs_per_cycle": draw(st.sampled_from([2, 8, 64])), "array__pe__adder": "shared"}
    for name in set(description["networks"]) - {"psum_out"}:
        changes |= {f"networks__{name}__words_per_cycle": "unlimited", f"networks__{name}__latency_cycles": 0}
    for name in list(description["memories"])[1:]:
        changes |= {f"memories__{name}__{way}_words_per_cycle": "unlimited" for way in ("read", "write", "outer_read", "outer_write")}
    changes |= {"memories__dram__bytes_per_cycle": "unlimited", "array__initial_psums": draw(st.sampled_from(["zero", "buffer", "buffer"]))}
    return changed(description, **changes, networks__psum_out__latency_cycles=draw(st.integers(0, 12)))


def without_ones(mapping: Mapping) -> Mapping:
    """The same without loops of one trip."""

    def real(loops: Any) -> tuple[Loop, ...]:
        return tuple(loop for loop in loops if loop.trips > 1)

    sections = {key: real(getattr(mapping, key)) for key in ("rows", "columns", "steps", "pe")}
    return replace(mapping, levels={name: real(loops) for name, loops in mapping.levels.items()}, **sections)


def column_by_column(draw: Any, layer: Layer, mapping: Mapping) -> Mapping:
    """The same with windows that slide along Q in the steps and are worked off column by column, S outermost in the PE."""
    q, s = ([Loop(d, layer.sizes[d])] if layer.sizes[d] > 1 else [] for d in "QS")  # type: ignore[arg-type, index]

    def others(loops: Any) -> list[Loop]:
        return [loop for loop in loops if loop.dimension not in ("Q", "S")]

    levels = {name: tuple(others(loops)) for name, loops in mapping.levels.items()}
    rows, columns, steps, pe = (others(loops) for loops in (mapping.rows, mapping.columns, mapping.steps, mapping.pe))
    at = draw(st.integers(0, len(steps)))
    return Mapping("random", levels, tuple(rows), tuple(columns), (*steps[:at], *q, *steps[at:]), (*s, *pe))


def slow(draw: Any, description: dict[str, Any]) -> dict[str, Any]:
    """Networks into the array that take longer than the MACs, FIFOs from none to large, and PEs of several MACs a cycle."""
    changes: dict[str, Any] = {"array__pe__macs_per_cycle": draw(st.sampled_from([1, 2, 3, 5]))}
    for name in [name for name in ("weight_in", "input_in") if name in description["networks"]]:
        changes[f"networks__{name}__words_per_cycle"] = draw(st.sampled_from(SLOW))
        changes[f"networks__{name}__latency_cycles"] = draw(st.sampled_from([0, 0, 1, 5]))
    for key in ("weight_fifo_words", "input_fifo_words"):
        changes[f"array__pe__{key}"] = draw(st.sampled_from([0, 1, 3, 8, 96]))
    return changed(description, **changes)


@st.composite
def split_cases(draw: st.DrawFn) -> Case:
    """A dimension in two loops of the memories, so that the inner one makes fewer trips at the end of the outer one."""
    description, layer, mapping = draw(st.one_of(free_cases(), deep_cases()))
    names = list(mapping.levels)
    places = [(i, loop) for i, name in enumerate(names) for loop in mapping.levels[name] if loop.trips > 2]
    assume(places)
    level, loop = draw(st.sampled_from(places))
    inner_level = draw(st.integers(level, len(names) - 1))
    levels = {name: list(loops) for name, loops in mapping.levels.items()}
    at = levels[names[level]].index(loop)
    levels[names[level]][at] = Loop(loop.dimension, -(-loop.trips // 2))
    first = at + 1 if inner_level == level else 0
    where = draw(st.integers(first, len(levels[names[inner_level]])))
    levels[names[inner_level]].insert(where, Loop(loop.dimension, 2))
    return described(description, layer, replace(mapping, levels={name: tuple(x) for name, x in levels.items()}))


@st.composite
def long_cases(draw: st.DrawFn) -> Case:
    """A small layer many times over: one more loop of 12 to 60 trips somewhere, so that much of it repeats."""
    description, layer, mapping = draw(st.one_of(cases(), free_cases()))
    assume(layer.macs <= 60)
    d = draw(st.sampled_from("NMCP"))
    trips = draw(st.integers(12, 60))
    sections = {**{name: list(loops) for name, loops in mapping.levels.items()}, "steps": list(mapping.steps)}
    section = draw(st.one_of(st.just("steps"), st.sampled_from(list(sections))))
    sections[section].insert(draw(st.integers(0, len(sections[section]))), Loop(d, trips))
    steps = tuple(sections.pop("steps"))
    many = replace(mapping, levels={name: tuple(loops) for name, loops in sections.items()}, steps=steps)
    loops = [*(loop for name in sections for loop in many.levels[name]), *steps, *many.rows, *many.columns, *many.pe]
    whole = advances(loops, dict.fromkeys(DIMENSIONS, 1))[1][d]
    sizes = {**layer.sizes, d: whole - draw(st.integers(0, whole // trips - 1))}
    description, layer, mapping = described(description, replace(layer, sizes=sizes), many)
    for tight in (tight_buffers, tight_pes):
        if draw(st.booleans()):  # what looks less far ahead repeats sooner
            description, layer = tight(draw, description, layer, mapping)
    return described(description, layer, mapping)


def described(description: dict[str, Any], layer: Layer, mapping: Mapping) -> Case:
    """The case, dropped where the machine cannot run it."""
    try:
        assume(not problems(mapping, layer, built(description), "random"))
    except InputError:
        assume(False)
    return description, layer, mapping


@st.composite
def varied_case(draw: st.DrawFn) -> Case:
    """Any case with some of its parts changed in ways that leave its mapping legal."""
    description, layer, mapping = draw(st.one_of(EVERY))
    ways = [rates, wires, dram, tight_buffers, tight_pes, sparse, banked, held_once]
    for vary in draw(st.lists(st.sampled_from(ways), max_size=4)):
        description, layer = vary(draw, description, layer, mapping)
    return described(description, layer, mapping)


EVERY = [
    make()
    for make in (cases, free_cases, busy_cases, crowded_cases, leaving_cases, deep_cases, clipped_cases, split_cases, long_cases)
]


def rates(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """Other rates and latencies, many of them odd."""
    changes: dict[str, Any] = {}
    for name, network in description["networks"].items():
        changes[f"networks__{name}__words_per_cycle"] = draw(odd_rates)
        changes[f"networks__{name}__latency_cycles"] = draw(st.integers(0, 6))
        if network["kind"] != "column_chain":
            changes[f"networks__{name}__arbitration"] = draw(arbitrations)
    for name in list(description["memories"])[1:]:
        read = draw(odd_rates)
        changes[f"memories__{name}__read_words_per_cycle"] = read
        one = description["memories"][name]["ports"] == "one"
        changes[f"memories__{name}__write_words_per_cycle"] = read if one else draw(odd_rates)
        changes[f"memories__{name}__outer_read_words_per_cycle"] = draw(odd_rates)
        changes[f"memories__{name}__outer_write_words_per_cycle"] = draw(odd_rates)
    return changed(description, **changes), layer


def wires(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """Networks between memories; no way in for psums where none must come in."""
    out = changed(description)
    names = list(out["memories"])
    for d in ALL:
        chain = [name for name in names if d in out["memories"][name]["keeps"]]
        for parent, child in pairwise(chain):
            for source, target in ((parent, child), (child, parent)) if d == "output" else ((parent, child),):
                if draw(st.booleans()):
                    bus = {**draw(networks(d, source, target)), "words_per_cycle": draw(odd_rates)}
                    out["networks"][f"{d}-{source}-{target}"] = bus
    if out["array"]["initial_psums"] == "zero" and draw(st.booleans()):
        out["networks"].pop("psum_in", None)
    return out, layer


def dram(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """A DRAM with a clock of its own, and configuration bits before the layer."""
    out = changed(
        description, memories__dram__clock_mhz=draw(st.sampled_from([60.0, 100.0, 133.5])), memories__dram__bytes_per_cycle=draw(odd_bytes),
        memories__dram__burst_bytes=draw(st.sampled_from([1, 3, 8])), memories__dram__latency_cycles=draw(st.sampled_from([0, 1, 2, 30])),
    )  # fmt: skip
    if draw(st.booleans()):
        out["configuration"] = {"bits_per_layer": draw(st.integers(1, 30)), "bits_per_cycle": draw(odd_rates)}
    return out, layer


def tight_buffers(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """Buffers that hold little more than one tile of each data type."""
    program, changes = Program(layer, mapping, built(description)), {}
    for name, memory in list(description["memories"].items())[1:]:
        if "banks" in memory:
            continue
        bits = [program.largest[name, d] * description["word_bits"][d] for d in memory["keeps"]]
        spare = draw(st.sampled_from([0, min(bits), max(bits), sum(bits)]))
        changes[f"memories__{name}__capacity_bytes"] = -(-(sum(bits) + spare) // 8)
    return changed(description, **changes), layer


def banked(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """A buffer of banks that belong to a data type each."""
    program, out = Program(layer, mapping, built(description)), changed(description)
    name = draw(st.sampled_from(list(out["memories"])[1:]))
    memory, size = out["memories"][name], draw(st.sampled_from([4, 16, 64]))
    tiles = [-(-program.largest[name, d] * out["word_bits"][d] // (8 * size)) for d in memory["keeps"]]
    banks = sum(tiles) + draw(st.sampled_from([0, min(tiles), 2 * sum(tiles)]))
    for key in ("capacity_bytes", "banks", "bank_bytes", "bank_owner"):
        memory.pop(key, None)
    memory |= {"banks": banks, "bank_bytes": size, "bank_owner": "data_type"}
    return out, layer


def held_once(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """Buffers that hold some data types one tile at a time, whole."""
    out = changed(description)
    for memory in list(out["memories"].values())[1:]:
        once = [d for d in memory["keeps"] if draw(st.booleans())]
        if once:
            memory["single_buffered"] = once
    return out, layer


def tight_pes(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """PEs whose scratchpads and FIFOs hold what a step needs and little more."""
    program = Program(layer, mapping, built(description))
    pe = {key: draw(st.sampled_from([0, 0, 1, 2, 7])) for key in ("weight_fifo_words", "input_fifo_words")}
    need = {
        "weight_words": max(step.new["weight"].most for step in program.steps if "weight" in step.new),
        "input_words": max(step.new["input"].most for step in program.steps if "input" in step.new),
        "psum_words": max(max(tile.words.values()) for tile in program.psum_tiles),
    }
    need |= dict.fromkeys(("psum_in_fifo_words", "psum_out_fifo_words"), need["psum_words"])
    pe |= {key: n * draw(st.sampled_from([1, 1, 2])) + draw(st.sampled_from([0, 0, 1])) for key, n in need.items()}
    pe["psum_out_fifo_words"] += draw(st.integers(0, need["psum_words"] - 1))  # some words of one more tile
    return changed(description, **{f"array__pe__{key}": n for key, n in pe.items()}), layer


def sparse(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> tuple[dict[str, Any], Layer]:
    """Zeros in the feature maps, gated in the PEs and run-length coded on the DRAM link."""
    zeros = {d: Fraction(draw(st.integers(0, 10)), 10) for d in ("input", "output") if draw(st.booleans())}
    codecs = {}
    for d in ("input", "output"):
        if draw(st.booleans()):
            bits = {"run_bits": draw(st.integers(1, 5)), "level_bits": description["word_bits"][d]}
            pairs = draw(st.integers(1, 3))
            block = pairs * sum(bits.values()) + draw(st.integers(0, 3))
            codecs[d] = {"kind": "rlc", **bits, "pairs_per_block": pairs, "block_bits": block}
    gate = draw(st.sampled_from(["none", "gate"]))
    told = replace(layer, zeros=zeros)  # type: ignore[arg-type]
    return changed(description, memories__dram__codecs=codecs, array__pe__zero_inputs=gate), told
