"""Series: mixed, of other kinds, and stacked in every way that slices can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .base import UID, Base, Table, alter, new_series, pixels, put_pixels, write
from .files import all_slices

SERIES = Table("series")
case = SERIES.case


@case(
    "thick soft, thin sharp, localizer and dose page in one folder",
    check=all_slices,
    doses=True,
    same_size=True,
)
def several_series(base: Base, folder: Path):
    write(base.slices(), folder, "soft")
    write(new_series(base.slices(), 5, ConvolutionKernel="B70f"), folder, "sharp")
    write(_localizer(base), folder, "scout")
    write(_dose_page(base), folder, "page")
    return [folder]


def _localizer(base: Base) -> list[pydicom.Dataset]:
    kind = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    upright = [1, 0, 0, 0, 0, -1]
    return new_series(base.slices()[:1], 1, ImageType=kind, ImageOrientationPatient=upright)


def _dose_page(base: Base) -> list[pydicom.Dataset]:
    secondary = "1.2.840.10008.5.1.4.1.1.7"
    page = new_series(
        base.slices()[:1],
        999,
        SOPClassUID=secondary,
        ImageType=["DERIVED", "SECONDARY", "OTHER"],
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
    )
    page[0].file_meta.MediaStorageSOPClassUID = secondary
    return page


@case("a localizer alone", says=("localizer", "[Nn]o CT series"))
def localizer_alone(base: Base, folder: Path):
    return [write(_localizer(base), folder)]


@case("a dose page alone", says=("picture", "[Nn]o CT series"))
def dose_page_alone(base: Base, folder: Path):
    return [write(_dose_page(base), folder)]


@case("a magnetic resonance series", says="magnetic resonance")
def magnetic_resonance(base: Base, folder: Path):
    return [write(alter(base.slices(), Modality="MR"), folder)]


@case("a PET series", says="PET")
def pet(base: Base, folder: Path):
    return [write(alter(base.slices(), Modality="PT"), folder)]


@case("a structured report of a CT", says="structured report")
def structured_report(base: Base, folder: Path):
    return [write(alter(base.slices()[:1], Modality="SR"), folder)]


@case("the UID of a series that is not in the folder", says="UID")
def unknown_series(base: Base, folder: Path):
    return [write(base.slices(), folder), "--series", "1.2.3.4"]


@case("two patients", says=("2 patients", "UID"))
def two_patients(base: Base, folder: Path):
    write(base.slices(), folder, "one")
    write(
        new_series(
            base.slices(), 5, PatientID="OTHER-1", PatientName="Doe^J", SeriesDescription="Trunk"
        ),
        folder,
        "two",
    )
    return [folder]


@case("every slice twice", flags="duplicates_dropped", check=all_slices, doses=True, same_size=True)
def duplicates(base: Base, folder: Path):
    write(base.slices(), folder, "one")
    write(alter(base.slices(), SOPInstanceUID=lambda k: f"{UID}.8.{k + 1}"), folder, "two")
    return [folder]


def no_volume(folder: Path, result: dict) -> None:
    """Per-slice results stand, volumes do not."""
    assert result["geometry"]["regular"] is False
    assert any(value is not None for value in result["slices"]["wed_mm"])
    assert {entry["volume_ml"] for entry in result["structures"].values()} == {None}
    assert {organ["volume_ml"] for organ in result["organs"]} <= {None}


@case("a slice is missing in the middle", flags="missing_slices", check=no_volume)
def missing_slice(base: Base, folder: Path):
    slices = base.slices()
    del slices[6]
    return [write(slices, folder)]


@case("spacing that grows along the series", flags="uneven_spacing", check=no_volume)
def uneven_spacing(base: Base, folder: Path):
    def moved(k: int) -> list[float]:
        x, y, z = slices[k].ImagePositionPatient
        return [x, y, float(z) + 0.4 * k * k]

    slices = base.slices()
    return [write(alter(slices, ImagePositionPatient=moved), folder)]


@case("slices shifted sideways", flags="shifted_slices", check=no_volume)
def shifted(base: Base, folder: Path):
    slices = base.slices()
    for data in slices[5:8]:
        x, y, z = data.ImagePositionPatient
        data.ImagePositionPatient = [float(x) + 6, y, z]
    return [write(slices, folder)]


def foot_to_head(folder: Path, result: dict) -> None:
    """The slices run upwards, and the tube current went with its slice."""
    z = result["slices"]["z_mm"]
    assert len(z) == 16
    assert z == sorted(z)
    current = result["slices"]["tube_current_mA"]
    wed = result["slices"]["wed_mm"]
    assert np.corrcoef(current, wed)[0, 1] > 0.5


@case(
    "negative SpacingBetweenSlices, file names in reverse",
    check=foot_to_head,
    doses=True,
    same_size=True,
)
def reversed_order(base: Base, folder: Path):
    slices = alter(base.slices(), SpacingBetweenSlices=-20, InstanceNumber=lambda k: k + 1)
    return [write(reversed(slices), folder)]


@case("the gantry tilted by 15 degrees", flags="tilted", check=no_volume)
def tilted(base: Base, folder: Path):
    sine, cosine = np.sin(np.radians(15)), np.cos(np.radians(15))

    def moved(k: int) -> list[float]:
        x, y, _ = slices[k].ImagePositionPatient
        return [x, y, 20.0 * k]

    slices = base.slices()
    alter(
        slices,
        ImageOrientationPatient=[1, 0, 0, 0, round(cosine, 6), round(-sine, 6)],
        ImagePositionPatient=moved,
        GantryDetectorTilt=15,
    )
    return [write(slices, folder)]


@case("oblique slices", flags="oblique")
def oblique(base: Base, folder: Path):
    sine, cosine = np.sin(np.radians(12)), np.cos(np.radians(12))
    step = np.array([0, sine, cosine]) * 20

    def moved(k: int) -> list[float]:
        return [round(float(v), 4) for v in np.array([-200, -200, 0]) + k * step]

    cosines = [1, 0, 0, 0, round(cosine, 6), round(-sine, 6)]
    slices = alter(base.slices(), ImageOrientationPatient=cosines, ImagePositionPatient=moved)
    return [write(slices, folder)]


def no_size(folder: Path, result: dict) -> None:
    """No diameter, no SSDE: they would be those of another cut through the body."""
    assert set(result["slices"]["wed_mm"]) == {None}
    assert set(result["slices"]["ssde_mGy"]) == {None}


@case("coronal slices, given as one series", flags="not_axial", doses=False, check=no_size)
def coronal(base: Base, folder: Path):
    slices = alter(
        base.slices(),
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        ImagePositionPatient=lambda k: [-200, -150 + 20 * k, 200],
    )
    return [write(slices, folder)]


@case("sagittal slices, given as one series", flags="not_axial", doses=False, check=no_size)
def sagittal(base: Base, folder: Path):
    slices = alter(
        base.slices(),
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        ImagePositionPatient=lambda k: [-150 + 20 * k, -200, 200],
    )
    return [write(slices, folder)]


@case("a derived coronal reformat alone", says=("reformat",))
def reformat_alone(base: Base, folder: Path):
    slices = alter(
        base.slices(),
        ImageType=["DERIVED", "SECONDARY", "MPR"],
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        ImagePositionPatient=lambda k: [-200, -150 + 20 * k, 200],
    )
    return [write(slices, folder)]


@case("a derived axial series", flags="derived", doses=True)
def derived(base: Base, folder: Path):
    return [write(alter(base.slices(), ImageType=["DERIVED", "SECONDARY", "AXIAL"]), folder)]


@case("feet first", check=foot_to_head, doses=True, same_size=True)
def feet_first(base: Base, folder: Path):
    return [write(alter(base.slices(), PatientPosition="FFS"), folder)]


@case(
    "prone, turned by 180 degrees about the body's axis",
    check=foot_to_head,
    doses=True,
    same_size=True,
)
def prone(base: Base, folder: Path):
    slices = base.slices()
    turned = [-1, 0, 0, 0, -1, 0]
    return [write(alter(slices, PatientPosition="HFP", ImageOrientationPatient=turned), folder)]


@case("lying on the side", check=foot_to_head, doses=True, same_size=True)
def decubitus(base: Base, folder: Path):
    slices = base.slices()
    turned = [0, -1, 0, 1, 0, 0]
    return [write(alter(slices, PatientPosition="HFDR", ImageOrientationPatient=turned), folder)]


@case("two phases at each position", flags="phases_left_out", check=all_slices, doses=True)
def phases(base: Base, folder: Path):
    write(base.slices(), folder, "one")
    second = alter(base.slices(), AcquisitionNumber=2, SOPInstanceUID=lambda k: f"{UID}.8.{k + 1}")
    for data in second:
        put_pixels(data, pixels(data) + np.int16(5))
    write(second, folder, "two")
    return [folder]


@case("a single slice", flags="single_slice")
def single_slice(base: Base, folder: Path):
    return [write(base.slices()[9:10], folder)]


@case("a single slice of unknown thickness", flags="single_slice", check=no_volume)
def single_slice_without_thickness(base: Base, folder: Path):
    return [write(alter(base.slices()[9:10], SliceThickness=None), folder)]


@case("two slices")
def two_slices(base: Base, folder: Path):
    return [write(base.slices()[9:11], folder)]


@case("enhanced multi-frame CT", check=foot_to_head, doses=True, same_size=True)
def enhanced(base: Base, folder: Path):
    write([_enhanced(base)], folder)
    return [folder / "slice_00.dcm"]


@case("enhanced CT without groups for its frames", says=("slice_00.dcm", "5200,9230"))
def enhanced_without_groups(base: Base, folder: Path):
    data = _enhanced(base)
    del data.PerFrameFunctionalGroupsSequence
    write([data], folder)
    return [folder / "slice_00.dcm"]


def _enhanced(base: Base) -> Dataset:
    """The phantom as one enhanced CT: position and exposure in each frame's groups."""
    slices = base.slices()
    data = slices[0]
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    data.NumberOfFrames = len(slices)
    frames = [_frame(own) for own in slices]
    for keyword in (
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
        *("RescaleSlope", "RescaleIntercept", "RescaleType", "XRayTubeCurrent", "CTDIvol"),
        *("ExposureTime", "Exposure", "ExposureInuAs", "CTDIPhantomTypeCodeSequence"),
    ):
        del data[keyword]
    data.PerFrameFunctionalGroupsSequence = Sequence(frames)
    data.PixelData = b"".join(pixels(own).tobytes() for own in slices[0:1]) + b"".join(
        own.PixelData for own in slices[1:]
    )
    return data


