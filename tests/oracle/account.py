"""Names for PE-cycles and causes for stalls."""

from collections import Counter
from collections.abc import Iterator

from .nest import Marks

NAMES = (
    "mac", "accumulate", "stall_weight", "stall_input", "stall_psum_in", "stall_output",
    "fill_drain", "imbalance", "unmapped", "between",
)  # fmt: skip


class Account:
    """PE-cycles by name, every stall with where the missing thing was, and what every PE did one after another."""

    def __init__(self, pes: int) -> None:
        self.names = dict.fromkeys(NAMES, 0)
        self.stalls: list[tuple[str, int, int, Marks]] = []
        self.timelines: list[list[tuple[str, str | None, int]]] = [[] for _ in range(pes)]

    def name(self, pe: int, name: str, cycles: int) -> None:
        """PE ``pe`` goes on with ``cycles`` of this name."""
        assert cycles >= 0, name
        self.names[name] += cycles
        self.timelines[pe].append((name, None, cycles))

    def stall(self, pe: int, name: str, start: int, end: int, marks: Marks) -> None:
        """A PE was stalled in [start, end); ``marks`` say where what it missed was, the last one from then on."""
        if end > start:
            self.names[name] += end - start
            self.stalls.append((name, start, end, marks))
            self.timelines[pe] += [(name, cause, cycles) for cause, cycles in split(start, end, marks)]

    def causes(self) -> dict[str, dict[str, int]]:
        """Stalled PE-cycles by name and cause."""
        out: dict[str, Counter[str]] = {name: Counter() for name in NAMES if name.startswith("stall_")}
        for name, start, end, marks in self.stalls:
            for cause, cycles in split(start, end, marks):
                out[name][cause] += cycles
        return {name: dict(causes) for name, causes in out.items()}

    def timeline(self, pe: int) -> list[tuple[str, str | None, int]]:
        """(name, cause, cycles) of a PE from the layer's start on; what follows itself is one."""
        out: list[tuple[str, str | None, int]] = []
        for name, cause, cycles in self.timelines[pe]:
            before = out.pop()[2] if out and out[-1][:2] == (name, cause) else 0
            if before + cycles:
                out.append((name, cause, before + cycles))
        return out


def split(start: int, end: int, marks: Marks) -> Iterator[tuple[str, int]]:
    """The causes of [start, end) one after another, with their cycles."""
    now = start
    for until, cause in [*marks[:-1], (end, marks[-1][1])]:
        if min(until, end) > now:
            yield cause, min(until, end) - now
            now = min(until, end)
