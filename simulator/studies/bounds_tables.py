"""Eyexam for people: its tables, and what its picture shows."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from simulator.eyexam.steps import amount
from simulator.eyexam.traffic import Load
from simulator.report.numbers import count, short, signed
from simulator.report.pictures.plots import heading
from simulator.report.pictures.roofline import STEP_NAMES, Level, Roofline, Spot, Staircase
from simulator.report.tables import Grid
from simulator.studies.bounds import Eyexam, LayerBounds, error_pct

MOST_NAMES = 6
"""PE-cycle names with a column of their own in the table of losses."""
LISTED = 24
"""Most layers that are listed for one reason."""
LEVELS = ("off-chip link", "buffers", "networks")
LEAST = 0.01
"""Smaller losses are not told exactly."""
LARGE = 10_000
"""From here on MACs per cycle are written short."""


def grids(found: Eyexam) -> list[Grid]:
    """All tables in reading order; empty ones are left out."""
    every = [step_grid(found), loss_grid(found), prediction_grid(found), without_grid(found)]
    return [grid for grid in every if grid.rows]


def remarks(found: Eyexam) -> list[str]:
    """How to read the tables, and what is not in them."""
    lines = [
        "Mapping: what the simulated mapping keeps busy if no PE ever waits. 6: the same, or the port that "
        "takes longest at its average rate if that is less. Loss: from the mapping down to 7, by what PEs "
        "did instead and, if they waited, by the part that held them up; those columns sum to it."
    ]
    if found.run.relax:
        lines.append(f"Unlimited, so without a roof: {', '.join(found.run.relax)}.")
    return lines if found.layers else lines[1:]


def _number(value: Fraction) -> str:
    return amount(int(value)) if value >= LARGE else short(float(value))


def step_grid(found: Eyexam) -> Grid:
    """The seven steps per layer, the mapping's own occupancy, and what binds at step 6."""
    rows = []
    for layer in found.layers.values():
        numbers = [_number(step.macs_per_cycle) for step in layer.steps]
        numbers.insert(5, _number(layer.occupancy))
        rows.append((layer.name, *numbers, layer.bounds.binding))
    names = ("1 workload", "2 dataflow", *STEP_NAMES)
    array = found.run.architecture.spatial
    peak = count(array.pes * array.pe.macs_per_cycle)
    title = f"{heading(found.run)}: at most so many MACs per cycle (all PEs: {peak})"
    return Grid(title, ("layer", *names, "binds at 6"), tuple(rows))


def reason_grid(layer: LayerBounds) -> Grid:
    """The reason for every number of one layer."""
    rows = [
        [str(i), _number(step.macs_per_cycle), step.limit] for i, step in enumerate(layer.steps, start=1)
    ]
    rows.insert(5, ["mapping", _number(layer.occupancy), layer.bounds.occupancy.limit])
    return Grid(f"{layer.name}: why", ("step", "MAC/cycle", "limit"), tuple(tuple(row) for row in rows))


def loss_grid(found: Eyexam) -> Grid:
    """MACs per cycle lost below the mapping's occupancy: in all, as step 6 predicts, and by PE-cycle name."""
    names, more = _most(found)
    rows = []
    for layer in found.layers.values():
        own = [layer.lost.get(name, Fraction(0)) for name in names]
        cells = [_lost(part) for part in (*own, *([layer.loss - sum(own)] if more else []))]
        predicted = _lost(layer.predicted_loss) or "0"
        rows.append((layer.name, _lost(layer.loss) or "0", predicted, layer.bounds.binding, *cells))
    columns = ("layer", "loss", "predicted by 6", "binds at 6", *names, *(["other"] if more else []))
    return Grid("Lost between the mapping and the measurement, MAC/cycle", columns, tuple(rows))


def _lost(part: Fraction) -> str:
    """MACs per cycle with two decimals; nothing for none."""
    return "" if not part else f"{float(part):.2f}" if part >= LEAST else f"<{LEAST:.2f}"


def _most(found: Eyexam) -> tuple[list[str], bool]:
    """The names that cost most PE-cycles in all, and whether there are more."""
    totals: Counter[str] = Counter()
    for layer in found.layers.values():
        for name, part in layer.lost.items():
            totals[name] += round(part * layer.result.cycles)
    names = sorted(totals, key=lambda name: (-totals[name], name))
    return names[:MOST_NAMES], len(names) > MOST_NAMES


