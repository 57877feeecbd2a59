"""De-identification: nothing of the patient is left, and what belongs together stays together."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_files import make_slice, save
from planted_identity import DATES, IDS, PATIENTS, identity_in, save_planted

pytest.importorskip("dicomanonymizer", reason="de-identifying needs dicom-anonymizer")

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.dicom.deidentify import deidentify, holds_identity, iter_identities
from CTDoseSegLib.errors import InputError, OutputError
from CTDoseSegLib.reading.reader import read_series

SECRETS = ("Muster", "Erika", "4711-X", "19610203", "St. Elsewhere", "Dr. House", "ACC-99")


def patient(folder, name="Muster^Erika", identifier="4711-X", study="1.2.3.4", count=3, **tags):
    for n in range(count):
        data = make_slice(z=5.0 * n)
        data.PatientName, data.PatientID, data.PatientBirthDate = name, identifier, "19610203"
        data.InstitutionName, data.ReferringPhysicianName = "St. Elsewhere", "Dr. House"
        data.AccessionNumber, data.StudyInstanceUID = "ACC-99", study
        data.StudyDate, data.SeriesDate, data.AcquisitionDate = "20240131", "20240131", "20240201"
        data.FrameOfReferenceUID = f"{study}.7"
        data.SeriesInstanceUID = f"{study}.8"
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{study}.8.{n}"
        for tag, value in tags.items():
            setattr(data, tag, value)
        folder.mkdir(parents=True, exist_ok=True)
        save(data, folder / f"{n}.dcm")


def written(folder):
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


def test_nothing_of_the_patient_is_left(tmp_path):
    patient(tmp_path / "in" / "Muster")
    done = deidentify(tmp_path / "in", tmp_path / "out")
    assert (done.files, done.patients) == (3, 1)
    for path in (tmp_path / "out").rglob("*.dcm"):
        content = path.read_bytes()
        for secret in (*SECRETS, "1.2.3.4"):
            assert secret.encode() not in content, secret
        assert not any(secret in str(path.relative_to(tmp_path)) for secret in SECRETS)
        assert not holds_identity(path)
    (one, *_) = written(tmp_path / "out")
    assert one.PatientIdentityRemoved == "YES"
    codes = {item.CodeValue for item in one.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113107"}


def test_the_images_stay_as_they_were(tmp_path):
    patient(tmp_path / "in")
    deidentify(tmp_path / "in", tmp_path / "out")
    before, after = read_series(tmp_path / "in"), read_series(tmp_path / "out")
    np.testing.assert_array_equal(before.hu, after.hu)
    np.testing.assert_allclose(before.affine, after.affine)
    assert before.acquisition.kvp_kV == after.acquisition.kvp_kV


def test_one_old_uid_is_one_new_uid_and_dates_keep_their_distance(tmp_path):
    patient(tmp_path / "in" / "a")
    patient(tmp_path / "in" / "b", "Other^Name", "5", "1.2.9")
    done = deidentify(tmp_path / "in", tmp_path / "out")
    assert done.patients == 2
    files = written(tmp_path / "out")
    assert len({f.StudyInstanceUID for f in files}) == 2
    assert len({f.FrameOfReferenceUID for f in files}) == 2
    assert len({f.SOPInstanceUID for f in files}) == 6
    assert all(f.file_meta.MediaStorageSOPInstanceUID == f.SOPInstanceUID for f in files)
    for one in files:
        study, taken = (pydicom.valuerep.DA(d) for d in (one.StudyDate, one.AcquisitionDate))
        assert (taken - study).days == 1
        assert str(one.StudyDate) != "20240131"
    # Two runs cannot be joined by their UIDs.
    deidentify(tmp_path / "in", tmp_path / "again")
    assert {f.StudyInstanceUID for f in written(tmp_path / "again")}.isdisjoint(
        {f.StudyInstanceUID for f in files}
    )


def test_text_in_the_picture_is_left_out_and_counted(tmp_path):
    patient(tmp_path / "in" / "good")
    patient(tmp_path / "in" / "bad", study="1.2.5", BurnedInAnnotation="YES")
    done = deidentify(tmp_path / "in", tmp_path / "out")
    assert done.files == 3
    assert any("burned in" in sentence for sentence in done.left_out)


def test_what_cannot_be_done_is_reported(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "note.txt").write_text("no image")
    with pytest.raises(InputError):
        deidentify(tmp_path / "empty", tmp_path / "out")
    patient(tmp_path / "in")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        deidentify(tmp_path / "in", tmp_path / "full")


def test_the_command_tells_what_it_wrote(tmp_path, capsys):
    patient(tmp_path / "in")
    code = command_line.main(["deidentify", str(tmp_path / "in"), str(tmp_path / "out")])
    assert code == 0
    assert "3 files of 1 patients written." in capsys.readouterr().out
    assert list(iter_identities(tmp_path / "in"))
    assert not list(iter_identities(tmp_path / "out"))


@pytest.mark.parametrize("planted", PATIENTS.values(), ids=PATIENTS.keys())
def test_identity_in_any_tag_coding_and_spelling_goes(planted, tmp_path):
    for n, text in enumerate((*planted.spellings, *IDS, *DATES)):
        data = make_slice(SOPInstanceUID=f"1.2.3.{n}")
        # Where no rule of the profile looks: inside of a sequence that it keeps.
        code = pydicom.Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113691", "DCM", "body"
        code.PatientName, code.StudyDate, code.StudyInstanceUID = (
            "Doe^Nested",
            "20240229",
            "9.8.7.6",
        )
        data.CTDIPhantomTypeCodeSequence = [code]
        save_planted(data, planted, text, tmp_path / "in" / f"{n}.dcm")
    deidentify(tmp_path / "in", tmp_path / "out", keep_characteristics=True, keep_descriptions=True)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == n + 2
    for path in files:
        content = path.read_bytes()
        assert not identity_in(content, planted), path.name
        assert not any(part in content for part in (b"Nested", b"9.8.7.6"))


def test_a_child_stays_a_child_and_protocols_can_be_grouped(tmp_path):
    patient(
        tmp_path / "in",
        PatientSex="F",
        PatientAge=None,
        PatientBirthDate="20170612",
        SeriesDescription="Thorax low dose Erika 1.0 Br40",
    )
    deidentify(tmp_path / "in", tmp_path / "plain")
    (one, *_) = written(tmp_path / "plain")
    assert not {"PatientAge", "SeriesDescription"} & set(one.dir())
    assert not one.get("PatientSex")
    options = ["--keep-characteristics", "--keep-descriptions"]
    command = ["deidentify", str(tmp_path / "in"), str(tmp_path / "kept"), *options]
    assert command_line.main(command) == 0
    (one, *_) = written(tmp_path / "kept")
    assert (one.PatientAge, one.PatientSex) == ("006Y", "F")
    assert one.SeriesDescription == "Thorax low dose 1.0 Br40"
    codes = {item.CodeValue for item in one.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113107", "113108", "113105"}


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "007M"}, "007M"),
        ({"PatientAge": "012D"}, "012D"),
        ({"PatientAge": "097Y"}, "090Y"),
        ({"PatientBirthDate": "20230601"}, "007M"),
        ({"PatientBirthDate": "19200101"}, "090Y"),
        ({"PatientBirthDate": ""}, None),
        ({"PatientBirthDate": "20250101"}, None),  # after the study
    ],
)
def test_an_age_is_that_of_the_file_or_of_its_dates(tags, age, tmp_path):
    patient(tmp_path / "in", count=1, **tags)
    deidentify(tmp_path / "in", tmp_path / "out", keep_characteristics=True)
    (one,) = written(tmp_path / "out")
    assert one.get("PatientAge") == age


def test_what_each_file_held_is_counted_without_its_values(tmp_path):
    patient(tmp_path / "in", count=2)
    done = deidentify(tmp_path / "in", tmp_path / "out")
    assert sorted(done.held) == [f"patient_01/study_01/series_01/0000{n}.dcm" for n in (1, 2)]
    (one, other) = done.held.values()
    assert one == other
    # The patient's name and the physician's; ID and accession number; birth date and three more.
    assert (one["names"], one["numbers"], one["dates"]) == (2, 2, 4)
    table = (tmp_path / "out" / "held.csv").read_text()
    assert table.startswith("file,names,numbers,dates,uids,descriptions,private,other\n")
    assert f"00001.dcm,2,2,4,{one['uids']}," in table
    assert not any(secret in table for secret in SECRETS)
    assert "names: 4 attributes in 2 files" in list(done.sentences())
    read_series(tmp_path / "out")  # the table beside the images is no trouble


def test_coded_words_and_the_character_set_stay(tmp_path):
    named = {"StationName": "CT", "InstitutionalDepartmentName": "Primary Head Clinic"}
    coded = {"BodyPartExamined": "HEAD", "SpecificCharacterSet": "ISO_IR 100", "Modality": "CT"}
    kinds = ["ORIGINAL", "PRIMARY", "AXIAL"]
    patient(tmp_path / "in", identifier="100", ImageType=kinds, **named, **coded)
    deidentify(tmp_path / "in", tmp_path / "out")
    for one in written(tmp_path / "out"):
        assert {tag: str(one[tag].value) for tag in coded} == coded
        assert list(one.ImageType) == kinds
        assert one.get("StationName", "") != "CT"
