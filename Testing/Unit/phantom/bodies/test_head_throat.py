"""Throat: glands on their sides, with their shares, and an airway without a break."""

from __future__ import annotations

import numpy as np
import pytest
from painted_heads import sampled_head
from scipy import ndimage

BODIES = [(0, "female"), (5, "male"), (30, "female"), (30, "male")]
GLANDS = ("parotid_gland", "submandibular_gland", "sublingual_gland")


@pytest.mark.parametrize(("age_y", "sex"), BODIES)
def test_glands_are_on_their_sides_and_near_their_mass(age_y, sex):
    head = sampled_head(age_y, sex)
    for gland in GLANDS:
        right, left = head.middle(f"{gland}_right"), head.middle(f"{gland}_left")
        assert right[0] > 0 > left[0]
        assert right[1:] == pytest.approx(left[1:], abs=2)
    for organ in ("salivary_glands", "thyroid_gland"):
        share = head.mass_g(organ) / head.painter.masses_g[organ]
        assert 0.6 < share < 1.15, organ


def test_the_parotid_is_the_largest_and_the_sublingual_the_smallest():
    head = sampled_head(30, "male")
    sizes = [int(head.of(f"{gland}_left", f"{gland}_right").sum()) for gland in GLANDS]
    assert sizes == sorted(sizes, reverse=True)


def test_a_larger_gland_cuts_no_bone_tooth_or_airway():
    usual = sampled_head(30, "male")
    large = sampled_head(30, "male", (("salivary_glands", 1.4), ("thyroid_gland", 1.3)))
    assert large.mass_g("salivary_glands") > 1.3 * usual.mass_g("salivary_glands")
    assert large.mass_g("thyroid_gland") > 1.3 * usual.mass_g("thyroid_gland")
    for atom in ("mandible_*", "skull_*", "teeth", "pharynx", "larynx", "tongue"):
        assert np.array_equal(usual.of(atom), large.of(atom)), atom


@pytest.mark.parametrize(("age_y", "sex"), BODIES)
def test_air_passes_from_the_nose_to_the_larynx(age_y, sex):
    head = sampled_head(age_y, sex, mm=1.5)
    parts, _ = ndimage.label(head.of("nasal_cavity", "pharynx", "larynx"))
    through = set(parts[head.of("larynx")]) & set(parts[head.of("nasal_cavity")])
    assert through - {0}


def test_the_thyroid_is_below_the_jaw_beside_the_airway():
    head = sampled_head(30, "female")
    thyroid, larynx = head.middle("thyroid_gland"), head.middle("larynx")
    assert thyroid[2] < larynx[2] + 5
    assert abs(thyroid[0]) < 2
    assert thyroid[2] < head.middle("tongue")[2]
