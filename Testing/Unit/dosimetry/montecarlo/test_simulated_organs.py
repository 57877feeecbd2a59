"""Organ doses of a simulation, from a tally made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of
from hand_made_tallies import exposure_between, response_of

from CTDoseSegLib.dosimetry.doses import RED_MARROW, DoseResult
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.montecarlo.organs import organ_doses
from CTDoseSegLib.dosimetry.montecarlo.run import LARGEST_SE, Run
from CTDoseSegLib.dosimetry.montecarlo.stopping import Ended
from CTDoseSegLib.errors import DoseEngineError
from CTDoseSegLib.flags import flag
from CTDoseSegLib.measurement.ctdi_per_mas import K90

NAMES = ("body", "skin", "liver", "aorta", "spine")
# Energy of the detectors: medium, soft tissue, red marrow.
ENERGY_KEV = np.ones((3, len(NAMES))) * np.array([[1.2], [1.0], [0.8]])


def run(*, energy=ENERGY_KEV, mass_g=(10.0, 1.0, 2.0, 1.0, 1.0), scatter=0.1, **changes):
    scan = changes.pop("scan", None) or scan_of(*make(organs=("liver", "aorta")))
    exposure = changes.pop("exposure", None) or exposure_between(
        -20.0, 220.0, log_sd={"ctdivol_display": 0.1}
    )
    response = response_of(
        exposure, NAMES, energy[:, :, None, None], mass_g=mass_g, scatter=scatter
    )
    number = len(NAMES)
    made = Run(scan, exposure, response, np.full(number, 0.5), np.full(number, 0.04))
    return replace(made, **changes)


def organs(**changes):
    return {organ.organ: organ for organ in organ_doses(run(**changes))}


def scaled(organ, factor):
    """The dose of an organ as another engine gives it, all of it `factor` times as high."""
    names = ("dose_mGy", "total_low_mGy", "total_high_mGy")
    return replace(organ, **{name: factor * getattr(organ, name) for name in names})


def liver_of(made):
    return next(organ for organ in organ_doses(made) if organ.organ == "liver")


class HandMade:
    """A dose engine that gives the organs of `run`, for the checks that every engine passes."""

    name = "by hand"

    def __init__(self, made):
        self.made = made

    def available(self, scan):
        return True, ""

    def estimate(self, scan, progress=None):
        return DoseResult(organ_doses(self.made))


def test_a_dose_has_an_interval_of_its_histories_and_one_of_everything():
    liver = organs()["liver"]
    assert liver.dose_mGy > 0
    statistics = math.log(liver.model_high_mGy / liver.dose_mGy)
    assert statistics == pytest.approx(K90 * liver.budget["statistics"])
    total = math.sqrt(sum(sd**2 for sd in liver.budget.values()))
    assert math.log(liver.total_high_mGy / liver.dose_mGy) == pytest.approx(K90 * total)
    assert {"statistics", "ctdivol_display", "beam", "materials", "missing_anatomy"} <= set(
        liver.budget
    )
    assert {"start_angle", "partial_volume", "irradiated_range"} <= set(liver.budget)


def test_the_error_of_c_is_part_of_the_statistics():
    made = run()
    unsure = replace(made, response=replace(made.response, kerma_relative_se=0.3))
    liver = liver_of(unsure)
    assert liver.budget["statistics"] == pytest.approx(0.3, rel=0.01)


def test_an_organ_without_a_score_or_a_mass_has_a_reason_and_no_dose():
    lost = organs(mass_g=(10.0, 1.0, 0.0, 1.0, 1.0))["liver"]
    assert lost.dose_mGy is None
    assert "monte_carlo_not_simulated" in codes(lost.flags)
    scan = scan_of(*make(organs=("spleen",)))
    assert "monte_carlo_not_simulated" in codes(organs(scan=scan)["spleen"].flags)


@pytest.mark.parametrize("name", ["label_7", "label_255", "Segment_1"])
def test_a_label_that_has_only_a_number_gets_no_dose_and_is_told_why(name):
    """It may be the couch; the label map's flag promises no dose for it."""
    scan = scan_of(*make(organs=("liver", name)))
    made = run(scan=scan)
    tally = replace(made.response.tally, names=("body", "skin", "liver", name, "spine"))
    made = replace(made, response=replace(made.response, tally=tally))
    by_name = {organ.organ: organ for organ in organ_doses(made)}
    assert by_name[name].dose_mGy is None
    assert codes(by_name[name].flags) == {"monte_carlo_unnamed"}
    assert by_name["liver"].dose_mGy > 0
    assert by_name["body"].dose_mGy > 0


