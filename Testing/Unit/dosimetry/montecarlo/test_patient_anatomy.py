"""What the images lack: ends that go on, a field of view that cuts, the axis of rotation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from box_bodies import BODY, box_scan
from dose_scans import codes, scan_of

from CTDoseSegLib.dosimetry.beam import Beam
from CTDoseSegLib.dosimetry.montecarlo import completion
from CTDoseSegLib.dosimetry.montecarlo.completion import lengths_beyond
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.measurement.truncation import error_range

LIVER = (slice(3, 9), slice(40, 70), slice(36, 70))


def water_area_mm2(patient, k: int) -> float:
    """Water-equivalent area of a slab, about: density times area."""
    voxels = patient.voxels
    return float(voxels.density_g_cm3[k].sum()) * voxels.spacing_mm[0] * voxels.spacing_mm[1]


def test_end_slices_are_repeated_where_the_body_goes_on_and_scored_nowhere():
    patient = patient_of(box_scan({"liver": (LIVER, 55)}))
    assert patient.image_range_mm == (-30.0, 30.0)
    assert patient.repeated_mm == (100.0, 100.0)
    voxels = patient.voxels
    assert voxels.corner_mm[2] == -130.0
    assert voxels.material.shape[0] == 20 + 12 + 20
    for k in (0, 19, 32, 51):
        assert not voxels.region[k].any()
        assert patient.completed[k].all()
        assert water_area_mm2(patient, k) == pytest.approx(120 * 160 * 1.05, rel=0.02)
    assert "ends_repeated" in codes(patient.flags)


def test_a_body_that_ends_in_the_images_is_not_repeated():
    inside = (slice(1, 11), *BODY[1:])
    patient = patient_of(box_scan({"liver": (LIVER, 55)}, body=inside))
    assert patient.repeated_mm == (0.0, 0.0)
    assert "ends_repeated" not in codes(patient.flags)


def test_the_body_goes_on_a_hundred_millimetres_beyond_the_beam_at_most():
    scan = box_scan({"liver": (LIVER, 55)})
    scan = replace(scan, beam=Beam((-50.0, -20.0)))
    patient = patient_of(scan)
    # 20 mm beyond the images at the foot, 50 mm short of their end at the head.
    assert patient.repeated_mm == (100.0, 50.0)
    assert lengths_beyond((0, 300), (120, 180), (True, True)) == (0.0, 0.0)
    assert lengths_beyond((0, 300), (-np.inf, np.inf), (True, False)) == (100.0, 0.0)


@pytest.mark.parametrize("cut_rows", [10, 14])
def test_a_cut_field_of_view_is_completed_to_the_corrected_size(cut_rows):
    """An ellipse whose front is beyond the images."""

    def ellipse(rows, middle):
        y, x = np.mgrid[:rows, :140]
        return ((y - middle) / 45.0) ** 2 + ((x - 69.5) / 60.0) ** 2 <= 1

    inside = np.repeat(ellipse(120, 45.0 - cut_rows)[None], 12, axis=0)
    hu = np.where(inside, 0, -1000).astype(np.int16)
    scan = rebuilt(box_scan({}), hu, inside.astype(np.uint8))
    size = scan.size
    whole_mm = size.wed_corrected_mm[6]
    if not np.isfinite(whole_mm):
        low, high = error_range(size.truncated_fraction, size.asymmetry)
        whole_mm = size.wed_mm[6] / (1 + (low[6] + high[6]) / 2)
    missing_mm2 = np.pi / 4 * (whole_mm**2 - size.wed_mm[6] ** 2)
    assert missing_mm2 > 0.005 * size.body_area_mm2[6]
    patient = patient_of(scan)
    k = len(patient.voxels.material) // 2
    added = patient.completed[k]
    area = float(patient.voxels.density_g_cm3[k][added].sum()) * 16.0
    assert area == pytest.approx(missing_mm2, rel=0.01)
    assert patient.added_area_mm2 == pytest.approx(missing_mm2, rel=0.01)
    assert "field_completed" in codes(patient.flags)
    # What was added lies beyond the front of the images and is scored nowhere.
    y = patient.voxels.corner_mm[1] + (np.nonzero(added)[0] + 0.5) * patient.voxels.spacing_mm[1]
    assert y.max() < -120.0
    assert not patient.voxels.region[k][added].any()


def rebuilt(scan, hu, labels):
    series = replace(scan.series, hu=hu)
    return scan_of(series, replace(scan.labelmap, labels=labels))


def test_a_body_inside_the_field_is_not_completed():
    patient = patient_of(box_scan({"liver": (LIVER, 55)}))
    assert patient.added_area_mm2 == 0
    assert "field_completed" not in codes(patient.flags)


def test_the_axis_of_rotation_is_the_one_that_the_images_state():
    patient = patient_of(box_scan({"liver": (LIVER, 55)}, isocentre_mm=(12.0, -7.0)))
    # x to the left and y to posterior.
    assert patient.voxels.isocentre_mm == (-12.0, 7.0)
    assert "isocentre_assumed" not in codes(patient.flags)


def test_else_it_is_the_centre_of_the_body_and_flagged():
    beside = (slice(0, 12), slice(20, 80), slice(40, 120))
    patient = patient_of(box_scan({}, body=beside))
    # Columns 40-120 of 140 and rows 20-80 of 120, 2 mm each.
    assert patient.voxels.isocentre_mm == pytest.approx((20.0, -20.0), abs=1e-6)
    assert "isocentre_assumed" in codes(patient.flags)


def test_or_the_middle_of_images_as_wide_as_the_scanners_field():
    beside = (slice(0, 4), slice(20, 80), slice(40, 120))
    patient = patient_of(box_scan({}, body=beside, shape=(4, 240, 240), spacing_mm=(2.0, 2.0, 5.0)))
    assert patient.voxels.isocentre_mm == pytest.approx((0.0, 0.0), abs=1e-6)


def test_a_large_grid_is_cut_to_what_is_not_air(monkeypatch):
    whole = patient_of(box_scan({"liver": (LIVER, 55)}))
    monkeypatch.setattr(completion, "LARGE_VOXELS", 1000)
    small = patient_of(box_scan({"liver": (LIVER, 55)}))
    assert small.voxels.material.shape == (52, 30, 40)
    assert small.voxels.corner_mm == (-80.0, -60.0, -130.0)
    assert small.voxels.isocentre_mm == whole.voxels.isocentre_mm
    assert small.mass_g == pytest.approx(whole.mass_g)
    assert small.completed.shape == small.voxels.material.shape


def test_an_organ_that_is_wholly_seen_has_all_of_its_mass():
    patient = patient_of(box_scan({"liver": (LIVER, 55)}))
    assert patient.seen_share["liver"] == 1.0


def test_an_organ_that_the_images_cut_has_the_share_of_a_reference_adults():
    cut = (slice(0, 9), *LIVER[1:])
    patient = patient_of(box_scan({"liver": (cut, 58)}, sex="M"))
    assert patient.seen_share["liver"] == pytest.approx(1.05 * 30 * 34 * 9 * 0.02 / 1800, rel=0.01)
    child = patient_of(box_scan({"liver": (cut, 58)}, sex="M", age_years=5.0))
    assert child.seen_share["liver"] is None
    unlisted = patient_of(box_scan({"colon": (cut, 40)}))
    assert unlisted.seen_share["colon"] is None


def test_an_organ_that_loses_its_mass_is_flagged_in_its_place():
    def gas(hu):
        hu[3:9, 40:70, 44:60] = -1000.0

    # A tube of gas whose wall is thinner than a voxel.
    tube = (slice(3, 9), slice(40, 70), slice(43, 61))
    patient = patient_of(box_scan({"trachea": (tube, 0)}, paint=gas), voxel_mm=8.0)
    flags = [entry for entry in patient.flags if entry.code == "organ_mass_changed"]
    assert {entry.place for entry in flags} <= {"organ trachea"}
