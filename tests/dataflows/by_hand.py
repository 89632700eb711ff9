"""Eyeriss v1 and m n e p q r t counted by hand: what fits, active PEs, words. Shares no code with the simulator."""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from simulator.spec.layer import Layer

Values = dict[str, int]
ROWS, COLUMNS = 12, 14
WEIGHT_WORDS, INPUT_WORDS, PSUM_WORDS = 224, 12, 24
BANKS, BANK_WORDS, WEIGHT_BUFFER_WORDS = 25, 2048, 4096


class Pass(NamedTuple):
    """What one pass works on. ``at`` says which: group, m filters, images, rows, channels, filters of the pass."""

    at: tuple[int, ...]
    images: int
    filters: int
    channels: int
    rows: int


def used(layer: Layer, x: Values) -> Values:
    """No more than the layer has, and no more filters at a time than m.

    Filters are dealt one by one to the t sets, channels to the r sets. Sets that p and q would not need are
    left out where the array has no room for all.
    """
    size = layer.sizes
    m, e = min(x["m"], size["M"]), min(x["e"], size["P"])
    whole = {"m": m, "n": min(x["n"], size["N"]), "e": e, **dealt(m, x["p"], x["t"], "pt"), **dealt(size["C"], x["q"], x["r"], "qr")}
    needed = min(whole["t"], ceil(m / x["p"])), min(whole["r"], ceil(size["C"] / x["q"]))
    for t in range(whole["t"], needed[0] - 1, -1):
        for r in range(whole["r"], needed[1] - 1, -1):
            fewer = {**whole, **dealt(m, x["p"], t, "pt"), **dealt(size["C"], x["q"], r, "qr")}
            if _sets_fit(size["R"], fewer):
                return fewer
    return whole


def dealt(total: int, most: int, sets: int, names: str) -> Values:
    """What the first of the sets gets, at most ``most``, and how many sets get something."""
    each = min(most, ceil(total / sets))
    return {names[0]: each, names[1]: min(sets, ceil(total / each))}


def parts(total: int, length: int) -> list[int]:
    """The lengths that a total is cut into."""
    return [min(length, total - first) for first in range(0, total, length)]


def passes(layer: Layer, x: Values) -> Iterator[Pass]:
    """All passes in their order: filters innermost, then channels, rows, images, the next m filters, groups."""
    size = layer.sizes
    for group in range(size["G"]):
        for i, held in enumerate(parts(size["M"], x["m"])):
            for j, images in enumerate(parts(size["N"], x["n"])):
                for k, rows in enumerate(parts(size["P"], x["e"])):
                    for c, channels in enumerate(parts(size["C"], x["q"] * x["r"])):
                        for f, filters in enumerate(parts(held, min(x["p"] * x["t"], held))):
                            yield Pass((group, i, j, k, c, f), images, filters, channels, rows)


def touched(layer: Layer, axis: int, outputs: int) -> int:
    """Input rows (axis 0) or columns (1) under so many neighbouring outputs, padding included."""
    taps, stride = layer.sizes["RS"[axis]], layer.stride[axis]
    return len({first * stride + tap for first in range(outputs) for tap in range(taps)})


def active_pes(layer: Layer, x: Values) -> int:
    """A set is R x rows PEs; a set stands for p filters and q channels. The most of any pass."""
    sets = ((ceil(one.channels / x["q"]) * ceil(one.filters / x["p"]), one.rows) for one in passes(layer, x))
    return max(layer.sizes["R"] * rows * number for number, rows in sets)


def buffer_words(layer: Layer, x: Values) -> tuple[int, int]:
    """(inputs, psums in one direction) between buffer and array.

    Every image of every pass brings its inputs and moves its psums, except where the outputs are one column
    wide: what the next image's turn needs, too, is then still there.
    """
    inputs = psums = 0
    before: tuple[object, object] = (None, None)
    for one in passes(layer, x):
        group, held, images, strip, block, filters = one.at
        for image in range(one.images):
            needs = (group, images, image, strip, block), (group, held, filters, images, image, strip)
            alone = layer.sizes["Q"] == 1
            if not alone or needs[0] != before[0]:
                inputs += one.channels * touched(layer, 0, one.rows) * touched(layer, 1, layer.sizes["Q"])
            if not alone or needs[1] != before[1]:
                psums += one.filters * one.rows * layer.sizes["Q"]
            before = needs
    return inputs, psums


def published_bytes(layer: Layer, x: Values) -> int:
    """2 B * [2*M*N*P*Q*ceil(C/(q*r)) + N*C*rows*W*ceil(M/(p*t))], the last ceiling for every m filters.

    Rows of W padded words are those of the strips with their halos.
    """
    size = layer.sizes
    rows = sum(touched(layer, 0, strip) for strip in parts(size["P"], x["e"]))
    rounds = sum(ceil(held / (x["p"] * x["t"])) for held in parts(size["M"], x["m"]))
    psums = 2 * size["M"] * size["N"] * size["P"] * size["Q"] * ceil(size["C"] / (x["q"] * x["r"]))
    inputs = size["N"] * size["C"] * rows * touched(layer, 1, size["Q"]) * rounds
    return 2 * size["G"] * (psums + inputs)


def fits(layer: Layer, x: Values) -> bool:
    """Whether the chip holds it: array, scratchpads, and one tile of everything in the buffers."""
    size = layer.sizes
    taps, filters, channels = size["S"], min(x["p"] * x["t"], x["m"]), min(x["q"] * x["r"], size["C"])
    columns = (touched(layer, 0, x["e"]), touched(layer, 1, size["Q"]))
    inputs, psums = x["n"] * channels * columns[0] * columns[1], x["n"] * x["m"] * x["e"] * size["Q"]
    return (
        _sets_fit(size["R"], x)
        and x["p"] * x["q"] * taps <= WEIGHT_WORDS
        and x["q"] * taps <= INPUT_WORDS
        and x["p"] <= PSUM_WORDS
        and ceil(inputs / BANK_WORDS) + ceil(psums / BANK_WORDS) <= BANKS
        and filters * channels * size["R"] * taps <= WEIGHT_BUFFER_WORDS
    )


def _sets_fit(filter_rows: int, x: Values) -> bool:
    """Some way to fold sets so that r of them stand in a column and all t of these side by side or stacked."""
    for fold in range(1, x["e"] + 1):
        height, width = filter_rows * fold * x["r"], ceil(x["e"] / fold)
        if (ROWS // height) * (COLUMNS // width) >= x["t"]:
            return True
    return False
