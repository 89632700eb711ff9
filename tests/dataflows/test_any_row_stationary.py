"""Any m n e p q r t of any layer on Eyeriss v1 runs with the counts made by hand, or is refused because it does not fit."""

import re
from typing import Any

import by_hand
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.mapping.file import parse_mapping
from simulator.mapping.mapping import Mapping
from simulator.pipeline import Job, measure_job
from simulator.spec.catalog import load_architecture
from simulator.spec.layer import Layer

EYERISS = load_architecture("eyeriss_v1")
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """Small layers of every sort: groups, depthwise, strides, 1 x 1 and lopsided filters, a batch."""
    taps = draw(st.sampled_from([1, 1, 2, 3, 3, 5, 7, 11]))
    filter_size = (taps, draw(st.sampled_from([taps, taps, 1, 3])))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    filters, channels = draw(st.sampled_from([1, 3, 8, 12, 17, 48, 64])), draw(st.sampled_from([1, 2, 3, 5, 8, 9]))
    if draw(st.integers(0, 5)) == 0:
        groups, filters, channels = draw(st.sampled_from([3, 5])), 1, 1
    outputs = draw(st.sampled_from([1, 2, 5, 7, 13, 14, 15, 27, 28, 40])), draw(st.sampled_from([1, 2, 3, 5, 8, 60]))
    stride = draw(st.sampled_from([1, 1, 1, 2, 4]))
    size = [(n - 1) * stride + k for n, k in zip(outputs, filter_size, strict=True)]
    padding = [min(draw(st.integers(0, 1)), k // 2, (n - 1) // 2) for k, n in zip(filter_size, size, strict=True)]
    sizes = {"N": draw(st.sampled_from([1, 2, 3])), "G": groups, "M": filters, "C": channels}
    sizes |= dict(zip("PQRS", (*outputs, *filter_size), strict=True))
    inside = tuple(n - 2 * pad for n, pad in zip(size, padding, strict=True))
    return Layer("L", sizes, (stride, stride), (1, 1), inside, tuple(padding))  # type: ignore[arg-type]


values = st.fixed_dictionaries(
    {
        "m": st.sampled_from([1, 3, 4, 8, 16, 20, 24, 48, 64, 70]), "n": st.integers(1, 4),
        "e": st.sampled_from([1, 2, 3, 7, 7, 13, 14, 15, 20, 28, 40, 60]), "p": st.sampled_from([1, 2, 3, 4, 8, 12, 16, 16, 24, 25]),
        "q": st.sampled_from([1, 1, 2, 3, 4, 5]), "r": st.sampled_from([1, 1, 2, 3, 4]), "t": st.sampled_from([1, 1, 2, 3, 4, 5, 8]),
    }
)  # fmt: skip


PARTS = ("do not fit an array", "weight scratchpad", "input scratchpad", "psum scratchpad", "glb holds", "weight_buffer holds")
"""What can be too small."""


def mapped(layer: Layer, x: by_hand.Values) -> Mapping:
    file = parse_mapping({"dataflow": "row_stationary", "layers": {"L": x}}, "maps.yaml")
    return map_layer(layer, EYERISS, "row_stationary", file.entries["L"], "maps.yaml")


def too_small(layer: Layer, x: by_hand.Values) -> dict[str, str]:
    """The line about every part of the chip that cannot hold it."""
    try:
        mapped(layer, x)
    except InputError as refused:
        return {next(part for part in PARTS if part in str(p)): str(p) for p in refused.problems}
    return {}


def assert_counts(layer: Layer, x: by_hand.Values, found: dict[str, Any]) -> None:
    assert found["macs"] == found["pe_cycles"]["mac"] == layer.macs
    assert sum(found["pe_cycles"].values()) == by_hand.ROWS * by_hand.COLUMNS * found["cycles"]
    assert found["active_pes"] == by_hand.active_pes(layer, x)
    words = found["words"]["glb"]
    inputs, psums = by_hand.buffer_words(layer, x)
    assert words["input"]["array_read"] == inputs
    assert words["output"]["array_read"] == words["output"]["array_write"] == psums
    if layer.sizes["Q"] > 1:
        assert found["bytes_glb"] == by_hand.published_bytes(layer, x)


def assert_says_what_to_change(layer: Layer, x: by_hand.Values) -> None:
    """Every line names file, layer, parameters and values; the limit that it gives is enough, and one more is not."""
    for part, line in too_small(layer, x).items():
        one = re.fullmatch(r"maps\.yaml: layers\.L\.([mneprqt]): at most (\d+) was expected: .* \(got (\d+)\)", line)
        if one is None:
            assert re.fullmatch(r"maps\.yaml: layers\.L: .* alone would do \(got .*\)", line), line
            continue
        name, most, value = one[1], int(one[2]), int(one[3])
        assert x[name] == value > most
        assert part not in too_small(layer, {**x, name: most})
        assert too_small(layer, {**x, name: most + 1})


def try_one(layer: Layer, x: by_hand.Values) -> None:
    used = by_hand.used(layer, x)
    if by_hand.fits(layer, used):
        found = measure_job(EYERISS, Job(layer, mapped(layer, x)), frozenset(["dram"]))
        assert_counts(layer, used, found)
    else:
        assert too_small(layer, x)
        assert_says_what_to_change(layer, x)


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)
@given(layers(), values)
def test_any_parameters_run_or_do_not_fit(layer: Layer, x: by_hand.Values) -> None:
    try_one(layer, x)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=QUIET)
@given(layers(), values)
def test_many_more_parameters_run_or_do_not_fit(layer: Layer, x: by_hand.Values) -> None:
    try_one(layer, x)
