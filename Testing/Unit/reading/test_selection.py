"""Which series is taken, and the sentence for each of the others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dicom_files import write_series
from hypothesis import given
from hypothesis import strategies as st

from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.reading.selection import SeriesCandidate, choose, sharp_kernel

BASE = SeriesCandidate(
    series_uid="1.2.3",
    patient=0,
    description="Thorax",
    series_number=2,
    modality="CT",
    sop_class="1.2.840.10008.5.1.4.1.1.2",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    kernel="B30f",
    n_slices=100,
    thickness_mm=3.0,
    extent_mm=300.0,
    axial=True,
    has_exposure=True,
    index=0,
)


def other(**changes) -> SeriesCandidate:
    return replace(BASE, **{"index": 1, "series_uid": "1.2.4", "series_number": 3, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"modality": "MR"}, "magnetic resonance"),
        ({"modality": "PT"}, "PET"),
        ({"modality": "SR"}, "structured report"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "localizer"),
        ({"image_type": ("DERIVED", "SECONDARY", "DOSE_INFO")}, "dose page"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.7"}, "dose page, screen capture"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.7.2"}, "dose page, screen capture"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.128"}, "SOP class"),
    ],
)
def test_what_is_no_tomographic_ct_is_never_taken(changes, reason):
    bad = other(**changes, n_slices=500, extent_mm=999.0)
    chosen, left_out = choose([bad, BASE])
    assert chosen is BASE
    assert reason in left_out[0]
    assert choose([bad], asked_for=True)[0] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"image_type": ("DERIVED", "SECONDARY", "MPR"), "axial": False},
        {"image_type": ("DERIVED", "PRIMARY", "AXIAL"), "axial": False},
        {"image_type": ("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE")},
        {"axial": None},
    ],
)
def test_reformats_are_taken_only_when_asked_for(changes):
    bad = other(**changes)
    assert choose([bad])[0] is None
    assert choose([bad], asked_for=True)[0] is bad


def test_a_derived_axial_series_is_better_than_none():
    derived = other(image_type=("DERIVED", "PRIMARY", "AXIAL"))
    assert choose([derived])[0] is derived


# Rule by rule: the loser is better by every later rule.
BETTER_LATER = [
    ({"axial": False}, "axial"),
    ({"image_type": ("DERIVED", "PRIMARY", "AXIAL"), "extent_mm": 310.0}, "derived"),
    ({"zoomed": True, "extent_mm": 500.0}, "cuts the body"),
    ({"extent_mm": 269.0}, "longer range"),
    ({"kernel": "B80f", "thickness_mm": 1.0}, "softer kernel"),
    ({"has_exposure": False, "thickness_mm": 1.0}, "exposure"),
    ({"thickness_mm": 0.6, "n_slices": 500}, "thinner than 1 mm"),
    ({"thickness_mm": 5.0, "n_slices": 500}, "has thinner slices"),
    ({"n_slices": 90, "series_number": 1}, "more slices"),
    ({}, "lower series number"),
]


@pytest.mark.parametrize(("changes", "reason"), BETTER_LATER, ids=[r for _, r in BETTER_LATER])
def test_the_criteria_are_applied_in_their_order(changes, reason):
    loser = other(**changes)
    for candidates in ([BASE, loser], [loser, BASE]):
        chosen, left_out = choose(candidates)
        assert chosen is BASE
        assert reason in left_out[0]


def test_the_whole_range_allows_a_tenth_less():
    thin = other(extent_mm=271.0, thickness_mm=1.0)
    assert choose([BASE, thin])[0] is thin


def test_a_single_slice_does_not_win_over_a_series_at_one_place():
    single = other(n_slices=1, extent_mm=0.0, thickness_mm=1.0)
    assert choose([single, BASE])[0] is BASE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["B30f", "B70f", "LUNG"]),
            st.sampled_from([0.6, 1.0, 5.0, None]),
            st.sampled_from([0.0, 200.0, 300.0]),
            st.sampled_from([1, 50, 300]),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_the_choice_does_not_depend_on_the_order_of_files(rows, random):
    candidates = [
        other(
            index=n, series_uid=str(n), kernel=k, thickness_mm=t, extent_mm=e, n_slices=c, axial=a
        )
        for n, (k, t, e, c, a) in enumerate(rows)
    ]
    shuffled = list(candidates)
    random.shuffle(shuffled)
    chosen, left_out = choose(candidates)
    assert choose(shuffled)[0] == chosen
    assert len(left_out) == len(candidates) - 1
    assert all(sentence.endswith(".") for sentence in left_out)


@pytest.mark.parametrize(
    "kernel",
    [
        "B80f",
        "B60s",
        "Br64d\\3",
        "Bl57f",
        "I70f\\2",
        "LUNG",
        "BONEPLUS",
        "EDGE",
        "FC51",
        "FC30",
        "L",
        "YC",
    ],
)
def test_kernels_for_lung_and_bone_are_sharp(kernel):
    assert sharp_kernel(kernel)


@pytest.mark.parametrize(
    "kernel",
    [
        "B30f",
        "B10f",
        "Br38f\\3",
        "I31f\\2",
        "STANDARD",
        "SOFT",
        "FC17",
        "FC08",
        "B",
        "C",
        "STD+",
        "",
    ],
)
def test_kernels_for_soft_tissue_are_soft(kernel):
    assert not sharp_kernel(kernel)


@pytest.mark.parametrize(
    ("odd", "even"), [(0.50006, 0.50004), (0.5, 0.50004), (0.703125, 0.7031), (0.97656, 0.976563)]
)
def test_spacings_that_differ_by_rounding_are_one_group(odd, even, tmp_path):
    write_series(tmp_path, range(6), PixelSpacing=lambda k: [odd, odd] if k % 2 else [even, even])
    assert len(read_series(tmp_path).slices) == 6


def test_spacings_of_two_reconstructions_are_two_groups(tmp_path):
    write_series(tmp_path, range(6), PixelSpacing=lambda k: [0.7, 0.7] if k < 4 else [0.71, 0.71])
    assert len(read_series(tmp_path).slices) == 4
