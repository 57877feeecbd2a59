"""A small real `Analysis` and its `Result`: a lopsided body, every kind of dose result."""

from __future__ import annotations

import numpy as np

from CTDoseSegLib.analysis import Analysis
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.dosimetry.doses import DoseResult, OrganDose
from CTDoseSegLib.flags import Flag, organ_place
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.ssde import ssde
from CTDoseSegLib.provenance import InputFile, Provenance
from CTDoseSegLib.result import Result
from CTDoseSegLib.segmentation.labelmap import Atom, Labelmap

IDENTITY = "1.2.826.0.1.3680043.2.1.999"
WARNING = Flag("organ_cut", "warning", "The organ ends outside the scan. Its dose is of a part.")
REFUSAL = Flag("too_large", "refusal", "The body is too large: WED 400 mm. Use SSDE.")
ATOMS = (
    Atom(1, "body_rest", "", "#c0a080", "test"),
    Atom(2, "couch", "", "#808080", "test"),
    Atom(3, "liver", "10200004", "#dd8060", "test"),
    Atom(7, "lung_left", "44029006", "#60a0dd", "test"),
)
GROUPS = {
    "body": ("body_rest", "liver", "lung_left"),
    "couch": ("couch",),
    "liver": ("liver",),
    "lung_left": ("lung_left",),
    "lung": ("lung_left",),
}
# Axes of a DICOM series on its back, head first: i to the left, j backward, k to the head.
AFFINE = np.array([[-8.0, 0, 0, 130.25], [0, -8.0, 0, 90.5], [0, 0, 5.0, -40.0], [0, 0, 0, 1.0]])


def tiny_labelmap(slices: int = 4) -> Labelmap:
    """The liver lies at the patient's right (low i), the left lung at the left, the couch below."""
    labels = np.zeros((slices, 24, 32), np.uint8)
    labels[:, 4:18, 4:28] = 1
    labels[:, 8:14, 6:12] = 3
    labels[1:, 8:14, 20:26] = 7
    labels[:, 21:23, 8:24] = 2
    return Labelmap(labels, AFFINE, ATOMS, GROUPS, "test engine")


def tiny_series(slices: int = 4, *, regular: bool = True, ctdivol: bool = True) -> CTSeries:
    """HU of `tiny_labelmap`, with a little noise; the last slice has no tube current."""
    labels = tiny_labelmap(slices).labels
    table = np.full(256, -1000)
    table[[1, 2, 3, 7]] = 20, 300, 60, -800
    noise = np.random.default_rng(3).integers(-10, 11, labels.shape)
    infos = tuple(
        SliceInfo(
            z_mm=-40.0 + 5.0 * k,
            slice_location_mm=None if k else -12.5,
            tube_current_mA=None if k == slices - 1 else 200.0 + k,
            ctdivol_mGy=8.0 + k if ctdivol else None,
        )
        for k in range(slices)
    )
    acquisition = Acquisition(
        kvp_kV=120.0,
        phantom_cm=32 if ctdivol else None,
        irradiated_range_mm=(-55.0, -10.0),
        sources={"kvp_kV": "image (0018,0060)", "irradiated_range_mm": "user"},
    )
    return CTSeries(
        (table[labels] + noise).astype(np.int16),
        AFFINE,
        infos,
        acquisition,
        IDENTITY,
        regular=regular,
        files=("/data/Doe^Jane/0001.dcm",),
    )


def organ_dose(organ: str, dose_mGy: float | None, slices: int = 4, *flags: Flag) -> OrganDose:
    """A dose with both intervals, or a refused one."""
    per_slice = np.full(slices, np.nan)
    flags = tuple(flag.at(organ_place(organ)) for flag in flags)
    if dose_mGy is None:
        return OrganDose(
            organ, "chest", *(None,) * 6, 1.5, slices, None, "none", {}, per_slice, {}, flags
        )
    per_slice[1:] = dose_mGy
    ends = [dose_mGy * factor for factor in (0.9, 1.1, 0.7, 1.4, 0.99)]
    return OrganDose(
        organ,
        "chest",
        dose_mGy,
        *ends,
        volume_ml=12.3456789,
        n_slices=slices - 1,
        coverage=1.0,
        route="ctdivol",
        by_route={"ctdivol": dose_mGy, "mas": None},
        slice_dose_mGy=per_slice,
        budget={"law": 0.06, "ctdivol_display": 0.1},
        flags=flags,
    )


def tiny_analysis(slices: int = 4, *, organs: tuple[OrganDose, ...] | None = None, **series):
    """Real measurements and size of `tiny_series`; doses as given."""
    ct, labelmap = tiny_series(slices, **series), tiny_labelmap(slices)
    measurements = measure(ct, labelmap)
    size = measure_size(ct, labelmap, measurements)
    if organs is None:
        organs = (
            organ_dose("lung", 10.123456789, slices, WARNING),
            organ_dose("liver", None, slices, REFUSAL),
        )
    return Analysis(
        series=ct,
        labelmap=labelmap,
        measurements=measurements,
        size=size,
        ssde=ssde(ct, size, anatomy="body"),
        doses=DoseResult(organs, (), {"name": "test model"}),
        provenance=Provenance(inputs=(InputFile("00" * 32),)),
    )


def tiny_result(slices: int = 4, **options) -> Result:
    """`tiny_analysis` without its voxels."""
    return Result.of(tiny_analysis(slices, **options))
