"""Training arrays put back together into patients."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.learning.dose.arrays import load_region


def rows(z, seed, *, dose=10.0):
    """Rows of one patient: HU, SD, mA, WED, SliceLocation, dose."""
    random = np.random.default_rng(seed)
    n = len(z)
    return np.column_stack(
        (
            random.normal(-50, 5, n),
            np.full(n, 50.0),
            random.integers(100, 500, n),
            random.uniform(220, 330, n),
            z,
            np.full(n, dose),
        )
    ).astype(np.float32)


def write(folder, region, **tables):
    path = folder / f"{region}_merged_training_arrays"
    path.mkdir(parents=True)
    for organ, table in tables.items():
        np.save(path / f"{organ}_training_array.npy", table)
    return folder


UP = np.arange(-300, 0, 2.5)


def test_a_patient_starts_where_the_slice_location_falls_back(tmp_path):
    skin = np.concatenate([rows(UP, 1), rows(UP + 40, 2), rows(UP - 30, 3)])
    arrays = load_region(write(tmp_path, "chest", skin=skin), "chest")
    assert [len(p.z_mm) for p in arrays.patients] == [120, 120, 120]
    np.testing.assert_array_equal(arrays.patients[1].z_mm, UP + 40)


def test_the_abdomen_runs_downward_and_comes_out_foot_to_head(tmp_path):
    skin = np.concatenate([rows(UP[::-1], 1), rows(UP[::-1], 2)])
    arrays = load_region(write(tmp_path, "abdomen", skin=skin), "abdomen")
    assert len(arrays.patients) == 2
    first = arrays.patients[0]
    np.testing.assert_array_equal(first.z_mm, UP)
    np.testing.assert_allclose(first.wed_mm, skin[:120, 3][::-1])


def test_organ_rows_find_their_patient_by_the_exact_key_in_any_order(tmp_path):
    first, second = rows(UP, 1), rows(UP, 2)
    liver = np.concatenate([second[30:50], first[60:64]])
    liver[:, 0] = 60
    write(tmp_path, "chest", skin=np.concatenate([first, second]), liver=liver[::-1])
    arrays = load_region(tmp_path, "chest")
    np.testing.assert_array_equal(arrays.patients[1].organs["liver"].slices, np.arange(30, 50))
    np.testing.assert_array_equal(arrays.patients[0].organs["liver"].slices, np.arange(60, 64))
    assert arrays.counts["rows:liver"] == 24
    assert arrays.organs == ("liver", "skin")


def test_rows_without_a_slice_are_counted_and_left_out(tmp_path):
    skin = rows(UP, 1)
    liver = skin[40:50].copy()
    liver[3, 2] += 1
    liver[4, 0] = np.nan
    arrays = load_region(write(tmp_path, "chest", skin=skin, liver=liver), "chest")
    assert arrays.counts["unmatched:liver"] == 1
    assert arrays.counts["nan:liver"] == 1
    assert len(arrays.patients[0].organs["liver"].slices) == 8


def test_rows_that_fit_two_patients_are_left_out(tmp_path):
    first, second = rows(UP, 1), rows(UP, 2)
    second[10] = first[10]
    skin = np.concatenate([first, second])
    arrays = load_region(write(tmp_path, "chest", skin=skin, liver=first[8:14]), "chest")
    assert arrays.counts["ambiguous:liver"] == 1
    assert len(arrays.patients[0].organs["liver"].slices) == 5


def test_a_patient_who_was_simulated_twice_counts_once_with_the_mean_dose(tmp_path):
    first = rows(UP, 1, dose=10.0)
    again = rows(UP, 1, dose=12.0)
    again[5, 3] += 0.001
    skin = np.concatenate([first, rows(UP, 2), again])
    arrays = load_region(write(tmp_path, "chest", skin=skin), "chest")
    assert len(arrays.patients) == 2
    assert arrays.counts["merged_blocks"] == 1
    np.testing.assert_array_equal(arrays.patients[0].z_mm, UP)
    np.testing.assert_allclose(arrays.patients[0].organs["skin"].dose_mGy, 11.0)


@pytest.mark.parametrize(("region", "top"), [("chest", 60), ("abdomen", 30)])
def test_the_ends_of_the_simulated_beam_are_not_interior(tmp_path, region, top):
    z = UP if region == "chest" else UP[::-1]
    arrays = load_region(write(tmp_path, region, skin=rows(z, 1)), region)
    patient = arrays.patients[0]
    inside = patient.z_mm[patient.interior]
    assert inside.min() == UP.min() + 30
    assert inside.max() <= UP.max() - top < inside.max() + 2.5


def test_a_folder_without_the_skin_array_is_refused(tmp_path):
    with pytest.raises(InputError, match="skin_training_array"):
        load_region(tmp_path, "chest")


def test_a_table_of_another_form_is_refused(tmp_path):
    write(tmp_path, "chest", skin=np.zeros((4, 5), np.float32))
    with pytest.raises(InputError, match="six columns"):
        load_region(tmp_path, "chest")


def test_a_pickle_is_not_opened(tmp_path):
    write(tmp_path, "chest", skin=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        load_region(tmp_path, "chest")
