"""The dose-volume histograms of a simulated result as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dosimetry.dvh import organ_histogram
from ..dosimetry.round_doses import round_step
from ..flags import flag
from .tables import write_csv

if TYPE_CHECKING:
    from ..dosimetry.dose_map import DoseMap
    from ..result import Result
    from ..segmentation.labelmap import Labelmap

DOSE_VOLUME = "dose_volume.csv"
DOSE_VOLUME_COLUMNS = ("organ", "dose_mGy", "volume_percent", "noise_sd_mGy", "flags")
MEANINGS: Mapping[str, str] = {
    "organ": "Name in the table of organs.",
    "dose_mGy": "A dose; the steps are the same for all organs.",
    "volume_percent": "Part of the organ's volume, without the air in it, that gets this dose or "
    "more in the dose map.",
    "noise_sd_mGy": "Standard deviation of a single voxel in the organ by the number of photons: "
    "it widens the histogram.",
    "flags": "``dose_volume_noise`` where that makes a third of the histogram's variance or more.",
}
# At least so many rows between 0 and the highest dose.
_LEAST_STEPS = 100


def write_dose_volume(
    result: Result, labelmap: Labelmap, dose_map: DoseMap, folder: Path
) -> list[Path]:
    """Write ``dose_volume.csv`` for every organ with a dose; nothing where there is none.

    Parameters
    ----------
    result
        Whose organs are listed.
    labelmap
        That the organs are drawn in.
    dose_map
        Of the simulation.
    folder
        Existing folder.
    """
    rows = list(_rows(result, labelmap, dose_map))
    return [write_csv(folder / DOSE_VOLUME, DOSE_VOLUME_COLUMNS, rows)] if rows else []


def _rows(result: Result, labelmap: Labelmap, dose_map: DoseMap) -> Iterator[tuple[Any, ...]]:
    highest = float(dose_map.dose_mGy.max())
    if highest <= 0:
        return
    step = round_step(highest / _LEAST_STEPS)
    for dose in result.organs:
        structure = result.structures.get(dose.organ)
        if dose.dose_mGy is None or structure is None or dose.organ not in labelmap.groups:
            continue  # red marrow is in no label map
        histogram = organ_histogram(dose_map, labelmap, dose.organ, structure.count)
        if histogram is None:
            continue
        doses = step * np.arange(int(histogram.dose_mGy[-1] / step) + 2)
        code = flag("dose_volume_noise").code if histogram.is_noisy else ""
        noise = histogram.noise_sd_mGy
        for value, percent in zip(doses, histogram.percent_at_least(doses), strict=True):
            yield dose.organ, value, percent, noise, code
