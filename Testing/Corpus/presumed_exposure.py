"""What is presumed of the exposure and of the person: times, dose reports, names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset

from .base import Base, Table, alter, write
from .dose import by_mas_alone
from .dose_reports import CTDIVOL, given, items
from .presumed import by_ctdivol, entry
from .presumed_values import as_text

PRESUMED_EXPOSURE = Table("presumed")


_NO_DOSE_STATED = dict.fromkeys(
    ("CTDIvol", "CTDIPhantomTypeCodeSequence", "RevolutionTime", "ExposureInuAs", "Exposure")
)


def _timed(base: Base, folder: Path, maker: str, ms: int, exposure_s: float | None, **tags):
    """No CTDIvol and no rotation time; Exposure is tube current times `exposure_s`."""
    slices = alter(base.slices(), **_NO_DOSE_STATED, Manufacturer=maker, ExposureTime=ms, **tags)
    for data in slices:
        if exposure_s is not None:
            data.Exposure = round(float(data.XRayTubeCurrent) * exposure_s)
    return [write(slices, folder), "--segmentation", base.truth()]


for _name, _arguments in {
    "ge_without_exposure": ("GE MEDICAL SYSTEMS", 5000, None),
    "ge_with_its_exposure": ("GE MEDICAL SYSTEMS", 5000, 5.0),
    "ge_of_a_second": ("GE MEDICAL SYSTEMS", 1325, 1.325),
    "siemens_without_exposure": ("SIEMENS", 5000, None),
    "unknown_maker": ("Someone", 900, None),
}.items():
    entry(
        PRESUMED_EXPOSURE,
        f"time_of_the_whole_scan_{_name}",
        "ExposureTime is no rotation time: {}, {} ms".format(*_arguments),
        lambda base, folder, arguments=_arguments: _timed(base, folder, *arguments),
        flags=("effective_mas_unknown", "no_exposure"),
        doses=False,
    )


def of_half_a_second(folder: Path, result: dict) -> None:
    """Doses come from effective mAs with the rotation time of 0.5 s."""
    time = result["acquisition"]["rotation_time_s"]["value"]
    assert abs(time / 0.5 - 1) < 0.02, time
    by_mas_alone(folder, result)


for _name, _arguments in {
    "siemens_effective": ("SIEMENS", 500, 0.5 / 0.95),
    "philips": ("Philips", 526, 0.526),
}.items():
    entry(
        PRESUMED_EXPOSURE,
        f"rotation_time_by_{_name}_mas",
        "ExposureTime of {}, {} ms, which tube current, Exposure and pitch agree on".format(
            *_arguments
        ),
        lambda base, folder, arguments=_arguments: _timed(base, folder, *arguments),
        without=("no_exposure",),
        check=of_half_a_second,
        doses=True,
    )


def _reported(base: Base, folder: Path, change: Callable[[Dataset], None]) -> list[object]:
    """Images without CTDIvol, and their dose report with its CTDIvol changed."""
    report = base.report()
    for item in items(report, CTDIVOL):
        change(item.MeasuredValueSequence[0])
    return given(base, folder, report, CTDIvol=None, CTDIPhantomTypeCodeSequence=None)


def _comma(measured: Dataset) -> None:
    as_text(measured, 0x0040A30A, str(measured.NumericValue).replace(".", ","))


def _with_unit(measured: Dataset) -> None:
    as_text(measured, 0x0040A30A, f"{measured.NumericValue} mGy")


def _floating(measured: Dataset) -> None:
    measured.FloatingPointValue, measured.NumericValue = float(measured.NumericValue), ""


def _in(unit: str, per_mGy: float) -> Callable[[Dataset], None]:
    def change(measured: Dataset) -> None:
        measured.NumericValue = f"{float(measured.NumericValue) * per_mGy:.8g}"
        measured.MeasurementUnitsCodeSequence[0].CodeValue = unit

    return change


def _no_scheme(measured: Dataset) -> None:
    measured.MeasurementUnitsCodeSequence[0].CodingSchemeDesignator = ""


def _no_unit(measured: Dataset) -> None:
    del measured.MeasurementUnitsCodeSequence


_REPORTED = {
    "as_it_is": (lambda measured: None, ()),
    "in_micrograys": (_in("uGy", 1000), ()),
    "in_centigrays": (_in("cGy", 0.1), ()),
    "in_floating_point_value": (_floating, ()),
    "with_a_comma": (_comma, ()),
    "with_its_unit_in_the_number": (_with_unit, ("rdsr_not_a_number", "ctdivol_missing")),
    "without_scheme": (_no_scheme, ("rdsr_unit", "ctdivol_missing")),
    "without_unit": (_no_unit, ("rdsr_unit", "ctdivol_missing")),
}
for _name, (_change, _flags) in _REPORTED.items():
    entry(
        PRESUMED_EXPOSURE,
        f"reported_ctdivol_{_name}",
        "CTDIvol in the dose report alone, " + _name.replace("_", " "),
        lambda base, folder, change=_change: _reported(base, folder, change),
        flags=_flags,
        without=("rdsr_no_ctdivol",),
        check=None if _flags else by_ctdivol(6.5),
    )


def _nested(base: Base, folder: Path) -> list[object]:
    report = base.report()
    (name,) = (item.ConceptNameCodeSequence for item in list(items(report, "113819"))[:1])
    wrapper = Dataset()
    wrapper.RelationshipType, wrapper.ValueType = "CONTAINS", "CONTAINER"
    wrapper.ConceptNameCodeSequence = [Dataset()]
    wrapper.ConceptNameCodeSequence[0].CodeValue = "99-1"
    wrapper.ConceptNameCodeSequence[0].CodingSchemeDesignator = "99X"
    wrapper.ContentSequence = list(items(report, "113819"))
    report.ContentSequence = [
        item for item in report.ContentSequence if item.ConceptNameCodeSequence != name
    ] + [wrapper]
    return given(base, folder, report, CTDIvol=None, CTDIPhantomTypeCodeSequence=None)


entry(
    PRESUMED_EXPOSURE,
    "reported_events_in_a_container_of_their_own",
    "a dose report whose acquisitions stand in another container",
    _nested,
    without=("ctdivol_missing",),
    check=by_ctdivol(6.5),
)


# Who it is.


def _person(base: Base, folder: Path, charset, name: str, description: str) -> list[object]:
    slices = alter(base.slices(), SpecificCharacterSet=charset, PatientName=name)
    return [write(alter(slices, SeriesDescription=description, ProtocolName=description), folder)]


_CODINGS = ("utf-8", "utf-16-le", "iso2022_jp", "shift_jis", "euc_jp", "gb18030", "euc_kr")


def _nameless(*words: str) -> Callable[[Path, dict], None]:
    """Return a check that no output holds any of the words in any coding."""

    def check(folder: Path, result: dict) -> None:
        for path in folder.iterdir():
            content = path.read_bytes()
            for word in words:
                for coding in _CODINGS:
                    coded = word.encode(coding, "ignore").replace(b"\x1b$B", b"")
                    assert not coded or coded.replace(b"\x1b(B", b"") not in content, path.name
                escaped = json.dumps(word)[1:-1].encode()
                assert escaped not in content, path.name

    check.__doc__ = f"No output holds {' or '.join(words)} in any coding."
    return check


_KANJI, _YAMADA = ("山田", "太郎"), "Yamada^Tarou=山田^太郎=やまだ^たろう"
_PERSONS = {
    "in_jis": (
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "胸部 山田 太郎",
        _KANJI,
    ),
    "in_utf_8": ("ISO_IR 192", _YAMADA, "胸部 山田 太郎", _KANJI),
    "in_gb18030": ("GB18030", "Wang^XiaoDong=王^小东", "胸部 王小东", ("王小东",)),
    "in_turned_order": ("ISO_IR 192", "Hong^Gildong=洪^吉洞=홍^길동", "길동 홍 CT", ("길동",)),
}
for _name, (_charset, _person_name, _description, _words) in _PERSONS.items():
    entry(
        PRESUMED_EXPOSURE,
        f"name_{_name}",
        "a patient's name in the description, " + _name.replace("_", " "),
        lambda base, folder, c=_charset, n=_person_name, d=_description: _person(
            base, folder, c, n, d
        ),
        check=_nameless(*_words),
        doses=True,
    )
