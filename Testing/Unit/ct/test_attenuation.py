"""HU from elements: against the scale's definition, published HU, and the script of the table."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from CTDoseSegLib.ct.attenuation import hounsfield, water_ratio
from CTDoseSegLib.errors import AcquisitionError, CompositionError

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "Testing" / "Tables" / "make_attenuation.py"
FOLDER = files("CTDoseSegLib.models").joinpath("attenuation")
WATER = {"H": 0.111894, "O": 0.888106}
# Mass percent and g/ml by HU at 120 kV: W. Schneider, T. Bortfeld, W. Schlegel, Phys Med Biol
# 2000;45:459, bins of composition and the line of density, at the middle of a bin.
SCHNEIDER = {
    -98: (0.930, "H 11.6 C 68.1 N 0.2 O 19.8 Na 0.1 S 0.1 Cl 0.1"),
    23: (1.031, "H 10.3 C 13.4 N 3.0 O 72.3 Na 0.2 P 0.2 S 0.2 Cl 0.2 K 0.2"),
    550: (1.342, "H 7.1 C 33.5 N 3.2 O 38.7 Na 0.1 Mg 0.1 P 5.4 S 0.2 Ca 11.7"),
    1050: (1.638, "H 4.9 C 22.7 N 3.8 O 41.6 Na 0.1 Mg 0.2 P 8.3 S 0.3 Ca 18.1"),
    1524: (1.920, "H 3.4 C 15.5 N 4.2 O 43.5 Na 0.1 Mg 0.2 P 10.3 S 0.3 Ca 22.5"),
}


def fractions(text: str) -> dict[str, float]:
    cells = text.split()
    percent = dict(zip(cells[::2], map(float, cells[1::2]), strict=True))
    return {element: value / sum(percent.values()) for element, value in percent.items()}


@pytest.mark.parametrize("kvp", [70, 77.5, 80, 100, 113, 120, 140, 150])
def test_the_scale_is_0_in_water_and_minus_1000_in_nothing(kvp):
    assert hounsfield(WATER, 1.0, kvp) == pytest.approx(0, abs=0.05)
    assert hounsfield(WATER, 0.0, kvp) == -1000
    air = fractions("C 0.012 N 75.527 O 23.178 Ar 1.283")
    assert hounsfield(air, 0.001205, kvp) == pytest.approx(-1000, abs=1.5)


@pytest.mark.parametrize("hu", SCHNEIDER)
def test_compositions_get_the_hu_they_were_published_for(hu):
    density, percent = SCHNEIDER[hu]
    assert hounsfield(fractions(percent), density, 120) == pytest.approx(hu, abs=max(3, 0.03 * hu))


@pytest.mark.parametrize(("kvp", "published"), [(80, 41), (100, 32), (120, 26), (140, 21.5)])
def test_iodine_shows_as_published(kvp, published):
    """HU per mg/ml of iodine: about 25 at 120 kV and 40 at 80 kV (K. T. Bae, Radiology
    2010;256:32, from memory); scanners and bodies differ by 10 %."""
    shown = hounsfield(WATER, 1.0, kvp, iodine_mg_ml=1) - hounsfield(WATER, 1.0, kvp)
    assert shown == pytest.approx(published, rel=0.1)


@pytest.mark.parametrize(("kvp", "measured"), [(100, -135), (120, -119), (140, -104)])
def test_oil_shows_as_measured(kvp, measured):
    """Of a phantom: Radiol Res Pract 2012:150980, table 1 (doi 10.1155/2012/150980)."""
    triglycerides = fractions("H 12 C 77 O 11")
    assert hounsfield(triglycerides, 0.92, kvp) == pytest.approx(measured, abs=16)


def test_hu_are_linear_in_density_and_in_what_is_mixed():
    bone, fat = (fractions(SCHNEIDER[hu][1]) for hu in (1524, -98))
    assert hounsfield(bone, 1.0, 90) + 1000 == pytest.approx((hounsfield(bone, 2.0, 90) + 1000) / 2)
    mixed = {e: 0.3 * bone.get(e, 0) + 0.7 * fat.get(e, 0) for e in {*bone, *fat}}
    apart = 0.3 * hounsfield(bone, 1.1, 90) + 0.7 * hounsfield(fat, 1.1, 90)
    assert hounsfield(mixed, 1.1, 90) == pytest.approx(apart)


@pytest.mark.parametrize(
    ("element", "falls"), [("Ca", True), ("I", True), ("Ti", True), ("Ba", True), ("C", False)]
)
def test_heavy_elements_fade_and_carbon_brightens_with_voltage(element, falls):
    ratios = [water_ratio(element, kvp) for kvp in np.arange(70, 150.1, 2.5)]
    steps = np.diff(ratios)
    assert (steps < 0).all() if falls else (steps > 0).all()


@pytest.mark.parametrize(("element", "ratio"), [("I", 43.76), ("Ca", 3.759), ("C", 0.8396)])
def test_between_the_voltages_of_the_table_it_is_what_the_script_gives_there(element, ratio):
    assert water_ratio(element, 75) == pytest.approx(ratio, rel=0.004)


@pytest.mark.parametrize("kvp", [69.9, 150.1, 0, float("nan")])
def test_a_voltage_outside_the_table_is_refused(kvp):
    with pytest.raises(AcquisitionError, match=r"70 to 150 kV"):
        hounsfield(WATER, 1.0, kvp)


def test_an_element_that_is_not_in_the_table_is_refused():
    with pytest.raises(CompositionError, match="'Xx'"):
        hounsfield({"H": 0.5, "Xx": 0.5}, 1.0, 120)


@pytest.mark.parametrize(
    ("composition", "density", "iodine"),
    [
        ({"H": 11.2, "O": 88.8}, 1.0, 0.0),  # percent
        ({}, 1.0, 0.0),
        ({"H": -0.1, "O": 1.1}, 1.0, 0.0),
        ({"H": float("nan"), "O": 0.9}, 1.0, 0.0),
        (WATER, -1.0, 0.0),
        (WATER, float("inf"), 0.0),
        (WATER, 1.0, -5.0),
    ],
)
def test_an_impossible_substance_is_refused(composition, density, iodine):
    with pytest.raises(CompositionError):
        hounsfield(composition, density, 120, iodine)


def test_the_card_describes_the_table():
    card = json.loads(FOLDER.joinpath("attenuation.json").read_text(encoding="utf-8"))
    table = FOLDER.joinpath("attenuation.csv").read_bytes()
    assert card["sha256"] == hashlib.sha256(table).hexdigest()
    assert (ROOT / card["made_by"]) == SCRIPT
    assert {name: of["licence"] for name, of in card["sources"].items()} == {
        "xraylib": "BSD-3-Clause",
        "spekpy": "MIT",
    }


@pytest.mark.slow
def test_the_script_makes_the_table_again(tmp_path):
    pytest.importorskip("xraylib", reason="xraylib is a package of [tables]")
    pytest.importorskip("spekpy", reason="spekpy is a package of [tables]")
    subprocess.run([sys.executable, SCRIPT, "--output", tmp_path], check=True)
    made, kept = (
        text.replace("\n", ",").split(",")
        for text in (
            (tmp_path / "attenuation.csv").read_text(),
            FOLDER.joinpath("attenuation.csv").read_text(),
        )
    )
    assert [c for c in made if c.isalpha()] == [c for c in kept if c.isalpha()]
    numbers = [[float(c) for c in cells if c[:1].isdigit()] for cells in (made, kept)]
    assert len(numbers[0]) > 200
    np.testing.assert_allclose(*numbers, rtol=1e-3)
