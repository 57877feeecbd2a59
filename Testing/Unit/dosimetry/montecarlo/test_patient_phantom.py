"""The patient of a phantom whose anatomy is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, scan_of

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

_ORGANS = ("liver", "spleen", "kidney_left", "kidney_right", "aorta", "stomach", "heart")


def phantom_scan(**parameters):
    """A phantom with its true label map."""
    series, truth = phantom_series(Phantom(**parameters))
    series = replace(series, acquisition=Acquisition(kvp_kV=120.0))
    atoms = tuple(named_atom(value, name, "truth") for name, value in truth.names.items())
    return scan_of(series, Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth"))


@pytest.fixture(scope="module")
def trunk():
    scan = phantom_scan(variant="trunk", shape=(256, 256, 24), spacing_mm=(1.96, 1.96, 20.0))
    return scan, patient_of(scan)


def test_organs_keep_their_mass(trunk):
    _, patient = trunk
    for organ in _ORGANS:
        n = patient.scores.names.index(organ)
        assert patient.mass_g[n] == pytest.approx(patient.image_mass_g[n], rel=0.06), organ


def test_the_body_attenuates_as_in_the_images(trunk):
    """Its voxels' mass per length is the water-equivalent area of the images, within fat's part."""
    scan, patient = trunk
    low = round(patient.repeated_mm[0] / patient.voxels.spacing_mm[2])
    slabs = slice(low, low + len(scan.series.hu))
    body = patient.voxels.region[slabs] > 0
    density = patient.voxels.density_g_cm3[slabs]
    area = (density * body).sum(axis=(1, 2)) * np.prod(patient.voxels.spacing_mm[:2])
    wed = scan.size.wed_mm
    assert area == pytest.approx(np.pi / 4 * wed**2, rel=0.05)


def test_nothing_is_flagged_that_is_not_there(trunk):
    _, patient = trunk
    wrong = {"bone_is_contrast", "metal_simulated", "field_completed", "grid_resampled"}
    assert not wrong & codes(patient.flags)


def test_the_bodys_voxels_lie_where_the_images_have_it(trunk):
    scan, patient = trunk
    k, j, i = np.nonzero(scan.labelmap.mask("liver"))
    true = scan.series.affine @ np.array([i.mean(), j.mean(), k.mean(), 1.0])
    members = patient.scores.members[patient.scores.index_of("liver")]
    found = np.nonzero(np.isin(patient.voxels.region, members))
    x, y, z = (
        corner + (index.mean() + 0.5) * step
        for corner, step, index in zip(
            patient.voxels.corner_mm, patient.voxels.spacing_mm, found[::-1], strict=True
        )
    )
    assert (-x, -y, z) == pytest.approx(tuple(true[:3]), abs=1.0)
