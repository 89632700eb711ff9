"""Names for PE-cycles and causes for stalls."""

from collections import Counter

from .nest import Marks

NAMES = (
    "mac", "accumulate", "stall_weight", "stall_input", "stall_psum_in", "stall_output",
    "fill_drain", "imbalance", "unmapped", "between",
)  # fmt: skip


class Account:
    """PE-cycles by name, and every stall with where the missing thing was."""

    def __init__(self) -> None:
        self.names = dict.fromkeys(NAMES, 0)
        self.stalls: list[tuple[str, int, int, Marks]] = []

    def name(self, name: str, cycles: int) -> None:
        assert cycles >= 0, name
        self.names[name] += cycles

    def stall(self, name: str, start: int, end: int, marks: Marks) -> None:
        """A PE was stalled in [start, end); ``marks`` say where what it missed was, the last one from then on."""
        if end > start:
            self.name(name, end - start)
            self.stalls.append((name, start, end, marks))

    def causes(self) -> dict[str, dict[str, int]]:
        """Stalled PE-cycles by name and cause."""
        out: dict[str, Counter[str]] = {name: Counter() for name in NAMES if name.startswith("stall_")}
        for name, start, end, marks in self.stalls:
            now = start
            for until, cause in [*marks[:-1], (end, marks[-1][1])]:
                if min(until, end) > now:
                    out[name][cause] += min(until, end) - now
                    now = min(until, end)
        return {name: dict(causes) for name, causes in out.items()}
