"""From a scan to doses of organs and voxels: a small body, few photons."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib import MonteCarloEngine, Result, analyze
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.montecarlo.maps import dose_of_region
from CTDoseSegLib.errors import AcquisitionError, Cancelled
from CTDoseSegLib.segmentation.labelmap import Atom
from CTDoseSegLib.tasks.progress import Collected

pytest.importorskip("numba")

ENGINE = MonteCarloEngine(histories=60_000)
# An ellipse of 32 x 24 cm; organs of 4 x 4 pixels of 5 mm on 16 slices.
BODY = {"slices": 40, "irradiated_range_mm": (-20.0, 220.0), "sources": {}}


def scan(**changes):
    return scan_of(*make(**{**BODY, **changes}))


def doses(made, engine=ENGINE):
    result = estimate(engine, made)
    # Pixels of 5 mm have no skin of 2 mm.
    return result, {one.organ: one for one in result.organs if one.organ != "skin"}


@pytest.fixture(scope="module")
def simulated():
    """The scan, its result and its organs."""
    made = scan()
    return made, *doses(made)


def test_organs_get_about_what_ssde_says_of_a_body_of_this_size(simulated):
    _, _, organs = simulated
    # 3.704 exp(-0.0367 x 27 cm) = 1.38 of CTDIvol (AAPM 204), within its 20 % and the beam's.
    for name in ("body", "liver", "aorta"):
        assert 0.7 < organs[name].dose_mGy / (1.38 * 9.0) < 1.4, name


def test_the_card_says_where_the_photons_were_followed(simulated):
    result, _ = doses(simulated[0], replace(ENGINE, histories=1000, device="cpu"))
    assert result.model_card["device"] == "cpu"


def test_every_dose_lies_in_its_intervals_and_names_what_they_are_made_of(simulated):
    _, result, organs = simulated
    for organ in organs.values():
        assert organ.total_low_mGy < organ.model_low_mGy < organ.dose_mGy
        assert organ.dose_mGy < organ.model_high_mGy < organ.total_high_mGy
        assert set(organ.budget) <= set(result.shared_by)
    assert organs["liver"].budget["beam"] > 0.02  # the generic beam's spread
    assert organs["liver"].budget["statistics"] > organs["body"].budget["statistics"]


def test_the_map_and_the_slices_hold_the_dose_of_the_organs(simulated):
    made, result, organs = simulated
    body = made.labelmap.mask("body") & ~made.labelmap.mask("skin")
    region = dose_of_region(result.dose_map, body, made.labelmap.affine, np.ones(body.shape))
    # Soft tissue throughout: to the medium and to soft tissue are nearly the same.
    assert region.dose_mGy == pytest.approx(organs["body"].dose_mGy, rel=0.06)
    per_slice = organs["body"].slice_dose_mGy
    assert per_slice.shape == (40,)
    assert np.mean(per_slice) == pytest.approx(organs["body"].dose_mGy, rel=0.03)
    liver = organs["liver"].slice_dose_mGy
    assert np.isfinite(liver).sum() == pytest.approx(16, abs=2)
    assert np.nanmean(liver) == pytest.approx(organs["liver"].dose_mGy, rel=0.1)


def test_the_map_lies_on_the_images():
    """Air in one corner of the body has no dose; its mirror images, which are tissue, have."""
    series, labelmap = make(**BODY)
    hu = series.hu.copy()
    air = np.s_[8:18, 44:54, 25:35]
    hu[air] = -1000
    made = scan_of(replace(series, hu=hu), labelmap)
    dose_map = doses(made)[0].dose_map
    to_map = np.linalg.inv(dose_map.affine) @ series.affine
    shape = hu.shape
    for flipped in np.ndindex(2, 2, 2):
        where = np.zeros(shape, bool)
        where[air] = True
        where = np.flip(where, [axis for axis in range(3) if flipped[axis]])
        middle = np.argwhere(where)[:, ::-1].mean(axis=0)
        centre = np.rint(to_map[:3, :3] @ middle + to_map[:3, 3]).astype(int)[::-1]
        block = dose_map.dose_mGy[tuple(slice(n - 3, n + 4) for n in centre)]
        assert (block.mean() == 0.0) == (flipped == (0, 0, 0)), flipped
    assert not dose_map.dose_mGy[:, 0, 0].any()


def test_the_couch_has_no_dose_in_the_map():
    series, labelmap = make(**BODY)
    hu, labels = series.hu.copy(), labelmap.labels.copy()
    couch = np.s_[:, 68:72, 20:60]  # below the body, which ends at row 63
    hu[couch], labels[couch] = 100, 200
    atoms = (*labelmap.atoms, Atom(200, "couch", "", "#777777", "test"))
    groups = {**labelmap.groups, "couch": ("couch",)}
    lying = replace(labelmap, labels=labels, atoms=atoms, groups=groups)
    made = scan_of(replace(series, hu=hu), lying)
    result, organs = doses(made, replace(ENGINE, histories=20_000, relative_se=0.2))
    assert "couch" not in organs
    to_map = np.linalg.inv(result.dose_map.affine) @ series.affine
    place = np.argwhere(labels == 200)[::97, ::-1]
    i, j, k = np.rint(to_map[:3, :3] @ place.T + to_map[:3, 3:]).astype(int)
    assert not result.dose_map.dose_mGy[k, j, i].any()
    assert result.dose_map.dose_mGy.any()


def test_twice_the_ctdivol_is_twice_the_dose_and_the_same_photons_the_same(simulated):
    _, result, organs = simulated
    twice, by_name = doses(scan(ctdivol=18.0))
    assert twice.model_card["histories"] == result.model_card["histories"]
    for name, organ in organs.items():
        assert by_name[name].dose_mGy == pytest.approx(2 * organ.dose_mGy, rel=1e-9)
    other, by_name = doses(scan(), replace(ENGINE, seed=2))
    assert by_name["liver"].dose_mGy != organs["liver"].dose_mGy
    assert by_name["liver"].dose_mGy == pytest.approx(organs["liver"].dose_mGy, rel=0.2)
    assert other.model_card["seed"] == 2


def test_the_small_phantoms_ctdivol_means_half_the_dose(simulated):
    _, _, organs = simulated
    _, small = doses(scan(phantom_cm=16))
    ratio = organs["body"].dose_mGy / small["body"].dose_mGy
    assert 1.6 < ratio < 2.6  # CTDIw16 / CTDIw32 of scanners at 120 kV


def test_where_little_current_was_there_is_little_dose():
    low = [18.0] * 20 + [2.0] * 20
    _, organs = doses(scan(ctdivol=low))
    per_slice = organs["body"].slice_dose_mGy
    assert per_slice[5:15].mean() > 4 * per_slice[25:35].mean()


def test_a_stored_result_says_what_was_simulated(simulated):
    series, labelmap = make(**BODY)
    result = Result.of(analyze(series, labelmap, dose_engine=ENGINE))
    card = json.loads(json.dumps(result.to_json()))["dose_model"]
    assert card["beam"] == "generic body"
    assert card["histories"] >= 60_000
    assert card["kerma_relative_se"] < 0.01
    assert len(card["tables_sha256"]["photons.npz"]) == 64
    assert set(card["fast_law_mGy"]) >= {"liver", "aorta"}
    assert "monte_carlo_beside_fast" in codes(result.flags)
    assert set(card["parts_of_organs"]) >= {"liver", "aorta"}
    for part in card["parts_of_organs"].values():
        assert part["d2_mGy"] is not None or part["photons"] is None or part["photons"] > 60_000
    assert "monte_carlo_generic_beam" in codes(result.flags)
    assert Result.from_json(result.to_json()).dose_of("liver").route == "montecarlo"


def test_too_few_photons_for_what_was_asked_are_flagged(simulated):
    _, result, _ = simulated
    assert "monte_carlo_stopped" in codes(result.flags)
    sure, _ = doses(scan(), MonteCarloEngine(relative_se=0.2, histories=60_000))
    assert "monte_carlo_stopped" not in codes(sure.flags)


def test_a_beam_of_another_scanner_is_taken_by_name_and_an_unknown_one_refused():
    result, _ = doses(scan(), replace(ENGINE, beam="Siemens Force W3"))
    assert result.model_card["beam"] == "Siemens Force W3"
    assert not {"monte_carlo_generic_beam", "monte_carlo_other_filter"} & codes(result.flags)
    wrong, _ = doses(scan(), replace(ENGINE, beam="generic head", dose_map=False))
    assert "monte_carlo_other_filter" in codes(wrong.flags)
    with pytest.raises(AcquisitionError, match="no beam 'Nowhere'"):
        doses(scan(), replace(ENGINE, beam="Nowhere"))


def test_it_can_be_cancelled_and_says_how_far_it_is():
    class Impatient(Collected):
        def emit(self, kind, /, **fields):
            super().emit(kind, **fields)
            if "simulating" in str(fields.get("message")):
                self.cancel()

    progress = Impatient()
    with pytest.raises(Cancelled):
        estimate(MonteCarloEngine(relative_se=0.001, max_minutes=2), scan(), progress)
    assert "million photons" in progress.log[-1]["message"]
