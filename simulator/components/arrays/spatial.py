"""An array of independent PEs with scratchpads."""

from typing import Literal

from pydantic import Field

from simulator.components.arrays import ARRAYS
from simulator.components.arrays.base import Array
from simulator.components.base import Count, CountOrZero, Part
from simulator.names import DataType


class ProcessingElement(Part):
    """One PE: its MACs, pipeline and storage. Sizes are words of each data type."""

    macs_per_cycle: Count = 1
    pipeline_cycles: Count = Field(description="cycles from issuing a MAC to its result")
    weight_words: Count
    input_words: Count
    psum_words: Count
    weight_fifo_words: CountOrZero = Field(
        0, description="room beside the scratchpad for words that arrive early"
    )
    input_fifo_words: CountOrZero = Field(
        0, description="room beside the scratchpad for words that arrive early"
    )
    psum_in_fifo_words: Count = Field(description="incoming psums that can wait for the adder")
    psum_out_fifo_words: Count = Field(description="finished psums that can wait for their network")
    adder: Literal["shared", "private"] = Field(
        description="shared: incoming psums take cycles of the adder that also accumulates products"
    )
    zero_inputs: Literal["none", "gate"] = Field(
        "none",
        description="gate: a zero input disables the weight read and the multiplier; never saves cycles",
    )


@ARRAYS.register("spatial")
class SpatialArray(Array):
    """Rows × columns of PEs that run on their own, coupled only by what they exchange."""

    kind: Literal["spatial"]
    pe: ProcessingElement
    initial_psums: Literal["buffer", "zero"] = Field(
        "zero",
        description="whether first partial sums are read from the buffer like any other, or start at zero",
    )
    pass_barrier: bool = Field(False, description="whether all PEs wait for each other between passes")

    def pad_words(self, data_type: DataType) -> int:
        """Scratchpad words for one data type, FIFOs not counted."""
        return {"weight": self.pe.weight_words, "input": self.pe.input_words, "output": self.pe.psum_words}[
            data_type
        ]

    def fifo_words(self, data_type: DataType, *, accumulates: bool = False) -> int:
        """Words of one data type in the FIFOs of all PEs."""
        pe = self.pe
        psums = pe.psum_in_fifo_words + pe.psum_out_fifo_words
        each = {"weight": pe.weight_fifo_words, "input": pe.input_fifo_words, "output": psums}
        return self.pes * each[data_type]
