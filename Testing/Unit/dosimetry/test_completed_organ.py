"""The completed organ beside the part that the images show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, doses
from hypothesis import given, settings
from hypothesis import strategies as st

from CTDoseSegLib.dosimetry.beam import Beam
from CTDoseSegLib.dosimetry.fast.completed_organ import (
    LEAST_SEEN,
    REFERENCE_MASS_G,
    SeenOrgan,
    complete_organ,
)
from CTDoseSegLib.dosimetry.fast.kernel import LENGTHS_MM

# Weights of what arrives from below, then from above, by length.
KERNEL = np.array([0.3, 0.1, 0.1, 0.05, 0.2, 0.1, 0.1, 0.05])
EVERYWHERE = Beam((-5000.0, 5000.0))
TYPED = {"irradiated_range_mm": "user"}


def seen(organ="liver", *, mass_g=900.0, slices=(20, 40), beam=EVERYWHERE, sex="M", count=40):
    """An organ on `slices` of 40 slices of 5 mm, its mass even over them, plateau 10 mGy."""
    occupied = np.zeros(count, bool)
    occupied[slice(*slices)] = True
    return SeenOrgan(
        organ=organ,
        sex=sex,
        z_mm=np.arange(count) * 5.0,
        occupied=occupied,
        mass_g=occupied * mass_g / occupied.sum(),
        ctdivol_mGy=np.full(count, 8.0),
        dose_per_mGy=(1.25, 1.25),
        kernel=KERNEL,
        beam=beam,
    )


def test_an_organ_that_ends_inside_the_images_is_its_own_whole():
    whole = complete_organ(seen(slices=(5, 35), mass_g=400.0), 10.0, 8.0, 12.0)
    assert (whole.dose_mGy, whole.low_mGy, whole.high_mGy) == (10.0, 8.0, 12.0)
    assert (whole.seen_mass_g, whole.missing_mass_g, whole.flags) == (pytest.approx(400), 0.0, ())


def test_inside_the_irradiated_range_the_edges_value_goes_on():
    whole = complete_organ(seen(), 10.0, 8.0, 12.5)
    assert whole.dose_mGy == pytest.approx(10.0, rel=1e-6)
    assert whole.missing_mass_g == pytest.approx(900.0)
    assert whole.low_mGy < 8.0
    assert whole.high_mGy > 12.5
    assert codes(whole.flags) == {"whole_organ_estimated"}
    assert "900 g seen, 1800 g in a reference adult" in whole.flags[0].message


def test_beyond_the_beam_there_is_the_kernels_tail_weighted_by_the_missing_mass():
    # The beam ends with the images; 900 g more reach 100 mm beyond.
    edge = 39 * 5.0 + 2.5
    whole = complete_organ(seen(beam=Beam((-5000.0, edge))), 10.0, 8.0, 12.5)
    z = (np.arange(20) + 0.5) * 5.0
    from_below = zip(KERNEL[:4], LENGTHS_MM, strict=True)
    tail = 10.0 * sum(weight * np.exp(-z / length) for weight, length in from_below)
    assert whole.dose_mGy == pytest.approx((10.0 + tail.mean()) / 2, rel=1e-3)


def test_the_further_the_beam_reaches_the_higher_the_whole_dose():
    found = [
        complete_organ(seen(beam=Beam((-5000.0, end))), 10.0, 8.0, 12.5)
        for end in (200.0, 230.0, 300.0, 2000.0)
    ]
    values = [whole.dose_mGy for whole in found]
    assert values == sorted(values)
    widths = [np.log(whole.high_mGy / whole.low_mGy) for whole in found]
    assert widths[0] > widths[-1]


def test_both_ends_share_what_is_missing():
    cut = seen(slices=(0, 40), mass_g=900.0, beam=Beam((-5000.0, 197.5)))
    one_sided = seen(slices=(20, 40), mass_g=900.0, beam=Beam((-5000.0, 197.5)))
    assert (
        complete_organ(cut, 10.0, 8.0, 12.5).dose_mGy
        > complete_organ(one_sided, 10.0, 8, 12.5).dose_mGy
    )


def test_an_organ_heavier_than_the_reference_has_nothing_missing_and_a_wider_interval():
    whole = complete_organ(
        seen("spleen", mass_g=260.0, beam=Beam((-5000.0, 198.0))), 10.0, 8.0, 12.5
    )
    assert (whole.dose_mGy, whole.missing_mass_g) == (10.0, 0.0)
    assert codes(whole.flags) == {"whole_organ_above_reference"}
    assert whole.low_mGy < 8.0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"organ": "skin"}, "whole_organ_undefined"),
        ({"organ": "skin", "slices": (5, 35)}, "whole_organ_undefined"),
        ({"organ": "aorta"}, "whole_organ_undefined"),
        ({"organ": "small_bowel"}, "whole_organ_undefined"),
        ({"organ": "lung_upper_lobe_left"}, "whole_organ_undefined"),
        ({"beam": Beam((-np.inf, np.inf))}, "whole_organ_range_unknown"),
        ({"mass_g": 0.9 * LEAST_SEEN * 1800}, "whole_organ_too_little"),
        ({"count": 1, "slices": (0, 1)}, "whole_organ_range_unknown"),
    ],
)
def test_where_the_whole_is_not_known_there_is_no_value_but_a_reason(changes, code):
    whole = complete_organ(seen(**changes), 10.0, 8.0, 12.5)
    assert whole.dose_mGy is whole.low_mGy is whole.high_mGy is None
    assert codes(whole.flags) == {code}


def test_reference_masses_go_by_sex_and_are_less_certain_without_it():
    masses = {s: complete_organ(seen(sex=s), 10.0, 8.0, 12.5) for s in ("M", "F", "O", None)}
    missing = [whole.missing_mass_g for whole in masses.values()]
    np.testing.assert_allclose(missing, [900.0, 500.0, 700.0, 700.0])
    assert all(male >= female for male, female in REFERENCE_MASS_G.values())


@settings(max_examples=150, deadline=None)
@given(
    organ=st.sampled_from(sorted(REFERENCE_MASS_G)),
    share=st.floats(LEAST_SEEN * 1.01, 3.0),
    slices=st.tuples(st.integers(0, 19), st.integers(20, 40)),
    low=st.floats(-400, 100),
    length=st.floats(1, 900),
    dose=st.floats(0.01, 500),
    upside_down=st.booleans(),
)
def test_the_whole_dose_is_possible_and_its_interval_no_narrower(
    organ, share, slices, low, length, dose, upside_down
):
    mass = share * REFERENCE_MASS_G[organ][0]
    part = seen(organ, mass_g=mass, slices=slices, beam=Beam((low, low + length)))
    if upside_down:
        part = replace(part, z_mm=part.z_mm[::-1])
    whole = complete_organ(part, dose, 0.8 * dose, 1.25 * dose)
    assert 0 < whole.low_mGy < whole.dose_mGy < whole.high_mGy
    assert np.isfinite(whole.high_mGy)
    assert whole.high_mGy / whole.dose_mGy >= 1.25 * (1 - 1e-12)
    assert whole.low_mGy / whole.dose_mGy <= 0.8 * (1 + 1e-12)
    assert whole.dose_mGy <= max(dose, 10.0) * (1 + 1e-9)


def test_predicted_organs_carry_the_whole_beside_the_seen():
    inside = doses(irradiated_range_mm=(-100.0, 400.0), sources=TYPED)[1]
    liver = inside["liver"]
    assert liver.whole_organ_dose_mGy == liver.dose_mGy
    assert liver.whole_organ_high_mGy == liver.total_high_mGy
    assert inside["skin"].whole_organ_dose_mGy is None
    unknown = doses(organ_slices=(20, 40))[1]["liver"]
    assert unknown.whole_organ_dose_mGy is None
    assert "whole_organ_range_unknown" in codes(unknown.flags)
    known = {"irradiated_range_mm": (-100.0, 202.5), "sources": TYPED, "sex": "F"}
    cut = doses(organs=("kidney_left",), organ_slices=(20, 40), **known)[1]["kidney_left"]
    # 4 x 4 pixels of 5 mm on 20 slices of 5 mm, 30 HU.
    assert cut.seen_mass_g == pytest.approx(16 * 25 * 100 * 1.03 / 1000)
    assert cut.missing_mass_g == pytest.approx(138.0 - cut.seen_mass_g)
    assert cut.whole_organ_dose_mGy < cut.dose_mGy
    assert "whole_organ_estimated" in codes(cut.flags)


def test_a_refused_organ_has_no_whole_either():
    result, _ = doses(body_part="KNEE")
    for organ in result.organs:
        assert organ.dose_mGy is None
        assert organ.whole_organ_dose_mGy is organ.whole_organ_low_mGy is None
