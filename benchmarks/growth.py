"""How time and memory grow with a layer: its batch, and apart from that its channels, times 1 to 1000."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from measured import LONGEST_SECONDS, Record, Task, refuse_difference, run

from simulator.spec.catalog import find, shipped
from simulator.spec.reader import read_yaml, strip_provenance, write_yaml

FACTORS = (1, 10, 100, 1000)
LAYER = {"C": 32, "M": 64, "H": 28, "W": 28, "R": 3, "S": 3, "padding": 1}
"""A layer of 14.5 M MACs; its edges divide no array."""
AWKWARD = {"weight_in": "11/13", "input_in": "13/7", "psum_in": "17/5", "psum_out": "19/3"}
"""Words per cycle of the networks of a machine whose rates have no common period."""


def machines(scratch: Path) -> dict[str, str]:
    """What to give as an architecture, by name: the shipped machines and one with awkward rates."""
    data: Any = strip_provenance(read_yaml(find("architecture", "ws16")))[0]
    data["name"] = "ws16_awkward"
    data["memories"]["dram"]["bytes_per_cycle"] = "7/3"
    for network, rate in AWKWARD.items():
        data["networks"][network]["words_per_cycle"] = rate
    path = scratch / "ws16_awkward.yaml"
    path.write_text(write_yaml(data))
    return {**{name: name for name in shipped("architecture")}, "ws16_awkward": str(path)}


def task(scratch: Path, architecture: str, grown: str, factor: int) -> Task:
    """The layer with its ``batch`` or ``channels`` times ``factor``."""
    size = LAYER["C"] * (factor if grown == "channels" else 1)
    workload = {"name": "growth", "layers": [{"name": "CONV", "conv": {**LAYER, "C": size}}]}
    path = scratch / f"growth_{size}.yaml"
    path.write_text(write_yaml(workload))
    return Task(architecture, str(path), factor if grown == "batch" else 1)


KEPT = (
    "simulation_seconds",
    "mapping_seconds",
    "wall_seconds",
    "passes_simulated",
    "passes_skipped",
    "start_bytes",
    "peak_bytes",
)


def series(scratch: Path, architecture: str, grown: str, factors: tuple[int, ...]) -> list[Record]:
    """One record per factor, fast-forwarded and in full; a full run that would take too long is not begun."""
    out: list[Record] = []
    expected = 0.0
    for before, factor in zip((1, *factors), factors, strict=False):
        job = task(scratch, architecture, grown, factor)
        expected *= factor / before
        forward = run(job)
        too_long = f"not run: about {expected:.0f} s expected"
        full = run(replace(job, fast_forward=False)) if expected <= LONGEST_SECONDS else too_long
        record: Record = {"factor": factor, "fast_forward": _kept(forward), "full": _kept(full)}
        for each in (full, forward):
            if not isinstance(each, str):
                record |= {"cycles": each["cycles"], "macs": each["macs"], "passes": each["passes"]}
        if not isinstance(full, str):
            expected = full["simulation_seconds"]
            if not isinstance(forward, str):
                refuse_difference(forward, full, job)
                record["speed_up"] = full["simulation_seconds"] / forward["simulation_seconds"]
        out.append(record)
    return out


def _kept(record: Record | str) -> Record | str:
    return record if isinstance(record, str) else {name: record[name] for name in KEPT}


def growth(scratch: Path, *, quick: bool) -> list[Record]:
    """A series for every machine and for each way of growing."""
    factors = FACTORS[:2] if quick else FACTORS
    return [
        {"architecture": name, "grown": grown, "points": series(scratch, architecture, grown, factors)}
        for name, architecture in machines(scratch).items()
        for grown in ("batch", "channels")
    ]
