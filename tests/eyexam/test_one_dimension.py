"""The book's one-dimensional convolution on a line of PEs, by closed forms: M filters of S taps, Q outputs, K PEs.

The buses move one word per cycle and direction (weights, inputs, psums out), everything else is unlimited.
"""

from fractions import Fraction
from math import ceil

import pytest

import simulator
from simulator.eyexam.steps import Bounds, bounds_of
from simulator.mapping.check import problems
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.names import DIMENSIONS
from simulator.pipeline import Job, measure_job
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

SIZES = [(4, 5, 27, 12), (1, 3, 8, 4), (3, 3, 20, 3), (2, 7, 31, 16)]
"""Filters M, taps S, outputs Q, PEs K."""


def line_of(rows: int, columns: int = 1) -> Architecture:
    """K PEs below each other, so that neighbours can add up psums."""
    machine = simulator.load_architecture("ws16")
    buses = {f"networks__{name}__words_per_cycle": 1 for name in ("weight_in", "input_in", "psum_in", "psum_out")}
    dram = {"memories__dram__bytes_per_cycle": "unlimited", "memories__dram__latency_cycles": 0}
    return machine.replace(array__rows=rows, array__columns=columns, **dram, **buses)


def layer_of(M: int, S: int, Q: int) -> Layer:
    sizes = {d: {"M": M, "S": S, "Q": Q}.get(d, 1) for d in DIMENSIONS}
    return Layer("one dimension", sizes, input_size=(1, Q + S - 1))


def loops(*trips: tuple[str, int]) -> tuple[Loop, ...]:
    return tuple(Loop(d, n) for d, n in trips if n > 1)  # type: ignore[arg-type]


def mapping_of(dram: tuple[Loop, ...], rows: tuple[Loop, ...], steps: tuple[Loop, ...], pe: tuple[Loop, ...] = ()) -> Mapping:
    return Mapping("loops", {"dram": dram, "glb": (), "weight_buffer": ()}, rows, (), steps, pe)


def checked(layer: Layer, mapping: Mapping, machine: Architecture) -> tuple[Bounds, int]:
    """Steps 1 to 6, and the cycles of a simulation, which none of them may exceed."""
    assert not problems(mapping, layer, machine, "by hand")
    bounds = bounds_of(layer, mapping, machine)
    cycles = measure_job(machine, Job(layer, mapping), frozenset())["cycles"]
    assert not bounds.violations(cycles)
    return bounds, cycles


def assert_steps(bounds: Bounds, M: int, S: int, Q: int, *, spread: int, pes: int, cycles: int, slowest: int, binds: str) -> None:
    """``spread`` work units at once at the most, ``cycles`` of the busiest PE, ``slowest``: of any bus."""
    macs = M * S * Q
    at_once = Fraction(spread, ceil(Fraction(spread, pes)))
    most = [step.macs_per_cycle for step in bounds.most_parallel]
    assert most == [macs, spread, at_once, at_once, at_once]  # a line of PEs has one axis, its buffers are large
    assert bounds.occupancy.macs_per_cycle == Fraction(macs, cycles) == at_once
    assert bounds.bandwidth.macs_per_cycle == Fraction(macs, max(cycles, slowest))
    assert bounds.binding == binds


@pytest.mark.parametrize(("M", "S", "Q", "K"), SIZES)
def test_output_stationary(M: int, S: int, Q: int, K: int) -> None:
    """A PE per output. Every tap needs another input in every PE, and one weight for all of them."""
    layer, machine, rounds = layer_of(M, S, Q), line_of(K), ceil(Q / K)
    mapping = mapping_of(loops(("M", M), ("Q", rounds)), loops(("Q", min(K, Q))), loops(("S", S)))
    bounds, _ = checked(layer, mapping, machine)
    words = {name: bounds.loads[name].words for name in ("weight_in", "input_in", "psum_out")}
    assert words == {"weight_in": M * rounds * S, "input_in": M * Q * S, "psum_out": M * Q}
    assert_steps(bounds, M, S, Q, spread=Q, pes=K, cycles=M * S * rounds, slowest=M * Q * S, binds="input_in")


