"""The result of an analysis: typed, complete, written and read back; what all faces take."""

from ..dosimetry.doses import OrganDose
from .reading import parse_result, read_result
from .result import Result
from .values import (
    Geometry,
    HUHistogram,
    SegmentationSummary,
    SizeSummary,
    Slices,
    SSDESummary,
    Structure,
)

__all__ = [
    "Geometry",
    "HUHistogram",
    "OrganDose",
    "Result",
    "SSDESummary",
    "SegmentationSummary",
    "SizeSummary",
    "Slices",
    "Structure",
    "parse_result",
    "read_result",
]
