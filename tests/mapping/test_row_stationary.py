import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_samples import ALEXNET, assert_every_mac_once, conv, machine

from simulator.dataflows import map_layer
from simulator.errors import InputError
from simulator.mapping.check import problems
from simulator.mapping.file import Entry, read_mapping_file
from simulator.mapping.nest import Block, walk
from simulator.mapping.traffic import array_work
from simulator.spec.catalog import find

EYERISS = machine("eyeriss_v1")


def given_as(**parameters):
    return Entry("layers.L", "row_stationary", parameters)


def published(name):
    entries = read_mapping_file(find("mapping", "eyeriss_v1_alexnet")).matched(ALEXNET)
    return map_layer(ALEXNET[name], EYERISS, "row_stationary", entries[name], "published")


def active_pes(mapping):
    first = Block((0,) * 8, mapping.step_extents)
    extents = mapping.step_extents
    if any(loop.by for loop in mapping.outer):
        clipped = {loop.dimension: loop.by for loop in mapping.outer if loop.by}
        extents = tuple(min(e, clipped.get(d, e)) for e, d in zip(extents, "NGMCPQRS", strict=True))
    return sum(1 for _ in walk(mapping.spatial, Block(first.first, extents), mapping.pe_extents))


@pytest.mark.parametrize(
    ("name", "active"), [("CONV1", 154), ("CONV2", 135), ("CONV3", 156), ("CONV4", 156), ("CONV5", 156)]
)
def test_published_active_pes(name, active):
    mapping = published(name)
    if name == "CONV2":
        assert mapping.step_extents[4] == 28
        extents = (1, 1, 16, 2, 27, 1, 5, 5)
        work = walk(mapping.spatial, Block((0,) * 8, extents), mapping.pe_extents)
        assert sum(1 for _ in work) == active
    else:
        assert active_pes(mapping) == active


def test_conv2_as_a_nest():
    assert published("CONV2").to_dict() == {
        "dram": ["G 2", "M 2", "N 4", "C 24"],
        "glb": ["M 4"],
        "weight_buffer": [],
        "array": {"rows": ["P 2", "R 5"], "columns": ["P 14"]},
        "steps": ["Q 27"],
        "pe": ["S 5", "C 2", "M 16"],
    }


