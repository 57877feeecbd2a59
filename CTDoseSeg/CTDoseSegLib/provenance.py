"""Where a result came from: hashes, versions, choices; never a name or a path.

Folder and file names often hold a patient's name, so that inputs are known by their SHA-256 alone.
"""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from .ct.series import CTSeries
    from .segmentation.labelmap import Labelmap

SCHEMA_VERSION = "2.0"
PACKAGES = (
    *("numpy", "scipy", "pydicom", "SimpleITK", "matplotlib"),
    *("torch", "nnunetv2", "totalsegmentator"),
)


@dataclass(frozen=True)
class InputFile:
    """A file that was read.

    Attributes
    ----------
    sha256
        Of its content.
    """

    sha256: str


@dataclass(frozen=True)
class SeriesProvenance:
    """Which series it was, without identity.

    Attributes
    ----------
    identity_sha256
        SHA-256 of its UID.
    description
        Series description and number, free of identity.
    shape_kji
        Slices, rows, columns.
    left_out
        A sentence for each other series of the folder and for files that were not read.
    dose_reports_sha256
        Of the dose report's files; None without one.
    reconstructions_left_out
        Number of other series of the same event in the folder; None for a volume file.
    other_events_left_out
        A label for each other event in the folder; None for a volume file.
    """

    identity_sha256: str = ""
    description: str = ""
    shape_kji: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()
    dose_reports_sha256: tuple[str, ...] | None = None
    reconstructions_left_out: int | None = None
    other_events_left_out: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Provenance:
    """How a result came to be; no patient identity.

    Attributes
    ----------
    schema_version
        Of the file that holds the result.
    created
        UTC, ISO 8601.
    ctdoseseg_version, python
        Version of this package, and of Python.
    platform
        System and processor.
    packages
        Name to version, of those that are installed.
    parameters
        The user's choices by name.
    inputs
        Files that were read.
    series
        Which series it was.
    engine
        What drew the label map.
    """

    schema_version: str = SCHEMA_VERSION
    created: str = ""
    ctdoseseg_version: str = __version__
    python: str = ""
    platform: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[InputFile, ...] = ()
    series: SeriesProvenance = field(default_factory=SeriesProvenance)
    engine: str = ""


def provenance(series: CTSeries, labelmap: Labelmap, parameters: Mapping[str, Any]) -> Provenance:
    """Return how a result comes to be.

    Parameters
    ----------
    series, labelmap
        The inputs of the analysis.
    parameters
        The user's choices; a `Path` to a file is replaced by the file's SHA-256, one to a folder
        left out.

    Returns
    -------
    Provenance
        With the versions of this moment and the SHA-256 of every file read.
    """
    choices = {name: _public(value) for name, value in parameters.items()}
    return Provenance(
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: version for name in PACKAGES if (version := _version(name))},
        parameters={name: value for name, value in choices.items() if value is not None},
        inputs=tuple(InputFile(file_sha256(Path(name))) for name in series.files),
        series=_series(series),
        engine=labelmap.engine,
    )


def _series(series: CTSeries) -> SeriesProvenance:
    report, folder = series.dose_report, series.folder_events
    return SeriesProvenance(
        identity_sha256=hashlib.sha256(series.identity.encode()).hexdigest(),
        description=series.description,
        shape_kji=tuple(int(n) for n in series.hu.shape),
        left_out=tuple(series.left_out),
        dose_reports_sha256=tuple(report.report.sha256) if report is not None else None,
        reconstructions_left_out=folder.reconstructions if folder is not None else None,
        other_events_left_out=tuple(folder.others) if folder is not None else None,
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
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
