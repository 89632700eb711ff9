"""What must be said of a design for it to be judged, from one run: the rows of an evaluation sheet."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from simulator.energy.price import PER_CYCLE
from simulator.mapping.check import capacity_bits
from simulator.names import DATA_TYPES
from simulator.report.numbers import several
from simulator.report.pictures.series import ports
from simulator.report.result import LayerResult, Run
from simulator.spec.architecture import Architecture
from simulator.studies.limits import LARGEST_TRIED, largest_filters

GIVEN = "given by the user"
SIMULATED = "simulated"
DESCRIBED = "architecture file"
DERIVED = "derived"
PRICED = "energy table"
UNKNOWN = "not known"
LEFT_OUT = "NOT IN ANY NUMBER HERE"
OPERATIONS_PER_MAC = 2
"""A multiplication and an addition."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the sheet: ``value`` in ``unit``, ``how`` it is known, and what must be said beside it."""

    metric: str
    quantity: str
    value: float | int | str | None
    unit: str
    how: str
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)


Refused = Mapping[str, str]
"""Layers that the machine cannot map, with the reason."""


def entries_of(
    run: Run,
    *,
    accuracy: str | None = None,
    refused: Refused = MappingProxyType({}),
    prices: str = "",
    dataflow: str = "",
) -> tuple[Entry, ...]:
    """All rows for a run that has at least one layer.

    ``accuracy`` is what the user says of it; ``refused`` are layers left out of the run; ``prices`` says
    where the energy prices come from; ``dataflow`` is the one that mapped, if not the architecture's own.
    """
    return (
        *_accuracy(accuracy),
        *_throughput(run, refused),
        *_latency(run),
        *_energy(run, prices),
        *_off_chip(run),
        *_cost(run.architecture),
        *_range(run, refused),
        *_limits(run.architecture, dataflow),
    )


def inferences_per_second(run: Run) -> float:
    """Images per second: the batch over the time of all its layers, which run one after another."""
    return run.batch / (run.total.milliseconds / 1e3)


def off_chip_pj(run: Run) -> float:
    """Picojoules of accesses to memories that are not on the chip."""
    outside = [name for name, memory in run.architecture.memories.items() if memory.off_chip]
    return sum(
        pj
        for name in outside
        for by_action in run.total.energy.get(name, {}).values()
        for pj in by_action.values()
    )


def on_chip_bytes(architecture: Architecture) -> dict[str, float]:
    """Bytes of storage on the chip, by part."""
    array = architecture.spatial
    bits = architecture.word_bits
    out = {
        name: capacity_bits(architecture, name) / 8
        for name, memory in architecture.memories.items()
        if not memory.off_chip
    }
    systolic = architecture.systolic is not None
    pads, fifos = ("registers", "edge FIFOs") if systolic else ("scratchpads", "PE FIFOs")
    out[pads] = array.pes * sum(array.pad_words(d) * bits[d] for d in DATA_TYPES) / 8
    adds = architecture.accumulates()
    out[fifos] = sum(array.fifo_words(d, accumulates=adds) * bits[d] for d in DATA_TYPES) / 8
    if architecture.vector_unit is not None:
        out["vector unit's buffer"] = architecture.vector_unit.buffer_words * bits["output"] / 8
    return out


def _accuracy(accuracy: str | None) -> Iterator[Entry]:
    if accuracy is None:
        yield Entry("accuracy", "accuracy", None, "", UNKNOWN, "not given; a simulator cannot say it")
    else:
        told = "the simulator did not check it; task, data set and model belong to it"
        yield Entry("accuracy", "accuracy", accuracy, "", GIVEN, told)


def _throughput(run: Run, refused: Refused) -> Iterator[Entry]:
    total, array = run.total, run.architecture.spatial
    seconds, macs = total.milliseconds / 1e3, total.macs
    peak = array.pes * array.pe.macs_per_cycle * run.clock_mhz * 1e6
    missing = _missing(run, refused)
    kind = "throughput"
    yield Entry(kind, "inferences per second", inferences_per_second(run), "1/s", SIMULATED, missing)
    rate = macs / seconds / 1e9
    yield Entry(kind, "MACs per second", rate, "GMAC/s", SIMULATED, "padding and zeros included")
    told = "a MAC is two operations; those of layers without MACs do not count"
    yield Entry(kind, "operations per second", OPERATIONS_PER_MAC * rate, "Gop/s", SIMULATED, told)
    yield Entry(kind, "PEs", array.pes, "", DESCRIBED, f"{array.rows} rows x {array.columns} columns")
    yield Entry(kind, "MACs per cycle and PE", array.pe.macs_per_cycle, "", DESCRIBED)
    yield Entry(kind, "peak", peak / 1e9, "GMAC/s", DERIVED, "PEs x MACs per cycle x clock, never reached")
    told = "MACs / (PEs x MACs per cycle x cycles), time of layers without MACs included"
    yield Entry(kind, "utilization", 100 * total.utilization, "%", SIMULATED, told)
    told = "mean over passes, weighted by the layers' cycles"
    yield Entry(kind, "PEs with work", total.mean_active_pes, "", SIMULATED, told)
    yield Entry(kind, "data", data_in_words(run), "", SIMULATED)


