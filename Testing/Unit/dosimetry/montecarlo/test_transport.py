"""Photons are followed as physics and statistics demand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tg195
from photon_scenes import box, each, fan, in_octants, path

pytest.importorskip("numba", reason="the Monte Carlo engine is compiled by it")

from CTDoseSegLib.dosimetry.montecarlo import compilation
from CTDoseSegLib.dosimetry.montecarlo.batches import lanes_of
from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS, index_of
from CTDoseSegLib.dosimetry.montecarlo.photons import (
    mass_attenuation,
    mass_energy_transfer,
    photons_of,
)
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.tally import MEDIUM, RED_MARROW, SOFT_TISSUE
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores
from CTDoseSegLib.errors import Cancelled
from CTDoseSegLib.tasks.progress import Collected

WATER = in_octants(box("water"))
OCTANTS = each(*range(1, 9))
STILL = SourcePath.standing_at(0.0, 0.0)


def z_score(one, other):
    """Difference over its standard error, of pairs (mean, se)."""
    return (one[0] - other[0]) / np.hypot(one[1], other[1])


@pytest.mark.parametrize("energy_keV", [40.0, 61.3, 100.0])
def test_a_slab_of_water_attenuates_a_narrow_beam_by_its_mu(energy_keV):
    """In air gaps of a metre scatter misses the detector behind the slab."""
    column = box("water", (3, 120, 3), (10.0, 10.0, 10.0), region=0)
    density, region = column.density_g_cm3.copy(), column.region.copy()
    density[:, 6:119] = 0
    region[:, 119] = 1
    beam = fan((energy_keV,), half_fan=1e-3, collimation_mm=1)
    means = {}
    for depth in (0, 6):
        density[:, :6] = 1.0 if depth else 0.0
        scene = replace(column, density_g_cm3=density.copy(), region=region)
        tally = simulate(scene, beam, STILL, each(1), histories=40_000)
        means[depth] = tuple(v[0] for v in tally.mean_energy_keV())
    mu = float(mass_attenuation(MATERIALS[index_of("water")], np.array(energy_keV)))
    expected = means[0][0] * np.exp(-6.0 * mu)
    error = np.hypot(means[6][1], means[0][1] * np.exp(-6.0 * mu))
    assert error < 0.04 * expected
    assert abs(means[6][0] - expected) < 3.5 * error


@pytest.mark.parametrize("name", ["water", "cortical_bone", "soft_tissue_iodine_20"])
def test_what_is_imparted_and_what_escapes_is_what_was_emitted(name):
    """The score of tentative collisions on one side, the photons' own energies on the other."""
    beam = fan((30.0, 45.0, 60.0, 110.0), np.ones((1, 4)))
    tally = simulate(box(name), beam, path(), each(1), histories=40_000)
    mean, se = (v[0] for v in tally.mean_energy_keV())
    lost = (tally.emitted_keV - tally.escaped_keV) / tally.total_histories
    assert se < 0.01 * mean
    assert abs(mean - lost) < 3.5 * se


def test_slab_1_of_tg195_case_4_1():
    """Mean of EGSnrc, Geant4, MCNP and Penelope: 11592 eV per photon, apart by 0.3 %."""
    voxels, ratio = tg195.cylinder(5.0, 61, 10.0, {1: (0.0, 0.0, tg195.RADIUS_MM, 0)})
    photons = photons_of(tg195.MATERIALS)
    beam = tg195.fan("56.4 keV", 10.0)
    tally = simulate(voxels, beam, STILL, each(1), histories=40_000, photons=photons)
    mean, se = (1000.0 * ratio[1] * v[0] for v in tally.mean_energy_keV())
    assert se < 50
    assert mean == pytest.approx(11592, rel=0.02)


def test_other_weights_give_what_a_run_with_these_weights_gives():
    weights = np.array([[0.5, 0.1, 0.05, 0.05], [0.1, 0.1, 0.05, 0.05]])
    sampled = simulate(WATER, fan(), path(), OCTANTS, histories=60_000)
    direct = simulate(
        WATER,
        fan(),
        path(share=weights.sum(axis=1), angle_weight=weights),
        OCTANTS,
        histories=60_000,
        seed=2,
    )
    for detector in (MEDIUM, SOFT_TISSUE, RED_MARROW):
        z = z_score(sampled.mean_energy_keV(detector, weights), direct.mean_energy_keV(detector))
        assert np.abs(z).max() < 4
    uniform = z_score(sampled.mean_energy_keV(), direct.mean_energy_keV())
    assert np.abs(uniform).max() > 20


