"""What is shown of a layer in a trace."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.traces.layer import LayerTrace, Slices

ARRAY, NETWORKS, BUFFERS, OUTSIDE, VECTOR_UNIT = 1, 2, 3, 4, 5
"""Where the parts of a machine are shown."""


@dataclass(frozen=True)
class Shown:
    """One layer of a trace: its own cycles of ``window``, ``begin`` cycles after the start of the run.

    ``slices`` are those of PEs, ``most`` how many transactions of ports may stand beside them;
    ``part_kinds`` says where the layer's memories and networks belong.
    """

    name: str
    begin: int
    trace: LayerTrace
    window: tuple[int, int]
    slices: Slices
    most: int
    part_kinds: Mapping[str, int]
