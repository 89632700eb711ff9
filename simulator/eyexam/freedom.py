"""The set of mappings that a bound is the maximum of: which dimensions lie where, whatever their numbers.

It is what the dataflow declares, united with what the simulated mapping spreads, so that the mapping is in
the set even where it is a loop nest from a file. Rules that the mapping does not keep are no rules here.
"""

from dataclasses import dataclass

from simulator.dataflows import parallelism_of
from simulator.mapping.check import FOLDS, chain_axis
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.nest import INDEX, steps_of
from simulator.mapping.tiles import largest
from simulator.names import DIMENSIONS, REDUCTION, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

Dimensions = tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class Freedom:
    """Dimensions that can lie on ``rows`` and on ``columns``, those of more than one index only.

    Those of ``whole`` are always spread over as many PEs as they have indices; memories always hold all of
    those ``held``.
    """

    rows: Dimensions
    columns: Dimensions
    whole: Dimensions
    held: Dimensions

    @property
    def spread(self) -> Dimensions:
        """Dimensions that can be spread at all."""
        return tuple(d for d in DIMENSIONS if d in self.rows or d in self.columns)


def freedom_of(layer: Layer, mapping: Mapping, architecture: Architecture) -> Freedom:
    """What mappings in the manner of ``mapping`` can do with ``layer``."""
    declared, axis = parallelism_of(mapping.dataflow), chain_axis(architecture)
    size, pieces = layer.sizes, pieces_at_once(layer, mapping)

    def on(name: str, allowed: frozenset[Dimension], own: Loops) -> Dimensions:
        able = {d for d in allowed if d not in REDUCTION or name == axis}
        able |= {loop.dimension for loop in own if loop.trips > 1}
        return tuple(d for d in DIMENSIONS if d in able and size[d] > 1)

    able = {"rows": declared.rows, "columns": declared.columns}
    if architecture.systolic is not None:  # what stays in the PEs says which dimension lies where
        down, across, _ = FOLDS[architecture.systolic.stationary]
        able = {"rows": able["rows"] & {down}, "columns": able["columns"] & {across}}
    rows, columns = on("rows", able["rows"], mapping.rows), on("columns", able["columns"], mapping.columns)
    reach = mapping.pass_extents
    return Freedom(
        rows,
        columns,
        tuple(
            d
            for d in DIMENSIONS
            if d in declared.spread_whole and (d in rows or d in columns) and pieces[d] == size[d]
        ),
        tuple(d for d in DIMENSIONS if d in declared.held_whole and reach[INDEX[d]] >= size[d]),
    )


def pieces_at_once(layer: Layer, mapping: Mapping) -> dict[Dimension, int]:
    """Over how many PEs a mapping spreads each dimension in its largest step."""
    step = largest(layer, mapping.outer + mapping.steps, mapping.step_extents)
    out: dict[Dimension, int] = {}
    far = steps_of(mapping.spatial, mapping.pe_extents)
    for d in DIMENSIONS:
        lengths = [step[INDEX[d]]]
        for loop, by in zip(mapping.spatial, far, strict=True):
            if loop.dimension == d:
                lengths = [min(by, long - at) for long in lengths for at in range(0, long, by)]
        out[d] = len(lengths)
    return out
