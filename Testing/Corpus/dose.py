"""Dose: exposure that is missing, zero, in other units, or of two tubes."""

from __future__ import annotations

import json
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .base import Base, Table, alter, write

DOSE = Table("dose")
case = DOSE.case


def by_mas(folder: Path, result: dict) -> None:
    """Doses come from effective mAs, and no SSDE was made up."""
    by_mas_alone(folder, result)
    assert set(result["slices"]["ssde_mGy"]) == {None}


def by_mas_alone(folder: Path, result: dict) -> None:
    """Doses come from effective mAs."""
    assert {o["route"] for o in result["organs"] if o["dose_mGy"] is not None} == {"mas"}


def by_ctdivol(folder: Path, result: dict) -> None:
    assert {o["route"] for o in result["organs"] if o["dose_mGy"] is not None} == {"ctdivol"}


@case(
    "no CTDIvol",
    flags=("ctdivol_missing", "ctdivol_unknown", "mas_only", "ssde_without_ctdivol"),
    check=by_mas,
    doses=True,
)
def no_ctdivol(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=None), folder)]


@case("CTDIvol of 0", flags=("ctdivol_missing", "mas_only"), check=by_mas, doses=True)
def ctdivol_zero(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=0.0), folder)]


@case("a negative CTDIvol", flags=("ctdivol_missing", "mas_only"), check=by_mas, doses=True)
def ctdivol_negative(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=-4.0), folder)]


@case("CTDIvol not a number", flags=("ctdivol_missing", "tags_unreadable"), check=by_mas)
def ctdivol_nan(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=float("nan")), folder)]


@case("one CTDIvol for all slices", flags="ctdivol_distributed", check=by_ctdivol, doses=True)
def ctdivol_of_the_scan(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=5.5), folder)]


@case("CTDIvol of each slice", check=by_ctdivol, doses=True, without=("ctdivol_distributed",))
def ctdivol_per_slice(base: Base, folder: Path):
    return [write(base.slices(), folder)]


def no_effective_dose(folder: Path, result: dict) -> None:
    """No effective dose, and a reason for it."""
    found = result["effective_dose"]
    assert found["effective_dose_mSv"] is found["high_mSv"] is None
    assert [flag for flag in found["flags"] if flag["severity"] == "refusal"]


def phantom_by_output(folder: Path, result: dict) -> None:
    """The phantom follows from CTDIvol per mAs, marked as computed."""
    phantom = result["acquisition"]["phantom_cm"]
    assert phantom["value"] == 32
    assert phantom["source"].startswith("computed")


@case("no phantom code", flags="phantom_inferred", check=phantom_by_output, doses=True)
def no_phantom_code(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIPhantomTypeCodeSequence=None), folder)]


def for_the_small_phantom(folder: Path, result: dict) -> None:
    """The phantom is the small one, and doses come from its CTDIvol."""
    assert result["acquisition"]["phantom_cm"]["value"] == 16
    by_ctdivol(folder, result)


@case(
    "no phantom code, and the ratio of 16 cm",
    flags="phantom_inferred",
    check=for_the_small_phantom,
    doses=True,
)
def no_phantom_code_of_16_cm(base: Base, folder: Path):
    slices = alter(base.slices(), CTDIPhantomTypeCodeSequence=None)
    for data in slices:
        data.CTDIvol *= 2.2
    return [write(slices, folder)]


@case(
    "no phantom code and no rotation time",
    flags=("phantom_unknown", "ctdivol_phantom_assumed"),
    check=no_effective_dose,
    doses=True,
)
def no_phantom_code_and_no_time(base: Base, folder: Path):
    tags = ("CTDIPhantomTypeCodeSequence", "RevolutionTime", "ExposureTime")
    return [write(alter(base.slices(), **dict.fromkeys(tags)), folder)]


@case("an empty phantom sequence", flags="phantom_inferred")
def empty_phantom_sequence(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIPhantomTypeCodeSequence=Sequence([])), folder)]


@case("both phantoms", flags="phantom_unknown", check=no_effective_dose)
def both_phantoms(base: Base, folder: Path):
    codes = Sequence([_code("113690"), _code("113691")])
    return [write(alter(base.slices(), CTDIPhantomTypeCodeSequence=codes), folder)]


@case("CTDIvol of the 16 cm phantom for a trunk", check=for_the_small_phantom, doses=True)
def small_phantom(base: Base, folder: Path):
    slices = alter(base.slices(), CTDIPhantomTypeCodeSequence=Sequence([_code("113690")]))
    return [write(slices, folder)]


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", "phantom"
    return item


