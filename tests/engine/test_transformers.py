"""Attention and decoding on the shipped arrays: products whose second operand is every text's own."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import simulator
from simulator.formats.load import load_workload
from simulator.names import PE_CYCLE_NAMES, STALL_NAMES
from simulator.spec.layer import Layer
from simulator.spec.workload import Workload

BLOCK = ["L0.Q", "L0.SCORES", "L0.CONTEXT", "L0.UP", "L0.DOWN"]
CASES = {
    "encoder": ("bert_base", {"sequence": 384}, 1),
    "texts": ("bert_base", {"sequence": 48}, 3),
    "prefill": ("llama3_8b", {"sequence": 16}, 1),
    "decode": ("gpt2", {"sequence": 1, "past": 1023}, 1),
    "decode, grouped queries, 2 texts": ("llama3_8b", {"sequence": 1, "past": 511}, 2),
}


def block(name: str, parameters: dict[str, int]) -> Workload:
    return load_workload(name, {"layers": 1, **parameters}).select(BLOCK)


def unlike(one: Any, other: Any) -> list[str]:
    """Names of the numbers in which two results of a layer differ, but for how they were found."""
    told, others = one.to_dict(), other.to_dict()
    return [key for key in told if told[key] != others[key] and not key.startswith("passes_")]


@pytest.mark.parametrize("machine", ["ws16", "os16", "eyeriss_v1"])
@pytest.mark.parametrize("case", CASES)
def test_every_pe_cycle_and_every_word_is_accounted_for(case: str, machine: str) -> None:
    name, parameters, batch = CASES[case]
    network = block(name, parameters)
    run = simulator.simulate(machine, network, batch=batch)
    for nest in network.lower(batch):
        assert isinstance(nest, Layer)
        layer, size = run.layers[nest.name], nest.sizes
        assert layer.macs == layer.pe_cycles["mac"] == nest.macs
        assert tuple(layer.pe_cycles) == PE_CYCLE_NAMES
        assert sum(layer.pe_cycles.values()) == layer.pes * layer.cycles
        for stall in STALL_NAMES:
            assert sum(layer.stall_causes[stall].values()) == layer.pe_cycles[stall]
        outside = layer.words["dram"]
        outputs = size["N"] * size["G"] * size["M"]
        assert outside["output"]["array_write"] - outside["output"]["array_read"] == outputs
        # each key and value of each text crosses at least once, and so does each weight
        assert outside["weight"]["array_read"] >= size["G"] * size["M"] * size["C"]


@pytest.mark.parametrize("machine", ["ws16", "os16"])
def test_keys_and_values_of_every_text_are_fetched_and_weights_are_shared(machine: str) -> None:
    """Everything of a small decoder fits into its tiles, so that each word crosses once."""
    network = block("gpt2", {"sequence": 1, "past": 63})
    one, two = (simulator.simulate(machine, network, batch=batch) for batch in (1, 2))
    read = {
        name: [run.layers[name].words["dram"]["weight"]["array_read"] for run in (one, two)]
        for name in ("L0.Q", "L0.SCORES", "L0.CONTEXT")
    }
    assert read == {
        "L0.Q": [768 * 768, 768 * 768],
        "L0.SCORES": [64 * 768, 2 * 64 * 768],
        "L0.CONTEXT": [64 * 768, 2 * 64 * 768],
    }


@pytest.mark.parametrize("machine", ["ws16", "os16"])
@pytest.mark.parametrize("case", ["texts", "decode"])
def test_what_is_skipped_changes_nothing(case: str, machine: str) -> None:
    name, parameters, batch = CASES[case]
    network = block(name, parameters).select(["L0.SCORES", "L0.CONTEXT"])
    quick, full = (simulator.simulate(machine, network, batch=batch, fast_forward=on) for on in (True, False))
    for key, layer in full.layers.items():
        assert unlike(layer, quick.layers[key]) == []


@pytest.mark.parametrize("machine", ["ws16", "os16"])
def test_attention_computes_the_products_of_every_text_and_head(machine: str) -> None:
    """Queries of a group's heads are rows: scores[text, head, row] = query · keys[text, head // shared]."""
    texts, tokens, heads, kv_heads, size = 2, 3, 4, 2, 8
    shared, groups = heads // kv_heads, texts * kv_heads
    draw = np.random.default_rng(1)
    queries = draw.integers(-9, 9, (texts, kv_heads, shared, tokens, size))
    keys = draw.integers(-9, 9, (texts, kv_heads, tokens, size))
    given = {"hidden": heads * size, "heads": heads, "kv_heads": kv_heads, "sequence": tokens}
    network = block("llama3_8b", given).select(["L0.SCORES"])
    weights = keys.reshape(groups * tokens, size, 1, 1)
    inputs = queries.transpose(2, 3, 0, 1, 4).reshape(shared * tokens, groups * size, 1, 1)
    run = simulator.simulate(machine, network, batch=texts, operands={"L0.SCORES": (weights, inputs)})
    found = run.layers["L0.SCORES"].outputs
    scores = np.einsum("tksqc,tkpc->tksqp", queries, keys)
    expected = scores.transpose(2, 3, 0, 1, 4).reshape(shared * tokens, groups * tokens, 1, 1)
    assert np.array_equal(found, expected)


def test_layers_of_a_stack_are_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator import pipeline

    simulated = []

    def counted(architecture: Any, job: pipeline.Job, *rest: Any, **how: Any) -> dict[str, Any]:
        simulated.append(job.layer.name)
        return measured(architecture, job, *rest, **how)

    measured = pipeline.measure_job
    monkeypatch.setattr(pipeline, "measure_job", counted)
    network = load_workload("llama3_8b", {"sequence": 1, "layers": 40})
    run = simulator.simulate("os16", network)
    assert len(run.layers) == 40 * 9 + 1
    # Q and OUT are alike, K and V, GATE and UP
    assert simulated == ["L0.Q", "L0.K", "L0.SCORES", "L0.CONTEXT", "L0.GATE", "L0.DOWN", "LOGITS"]
    assert run.layers["L39.DOWN"] == replace(run.layers["L0.DOWN"], name="L39.DOWN")


def test_a_run_tells_the_parameters_and_the_file() -> None:
    network = load_workload("gpt2", {"sequence": 1, "past": 5}).select(["L0.SCORES"])
    run = simulator.simulate("os16", network)
    told = run.provenance["inputs"]["workload"]
    named = simulator.simulate("os16", "gpt2", layers=["L0.SCORES"]).provenance["inputs"]["workload"]
    assert (told["file"], told["sha256"]) == (named["file"], named["sha256"]) == ("gpt2", network.origin.sha256)
    assert told["parameters"] == {"layers": 12, "hidden": 768, "heads": 12, "sequence": 1, "past": 5, "logits": 1}
    assert named["parameters"]["sequence"] == 128
    assert "parameters of the workload: layers 12, hidden 768, heads 12, sequence 1, past 5, logits 1" in run.notes
    changed = simulator.simulate("os16", network.replace(name="mine"))
    assert "workload" not in changed.provenance["inputs"]
