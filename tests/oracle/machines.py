"""Random small machines, layers and mappings for the comparison."""

import sys
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parent.parent / "laws"))

from random_machines import built, cases, changed, free_cases, measured

__all__ = ["any_case", "built", "changed", "measured"]


def any_case() -> Any:
    return st.one_of(cases(), free_cases())
