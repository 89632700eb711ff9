"""What an accelerator is: memories, networks, a PE array, and the widths of words."""

from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, SerializeAsAny, model_validator

from simulator.components.arrays import ARRAYS
from simulator.components.arrays.base import Array
from simulator.components.arrays.spatial import SpatialArray
from simulator.components.arrays.systolic import SystolicArray
from simulator.components.base import Count, Part, Positive, Rate
from simulator.components.memories import MEMORIES
from simulator.components.memories.base import Memory
from simulator.components.memories.sram import Sram
from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Network
from simulator.errors import refuse
from simulator.names import ARRAY, DATA_TYPES, DataType
from simulator.spec.checks import check
from simulator.spec.kinds import OneOf
from simulator.spec.validation import did_you_mean, validate

AnyMemory = Annotated[SerializeAsAny[Memory], OneOf(MEMORIES)]
AnyNetwork = Annotated[SerializeAsAny[Network], OneOf(NETWORKS)]
AnyArray = Annotated[SerializeAsAny[Array], OneOf(ARRAYS)]


class WordBits(Part):
    """Width of a word of each data type, in bits; psums and outputs share one width."""

    weight: Count
    input: Count
    output: Count

    def __getitem__(self, data_type: DataType) -> int:
        return int(getattr(self, data_type))


class Technology(Part):
    """What the circuits are made in; informative, and printed beside energy."""

    node_nm: Positive | None = None
    supply_v: Positive | None = None


class Configuration(Part):
    """Bits that are shifted in before a layer starts, during which nothing else happens."""

    bits_per_layer: Count
    bits_per_cycle: Rate


class VectorUnit(Part):
    """Lanes that run operators without MACs, fed from the outermost memory through a buffer of their own."""

    lanes: Count = Field(description="element operations per cycle")
    buffer_words: Annotated[int, Field(ge=4, strict=True)] = Field(
        description="words of its buffer; a quarter each for two chunks in and two chunks out"
    )


def _mapping_at(data: dict[str, Any], steps: list[str], place: str) -> dict[str, Any]:
    for depth, step in enumerate(steps, start=1):
        if not isinstance(data.get(step), dict):
            hint = did_you_mean(step, (key for key, inner in data.items() if isinstance(inner, dict)))
            raise refuse(place, ".".join(steps[:depth]), None, f"the name of a part was expected; {hint}")
        data = data[step]
    return data


class Architecture(Part):
    """A complete accelerator. Change it with `replace`, which validates anew."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    clock_mhz: Positive
    technology: Technology = Technology()
    word_bits: WordBits
    memories: dict[str, AnyMemory] = Field(
        description="outermost first; the first one holds everything, unless others keep what it does not"
    )
    networks: dict[str, AnyNetwork]
    array: AnyArray
    dataflow: str = Field(description="the dataflow that maps layers unless a run names another")
    configuration: Configuration | None = None
    vector_unit: VectorUnit | None = None
    energy: str | None = Field(
        None, description="the energy table that prices this machine unless a run names another"
    )
    mappings: dict[str, str] = Field(
        default_factory=dict, description="shipped mapping file for a workload, by workload name"
    )
    provenance: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="key path to {source|assumed|fitted|derived: text}; filled by the reader",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check(self)
        return self

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy; ``a__b=1`` changes ``b`` inside ``a`` (``memories__glb__banks=30``).

        Raises `InputError`. What was said about the origin of a changed value is dropped.
        """
        data = self.model_dump(by_alias=True)
        for path, value in changes.items():
            steps = path.split("__")
            _mapping_at(data, steps[:-1], self.name)[steps[-1]] = value
            key = ".".join(steps)
            origins = data["provenance"] if key != "provenance" else {}
            for told in [t for t in origins if t == key or t.startswith(key + ".")]:
                del origins[told]
        return validate(type(self), data, self.name)

    @property
    def spatial(self) -> SpatialArray | SystolicArray:
        """The array where it is of a kind that the engine runs; raises `InputError` otherwise."""
        if isinstance(self.array, SpatialArray | SystolicArray):
            return self.array
        told = "an array of kind spatial or systolic was expected to simulate it"
        raise refuse(self.name, "array.kind", self.array.kind, told)

    @property
    def systolic(self) -> SystolicArray | None:
        """The array if it is a systolic one."""
        return self.array if isinstance(self.array, SystolicArray) else None

    @property
    def configuration_cycles(self) -> int:
        """Cycles before a layer starts in which its configuration is shifted in."""
        told = self.configuration
        if told is None or isinstance(told.bits_per_cycle, str):
            return 0
        return -(-told.bits_per_layer * told.bits_per_cycle.denominator // told.bits_per_cycle.numerator)

    @property
    def outermost(self) -> str:
        """Name of the first memory; on most machines it is the home of everything."""
        return next(iter(self.memories))

    def home(self, data_type: DataType) -> str:
        """Name of the memory in which a data type starts and ends."""
        return self.levels(data_type)[0]

    def accumulates(self) -> bool:
        """Whether psums are added where they are written, so that none come back into the array."""
        inner = self.memories[self.levels("output")[-1]]
        return isinstance(inner, Sram) and inner.accumulates

    def levels(self, data_type: DataType) -> tuple[str, ...]:
        """Names of the memories that keep a data type, outermost first."""
        return self._levels[data_type]

    @cached_property
    def _levels(self) -> dict[DataType, tuple[str, ...]]:
        keeping = {name: memory.keeps for name, memory in self.memories.items()}
        return {d: tuple(name for name, kept in keeping.items() if d in kept) for d in DATA_TYPES}

    def network(self, data_type: DataType, source: str, target: str) -> str | None:
        """Name of the network that carries a data type between two parts, None where there is none."""
        for name, network in self.networks.items():
            if data_type in network.carries and (network.source, network.target) == (source, target):
                return name
        return None

    def psum_links(self) -> str | None:
        """Name of the network along which neighbouring PEs accumulate, None where there is none."""
        return self.network("output", ARRAY, ARRAY)

    def shipped_mapping(self, workload: str, dataflow: str | None = None) -> str | None:
        """The mapping file that ships for a workload; None if another ``dataflow`` is to map it."""
        return self.mappings.get(workload) if dataflow in (None, self.dataflow) else None

    @property
    def resources(self) -> tuple[str, ...]:
        """Names that `relaxed` takes: memories and networks, and ``memory.port`` for one port."""
        return (*self.memories, *self.networks)