@pytest.mark.parametrize("name", ALEXNET)
def test_words_follow_the_published_traffic_formula(name):
    """Eyeriss reference: 2*M*N*P*Q*ceil(C/(q*r)) psums and N*C*rows*W*ceil(M/(p*t)) inputs."""
    layer, mapping = ALEXNET[name], published(name)
    x, size = mapping.parameters, layer.sizes
    words = array_work(mapping, layer, EYERISS).words
    outputs = size["N"] * size["G"] * size["M"] * size["P"] * size["Q"]
    assert words["psum_in"] == words["psum_out"] == outputs * -(-size["C"] // (x["q"] * x["r"]))
    strips = [min(x["e"], size["P"] - first) for first in range(0, size["P"], x["e"])]
    rows = sum((e - 1) * layer.stride[0] + size["R"] for e in strips)
    width = (size["Q"] - 1) * layer.stride[1] + size["S"]
    inputs = size["N"] * size["G"] * size["C"] * rows * width
    assert words["input"] == inputs * -(-size["M"] // (x["p"] * x["t"]))


def test_clipping_is_noted():
    layer = conv(N=2, M=10, C=3, P=5)
    mapping = map_layer(layer, EYERISS, "row_stationary", given_as(m=64, n=4, e=7, p=16, q=4, r=2, t=2))
    assert mapping.parameters == {"m": 10, "n": 2, "e": 5, "p": 5, "q": 2, "r": 2, "t": 2}
    assert mapping.notes == (
        "m 64 clipped to 10",
        "n 4 clipped to 2", "e 7 clipped to 5", "p 16 clipped to 5", "q 4 clipped to 2",
    )  # fmt: skip


def test_any_number_of_sets_is_answered_at_once():
    """Sets beyond what the array has PEs for are not tried one by one."""
    layer = conv(M=64, C=64, P=14, Q=14, R=3, S=3)
    many = {"m": 64, "n": 1, "e": 14, "p": 16, "q": 4}
    (line,) = refused(layer, **many, r=10**17, t=1)
    assert line.startswith("maps.yaml: layers.L.r: at most ")
    assert line.endswith(f"(got {10**17})")
    (line,) = refused(layer, **many, r=16, t=10**17)
    assert "do not fit an array of 12 x 14" in line


def refused(layer, arch=EYERISS, **parameters):
    with pytest.raises(InputError) as caught:
        map_layer(layer, arch, "row_stationary", given_as(**parameters), "maps.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_full_scratchpads_are_refused_in_the_parameters_terms():
    layer = conv(M=64, C=16, P=13, Q=13, R=5, S=5)
    found = refused(layer, m=64, n=1, e=13, p=20, q=4, r=1, t=1)
    assert found == [
        f"maps.yaml: layers.L.p: at most {224 // 20} was expected: weight scratchpad holds 224 words, p*q*S = 400 (got 20)",
        f"maps.yaml: layers.L.q: at most {12 // 5} was expected: input scratchpad holds 12 words, q*S = 20 (got 4)",
    ]
    (found,) = refused(layer, m=64, n=1, e=13, p=99, q=1, r=1, t=1)[1:]
    assert found == "maps.yaml: layers.L.p: at most 24 was expected: psum scratchpad holds 24 words, p = 64 (got 99)"


def test_a_filter_row_that_no_scratchpad_holds():
    (found,) = refused(conv(R=1, S=13), m=4, n=1, e=5, p=1, q=1, r=1, t=1)
    told = "input scratchpad holds 12 words, q*S = 13; no smaller q alone would do (got q: 1)"
    assert found == f"maps.yaml: layers.L: {told}"


@pytest.mark.parametrize(
    ("parameters", "key", "most"),
    [
        ({"e": 28, "r": 2, "t": 2}, "t", 1),  # a set of 6 x 14, two of them on different channels fill the array
        ({"e": 14, "r": 5, "t": 1}, "r", 4),  # sets of 3 x 14 are stacked
        ({"e": 60, "r": 1, "t": 1}, "e", 56),  # four groups of three rows
    ],
)
def test_sets_that_do_not_fit_name_the_parameter_to_change(parameters, key, most):
    layer = conv(M=64, C=16, P=60, Q=2)
    (found,) = refused(layer, m=64, n=1, p=16, q=1, **parameters)
    assert found.startswith(f"maps.yaml: layers.L.{key}: at most {most} was expected: r*t = ")
    assert found.endswith(f"do not fit an array of 12 x 14 (got {parameters[key]})")
    map_layer(layer, EYERISS, "row_stationary", given_as(m=64, n=1, p=16, q=1, **{**parameters, key: most}))


def test_sets_that_no_single_parameter_makes_fit():
    (found,) = refused(conv(M=512, C=16, P=60), m=512, n=1, e=60, p=16, q=1, r=5, t=32)
    told = "r*t = 160 sets of 15 x 12 PEs (R = 3, e = 60) do not fit an array of 12 x 14"
    assert found == f"maps.yaml: layers.L: {told}; no smaller t or r or e alone would do (got t: 32, r: 5, e: 60)"


def test_sets_are_folded_further_where_only_that_fits():
    """Fourteen sets of 1 x 10 PEs lie neither in 12 rows of one nor in 6 of two, but in 2 by 7 sets of 5 x 2."""
    layer = conv(M=56, C=2, P=10, Q=3, R=1, S=1)
    mapping = map_layer(layer, EYERISS, "row_stationary", given_as(m=56, n=1, e=10, p=4, q=2, r=1, t=14))
    assert mapping.to_dict()["array"] == {"rows": ["M 2", "P 5"], "columns": ["M 7", "P 2"]}


@pytest.mark.parametrize(
    ("layer", "parameters", "key", "most"),
    [
        # 25 banks of 4096 bytes; the inputs take two of them: 4 channels of 30 x 30 words
        (conv(M=512, C=8, P=28, Q=28), {"m": 512, "n": 1, "e": 28, "q": 4, "t": 2}, "m", 23 * 2048 // (28 * 28)),
        # 3 x 7000 words of sums or inputs of one image are 11 banks
        (conv(N=2, M=4, C=1, P=3, Q=7000, R=1, S=1), {"m": 1, "n": 2, "e": 3, "p": 1, "q": 1, "t": 1}, "n", 1),
        # 2 x 10000 words are 10 banks, 3 x 10000 words 15
        (conv(M=4, C=1, P=3, Q=10000, R=1, S=1), {"m": 1, "n": 1, "e": 3, "p": 1, "q": 1, "t": 1}, "e", 2),
        # the weights of a pass: 64 filters of 8 channels of 3 x 3 words, of which 4096 fit
        (conv(M=512, C=8, P=7, Q=28), {"m": 64, "n": 1, "e": 7, "q": 4, "r": 2, "t": 4}, "t", 4096 // (16 * 72)),
    ],
)
def test_full_buffers_name_the_parameter_to_change(layer, parameters, key, most):
    (found,) = refused(layer, **{"p": 16, "r": 1, **parameters})
    assert found.startswith(f"maps.yaml: layers.L.{key}: at most {most} was expected: ")
    assert found.endswith(f"(got {parameters[key]})")


def test_wrong_and_missing_parameters():
    found = refused(conv(), m=4, k=2)
    assert {line.split(": ")[1] for line in found} == {
        f"layers.L.{k}" for k in ("k", "n", "e", "p", "q", "r", "t")
    }


def test_filters_taller_than_the_array():
    (found,) = refused(conv(R=13, S=1, P=1), m=1, n=1, e=1, p=1, q=1, r=1, t=1)
    assert "the filter has 13, the array 12" in found


def test_psum_capacity_is_refused_with_bits():
    layer = conv(M=512, C=8, P=28, Q=28, N=1)
    (found,) = refused(layer, m=512, n=1, e=28, p=16, q=4, r=1, t=2)
    assert "glb holds 819200 bits" in found
    assert f"output {512 * 28 * 28 * 16}" in found


sizes = st.fixed_dictionaries(
    {
        "N": st.integers(1, 3),
        "G": st.integers(1, 2),
        "M": st.integers(1, 13),
        "C": st.integers(1, 7),
        "P": st.integers(1, 9),
        "Q": st.integers(1, 3),
        "R": st.integers(1, 3),
        "S": st.integers(1, 3),
        "stride": st.integers(1, 2),
    }
)
parameters = st.fixed_dictionaries(
    {"m": st.integers(1, 14), "n": st.integers(1, 4), "e": st.integers(1, 9), "p": st.integers(1, 7)}
    | {"q": st.integers(1, 4), "r": st.integers(1, 4), "t": st.integers(1, 4)}
)


@settings(max_examples=60, deadline=None)
@given(sizes, parameters)
def test_any_parameters_do_every_mac_once(sizes, parameters):
    """Remainders of every kind: m below p*t, strips that do not divide P, q*r beyond C."""
    layer = conv(**sizes)
    array = EYERISS.replace(array__rows=36, array__columns=36)
    mapping = map_layer(layer, array, "row_stationary", given_as(**parameters))
    assert_every_mac_once(mapping, layer)


@settings(max_examples=25, deadline=None)
@given(sizes)
def test_the_search_finds_a_legal_mapping(sizes):
    layer = conv(**sizes)
    mapping = map_layer(layer, EYERISS, "row_stationary")
    assert problems(mapping, layer, EYERISS, "search") == []
    assert_every_mac_once(mapping, layer)


def test_the_search_never_does_worse_than_the_published_bound():
    for name, layer in ALEXNET.items():
        ours = map_layer(layer, EYERISS, "row_stationary")
        cycles = array_work(ours, layer, EYERISS).cycles
        assert cycles <= array_work(published(name), layer, EYERISS).cycles, name
