"""Random small systolic arrays with memories around them, layers as matrix products, and mappings for the comparison."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer
from simulator.spec.product import as_product

from .machines import ALL, Case, arbitrations, buffers, built, changed, layers, odd_bytes, odd_rates
from .nest import DIMENSIONS
from .systolic import ALONG, SystolicProgram

STEPPED = {"weight": "N", "input": "M", "output": "C"}
"""What a fold steps over, by the data type that is stationary."""
LONGEST = {"N": 12, "C": 12, "M": 10, "G": 2}
bits = st.sampled_from([8, 16])
booleans = st.booleans()
fast_rates = st.sampled_from(["unlimited", "unlimited", 5, 3, "7/3", 1])


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    fifos = st.sampled_from([1, 1, 2, 2, 3, 12])
    stationary = draw(st.sampled_from(["weight", "weight", "input", "output"]))
    out = {
        "kind": "systolic", "rows": draw(st.integers(1, 5)), "columns": draw(st.integers(1, 5)), "stationary": stationary,
        "wavefront": draw(st.sampled_from(["array", "used"])), "bubbles": draw(st.sampled_from(["ripple", "freeze"])),
        "left_fifo_words": draw(fifos), "top_fifo_words": draw(fifos), "output_fifo_words": draw(fifos),
        "pipeline_cycles": draw(st.sampled_from([1, 1, 2, 4])), "zero_inputs": draw(st.sampled_from(["none", "gate"])),
    }  # fmt: skip
    if stationary == "output":
        return {**out, "drain": draw(st.sampled_from(["at_once", "each", "down", "apart"]))}
    return {
        **out, "shadow": draw(booleans), "shift": draw(st.sampled_from(["straight", "skewed"])),
        "shifted_rows": draw(st.sampled_from(["all", "used"])), "psum_in_fifo_words": draw(fifos),
    }  # fmt: skip


@st.composite
def drams(draw: st.DrawFn, keeps: list[str]) -> dict[str, Any]:
    return {
        "kind": "dram", "keeps": keeps, "bytes_per_cycle": draw(odd_bytes), "latency_cycles": draw(st.sampled_from([0, 0, 1, 2, 9, 30])),
        "burst_bytes": draw(st.sampled_from([1, 1, 3, 8])), "directions": draw(st.sampled_from(["shared", "separate"])),
        "arbitration": draw(arbitrations),
    }  # fmt: skip


@st.composite
def memories(draw: st.DrawFn, rates: st.SearchStrategy[Any]) -> dict[str, Any]:
    """One or two DRAMs or none, and one to three buffers; what no DRAM keeps starts and ends on the chip."""
    homes = {d: draw(st.sampled_from(["dram", "dram", "dram", "host", "chip"])) for d in ALL}
    if draw(booleans):
        homes = dict.fromkeys(ALL, "dram")
    off_chip = {name: [d for d in ALL if homes[d] == name] for name in ("dram", "host")}
    on_chip = [[d for d in ALL if draw(booleans)] for _ in range(draw(st.integers(0, 2)))]
    on_chip.append([d for d in ALL if not any(d in keeps for keeps in on_chip) or draw(booleans)])
    on_chip = [keeps for keeps in on_chip if keeps]
    innermost = {d: max(i for i, keeps in enumerate(on_chip) if d in keeps) for d in ALL}
    out = {name: draw(drams(keeps)) for name, keeps in off_chip.items() if keeps}
    for i, keeps in enumerate(on_chip):
        buffer = draw(buffers(keeps))
        if len({innermost[d] == i for d in keeps}) == 2:  # it serves the array and another buffer
            buffer["ports"] = "per_data_type"
        for key in ("read", "write", "outer_read", "outer_write"):
            buffer[f"{key}_words_per_cycle"] = draw(rates)
        if buffer["ports"] == "one":
            buffer["write_words_per_cycle"] = buffer["read_words_per_cycle"]
        for key in ("single_buffered", "whole_tiles"):
            named = [d for d in keeps if draw(st.integers(0, 5)) == 0]
            if named:
                buffer[key] = named
        if innermost["output"] == i:
            buffer["accumulates"] = draw(st.integers(0, 2)) == 0
        out[f"buffer{i}"] = {**buffer, "capacity_bytes": 1 << 20}
    return out


@st.composite
def wires(draw: st.DrawFn, parts: dict[str, Any], rates: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Networks on some of the ways between memories and at the edges of the array."""
    out: dict[str, Any] = {}
    for d in ALL:
        *around, inner = (name for name, part in parts.items() if d in part["keeps"])
        ways = [(parent, child, "unicast_bus") for parent, child in pairwise([*around, inner])]
        ways += [(b, a, kind) for a, b, kind in ways] if d == "output" else []
        ways.append((inner, "array", "edge"))
        if d == "output":
            ways.append(("array", inner, "edge"))
        for source, target, kind in ways:
            if draw(booleans):
                out[f"{d}-{source}-{target}"] = {
                    "kind": kind, "carries": [d], "from": source, "to": target, "words_per_cycle": draw(rates),
                    "latency_cycles": draw(st.sampled_from([0, 0, 1, 2, 5])), "arbitration": draw(arbitrations),
                }  # fmt: skip
    edges = [name for name, network in out.items() if network["to"] == "array"]
    if len(edges) > 1 and out[edges[0]]["from"] == out[edges[1]]["from"] and draw(booleans):  # one for both
        out[edges[0]]["carries"] += out.pop(edges[1])["carries"]
    return out


