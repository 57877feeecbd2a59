"""Rows of the published format: what the networks take of an organ's slices.

Tzanis & Damilakis, European Radiology 2024, name them inference arrays: mean HU, SD of HU, tube
current, water-equivalent diameter and slice location, one row a slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...measurement.size import water_equivalent_diameter_mm

if TYPE_CHECKING:
    from ...ct.series import CTSeries
    from ...measurement.measurements import Measurements
    from ...measurement.size import SizeProfile

FEATURES = ("mean HU", "SD of HU", "tube current", "water-equivalent diameter", "slice location")


def inference_rows(
    series: CTSeries, measurements: Measurements, size: SizeProfile, organ: str
) -> np.ndarray:
    """Return an organ's rows, [n, 5] float64, in the order of the slices that hold it.

    Parameters
    ----------
    series
        The CT; its slices state tube current (mA) and slice location (mm).
    measurements, size
        Of a label map on it: mean and population SD of HU, and the diameter in mm.
    organ
        Name of a group of the label map.

    Returns
    -------
    numpy.ndarray
        Columns as in `FEATURES`. What is not known is NaN, also a tube current of 0, which is how
        scanners write one that they do not state.

    Notes
    -----
    The diameter is that of the body mask alone, as in the arrays that the networks were trained
    with. `SizeProfile.wed_mm` also counts the rim of partly filled pixels, which is 0.1 to 0.4 % of
    the diameter and would change the networks' doses by up to 3 % (a real abdomen), or by more
    where the input is far outside the training.
    """
    group = measurements.of(organ)
    wed_mm = water_equivalent_diameter_mm(size.body_area_mm2, size.body_mean_hu)
    columns = (
        group.mean_hu,
        group.sd_hu,
        [s.tube_current_mA or np.nan for s in series.slices],
        np.where(np.isnan(size.wed_mm), np.nan, wed_mm),  # also where it is withheld
        [np.nan if s.slice_location_mm is None else s.slice_location_mm for s in series.slices],
    )
    return np.column_stack([np.asarray(one, np.float64) for one in columns])[group.count > 0]


def lacking(rows: np.ndarray) -> dict[str, int]:
    """Return the features that any of the rows lacks, each with the number of such rows."""
    counts = np.isnan(rows).sum(axis=0)
    return {name: int(n) for name, n in zip(FEATURES, counts, strict=True) if n}
