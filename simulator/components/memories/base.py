"""What every memory says of itself."""

from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from simulator.components.base import UNLIMITED, Arbitrated, DataTypes, Rate
from simulator.names import DataType

Words = dict[DataType, int]


class Memory(Arbitrated):
    """A level of the hierarchy. A subclass answers how much it holds and how fast its two sides are.

    The *outer* side faces DRAM, the *array* side the PEs. Rates are words of the moved data type per core
    cycle, or ``"unlimited"``. Ports with the same name are one port.
    """

    off_chip: ClassVar[bool] = False
    """Whether it is outside the chip: of unlimited size, and where layers start and end."""

    kind: str
    keeps: DataTypes = Field(description="data types that this level holds; others pass it by")

    def tile_quota(self, tile_bits: dict[DataType, int], tiles: dict[DataType, int]) -> dict[DataType, int]:
        """How many tiles of each data type may be resident at once; 0 where not even one fits."""
        raise NotImplementedError

    def useful_tiles(self, data_type: DataType, tiles: int) -> int:
        """How many of ``tiles`` tiles it would hold at once if there were room for all of them."""
        return tiles

    def in_parts(self, data_type: DataType) -> bool:
        """Whether the array may use a part of a tile before the rest has come, and give it back alone."""
        return True

    def array_port(self, data_type: DataType, direction: str) -> tuple[str, Rate]:
        """Name and words per cycle of the port that serves the array side ("read" or "write")."""
        raise NotImplementedError

    def outer_port(self, data_type: DataType, direction: str) -> tuple[str, Rate]:
        """Name and words per cycle of the port that serves the outer side ("read" or "write")."""
        raise NotImplementedError

    def port_bits(self) -> int | None:
        """Width of a port in bits where the description gives one, None for words or a fraction."""
        return None


def split_evenly(
    capacity: int, needs: dict[DataType, int], tiles: dict[DataType, int]
) -> dict[DataType, int]:
    """Share ``capacity`` among data types as whole tiles of ``needs`` each; never grants more than ``tiles``.

    Everybody gets one; then complete rounds of one more each; then, smallest tile first, one more while it
    fits. More capacity never takes a tile away from anybody. All zero where one of each does not fit.
    """
    quota = dict.fromkeys(needs, 0)
    if sum(needs.values()) > capacity:
        return quota
    open_types = sorted(needs, key=lambda data_type: needs[data_type])
    while open_types:
        room = capacity - sum(quota[d] * needs[d] for d in needs)
        round_size = sum(needs[d] for d in open_types)
        rounds = min(
            room // round_size if round_size else 1 << 40, *(tiles[d] - quota[d] for d in open_types)
        )
        if rounds == 0:
            for data_type in open_types:
                if needs[data_type] > room:
                    return quota
                room -= needs[data_type]
                quota[data_type] += 1
            return quota
        for data_type in open_types:
            quota[data_type] += rounds
        open_types = [d for d in open_types if quota[d] < tiles[d]]
    return quota


def bytes_to_words(rate: Rate, word_bits: int) -> Rate:
    """Convert bytes per cycle to words of ``word_bits`` per cycle, exactly."""
    return UNLIMITED if isinstance(rate, str) else rate * Fraction(8, word_bits)
