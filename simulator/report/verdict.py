"""One sentence that says what limits a layer, and by how much."""

from collections.abc import Mapping

from simulator.names import ARRAY

COMPUTE_BOUND_FACTOR = 3
"""MACs must take this many times the PE-cycles of the largest loss before a layer is called compute-bound."""

_LOSSES = {
    "accumulate": "the shared adder, busy with partial sums",
    "fill_drain": "filling and draining the pipelines",
    "imbalance": "PEs that are done while others still work",
    "unmapped": "PEs that the mapping leaves without work",
    "between": "waiting for the first word and after the last result",
}

Causes = Mapping[str, Mapping[str, int]]


def losses(pe_cycles: Mapping[str, int], stall_causes: Causes) -> dict[str, int]:
    """PE-cycles that are not MACs, by what took them: resources for stalls, PE-cycle names for the rest."""
    found = {name: pe_cycles.get(name, 0) for name in _LOSSES}
    for causes in stall_causes.values():
        for resource, count in causes.items():
            key = f"cause {resource}"
            found[key] = found.get(key, 0) + count
    return found


def verdict(pe_cycles: Mapping[str, int], stall_causes: Causes) -> str:
    """Name the largest loss and its share of PE-cycles, or say that the layer is compute-bound.

    Stalls count by their cause, summed over operands. PEs without work do not limit a layer whose other PEs
    mostly wait: more of them would wait too. Compute-bound means that MACs take most PE-cycles and
    at least `COMPUTE_BOUND_FACTOR` times those of the largest loss.
    """
    total = sum(pe_cycles.values())
    if not total:
        return "no PE-cycles"
    found = losses(pe_cycles, stall_causes)
    working = pe_cycles.get("mac", 0) + pe_cycles.get("accumulate", 0)
    mapped = total - found["unmapped"]
    rivals = [name for name in found if name != "unmapped" or 2 * working >= mapped]
    largest = max(rivals, key=lambda name: found[name])
    macs, loss = pe_cycles.get("mac", 0), found[largest]
    if 2 * macs >= total and macs >= COMPUTE_BOUND_FACTOR * loss:
        tail = f"; the largest loss is {_words(largest)}: {_share(loss, total)}" if loss else ""
        return f"compute-bound: {_share(macs, total)} of PE-cycles are MACs{tail}"
    stalls = _stalls_behind(largest, stall_causes)
    return f"limited by {_words(largest)}: {_share(loss, total)} of PE-cycles{stalls}"


def vector_verdict(busy_cycles: float, cycles: int, link_busy_cycles: float) -> str:
    """Say whether the lanes or the link to memory set the pace of a layer without MACs."""
    lanes, link = (100 * busy / cycles if cycles else 0.0 for busy in (busy_cycles, link_busy_cycles))
    pace = "its lanes" if lanes >= link else "memory"
    return f"runs on the vector unit, limited by {pace}: lanes busy {lanes:.0f} %, link busy {link:.0f} %"


def _words(loss: str) -> str:
    if loss in _LOSSES:
        return f"{_LOSSES[loss]} ({loss})"
    resource = loss.removeprefix("cause ")
    return "the PE array itself (array)" if resource == ARRAY else resource


def _stalls_behind(loss: str, stall_causes: Causes) -> str:
    resource = loss.removeprefix("cause ")
    names = (
        [name for name, causes in stall_causes.items() if causes.get(resource)] if resource != loss else []
    )
    return f" ({', '.join(names)})" if names else ""


def _share(part: int, total: int) -> str:
    percent = 100 * part / total
    return f"{percent:.0f} %" if percent >= 1 or not part else f"{percent:.2g} %"
