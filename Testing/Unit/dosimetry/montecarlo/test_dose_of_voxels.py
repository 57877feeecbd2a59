"""Maps, slices of organs and regions drawn later have the dose that the voxels have."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.maps import (
    RegionDose,
    dose_map_of,
    dose_of_region,
    ras_affine,
    slice_doses,
)
from CTDoseSegLib.dosimetry.montecarlo.surfaces import surface_shares
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels

SHAPE = (6, 8, 10)
SPACING_MM = (4.0, 4.0, 5.0)
CORNER_MM = (-20.0, -16.0, 100.0)


def voxels(density=None, region=None):
    return Voxels(
        np.zeros(SHAPE, np.uint8),
        np.ones(SHAPE, np.float32) if density is None else density.astype(np.float32),
        np.ones(SHAPE, np.uint16) if region is None else region.astype(np.uint16),
        SPACING_MM,
        CORNER_MM,
        (0.0, 0.0),
    )


def tally(medium, soft=None, batches=20, noise=0.0, seed=0):
    """A tally with a map of mean energies, each voxel's batches scattering by `noise`."""
    rng = np.random.default_rng(seed)
    both = np.stack([medium, medium if soft is None else soft])
    factor = 1 + noise * rng.standard_normal((batches, 1, *SHAPE))
    one = np.ones((1, 1))
    scores = np.zeros((3, 1, 1, 1))
    number = np.full(batches, 500)
    energy = (both * factor).astype(np.float32)
    return Tally(("all",), one, one * number.sum(), scores, scores, energy, number, 1.0, 0.0)


def test_a_map_is_energy_over_mass_and_nothing_in_air():
    density = np.ones(SHAPE)
    density[:, :, :5] = 2.0
    density[0] = 0.0012
    made = dose_map_of(tally(np.full(SHAPE, 3.0)), voxels(density), 7.0)
    mass_g = 0.08
    assert made.dose_mGy[1:, :, 5:] == pytest.approx(7.0 * 3.0 / mass_g)
    assert made.dose_mGy[1:, :, :5] == pytest.approx(7.0 * 3.0 / (2 * mass_g))
    assert not made.dose_mGy[0].any()
    assert made.histories == 20 * 500


def test_the_error_of_a_voxel_is_that_of_the_mean_of_its_batches():
    made = dose_map_of(tally(np.full(SHAPE, 3.0), noise=0.2), voxels(), 7.0)
    relative = made.statistical_sd_mGy / made.dose_mGy
    assert np.sqrt((relative**2).mean()) == pytest.approx(0.2 / np.sqrt(20), rel=0.02)


def test_voxels_lie_where_the_ct_has_them():
    affine = ras_affine(voxels(), first_slice=2)
    # Voxel [2, 0, 0]: 2 mm inside of the corner (-20, -16) of left and posterior.
    assert affine @ [0, 0, 0, 1] == pytest.approx([18.0, 14.0, 112.5, 1.0])
    assert affine @ [1, 1, 1, 1] == pytest.approx([14.0, 10.0, 117.5, 1.0])
    made = dose_map_of(tally(np.ones(SHAPE)), voxels(), 1.0, slices=slice(2, 5))
    assert made.dose_mGy.shape == (3, 8, 10)
    assert made.affine == pytest.approx(affine)


def test_an_organ_has_the_dose_of_its_own_voxels_on_every_slice():
    region = np.ones(SHAPE)
    region[2:4, :4] = 2
    region[2:4, 4:] = 3
    energy = np.where(region == 2, 4.0, 1.0) * (1 + np.arange(6))[:, None, None]
    scores = Scores(("organ", "both"), ((2,), (2, 3)))
    z_mm = np.array([102.5, 111.0, 114.0, 117.5, 122.5])
    doses = slice_doses(tally(energy), voxels(region=region), scores, 1.0, z_mm)
    per_g = 1 / 0.08
    expected = [np.nan, 12 * per_g, 12 * per_g, 16 * per_g, np.nan]
    assert doses["organ"] == pytest.approx(expected, nan_ok=True)
    assert doses["both"][1] == pytest.approx(7.5 * per_g)


