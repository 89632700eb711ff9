"""Building lists of loops that hold no empty iterations."""

from simulator.errors import refuse
from simulator.mapping.mapping import Loops
from simulator.mapping.nest import Loop
from simulator.names import Dimension
from simulator.spec.layer import Layer


def ceiling(a: int, b: int) -> int:
    """a ÷ b, rounded up."""
    return -(-a // b)


def loops(*trips: tuple[Dimension, int]) -> Loops:
    """Loops of the given trips, outermost first; single trips are left out."""
    return tuple(Loop(dimension, n) for dimension, n in trips if n > 1)


def tiled(dimension: Dimension, total: int, by: int, covered: int) -> Loops:
    """A loop over ``total`` in strides of ``by`` around loops that cover ``covered``; none for one trip."""
    trips = ceiling(total, by)
    return (Loop(dimension, trips, 0 if by == covered else by),) if trips > 1 else ()


def even_parts(total: int, most: int) -> list[int]:
    """The distinct lengths of 1, 2, 3, ... even parts of ``total``, largest first, none above ``most``."""
    lengths, parts = [], max(1, ceiling(total, max(1, most)))
    while True:
        length = ceiling(total, parts)
        lengths.append(length)
        if length == 1:
            return lengths
        parts = ceiling(total, length - 1)


def thinned(lengths: list[int]) -> list[int]:
    """Some of the descending ``lengths``, each at most two thirds of the one before."""
    out = lengths[:1]
    for length in lengths:
        if 3 * length <= 2 * out[-1]:
            out.append(length)
    return out


def spaced(most: int, limit: int) -> list[int]:
    """The numbers 1 to ``most``; beyond ``limit`` of them, ever wider apart and the powers of two."""
    if most <= limit:
        return list(range(1, most + 1))
    some = {round(most ** (i / (limit - 1))) for i in range(limit)}
    return sorted(some | {1 << i for i in range(most.bit_length())})


def no_parameters(dataflow: str, layer: Layer, parameters: dict[str, int] | None, place: str) -> None:
    """Refuse parameters given to a dataflow that has none."""
    if parameters is not None:
        shown = ", ".join(f"{k}: {v}" for k, v in parameters.items())
        raise refuse(
            place, f"layers.{layer.name}", shown, f"loop nests were expected: {dataflow} takes no parameters"
        )
