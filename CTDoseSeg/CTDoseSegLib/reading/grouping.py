"""Second stage: slices to groups, of one patient and series each, that can be stacked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..dicom.header import Header

# Orientations closer than this are one: half a degree.
SAME_COSINE = 0.009
# Pixel spacings closer than this part of themselves are one: over 512 pixels it is half a pixel.
SAME_SPACING = 1e-3


@dataclass(frozen=True)
class SliceGroup:
    """Slices of one series that have one kind, orientation, size and spacing.

    Attributes
    ----------
    patient
        Index of the patient in the folder, not an identity.
    series
        Distinguishes series; not a UID, which can be blank.
    headers
        Of the slices, in no particular order; at least one.
    """

    patient: int
    series: Hashable
    headers: tuple[Header, ...]

    @property
    def series_uid(self) -> str:
        """Series instance UID; may be empty."""
        return self.headers[0].text("SeriesInstanceUID")


def group_slices(headers: Sequence[Header]) -> tuple[SliceGroup, ...]:
    """Group slices by patient, study, series and, within a series, by what can be stacked.

    Parameters
    ----------
    headers
        Of slices of any kind.

    Returns
    -------
    tuple of SliceGroup
        In the order in which their first slices come.
    """
    patients: dict[str, int] = {}
    members: dict[tuple[int, Hashable, Hashable], list[Header]] = defaultdict(list)
    directions: list[tuple[float, ...]] = []
    spacings: list[tuple[float, ...]] = []
    for header in headers:
        patient = patients.setdefault(_patient(header), len(patients))
        series = (patient, header.text("StudyInstanceUID"), *_series(header))
        members[(patient, series, _part(header, directions, spacings))].append(header)
    return tuple(SliceGroup(key[0], key[1], tuple(group)) for key, group in members.items())


def _patient(header: Header) -> str:
    """Return what distinguishes patients: the ID, else name and birth date. Never shown."""
    return (
        header.text("PatientID")
        or "\n".join((header.text("PatientName").upper(), header.text("PatientBirthDate"))).strip()
    )


def _series(header: Header) -> tuple[str, ...]:
    """Return the series UID; where it is blank, the tags that differ between series."""
    if uid := header.text("SeriesInstanceUID"):
        return (uid,)
    keys = (
        "FrameOfReferenceUID",
        "SeriesNumber",
        "SeriesDescription",
        "ConvolutionKernel",
        "IrradiationEventUID",
        "SliceThickness",
    )
    return ("", *(header.text(key) for key in keys))


def _part(
    header: Header, directions: list[tuple[float, ...]], spacings: list[tuple[float, ...]]
) -> tuple[Hashable, ...]:
    """Return what must be alike in slices that are stacked; rounding does not divide.

    `directions` and `spacings` collect the orientations and pixel spacings met so far.
    """
    cosines = _known(header.numbers("ImageOrientationPatient"), directions, atol=SAME_COSINE)
    spacing = _known(header.numbers("PixelSpacing"), spacings, rtol=SAME_SPACING)
    kind = tuple(value.upper().strip() for value in header.texts("ImageType")[2:3])
    return (
        header.text("Modality"),
        header.text("SOPClassUID"),
        kind if kind == ("LOCALIZER",) else (),
        cosines,
        header.integer("Rows"),
        header.integer("Columns"),
        spacing,
    )


def _known(
    numbers: tuple[float, ...], met: list[tuple[float, ...]], rtol: float = 0.0, atol: float = 0.0
) -> tuple[float, ...]:
    """Return the first of those met that is as good as the same; else `numbers`, now met too."""
    if numbers in met:  # as nearly always; the comparison below is slow
        return numbers
    for known in met:
        if len(known) == len(numbers) and np.allclose(known, numbers, rtol=rtol, atol=atol):
            return known
    met.append(numbers)
    return numbers
