"""What the command is given: several patients, volume files, typed values, models, odd names."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from command_run import COLUMNS, assert_refused, result_of, rows, run
from Corpus.base import FAMILY_NAME, IDENTITY, UID, alter, new_series, write


def test_several_patients_are_listed_and_one_is_taken_by_its_series(base, tmp_path):
    write(base.slices(), tmp_path / "ct", "one")
    other = new_series(base.slices(), 5, PatientID="OTHER", PatientName="Doe^J", PatientAge="009Y")
    write(alter(other, SeriesDescription="second"), tmp_path / "ct", "two")
    arguments = ("analyze", tmp_path / "ct", "--output", tmp_path / "o", "--events", "none")
    done = run(*arguments)
    assert_refused(done, "2 patients", "second")
    assert not any(part in done.stderr for part in (*IDENTITY, "OTHER", "Doe"))
    assert run(*arguments, "--series", f"{UID}.5").returncode == 0
    assert result_of(tmp_path / "o")["acquisition"]["age_years"]["value"] == 9


def test_the_end_of_a_uid_as_the_list_shows_it_names_a_series(base, tmp_path):
    first, other = base.slices(), new_series(base.slices(), 5, PatientID="OTHER")
    write(first, tmp_path / "ct", "one")
    write(alter(other, SeriesDescription="second"), tmp_path / "ct", "two")
    arguments = ("analyze", tmp_path / "ct", "--output", tmp_path / "o", "--events", "none")
    assert "end of its UID" in run(*arguments).stderr
    shown = run(*arguments).stderr.split("UID ...")[1].split(";")[0].strip(" .\n")
    done = run(*arguments, "--series", shown)
    assert done.returncode == 0, done.stderr


def test_typed_values_replace_those_of_the_image_and_are_marked(ct, tmp_path):
    typed = {"ctdivol_mGy": 12.0, "pitch": 0.5, "age_years": 70}
    (tmp_path / "typed.json").write_text(json.dumps(typed))
    output = tmp_path / "o"
    arguments = ("--acquisition", tmp_path / "typed.json", "--events", "none")
    assert run("analyze", ct, "--output", output, *arguments).returncode == 0
    acquisition = result_of(output)["acquisition"]
    for name, value in typed.items():
        assert acquisition[name] == {"value": value, "source": "user"}
    assert acquisition["kvp_kV"]["source"].startswith("image")
    assert {row["ctdivol_mGy"] for row in rows(output / "slices.csv")} == {"12"}


@pytest.fixture(scope="module")
def volumes(ct, tmp_path_factory):
    """The same volume as NIfTI, NRRD and npy."""
    import SimpleITK as sitk

    from CTDoseSegLib.ct.volume_files import write_nifti
    from CTDoseSegLib.reading.npy_volume import write_npy_volume
    from CTDoseSegLib.reading.reader import read_series

    folder = tmp_path_factory.mktemp("volumes")
    series = read_series(ct)
    write_nifti(folder / "ct.nii.gz", series.hu, series.affine)
    sitk.WriteImage(sitk.ReadImage(str(folder / "ct.nii.gz")), str(folder / "ct.nrrd"))
    write_npy_volume(series, folder / "volume.npy")
    return folder


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nrrd", "volume.npy"])
def test_volume_files_give_the_sizes_of_the_dicom_series(name, volumes, finished, tmp_path):
    done = run("analyze", volumes / name, "--output", tmp_path / "o", "--events", "none")
    assert done.returncode == 0, done.stderr
    found, wanted = (
        sorted([float(row[name]) for name in ("z_mm", "wed_mm", "body_area_mm2")] for row in table)
        for table in (rows(tmp_path / "o" / "slices.csv"), rows(finished[0] / "slices.csv"))
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    doses = [organ["dose_mGy"] for organ in result_of(tmp_path / "o")["organs"]]
    assert any(doses) is (name == "volume.npy"), "only the .json states an exposure"


def test_the_published_networks_are_a_reference_mode(base, ct, published_models, tmp_path):
    models = published_models.rename(tmp_path / FAMILY_NAME)
    output = tmp_path / "o"
    arguments = ("--dose-model", models, "--segmentation", base.truth(), "--events", "none")
    done = run("analyze", ct, "--output", output, *arguments)
    assert done.returncode == 0, done.stderr
    result = result_of(output)
    given = [organ for organ in result["organs"] if organ["dose_mGy"] is not None]
    assert len(given) > 10
    assert {organ["route"] for organ in given} == {"published"}
    assert {organ["model_low_mGy"] for organ in given} == {None}
    assert FAMILY_NAME not in (output / "result.json").read_text(encoding="utf-8")


def test_a_missing_dose_model_is_refused_by_its_name(ct, tmp_path):
    arguments = ("--dose-model", tmp_path / "nowhere", "--events", "none")
    done = run("analyze", ct, "--output", tmp_path / "o", *arguments)
    assert_refused(done, "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_formula_and_a_path_as_organ_names_stay_text(base, ct, tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    shutil.copy(base.truth(), labels / "organs.nii.gz")
    names = {1: "=cmd|'/c calc'!A0", 2: "../../escaped"}
    table = "".join(f"{v},{names.get(v, f'part_{v}')}\n" for v in range(1, 80))
    (labels / "labels.csv").write_text(f"value,name\n{table}")
    arguments = ("--segmentation", labels / "organs.nii.gz", "--events", "none")
    done = run("analyze", ct, "--output", tmp_path / "o", *arguments)
    assert done.returncode == 0, done.stderr
    for name in COLUMNS:
        for line in (tmp_path / "o" / name).read_text(encoding="utf-8").splitlines():
            assert not any(cell.startswith(("=", '"=')) for cell in line.split(",")), name
    organ = ("--organ", "../../escaped", *arguments)
    assert run("export", ct, "--output", tmp_path / "e", *organ).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"labels", "o", "e"}
