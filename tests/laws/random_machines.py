"""Random small machines and layers, and a walk over a loop nest that shares no code with the simulator."""

from collections.abc import Iterator
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.mapping.check import problems
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.pipeline import Job, measure_job
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.operators.conv import Conv
from simulator.spec.validation import validate

ALL = ["weight", "input", "output"]
DATAFLOWS = ("weight_stationary", "output_stationary", "input_stationary", "row_stationary")
RATES = ["unlimited", 1, 2, 4, "1/2", "2/3", "12/5", "1/3"]
STREAMS = ["weight", "input", "psum_in", "psum_out"]

rates = st.sampled_from(RATES)
arbitrations = st.sampled_from(["fifo", "priority", "round_robin"])


@st.composite
def priorities(draw: st.DrawFn) -> list[str]:
    return list(draw(st.permutations(STREAMS)))


@st.composite
def buffers(draw: st.DrawFn, keeps: list[str]) -> dict[str, Any]:
    ports = draw(st.sampled_from(["one", "read_write", "per_data_type"]))
    read = draw(rates)
    outward = rates if "output" in keeps else st.just("unlimited")  # nothing else leaves towards DRAM
    return {
        "kind": "sram", "keeps": keeps, "capacity_bytes": draw(st.sampled_from([128, 256, 512, 2048])),
        "ports": ports, "read_words_per_cycle": read,
        "write_words_per_cycle": read if ports == "one" else draw(outward),
        "outer_read_words_per_cycle": draw(outward), "outer_write_words_per_cycle": draw(rates),
        "arbitration": draw(arbitrations), "priority": draw(priorities()),
    }  # fmt: skip


@st.composite
def networks(draw: st.DrawFn, carries: str, source: str, target: str) -> dict[str, Any]:
    inside = source == target
    kind = "column_chain" if inside else draw(st.sampled_from(["multicast_bus", "unicast_bus"]))
    return {
        "kind": kind, "carries": carries, "from": source, "to": target,
        "words_per_cycle": draw(rates), "latency_cycles": draw(st.integers(0, 3)),
        **({} if inside else {"arbitration": draw(arbitrations)}),
    }  # fmt: skip


