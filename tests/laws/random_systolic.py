"""Random small systolic machines of every kind, and layers with mappings for them."""

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from random_machines import ALL, RATES, arbitrations, built, layers, mapped, priorities, rates

from simulator.mapping.check import FOLDS, problems
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer
from simulator.spec.product import as_product

Case = tuple[dict[str, Any], Layer, Mapping]


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Every kind of systolic array, without keys that would do nothing."""
    stationary = draw(st.sampled_from(ALL))
    array = {
        "kind": "systolic", "rows": draw(st.integers(1, 5)), "columns": draw(st.integers(1, 5)), "stationary": stationary,
        "wavefront": draw(st.sampled_from(["array", "used"])), "bubbles": draw(st.sampled_from(["ripple", "freeze"])),
        "left_fifo_words": draw(st.integers(1, 4)), "top_fifo_words": draw(st.integers(1, 4)),
        "output_fifo_words": draw(st.integers(1, 4)), "pipeline_cycles": draw(st.integers(1, 3)),
    }  # fmt: skip
    if stationary == "output":
        return array | {"drain": draw(st.sampled_from(["at_once", "each", "down", "apart"]))}
    return array | {
        "shadow": draw(st.booleans()), "shift": draw(st.sampled_from(["straight", "skewed"])),
        "shifted_rows": draw(st.sampled_from(["all", "used"])), "psum_in_fifo_words": draw(st.integers(1, 4)),
    }  # fmt: skip


@st.composite
def drams(draw: st.DrawFn, keeps: list[str]) -> dict[str, Any]:
    return {
        "kind": "dram", "keeps": keeps, "bytes_per_cycle": draw(rates), "latency_cycles": draw(st.sampled_from([0, 1, 7, 40])),
        "burst_bytes": draw(st.sampled_from([1, 4, 8])), "directions": draw(st.sampled_from(["shared", "separate"])),
        "arbitration": draw(arbitrations), "priority": draw(priorities()),
    }  # fmt: skip


@st.composite
def buffers(draw: st.DrawFn, keeps: list[str], *, filled: bool = True, whole: bool = True) -> dict[str, Any]:
    """A buffer; ``filled``: from another memory. Rates that would do nothing are unlimited."""
    ports = draw(st.sampled_from(["one", "read_write", "per_data_type"]))
    read = draw(rates)
    outward = rates if "output" in keeps else st.just("unlimited")
    some = st.sets(st.sampled_from(keeps)).map(sorted) if whole else st.just([])
    return {
        "kind": "sram", "keeps": keeps, "capacity_bytes": draw(st.sampled_from([256, 512, 2048])), "ports": ports,
        "read_words_per_cycle": read, "write_words_per_cycle": read if ports == "one" else draw(outward),
        "outer_read_words_per_cycle": draw(outward) if filled else "unlimited",
        "outer_write_words_per_cycle": draw(rates) if filled else "unlimited",
        "arbitration": draw(arbitrations), "priority": draw(priorities()), "whole_tiles": draw(some) if filled else [],
    }  # fmt: skip


@st.composite
def memories(draw: st.DrawFn) -> dict[str, Any]:
    """One DRAM, two of them, or homes on the chip; the innermost memory of outputs may accumulate."""
    shape = draw(st.sampled_from(["one", "three", "two_deep", "two_drams", "unified", "on_chip"]))
    if shape == "one":
        parts = {"dram": draw(drams(ALL)), "glb": draw(buffers(ALL))}
    elif shape == "three":
        parts = {"dram": draw(drams(ALL)), **{d: draw(buffers([d])) for d in ALL}}
    elif shape == "two_deep":
        outer = {**draw(buffers(ALL)), "capacity_bytes": 4096}
        parts = {"dram": draw(drams(ALL)), "outer": outer, "glb": draw(buffers(ALL))}
    elif shape == "two_drams":
        parts = {"ddr": draw(drams(["input", "output"])), "weight_dram": draw(drams(["weight"]))}
        parts |= {"glb": draw(buffers(["input", "output"])), "weight_fifo": draw(buffers(["weight"]))}
    elif shape == "unified":  # a home on the chip comes first in the file
        unified = {**draw(buffers(["input", "output"], filled=False)), "capacity_bytes": 4096}
        parts = {"unified_buffer": unified, "weight_dram": draw(drams(["weight"])), "weight_fifo": draw(buffers(["weight"]))}
        if draw(st.booleans()):  # then it serves the array and another buffer
            unified["ports"] = "per_data_type"
            parts["accumulators"] = draw(buffers(["output"]))
    else:
        parts = {f"{d}_home": {**draw(buffers([d], filled=False)), "capacity_bytes": 8192} for d in ALL}
    inner = [part for part in parts.values() if "output" in part["keeps"]][-1]
    inner["accumulates"] = draw(st.booleans())
    return parts


@st.composite
def edges(draw: st.DrawFn, parts: dict[str, Any]) -> dict[str, Any]:
    """Wires at some of the array's edges."""
    inner = {d: next(name for name, part in reversed(parts.items()) if d in part["keeps"]) for d in ALL}
    ends = {
        "weight_in": ("weight", inner["weight"], "array"), "input_in": ("input", inner["input"], "array"),
        "psum_in": ("output", inner["output"], "array"), "psum_out": ("output", "array", inner["output"]),
    }  # fmt: skip
    return {
        name: {
            "kind": "edge", "carries": carries, "from": source, "to": target, "words_per_cycle": draw(st.sampled_from(RATES)),
            "latency_cycles": draw(st.integers(0, 3)), "arbitration": draw(arbitrations),
        }
        for name, (carries, source, target) in ends.items()
        if draw(st.integers(0, 3)) == 0
    }  # fmt: skip


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """The description of a machine that passes its checks."""
    parts, array = draw(memories()), draw(arrays())
    return {
        "name": "random", "clock_mhz": 100, "word_bits": {d: draw(st.sampled_from([8, 16])) for d in ALL},
        "memories": parts, "networks": draw(edges(parts)), "array": array, "dataflow": "systolic",
    }  # fmt: skip


