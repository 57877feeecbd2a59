"""A comparison of two results as files; an empty cell means "not known"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..flags import codes
from ..result import Comparison
from .tables import write_csv

COMPARISON, COMPARISON_SLICES = "comparison.csv", "comparison_slices.csv"
COMPARISON_COLUMNS = (
    *("name", "region", "a", "b", "difference", "difference_percent"),
    *("ratio", "ratio_low", "ratio_high", "volume_a_ml", "volume_b_ml", "flags"),
)
COMPARISON_SLICE_COLUMNS = (
    *("slice_index_a", "slice_index_b", "z_mm", "wed_a_mm", "wed_b_mm", "wed_difference_mm"),
    *("ssde_a_mGy", "ssde_b_mGy"),
)
MEANINGS: Mapping[str, Mapping[str, str]] = {
    COMPARISON: {
        "name": "An organ, whose values are doses (mGy), or a number of the scan, whose name ends "
        "in its unit.",
        "a": "In the first result.",
        "b": "In the second result.",
        "difference": "B less A.",
        "difference_percent": "How much more B is than A, in percent of A.",
        "flags": "Codes of the reasons why they cannot be compared, joined by semicolons.",
    },
    COMPARISON_SLICES: {
        "slice_index_a": "k of the first volume, from 0.",
        "slice_index_b": "k of the slice of the second volume at the same place.",
        "wed_difference_mm": "B less A.",
    },
}


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``comparison.csv`` and ``comparison_slices.csv``.

    Parameters
    ----------
    comparison
        Of two results.
    folder
        Existing folder.

    Returns
    -------
    list of Path
        The files written.
    """
    return [
        write_csv(folder / COMPARISON, COMPARISON_COLUMNS, _rows(comparison)),
        write_csv(folder / COMPARISON_SLICES, COMPARISON_SLICE_COLUMNS, _slice_rows(comparison)),
    ]


def _rows(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    for one in comparison.quantities:
        values = (one.a, one.b, one.difference, one.percent)
        yield (one.name, None, *values, *(None,) * 5, codes(one.flags))
    for organ in comparison.organs:
        yield (
            *(organ.organ, organ.region, organ.dose_a_mGy, organ.dose_b_mGy),
            *(organ.difference_mGy, organ.percent),
            *(organ.ratio, organ.ratio_low, organ.ratio_high),
            *(organ.volume_a_ml, organ.volume_b_ml, codes(organ.flags)),
        )


def _slice_rows(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    slices = comparison.slices
    for k, other in enumerate(slices.index_b):
        values = (getattr(slices, name)[k] for name in COMPARISON_SLICE_COLUMNS[2:])
        yield (k, None if other < 0 else other, *values)
