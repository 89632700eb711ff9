"""With real operands the outputs that leave equal the reference convolution bit for bit, whatever machine and mapping."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from random_machines import built, cases, free_cases, measured
from reference import convolution, zero_input_macs

import simulator
from simulator.engine import function, mac_program
from simulator.engine.function import UNWRITTEN, Computed, compute
from simulator.kernels import macs as kernel
from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import Loop
from simulator.pipeline import Job, given_mappings, measure_job, plan
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.operands import Drawn, random_operands

Case = tuple[dict[str, Any], Layer, Mapping]
ZEROS = {"input": Fraction(2, 5), "weight": Fraction(1, 7)}
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def law(examples: int) -> Any:
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)


def computed(case: Case, seed: int = 0) -> Computed:
    description, layer, mapping = case
    architecture = built(description)
    return compute(layer, mapping, architecture, random_operands(layer, architecture, ZEROS, seed))


def right(found: Computed) -> bool:
    expected = convolution(found.layer, found.operands.weights, found.operands.inputs)
    return found.outputs.dtype == np.int64 and np.array_equal(found.outputs, expected)


@law(100)
@given(cases(), st.integers(0, 9))
def test_every_dataflow_computes_the_convolution(case: Case, seed: int) -> None:
    assert right(computed(case, seed))


@law(200)
@given(free_cases(), st.integers(0, 9))
def test_every_legal_loop_nest_computes_the_convolution(case: Case, seed: int) -> None:
    assert right(computed(case, seed))


@law(60)
@given(st.one_of(cases(), free_cases()))
def test_zero_inputs_are_counted_with_padding(case: Case) -> None:
    found = computed(case)
    assert found.zero_input_macs == zero_input_macs(found.layer, found.operands.inputs)
    assert found.zero_words["input"] == (found.operands.inputs == 0).sum()
    assert found.zeros["output"] == Fraction(int((found.outputs == 0).sum()), found.outputs.size)


@law(30)
@given(st.one_of(cases(array__pe__zero_inputs="gate"), free_cases(array__pe__zero_inputs="gate")))
def test_data_changes_nothing_but_gating_where_no_link_is_coded(case: Case) -> None:
    description, layer, mapping = case
    plain = measured(*case)
    found = measure_job(built(description), Job(layer, mapping, Drawn(ZEROS, 0)), frozenset())
    gated = found["operands"]["zero_input_macs"]
    assert plain["actions"]["mac"]["all"] == {"compute": layer.macs, "gated": 0}
    assert found["actions"]["mac"]["all"] == {"compute": layer.macs - gated, "gated": gated}
    assert found["actions"]["scratchpad"]["weight"]["read"] == layer.macs - gated
    assert found["actions"]["scratchpad"]["input"] == plain["actions"]["scratchpad"]["input"]
    for key in ("cycles", "macs", "pe_cycles", "stall_causes", "words", "words_created", "bytes_dram", "passes", "steps"):
        assert found[key] == plain[key]


# The kernel and its twin.


def twin(t: kernel.MacTables, passes: Any, psums: Any, tile: Any, weights: Any, inputs: Any) -> int:
    """The same in plain Python: every MAC on its own, every tile opened and closed word by word."""
    zeros, open_works, start = 0, [], 0

    def close() -> None:
        for pe, up, head, _, _, offset, shape in open_works:
            first, words = t.shape[shape][:2]
            for word in range(words):
                psums[pe][word] += psums[up][word] if up >= 0 else 0
                if head:
                    tile[start + offset + t.place[first + word]] = psums[pe][word]

    for one_pass in passes.tolist():
        step_from, step_to, *at, first, new = one_pass
        for j in range(step_from, step_to):
            kind, w, i, o, step_first, step_new = t.step[j].tolist()
            works = t.work[slice(*t.kind[kind])].tolist()
            if new if j == step_from else step_new:
                close()
                open_works, start = works, at[2] + o
                for pe, up, _, _, _, offset, shape in works:
                    places = t.place[t.shape[shape][0] :][: t.shape[shape][1]]
                    fresh = up >= 0 or (first and step_first)
                    psums[pe][: len(places)] = 0 if fresh else tile[start + offset + places]
            for pe, _, _, pe_w, pe_i, _, shape in works:
                _, _, term_from, term_to, run, run_w, run_i, run_o = t.shape[shape].tolist()
                for term_w, term_i, term_o in t.term[term_from:term_to].tolist():
                    for k in range(run):
                        value = int(inputs[at[1] + i + pe_i + term_i + k * run_i])
                        zeros += value == 0
                        psums[pe][term_o + k * run_o] += value * int(weights[at[0] + w + pe_w + term_w + k * run_w])
    close()
    return zeros


@law(40)
@given(st.one_of(cases(), free_cases()))
def test_the_kernel_matches_its_twin(case: Case) -> None:
    """Every call, with everything that it changes."""
    real, calls = kernel.run_passes, 0

    def beside(tables: Any, passes: Any, psums: Any, tile: Any, weights: Any, inputs: Any) -> int:
        nonlocal calls
        calls += 1
        own_psums, own_tile = psums.copy(), tile.copy()
        expected = twin(tables, passes, own_psums, own_tile, weights, inputs)
        found = int(real(tables, passes, psums, tile, weights, inputs))
        assert found == expected
        assert np.array_equal(psums, own_psums)
        assert np.array_equal(tile, own_tile)
        return found

    assume(case[1].macs <= 4000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "run_passes", beside)
        assert right(computed(case))
    assert calls > 0


# Mistakes of a mapping or of a schedule show in the outputs.


@pytest.fixture
def machine() -> Architecture:
    return simulator.load_architecture("eyeriss_v1")


LAYER = Layer("L", {"N": 1, "G": 1, "M": 4, "C": 6, "P": 5, "Q": 5, "R": 3, "S": 3}, input_size=(7, 7))
SPILLING = Mapping(
    "by hand",
    {"dram": (Loop("C", 2), Loop("M", 2)), "glb": (Loop("C", 3),), "weight_buffer": ()},
    rows=(Loop("R", 3),), columns=(Loop("P", 5),), steps=(Loop("Q", 5),), pe=(Loop("S", 3), Loop("M", 2)),
)  # fmt: skip


def run(machine: Architecture, layer: Layer, mapping: Mapping) -> Computed:
    return compute(layer, mapping, machine, random_operands(layer, machine, {}, 0))


def test_a_mapping_whose_output_tiles_spill_to_dram_and_come_back(machine: Architecture) -> None:
    found = run(machine, LAYER, SPILLING)
    assert found.outputs.shape == (1, 1, 4, 5, 5)
    assert right(found)


def test_macs_that_the_mapping_misses(machine: Architecture) -> None:
    one_channel = {**SPILLING.levels, "dram": (Loop("M", 2),), "glb": ()}
    assert not right(run(machine, LAYER, replace(SPILLING, levels=one_channel)))
    one_row = run(machine, LAYER, replace(SPILLING, columns=())).outputs
    assert (one_row[..., 1:, :] == UNWRITTEN).all()
    assert not (one_row[..., 0, :] == UNWRITTEN).any()


def planted(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let ``change`` edit the list of which PE does what in a step."""
    real = mac_program.place
    monkeypatch.setattr(mac_program, "place", lambda *arguments: change(real(*arguments)))


