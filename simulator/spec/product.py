"""A layer as the matrix product that a systolic array makes of it, and which inputs its blocks touch.

Positions n = (image × P + p) × Q + q take the place of N, window elements c = (channel × R + r) × S + s that
of C. Blocks of both touch inputs many times; what memories hold are the different ones.
"""

from functools import lru_cache
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.names import DIMENSIONS, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.workload import Workload

Span = tuple[int, int]
"""(first, length)."""


def as_product(layer: Layer) -> Layer:
    """The layer over N (positions), G, M and C (window elements); a product comes back as it is."""
    sizes: dict[Dimension, int] = dict.fromkeys(DIMENSIONS, 1)
    sizes |= {d: layer.sizes[d] for d in ("G", "M")}
    sizes["N"] = prod(layer.sizes[d] for d in ("N", "P", "Q"))
    sizes["C"] = prod(layer.sizes[d] for d in ("C", "R", "S"))
    if sizes == layer.sizes:
        return layer
    image = None if _once(layer) else layer
    return Layer(layer.name, sizes, zeros=layer.zeros, origin=layer, image=image)


def lowered_for(
    architecture: Architecture, workload: Workload, batch: int
) -> list[Layer | VectorLayer]:
    """A workload's layers as an architecture runs them: on a systolic array, as matrix products."""
    lowered = workload.lower(batch)
    if architecture.systolic is None:
        return lowered
    return [as_product(layer) if isinstance(layer, Layer) else layer for layer in lowered]


def _once(layer: Layer) -> bool:
    """Whether every input is an element of one window only, and none is padding."""
    size = layer.sizes
    for axis, (o, f) in enumerate((("P", "R"), ("Q", "S"))):
        outputs, taps = size[o], size[f]  # type: ignore[index]
        if outputs > 1 and taps > 1:
            return False
        last = (outputs - 1) * layer.stride[axis] + (taps - 1) * layer.dilation[axis]
        if layer.padding_before[axis] or last >= layer.input_size[axis]:
            return False
    return True


def touched(image: Layer, positions: Span, elements: Span) -> tuple[int, int]:
    """(words, those that are padding) of a group's inputs that a block of positions and elements touches."""
    words = padding = 0
    size, (first, count) = image.sizes, elements
    per_channel, per_image = size["R"] * size["S"], size["P"] * size["Q"]
    taps: dict[Span, int] = {}
    for channel in _cut(first, count, per_channel):
        taps[channel] = taps.get(channel, 0) + 1
    shapes: dict[Span, int] = {}
    for part in _cut(*positions, per_image):
        shapes[part] = shapes.get(part, 0) + 1
    geometry = _Geometry.of(image)
    for part, images in shapes.items():
        for channel, channels in taps.items():
            found = _touched(geometry, part, channel)
            words += images * channels * found[0]
            padding += images * channels * found[1]
    return words, padding


def most_touched(image: Layer, positions: int, elements: int, grains: Span = (0, 0)) -> int:
    """No fewer words of a group's inputs than any block of so many positions and window elements touches.

    It is the smallest box of images, channels, rows and columns that holds each of them. Blocks begin at
    multiples of ``grains``, of positions and of elements; 0: only one, with the first.
    """
    size = image.sizes
    channels = min(size["C"], _reach(elements, size["R"] * size["S"], grains[1]))
    images = min(size["N"], _reach(positions, size["P"] * size["Q"], grains[0]))
    rows = min(size["P"], _reach(positions, size["Q"], grains[0])) if images == 1 else size["P"]
    columns = positions if rows == 1 else size["Q"]
    down, across = (
        min((outputs - 1) * image.stride[axis] + (taps - 1) * image.dilation[axis] + 1, outputs * taps)
        for axis, (outputs, taps) in enumerate(((rows, size["R"]), (columns, size["S"])))
    )
    return min(positions * elements, images * channels * down * across)


def _reach(length: int, unit: int, grain: int) -> int:
    """How many units a stretch touches at most that begins at a multiple of ``grain``."""
    latest_start = unit - gcd(grain, unit)
    return (latest_start + length - 1) // unit + 1


def _cut(first: int, length: int, unit: int) -> list[Span]:
    """A stretch as (first, length) inside units that it touches, one after another."""
    out, end = [], first + length
    while first < end:
        inside = first % unit
        here = min(unit - inside, end - first)
        out.append((inside, here))
        first += here
    return out


class _Geometry(tuple[int, ...]):
    """What decides which inputs windows touch: P, Q, R, S, strides, dilations, padding, input size."""

    @classmethod
    def of(cls, image: Layer) -> "_Geometry":
        sizes = (image.sizes[d] for d in ("P", "Q", "R", "S"))
        return cls((*sizes, *image.stride, *image.dilation, *image.padding_before, *image.input_size))


@lru_cache(maxsize=1 << 14)
def _touched(geometry: _Geometry, positions: Span, elements: Span) -> tuple[int, int]:
    """`touched` inside one image and one channel: stretches of p × Q + q and of r × S + s."""
    _, Q, _, S, down, right, spread, apart, above, before, height, width = geometry
    p, q = np.divmod(np.arange(positions[0], sum(positions)), Q)
    rows, columns = (int(p[-1]) + 1) * down + sum(elements) // S * spread + 1, Q * right + S * apart + 1
    seen: NDArray[np.bool_] = np.zeros((rows, columns), dtype=np.bool_)
    for element in range(elements[0], sum(elements)):
        r, s = divmod(element, S)
        seen[p * down + r * spread, q * right + s * apart] = True
    words = int(np.count_nonzero(seen))
    inside = seen[above : above + height, before : before + width]
    return words, words - int(np.count_nonzero(inside))


def im2col(image: Layer, padded: NDArray[Any]) -> NDArray[Any]:
    """Padded inputs [N, G, C, rows, columns] as the product's [positions, G, window elements]."""
    size, (down, right), (spread, apart) = image.sizes, image.stride, image.dilation
    parts = [
        padded[
            :, :, :,
            r * spread : r * spread + (size["P"] - 1) * down + 1 : down,
            s * apart : s * apart + (size["Q"] - 1) * right + 1 : right,
        ]
        for r in range(size["R"])
        for s in range(size["S"])
    ]  # fmt: skip
    stacked = np.stack(parts, axis=3)  # N, G, C, RS, P, Q
    moved = stacked.transpose(0, 4, 5, 1, 2, 3)
    return moved.reshape(size["N"] * size["P"] * size["Q"], size["G"], size["C"] * size["R"] * size["S"])


