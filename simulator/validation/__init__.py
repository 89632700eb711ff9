"""Published comparisons: one data file each in ``cases``, run by one of ``runners``."""

from simulator.validation.compare import validate
from simulator.validation.result import CaseResult, Comparison, Row, Validation

__all__ = ["CaseResult", "Comparison", "Row", "Validation", "validate"]
