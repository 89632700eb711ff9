"""SCALE-Sim beside this simulator: CPU time, peak memory and compute cycles of both, in one run.

``python benchmarks/scale_sim.py`` prints tables; ``--out`` also writes every number as JSON. Each interpreter
given with ``--python`` has a release of SCALE-Sim; without any, environments with the releases below are made
in a temporary directory.

Both simulate the layers of SCALE-Sim's topologies of AlexNet and ResNet-18 from the same files: a topology
and a configuration. SCALE-Sim runs as it is fastest: its memory never stalls (InterfaceBandwidth = CALC), no
traces are written (save_disk_space), nothing is printed (verbose=False); with ``--traces`` it writes them, as
``python -m scalesim.scale`` always does. Every run is a process of its own; this one imports little, because
a new process's peak memory is never below its parent's. Of SCALE-Sim all CPU time after its imports counts,
of this simulator the last of several equal calls of `simulate` in a process.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any
from venv import EnvBuilder

Record = dict[str, Any]
RELEASES = ("3.0.0", "2.0.2")
REQUIREMENTS = ("numpy<2.4",)
"""3.0.0 fails with later ones; both get the same."""
CHILD = Path(__file__).with_name("scale_sim_child.py")
LONGEST_SECONDS = 150.0
PROCESSES, CALLS = 3, 2
"""This simulator's seconds are the median over so many processes of the last of so many calls."""
MEGABYTE = 1e6

TOPOLOGIES = Path(__file__).parents[1] / "tests" / "formats" / "topologies"
NETWORKS = ("alexnet", "resnet18")
SIDES, DATAFLOWS = (128, 32), ("ws", "os", "is")

FINITE = 16
"""Words per cycle that inputs, weights and outputs each have in the run of ResNet-50."""
CONFIGURATION = """
[general]
run_name = run
[run_presets]
InterfaceBandwidth = {mode}
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = {side}
ArrayWidth = {side}
IfmapSramSzkB = 256
FilterSramSzkB = 256
OfmapSramSzkB = 256
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
Bandwidth = {words_per_cycle}
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = {words_per_cycle}
IfmapSRAMBankNum = 1
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = {words_per_cycle}
FilterSRAMBankNum = 1
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
"""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What SCALE-Sim did: cycles of the layers that it finished, and what it took until then or its limit."""

    release: str
    cycles: list[int]
    seconds: float
    peak_bytes: int
    limited: bool


@dataclass(frozen=True, slots=True)
class Ours:
    """What this simulator did: cycles of all layers, CPU seconds of a process's first and last call."""

    cycles: list[int]
    first_seconds: float
    seconds: float
    peak_bytes: int


def configuration(side: int, dataflow: str, words_per_cycle: int | None = None) -> str:
    """A square array with three buffers of 256 kB; its memory never stalls where no bandwidth is given."""
    mode, words = ("CALC", FINITE) if words_per_cycle is None else ("USER", words_per_cycle)
    return CONFIGURATION.format(side=side, dataflow=dataflow, mode=mode, words_per_cycle=words)


def child(python: str | Path, run: str, **task: Any) -> list[Record]:
    """The records of a run in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if run == "stallion":
        environment["PYTHONPATH"] = str(CHILD.parents[1])
    command = [python, "-W", "ignore", CHILD, run]
    try:
        done = subprocess.run(
            command, input=json.dumps(task), env=environment, check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise SystemExit(f"{python}: {error.strerror}") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SystemExit(f"{python}, {run}: {reason}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def run_theirs(python: str | Path, config: Path, layers: Path, options: argparse.Namespace) -> Theirs:
    """SCALE-Sim; the last cycle that it names is one less than their number."""
    how = {"longest_seconds": options.longest_seconds, "traces": options.traces}
    task = {"config": str(config), "topology": str(layers), **how}
    start, *finished, end = child(python, "scale_sim", **task)
    cycles = [layer["cycles"] + 1 for layer in finished]
    return Theirs(start["release"], cycles, end["seconds"], end["peak_bytes"], end["limited"])


def run_ours(architecture: str | Path, workload: str | Path) -> Ours:
    """This simulator; a process before those that count compiles kernels where none are kept."""
    task = {"architecture": str(architecture), "workload": str(workload), "calls": CALLS}
    _, *runs = (child(sys.executable, "stallion", **task)[-1] for _ in range(1 + PROCESSES))
    first, last = (median(run["seconds"][call] for run in runs) for call in (0, -1))
    return Ours(runs[0]["cycles"], first, last, max(run["peak_bytes"] for run in runs))


def compared(theirs: Theirs, ours: Ours) -> Record:
    """Both beside each other; cycles are those of the layers that SCALE-Sim finished."""
    layers = len(theirs.cycles)
    return {
        "release": theirs.release,
        "limited": theirs.limited,
        "layers_finished": layers,
        "layers": len(ours.cycles),
        "scale_sim_cycles": sum(theirs.cycles),
        "stallion_cycles": sum(ours.cycles[:layers]),
        "equal": theirs.cycles == ours.cycles[:layers],
        "times_faster": theirs.seconds / ours.seconds,
        "times_smaller": theirs.peak_bytes / ours.peak_bytes,
        "scale_sim": asdict(theirs),
        "stallion": asdict(ours),
    }


def comparisons(
    pythons: Sequence[str | Path], scratch: Path, options: argparse.Namespace
) -> Iterator[Record]:
    """Every network on every array with every dataflow, and on every release."""
    for network, side, dataflow in product(options.networks, options.sides, options.dataflows):
        config, layers = scratch / "array.cfg", TOPOLOGIES / f"{network}.csv"
        config.write_text(configuration(side, dataflow))
        ours = run_ours(config, layers)
        for python in pythons:
            theirs = run_theirs(python, config, layers, options)
            yield {"network": network, "side": side, "dataflow": dataflow, **compared(theirs, ours)}


def environments(folder: Path) -> Iterator[Path]:
    """Make an environment for each release, and give its interpreter."""
    for release in RELEASES:
        EnvBuilder(with_pip=True).create(folder / release)
        python = folder / release / "bin" / "python"
        wanted = (f"scalesim=={release}", *REQUIREMENTS)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        yield python


def head() -> str:
    """The table's first lines, in Markdown."""
    titles = (
        "network", "array", "dataflow", "SCALE-Sim", "layers", "its cycles + 1", "Stallion's", "CPU s",
        "Stallion's", "times faster", "MB", "Stallion's", "times smaller",
    )  # fmt: skip
    return "| " + " | ".join(titles) + " |\n" + "|---" * 4 + "|" + "---:|" * (len(titles) - 4)


