"""Parametrized networks against published counts of MACs and parameters.

Parameters are counted as papers do: weights, and beside them what no layer here has as weights (biases, scales of
normalizations, embeddings). Products of two activations (attention's scores and contexts) have no parameters.
"""

import pytest

from simulator.formats.load import load_workload
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.operators.matmul import MatMul
from simulator.spec.workload import LayerSpec, Workload


def macs(network: Workload, batch: int = 1) -> int:
    return sum(layer.macs for layer in network.lower(batch) if isinstance(layer, Layer))


def is_attention(layer: LayerSpec) -> bool:
    return isinstance(layer.operator, MatMul) and layer.operator.per_image


def weights(network: Workload) -> int:
    """Words of weights that are no activations."""
    count = 0
    for spec in network.layers:
        layer = spec.lower(1)
        if isinstance(layer, Layer) and not is_attention(spec):
            size = layer.sizes
            count += size["G"] * size["M"] * size["C"] * size["R"] * size["S"]
    return count


def channels_normalized(network: Workload, kind: str) -> int:
    return sum(spec.operator.C for spec in network.layers if getattr(spec.operator, "kind", "") == kind)  # type: ignore[attr-defined]


def test_resnet50_is_that_of_torchvision() -> None:
    """25,557,032 parameters and 4.09 G multiply-adds: torchvision's documentation of ResNet50_Weights.IMAGENET1K_V1."""
    network = load_workload("resnet50")
    scales_and_shifts, biases_of_fc = 2 * channels_normalized(network, "batch"), 1000
    assert weights(network) + scales_and_shifts + biases_of_fc == 25_557_032
    assert round(macs(network) / 1e9, 2) == 4.09
    assert sum(isinstance(layer, Layer) for layer in network.lower(1)) == 54


