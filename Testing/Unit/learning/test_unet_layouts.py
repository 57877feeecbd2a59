"""Labelled scans as users have them: slices of one scan, who is a patient, and what is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from dicom_files import make_slice, save
from pydicom import dcmread
from segmenter_slices import RING, write_slices

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.dicom.header_file import read_header  # noqa: E402
from CTDoseSegLib.errors import InputError  # noqa: E402
from CTDoseSegLib.learning.unet.cases import identities, pairs_of, read_cases  # noqa: E402
from CTDoseSegLib.learning.unet.label_pictures import read_picture  # noqa: E402
from CTDoseSegLib.learning.unet.layouts import config_of_folder, layout  # noqa: E402
from CTDoseSegLib.learning.unet.mask_form import MaskForm, best_form, explained, nearest  # noqa: E402
from CTDoseSegLib.learning.unet.patients import patient_keys  # noqa: E402
from CTDoseSegLib.learning.unet.slice_files import read_images  # noqa: E402
from CTDoseSegLib.learning.unet.split import (  # noqa: E402
    OTHER_PATIENTS,
    SAME_PATIENT,
    SAME_SCAN,
    split,
)
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

pytestmark = pytest.mark.slow

SIZE = 32


def config(folder, labels=RING, shape=0):
    return config_of_folder(folder, labels=labels, input_shape=shape, epochs=1)


@pytest.fixture
def scan(tmp_path):
    """One scan of eight slices, and its labels foot to head."""
    return tmp_path / "data", write_slices(tmp_path / "data" / "train", 8, size=SIZE)


@pytest.mark.parametrize("ending", ["png", "npy", "jpg"])
def test_slices_of_one_series_are_one_case_in_the_order_of_their_positions(tmp_path, ending):
    size = 256 if ending == "jpg" else SIZE
    labels = write_slices(tmp_path, 8, size=size, ending=ending)
    (case,), doubts = read_cases(config(tmp_path, shape=size))
    assert len(doubts) == (ending == "jpg")  # which says that they were repaired
    assert case.name == "slice_1..slice_8"
    assert (np.diff(case.z_mm) > 0).all()
    # Lossy labels are drawn anew along their edges.
    assert (case.labels == labels).mean() > (0.99 if ending == "jpg" else 0.999999)


def test_of_one_scan_a_block_of_neighbouring_slices_is_kept_and_the_rest_has_every_label(scan):
    parts = split(read_cases(config(scan[0]))[0], config(scan[0]))
    (train,), (held,) = parts.train, parts.held
    assert parts.validated_on == SAME_SCAN
    assert "one scan only" in parts.warning
    assert sorted([*train.part, *held.part]) == list(range(8))
    assert np.ptp(held.part) == len(held.part) - 1
    assert set(np.unique(train.labels[train.slices])) == set(range(RING + 1))


def test_the_network_is_trained_at_the_input_shape_whatever_the_images_have(scan):
    (case,), _ = read_cases(config(scan[0], shape=48))
    assert case.volume.shape == case.labels.shape == (8, 48, 48)
    assert case.voxel_mm[1] == pytest.approx(4.0 * SIZE / 48)


def headers(tmp_path, *tags):
    made = []
    for n, own in enumerate(tags):
        one = {"StudyInstanceUID": f"1.2.{n}", "SeriesInstanceUID": f"1.3.{n}", "PatientName": ""}
        path = save(make_slice(0, **{**one, **own}), tmp_path / f"{n}.dcm")
        made.append(read_header(str(path)))
    return made


@pytest.mark.parametrize(
    "number", ["", "0", "000", "ANON", "Anonymous", "ANONYMIZED", "Patient ID"]
)
def test_an_id_that_stands_for_nobody_is_no_patient_but_its_study_is(tmp_path, number):
    same = {"PatientID": number, "StudyInstanceUID": "1.9"}
    found = headers(tmp_path, {"PatientID": number}, {"PatientID": number}, same, same)
    keys = patient_keys(found, list("abcd"))
    assert len(set(keys)) == 3
    assert keys[2] == keys[3]


def test_an_id_is_a_patient_whatever_the_study_unless_it_goes_with_several_names(tmp_path):
    one = {"PatientID": "4711", "PatientName": "Doe^Jane"}
    keys = patient_keys(headers(tmp_path, one, one, {"PatientID": "4711"}), list("abc"))
    assert len(set(keys)) == 1
    other = one | {"PatientName": "Roe^Ann"}
    keys = patient_keys(headers(tmp_path, one, other, other), list("abc"))
    assert len(set(keys)) == 3
    assert patient_keys([None, None], ["a", "b"]) == ["a", "b"]


def test_one_id_with_two_birth_dates_is_two_patients(tmp_path):
    born = [{"PatientID": "4711", "PatientBirthDate": day} for day in ("19500101", "19600101")]
    assert len(set(patient_keys(headers(tmp_path, *born), list("ab")))) == 2
    assert len(set(patient_keys(headers(tmp_path, born[0], born[0]), list("ab")))) == 1


def test_two_patients_are_held_apart_and_two_scans_of_one_are_flagged(tmp_path):
    for folder, second in (("two", "B1"), ("one", "A1")):
        data = tmp_path / folder
        write_slices(data, 4, size=SIZE, PatientID="A1", PatientName="")
        other = tmp_path / f"{folder}_other"
        tags = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8", "PatientName": ""}
        write_slices(other, 4, size=SIZE, PatientID=second, **tags)
        for path in other.rglob("*.*"):
            shutil.copy(path, data / path.parent.name / f"second_{path.name}")
        parts = split(read_cases(config(data))[0], config(data))
        assert parts.validated_on == (OTHER_PATIENTS if second == "B1" else SAME_PATIENT)
        assert bool(parts.warning) == (second == "A1")


def test_mr_is_scaled_by_its_own_values_and_is_refused_where_windows_of_hu_are_set(tmp_path):
    write_slices(tmp_path / "set", 4, size=SIZE, Modality="MR", RescaleIntercept=1000)
    assert config(tmp_path / "set").network.windows == ()
    assert len(read_cases(config(tmp_path / "set"))[0]) == 1
    from CTDoseSegLib.learning.unet.config import read_config

    (tmp_path / "c.toml").write_text(
        '[network]\nlabels = 6\n[[data]]\nkind = "slices"\nfolder = "set"\n'
    )
    with pytest.raises(InputError, match=r"are MR.*windows = \[\]"):
        read_cases(read_config(tmp_path / "c.toml"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("beyond", "have the value 5, and the network has 4 classes"),
        ("missing", "slice_3 has no labels"),
        ("size", r"slice_3\.png has 16 x 16 pixels, its image 32 x 32"),
        ("no pixel size", r"slice_3\.dcm: PixelSpacing"),
        ("colour", r"slice_3\.dcm is a coloured image"),
        ("not dicom", r"slice_3\.dcm"),
        ("only 255", "no value but 0 and 255"),
        ("too many", "No case has label_7"),
        ("empty", "dicoms in train is empty"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_and_the_file_is_named(scan, damage, message):
    from PIL import Image

    train = scan[0] / "train"
    labels, image = train / "labels" / "slice_3.png", train / "dicoms" / "slice_3.dcm"
    count = {"beyond": 4, "too many": 7}.get(damage, RING)
    if damage == "missing":
        labels.unlink()
    elif damage == "size":
        Image.fromarray(np.ones((16, 16), np.uint8)).save(labels)
    elif damage == "colour":
        one = make_slice(2, np.zeros((SIZE, SIZE), np.uint8), SamplesPerPixel=3)
        save(one, image)
    elif damage == "no pixel size":
        data = dcmread(image)
        del data.PixelSpacing
        data.save_as(image)
    elif damage == "not dicom":
        image.write_text("no image")
    elif damage == "only 255":
        for path in labels.parent.iterdir():
            Image.fromarray(np.full((SIZE, SIZE), 255, np.uint8)).save(path)
    elif damage == "empty":
        for path in image.parent.iterdir():
            path.unlink()
    with pytest.raises(InputError, match=message):
        read_cases(config(scan[0], count))


def test_images_that_are_not_axial_are_left_out_and_said(tmp_path, scan):
    upright = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "SeriesInstanceUID": "1.2.77"}
    write_slices(tmp_path / "other", 2, size=SIZE, **upright)
    for path in (tmp_path / "other").rglob("slice_*"):
        shutil.copy(path, scan[0] / "train" / path.parent.name / f"upright_{path.name}")
    cases, sentences = read_cases(config(scan[0]))
    assert [len(case.volume) for case in cases] == [8]
    assert [one for one in sentences if "upright_slice_1" in one and "not axial" in one]


def test_images_of_two_sizes_are_two_cases_of_one_patient(tmp_path):
    write_slices(tmp_path, 4, size=SIZE)
    write_slices(tmp_path / "other", 4, size=48, ImagePositionPatient=[-190, -190, 300])
    for path in (tmp_path / "other").rglob("*_1.*"):
        shutil.copy(path, tmp_path / path.parent.name / f"large_{path.name}")
    cases, _ = read_cases(config(tmp_path))
    assert len(cases) == 2
    assert len({case.patient for case in cases}) == 1


def test_a_series_that_its_sizes_cut_in_two_is_named(tmp_path):
    write_slices(tmp_path, 6, size=SIZE)
    write_slices(tmp_path / "other", 6, size=48)
    for path in (tmp_path / "other").rglob("*_[45].*"):
        shutil.copy(path, tmp_path / path.parent.name / path.name)
    cases, sentences = read_cases(config(tmp_path))
    assert len(cases) == 2
    (cut,) = [one for one in sentences if "One series" in one]
    assert f"{SIZE} x {SIZE}" in cut
    assert "48 x 48" in cut
    assert all(case.name in cut for case in cases)


def test_a_layout_is_known_by_its_folders_and_two_at_once_are_refused(tmp_path, scan):
    assert layout(scan[0]) == "slices"
    assert layout(scan[0] / "train") == "slices"
    (tmp_path / "empty").mkdir()
    for folder, message in ((tmp_path / "empty", "is empty"), (tmp_path / "none", "no folder")):
        with pytest.raises(InputError, match=message):
            layout(folder)
    for name in ("Images", "Segmentations"):
        (scan[0] / name).mkdir()
    with pytest.raises(InputError, match="two layouts at once"):
        layout(scan[0])


def test_the_cases_that_name_a_patient_are_listed(scan):
    (sentence,) = identities(pairs_of(config(scan[0]), Progress()))
    assert "slice_1..slice_8" in sentence
    assert "Secret" not in sentence


def test_close_values_survive_lossy_compression_or_are_refused_where_too_little_is_flat(tmp_path):
    from PIL import Image

    labels = np.zeros((240, 240), np.uint8)
    for value, (row, column) in enumerate(np.ndindex(2, 3), start=1):
        labels[20 + 110 * row : 110 + 110 * row, 16 + 75 * column : 83 + 75 * column] = value
    Image.fromarray(labels).save(tmp_path / "l.jpg", quality=95)
    found = read_picture(tmp_path / "l.jpg")
    assert set(np.unique(found)) == set(range(7))
    assert (found == labels).mean() > 0.98
    Image.fromarray(labels[::8, ::8].copy()).save(tmp_path / "small.jpg", quality=75)
    with pytest.raises(InputError, match=r"small\.jpg are not near to a few classes"):
        read_picture(tmp_path / "small.jpg")


@pytest.mark.parametrize(
    "form", [MaskForm(), MaskForm(True), MaskForm(True, "reversed"), MaskForm(False, "name")]
)
def test_the_form_of_masks_is_found_by_what_they_explain(tmp_path, form):
    labels = write_slices(tmp_path, 9, size=SIZE)
    labels[6:] = 0  # so that head and feet differ
    labels[:, SIZE // 2 :] = 0
    series = read_images(tmp_path / "dicoms")
    written = labels
    if form.order == "name":
        at = {int(path.rsplit("_", 1)[1][:-4]): k for k, path in enumerate(series.files)}
        written = labels[[at[n] for n in sorted(at)]]
    elif form.order == "reversed":
        written = labels[::-1]
    written = written[:, ::-1] if form.flip else written
    assert (form.of(written, series) == labels).all()
    series.hu[labels > 0] += 300
    assert best_form(explained(series, written), MaskForm()) == form


def test_a_form_is_in_doubt_only_where_another_one_explains_nearly_as_much():
    turned, both = MaskForm(True), MaskForm(True, "reversed")
    assert nearest({MaskForm(): 0.33, turned: 0.89, both: 0.4}, turned) is None
    assert nearest({MaskForm(): 0.33, turned: 0.89, both: 0.85}, turned) == both
    assert nearest({MaskForm(): 0.33, turned: 0.89, both: 0.89}, turned) is None  # one slice
    assert nearest({turned: 0.89}, turned) is None
