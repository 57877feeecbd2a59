"""The dose map of a simulation as RTDOSE, which programs of radiotherapy and ITK read.

Its unit is Gy, as theirs is; a CT's dose is some hundredths of one. DoseSummationType is
PLAN_OVERVIEW, which asks for no plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...dosimetry.dose_map import DoseMap
from ...errors import InputError
from .identity import DOSE_SERIES, RESEARCH, Producer
from .plain import new_object

if TYPE_CHECKING:
    from .source import SourceCT

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_MGY_PER_GY = 1000.0
_HIGHEST = 2**16 - 1
_FRAME_OFFSETS = 0x3004000C
_ORTHOGONAL = 1e-3


def make_rt_dose(source: SourceCT, dose_map: DoseMap, producer: Producer) -> Any:
    """Make the RTDOSE of a dose map.

    Parameters
    ----------
    source
        The CT.
    dose_map
        In mGy, on its own grid; rounded to 1/65,535 of the highest dose.
    producer
        Gives the UIDs.

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    InputError
        If no voxel has a dose, or the grid is sheared, which RTDOSE cannot hold.
    """
    from pydicom.dataset import Dataset

    dose_mGy = dose_map.dose_mGy
    highest = float(dose_mGy.max(initial=0.0))
    if highest <= 0:
        raise InputError("The dose map has no dose, so that there is no RTDOSE to write.")
    lps = np.diag([-1.0, -1.0, 1.0]) @ dose_map.affine[:3]
    steps_mm = np.linalg.norm(lps[:, :3], axis=0)
    i, j, k = (lps[:, n] / steps_mm[n] for n in range(3))
    if abs(abs(np.cross(i, j) @ k) - 1) > _ORTHOGONAL or abs(i @ j) > _ORTHOGONAL:
        raise InputError("The dose map's grid is sheared (a tilted scan); RTDOSE cannot hold it.")
    down = np.cross(i, j) @ k < 0
    if down:  # offsets of frames go along the normal
        dose_mGy = dose_mGy[::-1]
        first = lps[:, 3] + (len(dose_mGy) - 1) * lps[:, 2]
    else:
        first = lps[:, 3]
    scaling = float(f"{highest / _MGY_PER_GY / _HIGHEST * (1 + 1e-6):.8e}")
    data = new_object(
        source,
        producer,
        sop_class=RT_DOSE,
        modality="RTDOSE",
        number=DOSE_SERIES,
        description=f"CTDoseSeg dose map {RESEARCH}",
    )
    data.OperatorsName = ""
    data.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    data.PositionReferenceIndicator = source.first.get("PositionReferenceIndicator", "")
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.NumberOfFrames, data.Rows, data.Columns = dose_mGy.shape
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelSpacing = [_decimal(steps_mm[1]), _decimal(steps_mm[0])]
    data.SliceThickness = None
    data.ImageOrientationPatient = [_decimal(v) for v in (*i, *j)]
    data.ImagePositionPatient = [_decimal(v) for v in first]
    data.FrameIncrementPointer = _FRAME_OFFSETS
    data.GridFrameOffsetVector = [_decimal(steps_mm[2] * n) for n in range(len(dose_mGy))]
    data.DoseUnits, data.DoseType, data.DoseSummationType = "GY", "PHYSICAL", "PLAN_OVERVIEW"
    data.DoseGridScaling = f"{scaling:.8e}"
    data.TissueHeterogeneityCorrection = "IMAGE"
    data.DoseComment = "CT dose by Monte Carlo; research, not for clinical use"
    image, _frame = source.image_of(0)
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    data.ReferencedImageSequence = [reference]
    stored = np.round(dose_mGy / np.float32(scaling * _MGY_PER_GY))
    data.PixelData = stored.clip(0, _HIGHEST).astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    return data


def _decimal(value: float) -> str:
    """Return a decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    text: str = format_number_as_ds(float(value) + 0.0)
    return text
