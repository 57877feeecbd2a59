"""One label map on another: each voxel and each origin are those of the upper one."""

from __future__ import annotations

import numpy as np
import pytest
from network_scans import AFFINE

from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.body_mask import LaidAside
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.totalsegmentator.result import with_couch

pytestmark = pytest.mark.slow


def labelled(labels, names, engine) -> Labelmap:
    atoms = tuple(named_atom(v, n, engine) for v, n in names.items())
    return Labelmap(labels, AFFINE, atoms, groups_of(names.values()), engine)


def test_the_users_own_organ_replaces_the_networks():
    """Its smaller body_mask leaves tissue, and where each label is from stays known."""
    network = np.zeros((1, 4, 8), np.uint8)
    network[0, :, :] = 9
    network[0, :, 2:6] = 5
    network[0, 3, :2] = 1
    organs = labelled(network, {9: "body_rest", 5: "liver", 1: "spleen"}, "totalsegmentator total")
    drawn = np.zeros((1, 4, 8), np.uint8)
    drawn[0, :, 3:5] = 1
    both = combine(organs, labelled(drawn, {1: "liver"}, "given"))
    assert (both.mask("liver") == (drawn == 1)).all()
    assert (both.mask("spleen") == (network == 1)).all()
    assert both.mask("body").all()
    assert {a.name: a.origin for a in both.atoms} == {
        "liver": "given",
        "spleen": "totalsegmentator total",
        "body_rest": "totalsegmentator total",
    }


def test_what_is_left_of_a_replaced_organ_is_the_bodys_and_so_is_its_origin():
    network = np.array([[[5, 5, 5, 9]]], np.uint8)
    atoms = (named_atom(5, "liver", "totalsegmentator total"), named_atom(9, "body_rest", "unet"))
    groups = groups_of(["liver", "body_rest"])
    organs = Labelmap(network, AFFINE, atoms, groups, "totalsegmentator + unet")
    drawn = np.array([[[0, 1, 0, 0]]], np.uint8)
    both = combine(organs, labelled(drawn, {1: "liver"}, "given"))
    assert {a.name: a.origin for a in both.atoms} == {"liver": "given", "body_rest": "unet"}
    assert both.mask("body").all()


def test_a_lung_of_the_users_replaces_the_lobes_of_its_side():
    network = np.full((1, 2, 6), 9, np.uint8)
    network[0, :, 1:3] = 10
    network[0, :, 3:5] = 12
    names = {9: "body_rest", 10: "lung_upper_lobe_left", 12: "lung_upper_lobe_right"}
    drawn = np.zeros((1, 2, 6), np.uint8)
    drawn[0, :, 1] = 1
    both = combine(labelled(network, names, "network"), labelled(drawn, {1: "lung_left"}, "given"))
    assert {a.name for a in both.atoms} == {"body_rest", "lung_left", "lung_upper_lobe_right"}
    assert both.mask("lung").sum() == 6


def test_a_label_map_that_is_laid_aside_comes_back_as_it_was():
    for kind in (np.uint8, np.uint16):
        labels = np.arange(60, dtype=kind).reshape(3, 4, 5)[:, ::-1]
        names = {value: f"label_{value}" for value in range(1, 60)}
        one = labelled(labels, names, "body_mask")
        aside = LaidAside.of(one)
        assert aside.rest.labels.size == 1
        back = aside.taken_back()
        assert (back.labels == labels).all()
        assert back.labels.dtype == kind
        assert back.atoms == one.atoms


def test_a_body_of_totalsegmentators_keeps_the_couch_of_the_body_mask():
    network = np.zeros((1, 4, 8), np.uint8)
    network[0, 1, 2:6] = 255
    network[0, 1, 3] = 5
    organs = labelled(network, {255: "body_rest", 5: "liver"}, "totalsegmentator body")
    body = np.zeros((1, 4, 8), np.uint8)
    body[0, 1:, :] = 2
    body[0, 1, 1:7] = 1
    both = with_couch(organs, labelled(body, {1: "body_rest", 2: "couch"}, "unet"))
    assert (both.mask("couch") == ((body == 2) & (network == 0))).all()
    assert (both.mask("body") == (network > 0)).all()
    assert {a.name: a.origin for a in both.atoms}["couch"] == "unet"


def test_headrest_and_blanket_are_no_part_of_the_body():
    """A label map that names them marks nothing outside the body by that."""
    found = np.zeros((1, 6, 8), np.uint8)
    found[0, 2:4] = 9
    own = np.zeros((1, 6, 8), np.uint8)
    own[0, 2:4, 2:5] = 1
    own[0, 4], own[0, 1], own[0, 5] = 2, 3, 4
    names = {1: "brain", 2: "headrest", 3: "blanket", 4: "couch"}
    both = combine(labelled(found, {9: "body_rest"}, "threshold"), labelled(own, names, "given"))
    assert (both.mask("body") == (found > 0)).all()
    assert "labels_in_air" not in {flag.code for flag in both.flags}
