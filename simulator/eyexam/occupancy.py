"""How long the busiest PE of a mapping works, if it never waits."""

from simulator.mapping.mapping import Mapping
from simulator.mapping.nest import INDEX, steps_of
from simulator.mapping.tiles import Lengths, pieces
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.layer import Layer


def busiest_cycles(layer: Layer, mapping: Mapping, macs_per_cycle: int) -> int:
    """Sum over all steps of the cycles that the PE with the most MACs takes for them, in closed form.

    It is the same PE in every step: the one with the first stretch of every dimension.
    """
    blocks = pieces(layer, mapping.outer + mapping.steps, mapping.step_extents)
    kinds: Lengths = {1: 1}  # MACs of a step in that PE, and how many such steps there are
    for d in DIMENSIONS:
        found: Lengths = {}
        for length, count in _longest(mapping, d, blocks[d]).items():
            for macs, times in kinds.items():
                found[macs * length] = found.get(macs * length, 0) + times * count
        kinds = found
    return sum(times * -(-macs // macs_per_cycle) for macs, times in kinds.items())


def _longest(mapping: Mapping, dimension: Dimension, lengths: Lengths) -> Lengths:
    """The first PE's stretches of a dimension in steps that cover ``lengths`` of it."""
    most = mapping.pe_extents[INDEX[dimension]]
    for loop, step in zip(mapping.spatial, steps_of(mapping.spatial, mapping.pe_extents), strict=True):
        if loop.dimension == dimension:
            most = min(most, step)
    out: Lengths = {}
    for length, count in lengths.items():
        out[min(length, most)] = out.get(min(length, most), 0) + count
    return out
