"""Compare many random machines with the engine: ``python -m tests.oracle.campaign 0 2000`` prints the seeds that disagree.

``python -m tests.oracle.campaign 0 2000 long`` takes layers that repeat, so that fast-forward has something to skip,
``busy`` PEs that have much to do in a step and whose words come one by one, ``crowded`` windows
whose weights share a slow port with psums, ``leaving`` psums that wait in the FIFOs of several heads, ``systolic`` systolic
arrays, ``long_systolic`` those with layers that repeat, ``windowed_systolic`` those with convolutions.
"""

import sys
import time
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from simulator.errors import InputError

from .compare import differences, skipped
from .machines import busy_cases, crowded_cases, leaving_cases, long_cases, varied_case
from .systolic_machines import long_systolic_cases, systolic_cases, windowed_systolic_cases

BLOCK = 25
"""Cases that one seed of hypothesis makes."""
KINDS = {
    "any": varied_case, "busy": busy_cases, "crowded": crowded_cases, "leaving": leaving_cases, "long": long_cases,
    "systolic": systolic_cases, "long_systolic": long_systolic_cases, "windowed_systolic": windowed_systolic_cases,
}  # fmt: skip


def run_block(number: int, found: list[Any], show: int, kind: str = "any") -> int:
    """Run one seed's cases; what disagrees goes to ``found`` as (seed, case, case itself, differences)."""
    ran = 0

    @seed(number)
    @settings(
        max_examples=BLOCK, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(KINDS[kind](), st.integers(0, 3))
    def body(case: Any, which: int) -> None:
        nonlocal ran
        ran += 1
        try:
            told = differences(*case, which=which)
        except (InputError, RuntimeError, AssertionError) as error:
            told = [f"{type(error).__name__}: {error}"]
        if told:
            found.append((number, ran, case, told))
            if len(found) <= show:
                print(f"seed {number} case {ran}: {told[:6]}", flush=True)

    body()
    return ran


def main(first: int, cases: int, kind: str = "any", show: int = 10) -> None:
    found: list[Any] = []
    ran, number, began = 0, first, time.time()
    while ran < cases:
        ran += run_block(number, found, show, kind)
        number += 1
    keys = Counter(key for _, _, _, told in found for key in {line.split(":")[0] for line in told})
    print(f"{ran} cases, seeds {first}..{number - 1}, {len(found)} disagree, {time.time() - began:.0f} s; {dict(keys)}")
    print(f"{skipped[True]} of {skipped.total()} runs skipped something")
    print("disagreeing (seed, case):", [(number, case) for number, case, _, _ in found])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
