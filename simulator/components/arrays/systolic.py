"""A systolic array: operands enter at its edges and move on by one PE per cycle."""

from functools import cached_property
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulator.components.arrays import ARRAYS
from simulator.components.arrays.base import Array
from simulator.components.arrays.spatial import ProcessingElement
from simulator.components.base import Count
from simulator.names import DataType


@ARRAYS.register("systolic")
class SystolicArray(Array):
    """Rows × columns of PEs in lock-step. One operand stays in the PEs for a fold, the others ripple past it.

    A layer runs as a matrix product: N output positions, C weights of a filter, M filters. Stationary weights
    lie with C along rows and M along columns, stationary inputs with C along rows and N along columns; the
    other operand enters at the left, a vector of C per cycle; sums leave at the bottom. Stationary outputs
    lie with N along rows and M along columns; a vector of both operands enters per cycle. DESIGN.md has the
    rules.
    """

    one_home: ClassVar[bool] = False
    on_chip_homes: ClassVar[bool] = True

    kind: Literal["systolic"]
    stationary: DataType = Field(description="the data type that stays in the PEs for a fold")
    shadow: bool = Field(
        False, description="a second register per PE: the next tile shifts in while this one is used"
    )
    shift: Literal["straight", "skewed"] = Field(
        "straight",
        description="skewed: column j of a tile enters j cycles later, so that it follows vectors closely",
    )
    shifted_rows: Literal["all", "used"] = Field(
        "all", description="whether a partly filled tile is shifted in with rows of zeros above it"
    )
    wavefront: Literal["array", "used"] = Field(
        "array", description="a fold is over when it has passed the whole array, or the PEs in use"
    )
    drain: Literal["at_once", "each", "down", "apart"] = Field(
        "at_once",
        description="how stationary outputs leave: together when the last one is done, each when it is done, "
        "down their columns, or down through registers of their own",
    )
    bubbles: Literal["ripple", "freeze"] = Field(
        "ripple", description="whether a vector that is late leaves a gap that moves on, or stops the array"
    )
    left_fifo_words: Count = Field(2, description="words that wait at the left edge, per row")
    top_fifo_words: Count = Field(2, description="words that wait at the top edge, per column")
    psum_in_fifo_words: Count = Field(2, description="psums that wait at the top edge, per column")
    output_fifo_words: Count = Field(
        2, description="results that wait for their port: per column, or with stationary outputs per PE"
    )
    pipeline_cycles: Count = Field(1, description="cycles from a PE's operands to their product in its sum")
    zero_inputs: Literal["none", "gate"] = Field(
        "none",
        description="gate: a zero input disables the weight read and the multiplier; never saves cycles",
    )

    @model_validator(mode="after")
    def _nothing_idle(self) -> Self:
        idle = {
            "shadow": self.stationary == "output" and self.shadow,
            "shift": self.stationary == "output" and self.shift != "straight",
            "shifted_rows": self.stationary == "output" and self.shifted_rows != "all",
            "drain": self.stationary != "output" and self.drain != "at_once",
            "psum_in_fifo_words": self.stationary == "output" and self.psum_in_fifo_words != 2,
        }
        for key, found in idle.items():
            if found:
                raise ValueError(f"{key}: no effect where {self.stationary} is stationary")
        return self

    @property
    def wave(self) -> int:
        """Moves from a vector's first PE to the last PE of the whole array."""
        return self.rows + self.columns - 2

    @cached_property
    def pe(self) -> ProcessingElement:
        """One PE: registers that hold a word each."""
        own = {f"{d}_words": 2 if self.shadow and d == self.stationary else 1 for d in ("weight", "input")}
        return ProcessingElement(
            **own, psum_words=2 if self.drain == "apart" else 1, pipeline_cycles=self.pipeline_cycles,
            psum_in_fifo_words=1, psum_out_fifo_words=1, adder="private", zero_inputs=self.zero_inputs,
        )  # fmt: skip

    @property
    def pass_barrier(self) -> bool:
        """PEs go in lock-step: none waits for another."""
        return False

    @property
    def initial_psums(self) -> Literal["zero"]:
        """First partial sums start at zero."""
        return "zero"

    def pad_words(self, data_type: DataType) -> int:
        """Words of one data type in a PE's registers."""
        return {"weight": self.pe.weight_words, "input": self.pe.input_words, "output": self.pe.psum_words}[
            data_type
        ]

    def fifo_words(self, data_type: DataType, *, accumulates: bool = False) -> int:
        """Words of one data type in the FIFOs at the edges."""
        if data_type == "output":
            if self.stationary == "output":
                return self.pes * self.output_fifo_words
            coming = 0 if accumulates else self.psum_in_fifo_words
            return self.columns * (coming + self.output_fifo_words)
        left: DataType = "weight" if self.stationary == "input" else "input"
        return self.rows * self.left_fifo_words if data_type == left else self.columns * self.top_fifo_words