def test_a_region_drawn_later_has_its_mean_dose_weighted_by_mass():
    ramp = np.broadcast_to(1.0 + np.arange(10.0), SHAPE)
    made = dose_map_of(tally(np.zeros(SHAPE) + 1, soft=ramp * 0.08), voxels(), 1.0)
    # A finer grid over the same place: voxels of 2 mm, j and i twice as many.
    affine = made.affine @ np.diag([0.5, 0.5, 1.0, 1.0])
    mask = np.zeros((6, 16, 20), bool)
    mask[2:4, 4:8, 6:11] = True
    density = np.ones(mask.shape)
    dose = dose_of_region(made, mask, affine, density)
    assert dose.dose_mGy == pytest.approx(1.0 + np.mean(np.arange(6, 11) / 2))
    assert dose.mass_g == pytest.approx(2 * 4 * 5 * 0.02)
    assert dose.statistical_sd_mGy == pytest.approx(0.0, abs=1e-6)
    density[:, :, 10] = 3.0
    heavier = dose_of_region(made, mask, affine, density)
    assert heavier.dose_mGy > dose.dose_mGy


def test_a_region_is_as_uncertain_as_its_batches_scatter_together():
    rng = np.random.default_rng(5)
    common = 1 + 0.1 * rng.standard_normal((20, 1, 1, 1, 1))
    noisy = tally(np.ones(SHAPE))
    noisy.map_keV[...] *= common
    made = dose_map_of(noisy, voxels(), 1.0)
    mask = np.zeros(SHAPE, bool)
    mask[1:5, 2:6, 2:8] = True
    dose = dose_of_region(made, mask, made.affine, np.ones(SHAPE))
    # All voxels err alike: averaging over many does not make the region more certain.
    own = np.std(common, ddof=1) / np.sqrt(20)
    assert dose.statistical_sd_mGy / dose.dose_mGy == pytest.approx(own, rel=0.05)


def test_a_steep_dose_makes_the_edge_of_a_region_matter():
    ramp = np.broadcast_to(np.exp(-np.arange(10.0)), SHAPE)
    flat, steep = (
        dose_map_of(tally(np.ones(SHAPE), soft=soft), voxels(), 1.0)
        for soft in (np.ones(SHAPE), ramp)
    )
    mask = np.zeros(SHAPE, bool)
    mask[:, 1:7, 2:6] = True
    even, uneven = (
        dose_of_region(made, mask, made.affine, np.ones(SHAPE)) for made in (flat, steep)
    )
    assert even.edge_sd_mGy == pytest.approx(0.0, abs=1e-5)
    assert uneven.edge_sd_mGy > 0.02 * uneven.dose_mGy


def test_an_empty_region_has_no_dose_and_a_map_without_batches_cannot_give_one():
    made = dose_map_of(tally(np.ones(SHAPE)), voxels(), 1.0)
    assert dose_of_region(made, np.zeros(SHAPE, bool), made.affine, np.ones(SHAPE)) is None
    bare = dose_map_of(tally(np.ones(SHAPE)), voxels(), 1.0, keep_batches=False)
    with pytest.raises(ValueError, match="keep them"):
        dose_of_region(bare, np.ones(SHAPE, bool), bare.affine, np.ones(SHAPE))
    assert RegionDose(1.0, 0.1, 0.1, 5.0).mass_g == 5.0


def test_an_inner_border_of_an_organ_of_two_regions_is_no_surface():
    region = np.zeros(SHAPE)
    region[1:5, 1:7, 1:5] = 1
    region[1:5, 1:7, 5:9] = 2
    scores = Scores(("left", "right", "both", "none"), ((1,), (2,), (1, 2), (9,)))
    left, right, both, none = surface_shares(voxels(region=region), scores)
    assert left == right > both
    faces = 2 * (6 * 8 + 4 * 8 + 4 * 6)
    assert both == pytest.approx(0.5 * faces / (4 * 6 * 8))
    assert none == 1.0