@st.composite
def systolic_mappings(draw: st.DrawFn, description: dict[str, Any], layer: Layer) -> Mapping:
    """Loops over whatever the array does not cover, at any memory and in any order that leaves stationary outputs in place."""
    array, names = description["array"], list(description["memories"])
    stationary = array["stationary"]
    spread = {}
    for d, most in zip(ALONG[stationary], (array["rows"], array["columns"]), strict=True):
        wide = min(most, layer.sizes[d])  # type: ignore[index]
        spread[d] = draw(st.one_of(st.just(wide), st.integers(1, wide)))
    loops: dict[str, list[Loop]] = {section: [] for section in (*names, "steps")}
    for d in "NGMC":
        left = -(-layer.sizes[d] // spread.get(d, 1))  # type: ignore[index]
        sections = [*(["steps"] if d == STEPPED[stationary] else []), *reversed(names)]
        for section in sections:
            trips = left if section == names[0] else draw(st.one_of(st.just(1), st.just(left), st.integers(1, left)))
            left = -(-left // trips)
            if trips > 1:
                loops[section].append(Loop(d, trips))  # type: ignore[arg-type]
    loops = {section: list(draw(st.permutations(some))) for section, some in loops.items()}
    if stationary == "output":
        loops = _sums_inside(draw, loops, names)
    steps = tuple(loops.pop("steps"))
    if len(steps) == 1 and steps[0].trips > 3 and draw(st.integers(0, 3)) == 0:  # the same in two loops
        (loop,) = steps
        steps = (Loop(loop.dimension, -(-loop.trips // 2)), Loop(loop.dimension, 2))
    rows, columns = (tuple([Loop(d, n)] if n > 1 else []) for d, n in spread.items())  # type: ignore[arg-type]
    mapping = Mapping("random", {name: tuple(some) for name, some in loops.items()}, rows, columns, steps)
    return _clipped(draw, layer, mapping, spread) if draw(st.integers(0, 4)) == 0 else mapping


def _sums_inside(draw: Any, loops: dict[str, list[Loop]], names: list[str]) -> dict[str, list[Loop]]:
    """The same with loops over C inside all others of the memories."""
    others = {name: [loop for loop in loops[name] if loop.dimension != "C"] for name in names}
    first = max((i for i, name in enumerate(names) if others[name]), default=0)
    for loop in [loop for name in names for loop in loops[name] if loop.dimension == "C"]:
        first = draw(st.integers(first, len(names) - 1))
        others[names[first]].append(loop)
    return {**others, "steps": loops["steps"]}


def _clipped(draw: Any, layer: Layer, mapping: Mapping, spread: dict[str, int]) -> Mapping:
    """The same with a loop that goes on by less than what the array covers."""
    outer = [loop for some in mapping.levels.values() for loop in some]
    wide = [d for d, n in spread.items() if n > 1 and sum(loop.dimension == d for loop in outer) == 1]
    if not wide:
        return mapping
    d = draw(st.sampled_from(wide))
    by = draw(st.integers(1, spread[d]))
    loop = Loop(d, -(-layer.sizes[d] // by), by)  # type: ignore[arg-type, index]
    levels = {name: tuple(loop if x.dimension == d else x for x in some) for name, some in mapping.levels.items()}
    return replace(mapping, levels=levels)


def sized(draw: Any, description: dict[str, Any], layer: Layer, mapping: Mapping) -> dict[str, Any]:
    """Buffers that hold one tile of everything, and then often little more."""
    program, out = SystolicProgram(layer, mapping, built(description)), changed(description)
    for name, memory in out["memories"].items():
        if memory["kind"] != "sram":
            continue
        needs = [program.largest[name, d] * out["word_bits"][d] for d in memory["keeps"]]
        spare = draw(st.sampled_from([0, min(needs), max(needs), sum(needs), 3 * sum(needs), 1 << 16]))
        if draw(st.integers(0, 4)):
            memory["capacity_bytes"] = -(-(sum(needs) + spare) // 8)
            continue
        size = draw(st.sampled_from([4, 16]))
        banks = [-(-n // (8 * size)) for n in needs]
        del memory["capacity_bytes"]
        memory |= {"banks": sum(banks) + -(-spare // (8 * size)), "bank_bytes": size, "bank_owner": "data_type"}
    return out


@st.composite
def descriptions(draw: st.DrawFn) -> dict[str, Any]:
    rates = draw(st.sampled_from([odd_rates, fast_rates]))
    parts = draw(memories(rates))
    out = {
        "name": "random", "clock_mhz": 100, "word_bits": {d: draw(bits) for d in ALL}, "memories": parts,
        "networks": draw(wires(parts, rates)), "array": draw(arrays()), "dataflow": draw(st.sampled_from(["weight_stationary", "output_stationary"])),
    }  # fmt: skip
    if draw(st.integers(0, 4)) == 0:
        out["configuration"] = {"bits_per_layer": draw(st.integers(1, 30)), "bits_per_cycle": draw(odd_rates)}
    return changed(out)


@st.composite
def systolic_cases(draw: st.DrawFn, longest: int | None = None) -> Case:
    """A machine, a matrix product and a mapping of it; with ``longest`` a dimension may be so long."""
    description = draw(descriptions())
    sizes = {d: draw(st.integers(1, n)) for d, n in LONGEST.items()}
    if longest is not None:
        sizes = {d: -(-n // 3) for d, n in sizes.items()} | {draw(st.sampled_from("NMC")): draw(st.integers(longest // 3, longest))}
    zeros = {"input": Fraction(draw(st.integers(0, 4)), 4)} if draw(booleans) else {}
    layer = Layer("systolic", dict.fromkeys(DIMENSIONS, 1) | sizes, zeros=zeros)  # type: ignore[arg-type]
    mapping = draw(systolic_mappings(description, layer))
    return sized(draw, description, layer, mapping), layer, mapping


def long_systolic_cases() -> st.SearchStrategy[Case]:
    """Layers that repeat, so that fast-forward has something to skip."""
    return systolic_cases(longest=150)


@st.composite
def windowed_systolic_cases(draw: st.DrawFn) -> Case:
    """Convolutions, as the matrix products that they are on such an array."""
    description = draw(descriptions())
    layer = as_product(draw(layers()))
    assume(layer.macs <= 4000)
    mapping = draw(systolic_mappings(description, layer))
    return sized(draw, description, layer, mapping), layer, mapping
