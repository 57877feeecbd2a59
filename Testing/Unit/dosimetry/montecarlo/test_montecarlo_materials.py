"""Materials of the Monte Carlo engine: published compositions, and tissue with iodine."""

from __future__ import annotations

import math

import pytest

from CTDoseSegLib.ct.attenuation import hounsfield
from CTDoseSegLib.dosimetry.montecarlo.materials import (
    MATERIALS,
    Material,
    index_of,
    iodine_material,
)
from CTDoseSegLib.errors import CompositionError
from CTDoseSegLib.phantom.tissues import tissue as phantom_tissue


def test_every_material_is_whole_has_a_source_and_fits_a_byte():
    names = [material.name for material in MATERIALS]
    assert len(set(names)) == len(names) < 256
    assert [index_of(name) for name in names] == list(range(len(names)))
    for material in MATERIALS:
        assert math.fsum(material.mass_fractions.values()) == pytest.approx(1)
        assert material.source


@pytest.mark.parametrize(
    ("name", "tissue"),
    [("muscle", "muscle"), ("liver", "liver"), ("red_marrow", "red_marrow"), ("teeth", "teeth")],
)
def test_tissues_are_those_of_the_phantom(name, tissue):
    """The phantom's table was read by others from the same publications."""
    published = phantom_tissue(tissue).fractions
    assert dict(MATERIALS[index_of(name)].mass_fractions) == pytest.approx(dict(published))


@pytest.mark.parametrize(
    ("name", "hu"),
    [("air", -999), ("water", 0), ("muscle", 48), ("adipose", -75), ("cortical_bone", 1480)],
)
def test_densities_and_elements_give_the_hu_of_the_tissue(name, hu):
    material = MATERIALS[index_of(name)]
    shown = hounsfield(material.mass_fractions, material.density_g_cm3, 120)
    assert shown == pytest.approx(hu, abs=max(12, 0.08 * abs(hu)))


@pytest.mark.parametrize(
    ("mg_per_ml", "name"),
    [
        (0, "soft_tissue"),
        (0.4, "soft_tissue"),
        (0.6, "soft_tissue_iodine_1"),
        (6, "soft_tissue_iodine_5"),
        (7, "soft_tissue_iodine_8"),
        (500, "soft_tissue_iodine_30"),
    ],
)
def test_the_nearest_concentration_is_taken(mg_per_ml, name):
    assert iodine_material(mg_per_ml).name == name


@pytest.mark.parametrize("tissue", ["soft_tissue", "blood"])
@pytest.mark.parametrize("mg_per_ml", [1, 2, 3, 5, 8, 12, 20, 30])
def test_iodine_is_added_to_each_ml(tissue, mg_per_ml):
    plain, enhanced = MATERIALS[index_of(tissue)], iodine_material(mg_per_ml, tissue)
    assert MATERIALS[index_of(f"{tissue}_iodine_{mg_per_ml}")] is enhanced
    in_a_ml = {e: w * enhanced.density_g_cm3 for e, w in enhanced.mass_fractions.items()}
    assert in_a_ml.pop("I") == pytest.approx(mg_per_ml / 1000)
    before = {e: w * plain.density_g_cm3 for e, w in plain.mass_fractions.items()}
    assert in_a_ml == pytest.approx(before)


@pytest.mark.parametrize("mg_per_ml", [-1, float("nan"), float("inf")])
def test_an_impossible_concentration_is_refused(mg_per_ml):
    with pytest.raises(CompositionError, match="mg iodine/ml"):
        iodine_material(mg_per_ml)


def test_a_tissue_without_iodine_is_named():
    with pytest.raises(CompositionError, match="'lung' with iodine"):
        iodine_material(5, "lung")


def test_an_unknown_material_is_named():
    with pytest.raises(CompositionError, match="'unobtainium'"):
        index_of("unobtainium")


@pytest.mark.parametrize(
    ("fractions", "density"),
    [({"H": 11.2, "O": 88.8}, 1.0), ({}, 1.0), ({"H": -0.1, "O": 1.1}, 1.0), ({"O": 1.0}, 0.0)],
)
def test_an_impossible_material_is_refused(fractions, density):
    with pytest.raises(CompositionError):
        Material("impossible", fractions, density)
