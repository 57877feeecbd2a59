"""Writes what is really there: the phantom's labels, their tables, and its numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..ct.volume_files import write_volume
from .exposure import PITCH, ROTATION_TIME_S, PhantomExposure
from .render import PhantomTruth

if TYPE_CHECKING:
    from .phantom import Phantom


def write_truth(
    phantom: Phantom, truth: PhantomTruth, exposed: PhantomExposure, folder: Path
) -> list[Path]:
    """Write labels, their tables, and the numbers."""
    files = [
        write_volume(folder, "segmentation", truth.labels, truth.affine),
        *(folder / name for name in ("labels.csv", "groups.csv", "truth.json")),
    ]
    rows = [(value, name, "", "") for name, value in truth.names.items()]
    _write_csv(files[1], ("value", "name", "snomed_code", "color"), rows)
    pairs = [(group, atom) for group, atoms in truth.groups.items() for atom in atoms]
    _write_csv(files[2], ("group", "atom"), pairs)
    numbers = {
        "seed": phantom.seed,
        "variant": phantom.variant,
        "z_mm": exposed.z_mm.tolist(),
        "wed_mm": truth.wed_mm.tolist(),
        "body_area_mm2": truth.body_area_mm2.tolist(),
        "wed_in_view_mm": truth.wed_in_view_mm.tolist(),
        "body_area_in_view_mm2": truth.body_area_in_view_mm2.tolist(),
        "tube_current_mA": exposed.tube_current_mA.tolist(),
        "ctdivol_mGy": exposed.ctdivol_mGy.tolist(),
        "slice_location_mm": exposed.table_mm.tolist(),
        "irradiated_range_mm": list(exposed.irradiated_range_mm),
        "phantom_cm": exposed.phantom_cm,
        "nctdiw_mGy_per_mAs": exposed.nctdiw_mGy_per_mAs,
        "rotation_time_s": ROTATION_TIME_S,
        "pitch": PITCH,
    }
    files[3].write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    return files


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
