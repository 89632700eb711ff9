"""Run a case on the engine and on the oracle and say where they differ."""

from collections.abc import Iterator
from typing import Any

from simulator.mapping.mapping import Mapping
from simulator.spec.layer import Layer

from .machines import built, measured
from .oracle import Oracle

COMPARED = (
    "cycles", "macs", "pes", "active_pes", "mean_active_pes", "pe_cycles", "stall_causes", "words", "words_created",
    "ports", "bytes_dram", "actions", "passes", "steps",
)  # fmt: skip


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number of a result with its path; zeros are left out, so that absent is zero."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif tree:
        yield path, tree


def differences(
    description: dict[str, Any], layer: Layer, mapping: Mapping, *, which: int = 0, relax: tuple[str, ...] = ()
) -> list[str]:
    """``key: engine, oracle`` of everything that differs. ``which`` 3 relaxes a part too."""
    if which == 3:
        names = [*description["memories"], *description["networks"]]
        relax = (names[layer.macs % len(names)],)
    told = measured(description, layer, mapping, relax)
    truth = Oracle(layer, mapping, built(description), frozenset(relax)).run()
    engine = dict(leaves({key: told[key] for key in COMPARED}))
    oracle = dict(leaves({key: truth[key] for key in COMPARED}))
    engine = {key: n for key, n in engine.items() if not key.endswith((".limit_per_cycle", ".unit"))}
    out = []
    for key in sorted(engine.keys() | oracle.keys(), key=lambda key: COMPARED.index(key.split(".")[0])):
        a, b = engine.get(key, 0), oracle.get(key, 0)
        if a != b and not (isinstance(a, float) and isinstance(b, float) and abs(a - b) < 1e-9 * max(a, b)):
            out.append(f"{key}: {a}, {b}")
    return out