@st.composite
def memories(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    """Memories, and for each data type the one next to the array."""
    dram = {
        "kind": "dram", "keeps": ALL, "bytes_per_cycle": draw(rates), "latency_cycles": draw(st.sampled_from([0, 1, 7, 40])),
        "burst_bytes": draw(st.sampled_from([1, 4, 8])), "directions": draw(st.sampled_from(["shared", "separate"])),
        "arbitration": draw(arbitrations), "priority": draw(priorities()),
    }  # fmt: skip
    shape = draw(st.sampled_from(["one", "own_weights", "three", "two_deep", "weights_inside"]))
    if shape == "one":
        return {"dram": dram, "glb": draw(buffers(ALL))}, dict.fromkeys(ALL, "glb")
    if shape == "own_weights":
        parts = {"dram": dram, "glb": draw(buffers(["input", "output"])), "weights": draw(buffers(["weight"]))}
        return parts, {"weight": "weights", "input": "glb", "output": "glb"}
    if shape == "three":
        return {"dram": dram, **{d: draw(buffers([d])) for d in ALL}}, {d: d for d in ALL}
    if shape == "weights_inside":  # the middle buffer serves the array and another buffer
        middle = {**draw(buffers(ALL)), "capacity_bytes": 2048, "ports": "per_data_type"}
        parts = {"dram": dram, "glb": middle, "weights": draw(buffers(["weight"]))}
        return parts, {"weight": "weights", "input": "glb", "output": "glb"}
    outer = {**draw(buffers(ALL)), "capacity_bytes": 2048}
    return {"dram": dram, "outer": outer, "glb": draw(buffers(ALL))}, dict.fromkeys(ALL, "glb")


@st.composite
def pes(draw: st.DrawFn) -> dict[str, Any]:
    sizes = st.sampled_from([1, 2, 3, 6, 12, 24])
    out = {key: draw(sizes) for key in ("weight_words", "input_words", "psum_words")}
    out |= {key: draw(st.sampled_from([0, 1, 4, 12])) for key in ("weight_fifo_words", "input_fifo_words")}
    out |= {key: draw(st.sampled_from([1, 2, 6, 24])) for key in ("psum_in_fifo_words", "psum_out_fifo_words")}
    return {
        **out, "adder": draw(st.sampled_from(["shared", "private"])), "pipeline_cycles": draw(st.integers(1, 4)),
        "macs_per_cycle": draw(st.sampled_from([1, 1, 2])),
    }  # fmt: skip


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """The description of a machine that passes its checks, as an architecture file would give it."""
    parts, inner = draw(memories())
    wires = {
        "weight_in": draw(networks("weight", inner["weight"], "array")),
        "input_in": draw(networks("input", inner["input"], "array")),
        "psum_in": draw(networks("output", inner["output"], "array")),
        "psum_out": draw(networks("output", "array", inner["output"])),
    }
    if inner["weight"] == inner["input"] and draw(st.integers(0, 3)) == 0:  # one bus for both
        wires["weight_in"]["carries"] = ["weight", "input"]
        del wires["input_in"]
    if draw(st.booleans()):
        wires["links"] = draw(networks("output", "array", "array"))
    array = {
        "kind": "spatial", "rows": draw(st.integers(1, 4)), "columns": draw(st.integers(1, 4)), "pe": draw(pes()),
        "initial_psums": draw(st.sampled_from(["zero", "buffer"])), "pass_barrier": draw(st.booleans()),
    }  # fmt: skip
    bits = {d: draw(st.sampled_from([8, 16])) for d in ALL}
    return {
        "name": "random", "clock_mhz": 100, "word_bits": bits, "memories": parts, "networks": wires, "array": array,
        "dataflow": draw(st.sampled_from(DATAFLOWS)),
    }  # fmt: skip


def built(description: dict[str, Any]) -> Architecture:
    return validate(Architecture, description, "random")


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """A convolution with edges that divide nothing."""
    small = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    fields = {
        "C": groups * draw(small), "M": groups * draw(st.integers(1, 5)), "H": draw(st.integers(1, 8)), "W": draw(st.integers(1, 8)),
        "R": draw(small), "S": draw(small), "stride": [draw(st.integers(1, 2)), draw(st.integers(1, 2))],
        "padding": draw(st.integers(0, 1)), "dilation": draw(st.sampled_from([1, 1, 2])), "groups": groups,
    }  # fmt: skip
    try:
        conv = validate(Conv, fields, "layer")
        layer = conv.lower("layer", draw(st.integers(1, 3)), {})
    except InputError:
        assume(False)
    assert isinstance(layer, Layer)
    return layer


@st.composite
def cases(draw: st.DrawFn, **changes: Any) -> tuple[dict[str, Any], Layer, Mapping]:
    """A machine, a layer, and a mapping that fits both; ``changes`` are keys such as ``array__pass_barrier``."""
    description = changed(draw(machines()), **changes)
    layer = draw(layers())
    return description, layer, mapped(description, layer)


@st.composite
def mappings(draw: st.DrawFn, description: dict[str, Any], layer: Layer, longest_in_pe: int = 3) -> Mapping:
    """Any loop nest that covers the layer: loops of random lengths at random places, in random order."""
    sums = ("C", "R", "S")
    sections = ["pe", "columns", "rows", "steps", *reversed(description["memories"])]
    loops: dict[str, list[Loop]] = {section: [] for section in sections}
    summed_in_rows = draw(st.sampled_from([*sums, None])) if "links" in description["networks"] else None
    for d, size in layer.sizes.items():
        left = size
        for section in sections:
            if d in sums and (section == "columns" or (section == "rows" and d != summed_in_rows)):
                continue
            longest = longest_in_pe if section == "pe" else 3
            trips = left if section == "dram" else draw(st.integers(1, min(left, longest)))
            left = -(-left // trips)
            if trips > 1:
                loops[section].append(Loop(d, trips))
    shuffled = {section: draw(st.permutations(some)) for section, some in loops.items()}
    rows = sorted(shuffled["rows"], key=lambda loop: loop.dimension in sums)
    levels = {name: tuple(shuffled[name]) for name in description["memories"]}
    return Mapping("random", levels, tuple(rows), *(tuple(shuffled[x]) for x in ("columns", "steps", "pe")))


ROOMY = ("weight_words", "input_words", "psum_words", "psum_in_fifo_words", "psum_out_fifo_words")


@st.composite
def free_cases(draw: st.DrawFn, **changes: Any) -> tuple[dict[str, Any], Layer, Mapping]:
    """As `cases`, with any legal loop nest instead of a dataflow's, on a machine with room for most of them."""
    roomy = {f"array__pe__{size}": draw(st.sampled_from([16, 48])) for size in ROOMY}
    description = changed(draw(machines()), **roomy, array__rows=4, array__columns=4)
    description = changed(description, **{f"memories__{name}__capacity_bytes": 1024 for name in list(description["memories"])[1:]})
    description = changed(description, **changes)
    layer = draw(layers())
    mapping = draw(mappings(description, layer))
    assume(not problems(mapping, layer, built(description), "random"))
    return description, layer, mapping


def changed(description: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A deep copy with some values changed, ``a__b`` is b inside a; ``memories__*__x`` changes all memories."""
    import copy

    out = copy.deepcopy(description)
    for path, value in changes.items():
        *steps, last = path.split("__")
        targets = [out]
        for step in steps:
            targets = [inner for t in targets for inner in (t.values() if step == "*" else [t[step]])]
        for target in targets:
            target[last] = value
    for part in out["memories"].values():
        if part["kind"] == "sram" and "output" not in part["keeps"]:  # rates that would do nothing are refused
            part["outer_read_words_per_cycle"] = "unlimited"
            if part["ports"] != "one":
                part["write_words_per_cycle"] = "unlimited"
    return out


def mapped(description: dict[str, Any], layer: Layer) -> Mapping:
    """The mapping that the machine's dataflow makes; the example is dropped where nothing fits."""
    architecture = built(description)
    try:
        return map_layer(layer, architecture, architecture.dataflow)
    except InputError:
        assume(False)
        raise


def measured(description: dict[str, Any], layer: Layer, mapping: Mapping, relax: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run one layer without pricing it."""
    return measure_job(built(description), Job(layer, mapping), frozenset(relax))


Box = dict[str, tuple[int, int]]


def nest(loops: list[Any], box: Box, leaf: dict[str, int]) -> Iterator[tuple[tuple[int, ...], Box]]:
    """Every iteration of ``loops`` inside ``box`` with its digits; the innermost boxes are at most ``leaf`` long."""
    if not loops:
        yield (), {d: (first, min(length, leaf[d])) for d, (first, length) in box.items()}
        return
    loop, rest = loops[0], loops[1:]
    d = loop.dimension
    inside = covered(rest, leaf)[d]
    step = min(loop.by or inside, inside)
    first, length = box[d]
    for i in range(loop.trips):
        if i * step < length:
            cut = {**box, d: (first + i * step, min(step, length - i * step))}
            yield from (((i, *digits), inner) for digits, inner in nest(rest, cut, leaf))


def covered(loops: list[Any], leaf: dict[str, int]) -> dict[str, int]:
    """How many indices of every dimension ``loops`` around ``leaf`` go over."""
    out = dict(leaf)
    for loop in reversed(loops):
        step = min(loop.by or out[loop.dimension], out[loop.dimension])
        out[loop.dimension] = step * loop.trips
    return out


def volume(box: Box) -> int:
    out = 1
    for _, length in box.values():
        out *= length
    return out


def busiest_cycles_per_pass(mapping: Mapping, layer: Layer, macs_per_cycle: int) -> list[int]:
    """For every pass the MAC cycles of the PE that has most to do in it."""
    ones = dict.fromkeys(layer.sizes, 1)
    pe = covered(list(mapping.pe), ones)
    step = covered([*mapping.rows, *mapping.columns], pe)
    one_pass = covered(list(mapping.steps), step)
    outer = [loop for loops in mapping.levels.values() for loop in loops]
    whole = {d: (0, n) for d, n in layer.sizes.items()}
    out = []
    for _, pass_box in nest(outer, whole, one_pass):
        work: dict[tuple[int, ...], int] = {}
        for _, step_box in nest(list(mapping.steps), pass_box, step):
            for place, box in nest([*mapping.rows, *mapping.columns], step_box, pe):
                work[place] = work.get(place, 0) - (-volume(box) // macs_per_cycle)
        out.append(max(work.values()))
    return out


def words_at_the_array(mapping: Mapping, layer: Layer, networks: dict[str, Any]) -> dict[str, int]:
    """Words that cross the array's border, counted by walking over every step: a new tile is a new box."""
    pe = covered(list(mapping.pe), dict.fromkeys(layer.sizes, 1))
    step = covered([*mapping.rows, *mapping.columns], pe)
    loops = [*(loop for some in mapping.levels.values() for loop in some), *mapping.steps]
    whole = {d: (0, n) for d, n in layer.sizes.items()}
    copies = {"weight": networks["weight_in"]["kind"] == "unicast_bus", "output": False}
    dims = {"weight": "GMCRS", "output": "NGMPQ"}
    held: dict[str, Any] = {"weight": None, "output": None}
    out = {"weight": 0, "psum_out": 0, "first": 0}
    seen = set()
    for _, box in nest(loops, whole, step):
        for data_type in ("weight", "output"):
            key = tuple(box[d] for d in dims[data_type])
            if key == held[data_type]:
                continue
            held[data_type] = key
            boxes = [b for _, b in nest([*mapping.rows, *mapping.columns], box, pe)] if copies[data_type] else [box]
            words = sum(volume({d: b[d] for d in dims[data_type]}) for b in boxes)
            out["weight" if data_type == "weight" else "psum_out"] += words
            if data_type == "output" and key not in seen:
                seen.add(key)
                out["first"] += words
    return out
