"""A result to show: a small phantom chest, analysed with its exact labels and its dose report."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from CTDoseSegLib import Result, analyze, read_ct, read_labelmap
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom

ORGAN = "lung"
# Nothing that differs from one machine or day to the next.
_SHOWN = {
    "provenance": ("ctdoseseg_version", "parameters", "engine"),
    "geometry": ("shape_kji", "spacing_ijk_mm", "regular"),
    "acquisition": ("kvp_kV", "ctdivol_mGy", "phantom_cm"),
    "slices": ("z_mm", "tube_current_mA", "wed_mm", "ssde_mGy"),
}
_DIGITS = 4
_MOST = 2


@cache
def example_result() -> Result:
    """Return the result."""
    phantom = Phantom(variant="chest", shape=(112, 112, 10), spacing_mm=(4.0, 4.0, 25.0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dicom(phantom, folder)
        series = read_ct(folder / "dicom")
        labelmap = read_labelmap(folder / "truth" / "segmentation.nii.gz", series)
        return Result.of(analyze(series, labelmap))


def excerpt() -> dict[str, Any]:
    """Return parts of the result as the file has them: one organ, a few values, short lists."""
    content = example_result().to_json()
    shown = {name: content[name] for name in ("schema_version", "notice")}
    shown["flags"] = [*content["flags"][:1], "..."]
    shown |= {name: {k: content[name][k] for k in keys} for name, keys in _SHOWN.items()}
    shown |= {name: content[name] for name in ("size", "ssde")}
    shown["organs"] = [organ for organ in content["organs"] if organ["organ"] == ORGAN]
    shown["structures"] = {ORGAN: content["structures"][ORGAN]}
    return _short(shown)


def _short(value: Any) -> Any:
    """Numbers to some digits, lists to their first entries."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _short(entry) for name, entry in value.items()}
    if isinstance(value, list):
        rest = ["..."] if len(value) > _MOST + 1 else []
        return [_short(entry) for entry in value[: _MOST if rest else len(value)]] + rest
    return value
