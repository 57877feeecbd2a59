"""The phantom as DICOM, and its truth as files: what was drawn is what is read."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.errors import Cancelled, OutputError
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.tasks.progress import Progress

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(trunk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    return trunk, folder, write_dicom(trunk[0], folder)


def test_dicom_gives_back_hu_and_geometry(written):
    import SimpleITK as sitk

    (phantom, hu, _), folder, _ = written
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / "dicom")))
    image = reader.Execute()
    assert np.array_equal(sitk.GetArrayFromImage(image), hu)
    lps = np.eye(4)
    lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    lps[:3, 3] = image.GetOrigin()
    assert np.diag([-1, -1, 1, 1]) @ lps == pytest.approx(phantom.affine, abs=1e-4)


@pytest.mark.parametrize("position", ["HFS", "FFP"])
def test_our_reader_gives_back_hu_geometry_and_exposure(position, tmp_path):
    from CTDoseSegLib.dosimetry.beam import beam_of
    from CTDoseSegLib.reading.reader import read_series

    phantom = Phantom(seed=6, position=position, shape=(40, 44, 9), spacing_mm=(12, 11, 55))
    hu, _ = phantom.render()
    write_dicom(phantom, tmp_path)
    truth = json.loads((tmp_path / "truth" / "truth.json").read_text(encoding="utf-8"))
    series = read_series(tmp_path / "dicom")
    assert np.array_equal(series.hu, hu)
    assert series.affine == pytest.approx(phantom.affine, abs=1e-4)
    assert series.regular
    assert [s.tube_current_mA for s in series.slices] == truth["tube_current_mA"]
    assert [s.ctdivol_mGy for s in series.slices] == pytest.approx(truth["ctdivol_mGy"])
    assert [s.slice_location_mm for s in series.slices] == pytest.approx(
        truth["slice_location_mm"], abs=1e-3
    )
    assert series.acquisition.phantom_cm == 32
    assert series.acquisition.pitch == pytest.approx(truth["pitch"])
    assert beam_of(series).range_mm == pytest.approx(truth["irradiated_range_mm"], abs=0.5)


def test_truth_files_describe_the_label_map(written):
    import SimpleITK as sitk

    (phantom, _, truth), folder, files = written
    assert all(file.is_file() for file in files)
    image = sitk.ReadImage(str(folder / "truth" / "segmentation.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image), truth.labels)
    with (folder / "truth" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: int(row["value"]) for row in rows} == phantom.names
    with (folder / "truth" / "groups.csv").open(encoding="utf-8") as file:
        pairs = [(row["group"], row["atom"]) for row in csv.DictReader(file)]
    assert sorted(pairs) == sorted((g, a) for g, atoms in truth.groups.items() for a in atoms)
    numbers = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    assert numbers["wed_mm"] == pytest.approx(truth.wed_mm)


def test_tube_current_follows_the_size_and_ctdivol_the_current(written):
    (phantom, _, truth), folder, _ = written
    numbers = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    current = np.array(numbers["tube_current_mA"])
    assert np.corrcoef(current, truth.wed_mm)[0, 1] > 0.9
    mas = current * numbers["rotation_time_s"] / numbers["pitch"]
    assert numbers["ctdivol_mGy"] == pytest.approx(0.068 * mas, abs=1e-3)
    low, high = numbers["irradiated_range_mm"]
    z = np.array(numbers["z_mm"])
    assert low < z.min() - 19
    assert high > z.max() + 19
    assert z == pytest.approx(phantom.affine[2, 3] + phantom.affine[2, 2] * np.arange(14))


def test_the_scan_length_is_what_was_imaged_without_the_overranging(written):
    import pydicom

    phantom, folder = written[0][0], written[1]
    image = pydicom.dcmread(next((folder / "dicom").iterdir()), stop_before_pixels=True)
    assert pytest.approx(phantom.shape[2] * phantom.spacing_mm[2], abs=0.5) == image.ScanLength


def test_slice_location_is_the_tables_and_not_the_patients(written):
    _, folder, _ = written
    numbers = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
    location, z = np.array(numbers["slice_location_mm"]), np.array(numbers["z_mm"])
    assert np.ptp(location + z) == pytest.approx(0)  # head first: the table moves against z
    assert abs(location[0] - z[0]) > 100


def test_dicom_is_reproducible_and_its_uids_are_unique(written, tmp_path):
    import pydicom

    (phantom, _, _), _, files = written
    again = write_dicom(phantom, tmp_path / "again")
    assert files[0].read_bytes() == again[0].read_bytes()
    images = [f for f in files if f.parent.name == "dicom"]
    heads = [pydicom.dcmread(f, stop_before_pixels=True) for f in images]
    assert len({ds.SOPInstanceUID for ds in heads}) == len(heads) == 14
    assert len({ds.SeriesInstanceUID for ds in heads}) == 1
    other = write_dicom(replace(phantom, noise_hu=26.0), tmp_path / "other")
    assert pydicom.dcmread(other[0]).SeriesInstanceUID != heads[0].SeriesInstanceUID


def test_head_states_the_head_phantom(tmp_path):
    import pydicom

    head = Phantom(variant="head", shape=(32, 32, 3), spacing_mm=(8, 8, 40))
    ds = pydicom.dcmread(write_dicom(head, tmp_path)[0])
    assert ds.CTDIPhantomTypeCodeSequence[0].CodeValue == "113690"
    assert ds.BodyPartExamined == "HEAD"


def test_a_second_phantom_in_the_same_folder_is_refused(written):
    (phantom, _, _), folder, _ = written
    with pytest.raises(OutputError, match="another folder"):
        write_dicom(phantom, folder)


def test_a_cancelled_phantom_leaves_nothing(tmp_path):
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        write_dicom(Phantom(shape=(16, 16, 2), spacing_mm=(30, 30, 60)), tmp_path, progress)
    assert list(tmp_path.iterdir()) == []


def test_a_phantom_with_enhanced_blood_states_its_contrast_agent(tmp_path):
    import pydicom

    stated, enhanced = {}, {}
    for seed in range(1, 9):
        phantom = Phantom(seed=seed, shape=(24, 24, 2), spacing_mm=(20, 20, 200))
        write_dicom(phantom, tmp_path / str(seed))
        first = next((tmp_path / str(seed) / "dicom").iterdir())
        agent = pydicom.dcmread(first, stop_before_pixels=True).get("ContrastBolusAgent")
        blood = next(m.hu for m in phantom.canvas.materials if m.atom == "aorta")
        stated[seed], enhanced[seed] = bool(agent), blood > 100
    assert stated == enhanced
    assert set(enhanced.values()) == {True, False}
