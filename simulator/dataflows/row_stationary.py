"""Row-stationary (Eyeriss): a PE keeps a filter row and slides a window along an input row.

The parameters are those of JSSC 2017, table III: m output channels in the buffer, n images and e output rows
per pass, p filters and q channels per PE, r PE sets on different channels, t sets on different filters. A set
is R by e PEs; where e exceeds the columns it is folded onto further groups of R rows. The r sets of a column
are stacked, as they add up to one sum; the t sets stand above or beside each other.

Nothing needs to divide. A pass works on p*t filters, never on more than m: where m is smaller, its filters
are dealt evenly to the t sets, fewer than p to each PE (sets that the array has no room for are left out); so
are channels to the r sets where C is below q*r.
Where p*t does not divide m, the last pass of every m filters is smaller. So is that over the channels
where q*r does not divide C, over the rows (e) and the images (n). M and C are those of one group, and groups
run one after another.
"""

from dataclasses import asdict

from simulator.dataflows import Parallelism, register
from simulator.dataflows.row_stationary_refusals import full_scratchpads, misfits, named, too_large
from simulator.dataflows.row_stationary_search import best
from simulator.dataflows.sets import NAME, Parameters, build, chosen
from simulator.errors import InputError, Problem, refuse
from simulator.mapping.check import chain_axis
from simulator.mapping.mapping import Mapping
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

PARALLELISM = Parallelism(
    rows=frozenset({"M", "P", "C", "R"}),
    columns=frozenset({"M", "P"}),
    spread_whole=frozenset({"R"}),
    held_whole=frozenset({"Q", "S"}),
)


@register(NAME, PARALLELISM)
def row_stationary(
    layer: Layer, architecture: Architecture, parameters: dict[str, int] | None, place: str
) -> Mapping:
    """Map by the given parameters, or by the best ones that fit."""
    if parameters is not None:
        return _given(layer, architecture, parameters, place)
    _need_rows(layer, architecture, place, layer.name)
    found = best(layer, architecture)
    if found is None:
        raise refuse(place, layer.name, None, f"no {NAME} mapping of this layer fits {architecture.name}")
    return found


def _need_rows(layer: Layer, architecture: Architecture, place: str, key: str) -> None:
    rows, taps = architecture.array.rows, layer.sizes["R"]
    if taps > rows:
        expected = (
            f"row-stationary needs an array row per filter row: the filter has {taps}, the array {rows}"
        )
        raise refuse(place, key, None, expected)
    if chain_axis(architecture) != "rows" and taps > 1:
        expected = f"row-stationary sums psums along columns of PEs, which {architecture.name} cannot"
        raise refuse(place, key, None, expected)


def _given(layer: Layer, architecture: Architecture, values: dict[str, int], place: str) -> Mapping:
    key = f"layers.{layer.name}"
    names = Parameters.__annotations__
    said = {k: f"one of {' '.join(names)} was expected" for k in values if k not in names}
    said |= {k: "this row-stationary parameter is missing" for k in names if k not in values}
    if said:
        raise InputError(Problem(place, f"{key}.{k}", "", text) for k, text in said.items())
    _need_rows(layer, architecture, place, key)
    wanted = Parameters(**values)
    used, placement = chosen(wanted, layer, architecture)
    faults = [] if placement is not None else [too_large(wanted, layer, architecture)]
    faults += full_scratchpads(wanted, layer, architecture)
    faults = faults or [*misfits(wanted, layer, architecture)]
    if placement is None or faults:
        raise InputError(named(fault, wanted, key, place) for fault in faults)
    return build(used, placement, layer, architecture, notes(wanted, used))


def notes(wanted: Parameters, used: Parameters) -> tuple[str, ...]:
    """One note per parameter that was clipped."""
    before, after = asdict(wanted), asdict(used)
    return tuple(f"{k} {before[k]} clipped to {after[k]}" for k in before if before[k] != after[k])
