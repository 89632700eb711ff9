"""Row-stationary loop nests from m n e p q r t: where PE sets lie, and the loops around them."""

from dataclasses import asdict, dataclass, replace

from simulator.dataflows.loops import ceiling, loops, tiled
from simulator.mapping.mapping import Loops, Mapping
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

NAME = "row_stationary"


@dataclass(frozen=True, slots=True)
class Parameters:
    """m n e p q r t of one layer."""

    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the sets lie: fold by width output rows each, t_v by t_h of them on different filters."""

    fold: int
    width: int
    t_v: int
    t_h: int


def chosen(
    wanted: Parameters, layer: Layer, architecture: Architecture
) -> tuple[Parameters, Placement | None]:
    """What is used of ``wanted``: as many sets as there are, or of those that are not needed fewer."""
    most = clip(wanted, layer)
    least_t = min(most.t, ceiling(most.m, wanted.p))
    least_r = min(most.r, ceiling(layer.sizes["C"], wanted.q))
    array = architecture.array
    for t in range(min(most.t, array.pes), least_t - 1, -1):  # no array has room for more
        for r in range(min(most.r, array.rows), least_r - 1, -1):
            used = clip(replace(wanted, t=t, r=r), layer)
            placement = place_sets(used, layer, architecture)
            if placement is not None:
                return used, placement
    return most, None


def clip(parameters: Parameters, layer: Layer) -> Parameters:
    """No parameter larger than the layer can use, and no more filters at a time than m."""
    size = layer.sizes
    m, n, e = min(parameters.m, size["M"]), min(parameters.n, size["N"]), min(parameters.e, size["P"])
    p, t = _dealt(m, parameters.p, parameters.t)
    q, r = _dealt(size["C"], parameters.q, parameters.r)
    return Parameters(m, n, e, p, q, r, t)


def _dealt(total: int, each: int, sets: int) -> tuple[int, int]:
    """At most ``each`` in at most ``sets`` sets; where there are fewer in all, every set gets its share."""
    each = min(each, ceiling(total, min(sets, total)))
    return each, min(sets, ceiling(total, each))


def place_sets(parameters: Parameters, layer: Layer, architecture: Architecture) -> Placement | None:
    """Where all sets fit the array, folded as little as possible; None where they do not."""
    least = ceiling(parameters.e, architecture.array.columns)
    most = architecture.array.rows // (layer.sizes["R"] * parameters.r)
    for fold in range(least, min(most, parameters.e) + 1):
        placement = _folded(parameters, fold, layer, architecture)
        if placement is not None:
            return placement
    return None


def _folded(x: Parameters, fold: int, layer: Layer, architecture: Architecture) -> Placement | None:
    """The smallest rectangle of sets of that ``fold`` that fits the array, taller before wider."""
    array = architecture.array
    width = ceiling(x.e, fold)
    tall = array.rows // (layer.sizes["R"] * x.r * fold)
    wide = array.columns // width
    shapes = [(v * ceiling(x.t, v), -v) for v in range(1, min(tall, x.t) + 1)]
    shapes = [(area, v) for area, v in shapes if area // -v <= wide]
    if not shapes:
        return None
    area, v = min(shapes)
    return Placement(fold, width, -v, area // -v)


def build(
    x: Parameters, placed: Placement, layer: Layer, architecture: Architecture, said: tuple[str, ...] = ()
) -> Mapping:
    """The loop nest that the parameters stand for."""
    size, filters, channels = layer.sizes, x.p * x.t, x.q * x.r
    inner = architecture.levels("output")[-1]
    spread = x.p * placed.t_v * placed.t_h
    passes = tiled("M", x.m, filters, spread)
    held = min(filters, spread) * (passes[0].trips if passes else 1)
    dram = (
        *loops(("G", size["G"])),
        *tiled("M", size["M"], x.m, held if passes else spread),
        *tiled("N", size["N"], x.n, x.n),
        *tiled("P", size["P"], x.e, placed.fold * placed.width),
        *tiled("C", size["C"], channels, channels),
    )
    levels: dict[str, Loops] = dict.fromkeys(architecture.memories, ())
    levels[architecture.outermost] = dram
    one_step = size["P"] * size["Q"] == 1  # a matrix multiply: all images of a pass follow each other at once
    levels[inner] = (*levels[inner], *passes, *loops(("N", 1 if one_step else x.n)))
    return Mapping(
        NAME,
        levels,
        rows=loops(("M", placed.t_v), ("P", placed.fold), ("C", x.r), ("R", size["R"])),
        columns=loops(("M", placed.t_h), ("P", placed.width)),
        steps=loops(("N", x.n if one_step else 1), ("Q", size["Q"])),
        pe=loops(("S", size["S"]), ("C", x.q), ("M", x.p)),
        parameters=asdict(x),
        notes=said,
    )
