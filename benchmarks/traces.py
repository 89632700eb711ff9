"""What a trace costs: ``python benchmarks/traces.py`` times plain and traced runs, and weighs the files.

Each line is one process with its kernels compiled beforehand; the best of three runs counts. Seconds are
of wall time, and ``x plain`` compares with the same layer without a trace in the same process.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measured import environment

LAYERS = (
    ("eyeriss_v1", "vgg16", "CONV1-2"),
    ("eyeriss_v1", "vgg16", "CONV4-2"),
    ("eyeriss_v1", "alexnet", "CONV2"),
    ("ws16", "vgg16", "CONV1-2"),
    ("os16", "resnet18", "CONV1"),
)
HEAD = (
    f"{'layer':32}{'plain s':>9}{'traced s':>10}{'x plain':>9}{'files s':>9}{'kept':>11}{'MB':>7}"
    f"{'window s':>10}"
)


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(architecture: str, workload: str, layer: str) -> None:
    import simulator
    from simulator.traces.run import RunTrace

    found: list[RunTrace] = []

    def traced(window: tuple[int, int] | None = None) -> None:
        found.append(simulator.trace(architecture, workload, layer=layer, window=window))

    traced()
    middle = found[0].cycles // 2
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "trace.json.gz"
        plain_seconds = best(lambda: simulator.simulate(architecture, workload, layers=[layer]))
        traced_seconds = best(traced)
        file_seconds = best(lambda: found[0].save(file))
        window_seconds = best(lambda: traced((middle, middle + 2000)))
        megabytes = file.stat().st_size / 1e6
    kept = len(found[0].layers[0][2].pe_rows.start)
    name = f"{architecture} {workload} {layer}"
    ratio = traced_seconds / plain_seconds
    print(
        f"{name:32}{plain_seconds:9.3f}{traced_seconds:10.3f}{ratio:9.1f}{file_seconds:9.3f}{kept:11,}"
        f"{megabytes:7.2f}{window_seconds:10.3f}"
    )


def main() -> None:
    print(HEAD, flush=True)
    for layer in LAYERS:
        subprocess.run([sys.executable, __file__, *layer], env=environment(), check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(*sys.argv[1:])
    else:
        main()
