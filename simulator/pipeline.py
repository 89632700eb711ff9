"""The page where a reader starts: read, lower, map, simulate, account, price."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from simulator.dataflows import find_dataflow, map_layer
from simulator.energy.price import check_prices, parts_of, price
from simulator.energy.table import EnergyTable, load_energy_table
from simulator.errors import InputError, Problem, refuse
from simulator.formats.load import load_architecture, load_workload
from simulator.mapping.file import Entry, MappingFile, parse_mapping, read_mapping_file
from simulator.mapping.mapping import Mapping
from simulator.report.result import LayerResult, Layers, NotSimulated, Run
from simulator.spec.architecture import Architecture
from simulator.spec.catalog import find
from simulator.spec.layer import Layer, VectorLayer
from simulator.spec.layers import folded
from simulator.spec.operands import Drawn, Given, Operands, describe, operands_of
from simulator.spec.product import lowered_for
from simulator.spec.relax import check_relax
from simulator.spec.workload import Workload
from simulator.traces.layer import Wanted

Progress = Callable[[int, int, str], None]
"""Called with (layers done, layers in all, the layer's name) whenever a layer is through."""


@dataclass(frozen=True, slots=True)
class Job:
    """One simulation: everything that decides its result. Layers that agree in it are simulated once."""

    layer: Layer | VectorLayer
    mapping: Mapping | None
    operands: Operands | Drawn | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for jobs with equal results; data is a layer's own."""
        return (
            self.layer.shape,
            repr(self.mapping),
            None if self.operands is None else self.layer.name,
        )


def simulate(
    architecture: str | Path | Architecture,
    workload: str | Path | Workload,
    *,
    batch: int = 1,
    layers: Sequence[str] | None = None,
    mapping: str | Path | dict[str, Any] | MappingFile | None = None,
    dataflow: str | None = None,
    energy: str | Path | EnergyTable | None = None,
    relax: Iterable[str] = (),
    operands: Given | None = None,
    fast_forward: bool = True,
    trace: bool | Wanted = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Run ``workload`` on ``architecture``, cycle by cycle, and account for every PE-cycle.

    Names are shipped ones or paths. ``batch`` images run together; ``layers`` restricts the run to some of
    them; ``mapping`` overrides the mapping of the layers that it names and ``dataflow`` says how the others
    are mapped; ``relax`` gives memories, networks or single ports (``glb.input_read``) unlimited rate;
    ``operands`` are real weights and inputs for some layers (see `simulator.spec.operands`), on which the
    schedule then computes; ``fast_forward`` skips what repeats, which changes no result but how many passes
    were simulated; ``trace`` keeps what every PE and port did when (``run.trace``); ``jobs`` spreads
    layers over processes. Raises `InputError` for anything that cannot be used. On Ctrl-C the run comes
    back with the finished layers and ``interrupted`` set.
    """
    machine = architecture if isinstance(architecture, Architecture) else load_architecture(architecture)
    network = workload if isinstance(workload, Workload) else load_workload(workload)
    table = energy if isinstance(energy, EnergyTable) else load_energy_table(energy or _own_table(machine))
    relaxed = check_relax(machine, (relax,) if isinstance(relax, str) else tuple(relax))
    check_jobs(jobs)
    wanted = network if layers is None else network.select(layers)
    lowered = lowered_for(machine, wanted, batch)
    given, default = given_mappings(machine, network, mapping, dataflow)
    skipped = [layer for layer in lowered if isinstance(layer, VectorLayer) and machine.vector_unit is None]
    simulated = [layer for layer in lowered if layer not in skipped]
    plain = wanted.lower(batch)
    data = {} if operands is None else operands_of(operands, machine, plain, _names(network))
    planned = [replace(j, operands=data.get(j.layer.name)) for j in plan(machine, simulated, given, default)]
    check_prices(machine, table)
    wanted_trace = Wanted().shared(len(planned)) if trace is True else trace or None
    how = {"fast_forward": fast_forward, "trace": wanted_trace}
    measured, interrupted = run_jobs(machine, planned, relaxed, jobs, progress, **how)
    results = tuple(_results(machine, planned, measured, table))
    return Run(
        architecture=machine,
        workload=network.name,
        batch=batch,
        clock_mhz=machine.clock_mhz,
        layers=Layers(results),
        spec=wanted,
        not_simulated=tuple(_not_simulated(machine, layer) for layer in skipped),
        mappings={j.layer.name: j.mapping for j in planned[: len(results)] if j.mapping is not None},
        energy_table=table.in_words,
        notes=(*network.origin.notes(), *_notes(machine, planned, results)),
        relax=tuple(sorted(relaxed)),
        provenance=_provenance(architecture, network, mapping, energy, operands=operands),
        interrupted=interrupted,
    )


def _names(network: Workload) -> list[str]:
    return [layer.name for layer in network.layers]


def check_jobs(jobs: int) -> None:
    """Raise an `InputError` for what is no number of processes."""
    if isinstance(jobs, bool) or jobs < 1:
        raise refuse("jobs", "", jobs, "a whole number of processes greater than 0 was expected")


def plan(
    architecture: Architecture,
    layers: Sequence[Layer | VectorLayer],
    given: dict[str, tuple[Entry, str]],
    dataflow: str,
) -> list[Job]:
    """Map every layer; layers of one shape without a mapping of their own are mapped once."""
    known: dict[tuple[object, ...], Mapping] = {}
    faults: list[Problem] = []
    jobs = []
    for layer in layers:
        if isinstance(layer, VectorLayer):
            jobs.append(Job(layer, None))
            continue
        entry, place = given.get(layer.name, (None, architecture.name))
        try:
            if entry is not None:
                mapping = map_layer(layer, architecture, dataflow, entry, place)
            elif layer.shape in known:
                mapping = known[layer.shape]
            else:
                mapping = map_layer(layer, architecture, dataflow, None, place)
                known[layer.shape] = mapping
        except InputError as error:
            faults += error.problems
            continue
        jobs.append(Job(layer, mapping))
    if faults:
        raise InputError(faults)
    return jobs


def run_jobs(
    architecture: Architecture,
    jobs: Sequence[Job],
    relaxed: frozenset[str],
    processes: int,
    progress: Progress | None,
    **how: Any,
) -> tuple[list[dict[str, Any]], bool]:
    """Simulate every job once, ``how`` as in `measure_job`.

    Returns measurements of those finished, in the order of jobs, and whether it was interrupted.
    """
    keys = [job.key for job in jobs]
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    unique = [jobs[i] for i in sorted(first.values())]
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    done: list[dict[str, Any]] = []
    stream = _measurements(architecture, unique, relaxed, processes, **how)
    try:
        for job, key in zip(jobs, keys, strict=True):
            while key not in found:
                finished, data = next(stream)
                found[finished.key] = data
            done.append(found[key])
            if progress is not None:
                progress(len(done), len(jobs), job.layer.name)
    except KeyboardInterrupt:
        return done, True
    finally:
        stream.close()
    return done, False


def _measurements(
    architecture: Architecture,
    jobs: Sequence[Job],
    relaxed: frozenset[str],
    processes: int,
    **how: Any,
) -> Generator[tuple[Job, dict[str, Any]], None, None]:
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, measure_job(architecture, job, relaxed, **how)
        return
    warm_up(with_data=any(job.operands is not None for job in jobs))
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(measure_job, architecture, job, relaxed, **how) for job in jobs]
        try:
            for job, future in zip(jobs, futures, strict=True):
                yield job, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def measure_job(
    architecture: Architecture,
    job: Job,
    relaxed: frozenset[str],
    *,
    fast_forward: bool = True,
    trace: Wanted | None = None,
) -> dict[str, Any]:
    """Simulate one layer; a pure function of its arguments."""
    if isinstance(job.layer, VectorLayer):
        from simulator.engine.vector import VectorMachine

        vector = VectorMachine(job.layer, architecture, relaxed, traced=trace is not None)
        vector.run()
        return vector.measure()
    assert job.mapping is not None
    try:
        return _measure_macs(architecture, job, job.mapping, relaxed, fast_forward=fast_forward, trace=trace)
    except OverflowError:
        told = "fewer images or rates with smaller numerators were expected: times do not fit into 64 bits"
        raise refuse(job.layer.name, "rates", None, told) from None


def _measure_macs(
    architecture: Architecture,
    job: Job,
    mapping: Mapping,
    relaxed: frozenset[str],
    *,
    fast_forward: bool,
    trace: Wanted | None,
) -> dict[str, Any]:
    """Simulate one layer with MACs, on its data where it has some."""
    from simulator.engine.machine import LayerMachine
    from simulator.engine.measure import measure

    assert isinstance(job.layer, Layer)
    layer, coded_bits, computed = job.layer, None, None
    if job.operands is not None:
        from simulator.engine.function import compute

        try:
            drawn = job.operands.of(layer.origin or layer, architecture)
            computed = compute(layer, mapping, architecture, drawn)
        except MemoryError:
            told = "data that fit into memory were expected: fewer images or layers without operands"
            raise refuse(layer.name, "operands", None, told) from None
        layer, coded_bits = replace(layer, zeros=computed.zeros), computed.coded_bits

    def machine(most_slices: int = 0) -> LayerMachine:
        return LayerMachine(
            layer, mapping, architecture, relaxed,
            fast_forward=fast_forward, coded_bits=coded_bits, most_slices=most_slices,
        )  # fmt: skip

    if trace is None:
        ran = machine()
        ran.run()
        found = measure(ran)
    else:
        from simulator.engine.tracing import traced

        ran, traces = traced(machine, trace)
        found = measure(ran) | {"trace": traces}
    ran.forget()
    return found if computed is None else computed.added_to(found)


def warm_up(*, with_data: bool = False) -> None:
    """Compile the kernels (or load them from the cache) before worker processes start."""
    from simulator.spec.layer import Layer as Nest

    tiny = Nest("warm-up", {"N": 1, "G": 1, "M": 1, "C": 1, "P": 1, "Q": 1, "R": 1, "S": 1})
    machine = load_architecture("ws16")
    mapping = map_layer(tiny, machine, machine.dataflow, None, "warm-up")
    measure_job(machine, Job(tiny, mapping, Drawn({}, 0) if with_data else None), frozenset())


def _own_table(architecture: Architecture) -> str:
    if architecture.energy is None:
        raise refuse(
            architecture.name,
            "energy",
            None,
            "the name of an energy table was expected here or with --energy",
        )
    return architecture.energy


def given_mappings(
    architecture: Architecture,
    workload: Workload,
    mapping: str | Path | dict[str, Any] | MappingFile | None,
    dataflow: str | None,
) -> tuple[dict[str, tuple[Entry, str]], str]:
    """Entries by layer name, from the mapping given or else what ships, and the dataflow of other layers."""
    own = architecture.dataflow
    if dataflow is not None:
        find_dataflow(dataflow)
    if mapping is None:
        shipped = architecture.shipped_mapping(workload.name, dataflow)
        if shipped is None:
            return {}, dataflow or own
        file = read_mapping_file(find("mapping", Path(shipped).stem), shipped)
        known = {folded(name) for name in _names(workload)}
        entries = {name: entry for name, entry in file.entries.items() if folded(name) in known}
        file = MappingFile(file.place, file.dataflow, entries)
    elif isinstance(mapping, MappingFile):
        file = mapping
    elif isinstance(mapping, dict):
        file = parse_mapping(mapping, "mapping")
    else:
        file = read_mapping_file(find("mapping", mapping), str(mapping))
    matched = file.matched(_names(workload))
    return {name: (entry, file.place) for name, entry in matched.items()}, dataflow or file.dataflow or own


def _results(
    architecture: Architecture, jobs: Sequence[Job], measured: Sequence[dict[str, Any]], table: EnergyTable
) -> Generator[LayerResult, None, None]:
    for job, data in zip(jobs, measured, strict=False):
        layer = job.layer
        yield LayerResult.from_measured(
            layer.name,
            data,
            price(data["actions"], parts_of(architecture), table),
            clock_mhz=architecture.clock_mhz,
            macs_per_cycle=architecture.spatial.pe.macs_per_cycle,
            zeros=data.get("zeros", layer.zeros if isinstance(layer, Layer) else {}),
        )


def _notes(
    architecture: Architecture, jobs: Sequence[Job], results: Sequence[LayerResult]
) -> Generator[str, None, None]:
    """What was clipped or derived in mappings, and where a layer's data is not what its description says."""
    for job in jobs:
        if job.mapping is not None:
            yield from (f"{job.layer.name}: {note}" for note in job.mapping.notes)
    for job, result in zip(jobs, results, strict=False):
        if job.operands is None or not isinstance(job.layer, Layer):
            continue
        beyond, bits = result.operands["outputs_beyond_word"], architecture.word_bits["output"]
        if beyond and isinstance(job.operands, Operands):
            told = f"of {result.operands['words']['output']} outputs need more than a word of {bits} bits"
            yield f"{result.name}: {beyond} {told} ({result.operands['output_bits']}); they are kept whole"
        said = job.layer.zeros.get("output")
        if said is not None and f"{float(said):.2f}" != f"{result.zeros['output']:.2f}":
            told = f"{result.zeros['output']:.1%} of the sums are zero; the workload says {float(said):.1%}"
            yield f"{result.name}: {told}, as after an activation"


def _not_simulated(architecture: Architecture, layer: VectorLayer) -> NotSimulated:
    bits = architecture.word_bits
    volume = -(-(layer.input_words * bits["input"] + layer.output_words * bits["output"]) // 8)
    return NotSimulated(layer.name, layer.operator, layer.input_words, layer.output_words, volume)


def _provenance(*inputs: object, operands: Given | None) -> dict[str, Any]:
    """Version and a hash of every input file, so that a result can be traced to what made it."""
    import hashlib

    from simulator import __version__

    kinds = ("architecture", "workload", "mapping", "energy")
    hashes: dict[str, dict[str, Any]] = {}
    for kind, value in zip(kinds, inputs, strict=True):
        if isinstance(value, str | Path):
            data = find(kind, value).read_bytes()  # type: ignore[arg-type]
            hashes[kind] = {"file": str(value), "sha256": hashlib.sha256(data).hexdigest()}
        elif isinstance(value, Workload) and value.origin.file:
            hashes[kind] = value.origin.to_dict()
    found: dict[str, Any] = {"version": __version__, "inputs": hashes}
    if operands is not None:
        found["operands"] = describe(operands)
    return found