def test_another_beam_is_a_weighted_sum_over_fan_and_energy():
    energies, photons = (50.0, 80.0), np.array([[1.0, 4.0], [0.0, 1.0], [0.2, 0.5]])
    even, other = fan(energies, np.ones((3, 2))), fan(energies, photons)
    sampled = simulate(WATER, even, STILL, OCTANTS, histories=60_000, by_fan_and_energy=True)
    assert sampled.histories.shape == (1, 1, 3, 2)
    direct = simulate(WATER, other, STILL, OCTANTS, histories=60_000, seed=2)
    weights = other.probabilities()[None, None]
    z = z_score(sampled.mean_energy_keV(weights=weights), direct.mean_energy_keV())
    assert np.abs(z).max() < 4
    assert np.abs(z_score(sampled.mean_energy_keV(), direct.mean_energy_keV())).max() > 20


def test_a_group_is_summed_history_by_history():
    """As if its regions had been one region, squares included."""
    left = (2, 4, 6, 8)
    scores = Scores((*OCTANTS.names, "left"), (*OCTANTS.members, left))
    grouped = simulate(WATER, fan(), path(), scores, histories=20_000)
    one = replace(WATER, region=np.where(np.isin(WATER.region, left), 1, 0).astype(np.uint16))
    merged = simulate(one, fan(), path(), each(1), histories=20_000)
    of_group = grouped.sums_keV[:, -1], grouped.squares_keV2[:, -1]
    assert of_group[0] == pytest.approx(merged.sums_keV[:, 0], rel=1e-12)
    assert of_group[1] == pytest.approx(merged.squares_keV2[:, 0], rel=1e-12)
    members = grouped.sums_keV[:, [r - 1 for r in left]].sum(axis=1)
    assert members == pytest.approx(of_group[0], rel=1e-12)


def test_k_photons_leave_a_small_region_with_iodine():
    """5 mm of tissue with 20 mg/ml keep most of an L photon and lose most K photons."""
    small = box("soft_tissue_iodine_20", (5, 5, 5), (1.0, 1.0, 1.0))
    beam = fan((40.0,), half_fan=0.004, collimation_mm=5)
    photons = photons_of()
    silent = replace(photons, k_emission=np.zeros_like(photons.k_emission))
    kept = {}
    for name, data in (("emits", photons), ("silent", silent)):
        tally = simulate(small, beam, STILL, each(1), histories=40_000, photons=data)
        kept[name] = 1 - tally.escaped_keV / tally.emitted_keV
    assert 0.3 < kept["emits"] / kept["silent"] < 0.7


def test_iodine_raises_kerma_as_its_mu_tr_does():
    """1.71 at 40 keV for 5 mg/ml, K photons taken out."""
    small = box("soft_tissue_iodine_5", (5, 5, 5), (1.0, 1.0, 1.0))
    beam = fan((40.0,), half_fan=0.004, collimation_mm=5)
    tally = simulate(small, beam, STILL, each(1), histories=40_000)
    ratio = tally.mean_energy_keV(MEDIUM)[0] / tally.mean_energy_keV(SOFT_TISSUE)[0]
    assert ratio == pytest.approx([1.71], rel=0.02)


def test_the_tissues_are_scored_in_the_fluence_of_the_medium():
    """In a thin layer at one energy the ratio of the scores is that of mu_tr."""
    layer = box("cortical_bone", (5, 1, 5), (1.0, 0.1, 1.0))
    tally = simulate(layer, fan((60.0,), half_fan=1e-3), STILL, each(1), histories=40_000)
    in_bone, soft, marrow = (tally.mean_energy_keV(d)[0][0] for d in range(3))
    tissues = ("cortical_bone", "soft_tissue", "red_marrow")
    transfer = [
        float(mass_energy_transfer(MATERIALS[index_of(t)], np.array(60.0))) for t in tissues
    ]
    assert soft / in_bone == pytest.approx(transfer[1] / transfer[0], rel=0.01)
    assert marrow / in_bone == pytest.approx(transfer[2] / transfer[0], rel=0.01)


