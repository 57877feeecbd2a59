"""Scanner profiles: used, of another scanner, old, or wrong."""

from __future__ import annotations

import json
from pathlib import Path

from .base import Base, Table, alter, write
from .dose import by_mas_alone

SCANNER_PROFILES = Table("dose")
case = SCANNER_PROFILES.case
MADE = {"manufacturer": "CTDoseSeg phantom", "model": "Analytic"}


def _profiled(base: Base, folder: Path, profile, **tags) -> list[object]:
    text = profile if isinstance(profile, str) else json.dumps(profile)
    (folder / "scanner.json").write_text(text)
    ct = write(alter(base.slices(), **tags), folder / "ct")
    return [ct, "--scanner-profile", folder / "scanner.json"]


def corrected(folder: Path, result: dict) -> None:
    """CTDIvol is that of the images times the ratio, and its line of the budget is narrower."""
    assert abs(result["slices"]["ctdivol_mGy"][0] - 10 * 0.9) < 1e-9
    assert result["scanner_profile"]["ctdivol_ratio"] == 0.9
    assert result["provenance"]["parameters"]["scanner_profile"].startswith("sha256:")
    lines = {o["budget"]["ctdivol_display"] for o in result["organs"] if o["budget"]}
    assert lines == {0.05}


@case("the scanner's own profile", flags="ctdivol_corrected", check=corrected, doses=True)
def scanner_profile(base: Base, folder: Path):
    profile = {**MADE, "ctdivol_check_ratio": 0.9, "ctdivol_check_date": "2024-03-01"}
    return _profiled(base, folder, profile, CTDIvol=10.0)  # scanned on 2024-01-01


@case("a scanner profile with an old check", flags=("scanner_check_old", "ctdivol_corrected"))
def scanner_profile_old(base: Base, folder: Path):
    profile = {**MADE, "ctdivol_check_ratio": 0.9, "ctdivol_check_date": "2021-03-01"}
    return _profiled(base, folder, profile)


@case("mAs alone, with the scanner's CTDI per mAs", flags="mas_by_profile", check=by_mas_alone)
def scanner_profile_of_mas(base: Base, folder: Path):
    profile = {**MADE, "nctdiw_mGy_per_100mAs": {"120": 7.0}}
    return _profiled(base, folder, profile, CTDIvol=None)


@case("images without make and model", flags="scanner_profile_not_used", doses=True)
def scanner_unknown(base: Base, folder: Path):
    return _profiled(base, folder, MADE, Manufacturer=None, ManufacturerModelName=None)


@case("the profile of another scanner", says=("Sensation 64", "Analytic", "profile"))
def scanner_profile_of_another(base: Base, folder: Path):
    return _profiled(base, folder, {"manufacturer": "SIEMENS", "model": "Sensation 64"})


@case("the profile of another device of this model", says=("serial", "not that of the images"))
def scanner_profile_of_another_device(base: Base, folder: Path):
    profile = {**MADE, "serial": "60065"}
    return _profiled(base, folder, profile, DeviceSerialNumber="60064")


@case("an unknown name in the scanner profile", says=("ctdi_ratio", "ctdivol_check_ratio"))
def scanner_profile_unknown_name(base: Base, folder: Path):
    return _profiled(base, folder, {**MADE, "ctdi_ratio": 0.9})


@case("an impossible value in the scanner profile", says=("overranging_mm", "-5"))
def scanner_profile_impossible(base: Base, folder: Path):
    return _profiled(base, folder, {**MADE, "overranging_mm": -5})


@case("a scanner profile that is no JSON", says=("scanner.json", "JSON"))
def scanner_profile_not_json(base: Base, folder: Path):
    return _profiled(base, folder, "ratio = 0.9")
