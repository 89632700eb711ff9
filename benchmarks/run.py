"""How fast the simulator is, as one JSON document: ``python benchmarks/run.py [--quick] [--out FILE]``.

Times are in seconds, of CPU where they are of a simulation. To compare machines, each is also a multiple of
one fixed pure-Python loop that is timed in the same run: ``..._loops`` for times, ``..._per_loop`` for rates.
``python benchmarks/scale_sim.py`` compares it with SCALE-Sim.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import measured
from growth import growth
from measured import KIBIBYTE, Record, Task, costs, rates

import simulator
from simulator.formats.load import load_workload
from simulator.spec.catalog import shipped

LOOP_LENGTH = 5_000_000
MAIN_JOB = ("run", "eyeriss_v1", "alexnet", "--batch", "4")
PACKAGES = ("simpy", "numpy", "numba", "llvmlite", "pydantic")


def python_loop() -> float:
    """Seconds for the loop that everything is compared with: the best of three."""
    return min(_spin() for _ in range(3))


def _spin() -> float:
    start, total = time.perf_counter(), 0
    for i in range(LOOP_LENGTH):
        total += i & 7
    return time.perf_counter() - start


def main_job() -> Record:
    """Wall time and memory of the command, first without compiled kernels in the cache, then with them."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**measured.environment(), "XDG_CACHE_HOME": f"{scratch}/cache"}
        environment.pop("NUMBA_CACHE_DIR", None)

        def run(name: str) -> Record:
            command = [sys.executable, "-m", "simulator", *MAIN_JOB, "--quiet", "--out", f"{scratch}/{name}"]
            start = time.perf_counter()
            process = subprocess.Popen(command, env=environment, cwd=scratch, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)
            seconds = time.perf_counter() - start
            return {f"{name}_seconds": seconds, f"{name}_peak_bytes": used.ru_maxrss * KIBIBYTE}

        return {"command": " ".join(("stallion", *MAIN_JOB)), **run("cold"), **run("warm")}


def pair(architecture: str, workload: str) -> Record:
    """One shipped architecture and workload at batch 1, fast-forwarded and in full."""
    task = Task(architecture, workload)
    forward, full = measured.run(task), measured.run(replace(task, fast_forward=False))
    out: Record = {"architecture": architecture, "workload": workload, "fast_forward": forward, "full": full}
    if not isinstance(forward, str):
        out["fast_forward"] = {**forward, **rates(forward)}
    if not isinstance(full, str):
        out["full"] = {**full, **rates(full), **costs(full)}
    if not isinstance(forward, str) and not isinstance(full, str):
        measured.refuse_difference(forward, full, task)
        out["speed_up"] = full["simulation_seconds"] / forward["simulation_seconds"]
    return out


def targets(main: Record) -> list[Record]:
    """What the simulator should reach on a machine of 2020 or later, and what it does."""
    alexnet = Task("eyeriss_v1", "alexnet", 4, _convolutions("alexnet"), repeats=3)
    vgg16 = Task("eyeriss_v1", "vgg16", 3, _convolutions("vgg16"), repeats=3)
    quick, large, full = (_measured(t) for t in (alexnet, vgg16, replace(alexnet, fast_forward=False)))
    convolutions = "convolutions on eyeriss_v1"
    rate = f"MACs per CPU second of alexnet {convolutions}, batch 4, without fast-forward"
    return [
        _at_most(0.1, quick["simulation_seconds"], f"CPU seconds of alexnet {convolutions}, batch 4"),
        _at_most(0.3, large["simulation_seconds"], f"CPU seconds of vgg16 {convolutions}, batch 3"),
        _at_most(2.0, main["warm_seconds"], "seconds of the main job"),
        _at_most(20.0, main["cold_seconds"], "seconds of the main job, the first after installation"),
        _at_least(1e9, full["macs"] / full["simulation_seconds"], rate),
    ]


def _convolutions(workload: str) -> list[str]:
    return [layer.name for layer in load_workload(workload).layers if layer.name.startswith("CONV")]


def _measured(task: Task) -> Record:
    record = measured.run(task, longest_seconds=600)
    if isinstance(record, str):
        raise SystemExit(f"{task}: {record}")
    return record


def _at_most(limit: float, value: float, what: str) -> Record:
    return {"what": what, "value": value, "at_most": limit, "reached": value <= limit}


def _at_least(limit: float, value: float, what: str) -> Record:
    return {"what": what, "value": value, "at_least": limit, "reached": value >= limit}


def with_loops(record: Any, loop: float) -> Any:
    """The document with every time and rate also in terms of the Python loop."""
    if isinstance(record, list):
        return [with_loops(each, loop) for each in record]
    if not isinstance(record, dict):
        return record
    out: Record = {}
    for name, value in record.items():
        out[name] = with_loops(value, loop)
        if name.endswith("_per_second"):
            out[name.removesuffix("_per_second") + "_per_loop"] = value * loop
        elif name.endswith("_seconds"):
            out[name.removesuffix("_seconds") + "_loops"] = value / loop
    return out


def environment() -> Record:
    """The machine and the versions that the numbers belong to."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "stallion": simulator.__version__,
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """The processor's name; Linux tells it only in a file."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Run the benchmark and write the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="only alexnet on every architecture, less growth"
    )
    parser.add_argument("--out", type=Path, help="a file for the document; stdout if not given")
    options = parser.parse_args()
    loop = python_loop()
    workloads = ["alexnet"] if options.quick else shipped("workload")
    main_record = main_job()
    with tempfile.TemporaryDirectory() as scratch:
        document = {
            "environment": environment(),
            "python_loop_seconds": loop,
            "targets": targets(main_record),
            "main_job": main_record,
            "pairs": [pair(a, w) for a in shipped("architecture") for w in workloads],
            "growth": growth(Path(scratch), quick=options.quick),
        }
    text = json.dumps(with_loops(document, loop), indent=2)
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
