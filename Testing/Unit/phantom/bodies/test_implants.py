"""Implants of bone."""

from __future__ import annotations

import pytest
from body_skeletons import body

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.implants import BONE_IMPLANTS


def test_every_implant_is_there_and_leaves_cord_skin_and_discs():
    plain, with_all = body(30, "male"), body(30, "male", implants=tuple(BONE_IMPLANTS))
    for name in BONE_IMPLANTS:
        assert with_all.ml(f"{name}*") > 1
    for atom in ("skin", "spinal_cord", "cerebrospinal_fluid"):
        assert with_all.ml(atom) == plain.ml(atom)


def test_a_hip_prosthesis_is_in_its_own_hip():
    plain, one = body(30, "male"), body(30, "male", implants=("hip_prosthesis_left",))
    metal = one.mask("hip_prosthesis_left")
    own = plain.mask("femur_left_*", "hip_left_*", "cartilage")
    assert (metal & own).sum() > 0.85 * metal.sum()
    assert one.middle("hip_prosthesis_left")[0] < -60
    assert one.ml("femur_right_*") == plain.ml("femur_right_*")
    stem = one.painter.of_tissues("titanium")
    assert stem
    assert one.at(-88, -6, -352) == "hip_prosthesis_left"


def test_screws_are_in_l3_to_l5():
    plain, one = body(30, "male"), body(30, "male", implants=("spinal_screws",))
    for name in ("L3", "L4", "L5"):
        assert one.ml(f"vertebrae_{name}_*") < plain.ml(f"vertebrae_{name}_*")
    for name in ("L1", "T12"):
        assert one.ml(f"vertebrae_{name}_*") == plain.ml(f"vertebrae_{name}_*")


def test_cement_replaces_marrow_of_one_vertebra():
    plain, one = body(30, "female"), body(30, "female", implants=("bone_cement",))
    gone = plain.ml("vertebrae_L1_spongiosa") - one.ml("vertebrae_L1_spongiosa")
    assert gone == pytest.approx(one.ml("bone_cement"))
    assert 1 < gone < 15


def test_another_name_is_refused():
    with pytest.raises(InputError, match="no implant 'wings' of bone; choose hip_prosthesis"):
        body(30, "male", implants=("wings",))
