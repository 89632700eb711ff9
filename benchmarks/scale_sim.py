"""AlexNet's convolutions on SCALE-Sim beside this simulator: CPU seconds of both in one run.

Both model a weight-stationary array of 16 x 16 PEs with 16-bit words, 16 bytes per cycle from DRAM and the
buffers of ws16. SCALE-Sim's array is systolic and its three buffers are apart, so cycles differ; it knows
neither padding nor groups: it gets padded feature maps, and each group as a layer of its own. Run as a script
by an interpreter that has SCALE-Sim (3.0 needs numpy below 2.4), this file simulates a topology from stdin.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ARCHITECTURE, BATCH = "ws16", 1
CONFIGURATION = """
[general]
run_name = run
[run_presets]
InterfaceBandwidth = USER
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = 16
ArrayWidth = 16
IfmapSramSzkB = 32
FilterSramSzkB = 32
OfmapSramSzkB = 32
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = ws
Bandwidth = 8
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 16
IfmapSRAMBankNum = 1
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 16
FilterSRAMBankNum = 1
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
"""
"""Sizes and bandwidth in words: SCALE-Sim counts words, not bytes."""
HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"


def topology(layers: list[str]) -> str:
    """The layers as SCALE-Sim reads them, a row per group."""
    from simulator.spec.catalog import load_workload
    from simulator.spec.layer import Layer

    rows = [HEADER]
    for layer in load_workload("alexnet").select(layers).lower(BATCH):
        assert isinstance(layer, Layer)
        n = layer.sizes
        height = (n["P"] - 1) * layer.stride[0] + n["R"]
        width = (n["Q"] - 1) * layer.stride[1] + n["S"]
        row = (height, width, n["R"], n["S"], n["C"], n["M"], layer.stride[0])
        rows += [", ".join(map(str, (f"{layer.name}_{group}", *row))) + "," for group in range(n["G"])]
    return "\n".join(rows) + "\n"


def compare(python: str, layers: list[str]) -> dict[str, Any] | str:
    """CPU seconds of both, and their ratio; in words, why there is no comparison."""
    from measured import Task, run

    found = subprocess.run([python, "-c", "import scalesim.scale_sim"], check=False, capture_output=True)
    if found.returncode:
        return "scalesim is not installed: skipped"
    command, rows = [python, "-W", "ignore", __file__], topology(layers)
    done = subprocess.run(command, input=rows, check=False, capture_output=True, text=True)
    if done.returncode:
        return f"scalesim failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    theirs = json.loads(done.stdout.splitlines()[-1])
    full = run(Task(ARCHITECTURE, "alexnet", BATCH, layers, fast_forward=False, repeats=3))
    forward = run(Task(ARCHITECTURE, "alexnet", BATCH, layers, repeats=3))
    assert not isinstance(full, str), full
    assert not isinstance(forward, str), forward
    return {
        "compared": f"alexnet {' '.join(layers)}, batch {BATCH}: weight-stationary 16 x 16, {ARCHITECTURE}",
        "scale_sim": theirs,
        "stallion": {name: full[name] for name in ("simulation_seconds", "cycles", "macs")},
        "stallion_fast_forward": {name: forward[name] for name in ("simulation_seconds", "cycles", "macs")},
        "times_faster": theirs["simulation_seconds"] / full["simulation_seconds"],
        "times_faster_with_fast_forward": theirs["simulation_seconds"] / forward["simulation_seconds"],
    }


def simulate(rows: str) -> dict[str, Any]:
    """Run SCALE-Sim on a topology; its reports are read for the cycles."""
    from importlib.metadata import version

    from scalesim.scale_sim import scalesim

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        files = {"c.cfg": CONFIGURATION, "t.csv": rows, "l.csv": "Layer name,\n"}
        for file, text in files.items():
            (scratch / file).write_text(text)
        config, topo, layout = (str(scratch / file) for file in files)
        start = time.process_time()
        simulator = scalesim(save_disk_space=True, verbose=False, config=config, topology=topo, layout=layout)
        simulator.run_scale(top_path=str(scratch / "out"))
        seconds = time.process_time() - start
        report = (scratch / "out" / "run" / "COMPUTE_REPORT.csv").read_text().splitlines()
    column = [title.strip() for title in report[0].split(",")].index("Total Cycles")
    cycles = sum(int(float(row.split(",")[column])) for row in report[1:])
    return {"version": version("scalesim"), "simulation_seconds": seconds, "cycles": cycles}


if __name__ == "__main__":
    print(json.dumps(simulate(sys.stdin.read())))
