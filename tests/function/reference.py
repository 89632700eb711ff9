"""What a layer computes, written down as in a textbook; shares no code with the simulator."""

from typing import Any

import numpy as np

from simulator.spec.layer import Layer


def convolution(layer: Layer, weights: Any, inputs: Any) -> Any:
    """Outputs [N, G, M, P, Q] of weights [G, M, C, R, S] and inputs [N, G, C, H, W], filter tap by filter tap."""
    sizes = layer.sizes
    out = np.zeros([sizes[d] for d in "NGMPQ"], dtype=np.int64)
    weights, inputs = np.asarray(weights).astype(np.int64), np.asarray(inputs).astype(np.int64)
    for r in range(sizes["R"]):
        for s in range(sizes["S"]):
            seen = np.zeros([sizes[d] for d in "NGCPQ"], dtype=np.int64)
            for p in range(sizes["P"]):
                for q in range(sizes["Q"]):
                    place = place_of(layer, p, q, r, s)
                    if place is not None:
                        seen[:, :, :, p, q] = inputs[:, :, :, place[0], place[1]]
            out += np.einsum("ngcpq,gmc->ngmpq", seen, weights[:, :, :, r, s])
    return out


def zero_input_macs(layer: Layer, inputs: Any) -> int:
    """How many of the layer's MACs multiply a zero input or padding."""
    sizes, found = layer.sizes, 0
    for p in range(sizes["P"]):
        for q in range(sizes["Q"]):
            for r in range(sizes["R"]):
                for s in range(sizes["S"]):
                    place = place_of(layer, p, q, r, s)
                    channel = np.zeros(inputs.shape[:3]) if place is None else inputs[:, :, :, place[0], place[1]]
                    found += int((channel == 0).sum()) * sizes["M"]
    return found


def place_of(layer: Layer, p: int, q: int, r: int, s: int) -> tuple[int, int] | None:
    """Row and column of the input that output (p, q) sees through tap (r, s); None where there is padding."""
    row = p * layer.stride[0] + r * layer.dilation[0] - layer.padding_before[0]
    column = q * layer.stride[1] + s * layer.dilation[1] - layer.padding_before[1]
    inside = 0 <= row < layer.input_size[0] and 0 <= column < layer.input_size[1]
    return (row, column) if inside else None
