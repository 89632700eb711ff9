"""How fast the simulator is, as one JSON document: ``python benchmarks/run.py [--quick] [--out FILE]``.

Times are in seconds. To compare machines, each number is also a multiple of one fixed pure-Python loop
that is timed in the same run: ``..._loops`` for times, ``..._per_loop`` for rates.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import simulator
from simulator import pipeline
from simulator.engine.world import World
from simulator.errors import InputError
from simulator.kernels.array import Bound
from simulator.spec.catalog import shipped

LOOP_LENGTH = 5_000_000
MAIN_JOB = ("run", "eyeriss_v1", "alexnet", "--batch", "4")
PACKAGES = ("simpy", "numpy", "numba", "llvmlite", "pydantic")
Record = dict[str, Any]


@dataclass
class Counts:
    """What the simulations of one pair did; layers of one shape are simulated, and counted, once."""

    cpu_seconds: float = 0.0
    cycles: int = 0
    pe_cycles: int = 0
    macs: int = 0
    passes: int = 0
    calls: dict[str, int] = field(default_factory=lambda: {"kernel": 0, "event": 0})


def python_loop() -> float:
    """Seconds for the loop that everything is compared with: the best of three."""
    return min(_spin() for _ in range(3))


def _spin() -> float:
    start, total = time.perf_counter(), 0
    for i in range(LOOP_LENGTH):
        total += i & 7
    return time.perf_counter() - start


def main_job(loop: float) -> Record:
    """Wall time of the command with an empty cache of compiled kernels, and again with that cache."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "XDG_CACHE_HOME": f"{scratch}/cache"}
        environment["PYTHONPATH"] = str(Path(simulator.__file__).parents[1])
        environment.pop("NUMBA_CACHE_DIR", None)

        def run(out: str) -> float:
            command = [sys.executable, "-m", "simulator", *MAIN_JOB, "--quiet", "--out", f"{scratch}/{out}"]
            start = time.perf_counter()
            subprocess.run(command, check=True, env=environment, cwd=scratch, stdout=subprocess.DEVNULL)
            return time.perf_counter() - start

        cold, warm = run("cold"), run("warm")
    times = {"cold_seconds": cold, "warm_seconds": warm}
    loops = {name.replace("seconds", "loops"): seconds / loop for name, seconds in times.items()}
    return {"command": " ".join(("stallion", *MAIN_JOB)), **times, **loops}


@contextmanager
def counting(counts: Counts) -> Iterator[None]:
    """Count inside the simulator while the block runs."""
    measure_job, advance = pipeline.measure_job, Bound.advance

    def measured(*arguments: Any) -> Record:
        start = time.process_time()
        data = measure_job(*arguments)
        counts.cpu_seconds += time.process_time() - start
        counts.cycles += data["cycles"]
        counts.pe_cycles += data["cycles"] * data["pes"]
        counts.macs += data["macs"]
        counts.passes += data["passes"]
        return data

    def advanced(bound: Bound, limit: int) -> int:
        counts.calls["kernel"] += 1
        return advance(bound, limit)

    def stepped(world: World) -> None:
        counts.calls["event"] += 1
        super(World, world).step()

    with (
        patch.object(pipeline, "measure_job", measured),
        patch.object(Bound, "advance", advanced),
        patch.object(World, "step", stepped),
    ):
        yield


def pair(architecture: str, workload: str, loop: float) -> Record:
    """Rates of one shipped architecture and workload, per CPU second of simulation."""
    counts, start = Counts(), time.perf_counter()
    try:
        with counting(counts):
            simulator.simulate(architecture, workload)
    except InputError as error:
        return {"architecture": architecture, "workload": workload, "refused": str(error)}
    wall = time.perf_counter() - start
    work = {"cycles": counts.cycles, "pe_cycles": counts.pe_cycles, "macs": counts.macs}
    rates = {name: amount / counts.cpu_seconds for name, amount in work.items()}
    return {
        "architecture": architecture,
        "workload": workload,
        "wall_seconds": wall,
        "wall_loops": wall / loop,
        "simulation_cpu_seconds": counts.cpu_seconds,
        "simulation_cpu_loops": counts.cpu_seconds / loop,
        "passes": counts.passes,
        **{f"{name}_per_second": rate for name, rate in rates.items()},
        **{f"{name}_per_loop": rate * loop for name, rate in rates.items()},
        **{f"{name}_calls_per_pass": n / max(1, counts.passes) for name, n in counts.calls.items()},
    }


def environment() -> Record:
    """The machine and the versions that the numbers belong to."""
    return {
        "machine": platform.machine(),
        "processor": platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "stallion": simulator.__version__,
        **{name: version(name) for name in PACKAGES},
    }


def main() -> None:
    """Run the benchmark and write the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only alexnet, on every architecture")
    parser.add_argument("--out", type=Path, help="a file for the document; stdout if not given")
    options = parser.parse_args()
    loop = python_loop()
    pipeline.warm_up()
    workloads = ["alexnet"] if options.quick else shipped("workload")
    document = {
        "environment": environment(),
        "python_loop_seconds": loop,
        "main_job": main_job(loop),
        "pairs": [pair(a, w, loop) for a in shipped("architecture") for w in workloads],
    }
    text = json.dumps(document, indent=2)
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
