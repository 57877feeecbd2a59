"""`report` and `dicom` on a stored result: what belongs together is written, all else refused."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from dicom_study import write_ct
from tiny_analysis import tiny_labelmap

pytest.importorskip("highdicom", reason="DICOM objects need highdicom")

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.cli import command_line
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.result_folder import write_result


@pytest.fixture
def stored(tmp_path):
    """A CT in ``ct`` with its result in ``result``."""
    series = read_series(write_ct(tmp_path / "ct"))
    write_result(analyze(series, tiny_labelmap()), tmp_path / "result")
    return tmp_path


def run(*arguments) -> int:
    return command_line.main([*map(str, arguments), "--events", "none"])


def dicom(folder, *more, ct="ct") -> int:
    return run("dicom", folder / "result", folder / ct, "--output", folder / "out", *more)


def change(folder, name: str, **tags) -> None:
    """A copy of the CT with other tags."""
    shutil.copytree(folder / "ct", folder / name)
    for path in (folder / name).iterdir():
        data = pydicom.dcmread(path)
        for keyword, value in tags.items():
            setattr(data, keyword, value)
        data.save_as(path)


def test_the_objects_of_a_stored_result_are_those_of_its_analysis(stored):
    assert dicom(stored) == 0
    written = {path.name for path in (stored / "out").iterdir()}
    assert written == {"dicom_seg.dcm", "dicom_sr.dcm", "dicom_report.dcm"}
    series = read_series(stored / "ct")
    again = analyze(series, tiny_labelmap())
    write_result(again, stored / "again", dicom=("seg", "sr"))
    for name in ("dicom_seg.dcm", "dicom_sr.dcm"):
        uids = [pydicom.dcmread(stored / at / name).SOPInstanceUID for at in ("out", "again")]
        assert uids[0] == uids[1]


def test_a_ct_of_other_files_is_refused_unless_the_voxels_are_asked_for(stored, capsys):
    change(stored, "other", PatientID="SOMEBODY ELSE")
    assert dicom(stored, ct="other") == 3
    assert "made of other files" in capsys.readouterr().err
    assert not (stored / "out").exists() or not list((stored / "out").iterdir())
    assert dicom(stored, "--same-voxels", ct="other") == 0
    other = pydicom.dcmread(stored / "out" / "dicom_sr.dcm").SOPInstanceUID
    assert dicom(stored) == 0
    assert pydicom.dcmread(stored / "out" / "dicom_sr.dcm").SOPInstanceUID != other


def test_other_voxels_are_refused_even_where_files_may_differ(stored, capsys):
    change(stored, "brighter", RescaleIntercept=-1000)
    assert dicom(stored, "--same-voxels", ct="brighter") == 3
    assert "made of another CT" in capsys.readouterr().err


def test_a_label_map_that_was_changed_is_refused(stored, capsys):
    import nibabel

    path = stored / "result" / "segmentation.nii.gz"
    image = nibabel.load(path)
    labels = np.asanyarray(image.dataobj).copy()
    labels[tuple(np.argwhere(labels == 3)[0])] = 1
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), path)
    assert dicom(stored) == 3
    assert "not the label map" in capsys.readouterr().err


def test_what_the_result_has_not_is_a_sentence(stored, capsys):
    assert dicom(stored, "--kinds", "rtdose") == 3
    assert "Monte Carlo alone" in capsys.readouterr().err
    (stored / "no.pdf").write_text("no PDF")
    assert dicom(stored, "--pdf", stored / "no.pdf") == 3
    assert "no PDF file" in capsys.readouterr().err


def test_what_was_written_before_stays_where_there_is_nothing_to_write(stored):
    assert dicom(stored) == 0
    before = {path: path.read_bytes() for path in (stored / "out").iterdir()}
    assert dicom(stored, "--kinds", "rtdose") == 3
    assert {path: path.read_bytes() for path in (stored / "out").iterdir()} == before


def test_the_report_of_a_stored_result_is_written(stored):
    pytest.importorskip("openpyxl", reason="writes the workbook")
    out = stored / "report"
    assert run("report", stored / "result", "--output", out, "--ct", stored / "ct") == 0
    assert {p.name for p in out.iterdir()} == {"report.html", "report.pdf", "tables.xlsx"}
    assert "data:image/png" in (out / "report.html").read_text()


def test_a_report_without_the_ct_says_that_its_picture_is_missing(stored, capsys):
    pytest.importorskip("openpyxl", reason="writes the workbook")
    out = stored / "report"
    report = ("report", stored / "result", "--output", out)

    def warned(*more) -> str:
        assert command_line.main([*map(str, (*report, *more)), "--events", "rich"]) == 0
        return " ".join(capsys.readouterr().err.split())

    assert "picture of the organs" not in warned("--ct", stored / "ct")
    sentence = "no picture of the organs; give --ct CT to have it. It replaced the report"
    assert sentence in warned()
    shutil.rmtree(out)
    first = warned()
    assert "no picture of the organs" in first
    assert "replaced" not in first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("analyze", "ct", "--output", "x", "--dicom", "ct"), "INPUT before --dicom"),
        (("watch", "--output", "x", "--port", "99999", "--callers", "A"), "1 to 65535"),
        (("send", "x", "--to", "nobody"), "no archive"),
    ],
)
def test_wrong_usage_is_explained(capsys, arguments, words):
    with pytest.raises(SystemExit):
        command_line.main(list(arguments))
    assert words in capsys.readouterr().err


def test_a_rule_that_no_scan_could_follow_ends_the_watch_before_it_begins(tmp_path, capsys):
    (tmp_path / "rules.toml").write_text('[[rule]]\nengine = "magic"\n')
    arguments = ["watch", "--output", tmp_path / "w", "--port", 11112, "--callers", "A"]
    assert run(*arguments, "--rules", tmp_path / "rules.toml") == 3
    assert "magic" in capsys.readouterr().err


def test_sending_to_a_host_that_nobody_knows_is_a_sentence(stored, capsys):
    pytest.importorskip("pynetdicom", reason="sends")
    file = next((stored / "ct").iterdir())
    assert run("send", file, "--to", "A@nosuch.invalid:104") == 3
    assert "check the host's name" in capsys.readouterr().err
