"""What a run returns: one `LayerResult` per layer with MACs, and the `Run` that holds them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from simulator.energy.price import Energy, total_pj
from simulator.errors import refuse
from simulator.mapping.mapping import Mapping as LoopNest
from simulator.report.pictures.stalls import arrays as timeline_arrays
from simulator.report.sums import plain, total_of
from simulator.report.verdict import vector_verdict, verdict
from simulator.spec.architecture import Architecture
from simulator.spec.workload import Workload
from simulator.traces.run import RunTrace

if TYPE_CHECKING:
    from simulator.report.pictures.gallery import Plots

SCHEMA = "stallion.run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerResult:
    """What one layer did. Counts are integers; every PE-cycle of ``pes * cycles`` has one name.

    ``pe_cycles[name]`` and ``stall_causes[name][resource]`` are PE-cycles. ``words[level][data_type][way]``
    are words with ``way`` one of array_read, array_write, outer_read, outer_write. ``words_created``
    counts what a port adds (padding, zero psums). ``bytes_dram`` cross the DRAM link in both directions,
    after compression; ``bytes_glb`` are array-side bytes of the buffer named ``glb``, None where there is
    none. ``actions[component][data_type][action]`` are counts, ``energy`` their picojoules in the same shape.
    ``active_pes`` is the most PEs with work in any pass, ``mean_active_pes`` the average over passes.
    ``passes_skipped`` of the ``passes`` were not simulated, as they only repeat others.
    ``zeros`` are the fractions of zero words used; ``windows`` are series over time, for plots.
    A layer with real operands has ``outputs`` [N, M of all groups, P, Q] in int64, and in ``operands`` what
    was counted in its data: MACs with a zero input, words and zero words by data type, the bits that the
    widest output needs, and how many outputs need more than an output word has. A layer that was traced has a
    `simulator.traces.layer.LayerTrace` in ``trace``, others None.
    """

    name: str
    macs: int
    cycles: int
    milliseconds: float
    pes: int
    active_pes: int
    mean_active_pes: float
    utilization: float
    pe_cycles: dict[str, int]
    stall_causes: dict[str, dict[str, int]]
    words: dict[str, dict[str, dict[str, int]]]
    words_created: dict[str, dict[str, int]]
    ports: dict[str, dict[str, Any]]
    bytes_dram: int
    bytes_glb: int | None
    actions: dict[str, dict[str, dict[str, int]]]
    energy_pj: float
    energy: Energy
    verdict: str
    passes: int
    passes_simulated: int
    passes_skipped: int
    steps: int
    zeros: dict[str, float] = field(default_factory=dict)
    operands: dict[str, Any] = field(default_factory=dict)
    windows: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    outputs: Any = field(default=None, repr=False, compare=False)
    trace: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def from_measured(
        cls,
        name: str,
        measured: Mapping[str, Any],
        energy: Energy,
        *,
        clock_mhz: float,
        macs_per_cycle: int = 1,
        zeros: Mapping[str, Any] | None = None,
    ) -> Self:
        """Build from the engine's counts (``measured``, keys as the fields here) and their energy."""
        data = plain({key: value for key, value in measured.items() if key not in ARRAYS})
        capacity = data["pes"] * macs_per_cycle * data["cycles"]
        return cls(
            name=name,
            milliseconds=data["cycles"] / (clock_mhz * 1e3),
            utilization=data["macs"] / capacity if capacity else 0.0,
            energy=energy,
            energy_pj=total_pj(energy),
            verdict=_sentence(data),
            zeros={data_type: float(share) for data_type, share in (zeros or {}).items()},
            operands=data.get("operands", {}),
            windows=_series(measured),
            outputs=measured.get("outputs"),
            trace=measured.get("trace"),
            **{key: data[key] for key in MEASURED},
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but windows, outputs and trace, as plain JSON values under the names of the fields."""
        fields = LayerResult.__dataclass_fields__
        return {key: plain(getattr(self, key)) for key in fields if key not in ARRAYS}


def _sentence(data: Mapping[str, Any]) -> str:
    """The verdict on measured counts: a layer without MACs is judged by its lanes and its links."""
    ports = dict(data["ports"])
    lanes = ports.pop("vector_unit", None)
    if data["macs"] or lanes is None:
        return verdict(data["pe_cycles"], data["stall_causes"])
    busiest = max((port["busy_cycles"] for port in ports.values()), default=0)
    return vector_verdict(lanes["busy_cycles"], data["cycles"], busiest)


def _series(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Series over time as counted, and those of what PEs do where the layer was traced."""
    traced = measured.get("trace")
    return {**measured.get("windows", {}), **({} if traced is None else timeline_arrays(traced))}


ARRAYS = ("windows", "outputs", "trace")
"""Fields of `LayerResult` that hold arrays; they are not part of its JSON."""
MEASURED = (
    "macs",
    "cycles",
    "pes",
    "active_pes",
    "mean_active_pes",
    "pe_cycles",
    "stall_causes",
    "words",
    "words_created",
    "ports",
    "bytes_dram",
    "bytes_glb",
    "actions",
    "passes",
    "passes_simulated",
    "passes_skipped",
    "steps",
)
"""Fields of `LayerResult` that the engine counts."""


@dataclass(frozen=True, slots=True)
class NotSimulated:
    """A layer that no part of the machine runs, with the data that it would move; it costs no cycles here."""

    name: str
    operator: str
    input_words: int
    output_words: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {key: getattr(self, key) for key in self.__slots__}


def _same(name: str) -> str:
    return name.casefold().replace("_", "-")


class Layers(Mapping[str, LayerResult]):
    """Layer results by name, in the order of the workload; case does not matter, nor ``_`` for ``-``."""

    def __init__(self, results: tuple[LayerResult, ...]) -> None:
        self._exact = {result.name: result for result in results}
        self._loose = {_same(result.name): result for result in results}

    def __getitem__(self, name: str) -> LayerResult:
        found = self._exact.get(name) or self._loose.get(_same(name))
        if found is None:
            near = get_close_matches(name, self._exact, n=3, cutoff=0.5) or list(self._exact)[:3]
            raise KeyError(f"no simulated layer {name!r}; nearest: {', '.join(near)}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._exact)

    def __len__(self) -> int:
        return len(self._exact)

    def __repr__(self) -> str:
        return f"Layers({', '.join(self._exact)})"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One workload on one architecture: results per layer, their total, and what produced them.

    ``workload`` is the name of ``spec``, the workload as run.
    ``mappings`` holds the mapping of every simulated layer; ``relax`` the resources with unlimited rate;
    ``interrupted`` says that the run was stopped and only holds the finished layers.
    """

    architecture: Architecture
    workload: str
    batch: int
    clock_mhz: float
    layers: Layers
    spec: Workload | None = None
    not_simulated: tuple[NotSimulated, ...] = ()
    mappings: dict[str, LoopNest] = field(default_factory=dict)
    energy_table: str = ""
    notes: tuple[str, ...] = ()
    relax: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @cached_property
    def total(self) -> LayerResult:
        """Sums over the simulated layers; ``active_pes`` is the cycle-weighted mean, rounded."""
        sums = total_of(
            [result.to_dict() for result in self.layers.values()], pes=self.architecture.spatial.pes
        )
        per_cycle = self.architecture.spatial.pe.macs_per_cycle
        return LayerResult.from_measured(
            "total", sums, sums["energy"], clock_mhz=self.clock_mhz, macs_per_cycle=per_cycle
        )

    @cached_property
    def plot(self) -> "Plots":
        """The run's pictures: ``run.plot.bandwidth("bandwidth.png", "CONV1")``."""
        from simulator.report.pictures.gallery import Plots

        return Plots(self)

    @property
    def traced(self) -> bool:
        """Whether all its layers have traces."""
        return bool(self.layers) and all(result.trace is not None for result in self.layers.values())

    @property
    def trace(self) -> RunTrace:
        """What every PE and port did when; `InputError` where the run was not traced."""
        begin, layers = 0, []
        for result in self.layers.values():
            if result.trace is None:
                raise refuse("trace", "", None, "a run with trace=True was expected: this one was not traced")
            layers.append((result.name, begin, result.trace))
            begin += result.cycles
        memories = self.architecture.memories
        outside = tuple(name for name, memory in memories.items() if memory.off_chip)
        buffers = tuple(name for name in memories if name not in outside)
        told = {
            "architecture": self.architecture.name, "workload": self.workload, "batch": self.batch,
            "clock_hz": round(self.clock_mhz * 1e6), "relax": list(self.relax),
            "interrupted": self.interrupted, "not_simulated": [layer.name for layer in self.not_simulated],
        }  # fmt: skip
        networks = tuple(self.architecture.networks)
        return RunTrace(tuple(layers), outside, buffers, networks, told)

    def to_dict(self) -> dict[str, Any]:
        """The whole result as plain JSON values (schema ``stallion.run/1``)."""
        return {
            "schema": SCHEMA,
            "architecture": self.architecture.name,
            "workload": self.workload,
            "batch": self.batch,
            "clock_mhz": int(self.clock_mhz) if self.clock_mhz == int(self.clock_mhz) else self.clock_mhz,
            "energy_table": self.energy_table,
            "relax": list(self.relax),
            "interrupted": self.interrupted,
            "layers": [result.to_dict() for result in self.layers.values()],
            "not_simulated": [layer.to_dict() for layer in self.not_simulated],
            "total": self.total.to_dict(),
            "notes": list(self.notes),
            "provenance": plain(self.provenance),
        }

    def to_csv(self, path: str | Path) -> None:
        """Write one row per layer, those that were not simulated included."""
        from simulator.report.save import layer_rows, write_csv

        write_csv(Path(path), layer_rows(self))

    def save(self, directory: str | Path, *, force: bool = False, compat: str | None = None) -> Path:
        """Write the results directory and return its path.

        `InputError` where it exists, unless ``force``; it is never left half overwritten.
        ``compat="scalesim"`` adds SCALE-Sim's reports (see `simulator.report.scalesim`).
        """
        from simulator.report.save import save

        return save(self, Path(directory), force=force, compat=compat)

    def save_outputs(self, path: str | Path) -> None:
        """Write the outputs of all layers that have some as an ``.npz``, by layer name; `InputError`."""
        from simulator.report.save import save_outputs

        save_outputs(self, Path(path))

    @classmethod
    def load(cls, directory: str | Path) -> "Run":
        """Read a results directory back (mappings excepted); `InputError` where it is not one."""
        from simulator.report.load import load

        return load(Path(directory))

    def __repr__(self) -> str:
        from simulator.report.tables import one_line

        return one_line(self)

    def _repr_html_(self) -> str:
        from simulator.report.tables import html_table

        return html_table(self)
