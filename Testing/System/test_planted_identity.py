"""Identity in every text tag of an archive, in twelve codings: nothing of it is in any output."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pydicom
import pytest
from planted_identity import DATES, IDS, PATIENTS, identity_in, planted
from pydicom.charset import convert_encodings

from CTDoseSegLib import result_folder
from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.batch.runner import Choices, run_batch
from CTDoseSegLib.batch.study import STUDIES, Outcome, attempt_folder, hand_over, publish
from CTDoseSegLib.cli import command_line
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.result_folder import write_result
from CTDoseSegLib.segmentation.segmenting import segment

SERIES = 3


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A study for each coding: series that differ in what is planted, and the dose report."""
    folder = tmp_path_factory.mktemp("archive")
    phantom = folder / "phantom"
    write_dicom(Phantom(variant="chest", shape=(64, 64, 3), spacing_mm=(7, 7, 5)), phantom)
    slices = sorted((phantom / "dicom").glob("*"))
    (report,) = (phantom / "rdsr").glob("*")
    for number, patient in enumerate(PATIENTS.values()):
        texts = (*patient.spellings, *IDS, *DATES)
        for series in range(SERIES):
            text = f"Thorax {texts[(number + 5 * series) % len(texts)]}"
            for k, path in enumerate((*slices, *(() if series else (report,)))):
                data = pydicom.dcmread(path)
                # Else pydicom would encode the bytes anew from the phantom's character set.
                codings = convert_encodings(list(patient.declared) or None)
                data.set_original_encoding(False, True, codings)
                planted(data, patient, text)
                data.StudyInstanceUID = f"1.2.3.{number}"
                if path != report:
                    data.SeriesInstanceUID = f"1.2.3.{number}.{series}"
                    data.SOPInstanceUID = f"1.2.3.{number}.{series}.{k}"
                target = folder / "all" / f"{number}" / f"{series}_{k}.dcm"
                target.parent.mkdir(parents=True, exist_ok=True)
                data.save_as(target, enforce_file_format=True)
    return folder / "all"


def in_this_process(attempt, settings, stop=None):
    """Analyse a scan as the command does, without the seconds that a new process takes."""
    folder = attempt_folder(Path(settings.output), attempt)
    given, _ = hand_over(attempt.scan, Path(settings.output).parent)
    series = read_series(given, series_uid=attempt.scan.series_uid)
    write_result(analyze(series, segment(series, "classical")), folder)
    publish(folder, Path(settings.output) / STUDIES / attempt.key)
    return Outcome(True)


def test_no_file_and_no_line_of_a_batch_holds_it(archive, tmp_path, monkeypatch):
    # Pictures are looked at below: they take most of the time.
    monkeypatch.setattr(result_folder, "write_charts", lambda *_: [])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        plan = tmp_path / "plan.csv"
        assert command_line.main(["discover", str(archive), "--output", str(plan)]) == 0
        counts = run_batch(plan, tmp_path / "run", Choices(workers=1), work=in_this_process)
    assert counts["done"] == len(PATIENTS), counts
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {"result.json", "summary.html", "exams.csv", "ledger.sqlite"} <= {f.name for f in files}
    contents = {str(path.relative_to(tmp_path)): path.read_bytes() for path in (plan, *files)}
    contents["printed"] = printed.getvalue().encode()
    for patient in PATIENTS.values():
        for name, content in contents.items():
            assert not identity_in(content, patient), (name, patient)


@pytest.mark.parametrize("number", [0, 3, 6])
def test_no_file_and_no_line_of_an_analysis_holds_it(number, archive, tmp_path, capfd):
    patient = list(PATIENTS.values())[number]
    arguments = [str(archive / f"{number}"), "--output", str(tmp_path), "--engine", "classical"]
    assert command_line.main(["analyze", *arguments, "--all-flags"]) == 0
    printed = capfd.readouterr()
    assert not identity_in((printed.out + printed.err).encode(), patient)
    for path in tmp_path.iterdir():
        assert not identity_in(path.read_bytes(), patient), path.name
