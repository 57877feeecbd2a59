"""All of a result in one file for programs: strict JSON, null for what is not known."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import NOTICE
from ..files.staging import RESULT
from .tables import slice_flags

if TYPE_CHECKING:
    from ..analysis import Analysis


def write_result(analysis: Analysis, path: Path) -> Path:
    """Write `analysis` as JSON to `path`; the same analysis gives the same bytes."""
    text = json.dumps(result(analysis), ensure_ascii=False, allow_nan=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return path


def result(analysis: Analysis) -> dict[str, Any]:
    """The result as plain values: dictionaries, lists, text, numbers, True, False and None.

    Per-slice arrays have one entry for each k of the volume. File names and the series' identity
    stay out: they can name the patient.
    """
    series = analysis.series
    return plain(
        {
            "schema_version": analysis.provenance.get("schema_version"),
            "notice": NOTICE,
            "provenance": analysis.provenance,
            "flags": analysis.flags,
            "geometry": {
                "shape_kji": series.hu.shape,
                "spacing_ijk_mm": series.spacing_mm,
                "affine_ijk_to_ras": series.affine,
                "regular": series.regular,
            },
            "acquisition": _acquisition(analysis),
            "slices": _slices(analysis),
            "size": {"summary": analysis.size.summary(), "flags": analysis.size.scan_flags},
            "ssde": {
                "table": analysis.ssde.table,
                "alternative_table": analysis.ssde.alternative_table,
                "mean_mGy": analysis.ssde.mean_mGy,
                "flags": analysis.ssde.flags,
            },
            "effective_dose": analysis.effective_dose,
            "scanner_profile": analysis.scanner,
            "organs": analysis.doses.organs,
            "dose_flags": analysis.doses.flags,
            "dose_model": analysis.doses.model_card,
            "examination": analysis.examination,
            "structures": _structures(analysis),
            "segmentation": {
                "engine": analysis.labelmap.engine,
                "flags": analysis.labelmap.flags,
                "about": analysis.labelmap.about,
                "atoms": analysis.labelmap.atoms,
            },
        }
    )


def plain(value: Any) -> Any:
    """`value` in the types that JSON has; NaN and infinity become None.

    Raises
    ------
    TypeError
        For anything without an obvious meaning in JSON: a programming error.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        return plain(_fields(value))
    raise TypeError(f"{type(value).__name__} has no place in {RESULT}")


def _fields(instance: Any) -> dict[str, Any]:
    return {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}


def _acquisition(analysis: Analysis) -> dict[str, Any]:
    """Each value beside the place that it came from."""
    fields = _fields(analysis.series.acquisition)
    sources = fields.pop("sources")
    return {name: {"value": v, "source": sources.get(name)} for name, v in fields.items()}


def _slices(analysis: Analysis) -> dict[str, Any]:
    """Column name to one entry for each slice."""
    infos = [_fields(info) for info in analysis.series.slices]
    columns: dict[str, Any] = {name: [info[name] for info in infos] for name in infos[0]}
    for profile in (analysis.size, analysis.ssde):
        for name, value in _fields(profile).items():
            if isinstance(value, np.ndarray):
                columns[name] = value
    columns["flags"] = [slice_flags(analysis, k) for k in range(len(infos))]
    return columns


def _structures(analysis: Analysis) -> dict[str, Any]:
    """Every group with what was measured in it."""
    series, measurements = analysis.series, analysis.measurements
    structures = {}
    for group, atoms in measurements.groups.items():
        volume = measurements.volume_ml(group, series.spacing_mm[2]) if series.regular else None
        structures[group] = {
            "atoms": atoms,
            "volume_ml": volume,
            **_fields(measurements.of(group)),
        }
    return structures