@pytest.mark.parametrize(("angle", "facing"), [(0, "anterior"), (90, "left"), (270, "right")])
def test_the_side_that_faces_the_tube_gets_the_most(angle, facing):
    path = SourcePath.standing_at(0.0, angle)
    octants = simulate(WATER, fan(), path, OCTANTS, histories=5_000).mean_energy_keV()[0]
    sides = {
        "left": octants[[1, 3, 5, 7]].sum(),
        "right": octants[[0, 2, 4, 6]].sum(),
        "posterior": octants[[2, 3, 6, 7]].sum(),
        "anterior": octants[[0, 1, 4, 5]].sum(),
    }
    assert max(sides, key=sides.get) == facing


def test_a_tube_in_front_sends_positive_fan_angles_to_the_left():
    beam = fan(photons=[[0.0], [1.0]])
    octants = simulate(WATER, beam, STILL, OCTANTS, histories=5_000).mean_energy_keV()[0]
    assert octants[1::2].sum() > 3 * octants[::2].sum()


def test_higher_z_lies_higher():
    above = SourcePath.standing_at(60.0, 0.0)
    octants = simulate(WATER, fan(), above, OCTANTS, histories=5_000).mean_energy_keV()[0]
    assert octants[4:].sum() > 3 * octants[:4].sum()


def test_what_is_outside_the_box_of_tissue_does_not_matter():
    """Empty voxels around it change no photon, but for the rounding of its place."""
    wide = {
        name: np.pad(getattr(WATER, name), ((2, 3), (4, 1), (2, 2)))
        for name in ("material", "density_g_cm3", "region")
    }
    corner = (-140.0, -180.0, -140.0)
    padded = replace(WATER, **wide, corner_mm=corner)
    tallies = [simulate(v, fan(), path(), OCTANTS, histories=20_000) for v in (WATER, padded)]
    first, second = (t.sums_keV for t in tallies)
    assert second == pytest.approx(first, rel=1e-6)


def test_any_number_of_threads_gives_the_same_bits():
    runs = [
        simulate(WATER, fan(), path(), OCTANTS, histories=30_000, with_map=True, threads=n)
        for n in (1, 2, 3)
    ]
    for run in runs[1:]:
        assert np.array_equal(run.sums_keV, runs[0].sums_keV)
        assert np.array_equal(run.squares_keV2, runs[0].squares_keV2)
        assert np.array_equal(run.map_keV, runs[0].map_keV)
        assert (run.emitted_keV, run.escaped_keV) == (runs[0].emitted_keV, runs[0].escaped_keV)
    other = simulate(WATER, fan(), path(), OCTANTS, histories=30_000, seed=2)
    assert not np.array_equal(other.sums_keV, runs[0].sums_keV)


def test_every_stratum_has_its_share_of_the_histories():
    weight = np.array([[1.0, 2.0, 3.0, 4.0], [9.0, 1.0, 1.0, 1.0]])
    tally = simulate(
        WATER,
        fan(),
        path(share=(0.3, 0.7), angle_weight=weight),
        OCTANTS,
        histories=12_345,
    )
    expected = tally.probability * tally.total_histories
    assert tally.total_histories >= 12_345
    assert np.abs(tally.histories - expected).max() < 5


def test_the_error_is_true():
    """Twenty seeds scatter by what each says of itself."""
    truth = simulate(WATER, fan(), path(), OCTANTS, histories=400_000, seed=99)
    z = [
        z_score(
            simulate(WATER, fan(), path(), OCTANTS, histories=4_000, seed=s).mean_energy_keV(),
            truth.mean_energy_keV(),
        )
        for s in range(1, 21)
    ]
    assert 0.8 < np.std(z) < 1.2
    assert abs(np.mean(z)) < 0.6


@pytest.mark.parametrize("energy_keV", [60.0, 5.03])
def test_the_map_is_what_the_scores_say(energy_keV):
    """Also where photons end below the cut-off: what is left of them is scored in both."""
    beam = fan((energy_keV,))
    tally = simulate(WATER, beam, STILL, OCTANTS, histories=20_000, batches=5, with_map=True)
    assert tally.map_keV.shape == (5, 2, *WATER.material.shape)
    assert tally.map_keV.dtype == np.float32
    for layer, detector in ((0, MEDIUM), (1, SOFT_TISSUE)):
        voxels = tally.map_keV[:, layer].mean(axis=0)
        by_region = np.bincount(WATER.region.ravel(), weights=voxels.ravel())[1:]
        assert by_region == pytest.approx(tally.mean_energy_keV(detector)[0], rel=1e-5)


