from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_samples import ALEXNET, conv

from simulator.dataflows import map_layer
from simulator.mapping.file import read_mapping_file
from simulator.mapping.mapping import whole
from simulator.mapping.nest import INDEX, Loop, covered_by, walk
from simulator.mapping.tiles import distinct, held_bits, pieces
from simulator.names import DIMENSIONS
from simulator.spec.catalog import find

loop = st.builds(Loop, st.sampled_from(["M", "P"]), st.integers(1, 4), st.sampled_from([0, 0, 1, 3, 5]))


@given(st.lists(loop, max_size=4), st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))
def test_pieces_are_what_a_walk_meets(loops, M, P, inner):
    layer = conv(M=M, P=P, C=1, Q=1, R=1, S=1)
    innermost = tuple(inner if d in "MP" else 1 for d in DIMENSIONS)
    reach = covered_by(loops, innermost)
    if reach[INDEX["M"]] < M or reach[INDEX["P"]] < P:
        return
    blocks = [i.block.extent for i in walk(loops, whole(layer), innermost)]
    found = pieces(layer, loops, innermost)
    for d in ("M", "P"):
        other = sum(found["P" if d == "M" else "M"].values())
        met = Counter(extent[INDEX[d]] for extent in blocks)
        assert met == Counter({length: n * other for length, n in found[d].items()})


@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 5), st.integers(1, 4))
def test_distinct_input_indices(outputs, taps, stride, dilation):
    touched = {p * stride + r * dilation for p in range(outputs) for r in range(taps)}
    assert distinct(outputs, taps, stride, dilation) == len(touched)


PUBLISHED_KB = {"CONV1": (15.5, 72.2), "CONV2": (3.8, 91.1), "CONV4": (10.5, 84.5), "CONV5": (10.5, 84.5)}


@pytest.mark.parametrize("name", PUBLISHED_KB)
def test_buffer_use_of_the_published_mapping(name, eyeriss):
    """JSSC 2017, table III: kilobytes of inputs and psums in the global buffer."""
    entries = read_mapping_file(find("mapping", "eyeriss_v1_alexnet")).matched(ALEXNET)
    mapping = map_layer(ALEXNET[name], eyeriss, "row_stationary", entries[name])
    bits = held_bits(mapping, ALEXNET[name], eyeriss, "glb")
    assert bits["input"] / 8 / 1024 == pytest.approx(PUBLISHED_KB[name][0], abs=0.06)
    assert bits["output"] / 8 / 1024 == pytest.approx(PUBLISHED_KB[name][1], abs=0.06)
