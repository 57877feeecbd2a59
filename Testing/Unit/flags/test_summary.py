"""Flags with one cause are one notice; what changes a number comes first; nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from CTDoseSegLib.flags import (
    EFFECTIVE_DOSE,
    EXAMINATION,
    FLAGS,
    SCAN,
    Flag,
    codes,
    flag,
    organ_place,
    slice_place,
    slice_runs,
)
from CTDoseSegLib.flags.places import organ_of, slice_of
from CTDoseSegLib.flags.summary import MOST_DETAILS, NAMED_ORGANS, remedy, summarize

PLACES = st.one_of(
    st.sampled_from([SCAN, EFFECTIVE_DOSE, EXAMINATION]),
    st.integers(0, 30).map(slice_place),
    st.sampled_from(["liver", "lung_left", "skin"]).map(organ_place),
)
FLAG = st.builds(
    lambda code, detail, what, place: flag(code, detail, consequence=what).at(place),
    st.sampled_from(sorted(FLAGS)),
    st.sampled_from(["", "3 of 60 slices", "12 HU"]),
    st.sampled_from(["", "doses are 12 % too high"]),
    PLACES,
)


def only(*flags):
    (notice,) = summarize(flags)
    return notice


@given(st.lists(FLAG, max_size=40))
def test_no_flag_is_lost(flags):
    notices = summarize(flags)
    assert {c for n in notices for c in n.codes} == {f.code for f in flags}
    assert {p for n in notices for p in n.places} == {f.place for f in flags}
    assert {m for n in notices for m in n.mends} == {m for f in flags for m in f.mends}
    assert len({n.cause for n in notices}) == len(notices)


@given(st.lists(FLAG, max_size=40))
def test_refusals_of_the_scan_come_first_then_what_changes_a_number_then_the_rest(flags):
    def rank(notice):
        if notice.severity == "refusal":
            return 0 if SCAN in notice.places else 2
        return 1 if notice.consequences else 3

    ranks = [rank(notice) for notice in summarize(flags)]
    assert ranks == sorted(ranks)


@given(st.lists(FLAG, min_size=1, max_size=40))
def test_a_notice_has_the_worst_severity_of_its_flags(flags):
    order = ("refusal", "warning", "info")
    for notice in summarize(flags):
        members = [f for f in flags if f.code in notice.codes]
        assert notice.severity == min((f.severity for f in members), key=order.index)


@given(st.lists(FLAG, max_size=40))
def test_the_same_flags_give_the_same_notices_and_repetition_changes_nothing(flags):
    assert summarize(flags) == summarize([*flags, *flags])


def test_what_is_known_by_how_much_comes_before_what_is_not():
    vague, exact = flag("dual_energy"), flag("tube_voltage_outside", consequence="-11 to +12 %")
    assert [n.cause for n in summarize([vague, exact])] == ["tube_voltage_outside", "dual_energy"]
    # An exact consequence does not put an information before a warning.
    info = flag("ctdivol_corrected", consequence="+12 %")
    assert [n.severity for n in summarize([info, vague])] == ["warning", "info"]


def test_what_is_about_the_scan_comes_before_what_is_about_an_organ():
    organ = flag("no_dose_model", "no simulated doses").at(organ_place("trachea"))
    scan = flag("not_axial", "60 degrees")
    assert [n.cause for n in summarize([organ, scan])] == ["not_axial", "no_dose_model"]


def test_a_missing_ctdivol_is_one_notice_that_says_what_it_costs():
    notice = only(
        flag("ctdivol_missing", "all slices"),
        flag("ssde_without_ctdivol", "all slices"),
        flag("ctdivol_unknown"),
        flag("mas_only", consequence="organ doses -39 to +64 %"),
        flag("effective_dose_no_dlp").at(EFFECTIVE_DOSE),
    )
    assert (notice.cause, notice.severity) == ("ctdivol", "refusal")
    assert notice.findings == ("CTDIvol is not known: all slices.",)
    assert notice.text.startswith("CTDIvol is not known: all slices. No SSDE without it; no effec")
    assert "organ doses -39 to +64 %" in notice.text
    assert notice.mends == ("ctdivol_mGy", "dose_report")
    assert notice.places == (SCAN, EFFECTIVE_DOSE)


def test_missing_mas_and_a_computed_dlp_are_parts_of_the_notice_of_their_cause():
    current = (flag("tube_current_missing", "6 of 6 slices"), flag("mas_unusable", "no pitch"))
    (notice,) = summarize((*current, flag("effective_mas_unknown")))
    assert notice.severity == "warning"
    assert notice.text.count("only scaling basis") == 1
    (notice,) = summarize((flag("dlp_computed", "74 mGy cm"), flag("dlp_lower_bound")))
    assert "74" not in notice.text
    assert notice.codes == ("dlp_lower_bound", "dlp_computed")
    (notice,) = summarize((flag("dlp_computed", "74 mGy cm"),))
    assert "DLP is not stated and was computed from CTDIvol: 74 mGy cm" in notice.text


def test_where_images_and_irradiated_range_end_is_one_notice():
    organs = [
        one.at(organ_place(organ))
        for organ in ("liver", "stomach")
        for one in (flag("organ_cut"), flag("whole_organ_range_unknown"))
    ]
    unknown = (flag("dose_range_unknown"), flag("dlp_lower_bound").at(EFFECTIVE_DOSE))
    notice = only(*unknown, flag("effective_dose_short", "40 mm").at(EFFECTIVE_DOSE), *organs)
    assert "Cut by the first or last slice (liver, stomach)." in notice.findings
    assert {
        "organ doses near the ends of the images may be too high",
        "the dose is that of the part in the images (liver, stomach)",
        "no dose to the whole organ (liver, stomach)",
    } <= set(notice.consequences)
    # With a known range the cut organs have a notice of their own.
    cut = only(flag("organ_cut").at(organ_place("liver")))
    assert cut.consequences == ("the dose is that of the part in the images",)


def test_details_stand_with_their_organs_and_a_long_list_says_how_many_more():
    organs = ["aorta", "colon", "heart", "liver", "pancreas"]
    notice = only(
        *(flag("outside_training", f"{n} mm").at(organ_place(o)) for n, o in enumerate(organs))
    )
    (text,) = notice.findings
    assert text.endswith(
        f": 0 mm (aorta); 1 mm (colon); 2 mm (heart); and {len(organs) - MOST_DETAILS} more."
    )


def test_more_organs_than_a_line_holds_are_counted():
    few, many = (
        only(*(flag("organ_cut").at(organ_place(f"organ_{k}")) for k in range(n))).findings[0]
        for n in (NAMED_ORGANS, NAMED_ORGANS + 1)
    )
    assert few.endswith("(organ 0, organ 1, organ 2, organ 3, organ 4, organ 5).")
    assert many.endswith("(7 organs).")


def test_a_finding_of_the_scan_stands_for_its_slices():
    scan = flag("body_truncated", "slices 4-6, up to 9 % of the body contour")
    notice = only(scan, *(flag("body_truncated").at(slice_place(k)) for k in (4, 5, 6)))
    assert len(notice.findings) == 1
    assert notice.findings[0].count("slices 4-6") == 1
    assert notice.places == (SCAN, "slice 4", "slice 5", "slice 6")


def test_slices_alone_are_named_as_runs():
    found = only(*(flag("slice_without_body").at(slice_place(k)) for k in (9, 3, 4, 5)))
    assert found.findings == ("No body was found in a slice (slices 3-5, 9).",)


def test_consequences_that_differ_between_organs_have_their_names():
    liver, spleen = (
        flag("organ_outside_range", "50 %", consequence=what).at(organ_place(organ))
        for organ, what in (("liver", "-5 to +5 %"), ("spleen", "-9 to +9 %"))
    )
    assert only(liver, spleen).consequences == ("-5 to +5 % (liver); -9 to +9 % (spleen)",)
    assert only(liver).consequences == ("-5 to +5 %",)


def test_equal_flags_at_different_places_are_different():
    one = flag("organ_cut")
    here, there = one.at(organ_place("liver")), one.at(organ_place("spleen"))
    assert here != there
    assert here == one.at(organ_place("liver"))
    assert only(here, there, here).places == ("organ liver", "organ spleen")


def test_a_flag_of_another_version_is_shown_as_it_was_written():
    old = Flag("ctdivol_missing", "warning", "CTDIvol (0018,9345) is missing or 0. Type it.")
    unknown = Flag("from_the_future", "warning", "The beam was green.")
    for one in (old, unknown):
        notice = only(one)
        assert notice.text == one.message
        assert notice.codes == (one.code,)


def test_a_flag_comes_back_from_plain_values():
    one = flag("mas_only", consequence="-39 to +64 %").at(organ_place("liver"))
    values = {**vars(one), "mends": list(one.mends)}  # as JSON has them
    assert Flag.from_plain(values) == one
    assert hash(Flag.from_plain(values)) == hash(one)
    assert Flag.from_plain({"code": "x", "severity": "info", "message": "M."}).place == SCAN
    with pytest.raises(TypeError):
        Flag.from_plain({**values, "color": "red"})


WORDS = {
    "ctdivol_mGy": ("type {what} in the file", "ctdivol"),
    "phantom_cm": ("type {what} in the file", "phantom"),
    "pitch": ("type {what} in the file", "pitch"),
    "dose_report": ("give {what}", "the report"),
}


@pytest.mark.parametrize(
    ("mends", "expected"),
    [
        ((), ""),
        (("ctdivol_mGy",), "Type ctdivol in the file."),
        (("dose_report", "ctdivol_mGy"), "Type ctdivol in the file, or give the report."),
        (("phantom_cm", "ctdivol_mGy"), "Type ctdivol and phantom in the file."),
        (("pitch", "phantom_cm", "ctdivol_mGy"), "Type ctdivol, phantom and pitch in the file."),
    ],
)
def test_a_remedy_says_once_what_is_done_alike(mends, expected):
    assert remedy(mends, WORDS) == expected


def test_places_name_their_slice_or_organ():
    assert (slice_of(slice_place(12)), organ_of(slice_place(12))) == (12, None)
    assert (slice_of(organ_place("liver")), organ_of(organ_place("liver"))) == (None, "liver")
    assert slice_runs([7, 0, 1, 2, 3, 3]) == "0-3, 7"
    assert slice_runs([]) == ""


def test_codes_are_joined_each_once():
    cut = flag("organ_cut")
    assert codes([cut.at("organ a"), flag("limb"), cut.at("organ b")]) == "organ_cut;limb"