def test_the_map_can_have_weights_of_its_own():
    weights = np.array([[0.5, 0.1, 0.05, 0.05], [0.1, 0.1, 0.05, 0.05]])
    tally = simulate(
        WATER, fan(), path(), OCTANTS, histories=40_000, with_map=True, map_weights=weights
    )
    by_region = np.bincount(WATER.region.ravel(), weights=tally.map_keV[:, 0].mean(axis=0).ravel())[
        1:
    ]
    assert by_region == pytest.approx(tally.mean_energy_keV(weights=weights)[0], rel=0.01)


def test_a_run_stops_where_it_is_good_enough():
    asked = []

    def enough(tally):
        asked.append(tally.total_histories)
        return len(asked) == 2

    tally = simulate(WATER, fan(), path(), OCTANTS, histories=10**7, until=enough)
    assert tally.total_histories == asked[1] < 400_000
    as_long = simulate(WATER, fan(), path(), OCTANTS, histories=asked[1])
    assert np.array_equal(tally.sums_keV, as_long.sums_keV)


def test_a_cancelled_run_ends_within_a_round():
    progress = Collected()

    class Impatient(Collected):
        def emit(self, kind, /, **fields):
            super().emit(kind, **fields)
            if len(self.log) == 3:
                self.cancel()

    progress = Impatient()
    with pytest.raises(Cancelled):
        simulate(WATER, fan(), path(), OCTANTS, histories=10**9, progress=progress)
    assert len(progress.log) <= 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"histories": 0}, "histories in"),
        ({"batches": 0}, "batches"),
        ({"map_weights": np.ones((1, 1))}, "Map weights"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(changes, problem):
    options = {"histories": 100, **changes}
    with pytest.raises(ValueError, match=problem):
        simulate(WATER, fan(), path(), OCTANTS, **options)


def test_empty_voxels_and_unknown_materials_are_refused():
    empty = replace(WATER, density_g_cm3=np.zeros_like(WATER.density_g_cm3))
    with pytest.raises(ValueError, match="all empty"):
        simulate(empty, fan(), path(), OCTANTS, histories=100)
    unknown = replace(WATER, material=np.full_like(WATER.material, 250))
    with pytest.raises(ValueError, match="photon data end at"):
        simulate(unknown, fan(), path(), OCTANTS, histories=100)


def test_a_photon_that_misses_the_grid_is_a_history_that_leaves_nothing():
    far = SourcePath.standing_at(5000.0, 0.0)
    tally = simulate(WATER, fan(), far, OCTANTS, histories=100)
    assert not tally.sums_keV.any()
    assert tally.escaped_keV == pytest.approx(tally.emitted_keV)
    assert tally.total_histories == 100


def test_many_strata_share_fewer_sums_and_give_the_same(monkeypatch):
    """The sums of every stratum and score would not fit into memory for each batch."""
    plain = simulate(WATER, fan(), path(), OCTANTS, histories=20_000, with_map=True)
    monkeypatch.setattr("CTDoseSegLib.dosimetry.montecarlo.batches._SUMS_BYTES", 10_000)
    narrow = simulate(WATER, fan(), path(), OCTANTS, histories=20_000, with_map=True)
    assert lanes_of(8, 8, 20) == 3
    assert narrow.sums_keV == pytest.approx(plain.sums_keV, rel=1e-12)
    assert np.array_equal(narrow.map_keV, plain.map_keV)
    assert np.array_equal(narrow.batch_histories, plain.batch_histories)


def test_a_cache_that_cannot_be_written_does_not_stop_a_run(monkeypatch):
    asked = []

    class Full:
        def follow(self, *arguments):
            raise OSError(28, "No space left on device")

    def kernel(*, cached=True):
        asked.append(cached)
        return Full() if cached else compilation.kernel()

    monkeypatch.setattr("CTDoseSegLib.dosimetry.montecarlo.batches.kernel", kernel)
    tally = simulate(WATER, fan(), path(), OCTANTS, histories=100)
    assert asked == [True, False]
    assert tally.total_histories == 100