def prediction_grid(found: Eyexam) -> Grid:
    """Cycles as max(compute, traffic / bandwidth) predicts them, and as simulated."""
    rows = []
    for layer in found.layers.values():
        slowest = max(layer.bounds.loads.values(), key=lambda load: load.cycles, default=None)
        name, cycles = ("", "") if slowest is None else (slowest.name, count(float(slowest.cycles)))
        predicted, measured = layer.predicted_cycles, layer.result.cycles
        rows.append(
            (layer.name, count(layer.bounds.busiest), cycles, name, count(float(predicted)), count(measured),
             signed(layer.error_pct))
        )  # fmt: skip
    if len(rows) > 1:
        predicted = sum((layer.predicted_cycles for layer in found.layers.values()), Fraction(0))
        measured = sum(layer.result.cycles for layer in found.layers.values())
        error = signed(error_pct(predicted, measured))
        rows.append(("total", "", "", "", count(float(predicted)), count(measured), error))
    columns = ("layer", "compute", "slowest port", "which", "predicted", "simulated", "error %")
    return Grid("Cycles: max(compute, traffic / bandwidth) against the simulation", columns, tuple(rows))


def without_grid(found: Eyexam) -> Grid:
    """Layers without bounds by the reason why; of very many the first ones (JSON has all)."""
    names: dict[str, list[str]] = {}
    for name, reason in found.without.items():
        names.setdefault(reason, []).append(name)
    rows = tuple((reason, str(len(some)), _first_of(some)) for reason, some in names.items())
    return Grid("Layers without steps", ("reason", "number", "layers"), rows)


def _first_of(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f", ... and {more} more" if more > 0 else "")


def roofline_of(found: Eyexam) -> Roofline:
    """The picture: a roof per level and rate, each layer below it at the port that takes longest."""
    layers = list(found.layers.values())
    levels = []
    for (level, rate), loads in sorted(_roofs(found).items()):
        names = _ports({load.name for _, load in loads})
        slowest: dict[int, Load] = {}
        for number, load in loads:
            if number not in slowest or load.cycles > slowest[number].cycles:
                slowest[number] = load
        spots = tuple(_spot(layers[number], number, load) for number, load in slowest.items())
        levels.append(Level(f"{LEVELS[level]}, {short(float(rate), 3)} B/cycle", names, float(rate), spots))
    stairs = tuple(Staircase(layer.name, tuple(map(float, _heights(layer)))) for layer in layers)
    array = found.run.architecture.spatial
    return Roofline(heading(found.run), array.pes * array.pe.macs_per_cycle, tuple(levels), stairs)


def _heights(layer: LayerBounds) -> list[Fraction]:
    """Steps 3 to 7, with the mapping's occupancy before step 6."""
    found = [step.macs_per_cycle for step in layer.steps[2:]]
    return [*found[:3], layer.occupancy, *found[3:]]


def _roofs(found: Eyexam) -> dict[tuple[int, Fraction], list[tuple[int, Load]]]:
    """By level and bytes per cycle: every layer's number with what crosses a port of that rate there."""
    machine = found.run.architecture
    out: dict[tuple[int, Fraction], list[tuple[int, Load]]] = {}
    for number, layer in enumerate(found.layers.values()):
        for load in layer.bounds.loads.values():
            if load.rate is not None and load.words:
                memory = machine.memories.get(load.owner)
                level = 2 if memory is None else int(not memory.off_chip)
                key = (level, load.rate * Fraction(load.unit_bits, 8))
                out.setdefault(key, []).append((number, load))
    return out


def _ports(names: set[str]) -> str:
    """Names of ports that share a roof, a few of them."""
    some = sorted(names)
    return ", ".join(some[:3]) + (f" and {len(some) - 3} more" if len(some) > 3 else "")


def _spot(layer: LayerBounds, number: int, load: Load) -> Spot:
    """A layer below the roof of one port."""
    moved = Fraction(load.words * load.unit_bits, 8)
    return Spot(number, float(layer.result.macs / moved), float(layer.result.macs / load.cycles))
