"""The rows that the published networks take, as one array file an organ.

`inference_arrays/ORGAN/ORGAN_inference_array.npy` is float32, [n, 5]: mean HU, population SD of HU,
tube current (mA), water-equivalent diameter (mm) and slice location (mm), a row for each slice that
holds the organ, as `dosimetry.published` gives them to its networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..dosimetry.published.inference_rows import inference_rows, lacking
from ..flags import Flag, flag
from .export import file_name

if TYPE_CHECKING:
    from ..analysis import Analysis

FOLDER = "inference_arrays"
_ENDING = "_inference_array.npy"
# The files of an earlier run.
INFERENCE_ARRAYS = f"{FOLDER}/*/*{_ENDING}"


def write_inference_arrays(analysis: Analysis, folder: Path) -> list[Path]:
    """Write the array of every group of the label map that is in the images.

    Parameters
    ----------
    analysis
        Whose label map, measurements and size the rows are of.
    folder
        Existing folder; gets `FOLDER`.

    Returns
    -------
    list of Path
        The files written.
    """
    written: list[Path] = []
    for organ, rows in _rows(analysis):
        name = file_name(organ)
        if (folder / FOLDER / name).exists():  # of an organ whose name differs in signs alone
            name = f"{name}_{len(written)}"
        path = folder / FOLDER / name / f"{name}{_ENDING}"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rows.astype(np.float32), allow_pickle=False)
        written.append(path)
    return written


def incomplete(analysis: Analysis) -> tuple[Flag, ...]:
    """Return the flag of rows that lack a value, with the features and the most rows of an organ.

    Empty where all rows are whole.
    """
    most: Counter[str] = Counter()
    for _, rows in _rows(analysis):
        most |= Counter(lacking(rows))
    if not most:
        return ()
    detail = ", ".join(f"{name} on up to {n} slices of an organ" for name, n in most.items())
    return (flag("inference_rows_incomplete", detail),)


def _rows(analysis: Analysis) -> Iterator[tuple[str, np.ndarray]]:
    for organ in analysis.measurements.groups:
        rows = inference_rows(analysis.series, analysis.measurements, analysis.size, organ)
        if len(rows):
            yield organ, rows
