"""Names for PE-cycles and causes for stalls."""

from collections import Counter

from .nest import Marks

NAMES = (
    "mac", "accumulate", "stall_weight", "stall_input", "stall_psum_in", "stall_output",
    "fill_drain", "imbalance", "unmapped", "between",
)  # fmt: skip


class Account:
    """PE-cycles by name, and stalled ones by cause."""

    def __init__(self) -> None:
        self.names = dict.fromkeys(NAMES, 0)
        self.causes: dict[str, Counter[str]] = {name: Counter() for name in NAMES if name.startswith("stall_")}

    def name(self, name: str, cycles: int) -> None:
        assert cycles >= 0, name
        self.names[name] += cycles

    def stall(self, name: str, start: int, end: int, marks: Marks) -> None:
        """A PE was stalled in [start, end); ``marks`` say where what it missed was, the last one from then on."""
        self.name(name, max(0, end - start))
        for i, (until, cause) in enumerate(marks):
            stop = end if i == len(marks) - 1 else min(until, end)
            if stop > start:
                self.causes[name][cause] += stop - start
                start = stop
