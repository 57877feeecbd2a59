"""Organs that are edited after a simulation: their dose is that of their place in the dose map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.montecarlo.edited_region import Pixels, Region, changed_share
from CTDoseSegLib.dosimetry.montecarlo.edits import EditedEngine
from CTDoseSegLib.dosimetry.montecarlo.organs import with_dose
from CTDoseSegLib.errors import DoseEngineError
from CTDoseSegLib.segmentation.labelmap import Atom

LIVER, KIDNEY = 3, 4
BATCHES = 20


def place_mGy(affine, shape):
    """A dose that grows along x, y and z, in the voxels of a grid, [k, j, i]."""
    k, j, i = np.indices(shape)
    x, y, z, _ = np.einsum("ab,b...->a...", affine, np.stack([i, j, k, np.ones(shape)]))
    return 2.0 + 0.01 * x + 0.005 * y + 0.004 * z


def map_of(series, noise=0.01, seed=0):
    """A dose map in voxels of 10 x 10 x 10 mm over a scan, each batch off by `noise` as a whole."""
    affine = series.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] += 2.5
    shape = tuple(n // 2 for n in series.hu.shape)
    dose = place_mGy(affine, shape)
    factor = 1 + noise * np.random.default_rng(seed).standard_normal(BATCHES)
    factor /= factor.mean()
    batches = (dose * factor[:, None, None, None]).astype(np.float32)
    dose = dose.astype(np.float32)
    return DoseMap(dose, affine, 0.1 * dose, 1_000_000, batches)


def truth_mGy(series, mask):
    return float(place_mGy(series.affine, series.hu.shape)[mask].mean())


def organ(scan, name, dose_mGy, **budget):
    blank = scan.without_dose(name)
    slices = np.where(scan.measurements.occupied(name), dose_mGy, np.nan)
    components = {"statistics": 0.01, "ctdivol_display": 0.1, "partial_volume": 0.02, **budget}
    return with_dose(blank, dose_mGy, components, slices)


@pytest.fixture
def run():
    """A scan, its label map and the engine after a run that gave liver and kidney their doses.

    The kidney holds iodine: its dose is 1.5 times that of soft tissue in its place.
    """
    series, labelmap = make(organs=("liver", "kidney_left"))
    scan = scan_of(series, labelmap)
    values = {"liver": LIVER, "kidney_left": KIDNEY}
    factors = {"liver": 1.0, "kidney_left": 1.5}
    organs = tuple(
        organ(scan, name, factors[name] * truth_mGy(series, labelmap.labels == value))
        for name, value in values.items()
    )
    whole = organ(scan, "body", 2.0)
    parts = {name: {"d98_mGy": 1.0} for name in ("liver", "kidney_left")}
    card = {"histories": 1_000_000, "parts_of_organs": parts}
    engine = EditedEngine(scan, map_of(series), (*organs, whole), model_card=card)
    return series, labelmap, engine


def shifted(labelmap, value, step):
    """The label map with a label moved along i."""
    labels = labelmap.labels.copy()
    mask = labels == value
    labels[mask] = 1
    labels[np.roll(mask, step, axis=2)] = value
    return replace(labelmap, labels=labels)


def drawn(labelmap, name, mask):
    """The label map with a new label."""
    labels = labelmap.labels.copy()
    value = int(labels.max()) + 1
    labels[mask] = value
    atoms = (*labelmap.atoms, Atom(value, name, "", "#00aa00", "test"))
    groups = {**labelmap.groups, name: (name,)}
    groups["body"] = (*groups["body"], name)
    return replace(labelmap, labels=labels, atoms=atoms, groups=groups)


def doses(engine, series, labelmap):
    result = estimate(engine, scan_of(series, labelmap))
    return {organ.organ: organ for organ in result.organs}


def test_organs_that_nobody_edited_keep_their_dose_to_the_last_digit(run):
    series, labelmap, engine = run
    now = doses(engine, series, shifted(labelmap, KIDNEY, 6))
    before = engine.organs[0]
    assert now["liver"].dose_mGy == before.dose_mGy
    assert now["liver"].budget == before.budget
    assert "monte_carlo_edited" not in codes(now["liver"].flags)
    assert "monte_carlo_edited" in codes(now["kidney_left"].flags)


@pytest.mark.parametrize("step", [-4, 3, 8])
def test_an_organ_that_moves_has_the_dose_of_where_it_is(run, step):
    series, labelmap, engine = run
    moved = shifted(labelmap, LIVER, step)
    liver = doses(engine, series, moved)["liver"]
    assert liver.dose_mGy == pytest.approx(truth_mGy(series, moved.labels == LIVER), rel=0.002)
    before = engine.organs[0].dose_mGy
    assert abs(liver.dose_mGy - before) > 0.02
    seen = np.isfinite(liver.slice_dose_mGy)
    assert np.array_equal(seen, (moved.labels == LIVER).any(axis=(1, 2)))
    # Doses of slices grow along z as the map does, 0.02 mGy each.
    assert np.diff(liver.slice_dose_mGy[seen]) == pytest.approx(0.02, rel=0.05)


def test_an_enhanced_organ_keeps_its_ratio_to_soft_tissue(run):
    series, labelmap, engine = run
    moved = shifted(labelmap, KIDNEY, 6)
    liver, before, body = engine.organs
    before = replace(before, iodine_free_dose_mGy=before.dose_mGy / 1.5)
    engine = replace(engine, organs=(liver, before, body))
    kidney = doses(engine, series, moved)["kidney_left"]
    assert kidney.iodine_free_dose_mGy == pytest.approx(kidney.dose_mGy / 1.5)
    assert kidney.dose_mGy == pytest.approx(
        1.5 * truth_mGy(series, moved.labels == KIDNEY), rel=0.002
    )


def test_an_enhanced_organ_that_grows_into_fat_gets_the_dose_of_fat_there(run):
    series, labelmap, engine = run
    hu = series.hu.copy()
    hu[labelmap.labels == KIDNEY] = 200
    hu[:, 34:50] = np.where(labelmap.labels[:, 34:50] == 1, -100, hu[:, 34:50])
    series = replace(series, hu=hu)
    engine = replace(engine, simulated=scan_of(series, labelmap))
    labels = labelmap.labels.copy()
    kidney = labels == KIDNEY
    labels[np.roll(kidney, 8, axis=1)] = KIDNEY  # as much again, in fat
    grown = replace(labelmap, labels=labels)
    dose = doses(engine, series, grown)["kidney_left"]
    in_fat = truth_mGy(series, np.roll(kidney, 8, axis=1))
    # Less than with iodine everywhere, more than without any.
    assert in_fat < dose.dose_mGy < 0.95 * 1.5 * in_fat
    assert "monte_carlo_rerun" in codes(dose.flags)


def test_what_is_drawn_anew_has_the_dose_of_soft_tissue_and_the_doubts_of_its_place(run):
    series, labelmap, engine = run
    lesion = np.zeros(series.hu.shape, bool)
    lesion[15:18, 27:29, 23:25] = True  # in the liver
    now = doses(engine, series, drawn(labelmap, "lesion", lesion))
    dose = now["lesion"]
    assert dose.dose_mGy == pytest.approx(truth_mGy(series, lesion), rel=0.01)
    assert "monte_carlo_drawn" in codes(dose.flags)
    assert dose.budget["ctdivol_display"] == 0.1
    # What is left of the liver was edited.
    assert "monte_carlo_edited" in codes(now["liver"].flags)


def test_a_new_label_without_a_name_gets_no_dose_and_the_headrest_is_no_organ(run):
    series, labelmap, engine = run
    patch = np.zeros(series.hu.shape, bool)
    patch[15:18, 27:29, 23:25] = True
    unnamed = doses(engine, series, drawn(labelmap, "Segment_1", patch))["Segment_1"]
    assert unnamed.dose_mGy is None
    assert "monte_carlo_unnamed" in codes(unnamed.flags)
    assert "headrest" not in doses(engine, series, drawn(labelmap, "headrest", patch))


def test_the_statistics_are_those_of_the_batches_in_the_region(run):
    series, labelmap, engine = run
    noisy = replace_map(engine, map_of(series, noise=0.1))
    moved = shifted(labelmap, LIVER, 3)
    liver = doses(noisy, series, moved)["liver"]
    batches = noisy.dose_map.soft_tissue_batches_mGy
    means = batches.mean(axis=(1, 2, 3))
    own = means.std(ddof=1) / means.mean() / np.sqrt(BATCHES)
    assert liver.budget["statistics"] == pytest.approx(own, rel=0.02)
    assert liver.budget["partial_volume"] >= 0.02
    assert liver.total_low_mGy < liver.model_low_mGy < liver.dose_mGy < liver.total_high_mGy


def replace_map(engine, dose_map):
    return EditedEngine(engine.simulated, dose_map, engine.organs, model_card=engine.model_card)


def test_a_region_with_too_few_photons_gets_no_dose_and_how_many_it_would_take(run):
    series, labelmap, engine = run
    noisy = replace_map(engine, map_of(series, noise=0.9))
    liver = doses(noisy, series, shifted(labelmap, LIVER, 3))["liver"]
    assert liver.dose_mGy is None
    (reason,) = [one for one in liver.flags if one.code == "monte_carlo_noisy"]
    assert "million" in reason.message


def test_soft_tissue_turned_into_another_soft_tissue_needs_no_new_run(run):
    series, labelmap, engine = run
    moved = shifted(labelmap, LIVER, 4)
    assert changed_share(engine.simulated, scan_of(series, moved), "liver") == 0.0
    assert "monte_carlo_rerun" not in codes(doses(engine, series, moved)["liver"].flags)


def test_soft_tissue_turned_into_bone_advises_a_rerun_until_it_is_simulated_again(run):
    series, labelmap, engine = run
    bone = np.zeros(series.hu.shape, bool)
    bone[15:18, 40:46, 40:46] = True
    now = drawn(labelmap, "spine", bone)
    assert changed_share(engine.simulated, scan_of(series, now), "spine") > 0.5
    organs = doses(engine, series, now)
    assert "monte_carlo_rerun" in codes(organs["spine"].flags)
    assert "monte_carlo_rerun" not in codes(organs["liver"].flags)
    # A scene that was saved then is the base of the next edit: the advice stands.
    scan = scan_of(series, now)
    later = EditedEngine(scan, engine.dose_map, tuple(organs.values()), model_card={})
    moved = shifted(now, int(now.labels.max()), 1)
    assert "monte_carlo_rerun" in codes(doses(later, series, moved)["spine"].flags)


def test_doses_do_not_depend_on_where_in_a_row_of_edits_the_scene_was_saved(run):
    series, labelmap, engine = run
    once = shifted(labelmap, KIDNEY, 6)
    twice = shifted(once, KIDNEY, -3)
    directly = doses(engine, series, twice)["kidney_left"].dose_mGy
    between = doses(engine, series, once)
    later = EditedEngine(scan_of(series, once), engine.dose_map, tuple(between.values()))
    assert doses(later, series, twice)["kidney_left"].dose_mGy == pytest.approx(directly)


def test_labels_that_change_places_within_an_organ_leave_it_as_it_was(run):
    series, labelmap, engine = run
    now = doses(engine, series, shifted(labelmap, LIVER, 3))
    assert "monte_carlo_edited" not in codes(now["body"].flags)
    assert now["body"].dose_mGy == 2.0


def test_a_label_map_with_other_values_for_the_same_names_is_not_edited(run):
    series, labelmap, engine = run
    atoms = tuple(replace(atom, value=atom.value + 40) for atom in labelmap.atoms)
    labels = np.where(labelmap.labels > 0, labelmap.labels + 40, 0).astype(np.uint16)
    now = doses(engine, series, replace(labelmap, labels=labels, atoms=atoms))
    assert now["liver"].dose_mGy == engine.organs[0].dose_mGy
    assert "monte_carlo_edited" not in codes(now["liver"].flags)


def test_extremes_of_an_edited_organ_are_no_longer_stated(run):
    series, labelmap, engine = run
    result = estimate(engine, scan_of(series, shifted(labelmap, LIVER, -3)))
    assert set(result.model_card["parts_of_organs"]) == {"kidney_left"}


def test_a_removed_organ_goes_and_red_marrow_stays(run):
    series, labelmap, engine = run
    marrow = replace(engine.organs[0], organ="red_marrow", coverage=None)
    with_marrow = replace(engine, organs=(*engine.organs, marrow))
    labels = np.where(labelmap.labels == KIDNEY, 1, labelmap.labels)
    now = doses(with_marrow, series, replace(labelmap, labels=labels))
    assert "kidney_left" not in now
    assert now["red_marrow"].dose_mGy == marrow.dose_mGy


def test_other_images_and_other_exposures_are_refused(run):
    _, _, engine = run
    fewer, theirs = make(organs=("liver", "kidney_left"), slices=30)
    with pytest.raises(DoseEngineError, match="not those that were simulated"):
        estimate(engine, scan_of(fewer, theirs))
    able, reason = engine.available(replace(engine.simulated, own_exposure=False))
    assert not able
    assert "exposure" in reason
    bare = replace(engine.dose_map, soft_tissue_batches_mGy=None)
    able, reason = replace(engine, dose_map=bare).available(engine.simulated)
    assert not able
    assert "batches" in reason


def test_fewer_pixels_of_a_large_organ_give_the_same_dose(run, monkeypatch):
    from CTDoseSegLib.dosimetry.montecarlo import edited_region

    _, _, engine = run
    scan = engine.simulated
    all_of_them = Region.of(scan, "body", engine.dose_map)
    few = Pixels.of(scan, "body", most=5000)
    assert few.mask.size < 8000
    monkeypatch.setattr(edited_region, "_FOR_DOSE", 5000)
    monkeypatch.setattr(Pixels.of.__func__, "__defaults__", (5000,))
    some = Region.of(scan, "body", engine.dose_map)
    assert some.dose.dose_mGy == pytest.approx(all_of_them.dose.dose_mGy, rel=0.01)
    assert some.dose.mass_g == pytest.approx(all_of_them.dose.mass_g, rel=0.02)
    occupied = scan.measurements.occupied("body")
    assert np.array_equal(np.isfinite(some.slice_dose_mGy), occupied)
    assert some.slice_dose_mGy == pytest.approx(all_of_them.slice_dose_mGy, rel=0.03, nan_ok=True)
