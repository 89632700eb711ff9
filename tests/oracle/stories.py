"""What stories worked out by hand need: a machine of one PE, a layer, and what the brute-force model says of both."""

from typing import Any

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.spec.layer import Layer

from .compare import differences
from .machines import built, changed
from .oracle import Oracle

FREE = "unlimited"
Tree = dict[str, Any]


def machine(**changes: Any) -> Tree:
    """A machine of one PE with a buffer per data type; everything is immediate and has room."""

    def bus(carries: str, source: str, target: str, kind: str = "multicast_bus") -> Tree:
        return {"kind": kind, "carries": carries, "from": source, "to": target, "words_per_cycle": FREE}

    def buffer(keeps: str) -> Tree:
        return {"kind": "sram", "keeps": [keeps], "capacity_bytes": 128, "ports": "read_write"}

    words = dict.fromkeys(("weight_words", "input_words", "psum_words", "psum_in_fifo_words", "psum_out_fifo_words"), 8)
    description = {
        "name": "story", "clock_mhz": 100, "word_bits": dict.fromkeys(("weight", "input", "output"), 16), "dataflow": "weight_stationary",
        "memories": {
            "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": FREE},
            "weights": buffer("weight"), "ins": buffer("input"), "outs": buffer("output"),
        },
        "networks": {
            "weight_in": bus("weight", "weights", "array"), "input_in": bus("input", "ins", "array"),
            "psum_in": bus("output", "outs", "array"), "psum_out": bus("output", "array", "outs"),
            "links": {**bus("output", "array", "array", "column_chain"), "words_per_cycle": 1},
        },
        "array": {"kind": "spatial", "rows": 1, "columns": 1, "pe": {"pipeline_cycles": 1, "adder": "private", **words}},
    }  # fmt: skip
    return changed(description, **changes)


def layer(**sizes: int) -> Layer:
    all_sizes = dict.fromkeys("NGMCPQRS", 1) | sizes
    rows, columns = (all_sizes[out] + all_sizes[tap] - 1 for out, tap in ("PR", "QS"))
    return Layer("story", all_sizes, input_size=(rows, columns))  # type: ignore[arg-type]


def told(description: Tree, work: Layer, around: dict[str, list[str]] | None = None, **loops: list[str]) -> Tree:
    """What the model says of a story; the engine must say the same."""

    def read(texts: list[str]) -> tuple[Loop, ...]:
        return tuple(Loop.parse(text) for text in texts)

    levels = {name: read((around or {}).get(name, [])) for name in description["memories"]}
    mapping = Mapping("by hand", levels, **{key: read(texts) for key, texts in loops.items()})
    assert differences(description, work, mapping) == []
    return Oracle(work, mapping, built(description)).run()


def names(out: Tree) -> Tree:
    return {name: n for name, n in out["pe_cycles"].items() if n}


def causes(out: Tree) -> Tree:
    return {name: n for name, n in out["stall_causes"].items() if n}
