"""Systolic arrays run every layer as a matrix product: the outputs are still those of the convolution."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reference import convolution, place_of
from systolic_machines import convolutions, machines

from simulator.engine.function import compute
from simulator.errors import InputError
from simulator.pipeline import Job, map_layer, measure_job
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer
from simulator.spec.operands import Drawn, random_operands
from simulator.spec.product import as_product, most_touched, touched

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def law(examples: int) -> Any:
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=QUIET)


def planned(layer: Layer, machine: Architecture) -> tuple[Layer, Any]:
    product = as_product(layer)
    try:
        return product, map_layer(product, machine, "systolic")
    except InputError:
        assume(False)
        raise


@law(150)
@given(convolutions(), machines())
def test_outputs_are_those_of_the_convolution(layer: Layer, machine: Architecture) -> None:
    product, mapping = planned(layer, machine)
    operands = random_operands(layer, machine, {}, 1)
    found = compute(product, mapping, machine, operands)
    assert np.array_equal(found.outputs, convolution(layer, operands.weights, operands.inputs))


@law(60)
@given(convolutions(), machines())
def test_a_run_on_operands_takes_the_same_cycles_and_has_the_outputs(layer: Layer, machine: Architecture) -> None:
    product, mapping = planned(layer, machine)
    on_data = measure_job(machine, Job(product, mapping, Drawn({}, 3)), frozenset())
    plain = measure_job(machine, Job(product, mapping), frozenset())
    operands = random_operands(layer, machine, {}, 3)
    sizes = layer.sizes
    shape = (sizes["N"], sizes["G"] * sizes["M"], sizes["P"], sizes["Q"])
    assert np.array_equal(on_data["outputs"], convolution(layer, operands.weights, operands.inputs).reshape(shape))
    assert on_data["cycles"] == plain["cycles"]
    assert on_data["operands"]["words"]["input"] == operands.inputs.size


@law(300)
@given(convolutions(), st.data())
def test_touched_words_are_counted_one_by_one(layer: Layer, data: st.DataObject) -> None:
    product, size = as_product(layer), layer.sizes
    spans = []
    for total in (product.sizes["N"], product.sizes["C"]):
        first = data.draw(st.integers(0, total - 1))
        spans.append((first, data.draw(st.integers(1, total - first))))
    words, inside = set(), set()
    for n in range(spans[0][0], sum(spans[0])):
        image, place = divmod(n, size["P"] * size["Q"])
        for c in range(spans[1][0], sum(spans[1])):
            channel, tap = divmod(c, size["R"] * size["S"])
            p, q, r, s = *divmod(place, size["Q"]), *divmod(tap, size["S"])
            words.add((image, channel, p * layer.stride[0] + r * layer.dilation[0], q * layer.stride[1] + s * layer.dilation[1]))
            seen = place_of(layer, p, q, r, s)
            if seen is not None:
                inside.add((image, channel, *seen))
    assert touched(layer, *spans) == (len(words), len(words) - len(inside))
    grains = [data.draw(st.sampled_from([n for n in range(1, first + 1) if first % n == 0] or [0])) for first, _ in spans]
    assert len(words) <= most_touched(layer, spans[0][1], spans[1][1], tuple(grains)) <= spans[0][1] * spans[1][1]
    if product.origin is not None and product.image is None:
        assert len(words) == spans[0][1] * spans[1][1]
        assert inside == {word for word in words if word in inside}