def line(row: Record) -> str:
    """A comparison as a line of the table. `>`: SCALE-Sim came to its limit, so there is more to it."""
    more, theirs, ours = "> " if row["limited"] else "", row["scale_sim"], row["stallion"]
    cycles = ("", "")
    if row["layers_finished"]:
        same = "the same" if row["equal"] else f"{row['stallion_cycles']:,}"
        cycles = (f"{row['scale_sim_cycles']:,}", same)
    cells = (
        row["network"],
        f"{row['side']} × {row['side']}",
        row["dataflow"].upper(),
        row["release"],
        f"{row['layers_finished']} of {row['layers']}",
        *cycles,
        f"{more}{theirs['seconds']:.1f}",
        f"{ours['seconds']:.4f}",
        f"{more}{row['times_faster']:,.0f}",
        f"{more}{theirs['peak_bytes'] / MEGABYTE:,.0f}",
        f"{ours['peak_bytes'] / MEGABYTE:,.0f}",
        f"{more}{row['times_smaller']:.1f}",
    )
    return "| " + " | ".join(cells) + " |"


def targets(rows: Sequence[Record], numba: Record, resnet50: Ours) -> list[Record]:
    """What is to be reached beside SCALE-Sim, and what is; of several runs the worst."""
    alexnet = [row for row in rows if (row["network"], row["side"]) == ("alexnet", 128)]
    out = [_at_most(1, resnet50.seconds, f"CPU seconds of ResNet-50 at 128 x 128, {FINITE} words per cycle")]
    if alexnet:
        ours, least = max(row["stallion"]["peak_bytes"] for row in alexnet), numba["peak_bytes"]
        above, call = ((most - least) / MEGABYTE for most in (ours, numba["peak_bytes_of_a_call"]))
        where = "on AlexNet at 128 x 128"
        out += [
            _at_least(1000, min(row["times_faster"] for row in alexnet), f"times faster {where}"),
            _at_least(4, min(row["times_smaller"] for row in alexnet), f"times smaller {where}"),
            _at_most(50, above, f"MB above `import numba` {where} (one call from its cache: {call:.0f})"),
        ]
    return out


def _at_most(limit: float, value: float, what: str) -> Record:
    return {"what": what, "value": value, "at_most": limit, "reached": value <= limit}


def _at_least(limit: float, value: float, what: str) -> Record:
    return {"what": what, "value": value, "at_least": limit, "reached": value >= limit}


def said(target: Record) -> str:
    """A target as a line of a list."""
    limit = f"at least {target['at_least']:,}" if "at_least" in target else f"at most {target['at_most']}"
    return f"* {target['what']}: {target['value']:,.4g}; {limit}: {'yes' if target['reached'] else 'no'}"


def main() -> None:
    """Run the comparison; the table grows as it goes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", action="append", help="an interpreter with SCALE-Sim; repeatable")
    parser.add_argument("--longest-seconds", type=float, default=LONGEST_SECONDS, help="of CPU, per run")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument(
        "--sides", nargs="+", type=int, default=list(SIDES), help="rows and columns of an array"
    )
    parser.add_argument("--dataflows", nargs="+", choices=DATAFLOWS, default=list(DATAFLOWS))
    parser.add_argument("--traces", action="store_true", help="let SCALE-Sim write its traces")
    parser.add_argument("--out", type=Path, help="a file for all numbers, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        pythons = options.python or list(environments(scratch))
        rows: list[Record] = []
        print(head(), flush=True)
        for row in comparisons(pythons, scratch, options):
            print(line(row), flush=True)
            rows.append(row)
        config = scratch / "finite.cfg"
        config.write_text(configuration(128, "ws", FINITE))
        resnet50 = run_ours(config, "resnet50")
        _, (numba,) = (child(sys.executable, "numba", cache=name) for _ in range(2))  # the first compiles
    reached = targets(rows, numba, resnet50)
    print("", *map(said, reached), sep="\n")
    if options.out is not None:
        document = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "numba": numba,
            "comparisons": rows,
            "resnet50": asdict(resnet50),
            "targets": reached,
        }
        options.out.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
