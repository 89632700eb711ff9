"""What a mapping is: temporal loops per level, spatial loops per axis, steps and the work inside one PE."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simulator.mapping.nest import ONES, Block, Extents, Loop, covered_by
from simulator.names import DIMENSIONS
from simulator.spec.layer import Layer

Loops = tuple[Loop, ...]


@dataclass(frozen=True)
class Mapping:
    """One layer's mapping; every list of loops is outermost first.

    ``levels[memory]`` are the loops whose iterations change what the memories inside that one hold; ``rows``
    and ``columns`` spread over the array; ``steps`` run inside a pass, one after another; ``pe`` is the work
    that one PE does with one step's operands. ``parameters`` are the row-stationary m n e p q r t where the
    dataflow has them, ``notes`` say what was clipped or derived.
    """

    dataflow: str
    levels: dict[str, Loops]
    rows: Loops = ()
    columns: Loops = ()
    steps: Loops = ()
    pe: Loops = ()
    parameters: dict[str, int] | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def pe_extents(self) -> Extents:
        """What one PE works on in one step."""
        return covered_by(self.pe, ONES)

    @cached_property
    def spatial(self) -> Loops:
        """Loops over the array, rows outside columns."""
        return self.rows + self.columns

    @cached_property
    def step_extents(self) -> Extents:
        """What the whole array works on in one step."""
        return covered_by(self.spatial, self.pe_extents)

    @cached_property
    def pass_extents(self) -> Extents:
        """What the whole array works on in one pass."""
        return covered_by(self.steps, self.step_extents)

    @cached_property
    def outer(self) -> Loops:
        """All loops around a pass, outermost first."""
        return tuple(loop for loops in self.levels.values() for loop in loops)

    def tile_extents(self, memory: str) -> Extents:
        """What ``memory`` holds at a time: everything inside the loops of the memories outside it."""
        names = list(self.levels)
        inside = tuple(loop for name in names[names.index(memory) :] for loop in self.levels[name])
        return covered_by(inside, self.pass_extents)

    def outside(self, memory: str) -> Loops:
        """The loops whose iterations change what ``memory`` holds."""
        names = list(self.levels)
        return tuple(loop for name in names[: names.index(memory)] for loop in self.levels[name])

    def to_dict(self) -> dict[str, Any]:
        """The mapping as it stands in a mapping file, plain loop nests."""
        out: dict[str, Any] = {name: [str(loop) for loop in loops] for name, loops in self.levels.items()}
        out["array"] = {"rows": [str(x) for x in self.rows], "columns": [str(x) for x in self.columns]}
        out["steps"] = [str(loop) for loop in self.steps]
        out["pe"] = [str(loop) for loop in self.pe]
        return out


def whole(layer: Layer) -> Block:
    """The layer's whole iteration space."""
    return Block((0,) * len(DIMENSIONS), tuple(layer.sizes[d] for d in DIMENSIONS))
