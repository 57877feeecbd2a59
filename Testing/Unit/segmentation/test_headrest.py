"""What a head lies on is called a headrest; voxels stay as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.headrest import with_headrest
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.segmenting import segment

NAMES = ("body_rest", "couch", "brain", "lung_left")


def labelmap(brain_ml: int, lung_ml: int, names=NAMES) -> Labelmap:
    """A label map of voxels of 1 ml."""
    labels = np.zeros((4, 20, 20), np.uint8)
    labels[:, :10], labels[:, 15:] = 1, 2
    labels[0, :10].flat[:brain_ml] = 3
    labels[1, :10].flat[:lung_ml] = 4
    atoms = tuple(named_atom(value, name, "test") for value, name in enumerate(names, start=1))
    return Labelmap(labels, np.diag([10.0, 10, 10, 1]), atoms, groups_of(names), "test")


@pytest.mark.parametrize(
    ("brain_ml", "lung_ml", "name"),
    [(100, 0, "headrest"), (100, 10, "headrest"), (100, 100, "couch"), (10, 0, "couch")],
)
def test_a_scan_with_a_brain_and_no_lungs_is_of_a_head(brain_ml, lung_ml, name):
    before = labelmap(brain_ml, lung_ml)
    after = with_headrest(before)
    assert after.atoms[1].name == name
    assert after.groups[name] == (name,)
    assert np.array_equal(after.mask("body"), before.mask("body"))
    assert after.labels is before.labels


def test_a_name_that_the_user_gave_stays():
    before = labelmap(100, 0)
    assert with_headrest(before, keep={"couch"}) is before
    assert with_headrest(before, keep={"headrest"}) is before
    named = labelmap(100, 0, ("body_rest", "headrest", "brain", "lung_left"))
    assert with_headrest(named) is named


def test_flags_and_doubt_of_the_couch_go_with_its_name():
    from CTDoseSegLib.flags import flag, organ_place
    from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt

    none = np.zeros(4)
    doubt = Doubt({"couch": OrganDoubt(60, 60, 60, none, none, none)})
    placed = flag("organ_unsure", "a detail").at(organ_place("couch"))
    after = with_headrest(replace(labelmap(100, 0), flags=(placed,), doubt=doubt))
    assert after.flags[0].place == organ_place("headrest")
    assert set(after.doubt.atoms) == {"headrest"}


def test_segmenting_a_head_names_its_headrest():
    small = {"shape": (96, 96, 8), "spacing_mm": (2.8, 2.8, 20.0)}
    series, _ = phantom_series(Phantom(variant="head", **small))
    labelmap = segment(series, "classical")
    assert "headrest" in labelmap.groups
    assert "headrest" not in labelmap.groups["body"]