@st.composite
def products(draw: st.DrawFn) -> Layer:
    """A convolution as its product, mostly with windows that overlap, or a plain product."""
    if draw(st.integers(0, 3)):
        return as_product(draw(layers()))
    sizes = {d: draw(st.integers(1, n)) for d, n in {"N": 9, "G": 2, "M": 9, "C": 12}.items()}
    return Layer("product", {**dict.fromkeys("PQRS", 1), **sizes})  # type: ignore[dict-item]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A machine, a layer and the dataflow's mapping of it."""
    description, layer = draw(machines()), draw(products())
    return description, layer, mapped(description, layer)


@st.composite
def free_cases(draw: st.DrawFn) -> Case:
    """As `cases`, with any legal loops around the folds."""
    description, layer = draw(machines()), draw(products())
    for part in description["memories"].values():
        if part["kind"] == "sram":
            part["capacity_bytes"] *= 4
    mapping = draw(mappings(description, layer))
    assume(not problems(mapping, layer, built(description), "random"))
    return description, layer, mapping


@st.composite
def mappings(draw: st.DrawFn, description: dict[str, Any], layer: Layer) -> Mapping:
    """Folds of any size, in any order, some of them with steps of several lengths."""
    array = description["array"]
    down, across, stepped = FOLDS[array["stationary"]]
    sizes = dict(layer.sizes)
    rows, columns = (draw(st.integers(1, min(sizes[d], array[key]))) for d, key in ((down, "rows"), (across, "columns")))
    steps = draw(st.integers(1, sizes[stepped]))
    left = {d: -(-sizes[d] // n) for d, n in ((down, rows), (across, columns), (stepped, steps))} | {"G": sizes["G"]}
    names = list(description["memories"])
    levels: dict[str, list[Loop]] = {name: [] for name in names}
    for d, total in left.items():
        rest = total
        for name in reversed(names):
            trips = rest if name == names[0] else draw(st.integers(1, min(rest, 3)))
            rest = -(-rest // trips)
            if trips > 1:
                levels[name].append(Loop(d, trips))  # type: ignore[arg-type]
    shuffled = {name: draw(st.permutations(some)) for name, some in levels.items()}
    if array["stationary"] == "output":  # sums are finished where they are
        every = [loop for name in names for loop in shuffled[name]]
        inner = tuple(loop for loop in every if loop.dimension == "C")
        shuffled = {name: [loop for loop in some if loop.dimension != "C"] for name, some in shuffled.items()}
        shuffled[names[-1]] += inner

    def over(d: str, n: int) -> tuple[Loop, ...]:
        return (Loop(d, n),) if n > 1 else ()  # type: ignore[arg-type]

    return Mapping("random", {n: tuple(some) for n, some in shuffled.items()}, over(down, rows), over(across, columns), over(stepped, steps))