@pytest.mark.parametrize(("M", "S", "Q", "K"), [size for size in SIZES if size[1] <= size[3]])
def test_weight_stationary(M: int, S: int, Q: int, K: int) -> None:
    """A PE per tap, psums run through all of them. Every output needs another input in every PE."""
    layer, machine = layer_of(M, S, Q), line_of(K)
    mapping = mapping_of(loops(("M", M)), loops(("S", S)), loops(("Q", Q)))
    bounds, _ = checked(layer, mapping, machine)
    words = {name: bounds.loads[name].words for name in ("weight_in", "input_in", "psum_out", "psum_local")}
    assert words == {"weight_in": M * S, "input_in": M * Q * S, "psum_out": M * Q, "psum_local": M * Q}
    assert_steps(bounds, M, S, Q, spread=S, pes=K, cycles=M * Q, slowest=M * Q * S, binds="input_in")


@pytest.mark.parametrize(("M", "S", "Q", "K"), [size for size in SIZES if size[0] > 1])
def test_input_stationary(M: int, S: int, Q: int, K: int) -> None:
    """A PE keeps the S inputs of one output while all filters come by; neighbours' windows overlap."""
    layer, machine, rounds = layer_of(M, S, Q), line_of(K), ceil(Q / K)
    mapping = mapping_of(loops(("Q", rounds)), loops(("Q", min(K, Q))), loops(("M", M)), loops(("S", S)))
    bounds, _ = checked(layer, mapping, machine)
    words = {name: bounds.loads[name].words for name in ("weight_in", "input_in", "psum_out")}
    assert words == {"weight_in": rounds * M * S, "input_in": Q + rounds * (S - 1), "psum_out": M * Q}
    cycles = rounds * M * S
    slowest, name = max((M * Q, "psum_out"), (words["input_in"], "input_in"))
    assert_steps(
        bounds, M, S, Q, spread=Q, pes=K, cycles=cycles, slowest=slowest, binds=name if slowest > cycles else "PEs"
    )


def test_the_case_of_the_documentation() -> None:
    """M 4, S 5, Q 27 on 12 PEs: 540 MACs."""
    layer, machine = layer_of(4, 5, 27), line_of(12)
    told = {}
    for name, mapping in {
        "output": mapping_of(loops(("M", 4), ("Q", 3)), loops(("Q", 12)), loops(("S", 5))),
        "weight": mapping_of(loops(("M", 4)), loops(("S", 5)), loops(("Q", 27))),
        "input": mapping_of(loops(("Q", 3)), loops(("Q", 12)), loops(("M", 4)), loops(("S", 5))),
    }.items():
        bounds, cycles = checked(layer, mapping, machine)
        steps = bounds.steps(cycles, "measured")
        told[name] = [float(step.macs_per_cycle) for step in steps[:6]]
        assert steps[6].macs_per_cycle == Fraction(540, cycles)
    assert told == {
        "output": [540, 27, 9, 9, 9, 1],
        "weight": [540, 5, 5, 5, 5, 1],
        "input": [540, 27, 9, 9, 9, 5],
    }


def test_two_narrow_axes_lose_what_one_long_one_does_not() -> None:
    """27 outputs on 12 PEs in a line: 9 at once; on 4 x 3 as well; on 4 x 3 with Q on rows alone 27 / 7."""
    layer, machine = layer_of(1, 5, 27), line_of(4, 3)
    rows_only = mapping_of(loops(("Q", 7)), loops(("Q", 4)), loops(("S", 5)))
    bounds, _ = checked(layer, rows_only, machine)
    assert [float(s.macs_per_cycle) for s in bounds.most_parallel[2:4]] == [9, 27 / 7]
    both = Mapping("loops", {"dram": loops(("Q", 3)), "glb": (), "weight_buffer": ()}, loops(("Q", 4)), loops(("Q", 3)), loops(("S", 5)))
    bounds, _ = checked(layer, both, machine)
    assert [float(s.macs_per_cycle) for s in bounds.most_parallel[2:4]] == [9, 9]
