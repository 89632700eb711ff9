"""One simulation in a process of its own, counted from inside: what it did, in what time, in how much memory.

``run(Task(...))`` starts the process and reads its record; the process is this file with a task on stdin.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

Record = dict[str, Any]
LONGEST_SECONDS = 60.0
"""A simulation that takes longer is given up."""
KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What to simulate; names are shipped ones or paths. The best of ``repeats`` runs counts."""

    architecture: str
    workload: str
    batch: int = 1
    layers: list[str] | None = None
    fast_forward: bool = True
    repeats: int = 1


@dataclass(slots=True)
class Counts:
    """What one run did; layers of one shape are simulated, and counted, once. Seconds are of CPU."""

    simulation_seconds: float = 0.0
    mapping_seconds: float = 0.0
    kernel_seconds: float = 0.0
    kernel_calls: int = 0
    events: int = 0
    cycles: int = 0
    pe_cycles: int = 0
    macs: int = 0
    passes: int = 0
    passes_simulated: int = 0
    passes_skipped: int = 0
    steps: int = 0


def environment() -> dict[str, str]:
    """This process's environment, in which a child finds the same simulator."""
    import simulator

    return {**os.environ, "PYTHONPATH": str(Path(simulator.__file__).parents[1])}


def run(task: Task, longest_seconds: float = LONGEST_SECONDS) -> Record | str:
    """The record of a task, or in words why there is none."""
    command = [sys.executable, __file__]
    try:
        done = subprocess.run(
            command, input=json.dumps(asdict(task)), env=environment(), timeout=longest_seconds + 15,
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"not run: more than {longest_seconds:.0f} s"
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr.strip()}")
    record: Record = json.loads(done.stdout)
    return record.get("refused", record)


@contextmanager
def counting(counts: Counts) -> Iterator[None]:
    """Count inside the simulator while the block runs."""
    from simulator import pipeline
    from simulator.engine.world import World
    from simulator.kernels.bound import Bound

    plan, measure_job, advance, step = pipeline.plan, pipeline.measure_job, Bound.advance, World.step

    def planned(*arguments: Any, **named: Any) -> Any:
        start = time.process_time()
        jobs = plan(*arguments, **named)
        counts.mapping_seconds += time.process_time() - start
        return jobs

    def measured(architecture: Any, job: Any, *arguments: Any, **named: Any) -> Record:
        start = time.process_time()
        data = measure_job(architecture, job, *arguments, **named)
        counts.simulation_seconds += time.process_time() - start
        counts.pe_cycles += data["cycles"] * data["pes"]
        for name in ("cycles", "macs", "passes", "passes_simulated", "passes_skipped", "steps"):
            setattr(counts, name, getattr(counts, name) + data[name])
        return data

    def advanced(bound: Any, *arguments: Any) -> Any:
        start = time.perf_counter()
        result = advance(bound, *arguments)
        counts.kernel_seconds += time.perf_counter() - start
        counts.kernel_calls += 1
        return result

    def stepped(world: Any) -> None:
        counts.events += 1
        step(world)

    with (
        patch.object(pipeline, "plan", planned),
        patch.object(pipeline, "measure_job", measured),
        patch.object(Bound, "advance", advanced),
        patch.object(World, "step", stepped),
    ):
        yield


def simulate(task: Task) -> Record:
    """Run a task in this process, kernels compiled beforehand."""
    import simulator
    from simulator import pipeline
    from simulator.errors import InputError

    pipeline.warm_up()
    start_bytes = _peak_bytes()
    runs: list[Record] = []
    for _ in range(task.repeats):
        counts, start = Counts(), time.perf_counter()
        try:
            with counting(counts):
                simulator.simulate(
                    task.architecture, task.workload,
                    batch=task.batch, layers=task.layers, fast_forward=task.fast_forward,
                )  # fmt: skip
        except InputError as error:
            return {"refused": f"refused: {error}"}
        runs.append({"wall_seconds": time.perf_counter() - start, **asdict(counts)})
    best = min(runs, key=lambda record: float(record["simulation_seconds"]))
    first = runs[0]["simulation_seconds"]
    return {
        **best,
        "first_simulation_seconds": first,
        "start_bytes": start_bytes,
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE


def refuse_difference(forward: Record, full: Record, task: Task) -> None:
    """Stop where fast-forward changed a result: a fast wrong answer is worth nothing."""
    for name in ("cycles", "pe_cycles", "macs", "passes", "steps"):
        if forward[name] != full[name]:
            raise SystemExit(f"{task}: {name} {forward[name]} fast-forwarded, {full[name]} in full")


def rates(record: Record) -> Record:
    """What was simulated, skipped passes included, per CPU second."""
    seconds = record["simulation_seconds"]
    return {f"{name}_per_second": record[name] / seconds for name in ("cycles", "pe_cycles", "macs")}


def costs(record: Record) -> Record:
    """What a pass and a step cost where none is skipped."""
    passes, steps = max(1, record["passes"]), max(1, record["steps"])
    return {
        "events_per_pass": record["events"] / passes,
        "kernel_calls_per_pass": record["kernel_calls"] / passes,
        "kernel_nanoseconds_per_step": 1e9 * record["kernel_seconds"] / steps,
        "kernel_share": record["kernel_seconds"] / record["simulation_seconds"],
    }


if __name__ == "__main__":
    print(json.dumps(simulate(Task(**json.load(sys.stdin)))))
