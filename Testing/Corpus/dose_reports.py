"""Dose reports: cut off, empty, in wrong units, of other images, or contradicting them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from .base import FAMILY_NAME, PATIENT_ID, UID, Base, Table, alter, write
from .dose import by_ctdivol

DOSE_REPORTS = Table("dose")
case = DOSE_REPORTS.case
CTDIVOL, PHANTOM, EVENT_UID, PROTOCOL = "113830", "113835", "113769", "125203"


def items(data: Dataset, concept: str) -> Iterator[Dataset]:
    """All content items of one name, in the report's order."""
    for item in data.get("ContentSequence", ()):
        if item.ConceptNameCodeSequence[0].CodeValue == concept:
            yield item
        yield from items(item, concept)


def given(base: Base, folder: Path, report: Dataset, **tags: object) -> list[object]:
    """Arguments for the phantom, its tags altered, with a report given by hand."""
    report.save_as(folder / "report.dcm", enforce_file_format=True)
    series = write(alter(base.slices(), **tags), folder / "ct")
    return [series, "--rdsr", folder / "report.dcm"]


def with_total(folder: Path, result: dict) -> None:
    """The range is the report's, and bolus tracking adds to every organ's dose."""
    assert result["acquisition"]["irradiated_range_mm"]["source"].startswith("rdsr z range")
    events = result["examination"]["events"]
    assert [e["kind"] for e in events if e["in_total"]] == ["stationary", "spiral"]
    alone = {(o["organ"], o["region"]): o["dose_mGy"] for o in result["organs"]}
    totals = [t for t in result["examination"]["organs"] if t["examination_dose_mGy"] is not None]
    assert totals
    for total in totals:
        assert total["examination_low_mGy"] < total["examination_dose_mGy"]
        assert total["examination_dose_mGy"] < total["examination_high_mGy"]
        assert total["examination_dose_mGy"] > alone[(total["organ"], total["region"])]


def nothing_taken(folder: Path, result: dict) -> None:
    """No value is the report's, and there is no total."""
    assert result["examination"] is None
    sources = [str(value["source"]) for value in result["acquisition"].values()]
    assert not [source for source in sources if source.startswith("rdsr")]
    assert ",,,\n" in (folder / "organ_doses.csv").read_text(encoding="utf-8")


@case(
    "the dose report of the images, with the patient's name in its protocol",
    flags="examination_without_localizers",
    without=("rdsr_disagrees", "irradiated_range_widened"),
    check=with_total,
    doses=True,
)
def report_given(base: Base, folder: Path):
    report = base.report()
    for item in items(report, PROTOCOL):
        item.TextValue = f"Trunk {FAMILY_NAME} {PATIENT_ID}"
    return given(base, folder, report)


@case("the dose report beside the images", check=with_total, doses=True, same_size=True)
def report_in_folder(base: Base, folder: Path):
    write([base.report()], folder, "report")
    return [write(base.slices(), folder)]


@case(
    "images that say nothing of their exposure, and their dose report",
    flags="rdsr_current_mean",
    without=("ctdivol_missing", "kvp_unknown", "phantom_unknown", "tube_current_missing"),
    check=by_ctdivol,
    doses=True,
)
def report_fills(base: Base, folder: Path):
    lost = ("KVP", "XRayTubeCurrent", "CTDIvol", "Exposure", "ExposureInuAs", "ExposureTime")
    lost += ("RevolutionTime", "SpiralPitchFactor", "CTDIPhantomTypeCodeSequence", "ScanLength")
    return given(base, folder, base.report(), **dict.fromkeys(lost))


@case("a dose report that is cut off", says=("report.dcm", "cut off"))
def report_truncated(base: Base, folder: Path):
    arguments = given(base, folder, base.report())
    path = folder / "report.dcm"
    path.write_bytes(path.read_bytes()[:-700])
    return arguments


@case("a cut-off dose report beside the images", flags="rdsr_unreadable", doses=True)
def report_truncated_in_folder(base: Base, folder: Path):
    write([base.report()], folder, "report")
    path = folder / "report_00.dcm"
    path.write_bytes(path.read_bytes()[:-700])
    return [write(base.slices(), folder)]


@case("a dose report of zero bytes", says=("report.dcm", "0 bytes"))
def report_of_zero_bytes(base: Base, folder: Path):
    (folder / "report.dcm").write_bytes(b"")
    return [write(base.slices(), folder / "ct"), "--rdsr", folder / "report.dcm"]


@case("a dose report that is not there", says=("report.dcm", "cannot be read"))
def report_missing(base: Base, folder: Path):
    return [write(base.slices(), folder / "ct"), "--rdsr", folder / "report.dcm"]


