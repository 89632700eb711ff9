"""On-chip buffers: global buffers, prefetch buffers, FIFOs of tiles."""

from typing import Literal, Self

from pydantic import Field, model_validator

from simulator.components.base import UNLIMITED, Count, NoOrMoreDataTypes, Rate
from simulator.components.memories import MEMORIES
from simulator.components.memories.base import Memory, split_evenly
from simulator.names import DataType


@MEMORIES.register("sram")
class Sram(Memory):
    """A buffer of finite size. Double buffering is what happens when two tiles fit."""

    kind: Literal["sram"]
    capacity_bytes: Count | None = Field(None, description="size; or give banks and bank_bytes")
    banks: Count | None = None
    bank_bytes: Count | None = None
    bank_owner: Literal["shared", "data_type"] = Field(
        "shared", description="`data_type`: a bank belongs wholly to one data type, set per layer"
    )
    ports: Literal["one", "read_write", "per_data_type"] = Field(
        "read_write",
        description="array side: one port for all, one for reads and one for writes, or those per data type",
    )
    single_buffered: NoOrMoreDataTypes = Field(
        (),
        description="data types of which it holds one tile, whole when used; the next comes when it is dead",
    )
    whole_tiles: NoOrMoreDataTypes = Field(
        (), description="data types whose tiles are handed on whole: nothing is used before all has come"
    )
    accumulates: bool = Field(
        False, description="whether psums from the array are added to what it holds, so that none go back in"
    )
    read_words_per_cycle: Rate = UNLIMITED
    write_words_per_cycle: Rate = UNLIMITED
    outer_read_words_per_cycle: Rate = UNLIMITED
    outer_write_words_per_cycle: Rate = UNLIMITED

    @model_validator(mode="after")
    def _size_is_said_once(self) -> Self:
        banked = self.banks is not None and self.bank_bytes is not None
        if banked == (self.capacity_bytes is not None) or (self.banks is None) != (self.bank_bytes is None):
            raise ValueError("give either capacity_bytes, or banks and bank_bytes")
        if self.bank_owner == "data_type" and not banked:
            raise ValueError("bank_owner: data_type needs banks and bank_bytes")
        if self.ports == "one" and self.read_words_per_cycle != self.write_words_per_cycle:
            raise ValueError("ports: one needs equal read_words_per_cycle and write_words_per_cycle")
        self._refuse_idle_rates()
        for key in ("single_buffered", "whole_tiles"):
            strange = [data_type for data_type in getattr(self, key) if data_type not in self.keeps]
            if strange:
                raise ValueError(f"{key}: {', '.join(strange)}: data types that it keeps were expected")
        if self.accumulates and "output" not in self.keeps:
            raise ValueError("accumulates: no effect where outputs are not kept")
        return self

    def _refuse_idle_rates(self) -> None:
        """Only outputs are written from the array side and read towards DRAM."""
        idle = {"outer_read_words_per_cycle": self.outer_read_words_per_cycle}
        if self.ports != "one":
            idle["write_words_per_cycle"] = self.write_words_per_cycle
        finite = [key for key, rate in idle.items() if rate != UNLIMITED]
        if finite and "output" not in self.keeps:
            raise ValueError(f"{' and '.join(finite)}: no effect where outputs are not kept")

    @property
    def size_bytes(self) -> int:
        """Capacity in bytes."""
        if self.capacity_bytes is not None:
            return self.capacity_bytes
        assert self.banks is not None
        assert self.bank_bytes is not None
        return self.banks * self.bank_bytes

    def tile_quota(self, tile_bits: dict[DataType, int], tiles: dict[DataType, int]) -> dict[DataType, int]:
        """Whole tiles per data type; with banks owned by a data type, one more tile costs whole banks."""
        tiles = {d: self.useful_tiles(d, n) for d, n in tiles.items()}
        if self.bank_owner == "shared":
            return split_evenly(self.size_bytes * 8, tile_bits, tiles)
        assert self.banks is not None
        assert self.bank_bytes is not None
        bank_bits = self.bank_bytes * 8
        banks_per_tile = {d: -(-bits // bank_bits) for d, bits in tile_bits.items()}
        banks = split_evenly(self.banks, banks_per_tile, tiles)
        return {d: min(tiles[d], banks[d] * banks_per_tile[d] * bank_bits // tile_bits[d]) for d in tile_bits}

    def useful_tiles(self, data_type: DataType, tiles: int) -> int:
        """One where it is single-buffered."""
        return min(tiles, 1) if data_type in self.single_buffered else tiles

    def in_parts(self, data_type: DataType) -> bool:
        """Where it is neither single-buffered nor handed on whole."""
        return data_type not in self.single_buffered and data_type not in self.whole_tiles

    def array_port(self, data_type: DataType, direction: str) -> tuple[str, Rate]:
        """The port of the array side, named after what shares it."""
        rate = self.read_words_per_cycle if direction == "read" else self.write_words_per_cycle
        name = {"one": "port", "read_write": direction, "per_data_type": f"{data_type}_{direction}"}[
            self.ports
        ]
        return name, rate

    def outer_port(self, data_type: DataType, direction: str) -> tuple[str, Rate]:
        """The port of the outer side: one for fills, one for drains."""
        rate = self.outer_read_words_per_cycle if direction == "read" else self.outer_write_words_per_cycle
        return f"outer_{direction}", rate
