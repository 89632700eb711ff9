"""One run of SCALE-Sim, of this simulator, or of nothing but `import numba`: a process of its own.

The task is JSON on stdin. A record is a line of JSON on stdout, so that of a run that reaches its limit is
known how far it came. Seconds are of CPU, user and system together. ``scale_sim`` is for any interpreter that
has SCALE-Sim; a run imports what it needs itself.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KIBIBYTE = 1024
GRACE_SECONDS = 30
"""After its limit a run ends itself; that many seconds later the system ends it."""


def tell(**record: Any) -> None:
    print(json.dumps(record), flush=True)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE


def end_after(seconds: float, told: Callable[[], dict[str, Any]]) -> None:
    """End this process when it has used that many CPU seconds more, with a last record."""

    def end(*_: object) -> None:
        tell(limited=True, **told())
        os._exit(0)

    signal.signal(signal.SIGXCPU, end)
    limit = round(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + GRACE_SECONDS))


def scale_sim(task: dict[str, Any]) -> None:
    """A topology on a configuration: a record per layer, then one of all."""
    from importlib.metadata import version

    from scalesim.scale_sim import scalesim
    from scalesim.single_layer_sim import single_layer_sim

    release, simulated = version("scalesim"), single_layer_sim.run
    imported = time.process_time()
    tell(release=release, numpy=version("numpy"), import_seconds=imported, import_bytes=peak_bytes())

    def used() -> dict[str, Any]:
        return {"seconds": time.process_time() - imported, "peak_bytes": peak_bytes()}

    def run(layer: Any) -> None:
        simulated(layer)
        memory = layer.memory_system
        cycles = {"cycles": int(memory.get_total_compute_cycles()), "stalls": int(memory.get_stall_cycles())}
        words = {"input_words": memory.ifmap_buf.num_access, "weight_words": memory.filter_buf.num_access}
        tell(layer=layer.layer_id, **cycles, **words, **used())

    single_layer_sim.run = run
    end_after(task["longest_seconds"], used)
    with tempfile.TemporaryDirectory() as scratch:
        layout = Path(scratch, "layout.csv")
        layout.write_text("Layer name,\n")
        layouts = {} if release.startswith("2.") else {"layout": str(layout)}
        how = {"save_disk_space": not task["traces"], "verbose": False}
        files = {name: task[name] for name in ("config", "topology")}
        scalesim(**how, **files, **layouts).run_scale(f"{scratch}/out")
    tell(limited=False, **used())


def numba(task: dict[str, Any]) -> None:
    """What a process takes that imports numba, and then calls one short function from numba's cache."""
    import numba as imported

    record = {"seconds": time.process_time(), "peak_bytes": peak_bytes()}
    imported.config.CACHE_DIR = task["cache"]

    @imported.njit(cache=True)  # type: ignore[untyped-decorator]
    def next_of(number: int) -> int:
        return number + 1

    next_of(1)
    tell(numba=imported.__version__, **record, peak_bytes_of_a_call=peak_bytes())


def stallion(task: dict[str, Any]) -> None:
    """The same call several times: the seconds of each, the last one's cycles, the memory of all."""
    import simulator

    imported, seconds = time.process_time(), []
    for _ in range(task["calls"]):
        start = time.process_time()
        run = simulator.simulate(task["architecture"], task["workload"])
        seconds.append(time.process_time() - start)
    cycles = [layer.cycles for layer in run.layers.values()]
    tell(import_seconds=imported, seconds=seconds, cycles=cycles, peak_bytes=peak_bytes())


RUNS = {run.__name__: run for run in (scale_sim, numba, stallion)}

if __name__ == "__main__":
    RUNS[sys.argv[1]](json.load(sys.stdin))
