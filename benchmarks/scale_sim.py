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
from dataclasses import replace
from pathlib import Path
from typing import Any

ARCHITECTURE, WORKLOAD, BATCH = "ws16", "alexnet", 1
PARTIES = ("scale_sim", "stallion", "stallion_fast_forward")
LONGEST_SECONDS = 600.0
"""What SCALE-Sim may take for all layers; the rest is left out."""
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


def topology(name: str) -> str:
    """A layer as SCALE-Sim reads it, a row per group."""
    from simulator.formats.load import load_workload
    from simulator.spec.layer import Layer

    (layer,) = load_workload(WORKLOAD).select([name]).lower(BATCH)
    assert isinstance(layer, Layer)
    n = layer.sizes
    height = (n["P"] - 1) * layer.stride[0] + n["R"]
    width = (n["Q"] - 1) * layer.stride[1] + n["S"]
    row = (height, width, n["R"], n["S"], n["C"], n["M"], layer.stride[0])
    rows = [", ".join(map(str, (f"{name}_{group}", *row))) + "," for group in range(n["G"])]
    return "\n".join([HEADER, *rows]) + "\n"


def compare(python: str, layers: list[str]) -> dict[str, Any] | str:
    """Each layer on both, as long as the time allowed lasts; in words, why there is no comparison."""
    try:
        found = subprocess.run([python, "-c", "import scalesim.scale_sim"], check=False, capture_output=True)
    except OSError as error:
        raise SystemExit(f"--scalesim-python {python}: {error.strerror}") from None
    if found.returncode:
        return "scalesim is not installed: skipped"
    rows, until = [], time.monotonic() + LONGEST_SECONDS
    for layer in layers:
        rows.append({"layer": layer, **_both(python, layer, until - time.monotonic())})
    timed = [row for row in rows if "not_run" not in row]
    sums = {who: sum(row[who]["simulation_seconds"] for row in timed) for who in PARTIES}
    return {
        "compared": f"{WORKLOAD}, batch {BATCH}: {ARCHITECTURE} and SCALE-Sim, weight-stationary 16 x 16",
        "layers": rows,
        **{f"{who}_seconds": seconds for who, seconds in sums.items()},
        **({"times_faster": sums["scale_sim"] / sums["stallion"]} if timed else {}),
    }


def _both(python: str, layer: str, seconds: float) -> dict[str, Any]:
    from measured import Task, run

    command, left = [python, "-W", "ignore", __file__], max(0.0, seconds)
    try:
        done = subprocess.run(
            command, input=topology(layer), timeout=left, check=False, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        return {"not_run": f"SCALE-Sim takes more than {left:.0f} s"}
    if done.returncode:
        return {"not_run": f"SCALE-Sim failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"}
    task = Task(ARCHITECTURE, WORKLOAD, BATCH, [layer], repeats=3)
    ours = {"stallion": run(replace(task, fast_forward=False)), "stallion_fast_forward": run(task)}
    out: dict[str, Any] = {"scale_sim": json.loads(done.stdout.splitlines()[-1])}
    for who, record in ours.items():
        assert not isinstance(record, str), record
        out[who] = {name: record[name] for name in ("simulation_seconds", "cycles", "macs")}
    return out


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
