"""What every engine says of scans that are no plain scan of one person, one row for each."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import pytest
from bad_scans import SCANS

from CTDoseSegLib.errors import SegmentationError
from CTDoseSegLib.segmentation.segmenting import segment
from CTDoseSegLib.segmentation.unet.engine import UNetEngine

NO_BODY = "no body"
# What a network says of a scan like none that it was trained on differs from network to network.
SAID = (NO_BODY, "no_person", "tissue_left_out", "organ_left_out", "organ_unsure", "organ_doubtful")
# Scan to a flag that must be there by thresholds and by the UNet, or one of several; empty: none
# has to be, and "no body" is the error. Thresholds draw no organ that has a side or a height of its
# own, and see neither motion nor a change of sides.
TABLE = {
    "metal": ("metal", "metal"),
    "motion": ("", SAID),
    "two people apart": ("several_bodies", "several_bodies"),
    "two people that touch": ("several_bodies", "several_bodies"),
    "a small animal": ("no_person", SAID),
    "plastic": ("no_person", "no_person"),
    "plastic with rods": ("no_person", SAID),
    "MR": ("no_person", "no_person"),
    "negated": ("no_person", SAID),
    "inverted": ("no_person", SAID),
    "without intercept": ("no_person", "no_person"),
    "mirrored": ("", "mirrored"),
    "upside down": ("", "upside_down"),
    "one slice": ("", ""),
    "slices of 20 mm": ("", ""),
    "air": (NO_BODY, NO_BODY),
    "air with noise": (NO_BODY, NO_BODY),
    "nothing but 0": ("no_person", "no_person"),
    "nothing but 40": ("no_person", "no_person"),
    "nothing but 3071": ("no_person", SAID),
}
OF_ANYTHING = ("no_person", "mirrored", "upside_down", "several_bodies", "metal", "organ_left_out")
needs_torch = pytest.mark.skipif(
    find_spec("torch") is None or not UNetEngine().available()[0],
    reason="it runs the bundled UNet",
)


@cache
def made(name):
    return SCANS[name]()


@cache
def by(engine, name):
    """The codes of the flags, or `NO_BODY`; an engine is asked once."""
    try:
        return tuple(one.code for one in segment(made(name), engine).flags)
    except SegmentationError as error:
        return (NO_BODY if "body" in str(error) else str(error),)


def test_the_table_is_complete():
    assert {*TABLE, "a person"} == set(SCANS)


@pytest.mark.parametrize("name", TABLE)
def test_thresholds_say_what_is_wrong_with_a_scan(name):
    wanted = TABLE[name][0]
    assert (
        wanted in by("classical", name)
        if wanted
        else not set(OF_ANYTHING) & {*by("classical", name)}
    )


@needs_torch
@pytest.mark.parametrize("name", TABLE)
def test_the_unet_says_what_is_wrong_with_a_scan(name):
    wanted = TABLE[name][1]
    accepted = {wanted} if isinstance(wanted, str) else set(wanted)
    assert accepted & set(by("unet", name)) or not wanted


@needs_torch
@pytest.mark.parametrize("name", ["MR", "plastic with rods"])
def test_auto_leaves_what_the_unet_cannot_draw_to_thresholds(name):
    found = [one.code for one in segment(made(name), "auto").flags]
    assert {"no_person", "no_network"} <= set(found)


def test_a_person_raises_nothing_by_thresholds():
    assert by("classical", "a person") == ()


@needs_torch
def test_a_person_raises_nothing_of_the_scan_by_the_unet():
    assert not set(OF_ANYTHING) & set(by("unet", "a person"))
