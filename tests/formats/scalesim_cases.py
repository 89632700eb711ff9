"""What SCALE-Sim 3.0.0 (from PyPI, with NumPy 2.3) said of small layers, and its formulas for the cycles of any.

``scalesim_3_0_0.csv`` has, by dataflow, array and layer, columns of its three reports from runs with InterfaceBandwidth
CALC and 64 kB per buffer. The layers are those of `CONV` and `GEMM`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TOPOLOGIES = HERE / "topologies"
HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
CONV = HEADER + "conv, 6, 6, 3, 3, 2, 4, 1,\nstride, 9, 11, 3, 2, 3, 10, 2,\nrounded, 8, 8, 3, 3, 5, 70, 2,\npoint, 5, 5, 1, 1, 130, 9, 1,\nFC, 1, 1, 1, 1, 40, 150, 1,\n"
GEMM = "Layer, M, N, K,\nsquare, 16, 16, 16,\nflat, 100, 3, 70,\nlong, 1, 130, 33,\none, 1, 1, 1,\n"
MACS = {"conv": 1152, "stride": 4320, "rounded": 50400, "point": 29250, "FC": 6000, "square": 4096, "flat": 21000, "long": 4290, "one": 1}
DATAFLOWS = ("ws", "os", "is")


@dataclass(frozen=True)
class Said:
    """A layer's rows."""

    dataflow: str
    rows: int
    columns: int
    layer: str
    total_cycles: int
    overall_util: float
    mapping_efficiency: float
    compute_util: float
    ifmap_sram_reads: int
    filter_sram_reads: int
    ofmap_sram_writes: int
    ifmap_dram_reads: int
    filter_dram_reads: int
    ofmap_dram_writes: int

    @property
    def array(self) -> tuple[str, int, int]:
        return self.dataflow, self.rows, self.columns

    def __str__(self) -> str:
        return f"{self.dataflow}-{self.rows}x{self.columns}-{self.layer}"


@cache
def said() -> tuple[Said, ...]:
    with (HERE / "scalesim_3_0_0.csv").open(encoding="utf-8", newline="") as file:
        kinds = {name: field.type for name, field in Said.__dataclass_fields__.items()}
        return tuple(Said(**{name: kinds[name](text) for name, text in row.items()}) for row in csv.DictReader(file))


def configuration(dataflow: str, rows: int, columns: int, kb: int = 64, run_presets: str = "InterfaceBandwidth: CALC") -> str:
    sizes = "".join(f"{operand}SramSzkB: {kb}\n" for operand in ("Ifmap", "Filter", "Ofmap"))
    presets = f"[architecture_presets]\nArrayHeight: {rows}\nArrayWidth: {columns}\n{sizes}Dataflow: {dataflow}\n"
    return f"[general]\nrun_name = {dataflow}_{rows}x{columns}\n{presets}[run_presets]\n{run_presets}\n"
