"""The seven steps of one layer: from all its MACs at once down to what the simulation measured."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import prod

from simulator.eyexam.freedom import Freedom, freedom_of
from simulator.eyexam.occupancy import busiest_cycles
from simulator.eyexam.parallel import Spread, at_once, fits, in_storage, on_array, on_pes, stored_bits
from simulator.eyexam.traffic import Load, Traffic
from simulator.mapping.mapping import Mapping
from simulator.names import DIMENSIONS, Dimension
from simulator.spec.architecture import Architecture
from simulator.spec.layer import Layer

PES = "PEs"
"""What binds at step 6 where no port does: the work of the busiest PE."""


@dataclass(frozen=True, slots=True)
class Step:
    """One bound: MACs per cycle, and in words what sets it."""

    macs_per_cycle: Fraction
    limit: str


@dataclass(frozen=True)
class Bounds:
    """Steps 1 to 6 of one layer. ``most_parallel`` are steps 1 to 5, ``occupancy`` the mapping's own share.

    ``busiest`` are the cycles that the busiest PE works; ``loads`` what crosses every port. ``peak`` is what
    all PEs do per cycle.
    """

    layer: Layer
    peak: int
    most_parallel: tuple[Step, ...]
    occupancy: Step
    busiest: int
    loads: dict[str, Load]

    @cached_property
    def binding(self) -> str:
        """The resource that takes longest at its average rate: a port, or `PES`."""
        slowest = max(self.loads.values(), key=lambda load: load.cycles, default=None)
        return PES if slowest is None or slowest.cycles <= self.busiest else slowest.name

    @cached_property
    def cycles(self) -> Fraction:
        """The classical prediction: the longest of computing and moving each port's words."""
        return max(Fraction(self.busiest), *(load.cycles for load in self.loads.values()))

    @cached_property
    def bandwidth(self) -> Step:
        """Step 6: the roofline at the mapping's own traffic."""
        if self.binding == PES:
            told = f"no port: the busiest PE works {self.busiest:,} cycles"
        else:
            load = self.loads[self.binding]
            assert load.rate is not None
            told = f"{load.name}: {amount(load.words)} {load.unit} at {rate_text(load.rate)} per cycle"
        return Step(self.layer.macs / self.cycles, told)

    def steps(self, measured_cycles: int, told: str) -> tuple[Step, ...]:
        """All seven; ``told`` is the reason for the last one."""
        return (
            *self.most_parallel,
            self.bandwidth,
            Step(Fraction(self.layer.macs, measured_cycles), told),
        )

    def violations(self, measured_cycles: int) -> list[str]:
        """Which number is above one that bounds it; a fault of the simulator if there is any."""
        named = [(f"step {i}", step.macs_per_cycle) for i, step in enumerate(self.most_parallel, start=1)]
        named += [("occupancy", self.occupancy.macs_per_cycle), ("step 6", self.bandwidth.macs_per_cycle)]
        named.append(("step 7", Fraction(self.layer.macs, measured_cycles)))
        return [
            f"{self.layer.name}: {name}, {float(value):.6g} MAC/cycle, is above {above}, {float(bound):.6g}"
            for (above, bound), (name, value) in pairwise(named)
            if value > bound
        ]


def bounds_of(
    layer: Layer, mapping: Mapping, architecture: Architecture, relaxed: frozenset[str] = frozenset()
) -> Bounds:
    """Work out steps 1 to 6 of a layer; ``relaxed`` resources have no roof."""
    array = architecture.spatial
    freedom, mpc = freedom_of(layer, mapping, architecture), array.pe.macs_per_cycle
    sizes, free = layer.sizes, freedom.spread
    over_pes = on_pes(layer, freedom, array.pes)
    over_array = on_array(layer, freedom, array.rows, array.columns)
    stored = in_storage(layer, freedom, architecture)
    all_at_once = min(layer.macs, mpc * prod(sizes[d] for d in free))
    reach = " x ".join(f"{d} {sizes[d]}" for d in free) or "one PE"
    shape = f"{array.rows} x {array.columns} PEs"

    def most(spread: Spread) -> Fraction:
        rounds = spread.rounds * prod(sizes[d] for d in DIMENSIONS if d not in free)
        return layer.macs / max(Fraction(1), Fraction(rounds, mpc))

    busiest = busiest_cycles(layer, mapping, mpc)
    return Bounds(
        layer,
        array.pes * mpc,
        (
            Step(Fraction(layer.macs), "every MAC at once: " + _sizes(layer)),
            Step(Fraction(all_at_once), f"{mapping.dataflow} spreads {reach}" + _each(mpc)),
            Step(most(over_pes), f"{array.pes} PEs: {_placed(over_pes, freedom, axes=False)}" + _each(mpc)),
            Step(most(over_array), f"{shape}: {_placed(over_array, freedom)}" + _each(mpc)),
            Step(most(stored), _storage(layer, freedom, architecture, over_array, stored)),
        ),
        Step(Fraction(layer.macs, busiest), f"this mapping: the busiest PE works {busiest:,} cycles"),
        busiest,
        Traffic(layer, mapping, architecture, relaxed).loads(),
    )


def amount(words: int) -> str:
    """A large number, short."""
    for scale, name in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if words >= scale and words >= 10_000:
            return f"{words / scale:.4g}{name}"
    return f"{words:,}"


def rate_text(rate: Fraction) -> str:
    """A rate as whole number or with up to four digits."""
    return str(rate.numerator) if rate.denominator == 1 else f"{float(rate):.4g}"


def _sizes(layer: Layer) -> str:
    return " x ".join(f"{d} {layer.sizes[d]}" for d in DIMENSIONS if layer.sizes[d] > 1) or "one MAC"


def _each(macs_per_cycle: int) -> str:
    return "" if macs_per_cycle == 1 else f", {macs_per_cycle} MACs each"


def _placed(spread: Spread, freedom: Freedom, *, axes: bool = True) -> str:
    """Where a spread lies: how many PEs of which dimension, along which axis."""

    def along(name: str, counts: dict[Dimension, int]) -> list[str]:
        told = " x ".join(f"{d} {n}" for d, n in counts.items() if n > 1)
        return [f"{name}{told}"] if told else []

    if not axes:
        told = along("", {d: choice.at_once for d, choice in spread.choices.items()})
    else:
        told = along("rows ", {d: choice.rows for d, choice in spread.choices.items()})
        told += along("columns ", {d: choice.columns for d, choice in spread.choices.items()})
    whole = [d for d in freedom.whole if spread.choices[d].rounds == 1]
    always = f" ({', '.join(whole)} always whole)" if whole else ""
    return (", ".join(told) or "one PE") + always


def _storage(
    layer: Layer, freedom: Freedom, architecture: Architecture, wanted: Spread, stored: Spread
) -> str:
    """Why step 5 is what it is: what runs at once beside what there is room for."""
    if fits(layer, freedom, architecture, wanted):
        return "every memory holds what runs at once" + _held(layer, freedom, architecture, wanted)
    full = _held(layer, freedom, architecture, wanted, only_full=True)
    return f"{_placed(stored, freedom)}: more does not fit{full}"


def _held(
    layer: Layer, freedom: Freedom, architecture: Architecture, spread: Spread, *, only_full: bool = False
) -> str:
    """Bytes of what runs at once, per memory."""
    box = at_once(layer, freedom, spread)
    told = [
        f"{name} {amount(-(-bits // 8))} bytes"
        for name, (bits, full) in stored_bits(layer, architecture, box).items()
        if full or not only_full
    ]
    return f" ({', '.join(told)})" if told else ""
