"""What a network is judged by: targets, what is mixed up, contrast agent that is painted in."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from network_scans import series as block_of_tissue
from targets import Reached, targets_table

from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

TESTING = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTING / "Benchmarks"), str(TESTING / "Bodies")]

from segmentation_of_bodies import COLUMNS  # noqa: E402
from segmentation_targets import doubt_lines, targets  # noqa: E402
from unet_corruptions import painted  # noqa: E402
from unet_scans import MIX_UPS, UNKNOWN, VALUES, Found, Scan, agreements, mix_up  # noqa: E402

BODY, LIVER, HEART, AORTA = (VALUES[n] for n in ("body_rest", "liver", "heart", "aorta"))


@pytest.fixture
def scan():
    """A body at 40 HU with a heart beside a liver; a row is undecided."""
    labels = np.zeros((2, 32, 32), np.uint8)
    labels[:, 4:28, 4:28] = BODY
    labels[:, 8:16, 8:24] = HEART
    labels[:, 16:24, 8:24] = LIVER
    labels[:, 26] = UNKNOWN
    hu = np.where(labels > 0, 40, -1000).astype(np.int16)
    hu[:, 10, 10] = -700  # gas takes up nothing
    affine = np.diag([-1.0, -1.0, 5.0, 1.0])
    series = replace(block_of_tissue((2, 32, 32)), hu=hu, affine=affine)
    return Scan("x_abdomen", series, labels, labels)


def found(labels):
    atoms = tuple(named_atom(v, n, "t") for v, n in ((1, "body_rest"), (2, "liver"), (3, "heart")))
    groups = groups_of(atom.name for atom in atoms)
    return Found(Labelmap(labels, np.eye(4), atoms, groups, "unet"), {})


def drawn(scan, heart, liver):
    labels = (scan.drawn > 0).astype(np.uint8)
    labels[heart], labels[liver] = 3, 2
    return found(labels)


def test_a_heart_that_was_taken_for_liver_is_counted_where_the_labels_have_it(scan):
    heart, liver = scan.drawn == HEART, scan.drawn == LIVER
    right, wrong = drawn(scan, heart, liver), drawn(scan, heart & False, liver | heart)
    _, true, taken, _ = MIX_UPS[0]
    assert not mix_up(scan, right, true, taken).any()
    assert (mix_up(scan, wrong, true, taken) == heart).all()
    assert agreements(right, scan.drawn) == {"body": 1.0, "liver": 1.0, "heart": 1.0}
    values = agreements(wrong, scan.drawn)
    assert values["heart"] == 0.0
    assert values["liver"] == pytest.approx(2 / 3)


def test_what_is_drawn_in_undecided_pixels_counts_for_nobody(scan):
    heart, liver = scan.drawn == HEART, scan.drawn == LIVER
    assert agreements(drawn(scan, heart, liver | (scan.drawn == UNKNOWN)), scan.drawn)["liver"] == 1


def test_contrast_agent_fills_the_heart_more_than_the_liver_and_nothing_else(scan):
    gained = painted(scan, "arterial", 1.0).hu - scan.series.hu
    assert np.median(gained[scan.drawn == HEART]) > 5 * np.median(gained[scan.drawn == LIVER]) > 0
    assert gained[:, 10, 10].max() == 0
    assert not gained[:, 26:].any()
    assert (painted(scan, "none", 1.0).hu == scan.series.hu).all()


def test_a_figure_is_met_at_the_digits_that_are_shown():
    assert Reached("liver", 0.9496, 0.95).met
    assert not Reached("liver", 0.9494, 0.95).met
    assert Reached("couch", 0.1, 0.1, most=True).met
    assert not Reached("couch", 0.11, 0.1, most=True, digits=2).met
    assert not Reached("kidney", float("nan"), 0.85).met
    assert Reached("stomach", 0.2).met is None
    (line,) = list(targets_table([Reached("kidney", float("nan"), 0.85)]))[2:]
    assert line == "| kidney | at least 0.85 | not measured | **no** |"


def row(body, **values):
    return {**dict.fromkeys(COLUMNS, ""), "body": body, **{k: str(v) for k, v in values.items()}}


def test_the_worst_body_is_named_and_one_without_the_organ_is_not_judged():
    rows = [
        row("man", liver_dice=0.95, liver_true_ml=1500, liver_found_ml=1500, liver_flagged=0),
        row("child", liver_dice=0.91, liver_true_ml=500, liver_found_ml=400, liver_flagged=0),
        row("head", liver_dice=0, liver_true_ml=0, liver_found_ml=3, liver_flagged=1),
    ]
    figures = {one.figure: one for one in targets(rows)}
    liver = figures["liver, Dice, worst"]
    assert (liver.value, liver.met) == (0.91, False)
    assert liver.detail == "child; median 0.930; 1 of 2 reach it"
    assert "- drawn where there is none: liver (head, 3.0 ml)" in list(
        doubt_lines(rows, ("liver",))
    )


def test_shares_over_all_bodies_are_by_volume():
    rows = [
        row("man", blood_as_bone_pct=0.1, blood_true_ml=900),
        row("child", blood_as_bone_pct=4.1, blood_true_ml=100),
    ]
    figures = {one.figure: one for one in targets(rows)}
    assert figures["enhanced blood as bone, %, all bodies together"].value == pytest.approx(0.5)
    assert not figures["enhanced blood as bone, %, worst"].met
