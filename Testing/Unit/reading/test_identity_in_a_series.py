"""Identity in every text tag, in twelve codings and all spellings: nothing of it is in a series."""

from __future__ import annotations

import dataclasses

import pytest
from dicom_files import UID, make_slice
from dose_reports import event, report
from planted_identity import DATES, ID, IDS, PATIENTS, TAGS, identity_in, save_planted

from CTDoseSegLib.batch.discovery import discover
from CTDoseSegLib.reading.reader import read_series


@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS.keys())
def test_nothing_of_it_is_in_the_series(patient, tmp_path):
    texts = (*patient.spellings, *IDS, *DATES)
    assert len(TAGS) * len(texts) >= 200
    for n, text in enumerate(texts):
        folder = tmp_path / f"{n}"
        path = save_planted(make_slice(), patient, text, folder / "a.dcm")
        assert patient.encode(text) in path.read_bytes()  # it was planted
        derived = make_slice(SeriesInstanceUID="1.2.3.9", SOPInstanceUID="1.2.3.9.1")
        save_planted(derived, patient, f"Thorax {text}", folder / "b.dcm")
        series = read_series(folder)
        shown = {**vars(series), "hu": None, "files": None}
        rows = [dataclasses.replace(row, source="") for row in discover(folder)]
        assert not identity_in(repr((shown, rows)).encode(), patient), text


@pytest.mark.parametrize("name", ["japanese-jis", "japanese-utf8", "chinese-gb18030", "russian"])
def test_what_else_a_text_says_is_decoded_and_stays(name, tmp_path):
    patient = PATIENTS[name]
    region = "грудь" if name == "russian" else "胸部"
    path = save_planted(make_slice(), patient, f"{region} {patient.spellings[0]}", tmp_path / "a")
    assert read_series(path).description == f"3 {region}"


@pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS.keys())
def test_nothing_of_it_comes_from_a_dose_report(patient, tmp_path):
    images, path = tmp_path / "images", tmp_path / "report.dcm"
    for k in range(2):
        data = make_slice(k, CTDIvol=None, Manufacturer=None, IrradiationEventUID=f"{UID}.5.1")
        data.PatientName, data.PatientID = patient.name.partition("=")[0], ID
        data.SpecificCharacterSet = "ISO_IR 192"
        images.mkdir(exist_ok=True)
        data.save_as(images / f"{k}.dcm", enforce_file_format=True)
    for named in (True, False):  # the report's own patient, or that of the images alone
        for text in patient.spellings:
            own = event(region=text, protocol=f"Thorax {text}", ctdivol=[8, text])
            data = report(own, Manufacturer=text, ManufacturerModelName=f"CT {text}")
            data.SpecificCharacterSet = "ISO_IR 192"
            data.PatientName = patient.name if named else ""
            data.PatientID = ID if named else ""
            data.save_as(path, enforce_file_format=True)
            if not named and not text.isascii() and "=" in patient.name:
                continue  # the images know the alphabetic name alone
            series = read_series(images, rdsr=path)
            assert series.dose_report is not None
            shown = repr({**vars(series), "hu": None, "files": None})
            assert not identity_in(shown.encode(), patient), text
