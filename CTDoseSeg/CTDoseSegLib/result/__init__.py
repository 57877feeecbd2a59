"""The result of an analysis: typed, complete, written and read back; what all faces take."""

from ..dosimetry.doses import OrganDose
from .comparison import Comparison, Quantity, compare
from .organ_comparison import OrganComparison
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
    "Comparison",
    "Geometry",
    "HUHistogram",
    "OrganComparison",
    "OrganDose",
    "Quantity",
    "Result",
    "SSDESummary",
    "SegmentationSummary",
    "SizeSummary",
    "Slices",
    "Structure",
    "compare",
    "parse_result",
    "read_result",
]