@pytest.mark.parametrize(
    "change",
    [
        lambda works: works[:-1],
        lambda works: [*works, replace(works[0], pe=167)],
        lambda works: [replace(works[0], block=works[1].block), *works[1:]],
        lambda works: [replace(works[0], pe=works[1].pe), *works[1:]],
    ],
    ids=["a PE idles", "two PEs do the same", "one does another's work", "two share a scratchpad"],
)
def test_pes_that_miss_or_repeat_work(change: Any, machine: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, change)
    assert not right(run(machine, LAYER, SPILLING))


def test_sums_that_are_lost_between_memories(machine: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function._Buffer, "drain", lambda self: None)
    assert (run(machine, LAYER, SPILLING).outputs == UNWRITTEN).all()


def test_sums_that_do_not_come_back(machine: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "REDUCTION", frozenset())
    assert not right(run(machine, LAYER, SPILLING))


def test_chains_that_do_not_add_up(machine: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mac_program, "chains", lambda works, columns: [[work] for work in works])
    assert not right(run(machine, LAYER, SPILLING))


def test_pes_without_work_in_the_last_pass_still_pass_on_their_sums(machine: Architecture) -> None:
    """C = 5 on three rows: the outputs stay in the PEs for both passes, and the third row only works in the first."""
    layer = replace(LAYER, sizes={**LAYER.sizes, "M": 1, "C": 5, "Q": 1, "R": 1, "S": 1}, input_size=(5, 1))
    levels = {"dram": (Loop("C", 2),), "glb": (), "weight_buffer": ()}
    found = run(machine, layer, Mapping("by hand", levels, rows=(Loop("C", 3),), columns=(Loop("P", 5),)))
    assert right(found)