_CURRENT = ("XRayTubeCurrent", "Exposure", "ExposureInuAs")


@case("no tube current", flags="tube_current_missing", check=by_ctdivol, doses=True)
def no_tube_current(base: Base, folder: Path):
    return [write(alter(base.slices(), **dict.fromkeys(_CURRENT)), folder)]


@case("a tube current of 0", flags="tube_current_missing", check=by_ctdivol, doses=True)
def tube_current_zero(base: Base, folder: Path):
    return [write(alter(base.slices(), XRayTubeCurrent=0), folder)]


@case("neither CTDIvol nor tube current", flags=("no_exposure",), doses=False)
def no_exposure(base: Base, folder: Path):
    tags = dict.fromkeys((*_CURRENT, "CTDIvol", "ExposureTime", "RevolutionTime"))
    return [write(alter(base.slices(), **tags), folder)]


def in_mas(folder: Path, result: dict) -> None:
    """From microampere seconds to milliampere seconds."""
    written = [v for v in result["slices"]["exposure_mAs"] if v is not None]
    assert written
    assert all(20 < value < 400 for value in written)


@case("exposure in uAs only", check=in_mas)
def exposure_in_uas(base: Base, folder: Path):
    slices = alter(base.slices(), Exposure=None, XRayTubeCurrent=None, Manufacturer="SIEMENS")
    return [write(slices, folder)]


def no_dose_by_mas(folder: Path, result: dict) -> None:
    """No organ dose was made with a time that is not one rotation."""
    assert result["acquisition"]["rotation_time_s"]["value"] is None
    assert {o["dose_mGy"] for o in result["organs"]} == {None}


_TIMES = {"CTDIvol": None, "RevolutionTime": None, "ExposureInuAs": None}


@case(
    "GE's exposure time, that of the whole scan",
    flags=("effective_mas_unknown", "no_exposure"),
    check=no_dose_by_mas,
)
def exposure_time_of_ge(base: Base, folder: Path):
    tags = {**_TIMES, "Manufacturer": "GE MEDICAL SYSTEMS", "ExposureTime": 5000}
    return [write(alter(base.slices(), **tags), folder)]


@case(
    "exposure time and mAs of the whole scan",
    flags=("effective_mas_unknown", "no_exposure"),
    check=no_dose_by_mas,
)
def exposure_time_of_the_scan(base: Base, folder: Path):
    slices = alter(base.slices(), **_TIMES, Manufacturer="SIEMENS", ExposureTime=5000)
    for data in slices:
        data.Exposure = int(5 * float(data.XRayTubeCurrent))
    return [write(slices, folder)]


@case("a rotation time that CTDIvol contradicts", flags="ctdivol_per_mas", check=by_ctdivol)
def rotation_time_contradicted(base: Base, folder: Path):
    return [write(alter(base.slices(), RevolutionTime=2.0), folder)]


@case("CTDIvol in another unit", flags="ctdivol_per_mas")
def ctdivol_in_another_unit(base: Base, folder: Path):
    slices = base.slices()
    for data in slices:
        data.CTDIvol /= 10
    return [write(slices, folder)]


@case("no CTDIvol of a known model", flags=("mas_by_table", "ssde_by_mas"), doses=True)
def ctdivol_by_model(base: Base, folder: Path):
    made = {"Manufacturer": "SIEMENS", "ManufacturerModelName": "SOMATOM Definition Flash"}
    return [write(alter(base.slices(), CTDIvol=None, **made), folder)]


@case("two tubes, CTDIvol known", flags="mas_unusable", check=by_ctdivol, doses=True)
def dual_source(base: Base, folder: Path):
    return [write(alter(base.slices(), SpiralPitchFactor=3.2), folder)]


@case("two tubes without CTDIvol", flags=("no_exposure", "mas_unusable"), doses=False)
def dual_source_without_ctdivol(base: Base, folder: Path):
    return [write(alter(base.slices(), SpiralPitchFactor=3.2, CTDIvol=None), folder)]


@case("ECG gating without CTDIvol", flags=("no_exposure", "mas_unusable"), doses=False)
def gated_without_ctdivol(base: Base, folder: Path):
    tags = {"CardiacSynchronizationTechnique": "PROSPECTIVE", "CTDIvol": None}
    return [write(alter(base.slices(), **tags), folder)]


@case("a tin filter without CTDIvol", flags=("no_exposure", "mas_unusable"), doses=False)
def tin_filter_without_ctdivol(base: Base, folder: Path):
    return [write(alter(base.slices(), FilterMaterial="TIN", CTDIvol=None), folder)]


