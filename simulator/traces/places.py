"""Where in the loops around the passes a pass is."""

from dataclasses import dataclass
from math import prod

from simulator.names import DATA_TYPES, RELEVANT, Dimension


@dataclass(frozen=True, slots=True)
class Places:
    """The loops around passes, outermost first: dimension and how far each goes; and all ``sizes``."""

    loops: tuple[tuple[Dimension, int], ...]
    sizes: dict[Dimension, int]

    def of(self, number: int) -> tuple[tuple[Dimension, int], ...]:
        """Dimension and iteration of every loop in pass ``number``, counted from 0."""
        lengths, out = dict(self.sizes), []
        for i, (dimension, step) in enumerate(self.loops):
            whole = min(step, lengths[dimension])
            inside = self._passes(i + 1, lengths | {dimension: whole})
            last = -(-lengths[dimension] // step) - 1
            digit = min(number // inside, last)
            number -= digit * inside
            lengths[dimension] = min(step, lengths[dimension] - digit * step)
            out.append((dimension, digit))
        return tuple(out)

    def _passes(self, first: int, lengths: dict[Dimension, int]) -> int:
        """How many passes the loops from ``first`` on make."""
        return prod(self._pieces(first, d, n) for d, n in lengths.items())

    def _pieces(self, first: int, dimension: Dimension, length: int) -> int:
        pieces = {length: 1}
        for d, step in self.loops[first:]:
            if d == dimension:
                cut: dict[int, int] = {}
                for n, count in pieces.items():
                    for part, times in ((step, n // step), (n % step, 1)):
                        if part and times:
                            cut[part] = cut.get(part, 0) + count * times
                pieces = cut
        return sum(pieces.values())

    def told(self, number: int) -> dict[str, str]:
        """The loops of a pass in words, all of them and those that index each data type's tile."""
        place = self.of(number)
        out = {"loops": _words(place)}
        for data_type in DATA_TYPES:
            out[f"{data_type}_tile"] = _words([(d, n) for d, n in place if d in RELEVANT[data_type]])
        return out


def _words(place: object) -> str:
    return ", ".join(f"{d} {n}" for d, n in place)  # type: ignore[attr-defined]