def _frame(own: Dataset) -> Dataset:
    groups = {
        "PlanePositionSequence": {"ImagePositionPatient": own.ImagePositionPatient},
        "PlaneOrientationSequence": {"ImageOrientationPatient": own.ImageOrientationPatient},
        "PixelMeasuresSequence": {
            "PixelSpacing": own.PixelSpacing,
            "SliceThickness": own.SliceThickness,
        },
        "PixelValueTransformationSequence": {
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "RescaleType": "HU",
        },
        "CTExposureSequence": {
            "XRayTubeCurrentInmA": float(own.XRayTubeCurrent),
            "ExposureTimeInms": 500.0,
            "CTDIvol": float(own.CTDIvol),
            "CTDIPhantomTypeCodeSequence": own.CTDIPhantomTypeCodeSequence,
        },
    }
    frame = Dataset()
    for name, values in groups.items():
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        setattr(frame, name, Sequence([item]))
    return frame


def right_area(folder: Path, result: dict) -> None:
    """Pixels of half the height, half of them left out: the same body, half as many rows."""
    assert result["geometry"]["spacing_ijk_mm"][:2] == [4.5, 9.0]
    assert 230 < np.mean(result["slices"]["wed_mm"]) < 330


@case("pixels twice as high as wide", check=right_area, doses=True)
def tall_pixels(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        put_pixels(data, pixels(data)[::2].copy())
        data.PixelSpacing = [9.0, 4.5]  # the distance of rows comes first
    return [write(slices, folder)]


@case("a few slices of another matrix size", flags="mixed_series")
def size_changes(base: Base, folder: Path):
    slices = base.slices()
    for data in slices[:3]:
        put_pixels(data, pixels(data)[::2, ::2].copy())
    return [write(slices, folder)]


@case("a few slices of another field of view", flags="mixed_series")
def field_of_view_changes(base: Base, folder: Path):
    slices = base.slices()
    alter(slices[12:], PixelSpacing=[4.0, 4.0])
    return [write(slices, folder)]


@case("blank UIDs", check=all_slices, doses=True, same_size=True)
def blank_uids(base: Base, folder: Path):
    slices = alter(base.slices(), SeriesInstanceUID="", StudyInstanceUID="", FrameOfReferenceUID="")
    return [write(slices, folder)]


@case("two irradiation events in one series", flags="several_events")
def two_events(base: Base, folder: Path):
    slices = alter(base.slices(), IrradiationEventUID=lambda k: f"{UID}.{1 + (k > 7)}")
    return [write(slices, folder)]


@case("no position", says=("0020,0032",))
def no_position(base: Base, folder: Path):
    return [write(alter(base.slices(), ImagePositionPatient=None), folder)]


@case("an orientation whose axes are not perpendicular", says=("0020,0037",))
def impossible_orientation(base: Base, folder: Path):
    slices = alter(base.slices(), ImageOrientationPatient=[1, 0, 0, 0.7, 0.7, 0])
    return [write(slices, folder)]