def _missing(run: Run, refused: Refused) -> str:
    """What is not in the numbers, loudly."""
    parts = []
    if run.not_simulated:
        parts.append(f"{several(len(run.not_simulated), 'layer')} that no part of the machine runs")
    if refused:
        parts.append(f"{several(len(refused), 'layer')} that the dataflow cannot map")
    if run.interrupted:
        parts.append("layers after the interruption")
    told = f"WITHOUT {', '.join(parts)}" if parts else "all layers that were asked for"
    return f"{told}; UNLIMITED: {', '.join(run.relax)}" if run.relax else told


def data_in_words(run: Run) -> str:
    """On which data the numbers were simulated."""
    told = run.provenance.get("operands")
    if told:
        return f"real operands: {_operands_in_words(told)}"
    layers = [result for result in run.layers.values() if result.macs]
    known = sum(1 for result in layers if result.zeros)
    if not known:
        return "no data; fractions of zeros are unknown and taken as 0"
    told = "no data; fractions of zeros as the workload gives them"
    return f"{told} for {known} of {len(layers)} layers with MACs"


def _operands_in_words(told: Mapping[str, Any]) -> str:
    """A seed and fractions of zeros, or where the data is from and its hash."""
    if "random" in told:
        zeros = ", ".join(f"{name} {share}" for name, share in told["random"]["zeros"].items())
        return f"random, seed {told['random']['seed']}" + (f", zeros {zeros}" if zeros else "")
    source = told["file"] if "file" in told else f"given for {', '.join(told['layers'])}"
    return f"{source}, SHA-256 {told['sha256']}"


def _latency(run: Run) -> Iterator[Entry]:
    total = run.total
    images = several(run.batch, "image")
    told = f"from the first to the last layer for {images} at once; layers run one after another"
    yield Entry("latency", "latency", total.milliseconds, "ms", SIMULATED, told)
    yield Entry("latency", "batch", run.batch, "images", GIVEN, "a larger one raises throughput and latency")
    flying = inferences_per_second(run) * total.milliseconds / 1e3
    told = "Little's law: throughput x latency; the batch, as layers run one after another"
    yield Entry("latency", "inferences in flight", flying, "", DERIVED, told)


def _energy(run: Run, prices: str) -> Iterator[Entry]:
    pj, outside = run.total.energy_pj, off_chip_pj(run)
    seconds, kind = run.total.milliseconds / 1e3, "energy"
    per_image = 1e9 * run.batch
    told = "off-chip accesses included"
    yield Entry(kind, "energy per inference", pj / per_image, "mJ", SIMULATED, told)
    yield Entry(kind, "of it off-chip", outside / per_image, "mJ", SIMULATED, "accesses only, no standby")
    yield Entry(kind, "of it on-chip", (pj - outside) / per_image, "mJ", SIMULATED)
    yield Entry(kind, "average power", pj / 1e9 / seconds, "mW", SIMULATED, told)
    yield Entry(kind, "of it off-chip", outside / 1e9 / seconds, "mW", SIMULATED, "accesses only, no standby")
    each = pj / run.total.macs if run.total.macs else None
    yield Entry(kind, "energy per MAC", each, "pJ", SIMULATED, told)
    yield Entry(kind, "prices", run.energy_table or None, "", PRICED if run.energy_table else UNKNOWN, prices)


def _off_chip(run: Run) -> Iterator[Entry]:
    total, clock = run.total, run.clock_mhz * 1e6
    kind, moved = "off-chip traffic", total.bytes_dram
    told = "both directions, after compression, in whole bursts"
    yield Entry(kind, "bytes per inference", moved / run.batch / 1e6, "MB", SIMULATED, told)
    average = moved / total.cycles
    yield Entry(kind, "average bandwidth", average * clock / 1e6, "MB/s", SIMULATED)
    peak, where = peak_off_chip(run)
    yield Entry(kind, "peak bandwidth", peak * clock / 1e6, "MB/s", SIMULATED, where)
    limit, links = _link_limit(run)
    rate = None if limit is None else limit * clock / 1e6
    yield Entry(kind, "bandwidth provided", rate, "MB/s", DESCRIBED, links)


def peak_off_chip(run: Run) -> tuple[float, str]:
    """Bytes per cycle in the busiest window of all layers, and where that is.

    A layer without series over time counts with its average.
    """
    best, where = 0.0, ""
    for result in run.layers.values():
        found, told = _busiest(run, result)
        if found > best:
            best, where = found, told
    return best, where


def _busiest(run: Run, result: LayerResult) -> tuple[float, str]:
    names = set(_links(run.architecture, result))
    if "width_cycles" not in result.windows:
        return result.bytes_dram / result.cycles, f"average of {result.name}, which has no series over time"
    series = [port.per_cycle for port in ports(result, run.architecture) if port.name in names]
    width = int(result.windows["width_cycles"])
    peak = float(np.sum(series, axis=0).max()) if series else 0.0
    return peak, f"busiest window of {width:,} cycles, in {result.name}; windows count whole words and bytes"


