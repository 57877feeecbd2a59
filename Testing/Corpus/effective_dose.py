"""Effective dose: what the scan covers, its DLP and its phantom."""

from __future__ import annotations

import json
from pathlib import Path

from .base import Base, Table, alter, write
from .dose import no_effective_dose

EFFECTIVE_DOSE = Table("dose")
case = EFFECTIVE_DOSE.case
CHEST_FROM = 9  # slice of the phantom from which on the lungs are whole and no liver is seen


def _typed(base: Base, folder: Path, first: int = 0, **values) -> list[object]:
    (folder / "typed.json").write_text(json.dumps(values))
    return [write(base.slices()[first:], folder / "ct"), "--acquisition", folder / "typed.json"]


def of_the_chest(folder: Path, result: dict) -> None:
    """k * DLP of the chest; older published factors lie in the range that is shown."""
    found = result["effective_dose"]
    assert found["scanned_range"] == "chest"
    assert found["dlp"]["value_mGy_cm"] == 180
    assert found["low_mSv"] <= 180 * 0.014  # AAPM 96
    assert found["low_mSv"] <= 180 * 0.021 <= found["high_mSv"]  # Lee 2012
    assert found["low_mSv"] < found["effective_dose_mSv"] < found["high_mSv"]


@case("a chest with its DLP", check=of_the_chest)
def chest_with_dlp(base: Base, folder: Path):
    return _typed(base, folder, CHEST_FROM, dlp_mGy_cm=180, body_part="CHEST")


def of_both_parts(folder: Path, result: dict) -> None:
    """DLP is split: the factors of the chest and of the abdomen enclose what comes out."""
    found = result["effective_dose"]
    assert "chest" in found["scanned_range"]
    assert "abdomen" in found["scanned_range"]
    dlp = found["dlp"]["value_mGy_cm"]
    assert 0.012 * dlp < found["effective_dose_mSv"] < 0.0253 * dlp


@case("a range of several parts", check=of_both_parts)
def range_of_several_parts(base: Base, folder: Path):
    return [write(base.slices(), folder)]


@case("a chest with the 16 cm phantom", flags="effective_dose_phantom", check=no_effective_dose)
def chest_small_phantom(base: Base, folder: Path):
    return _typed(base, folder, CHEST_FROM, phantom_cm=16, body_part="CHEST")


@case("a stated DLP that does not fit", flags="dlp_disagrees")
def dlp_does_not_fit(base: Base, folder: Path):
    return _typed(base, folder, CHEST_FROM, dlp_mGy_cm=1800)


@case("no DLP, range not known", flags=("dlp_computed", "dlp_lower_bound"))
def dlp_lower_bound(base: Base, folder: Path):
    slices = alter(base.slices()[CHEST_FROM:], ScanLength=None, BodyPartExamined="CHEST")
    return [write(slices, folder)]
