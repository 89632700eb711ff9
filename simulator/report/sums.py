"""Sums over layers, and plain values for JSON."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

SUMMED = (
    "macs",
    "cycles",
    "pe_cycles",
    "stall_causes",
    "words",
    "words_created",
    "bytes_dram",
    "actions",
    "passes",
    "passes_simulated",
    "passes_skipped",
    "steps",
    "energy",
)


_PLAIN = (int, float, str, bool, type(None))


def plain(value: Any) -> Any:
    """Return ``value`` as JSON values: fractions as numbers (whole ones as integers), arrays as lists."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return value


def add(sums: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add numbers key by key, at any depth, into ``sums``; new keys are taken over."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            add(sums.setdefault(key, {}), value)
        else:
            sums[key] = sums.get(key, 0) + value


def total_of(layers: Sequence[Mapping[str, Any]], *, pes: int) -> dict[str, Any]:
    """Sum layers given as ``LayerResult.to_dict()``; mean active PEs are weighted by cycles."""
    counts = ("macs", "cycles", "bytes_dram", "passes", "passes_simulated", "passes_skipped", "steps")
    sums: dict[str, Any] = dict.fromkeys(counts, 0)
    sums |= {key: {} for key in ("pe_cycles", "stall_causes", "words", "words_created", "actions", "energy")}
    for layer in layers:
        add(sums, {key: layer[key] for key in SUMMED})
    buffer_bytes = [layer["bytes_glb"] for layer in layers if layer["bytes_glb"] is not None]
    sums |= {
        "pes": pes,
        "active_pes": round(_weighted(layers, "active_pes")),
        "mean_active_pes": _weighted(layers, "mean_active_pes"),
        "bytes_glb": sum(buffer_bytes) if buffer_bytes else None,
        "ports": _total_ports(layers),
    }
    return sums


def _weighted(layers: Sequence[Mapping[str, Any]], key: str) -> float:
    cycles = sum(layer["cycles"] for layer in layers)
    return sum(layer[key] * layer["cycles"] for layer in layers) / cycles if cycles else 0.0


def _total_ports(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ports: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for name, port in layer["ports"].items():
            known = ports.setdefault(name, {**port, "words": 0, "busy_cycles": 0, "by_stream": {}})
            add(known, {key: port[key] for key in ("words", "busy_cycles", "by_stream") if key in port})
    return ports