def _links(architecture: Architecture, result: LayerResult) -> list[str]:
    """Ports of memories that are not on the chip."""
    outside = [name for name, memory in architecture.memories.items() if memory.off_chip]
    return [port for port in result.ports if port.split(".")[0] in outside]


def _link_limit(run: Run) -> tuple[float | None, str]:
    """Bytes per cycle that all off-chip links give together, and their names.

    None where one is unlimited, or where there are none.
    """
    limits: dict[str, Any] = {}
    for result in run.layers.values():
        links = _links(run.architecture, result)
        limits |= {name: result.ports[name].get("limit_per_cycle") for name in links}
    if all(not memory.off_chip for memory in run.architecture.memories.values()):
        return None, "no memory is off the chip"
    if not limits or any(limit in (None, "unlimited") for limit in limits.values()):
        return None, "unlimited"
    return float(sum(map(float, limits.values()))), ", ".join(limits)


def _cost(architecture: Architecture) -> Iterator[Entry]:
    parts = on_chip_bytes(architecture)
    total = sum(parts.values())
    for name, size in parts.items():
        yield Entry("cost", f"storage: {name}", size / 1e3, "kB", DESCRIBED)
    yield Entry("cost", "storage on the chip", total / 1e3, "kB", DERIVED, "sum of the above")
    told = "bytes on the chip per PE"
    yield Entry("cost", "storage per PE", total / architecture.array.pes, "bytes", DERIVED, told)
    yield Entry("cost", "area", None, "mm2", UNKNOWN, "a simulator cannot say it")
    technology = architecture.technology
    for quantity, value, unit in (
        ("technology", technology.node_nm, "nm"),
        ("supply", technology.supply_v, "V"),
    ):
        yield Entry("cost", quantity, value, unit, UNKNOWN if value is None else DESCRIBED)
    yield Entry("cost", "clock", architecture.clock_mhz, "MHz", DESCRIBED)


def _range(run: Run, refused: Refused) -> Iterator[Entry]:
    kind = "range"
    layers = [result for result in run.layers.values() if result.macs]
    others = len(run.layers) - len(layers)
    told = f"{len(layers)} with MACs, {others} on the vector unit; of {run.workload} alone, no other network"
    yield Entry(kind, "layers simulated", len(run.layers), "", SIMULATED, told)
    for quantity, choose in (("best utilization", max), ("worst utilization", min)):
        if layers:
            result = choose(layers, key=lambda x: x.utilization)
            told = f"{result.name}: {result.verdict}"
            yield Entry(kind, quantity, 100 * result.utilization, "%", SIMULATED, told)
    names = ", ".join(f"{layer.name} ({layer.operator})" for layer in run.not_simulated)
    told = f"{LEFT_OUT}: {names}" if names else ""
    yield Entry(kind, "layers not simulated", len(run.not_simulated), "", SIMULATED, told)
    told = f"{LEFT_OUT}: {'; '.join(map(': '.join, refused.items()))}" if refused else ""
    yield Entry(kind, "layers refused", len(refused), "", SIMULATED, told)


def _limits(architecture: Architecture, given: str) -> Iterator[Entry]:
    kind, dataflow = "limits", given or architecture.dataflow
    yield Entry(kind, "dataflow", dataflow, "", GIVEN if given else DESCRIBED)
    for shape, taps in largest_filters(architecture, dataflow).items():
        size = {"rows": f"{taps} x 1", "columns": f"1 x {taps}", "square": f"{taps} x {taps}"}[shape]
        quantity = f"largest filter, {shape}"
        if taps is None:
            yield Entry(kind, quantity, None, "", DERIVED, f"no limit found up to {LARGEST_TRIED}")
        elif not taps:
            yield Entry(kind, quantity, "none", "", DERIVED, "not even a 1 x 1 filter maps")
        else:
            told = "rows x columns that map on this array, one channel, one output"
            yield Entry(kind, quantity, size, "", DERIVED, told)
    bits = architecture.word_bits
    widths = ", ".join(f"{data_type} {bits[data_type]}" for data_type in DATA_TYPES)
    yield Entry(kind, "word widths", widths, "bits", DESCRIBED, "the only ones that it runs")
    gates = architecture.spatial.pe.zero_inputs == "gate"
    told = "zero inputs save energy, never cycles" if gates else "zeros save nothing inside the array"
    yield Entry(kind, "sparsity", architecture.spatial.pe.zero_inputs, "", DESCRIBED, told)
    unit = architecture.vector_unit
    value = "none" if unit is None else f"vector unit, {unit.lanes} lanes"
    yield Entry(kind, "operators without MACs", value, "", DESCRIBED, "not simulated" if unit is None else "")


def per_cycle_pj(run: Run) -> float:
    """Picojoules of clock and leakage, which are priced by the cycle whatever the number of PEs."""
    return sum(
        pj
        for by_type in run.total.energy.values()
        for by_action in by_type.values()
        for action, pj in by_action.items()
        if action in PER_CYCLE
    )
