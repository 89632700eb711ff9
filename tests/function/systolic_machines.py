"""Random systolic machines and convolutions for them."""

from typing import Any

from hypothesis import strategies as st

from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer


def machine(array: dict[str, Any], capacities: tuple[int, int, int], *, accumulates: bool = True) -> Architecture:
    """A DRAM and a buffer per operand around a systolic array."""
    inputs, weights, outputs = capacities
    return Architecture.model_validate(
        {
            "name": "systolic",
            "clock_mhz": 1000.0,
            "word_bits": {"weight": 8, "input": 8, "output": 32},
            "memories": {
                "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": 4},
                "ifmap_sram": {"kind": "sram", "keeps": ["input"], "capacity_bytes": inputs},
                "filter_sram": {"kind": "sram", "keeps": ["weight"], "capacity_bytes": weights},
                "ofmap_sram": {"kind": "sram", "keeps": ["output"], "capacity_bytes": outputs, "accumulates": accumulates},
            },
            "networks": {},
            "array": {"kind": "systolic", **array},
            "dataflow": "systolic",
            "energy": "horowitz_45nm",
        }
    )


@st.composite
def machines(draw: st.DrawFn) -> Architecture:
    stationary = draw(st.sampled_from(["weight", "input", "output"]))
    array = {"rows": draw(st.integers(1, 7)), "columns": draw(st.integers(1, 7)), "stationary": stationary}
    capacities = tuple(draw(st.sampled_from([256, 1024, 8192])) for _ in range(3))
    return machine(array, capacities, accumulates=stationary == "output" or draw(st.booleans()))  # type: ignore[arg-type]


@st.composite
def convolutions(draw: st.DrawFn) -> Layer:
    """A small convolution with groups, strides, dilation and padding."""
    n = {d: draw(st.integers(1, most)) for d, most in (("N", 2), ("G", 2), ("M", 9), ("C", 5), ("P", 5), ("Q", 5), ("R", 3), ("S", 3))}
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    before = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    spans = [(n["PQ"[a]] - 1) * stride[a] + (n["RS"[a]] - 1) * dilation[a] + 1 for a in (0, 1)]
    size = tuple(max(1, spans[a] - before[a] - draw(st.integers(0, 1))) for a in (0, 1))
    return Layer("conv", n, stride, dilation, size, before)  # type: ignore[arg-type]
