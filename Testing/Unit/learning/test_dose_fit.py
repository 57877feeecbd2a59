"""The law's fit, on bodies whose doses follow a law that is known."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from dense_kernel import dense

from CTDoseSegLib.dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from CTDoseSegLib.dosimetry.fast.kernel import smooth
from CTDoseSegLib.dosimetry.fast.model import KERNELS_MM, load_model
from CTDoseSegLib.errors import InputError, OutputError
from CTDoseSegLib.learning.dose import train as training
from CTDoseSegLib.learning.dose.conformal import (
    LEAST_GROUP,
    conformal_quantile,
    held_quantiles,
    quantiles_by_age,
)
from CTDoseSegLib.learning.dose.fit import cross_fitted, errors, fit_kernels, fit_organ, tissue_of
from CTDoseSegLib.learning.dose.organs import with_marrow
from CTDoseSegLib.learning.dose.rows import SIZE_KERNELS, rows_of
from CTDoseSegLib.learning.dose.table import LearnedBody, read_table, write_table
from CTDoseSegLib.learning.dose.train import train

# Weights of what arrives from below, then from above, by length.
KERNEL = np.array([0.3, 0.1, 0.05, 0.0, 0.2, 0.1, 0.15, 0.1])
ORGANS = ("lung", "heart", "liver", "spleen", "kidney", "stomach", "small_bowel", "thyroid_gland")
INTERCEPT, SLOPE, TISSUE = 0.4, -0.45, 0.07
BEAM = np.array([-0.6, 0.3, -0.2, 0.1, 0.0, 0.05])


def body(seed: int, *, noise: float = 0.0, organs=ORGANS, region="trunk") -> LearnedBody:
    """A body of 60 slabs in which every organ's dose follows one law, with `noise` in ln(dose)."""
    rng = np.random.default_rng(seed)
    z = 10.0 * np.arange(80)
    inside = (z >= 100) & (z < 700)
    size = rng.uniform(120, 360)
    wed = np.where(inside, size * (1 + 0.1 * np.sin(z / 90 + rng.uniform(0, 6))), np.nan)
    smoothed = smooth(z[inside], wed[inside], SIZE_KERNELS[0])
    response, share = np.zeros((len(organs), len(z))), np.zeros((len(organs), len(z)))
    for n in range(len(organs)):
        first = 15 + 5 * n
        share[n, first : first + 8] = 1 / 8
        factor = np.exp(INTERCEPT + SLOPE * (smoothed - 280) / 100)
        rows = np.zeros((len(z), len(z)))
        for at in range(len(z)):
            one = (z[at] - 5.0, z[at] + 5.0)
            rows[inside, at] = dense(z[inside], KERNEL, one).sum(axis=1) * factor
        response[n] = share[n] @ rows * np.exp(noise * rng.standard_normal())
    count = len(organs)
    return LearnedBody(
        about={"seed": seed, "region": region, "age_y": float(rng.uniform(1, 80)), "sex": "male",
               "histories": 1_000_000},
        z_mm=z,
        wed_mm=wed,
        area_mm2=np.where(inside, 1e5, np.nan),
        organs=organs,
        response=response,
        share=share,
        noise=np.full(count, 0.001),
        beam_terms=np.tile(BEAM, (count, 1)),
        medium_terms=np.tile(np.r_[TISSUE, np.zeros(len(BEAM_TERMS))], (count, 1)),
        depth_mm=np.full(count, 50.0),
        cut=np.zeros(count, bool),
        iodine_mg_ml=np.zeros(count),
        mass_g=np.full(count, 100.0),
    )  # fmt: skip


BODIES = [body(seed) for seed in range(30)]


