"""Tissues: complete, as published, believable in a CT, and right between the ages of the table."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

import pytest

from CTDoseSegLib.errors import CompositionError
from CTDoseSegLib.phantom.tissues import Tissue, breast, mixture, tissue, tissue_names

PAGE = Path(__file__).resolve().parents[3] / "Resources" / "Guide" / "tissues.md"
# HU at 120 kV that a radiologist expects without contrast medium.
EXPECTED_HU = {
    "adipose": (-115, -85),
    "muscle": (35, 65),
    "liver": (45, 65),
    "spleen": (40, 55),
    "kidney": (25, 45),
    "pancreas": (30, 50),
    "brain": (25, 42),
    "csf": (0, 15),
    "eye": (0, 20),
    "blood": (35, 50),
    "heart_muscle": (35, 55),
    "thyroid": (90, 120),
    "brain_grey": (35, 45),
    "brain_white": (24, 32),
    "spongiosa_cervical": (240, 360),
    "spongiosa_thoracic": (150, 250),
    "spongiosa_sacrum": (100, 200),
    "teeth": (1500, 2800),
    "bile": (0, 20),
    "urine": (0, 20),
    "prostate": (25, 45),
    "cartilage": (80, 130),
    "cortical_bone": (1000, 1800),
    "spongiosa_lumbar": (100, 250),
    "silicone": (50, 150),
    "air": (-1000, -997),
    "water": (-0.1, 0.1),
    "foam": (-990, -940),
}


@pytest.mark.parametrize("name", EXPECTED_HU)
def test_an_adult_looks_as_in_a_ct(name):
    low, high = EXPECTED_HU[name]
    assert low <= tissue(name).hu(120) <= high


@pytest.mark.parametrize("age_y", [2, 5, 10, 15])
def test_a_childs_lumbar_spine_looks_as_in_a_ct(age_y):
    """Mean and SD from 2 to 17 years: 227 and 50 HU (Spine 2024;49:214)."""
    assert tissue("spongiosa_lumbar", age_y).hu(120) == pytest.approx(227, abs=50)


@pytest.mark.parametrize("age_y", [1, 5, 10, 15, 30])
def test_the_spine_is_densest_in_the_neck_and_thinnest_in_the_sacrum(age_y):
    cervical, thoracic, lumbar, sacrum = (
        tissue(f"spongiosa_{name}", age_y).hu(120)
        for name in ("cervical", "thoracic", "lumbar", "sacrum")
    )
    assert cervical > 1.2 * lumbar
    assert thoracic == pytest.approx(1.03 * lumbar, rel=0.05)
    assert 0.5 * lumbar < sacrum < 0.85 * lumbar


@pytest.mark.parametrize("age_y", [0, 1, 5, 30])
def test_white_matter_is_darker_than_grey(age_y):
    grey, white = (tissue(f"brain_{name}", age_y).hu(120) for name in ("grey", "white"))
    assert white + 4 < grey < 42


@pytest.mark.parametrize("name", tissue_names())
def test_every_tissue_has_hu_at_every_age_and_voltage(name):
    for age_y in (0, 0.5, 3, 12, 17, 90):
        known = tissue(name, age_y)
        assert known.name == name
        assert sum(known.fractions.values()) == pytest.approx(1)
        assert min(known.hu(70), known.hu(150)) > -1000


@pytest.mark.parametrize("table", ["tissues.csv", "spongiosa.csv"])
def test_every_row_names_its_source(table):
    text = files("CTDoseSegLib.phantom").joinpath(table).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) > 50
    assert not [row for row in rows if not row["source"] or None in row]


@pytest.mark.parametrize(
    ("age_y", "density", "calcium"),
    [(0, 1.65, 0.156), (5, 1.70, 0.183), (10, 1.75, 0.195), (40, 1.92, 0.213)],
)
def test_mineral_bone_of_a_child_is_that_of_icrp_143(age_y, density, calcium):
    bone = tissue("cortical_bone", age_y)
    assert bone.density_g_ml == density
    assert bone.fractions["Ca"] == pytest.approx(calcium, abs=0.002)


def test_between_two_ages_lies_the_value_between_them():
    low, mid, high = (tissue("cortical_bone", age_y) for age_y in (5, 7.5, 10))
    assert mid.density_g_ml == pytest.approx((low.density_g_ml + high.density_g_ml) / 2)
    assert mid.fractions["Ca"] == pytest.approx((low.fractions["Ca"] + high.fractions["Ca"]) / 2)


def test_spongiosa_holds_the_calcium_of_icrp_110_and_143():
    """Mass percent of calcium: the lumbar spine of a newborn, and of adults (mean of the sexes)."""
    assert tissue("spongiosa_lumbar", 0).fractions["Ca"] == pytest.approx(0.0681, abs=0.0005)
    assert tissue("spongiosa_lumbar", 30).fractions["Ca"] == pytest.approx(0.043, abs=0.0005)
    assert tissue("spongiosa_cranium", 5).fractions["Ca"] == pytest.approx(0.106, abs=0.0005)


def test_marrow_turns_yellow_with_age_and_the_skull_before_the_spine():
    def fat(name, age_y):
        """Carbon of what is not mineral: red marrow has 0.41, yellow 0.64."""
        spongiosa, bone = tissue(name, age_y), tissue("cortical_bone", age_y)
        mineral = spongiosa.fractions["Ca"] / bone.fractions["Ca"]
        return (spongiosa.fractions["C"] - mineral * bone.fractions["C"]) / (1 - mineral)

    assert fat("spongiosa_thoracic", 0) == pytest.approx(0.414, abs=0.003)
    assert fat("spongiosa_thoracic", 10) < fat("spongiosa_thoracic", 30)
    assert fat("spongiosa_thoracic", 30) == pytest.approx(0.48, abs=0.01)
    assert fat("spongiosa_cranium", 10) > fat("spongiosa_thoracic", 10)


def test_iodine_and_another_density_change_the_hu():
    blood, lung = tissue("blood"), tissue("lung")
    added = blood.hu(120, iodine_mg_ml=10) - blood.hu(120)
    assert added == pytest.approx(252, abs=3)
    assert lung.hu(120, iodine_mg_ml=10) - lung.hu(120) == pytest.approx(added)
    assert lung.hu(120, density_g_ml=0.25) < lung.hu(120) < -550


def test_a_mixture_keeps_mass_and_volume():
    """500 g fat and 500 g gland fill 500/0.93 + 500/1.04 ml."""
    half = breast(0.5)
    assert half.density_g_ml == pytest.approx(1000 / (500 / 0.93 + 500 / 1.04))
    assert sum(half.fractions.values()) == pytest.approx(1)
    volume = 0.5 / 0.93 * half.density_g_ml
    by_volume = volume * tissue("adipose").hu(80) + (1 - volume) * tissue("breast_glandular").hu(80)
    assert half.hu(80) == pytest.approx(by_volume)


def test_tissues_are_values():
    assert len({tissue("liver"), tissue("liver"), tissue("liver", 0)}) == 2
    assert tissue("liver") != Tissue("liver", 1.06, {"H": 1.0})


@pytest.mark.parametrize("name", ["", "Liver", "spongiosa_", "spongiosa_toe", "plutonium"])
def test_an_unknown_tissue_is_refused_with_the_names(name):
    with pytest.raises(CompositionError, match=r"adipose.*spongiosa_lumbar"):
        tissue(name)


@pytest.mark.parametrize("age_y", [-1, float("nan"), float("inf")])
def test_an_impossible_age_is_refused(age_y):
    with pytest.raises(CompositionError, match="age"):
        tissue("liver", age_y)


@pytest.mark.parametrize("share", [-0.1, 1.2, float("nan")])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(CompositionError):
        breast(share)
    with pytest.raises(CompositionError):
        mixture("two", {tissue("water"): share, tissue("air"): 0.5})


def test_the_guide_shows_these_hu():
    row = r"^\| `(\w+)`(?:, (\d+) y)? \| (-?\d+) \| (-?\d+) \| (-?\d+) \| (-?\d+) \|"
    shown = re.findall(row, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(shown) > 10
    for name, age_y, *hu in shown:
        known = tissue(name, float(age_y or 30))
        assert [round(known.hu(kvp)) for kvp in (80, 100, 120, 140)] == list(map(int, hu)), name
