"""Where a result came from: hashes, versions, choices; never a name or a path.

Folder and file names often hold a patient's name, so that inputs are told by their SHA-256 alone.
"""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from .ct.series import CTSeries
    from .segmentation.labelmap import Labelmap

SCHEMA_VERSION = "1.0"
PACKAGES = (
    *("numpy", "scipy", "pydicom", "SimpleITK", "matplotlib"),
    *("torch", "nnunetv2", "totalsegmentator"),
)


def provenance(
    series: CTSeries, labelmap: Labelmap, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """What `result.json` says about the making of a result.

    Parameters
    ----------
    series, labelmap
        The inputs of the analysis.
    parameters
        The user's choices; a `Path` to a file is replaced by the file's SHA-256, one to a folder
        left out.
    """
    choices = {name: _public(value) for name, value in parameters.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "ctdoseseg_version": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "parameters": {name: value for name, value in choices.items() if value is not None},
        "inputs": [{"sha256": file_sha256(Path(name))} for name in series.files],
        "series": {
            "identity_sha256": hashlib.sha256(series.identity.encode()).hexdigest(),
            "description": series.description,
            "shape_kji": list(series.hu.shape),
            "left_out": list(series.left_out),
            **_exposures(series),
        },
        "engine": labelmap.engine,
    }


def _exposures(series: CTSeries) -> dict[str, Any]:
    """The dose report used, and the folder's other exposures."""
    said: dict[str, Any] = {}
    if series.dose_report is not None:
        said["dose_reports_sha256"] = list(series.dose_report.report.sha256)
    if series.folder_events is not None:
        said["reconstructions_left_out"] = series.folder_events.reconstructions
        said["other_events_left_out"] = list(series.folder_events.others)
    return said


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _public(value: Any) -> Any:
    if isinstance(value, Path):
        return f"sha256:{file_sha256(value)}" if value.is_file() else None
    return value


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