@case("dual energy", flags="dual_energy")
def dual_energy(base: Base, folder: Path):
    return [write(alter(base.slices(), MultienergyCTAcquisition="YES"), folder)]


@case(
    "80 kV", check=by_ctdivol, doses=True, without=("tube_voltage_outside", "tube_voltage_unknown")
)
def low_tube_voltage(base: Base, folder: Path):
    return [write(alter(base.slices(), KVP=80), folder)]


@case("no tube voltage", flags=("kvp_unknown", "tube_voltage_unknown"), doses=True)
def no_tube_voltage(base: Base, folder: Path):
    return [write(alter(base.slices(), KVP=None), folder)]


@case("a tube voltage that changes", flags="kvp_unknown")
def tube_voltage_changes(base: Base, folder: Path):
    return [write(alter(base.slices(), KVP=lambda k: 100 if k % 2 else 120), folder)]


@case("Exposure that is not mA x rotation time / pitch", flags="exposure_disagrees")
def exposure_disagrees(base: Base, folder: Path):
    return [write(alter(base.slices(), Exposure=250, ExposureInuAs=None), folder)]


@case("effective mAs that is four times what CTDIvol says", flags="routes_disagree")
def routes_disagree(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=lambda k: 20.0 + k), folder)]


@case("an unknown irradiated range", flags=("irradiated_range_unknown", "dose_range_unknown"))
def range_unknown(base: Base, folder: Path):
    return [write(alter(base.slices(), ScanLength=None), folder)]


@case("a typed irradiated range elsewhere", flags="irradiated_range_elsewhere")
def range_elsewhere(base: Base, folder: Path):
    (folder / "typed.json").write_text(json.dumps({"irradiated_range_mm": [5000, 5200]}))
    return [write(base.slices(), folder / "ct"), "--acquisition", folder / "typed.json"]


@case(
    "a tube current far outside that of the training scans",
    without=("outside_training",),
    doses=True,
)
def current_outside_training(base: Base, folder: Path):
    slices = alter(base.slices(), XRayTubeCurrent=2500, Exposure=None, ExposureInuAs=None)
    return [write(alter(slices, CTDIvol=90.0), folder)]


@case("CTDIvol on some slices only", flags="ctdivol_filled", check=by_ctdivol, doses=True)
def ctdivol_on_some_slices(base: Base, folder: Path):
    return [write(alter(base.slices(), CTDIvol=lambda k: None if k % 3 else 6.0 + k), folder)]


@case("tube current on some slices only", flags="tube_current_missing", doses=True)
def tube_current_on_some_slices(base: Base, folder: Path):
    slices = alter(base.slices(), XRayTubeCurrent=lambda k: None if k % 3 else 200)
    return [write(alter(slices, Exposure=None, ExposureInuAs=None), folder)]


def in_mA(folder: Path, result: dict) -> None:
    """From microampere to milliampere."""
    assert set(result["slices"]["tube_current_mA"]) == {210.0}


@case("tube current in uA only", check=in_mA, doses=True)
def tube_current_in_ua(base: Base, folder: Path):
    tags = {"XRayTubeCurrent": None, "XRayTubeCurrentInuA": 210000.0}
    return [write(alter(base.slices(), **tags), folder)]


@case("ECG gating, CTDIvol known", flags="mas_unusable", check=by_ctdivol, doses=True)
def gated(base: Base, folder: Path):
    tags = {"CardiacSynchronizationTechnique": "RETROSPECTIVE"}
    return [write(alter(base.slices(), **tags), folder)]


@case("dual energy of two tubes", flags=("dual_energy", "mas_unusable"), check=by_ctdivol)
def dual_energy_dual_source(base: Base, folder: Path):
    kind = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI", "DET_A", "DE_100"]
    return [write(alter(base.slices(), ImageType=kind), folder)]


@case("80 kV without CTDIvol", flags=("mas_unusable", "no_exposure"), doses=False)
def low_tube_voltage_without_ctdivol(base: Base, folder: Path):
    return [write(alter(base.slices(), KVP=80, CTDIvol=None), folder)]


@case("60 kV", flags="tube_voltage_outside", check=by_ctdivol, doses=True)
def lower_than_any_simulated_tube_voltage(base: Base, folder: Path):
    return [write(alter(base.slices(), KVP=60), folder)]


@case("a tin filter, CTDIvol known", flags="unusual_beam", check=by_ctdivol, doses=True)
def tin_filter(base: Base, folder: Path):
    return [write(alter(base.slices(), FilterMaterial="TIN"), folder)]
