"""Kinds of parts that nothing simulates yet, each as small as a kind can be. Importing registers them."""

from typing import ClassVar, Literal

from simulator.components.arrays import ARRAYS
from simulator.components.arrays.base import Array
from simulator.components.arrays.spatial import ProcessingElement
from simulator.components.base import Count, Part
from simulator.components.memories import MEMORIES
from simulator.components.memories.base import Memory
from simulator.components.memories.dram import Dram
from simulator.components.networks import NETWORKS
from simulator.components.networks.base import Network
from simulator.names import DataType

Grid = tuple[Count, Count]


@MEMORIES.register("coded_dram")
class CodedDram(Dram):
    kind: Literal["coded_dram"]  # type: ignore[assignment]
    codec: dict[DataType, Literal["rlc", "csc"]]


@MEMORIES.register("dram_channels")
class DramChannels(Dram):
    kind: Literal["dram_channels"]  # type: ignore[assignment]
    channels: Count


class Banks(Part):
    banks: Count
    bank_bytes: Count


@MEMORIES.register("clustered_sram")
class ClusteredSram(Memory):
    kind: Literal["clustered_sram"]
    clusters: Grid
    per_cluster: dict[DataType, Banks]


@NETWORKS.register("hierarchical_mesh")
class HierarchicalMesh(Network):
    kind: Literal["hierarchical_mesh"]
    routers_per_cluster: Count
    reach: Literal["any_pe", "pe_row", "pe_column"]


@NETWORKS.register("packet_mesh")
class PacketMesh(Network):
    kind: Literal["packet_mesh"]
    hop_cycles: Count


@ARRAYS.register("clustered")
class ClusteredArray(Array):
    buffered: ClassVar[tuple[DataType, ...]] = ("input", "output")
    kind: Literal["clustered"]
    clusters: Grid
    initial_psums: Literal["buffer", "zero"]
    operands: Literal["csc", "dense"]
    zero_weights: Literal["skip", "none"]
    zero_inputs: Literal["skip", "none"]
    pe: ProcessingElement


class Adc(Part):
    bits: Count
    shared_by_columns: Count
    conversions_per_cycle: Count


@ARRAYS.register("crossbar")
class CrossbarArray(Array):
    buffered: ClassVar[tuple[DataType, ...]] = ("input", "output")
    resident: ClassVar[tuple[DataType, ...]] = ("weight",)
    one_home: ClassVar[bool] = False
    kind: Literal["crossbar"]
    crossbars: Grid
    cell_bits: Count
    dac_bits: Count
    adc: Adc


@ARRAYS.register("chips")
class Chips(Array):
    buffered: ClassVar[tuple[DataType, ...]] = ()
    kind: Literal["chips"]
    chip: str
    initial_psums: Literal["buffer", "zero"]
