"""Skipping what repeats changes nothing: every number and every window is that of the full run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_machines import built, changed, mapped

from simulator.dataflows import map_layer
from simulator.engine.nest import nest_of as engine_nest
from simulator.engine.program import Tables
from simulator.engine.repeats import Repeats
from simulator.engine.world import World
from simulator.formats.load import load_workload
from simulator.kernels import tables as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.pipeline import Job, measure_job
from simulator.report.sums import plain
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture, shipped
from simulator.spec.layer import Layer
from simulator.spec.product import lowered_for

HOW = ("passes_simulated", "passes_skipped")


def both(layer: Layer, mapping: Mapping, machine: Architecture, relax: tuple[str, ...] = ()) -> tuple[Any, Any]:
    full, quick = (measure_job(machine, Job(layer, mapping), frozenset(relax), fast_forward=on) for on in (False, True))
    return full, quick


def assert_equal(full: dict[str, Any], quick: dict[str, Any]) -> None:
    for key, value in full.items():
        if key == "windows":
            assert value.keys() == quick[key].keys()
            for name, series in value.items():
                assert np.array_equal(series, quick[key][name]), name
        elif key not in HOW:
            assert plain(value) == plain(quick[key]), key
    assert full["passes_skipped"] == 0
    for run in (full, quick):
        assert run["passes_simulated"] + run["passes_skipped"] == run["passes"]


LARGEST = ("bert_base", "gpt2", "llama3_8b")
"""Networks with too many vectors to go through each of them."""


def pairs() -> list[Any]:
    out = []
    for architecture in shipped("architecture"):
        for workload in shipped("workload"):
            if workload in LARGEST and load_architecture(architecture).systolic is not None:
                continue
            if architecture == "stonne_os" and workload in ("alexnet_isca2016", "vgg16"):
                continue  # weights do not fit where they are at home
            quick = workload == "alexnet" and architecture not in ("eyeriss_v1", "scalesim_is")
            out.append(pytest.param(architecture, workload, marks=[] if quick else [pytest.mark.slow]))
    return out


@pytest.mark.parametrize(("architecture", "workload"), pairs())
def test_shipped_pairs(architecture: str, workload: str) -> None:
    machine = load_architecture(architecture)
    seen = set()
    for layer in lowered_for(machine, load_workload(workload), 2 if workload == "alexnet" else 1):
        if isinstance(layer, Layer) and layer.shape not in seen:
            seen.add(layer.shape)
            if architecture == "stonne_os" and layer.name in ("FC6", "FC7"):
                continue  # the same
            assert_equal(*both(layer, map_layer(layer, machine, machine.dataflow), machine))


def layer_of(**sizes: int) -> Layer:
    every = {"N": 1, "G": 1, "M": 1, "C": 1, "P": 1, "Q": 1, "R": 1, "S": 1} | sizes
    side = (every["P"] + every["R"] - 1, every["Q"] + every["S"] - 1)
    return Layer("layer", every, input_size=side)  # type: ignore[arg-type]


def machine_of(**changes: Any) -> dict[str, Any]:
    """One buffer, one bus per data type, and rates that nothing divides."""
    def bus(carries: str, rate: str, source: str = "glb", target: str = "array") -> dict[str, Any]:
        return {"kind": "multicast_bus", "carries": carries, "from": source, "to": target, "words_per_cycle": rate}

    pe = {
        "pipeline_cycles": 2, "weight_words": 24, "input_words": 24, "psum_words": 24, "weight_fifo_words": 4,
        "input_fifo_words": 4, "psum_in_fifo_words": 8, "psum_out_fifo_words": 8, "adder": "shared",
    }  # fmt: skip
    machine = {
        "name": "awkward", "clock_mhz": 100, "word_bits": {"weight": 16, "input": 16, "output": 16},
        "memories": {
            "dram": {"kind": "dram", "keeps": ["weight", "input", "output"], "bytes_per_cycle": "7/3", "latency_cycles": 17},
            "glb": {"kind": "sram", "keeps": ["weight", "input", "output"], "capacity_bytes": 8192, "read_words_per_cycle": "13/5"},
        },
        "networks": {"w": bus("weight", "11/13"), "i": bus("input", "5/7"), "p": bus("output", "3/2"), "o": bus("output", "17/19", "array", "glb")},
        "array": {"kind": "spatial", "rows": 2, "columns": 2, "pe": pe, "initial_psums": "zero"},
        "dataflow": "weight_stationary",
    }  # fmt: skip
    return changed(machine, **changes)


def nest_of(dram: str = "", glb: str = "", steps: str = "", pe: str = "") -> Mapping:
    def loops(text: str) -> tuple[Loop, ...]:
        return tuple(Loop.parse(part.strip()) for part in text.split(",") if part.strip())

    return Mapping("by hand", {"dram": loops(dram), "glb": loops(glb)}, steps=loops(steps), pe=loops(pe))


NESTS = {
    "a period that does not divide the loop": (nest_of(dram="N 700", pe="M 3,C 2"), {"N": 700, "M": 3, "C": 2}),
    "loops with a transient each": (nest_of(dram="M 12,N 300", glb="C 10", pe="M 2"), {"M": 24, "N": 300, "C": 10}),
    "psums that come back": (nest_of(dram="C 9,M 20", glb="N 3", pe="C 2"), {"C": 18, "M": 20, "N": 3}),
    "steps that repeat": (nest_of(dram="M 5", steps="Q 60", pe="S 3"), {"M": 5, "Q": 60, "S": 3}),
    "prefetch across an outer loop": (nest_of(dram="G 150,M 2", glb="N 7", pe="C 4"), {"G": 150, "M": 2, "N": 7, "C": 4}),
    "a last iteration that is shorter": (nest_of(dram="M 400 by 3,N 6", pe="M 3,C 3"), {"M": 1198, "N": 6, "C": 3}),
    "parts of a tile": (nest_of(dram="N 300", glb="M 10", steps="Q 5", pe="C 3"), {"N": 300, "M": 10, "Q": 5, "C": 3}),
    "steps that end with a shorter one": (nest_of(dram="M 5", steps="Q 60 by 3", pe="Q 3,S 3"), {"M": 5, "Q": 178, "S": 3}),
    "a sum over steps": (nest_of(dram="N 5", steps="M 3,C 60", pe="C 2"), {"N": 5, "M": 3, "C": 120}),
    "psums read soon after they were written": (nest_of(glb="M 200,C 2,N 3", pe="C 2"), {"M": 200, "C": 4, "N": 3}),
    "psums read again in steps": (nest_of(dram="N 5", steps="M 60,C 2,P 3", pe="C 2"), {"N": 5, "M": 60, "C": 4, "P": 3}),
    "psum blocks": (nest_of(dram="N 2", glb="C 6,M 200", pe="C 2"), {"N": 2, "C": 12, "M": 200}),
}  # fmt: skip


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("arbitration", ["fifo", "round_robin", "priority"])
def test_awkward_rates(name: str, arbitration: str) -> None:
    mapping, sizes = NESTS[name]
    machine = built(machine_of(memories__glb__arbitration=arbitration, memories__dram__arbitration=arbitration))
    relax = ("dram",) if name == "psum blocks" else ()  # else the loop ends before the buffer has filled up
    full, quick = both(layer_of(**sizes), mapping, machine, relax)
    assert_equal(full, quick)
    steps = full["steps"]
    assert quick["passes_skipped"] > 0 or steps >= 10 * full["passes"], "nothing was skipped: the case tests nothing"


PLAIN = {"memories__dram__bytes_per_cycle": 4, "memories__glb__read_words_per_cycle": 2} | {
    f"networks__{name}__words_per_cycle": 1 for name in "wipo"
}  # fmt: skip
"""Rates with which every iteration is like the one before, so that what repeats ends exactly where it may."""


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("adder", ["shared", "private"])
@pytest.mark.parametrize("initial", ["zero", "buffer"])
def test_periods_of_one_iteration(name: str, adder: str, initial: str) -> None:
    mapping, sizes = NESTS[name]
    machine = built(machine_of(**PLAIN, array__pe__adder=adder, array__initial_psums=initial))
    assert_equal(*both(layer_of(**sizes), mapping, machine))


@pytest.mark.parametrize("taps", [5, 7])
def test_padding_at_both_ends(taps: int) -> None:
    """The first and the last rows of a feature map have padding, which does not cross the link."""
    sizes = {"N": 1, "G": 1, "M": 1, "C": 2, "P": 60, "Q": 4, "R": taps, "S": 1}
    layer = Layer("layer", sizes, input_size=(60, 4), padding_before=(taps // 2, 0))  # type: ignore[arg-type]
    small = built(machine_of(**PLAIN, memories__glb__capacity_bytes=512))  # soon full, so that tiles repeat early
    full, quick = both(layer, nest_of(dram="P 60", steps="Q 4", pe=f"R {taps},C 2"), small)
    assert_equal(full, quick)
    assert quick["passes_skipped"] > 0


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["weight_stationary", "output_stationary", "input_stationary", "row_stationary"]),
    st.fixed_dictionaries({d: st.integers(1, n) for d, n in {"N": 9, "M": 40, "C": 30, "P": 9, "Q": 9, "R": 3, "S": 3}.items()}),
    st.lists(st.sampled_from(["7/3", "1/2", 1, "12/5", "13/11", "unlimited"]), min_size=4, max_size=4),
    st.sampled_from(["shared", "private"]),
    st.booleans(),
)
def test_random_layers(dataflow: str, sizes: dict[str, int], rates: list[Any], adder: str, barrier: bool) -> None:
    description = machine_of(
        dataflow=dataflow, networks__w__words_per_cycle=rates[0], networks__i__words_per_cycle=rates[1],
        networks__p__words_per_cycle=rates[2], memories__dram__bytes_per_cycle=rates[3], array__pe__adder=adder,
        array__pass_barrier=barrier,
    )  # fmt: skip
    layer = layer_of(**sizes)
    assert_equal(*both(layer, mapped(description, layer), built(description)))


def test_a_thousand_times_the_batch_is_simulated_in_as_many_passes() -> None:
    """What is simulated does not grow with the layer once everything in it repeats."""
    machine = built(machine_of())
    simulated = []
    for n in (200, 2_000, 200_000):
        mapping = nest_of(dram=f"N {n}", glb="C 4", pe="M 3")
        run = measure_job(machine, Job(layer_of(N=n, C=4, M=3), mapping), frozenset())
        assert run["macs"] == 12 * n
        assert run["passes"] == 4 * n
        simulated.append(run["passes_simulated"])
    assert simulated[0] < 400
    assert max(simulated) - min(simulated) < 20


TIMES: dict[str, Callable[[kernel.State], tuple[Any, Any]]] = {
    "a port is free": lambda s: (s.port_free, 0),
    "another port is free": lambda s: (s.port_free, len(s.port_free) - 1),
    "a tile was written back": lambda s: (s.leaving[kernel.OUT_FINISH], (s.stream[kernel.POUT, kernel.DONE] - 1) % s.leaving.shape[1]),
    "a stream's words are there": lambda s: (s.finish, kernel.W),
    "a stream has left the ports": lambda s: (s.sent, kernel.I),
    "a PE goes on": lambda s: (s.pe[kernel.CLOCK], 1),
    "a PE has added": lambda s: (s.pe[kernel.LAST_ACC], 1),
    "zeros may pass": lambda s: (s.passed, 0),
}  # fmt: skip
"""Times of an array that decide what follows, each where it stands."""


@pytest.mark.parametrize("what", TIMES)
def test_two_states_that_differ_in_one_time_to_come_are_not_taken_for_the_same(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def look(repeats: Repeats) -> None:
        machine, s = repeats.machine, repeats.machine.state
        base = int(s.scalars[kernel.LAST_START]) // machine.array.ticks
        times, at = TIMES[what](s)
        kept = int(times[at])
        unit = machine.array.ticks if times is s.port_free else 1
        pictures = []
        for time in (base + 1000) * unit, (base + 1000) * unit + 1:  # for a port a tick more is a difference
            times[at] = time
            pictures.append(machine.bound.picture(base))
        times[at] = kept
        told.append(pictures[0] is not None and pictures[0] != pictures[1])

    monkeypatch.setattr(Repeats, "look_back", look)
    machine = built(machine_of(memories__glb__ports="read_write"))
    measure_job(machine, Job(layer_of(N=60, C=4, M=3), nest_of(dram="N 60", glb="C 4", pe="M 3")), frozenset())
    assert len(told) > 20
    assert all(told[5:])


def test_what_is_to_happen_moves_with_the_present() -> None:
    world, rung = World(), []
    alarms = [simpy.Event(world) for _ in range(3)]
    for alarm, cycle in zip(alarms, (5, 9, 7), strict=True):
        alarm.callbacks.append(lambda _, cycle=cycle: rung.append((cycle, world.cycle)))  # type: ignore[union-attr, misc]
        world.put(alarm, 1, cycle)
    world.step()
    world.shift(100)
    assert (world.cycle, world.peek_cycle(0)) == (105, 107)
    world.run()
    assert rung == [(5, 5), (7, 107), (9, 109)]


def test_the_first_iteration_of_a_sum_and_of_a_sliding_window_is_unlike_the_others() -> None:
    """Sums start at zero or come from outside, and a window is filled before it slides: loops over C, R and Q here."""
    layer = layer_of(N=2, M=3, C=2, Q=6, R=2, S=3)
    mapping = nest_of(dram="N 2,C 2,M 3", glb="R 2", steps="Q 6", pe="S 3")
    tables = Tables(layer, mapping, engine_nest(layer, mapping), built(machine_of()), frozenset())
    first = {loop.dimension: odd for loop, odd in zip(tables.nest.loops, tables.odd_first, strict=True)}
    assert first == {"N": 0, "C": 1, "M": 0, "R": 1, "Q": 1}