def test_a_table_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "table.npz"
    write_table(path, BODIES[:3])
    for wrote, found in zip(BODIES[:3], read_table(path), strict=True):
        assert found.about == wrote.about
        assert found.organs == wrote.organs
        np.testing.assert_allclose(found.response, wrote.response, rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(found.share, wrote.share, rtol=2e-3)
        np.testing.assert_allclose(found.wed_mm, wrote.wed_mm, rtol=1e-6)
        np.testing.assert_allclose(found.beam_terms, wrote.beam_terms, rtol=1e-6)


def test_what_is_no_table_is_refused_by_name(tmp_path):
    (tmp_path / "table.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"table\.npz"):
        read_table(tmp_path / "table.npz")
    with pytest.raises(InputError, match=r"absent\.npz"):
        read_table(tmp_path / "absent.npz")


def test_the_kernel_of_the_responses_is_found():
    found = fit_kernels(rows_of(BODIES, "kidney"))
    assert found.shape == (2, len(KERNEL))
    for kernel in found:
        np.testing.assert_allclose(kernel, KERNEL, atol=0.04)
        assert kernel.min() >= 0
        assert kernel.sum() == pytest.approx(1.0, abs=1e-12)


def test_bodies_of_one_size_teach_one_kernel():
    small = [b for b in BODIES if np.nanmax(b.wed_mm) < KERNELS_MM[1]]
    narrow = [replace(b, wed_mm=np.where(np.isnan(b.wed_mm), np.nan, 100.0)) for b in small]
    of_small, of_large = fit_kernels(rows_of(narrow, "kidney"))
    np.testing.assert_array_equal(of_small, of_large)


def test_a_law_that_the_bodies_follow_is_found():
    rows = rows_of(BODIES, "liver")
    fit = fit_organ(BODIES, rows, tissue_of(BODIES, rows))
    assert np.abs(errors(rows, fit, TISSUE)).max() < 0.03
    np.testing.assert_allclose(fit.beam, BEAM, atol=0.03)
    np.testing.assert_allclose(fit.beam_by_wed, 0.0, atol=0.02)


def test_sizes_never_raise_the_dose_though_the_bodies_say_so():
    wrong = [replace(b, response=b.response * np.exp(0.02 * np.nanmean(b.wed_mm) / 10))
             for b in BODIES]  # fmt: skip
    rows = rows_of(wrong, "liver")
    fit = fit_organ(wrong, rows, tissue_of(wrong, rows))
    assert (fit.coefficients[1:] <= 1e-9).all()


def test_errors_of_bodies_left_out_hold_the_scatter_between_bodies():
    scattered = [body(seed, noise=0.05) for seed in range(40)]
    rows = rows_of(scattered, "liver")
    held = cross_fitted(scattered, rows)
    assert 0.03 < np.std(held.errors) < 0.08
    quantile = conformal_quantile(np.abs(held.errors))
    assert 0.06 < quantile < 0.15
    np.testing.assert_allclose(held.beam, np.tile(BEAM, (len(rows), 1)), atol=0.05)


def test_what_a_law_says_of_a_body_does_not_depend_on_that_body():
    rows = rows_of(BODIES, "liver")
    strange = [*BODIES]
    strange[7] = replace(BODIES[7], response=3.0 * BODIES[7].response)
    before, after = (cross_fitted(all_of, rows_of(all_of, "liver")) for all_of in (BODIES, strange))
    moved = after.errors - before.errors
    assert moved[7] == pytest.approx(-np.log(3.0), abs=1e-6)
    same_fold = np.array([row.body for row in rows]) % 10 == 7
    np.testing.assert_allclose(np.delete(moved[same_fold], 0), 0.0, atol=1e-9)
    assert np.abs(moved[~same_fold]).max() > 1e-4


def test_scatter_and_parts_of_an_organ_follow_the_kernel():
    held = cross_fitted(BODIES, rows_of(BODIES, "kidney"))
    assert len(held.parts) == 4 * len(BODIES)
    assert len(held.scatter) == 6 * len(BODIES)
    assert np.median(np.abs(held.parts)) < 0.02
    assert np.median(np.abs(held.scatter)) < 0.06


def test_each_age_has_the_interval_of_its_own_errors():
    scores = np.r_[np.linspace(0.01, 0.1, 40), np.linspace(0.001, 0.01, 20)]
    child = np.r_[np.zeros(40, bool), np.ones(20, bool)]
    found = quantiles_by_age(scores, child)
    assert found["adults"] == conformal_quantile(scores[:40])
    assert found["children"] == conformal_quantile(scores[40:])
    few = quantiles_by_age(scores[: 40 + LEAST_GROUP - 1], child[: 40 + LEAST_GROUP - 1])
    assert few["children"] == conformal_quantile(scores[: 40 + LEAST_GROUP - 1])
    fold = np.arange(60) % 10
    held = held_quantiles(scores, child, fold)
    kept = (fold != 3) & ~child
    assert held[3] == conformal_quantile(scores[kept])


def test_noisy_and_tiny_organs_teach_nothing():
    noisy = replace(BODIES[0], noise=np.full(len(ORGANS), 0.2))
    tiny = replace(BODIES[1], mass_g=np.full(len(ORGANS), 0.1))
    assert not rows_of([noisy, tiny], "liver")
    assert not rows_of([BODIES[2]], "pancreas")


def test_red_marrow_is_the_mean_of_its_bones_by_their_share():
    names = ("red_marrow_sternum", "red_marrow_pelvis")
    one = body(3, organs=names)
    one = replace(one, response=one.response * np.array([[1.0], [2.0]]))
    marrow = with_marrow(one)
    assert marrow.organs[-1] == "red_marrow"
    low, high = sorted(one.response.sum(axis=1))
    assert low < marrow.response[-1].sum() < high
    assert with_marrow(BODIES[0]) is BODIES[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    heads = [body(seed, organs=("brain", "tongue"), region="head_neck") for seed in range(100, 130)]
    real = replace(body(900), about={"seed": 900, "region": "trunk", "real": "scan", "age_y": None,
                                     "histories": 1})  # fmt: skip
    write_table(folder / "table.npz", [*BODIES, *heads, real])
    return folder, train(folder / "table.npz", folder / "model")


def test_a_trained_model_is_one_that_the_engine_reads(trained):
    folder, summary = trained
    model = load_model(folder / "model")
    assert model.card["sha256"] == summary["sha256"]
    assert set(model.regions["chest"].organs) == {"lung", "heart", "thyroid_gland"}
    assert set(model.regions["head"].organs) == {"brain", "tongue"}
    assert "pancreas" in model.not_predicted
    liver = model.regions["abdomen"].organs["liver"]
    assert liver.counts == {"bodies": 30}
    assert liver.bodies_wed_mm.low < liver.usual_wed_mm.low < liver.usual_wed_mm.high


def test_the_card_and_the_table_of_scores_say_how_well_it_does(trained):
    folder, _ = trained
    card = (folder / "model" / "model_card.md").read_text()
    assert "30 trunks" in " ".join(card.split())
    assert "not for clinical use" in card
    with (folder / "model" / "evaluation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    pooled = {row["stratum"]: row for row in rows if row["organ"] == "all"}
    assert {"trunk, adults", "head and neck, adults", "all bodies", "real CT"} <= set(pooled)
    assert float(pooled["all bodies"]["median_pct"]) < 3.0


def test_the_same_table_makes_the_same_bytes(trained, tmp_path):
    folder, _ = trained
    train(folder / "table.npz", tmp_path)
    for name in ("model.json", "model_card.md", "evaluation.csv"):
        assert (tmp_path / name).read_bytes() == (folder / "model" / name).read_bytes()


def test_a_folder_that_cannot_be_made_is_said(trained, tmp_path):
    folder, _ = trained
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another"):
        train(folder / "table.npz", tmp_path / "file" / "below")


def test_the_bundled_model_is_what_the_bundled_table_gives():
    """To rounding: other processors sum in another order."""
    bodies = [b for b in read_table(training.bundled_table()) if not b.about.get("real")]
    region = "abdomen"
    own = [b for b in bodies if b.about["region"] == "trunk"]
    model = load_model().regions[region]
    for organ in ("liver", "stomach"):
        rows = rows_of(own, organ)
        fit = fit_organ(own, rows, tissue_of(own, rows))
        known = model.organs[organ]
        assert known.counts["bodies"] == len(rows)
        np.testing.assert_allclose(fit.kernels, known.kernels, atol=1e-3)
        np.testing.assert_allclose(fit.coefficients, list(known.coefficients.values()), atol=2e-3)
        np.testing.assert_allclose(fit.beam, known.beam, atol=2e-3)
