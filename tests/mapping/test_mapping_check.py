import pytest
from mapping_samples import conv, machine

from simulator.errors import InputError
from simulator.mapping.check import chain_axis, check, problems
from simulator.mapping.file import parse_mapping

SMALL = conv(M=4, C=3, P=5, Q=5, R=3, S=3)
GOOD = {
    "dram": ["C 3"],
    "glb": ["M 2"],
    "weight_buffer": [],
    "array": {"rows": ["R 3"], "columns": ["P 5"]},
    "steps": ["Q 5"],
    "pe": ["S 3", "M 2"],
}


def nest(**changes):
    body = {**GOOD, **changes}
    loops = parse_mapping({"layers": {"L": body}}, "file").entries["L"].loops
    assert loops is not None
    return loops


def complaints(layer=SMALL, arch="eyeriss_v1", **changes):
    return [str(problem) for problem in problems(nest(**changes), layer, machine(arch), "file")]


def test_a_good_nest_passes():
    check(nest(), SMALL, machine("eyeriss_v1"), "file")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dram": ["C 2"]}, "file: L: loops over C cover 2 of 3"),
        ({"steps": ["Q 4"]}, "file: L: loops over Q cover 4 of 5"),
        ({"dram": ["C 4"]}, "file: L.dram: at most 3 trips can run (3 of C, 1 at a time) (got C 4)"),
        (
            {"pe": ["S 3", "M 8"], "glb": []},
            "file: L.pe: at most 4 trips can run (4 of M, 1 at a time) (got M 8)",
        ),
        (
            {"array": {"rows": ["R 3", "C 5"], "columns": ["P 5"]}, "dram": []},
            "file: L.array.rows: loops spread over 15 rows, the array has 12 (got [R 3, C 5])",
        ),
        (
            {"array": {"rows": [], "columns": ["P 5", "R 3"]}},
            "reduction loops cannot lie on columns of eyeriss_v1: only its rows sum psums (got [R 3])",
        ),
        (
            {"array": {"rows": ["R 3", "P 4"], "columns": ["P 2"]}},
            "reduction loops must be the innermost ones, so that chains are unbroken",
        ),
        (
            {"array": {"rows": ["C 2", "R 2"], "columns": ["P 5"]}, "dram": ["C 2", "R 2"]},
            "a reduction loop inside another must always run all its trips; it runs 1 somewhere (got R 2)",
        ),
    ],
)
def test_refusals_have_the_numbers(changes, says):
    found = complaints(**changes)
    assert any(says in text for text in found), found


def test_spatial_loops_may_exceed_the_layer():
    assert complaints(array={"rows": ["R 3"], "columns": ["P 7"]}) == []


def test_by_may_clip_what_is_inside():
    assert complaints(array={"rows": ["R 3"], "columns": ["P 7"]}, dram=["P 2 by 3", "C 3"]) == []


def test_memories_by_name():
    wrong = {k: v for k, v in GOOD.items() if k != "glb"} | {"gbl": []}
    loops = parse_mapping({"layers": {"L": wrong}}, "file").entries["L"].loops
    found = [str(problem) for problem in problems(loops, SMALL, machine("eyeriss_v1"), "file")]
    assert found == [
        "file: L.gbl: no such memory in eyeriss_v1; it has dram, glb, weight_buffer",
        "file: L.glb: loops for every memory were expected ([] where there are none); glb is missing",
    ]


def test_scratchpads_and_fifos():
    layer = conv(M=50, C=5, P=1, Q=1, R=1, S=5)
    found = [
        text
        for text in complaints(layer, dram=[], glb=[], array={}, steps=[], pe=["S 5", "C 5", "M 50"])
        if "scratchpad" in text or "FIFO" in text
    ]
    assert [text.split(": ", 2)[2].split(" (got")[0] for text in found] == [
        "weight scratchpad holds 224 words, a step needs 1250",
        "input scratchpad holds 12 words, a step needs 25",
        "psum scratchpad holds 24 words, a step needs 50",
        "psum_in FIFO holds 48 words, a step needs 50",
        "psum_out FIFO holds 24 words, a step needs 50",
    ]


def test_buffer_capacity():
    layer = conv(M=16, C=1, P=64, Q=64, R=1, S=1)
    found = complaints(layer, dram=[], glb=[], array={"columns": ["P 8"]}, steps=["P 8", "Q 64"], pe=["M 16"])
    bits = {"input": 64 * 64 * 16, "output": 64 * 64 * 16 * 16}
    said = f"its tiles need {sum(bits.values())} (input {bits['input']}, output {bits['output']})"
    assert found == [f"file: L.glb: glb holds {25 * 4096 * 8} bits, {said}"]


def test_without_a_chain_nothing_sums_in_space():
    assert any("its PEs do not pass psums on" in text for text in complaints(arch="os16"))


def test_all_problems_at_once():
    with pytest.raises(InputError) as caught:
        check(nest(dram=["C 2"], steps=["Q 4"]), SMALL, machine("eyeriss_v1"), "file")
    assert len(caught.value.problems) == 2


def test_chain_axis():
    assert chain_axis(machine("eyeriss_v1")) == "rows"
    assert chain_axis(machine("os16")) is None
