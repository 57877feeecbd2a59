"""Contrast agent by the HU of the organs, and what iodine adds to their doses."""

from __future__ import annotations

import pytest
from dose_scans import MODEL, codes, doses, make, scan_of, with_hu

from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.iodine import ADDED, added_by_iodine
from CTDoseSegLib.flags.summary import summarize


@pytest.mark.parametrize(
    ("organ", "hu", "stated", "expected"),
    [
        ("aorta", 180, None, True),
        ("pulmonary_artery", 300, False, True),
        ("heart_atrium_left", 120, None, True),
        ("aorta", 45, None, False),
        ("aorta", 180, True, False),
        ("liver", 110, None, True),
        ("liver", 62, None, False),
        ("kidney_right", 150, False, True),
        ("kidney_left", 38, None, False),
        ("spleen", 120, None, True),
        ("pancreas", 120, None, False),
    ],
)
def test_enhanced_organs_are_flagged_where_no_contrast_is_stated(organ, hu, stated, expected):
    result = with_hu(hu, organ, contrast=stated)
    assert ("contrast_by_hu" in codes(result.flags)) is expected


@pytest.mark.parametrize("stated", [None, False, True])
@pytest.mark.parametrize(
    ("organ", "hu", "least", "most"),
    [
        # 21 - 5 (Mazloumi 2021) to 35 % (Sahbaee 2017); 37 - 7 to 71 % (Amato 2013); 26 - 4 to
        # 33 % (Amato 2013); 34 - 6 (Mazloumi 2021) to 53 % (Sahbaee 2017, heart).
        ("liver", 110, 16, 35),
        ("kidney_left", 160, 30, 71),
        ("spleen", 105, 22, 33),
        ("aorta", 150, 28, 53),
        # By HU, beyond what is published.
        ("aorta", 250, 28, 88),
    ],
)
def test_what_iodine_adds_lifts_the_upper_end_alone_whatever_the_header_says(
    organ, hu, least, most, stated
):
    plain, bright = (
        next(o for o in with_hu(value, organ, contrast=stated).organs if o.organ == organ)
        for value in (40, hu)
    )
    # A denser organ makes the patient a little larger, no more: dose and intervals go with that.
    assert bright.dose_mGy == pytest.approx(plain.dose_mGy, rel=0.01)
    lifted = {"total_high_mGy": 1 + most / 100}
    for name in ("total_low_mGy", "total_high_mGy", "model_low_mGy", "model_high_mGy"):
        usual = getattr(plain, name) / plain.dose_mGy
        expected = pytest.approx(usual * lifted.get(name, 1), rel=1e-3)
        assert getattr(bright, name) / bright.dose_mGy == expected
    assert "iodine" not in codes(plain.flags)
    (found,) = [f for f in bright.flags if f.code == "iodine"]
    assert f"{least} to {most} %" in found.consequence


def test_organs_that_hu_cannot_tell_take_up_iodine_where_others_do():
    series, labelmap = make(organs=("kidney_left", "pancreas", "adrenal_gland_left"))
    series.hu[labelmap.labels == 3] = 160
    organs = {o.organ: o for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs}
    (found,) = [f for f in organs["pancreas"].flags if f.code == "iodine"]
    assert "up to 33 %" in found.consequence
    assert "iodine" not in codes((*organs["adrenal_gland_left"].flags, *organs["skin"].flags))
    assert "iodine" not in codes(doses(organs=("pancreas",))[1]["pancreas"].flags)


def test_every_salivary_gland_may_hold_as_much_as_the_pancreas():
    glands = [o for o in MODEL.regions["head"].organs if o.endswith(("_gland_left", "_glands"))]
    assert {"parotid_gland_left", "submandibular_gland_left", "salivary_glands"} == set(glands)
    for gland in glands:
        assert added_by_iodine(gland, {"aorta": 200.0}) == ADDED["pancreas"]


def test_a_stated_contrast_agent_that_no_organ_shows_adds_nothing_and_is_flagged():
    result = with_hu(45, "liver", contrast=True)
    (stated,) = [f for f in result.flags if f.code == "contrast_unseen"]
    assert stated.severity == "info"
    assert "no organ here" in stated.consequence
    assert "contrast" not in codes(result.flags)
    assert not any("iodine" in codes(o.flags) for o in result.organs)
    (enhanced,) = [f for f in with_hu(110, "liver", contrast=True).flags if f.code == "contrast"]
    assert "liver 110 HU" in enhanced.message


def test_lungs_and_skin_do_not_show_whether_there_is_contrast_agent():
    result, _ = doses(organs=("lung",), contrast=True)
    (stated,) = [f for f in result.flags if f.code == "contrast_unseen"]
    assert "no organ here shows" in stated.consequence
    assert "dense enough" not in stated.message


def test_many_enhanced_organs_are_three_names_and_a_count():
    organs = ("aorta", "pulmonary_artery", "kidney_left", "kidney_right", "liver")
    series, labelmap = make(organs=organs)
    for number, hu in enumerate((200, 180, 190, 170, 110)):
        series.hu[labelmap.labels == number + 3] = hu
    (found,) = [
        f
        for f in FastEngine(MODEL).estimate(scan_of(series, labelmap)).flags
        if f.code == "contrast_by_hu"
    ]
    assert "aorta 200 HU, kidney left 190 HU, pulmonary artery 180 HU and 2 more" in found.message


@pytest.mark.parametrize(
    ("bright", "region", "named"),
    [
        (("aorta", "liver", "kidney_left"), "auto", "kidney left (30 to 71 %"),
        (("aorta", "liver", "kidney_left"), "chest", "aorta (28 to 53 %"),
        (("spleen",), "auto", "spleen (22 to 48 %"),
        (("heart_myocardium",), "auto", "heart myocardium (up to 53 %"),
    ],
)
def test_the_notice_of_contrast_agent_names_the_organ_that_it_raises_most(bright, region, named):
    series, labelmap = make(organs=(*bright, "pancreas"))
    for value in range(3, 3 + len(bright)):
        series.hu[labelmap.labels == value] = 150
    result = estimate(FastEngine(MODEL, region), scan_of(series, labelmap))
    flags = [*result.flags, *(one for organ in result.organs for one in organ.flags)]
    (notice,) = [one for one in summarize(flags) if one.cause == "contrast"]
    assert f"most that of {named} in simulations)" in notice.text
    assert notice.text.count("simulations") == 1


def test_a_liver_that_is_not_enhanced_yet_takes_nothing_from_a_bright_aorta():
    series, labelmap = make(organs=("aorta", "liver"))
    series.hu[labelmap.labels == 3] = 300
    organs = {o.organ: o for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs}
    assert "iodine" in codes(organs["aorta"].flags)
    assert "iodine" not in codes(organs["liver"].flags)


def test_blood_of_the_arterial_phase_reaches_beyond_the_published_ranges():
    """A milligram of iodine in a millilitre is 25 HU and adds about a tenth of the dose."""
    usual, bright = ({"aorta": hu} for hu in (120.0, 400.0))
    assert added_by_iodine("aorta", usual) == ADDED["aorta"]
    least, most = added_by_iodine("aorta", bright)
    assert least == ADDED["aorta"][0]
    assert most == pytest.approx(0.1 * (400.0 - 30.0) / 25.0)
    # What HU cannot tell keeps what is published.
    assert added_by_iodine("pancreas", bright) == ADDED["pancreas"]
