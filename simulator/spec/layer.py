"""What every MAC layer is lowered to at once: one loop nest over N G M C P Q R S.

Nothing downstream asks for its type.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from simulator.names import DIMENSIONS, DataType, Dimension


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's loop nest and input geometry.

    ``sizes`` has all eight dimensions; M and C are per group. Pairs are (vertical, horizontal).
    ``input_size`` is the unpadded (H, W); ``padding_before`` the zero rows above and columns left of it.
    ``zeros`` are fractions of zero words; what is absent is unknown and taken as 0. ``origin`` is the layer
    whose matrix product this one is (see `simulator.spec.product`); ``image`` too, where its windows overlap.
    """

    name: str
    sizes: dict[Dimension, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    input_size: tuple[int, int] = (1, 1)
    padding_before: tuple[int, int] = (0, 0)
    zeros: dict[DataType, Fraction] = field(default_factory=dict)
    origin: "Layer | None" = None
    image: "Layer | None" = None

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole layer, padding and zeros included."""
        return prod(self.sizes[d] for d in DIMENSIONS)

    @property
    def shape(self) -> tuple[object, ...]:
        """What decides the layer's simulation, apart from its name."""
        geometry = (self.stride, self.dilation, self.input_size, self.padding_before)
        image = None if self.image is None else self.image.shape
        return (tuple(self.sizes[d] for d in DIMENSIONS), geometry, tuple(sorted(self.zeros.items())), image)

    def input_indices(self, axis: int, first: tuple[int, int], extent: tuple[int, int]) -> tuple[int, ...]:
        """Distinct input indices along one axis, ascending; negative and beyond-edge ones are padding.

        ``axis`` is 0 (rows: P and R) or 1 (columns: Q and S); ``first`` and ``extent`` give the range of the
        output index and of the filter index.
        """
        step, spread, before = self.stride[axis], self.dilation[axis], self.padding_before[axis]
        (output, tap), (outputs, taps) = first, extent
        base = output * step + tap * spread - before
        return tuple(sorted({base + p * step + r * spread for p in range(outputs) for r in range(taps)}))


@dataclass(frozen=True, slots=True)
class VectorLayer:
    """An operator without MACs: how many elements it reads and writes and how often it works on each.

    ``operations`` is the number of element operations (additions, comparisons, ...) of the whole layer.
    """

    name: str
    operator: str
    input_words: int
    output_words: int
    operations: int

    @property
    def shape(self) -> tuple[object, ...]:
        """What decides the layer's simulation, apart from its name."""
        return (self.operator, self.input_words, self.output_words, self.operations)
