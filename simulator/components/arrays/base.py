"""What every array of processing elements says of itself."""

from typing import ClassVar

from simulator.components.base import Count, Part
from simulator.names import DATA_TYPES, DataType


class Array(Part):
    """Rows × columns of something that multiplies. A subclass says what it needs around it."""

    buffered: ClassVar[tuple[DataType, ...]] = DATA_TYPES
    """Data types that must come from an on-chip memory."""
    resident: ClassVar[tuple[DataType, ...]] = ()
    """Data types that live in the array for a whole layer, and so need no way in."""
    one_home: ClassVar[bool] = True
    """Whether one off-chip memory must keep everything; otherwise each data type may have its own."""
    on_chip_homes: ClassVar[bool] = False
    """Whether a data type may start and end on the chip, if the whole of it fits there."""

    kind: str
    rows: Count
    columns: Count

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.rows * self.columns

    def pad_words(self, data_type: DataType) -> int:
        """Words of one data type that a PE stores, FIFOs not counted."""
        raise NotImplementedError

    def fifo_words(self, data_type: DataType, *, accumulates: bool = False) -> int:
        """Words of one data type in the FIFOs of the whole array; ``accumulates``: no psums come in."""
        raise NotImplementedError