@pytest.mark.parametrize("name", ["couch", "headrest", "blanket"])
def test_the_couch_and_what_a_user_groups_with_it_get_no_dose(name):
    series, labelmap = make(organs=("liver", name))
    groups = {**labelmap.groups, "spine": (name,)}
    scan = scan_of(series, replace(labelmap, groups=groups))
    found = {organ.organ for organ in organ_doses(run(scan=scan))}
    assert "liver" in found
    assert not {name, "spine"} & found


def test_a_mean_that_is_all_noise_is_no_dose_and_tells_what_it_would_take():
    n = 24 * 16 * 1000
    noisy = organs(scatter=2 * LARGEST_SE * math.sqrt(n))["liver"]
    assert noisy.dose_mGy is None
    (reason,) = noisy.flags
    assert reason.code == "monte_carlo_noisy"
    # Twice the largest error: four times the 0.38 million photons.
    assert reason.detail == "0.38 million photons gave 20 %; 10% takes about 1.5 million"
    dark = organs(energy=ENERGY_KEV * [1, 1, 0, 1, 1])["liver"]
    assert dark.dose_mGy is None


@pytest.mark.parametrize(
    ("ended", "advice"),
    [
        (Ended.PRECISE, "ask for a smaller relative standard error"),
        (Ended.MINUTES, "allow more minutes"),
        (Ended.HISTORIES, "allow more histories"),
    ],
)
def test_what_would_give_a_dose_is_what_ended_the_run(ended, advice):
    n = 24 * 16 * 1000
    (reason,) = organs(scatter=2 * LARGEST_SE * math.sqrt(n), ended=ended)["liver"].flags
    assert reason.consequence == f"no dose; {advice}"
    others = {one.value for one in Ended} - {advice}
    assert not any(other in reason.message.lower() for other in others)


def test_red_marrow_is_the_bones_doses_by_their_share_of_active_marrow():
    energy = ENERGY_KEV * [1, 1, 1, 1, 3]
    share = {"liver": 0.1, "spine": 0.3, "sacrum": 0.2}
    marrow = organs(energy=energy, marrow_share=share, mass_g=(10, 1, 1, 1, 1))[RED_MARROW]
    soft = organs(energy=energy, mass_g=(10, 1, 1, 1, 1))["aorta"].dose_mGy / 1.2
    # Marrow takes 0.8 of soft tissue's dose here; the sacrum is not in the images.
    assert marrow.dose_mGy == pytest.approx(soft * 0.8 * (0.1 * 1 + 0.3 * 3) / 0.4)
    assert "monte_carlo_marrow_part" in codes(marrow.flags)
    assert RED_MARROW not in organs()
    assert RED_MARROW not in organs(marrow_share={"sacrum": 0.2})


def marrow_flags(**changes):
    made = organs(**changes)[RED_MARROW]
    return made, {one.code: one for one in made.flags}


def test_red_marrow_is_told_to_be_that_of_the_images_with_the_least_of_the_bodys():
    marrow, found = marrow_flags(marrow_share={"spine": 0.3, "sacrum": 0.2})
    # The sacrum is not in the images: what they hold is 30 %.
    part = found["monte_carlo_marrow_part"]
    assert "30% of an adult's" in part.detail
    assert part.severity == "warning"
    assert f"at least {0.3 * marrow.dose_mGy:.2g} mGy" in part.message
    _, found = marrow_flags(marrow_share={"spine": 0.95})
    assert set(found) == {"monte_carlo_marrow"}


def test_the_share_of_marrow_in_bones_that_no_label_names_is_not_known():
    _, found = marrow_flags(marrow_share={"spine": 1.0}, marrow_share_known=False)
    assert not any("%" in one.message for one in found.values())
    assert "not known" in found["monte_carlo_marrow_part"].message


