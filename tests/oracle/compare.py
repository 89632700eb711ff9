"""Run a case on the engine and on the oracle and say where they differ."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from simulator.mapping.mapping import Mapping
from simulator.pipeline import Job, measure_job
from simulator.report.sums import plain
from simulator.spec.layer import Layer
from simulator.spec.relax import relaxable

from .machines import built
from .oracle import Oracle

COMPARED = (
    "cycles", "macs", "pes", "active_pes", "mean_active_pes", "pe_cycles", "stall_causes", "words", "words_created",
    "ports", "bytes_dram", "actions", "passes", "steps",
)  # fmt: skip
SIMULATED = ("passes_simulated", "passes_skipped")
"""What tells how a result was found and is no part of it."""
Tree = dict[str, Any]
skipped: Counter[bool] = Counter()
"""How many runs of this process skipped something (True)."""


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number of a result with its path; zeros are left out, so that absent is zero."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif tree:
        yield path, tree


def engine(description: Tree, layer: Layer, mapping: Mapping, relax: tuple[str, ...], *, fast_forward: bool) -> Tree:
    return measure_job(built(description), Job(layer, mapping), frozenset(relax), fast_forward=fast_forward)


def differences(description: Tree, layer: Layer, mapping: Mapping, *, which: int = 0, relax: tuple[str, ...] = ()) -> list[str]:
    """``key: engine, oracle`` of everything that differs, run in full and, marked so, fast-forwarded.

    ``which`` 3 relaxes a part too, 2 a single port of a memory.
    """
    if which > 1:
        names = [name for name in relaxable(built(description)) if ("." in name) == (which == 2)]
        relax = (names[layer.macs % len(names)],)
    full, quick = (engine(description, layer, mapping, relax, fast_forward=on) for on in (False, True))
    skipped[bool(quick["passes_skipped"])] += 1
    truth = Oracle(layer, mapping, built(description), frozenset(relax)).run()
    fast = [f"fast-forward {line}" for line in unequal(without(full, *SIMULATED), without(quick, *SIMULATED))]
    compared = [
        {key: n for key, n in leaves({key: tree[key] for key in COMPARED}) if not key.endswith((".limit_per_cycle", ".unit"))}
        for tree in (full, truth)
    ]
    return unequal(*compared) + fast


def without(tree: Tree, *keys: str) -> Tree:
    return dict(leaves(plain({key: value for key, value in tree.items() if key not in keys})))


def unequal(one: Tree, other: Tree) -> list[str]:
    """Paths at which two results differ, with both values."""
    order = list(dict.fromkeys([*one, *other]))
    out = []
    for key in order:
        a, b = one.get(key, 0), other.get(key, 0)
        if a != b and not (isinstance(a, float) and isinstance(b, float) and abs(a - b) < 1e-9 * max(a, b)):
            out.append(f"{key}: {a}, {b}")
    return out
