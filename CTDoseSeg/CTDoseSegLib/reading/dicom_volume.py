"""Fourth stage: the chosen group as a volume, one slice at each position, foot to head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dicom.header import Header
from ..dicom.pixels import read_volume
from ..dicom.plain_values import read_plain_values
from ..flags import Flag
from ..tasks.progress import Progress
from .grouping import SliceGroup
from .phases import one_body
from .series_description import kind_flags
from .stacking import stack


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DicomVolume:
    """The voxels of a series, with the headers of its slices.

    Attributes
    ----------
    headers
        In the order of the slices.
    hu
        [k, j, i], int16 where that is exact, else float32; of an MR the values that it has.
    affine, z_mm, regular
        As `stacking.Stack` has them.
    flags
        What is not regular about geometry, kind and values.
    """

    headers: tuple[Header, ...]
    hu: np.ndarray
    affine: np.ndarray
    z_mm: tuple[float, ...]
    regular: bool
    flags: tuple[Flag, ...]


def stack_volume(group: SliceGroup, progress: Progress, span: tuple[float, float]) -> DicomVolume:
    """Take one slice for each position, stack the slices and read their pixels.

    Parameters
    ----------
    group
        The slices.
    progress, span
        Receives progress and may cancel; the part of the whole task that this stage is.

    Returns
    -------
    DicomVolume

    Raises
    ------
    GeometryError, PixelDataError
        If the slices make no volume; the sentence names the file.
    """
    slices, choice_flags = one_body(group.headers)
    geometry = stack(slices)
    headers = tuple(slices[i] for i in geometry.order)
    value_flags: tuple[Flag, ...] = ()
    if headers[0].text("Modality") == "MR":
        hu = read_plain_values(headers, progress, span)
    else:
        hu, value_flags = read_volume(headers, progress, span)
    flags = (*choice_flags, *geometry.flags, *kind_flags(headers), *value_flags)
    return DicomVolume(headers, hu, geometry.affine, geometry.z_mm, geometry.regular, flags)