def test_a_childs_share_of_marrow_is_that_of_its_age():
    child = scan_of(*make(organs=("liver", "aorta"), age_years=4.0))
    _, found = marrow_flags(marrow_share={"spine": 0.3}, scan=child)
    part = found["monte_carlo_marrow_part"]
    assert "30% of the active marrow at the age of 4 years" in part.message
    assert not any("adult" in one.message for one in found.values())


def test_every_engines_checks_take_red_marrow_although_no_label_has_it():
    made = run(marrow_share={"spine": 0.3})
    result = estimate(HandMade(made), made.scan)
    assert result.organs[-1].organ == RED_MARROW
    assert "organ_cut" not in codes(result.organs[-1].flags)
    wrong = replace(result.organs[-1], organ="yellow_marrow")
    engine = HandMade(made)
    engine.estimate = lambda scan, progress=None: DoseResult((wrong,))
    with pytest.raises(DoseEngineError, match="yellow_marrow is no organ"):
        estimate(engine, made.scan)


def test_iodine_is_told_with_what_average_soft_tissue_would_get():
    liver = organs(iodine_mg_ml={"liver": 2.4})["liver"]
    (found,) = (one for one in liver.flags if one.code == "monte_carlo_iodine")
    # Energy of the detectors: 1.2 in the organ as it is, 1 in soft tissue.
    assert liver.iodine_free_dose_mGy == pytest.approx(liver.dose_mGy / 1.2)
    assert organs()["liver"].iodine_free_dose_mGy is None
    assert "2.4 mg" in found.detail
    average = f"average soft tissue in its place would get {liver.dose_mGy / 1.2:.1f} mGy"
    assert average in found.consequence


def test_a_flag_of_the_simulated_patient_stands_with_its_organ_alone():
    odd = flag("organ_mass_changed", "1 g beside 2 g").at("organ liver")
    made = run(flags=(odd, flag("metal_simulated", "2 ml")))
    by_name = {organ.organ: codes(organ.flags) for organ in organ_doses(made)}
    assert "organ_mass_changed" in by_name.pop("liver")
    assert not any("organ_mass_changed" in found for found in by_name.values())
    assert codes(made.scan_flags) == {"metal_simulated"}


def test_an_organ_out_of_the_range_is_flagged():
    exposure = exposure_between(100.0, 220.0)
    liver = organs(exposure=exposure)["liver"]  # its slices lie at 60 to 135 mm
    (found,) = (one for one in liver.flags if one.code == "monte_carlo_outside_range")
    assert found.detail == "50% of its slices"


def test_a_dose_far_from_the_laws_is_flagged_with_both():
    made = run()
    liver = liver_of(made)
    law = scaled(liver, 3.0)
    liver = liver_of(replace(made, fast={"liver": law}))
    (found,) = (one for one in liver.flags if one.code == "monte_carlo_differs")
    assert f"{law.dose_mGy:.1f} mGy" in found.detail
    near = scaled(liver, 1.05)
    assert "monte_carlo_differs" not in codes(liver_of(replace(made, fast={"liver": near})).flags)


def test_a_whole_organ_is_what_was_seen_of_it_and_a_cut_one_is_completed_by_the_law():
    liver = organs()["liver"]
    assert liver.whole_organ_dose_mGy == liver.dose_mGy
    cut = run(scan=scan_of(*make(organs=("liver",), organ_slices=(0, 16))))
    liver = liver_of(cut)
    assert liver.coverage is None
    assert liver.whole_organ_dose_mGy is None
    law = replace(
        liver,
        whole_organ_dose_mGy=0.5 * liver.dose_mGy,
        whole_organ_low_mGy=0.2 * liver.dose_mGy,
        whole_organ_high_mGy=0.9 * liver.dose_mGy,
    )
    liver = liver_of(replace(cut, fast={"liver": law}))
    assert liver.whole_organ_dose_mGy == pytest.approx(0.5 * liver.dose_mGy)
    assert liver.whole_organ_low_mGy == pytest.approx(0.2 * liver.dose_mGy)
