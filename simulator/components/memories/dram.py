"""Off-chip memory behind one link."""

from fractions import Fraction
from math import ceil
from typing import ClassVar, Literal

from pydantic import Field

from simulator.components.base import UNLIMITED, Count, CountOrZero, Positive, Rate
from simulator.components.codecs import RunLength
from simulator.components.memories import MEMORIES
from simulator.components.memories.base import Memory
from simulator.names import DataType


@MEMORIES.register("dram")
class Dram(Memory):
    """DRAM of unlimited size: a link with its own clock, a fixed latency and whole bursts."""

    off_chip: ClassVar[bool] = True

    kind: Literal["dram"]
    clock_mhz: Positive | None = Field(None, description="clock of the link; the core's where absent")
    bytes_per_cycle: Rate = Field(description="bytes that cross the link per cycle of its own clock")
    latency_cycles: CountOrZero = Field(
        0, description="core cycles from the last byte's slot to its visibility"
    )
    burst_bytes: Count = Field(1, description="every transfer is rounded up to a multiple of this")
    directions: Literal["shared", "separate"] = Field(
        "shared", description="one link for both directions, or one each"
    )

    codecs: dict[Literal["input", "output"], RunLength] = Field(
        default_factory=dict,
        description="how feature maps are compressed; partial sums and layers with unknown zeros are not",
    )

    def tile_quota(self, tile_bits: dict[DataType, int], tiles: dict[DataType, int]) -> dict[DataType, int]:
        """Everything fits."""
        return {data_type: tiles[data_type] for data_type in tile_bits}

    def bytes_per_core_cycle(self, core_clock_mhz: float) -> Rate:
        """Exact bytes per core cycle."""
        if isinstance(self.bytes_per_cycle, str) or self.clock_mhz is None:
            return self.bytes_per_cycle
        return self.bytes_per_cycle * Fraction(str(self.clock_mhz)) / Fraction(str(core_clock_mhz))

    def coded_bits(
        self, data_type: DataType, words: int, row_words: int, word_bits: int, zeros: Fraction | None
    ) -> int:
        """Bits that cross for ``words`` in rows of ``row_words``; ``zeros``: None if unknown."""
        codec = self.codecs.get(data_type) if data_type != "weight" else None
        if codec is None or zeros is None or words == 0:
            return words * word_bits
        return ceil(words // row_words * codec.row_bits(row_words, word_bits, zeros))

    def transfer_bytes(self, bits: int) -> int:
        """Bytes that cross the link for ``bits`` of payload."""
        payload = -(-bits // 8)
        return -(-payload // self.burst_bytes) * self.burst_bytes

    def array_port(self, data_type: DataType, direction: str) -> tuple[str, Rate]:
        """The link itself: its rate is in bytes, so words are not limited here."""
        return ("link" if self.directions == "shared" else direction), UNLIMITED

    def port_bits(self) -> int | None:
        """Width of the link where it is a whole number of bytes."""
        rate = self.bytes_per_cycle
        return None if isinstance(rate, str) or rate.denominator != 1 else int(rate) * 8
