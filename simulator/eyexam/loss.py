"""Where the MACs per cycle between a mapping's occupancy and the measurement went: exact, and all of it.

All PEs together could do `peak` MACs per cycle. What they did not do stands in the account of PE-cycles: a
name (and cause) with n PE-cycles cost n × MACs per cycle of a PE ÷ cycles. Part of that the mapping loses by
itself, however fast data comes (peak - occupancy); that part is taken off what mappings cause first (`OWN`),
in this order, until it is used up. As all names are peak - measured together, and occupancy is at least what
was measured, what is left is never negative and sums exactly to occupancy - measured.
"""

from collections.abc import Mapping
from fractions import Fraction

from simulator.names import ARRAY, PE_CYCLE_NAMES, STALL_NAMES

SLOTS = "idle_slots"
"""MACs that PEs could have done in cycles in which they did some."""

OWN = (SLOTS, "unmapped", "imbalance", *(f"{name}: {ARRAY}" for name in STALL_NAMES))
"""What a mapping can cause by itself: too little work for a PE's MACs, for some PEs, in some steps."""


def losses(
    pe_cycles: Mapping[str, int],
    stall_causes: Mapping[str, Mapping[str, int]],
    *,
    macs: int,
    cycles: int,
    macs_per_cycle: int,
) -> dict[str, Fraction]:
    """MACs per cycle that were not done, by PE-cycle name (stalls: ``name: cause``).

    They sum to peak - measured; names without any are left out.
    """
    out = {SLOTS: Fraction(macs_per_cycle * pe_cycles["mac"] - macs, cycles)}
    for name in PE_CYCLE_NAMES[1:]:
        parts = {name: pe_cycles[name]}
        if name in STALL_NAMES:
            parts = {f"{name}: {cause}": n for cause, n in sorted(stall_causes[name].items())}
        out |= {key: Fraction(macs_per_cycle * n, cycles) for key, n in parts.items()}
    return {name: lost for name, lost in out.items() if lost}


def beyond(lost: Mapping[str, Fraction], own: Fraction) -> dict[str, Fraction]:
    """What is left of ``lost`` when ``own``, the mapping's part of it, is taken off; nothing is left out."""
    order = [name for name in OWN if name in lost] + [name for name in lost if name not in OWN]
    left = dict(lost)
    for name in order:
        taken = min(own, left[name])
        left[name] -= taken
        own -= taken
    return {name: part for name, part in left.items() if part}
