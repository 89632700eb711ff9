"""Machines and layers that the mapping tests share."""

from collections import Counter
from functools import cache

from simulator.mapping.mapping import Mapping, whole
from simulator.mapping.nest import ONES, walk
from simulator.names import DIMENSIONS
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import load_architecture
from simulator.spec.layer import Layer


@cache
def machine(name: str) -> Architecture:
    return load_architecture(name)


def conv(name="L", N=1, G=1, M=4, C=3, P=5, Q=5, R=3, S=3, stride=1, dilation=1) -> Layer:
    sizes = dict(zip(DIMENSIONS, (N, G, M, C, P, Q, R, S), strict=True))
    height = (P - 1) * stride + (R - 1) * dilation + 1
    width = (Q - 1) * stride + (S - 1) * dilation + 1
    return Layer(name, sizes, (stride, stride), (dilation, dilation), (height, width))


ALEXNET = {
    "CONV1": conv("CONV1", N=4, M=96, C=3, P=55, Q=55, R=11, S=11, stride=4),
    "CONV2": conv("CONV2", N=4, G=2, M=128, C=48, P=27, Q=27, R=5, S=5),
    "CONV3": conv("CONV3", N=4, M=384, C=256, P=13, Q=13),
    "CONV4": conv("CONV4", N=4, G=2, M=192, C=192, P=13, Q=13),
    "CONV5": conv("CONV5", N=4, G=2, M=128, C=192, P=13, Q=13),
}


def macs_done(mapping: Mapping, layer: Layer) -> Counter:
    """How often each MAC of a small layer happens, found by walking every loop."""
    loops = mapping.outer + mapping.steps + mapping.spatial + mapping.pe
    return Counter(i.block.first for i in walk(loops, whole(layer), ONES))


def assert_every_mac_once(mapping: Mapping, layer: Layer) -> None:
    done = macs_done(mapping, layer)
    assert len(done) == layer.macs
    assert set(done.values()) == {1}
