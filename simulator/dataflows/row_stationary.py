"""Row-stationary (Eyeriss): a PE keeps a filter row and slides a window along an input row.

The parameters are those of JSSC 2017, table III: m output channels in the buffer, n images and e output rows
per pass, p filters and q channels per PE, r PE sets on different channels, t sets on different filters. A set
is R × e PEs; where e exceeds the columns it is folded onto further groups of R rows.
"""

from dataclasses import asdict, dataclass

from simulator.dataflows import register
from simulator.dataflows.loops import ceiling, loops, tiled
from simulator.errors import InputError, Problem, refuse
from simulator.mapping.check import chain_axis
from simulator.mapping.mapping import Loops, Mapping
from simulator.mapping.tiles import step_words
from simulator.names import DATA_TYPES
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
    """Where the sets lie: fold × width output rows each, t_v × t_h of them on different filters."""

    fold: int
    width: int
    t_v: int
    t_h: int


@register(NAME)
def row_stationary(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """Map by the given parameters, or by the best ones that fit."""
    if parameters is not None:
        return _given(layer, architecture, parameters, place)
    _need_rows(layer, architecture, place)
    from simulator.dataflows.row_stationary_search import best

    found = best(layer, architecture)
    if found is None:
        raise refuse(place, layer.name, None, f"no row-stationary mapping of this layer fits {architecture.name}")
    return found


def _need_rows(layer: Layer, architecture: Architecture, place: str) -> None:
    rows, taps = architecture.array.rows, layer.sizes["R"]
    if taps > rows:
        expected = f"row-stationary needs one array row per filter row: the filter has {taps}, the array {rows}"
        raise refuse(place, layer.name, None, expected)
    if chain_axis(architecture) != "rows" and taps > 1:
        raise refuse(
            place, layer.name, None, f"row-stationary sums psums along columns of PEs; {architecture.name} cannot"
        )


def _given(layer: Layer, architecture: Architecture, values: dict[str, int], place: str) -> Mapping:
    key = f"layers.{layer.name}"
    names = Parameters.__annotations__
    found = [Problem(place, f"{key}.{k}", "", f"one of {' '.join(names)} was expected") for k in values if k not in names]
    found += [Problem(place, f"{key}.{k}", "", "this row-stationary parameter is missing") for k in names if k not in values]
    if found:
        raise InputError(found)
    _need_rows(layer, architecture, place)
    wanted = Parameters(**values)
    clipped = clip(wanted, layer)
    placement = place_sets(clipped, layer, architecture)
    if placement is None:
        raise refuse(place, key, None, _too_large(clipped, layer, architecture))
    mapping = build(clipped, placement, layer, architecture, notes(wanted, clipped))
    _refuse_full_scratchpads(mapping, clipped, layer, architecture, place)
    return mapping


def clip(parameters: Parameters, layer: Layer) -> Parameters:
    """No parameter larger than the layer can use."""
    size = layer.sizes
    m, n, e = min(parameters.m, size["M"]), min(parameters.n, size["N"]), min(parameters.e, size["P"])
    p, q = min(parameters.p, m), min(parameters.q, size["C"])
    return Parameters(m, n, e, p, q, min(parameters.r, ceiling(size["C"], q)), min(parameters.t, ceiling(m, p)))


def notes(wanted: Parameters, used: Parameters) -> tuple[str, ...]:
    """One note per parameter that was clipped."""
    before, after = asdict(wanted), asdict(used)
    return tuple(f"{k} {before[k]} clipped to {after[k]}" for k in before if before[k] != after[k])


def place_sets(parameters: Parameters, layer: Layer, architecture: Architecture) -> Placement | None:
    """The smallest rectangle of sets that fits the array, taller before wider; None where none does."""
    array = architecture.array
    fold = ceiling(parameters.e, array.columns)
    width = ceiling(parameters.e, fold)
    tall = array.rows // (layer.sizes["R"] * parameters.r * fold)
    wide = array.columns // width
    shapes = [(v * ceiling(parameters.t, v), -v) for v in range(1, min(tall, parameters.t) + 1)]
    shapes = [(area, v) for area, v in shapes if area // -v <= wide]
    if not shapes:
        return None
    area, v = min(shapes)
    return Placement(fold, width, -v, area // -v)


def _too_large(parameters: Parameters, layer: Layer, architecture: Architecture) -> str:
    array, rows = architecture.array, layer.sizes["R"]
    fold = ceiling(parameters.e, array.columns)
    width = ceiling(parameters.e, fold)
    sets = parameters.r * parameters.t
    return (
        f"r*t = {sets} sets of {rows * fold} x {width} PEs (R = {rows}, e = {parameters.e}) do not fit"
        f" an array of {array.rows} x {array.columns}"
    )


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
    levels[inner] = levels[inner] + passes
    return Mapping(
        NAME,
        levels,
        rows=loops(("M", placed.t_v), ("P", placed.fold), ("C", x.r), ("R", size["R"])),
        columns=loops(("M", placed.t_h), ("P", placed.width)),
        steps=loops(("N", x.n), ("Q", size["Q"])),
        pe=loops(("S", size["S"]), ("C", x.q), ("M", x.p)),
        parameters=asdict(x),
        notes=said,
    )


def _refuse_full_scratchpads(
    mapping: Mapping, x: Parameters, layer: Layer, architecture: Architecture, place: str
) -> None:
    """Say in the parameters' terms what a PE has no room for."""
    formula = {"weight": "p*q*S", "input": "q*S", "output": "p"}
    needed = step_words(mapping, layer)
    found = [
        Problem(
            place, f"layers.{layer.name}", "",
            f"{'psum' if d == 'output' else d} scratchpad holds {architecture.array.pad_words(d)} words,"
            f" {formula[d]} = {needed[d]}",
        )
        for d in DATA_TYPES
        if needed[d] > architecture.array.pad_words(d)
    ]  # fmt: skip
    if found:
        raise InputError(found)