def test_resnet50_with_the_strides_of_the_paper_has_its_multiply_adds() -> None:
    """He et al., table 1: 3.8e9 multiply-adds (3.86e9 of convolutions and the classifier), stride in the first 1 x 1."""

    def of_paper(spec: LayerSpec) -> LayerSpec:
        operator, name = spec.operator, spec.name
        if name in ("CONV3-1.A", "CONV4-1.A", "CONV5-1.A"):
            return spec.replace(operator=operator.replace(stride=2))  # type: ignore[return-value]
        if name in ("CONV3-1.B", "CONV4-1.B", "CONV5-1.B"):
            smaller = operator.replace(stride=1, H=operator.H // 2, W=operator.W // 2)  # type: ignore[attr-defined]
            return spec.replace(operator=smaller)  # type: ignore[return-value]
        return spec

    network = load_workload("resnet50")
    moved = network.replace(layers=tuple(of_paper(spec) for spec in network.layers))
    assert macs(moved) == macs(network) - sum(
        # A: a quarter of its outputs; B: the same outputs as before
        C * mid * H * H * 3 // 4
        for C, mid, H in ((256, 128, 56), (512, 256, 28), (1024, 512, 14))
    )
    assert 3.8e9 <= macs(moved) < 3.9e9


@pytest.mark.parametrize(
    ("size", "published", "rounded"),
    [
        ({}, 109_482_240, 110e6),
        ({"layers": 24, "hidden": 1024, "heads": 16}, 335_141_888, 340e6),
    ],
)
def test_parameters_of_bert(size: dict[str, int], published: int, rounded: float) -> None:
    """Exact: the published checkpoints bert-base-uncased and bert-large-uncased, without heads; rounded: the paper."""
    network = load_workload("bert_base", size)
    hidden, layers = network.origin.parameters["hidden"], network.origin.parameters["layers"]
    embeddings = (30522 + 512 + 2) * hidden  # words, positions, segments
    biases = layers * (4 + 4 + 1) * hidden + hidden  # Q K V OUT, UP, DOWN; POOLER
    normalizations = 2 * channels_normalized(network, "layer")
    count = weights(network) + embeddings + biases + normalizations
    assert count == published
    assert abs(count - rounded) < 0.02 * rounded


def test_macs_of_bert_base() -> None:
    """11.17 G for 128 tokens: what calflops counts, https://github.com/MrYxJ/calculate-flops.pytorch."""
    network = load_workload("bert_base", {"sequence": 128})
    assert round(macs(network) / 1e9, 2) == 11.17


@pytest.mark.parametrize(
    ("size", "published"),
    [
        ({}, 124_439_808),
        ({"layers": 24, "hidden": 1024, "heads": 16}, 354_823_168),
        ({"layers": 36, "hidden": 1280, "heads": 20}, 774_030_080),
        ({"layers": 48, "hidden": 1600, "heads": 25}, 1_557_611_200),
    ],
)
def test_parameters_of_gpt2(size: dict[str, int], published: int) -> None:
    """The published checkpoints gpt2, -medium, -large and -xl: 124 M, 355 M, 774 M and 1.558 G."""
    network = load_workload("gpt2", size)
    hidden, layers = network.origin.parameters["hidden"], network.origin.parameters["layers"]
    positions = 1024 * hidden  # the embedding of words is LOGITS' weights once more
    biases = layers * (4 + 4 + 1) * hidden
    assert weights(network) + positions + biases + 2 * channels_normalized(network, "layer") == published


@pytest.mark.parametrize(
    ("size", "published"),
    [
        ({}, 8_030_261_248),
        ({"layers": 80, "hidden": 8192, "feed_forward": 28672, "heads": 64}, 70_553_706_496),
        ({"feed_forward": 11008, "kv_heads": 32, "vocabulary": 32000}, 6_738_415_616),
    ],
)
def test_parameters_of_llama(size: dict[str, int], published: int) -> None:
    """The published checkpoints Meta-Llama-3-8B, -70B and, by its sizes, the first LLaMA of 7 B (6.7 B in its paper)."""
    network = load_workload("llama3_8b", size)
    embeddings = network.origin.parameters["vocabulary"] * network.origin.parameters["hidden"]
    assert weights(network) + embeddings + channels_normalized(network, "root_mean_square") == published


def test_macs_of_a_llama() -> None:
    """850 G for 128 tokens and all logits of LLaMA 7B: what calflops publishes in its table."""
    size = {"feed_forward": 11008, "kv_heads": 32, "vocabulary": 32000, "sequence": 128, "logits": 128}
    assert round(macs(load_workload("llama3_8b", size)) / 1e9) == 850


@pytest.mark.parametrize("name", ["gpt2", "llama3_8b"])
def test_decoding_a_token_is_the_last_row_of_a_prefill(name: str) -> None:
    """With a cache of n tokens, each of the weights is used once, and the token sees n + 1 keys and values."""
    n = 300
    network = load_workload(name, {"sequence": 1, "past": n})
    layers = network.origin.parameters["layers"]
    hidden = network.origin.parameters["hidden"]
    assert macs(network) == weights(network) + layers * 2 * (n + 1) * hidden
    prefill = load_workload(name, {"sequence": n + 1})
    head = network.lower(1)[-1].macs  # type: ignore[union-attr]
    assert macs(prefill) - head == (n + 1) * (macs(network) - head)


@pytest.mark.parametrize("name", ["bert_base", "gpt2", "llama3_8b"])
def test_every_text_of_a_batch_has_keys_and_values_of_its_own(name: str) -> None:
    network = load_workload(name, {"layers": 1})
    assert macs(network, 3) == 3 * macs(network)
    for spec, one, three in zip(network.layers, network.lower(1), network.lower(3), strict=True):
        if isinstance(one, VectorLayer) or isinstance(three, VectorLayer):
            continue
        grown = {d for d in one.sizes if three.sizes[d] != one.sizes[d]}
        assert grown == ({"G"} if is_attention(spec) else {"N"}), spec.name


@pytest.mark.parametrize(
    ("name", "size"),
    [("bert_base", {}), ("gpt2", {"sequence": 5, "past": 7}), ("llama3_8b", {"sequence": 5, "past": 7})],
)
def test_data_that_is_written_is_what_is_read(name: str, size: dict[str, int]) -> None:
    """Within a layer of the stack: outputs of one operator are the inputs, or the second operands, of others."""
    network = load_workload(name, {"layers": 1, **size})
    given = network.origin.parameters
    tokens, hidden = given["sequence"], given["hidden"]
    seen = tokens + given.get("past", 0)
    shared = given["heads"] // given.get("kv_heads", given["heads"])
    reads, operands, writes = {}, {}, {}
    for layer in network.lower(1):
        key = layer.name.removeprefix("L0.")
        if isinstance(layer, VectorLayer):
            reads[key], writes[key] = layer.input_words, layer.output_words
        else:
            s = layer.sizes
            reads[key], writes[key] = s["N"] * s["G"] * s["C"], s["N"] * s["G"] * s["M"]
            operands[key] = s["G"] * s["M"] * s["C"]
    assert reads["SCORES"] == writes["Q"] == tokens * hidden
    assert writes["SCORES"] == reads["SOFTMAX"] == writes["SOFTMAX"] == reads["CONTEXT"] == tokens * seen * given["heads"]
    assert operands["SCORES"] == operands["CONTEXT"] == seen * hidden // shared
    assert operands["SCORES"] * tokens == writes["K"] * seen
    assert writes["CONTEXT"] == reads["OUT"] == writes["OUT"] == writes["DOWN"] == tokens * hidden
    assert reads["ADD-OUT"] == 2 * writes["OUT"]
    assert reads["DOWN"] == writes["UP"]
    if name == "llama3_8b":
        assert writes["ROTARY"] == writes["Q"] + writes["K"]
        assert reads["ROTARY"] == writes["ROTARY"] + tokens * hidden // given["heads"]
        assert reads["MULTIPLY"] == writes["SILU"] + writes["UP"]
