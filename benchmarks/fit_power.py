"""Where the prices of the energy table `eyeriss_65nm` come from: fitted to two layers of the chip.

Four numbers are fitted, to what JSSC 2017 prints of AlexNet CONV1 and CONV5: power (table V) and the shares
of it that scratchpads and multiply-add take (figure 16). Everything else in the table is derived from them or
cited; the other layers' power is a prediction (`stallion validate eyeriss_v1_alexnet`).
"""

import numpy as np
from numpy.typing import NDArray

import simulator
from simulator.report.result import LayerResult

FITTED_TO = {"CONV1": (332, 0.425, 0.089), "CONV5": (236, 0.331, 0.030)}
"""Power in mW, its share in scratchpads, its share in multiply-add: JSSC 2017, table V and figure 16."""
BUFFER_OVER_MAC, NETWORK_OVER_MAC = 6, 2
"""Relative costs of a word, ISCA 2016."""


def count(layer: LayerResult, part: str, data_type: str, *actions: str) -> int:
    """Actions of a part on a data type."""
    return sum(layer.actions.get(part, {}).get(data_type, {}).get(action, 0) for action in actions)


def moved(layer: LayerResult, *actions: str) -> int:
    """Words of all networks, or of the buffers on the chip, by the names of their actions."""
    skipped = {"mac", "scratchpad", "dram"}
    return sum(
        n for part, by_type in layer.actions.items() if part not in skipped
        for by_action in by_type.values() for action, n in by_action.items() if action in actions
    )  # fmt: skip


def fit(layers: list[LayerResult], published: list[tuple[float, float, float]]) -> dict[str, float]:
    """Picojoules per action, and per cycle for what does not depend on actions."""
    nanoseconds = [layer.milliseconds * 1e6 for layer in layers]
    energy = [
        (mw * ns, mw * ns * pads, mw * ns * macs)
        for (mw, pads, macs), ns in zip(published, nanoseconds, strict=True)
    ]
    computed = [count(layer, "mac", "all", "compute") for layer in layers]
    mac = float(np.mean([macs / n for (_, _, macs), n in zip(energy, computed, strict=True)]))
    small = [sum(count(x, "scratchpad", d, "read", "write") for d in ("input", "output")) for x in layers]
    large = [count(layer, "scratchpad", "weight", "read", "write") for layer in layers]
    pads: NDArray[np.float64] = np.linalg.solve(np.array([small, large]).T, [part for _, part, _ in energy])
    words = [
        mac * (BUFFER_OVER_MAC * moved(x, "read", "write") + NETWORK_OVER_MAC * moved(x, "hop", "deliver"))
        for x in layers
    ]
    rest = [whole - part - macs - way for way, (whole, part, macs) in zip(words, energy, strict=True)]
    cycle = float(np.mean([left / x.cycles for x, left in zip(layers, rest, strict=True)]))
    return {
        "mac": mac,
        "scratchpad up to 64 bytes": float(pads[0]),
        "scratchpad": float(pads[1]),
        "cycle": cycle,
    }


if __name__ == "__main__":
    run = simulator.simulate("eyeriss_v1", "alexnet", batch=4)
    found = fit([run.layers[name] for name in FITTED_TO], list(FITTED_TO.values()))
    for name, picojoules in found.items():
        print(f"{name}: {picojoules:.4g} pJ")
    print(f"buffer word: {found['mac'] * BUFFER_OVER_MAC:.4g} pJ")
    print(f"network word: {found['mac'] * NETWORK_OVER_MAC:.4g} pJ")