# Shipped machines and layers.


PAIRS = [
    ("eyeriss_v1", "alexnet", "CONV1 CONV2 CONV3 CONV4 CONV5 FC8"), ("ws16", "alexnet", "CONV1 CONV3 FC8"), ("os16", "alexnet", "CONV2 CONV5 FC8"),
    ("eyeriss_v1", "mobilenet_v1", "DW12 DW13 PW12"), ("ws16", "mobilenet_v1", "DW12 PW12"), ("os16", "mobilenet_v1", "DW12 PW13"),
    ("eyeriss_v1", "resnet18", "CONV5-1S CONV5-1B"), ("ws16", "resnet18", "CONV5-1S CONV5-1A"), ("os16", "resnet18", "CONV5-1S CONV5-2A"),
]  # fmt: skip


def shipped_jobs(architecture: Architecture, workload: str) -> list[Job]:
    network = simulator.load_workload(workload)
    lowered = [x for x in network.lower(1) if not isinstance(x, VectorLayer)]
    given, default = given_mappings(architecture, network, None, None)
    return plan(architecture, lowered, given, default)


@pytest.mark.parametrize(("architecture", "workload", "layers"), PAIRS, ids=[f"{a}-{w}" for a, w, _ in PAIRS])
def test_shipped_machines_compute_shipped_layers(architecture: str, workload: str, layers: str) -> None:
    machine = simulator.load_architecture(architecture)
    jobs = {job.layer.name: job for job in shipped_jobs(machine, workload)}
    for name in layers.split():
        layer, mapping = jobs[name].layer, jobs[name].mapping
        assert isinstance(layer, Layer)
        assert mapping is not None
        data = random_operands(layer, machine, {"input": Fraction(1, 3)}, 7)
        found = compute(layer, mapping, machine, data)
        assert np.array_equal(found.outputs, quick_convolution(layer, data.weights, data.inputs)), name


def quick_convolution(layer: Layer, weights: Any, inputs: Any) -> Any:
    """The reference over exact floating point, as sums stay below 2^53; windows are cut from padded inputs."""
    sizes, (down, across) = layer.sizes, layer.padding_before
    edges = [(0, 0)] * 3 + [(down, sizes["R"] + down), (across, sizes["S"] + across)]
    padded = np.pad(np.asarray(inputs, dtype=np.float64), edges)
    out = np.zeros([sizes[d] for d in "NGMPQ"])
    for r in range(sizes["R"]):
        for s in range(sizes["S"]):
            rows = np.arange(sizes["P"]) * layer.stride[0] + r * layer.dilation[0]
            columns = np.arange(sizes["Q"]) * layer.stride[1] + s * layer.dilation[1]
            seen = padded[:, :, :, rows[:, None], columns[None, :]]
            out += np.einsum("ngcpq,gmc->ngmpq", seen, weights[:, :, :, r, s].astype(np.float64), optimize=True)
    assert np.abs(out).max() < 1 << 53
    return out.astype(np.int64)


def test_both_references_agree() -> None:
    layer = Layer("L", {"N": 2, "G": 2, "M": 3, "C": 2, "P": 4, "Q": 3, "R": 3, "S": 2}, (2, 1), (1, 2), (8, 5), (1, 1))
    data = random_operands(layer, simulator.load_architecture("ws16"), {"input": Fraction(1, 4)}, 1)
    expected = convolution(layer, data.weights, data.inputs)
    assert np.array_equal(quick_convolution(layer, data.weights, data.inputs), expected)
