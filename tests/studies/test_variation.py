"""What --vary reads: keys, numbers, ranges, and what it says of everything else."""

from fractions import Fraction

import pytest

import simulator
from simulator.errors import InputError
from simulator.studies.variation import Variation, numbers_of, parse_values, parse_variation, text_of


def refusal(text: str, architecture: simulator.Architecture) -> str:
    with pytest.raises(InputError) as caught:
        parse_variation(text, architecture)
    (problem,) = caught.value.problems
    assert problem.place == "--vary"
    return str(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", [4]),
        ("1:64:x2", [1, 2, 4, 8, 16, 32, 64]),
        ("1:100:x10", [1, 10, 100]),
        ("8:32:+8", [8, 16, 24, 32]),
        ("8:31:+8", [8, 16, 24]),
        ("0:4:+2", [0, 2, 4]),
        ("5:5:x2", [5]),
        ("1:3:x1.5", [1, Fraction(3, 2), Fraction(9, 4)]),
        ("1/2:2:x2", [Fraction(1, 2), 1, 2]),
        ("0.5:1:+0.25", [Fraction(1, 2), Fraction(3, 4), 1]),
        ("4, 1 ,2", [1, 2, 4]),
        ("2.4,12/5,1", [1, Fraction(12, 5)]),
        ("unlimited,2,1", [1, 2, "unlimited"]),
        ("1:4:x2,3,4:8:+4,unlimited", [1, 2, 3, 4, 8, "unlimited"]),
    ],
)
def test_values_are_ascending_and_stand_once(text: str, expected: list[object]) -> None:
    assert list(parse_values(text)) == expected


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("glb.capacity_bytes", "memories.glb.capacity_bytes"),
        ("memories.glb.capacity_bytes", "memories.glb.capacity_bytes"),
        ("weight_in.words_per_cycle", "networks.weight_in.words_per_cycle"),
        ("array.rows", "array.rows"),
        ("array.pe.weight_words", "array.pe.weight_words"),
        ("clock_mhz", "clock_mhz"),
        ("dram.clock_mhz", "memories.dram.clock_mhz"),
        ("word_bits.weight", "word_bits.weight"),
    ],
)
def test_a_key_begins_with_its_part(key: str, path: str, machine: simulator.Architecture) -> None:
    assert parse_variation(f"{key}=1", machine).keys == (path,)


def test_keys_joined_by_plus_vary_together(machine: simulator.Architecture) -> None:
    varied = parse_variation("array.rows+array.columns=2,3", machine)
    wide = varied.machine(machine, Fraction(3))
    assert (wide.array.rows, wide.array.columns) == (3, 3)
    assert varied.own_value(machine) == 1
    assert parse_variation("array.rows+array.pe.weight_words=2", machine).own_value(machine) is None


WRONG = [
    ("", "KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected"),
    ("glb.capacity_bytes", "KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected (got glb.capacity_bytes)"),
    ("=1", "KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected"),
    ("array.rows=", "KEY=FIRST:LAST:STEP or KEY=1,2,4 was expected"),
    ("array.row=1", "did you mean array.rows"),
    ("gbl.capacity_bytes=1", "did you mean glb.capacity_bytes"),
    ("glb.capacity=1", "did you mean glb.capacity_bytes"),
    ("memories.gbl.capacity_bytes=1", "did you mean glb.capacity_bytes"),
    ("glb.zzz=1", "those of glb are: glb.bank_bytes, glb.banks, glb.capacity_bytes"),
    ("bananas=1", "they belong to: array, clock_mhz, dram, glb, input_in"),
    ("glb.kind=1", "a number of tiny was expected"),
    ("name=1", "a number of tiny was expected"),
    ("array.rows+=1", "a number of tiny was expected"),
    ("array.rows=two", "a number of at least 0 such as 4, 2.4 or 12/5 was expected (got two)"),
    ("array.rows=-1", "a number of at least 0"),
    ("array.rows=1,,2", "a number of at least 0"),
    ("array.rows=nan", "a number of at least 0"),
    ("array.rows=1e3", "a number of at least 0"),
    ("array.rows=1/0", "a number of at least 0"),
    ("array.rows=1:2", "FIRST:LAST:STEP such as 1:64:x2 or 8:32:+8 was expected (got 1:2)"),
    ("array.rows=1:2:3:4", "FIRST:LAST:STEP such as"),
    ("array.rows=1:2:3", "a step such as x2 (a factor) or +4 was expected (got 1:2:3)"),
    ("array.rows=1:8:x", "a step such as x2"),
    ("array.rows=1:8:*2", "a step such as x2"),
    ("array.rows=1:8:x1", "a factor above 1 was expected"),
    ("array.rows=1:8:x0.5", "a factor above 1 was expected"),
    ("array.rows=1:8:+0", "a step above 0 was expected"),
    ("array.rows=8:1:x2", "a LAST of at least FIRST was expected"),
    ("array.rows=0:8:x2", "a FIRST above 0 was expected"),
    ("array.rows=1:unlimited:x2", "not unlimited (got 1:unlimited:x2)"),
    ("array.rows=1:201:+1", "at most 200 values were expected"),
    ("array.rows=1:150:+1,151:300:+1", "at most 200 values were expected"),
    ("array.rows=1:999999999999999999:+1", "at most 200 values were expected"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_cannot_be_read_is_refused(text: str, expected: str, machine: simulator.Architecture) -> None:
    assert expected in refusal(text, machine)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("array.rows=1.5", "--vary array.rows=1.5: array.rows: a whole number was expected"),
        ("array.rows=unlimited", "--vary array.rows=unlimited: array.rows: a whole number was expected"),
        ("array.rows=0", "--vary array.rows=0: array.rows: a number greater than 0 was expected"),
        ("clock_mhz=1/3", "--vary clock_mhz=1/3: clock_mhz: a number was expected"),
        ("glb.banks=2", "--vary glb.banks=2: memories.glb: give either capacity_bytes, or banks and bank_bytes"),
    ],
)
def test_a_refused_value_names_its_point(text: str, expected: str, machine: simulator.Architecture) -> None:
    varied = parse_variation(text, machine)
    with pytest.raises(InputError, match=r"expected|give") as caught:
        varied.machine(machine, varied.values[0])
    assert str(caught.value.problems[0]).startswith(expected)


def test_values_reach_the_machine_exactly(machine: simulator.Architecture) -> None:
    varied = parse_variation("weight_in.words_per_cycle=1/3,2.4,unlimited", machine)
    rates = [varied.machine(machine, value).networks["weight_in"].words_per_cycle for value in varied.values]
    assert rates == [Fraction(1, 3), Fraction(12, 5), "unlimited"]
    assert [text_of(value) for value in varied.values] == ["1/3", "2.4", "unlimited"]


def test_speeds_are_told_from_sizes(machine: simulator.Architecture) -> None:
    speeds = {key for key in numbers_of(machine) if Variation(key, (key,), ()).is_speed}
    assert {"memories.glb.read_words_per_cycle", "memories.dram.latency_cycles", "clock_mhz"} <= speeds
    assert "array.pe.macs_per_cycle" not in speeds
    assert {"memories.dram.burst_bytes", "memories.dram.bytes_per_cycle"} <= speeds
    sizes = {"array.rows", "memories.glb.capacity_bytes", "array.pe.psum_in_fifo_words", "word_bits.input"}
    assert not sizes & speeds