@case("a CT image as dose report", says=("slice_00.dcm", "no structured report"))
def report_is_an_image(base: Base, folder: Path):
    return [write(base.slices(), folder), "--rdsr", folder / "slice_00.dcm"]


@case("a dose page as dose report", says=("Philips", "dose page", "--acquisition"), data=True)
def report_is_a_dose_page(base: Base, folder: Path):
    page = base.data / "rdsr" / "CT-SC-Philips_Brilliance16P.dcm"
    return [write(base.slices(), folder), "--rdsr", page]


@case("a dose report without content", says=("report.dcm", "without a CT acquisition"))
def report_without_content(base: Base, folder: Path):
    report = base.report()
    report.ContentSequence = []
    return given(base, folder, report)


def no_event_but_the_images(folder: Path, result: dict) -> None:
    """The total is that of the images' own event."""
    assert not result["examination"]["complete"]
    assert [e["kind"] for e in result["examination"]["events"] if e["in_total"]] == ["spiral"]


@case(
    "empty sequences where the dose report's CTDIvol stands",
    flags=("rdsr_no_ctdivol", "examination_incomplete"),
    check=no_event_but_the_images,
    doses=True,
)
def report_empty_sequences(base: Base, folder: Path):
    report = base.report()
    for item in items(report, CTDIVOL):
        item.MeasuredValueSequence = []
    return given(base, folder, report)


@case(
    "CTDIvol of 0 in the dose report",
    flags=("rdsr_no_ctdivol", "examination_incomplete"),
    check=no_event_but_the_images,
)
def report_ctdivol_zero(base: Base, folder: Path):
    report = base.report()
    for item in items(report, CTDIVOL):
        item.MeasuredValueSequence[0].NumericValue = "0"
    return given(base, folder, report)


@case(
    "CTDIvol in another unit than a dose's in the dose report",
    flags=("rdsr_unit",),
    check=no_event_but_the_images,
)
def report_wrong_unit(base: Base, folder: Path):
    report = base.report()
    for item in items(report, CTDIVOL):
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "mGy/s"
    return given(base, folder, report)


@case("CTDIvol in Gy in the dose report", without=("rdsr_unit", "rdsr_disagrees"), check=with_total)
def report_other_unit(base: Base, folder: Path):
    report = base.report()
    for item in items(report, CTDIVOL):
        value = item.MeasuredValueSequence[0]
        value.NumericValue = f"{float(value.NumericValue) / 1000:.6g}"
        value.MeasurementUnitsCodeSequence[0].CodeValue = "Gy"
    return given(base, folder, report)


@case("two values of CTDIvol in the dose report", flags=("rdsr_several_values",))
def report_several_values(base: Base, folder: Path):
    report = base.report()
    for item in items(report, CTDIVOL):
        item.MeasuredValueSequence.append(another_value(item, "99"))
    return given(base, folder, report)


def another_value(item: Dataset, number: str) -> Dataset:
    """Another measured value with the unit of the first."""
    value = Dataset()
    value.NumericValue = number
    value.MeasurementUnitsCodeSequence = item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence
    return value


@case(
    "a dose report of other images",
    flags="rdsr_no_match",
    check=nothing_taken,
    doses=True,
    same_size=True,
)
def report_of_other_images(base: Base, folder: Path):
    report = base.report()
    for n, item in enumerate(items(report, EVENT_UID)):
        item.UID = f"{UID}.99.{n}"
    return given(base, folder, report)


@case(
    "another maker's dose report of another patient",
    flags="rdsr_no_match",
    check=nothing_taken,
    doses=True,
    data=True,
)
def report_of_another_patient(base: Base, folder: Path):
    report = base.data / "rdsr" / "CT-ESR-GE_Optima.dcm"
    return [write(base.slices(), folder), "--rdsr", report]


@case(
    "bolus tracking with the 16 cm phantom in the dose report",
    without=("examination_incomplete",),
    check=with_total,
    doses=True,
)
def report_small_phantom(base: Base, folder: Path):
    report = base.report()
    _, bolus, _ = items(report, PHANTOM)
    bolus.ConceptCodeSequence[0].CodeValue = "113690"
    return given(base, folder, report)


@case("images and dose report that disagree on CTDIvol", flags="rdsr_disagrees", check=by_ctdivol)
def report_disagrees(base: Base, folder: Path):
    return given(base, folder, base.report(), CTDIvol=15.0)


@case("fewer events in the dose report than it states", flags="examination_incomplete")
def report_lacks_events(base: Base, folder: Path):
    report = base.report()
    acquisitions = list(items(report, "113819"))
    report.ContentSequence.remove(acquisitions[1])
    return given(base, folder, report)
