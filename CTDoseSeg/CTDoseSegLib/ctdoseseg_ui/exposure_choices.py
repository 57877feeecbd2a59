"""What a user typed and measured of a scan, on top of what its images and dose report state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ct.series import CTSeries


def with_choices(
    series: CTSeries,
    volumeNode: Any,
    acquisition: Mapping[str, Any] | None = None,
    scannerProfile: str = "",
) -> CTSeries:
    """Return `series` with typed values in place of its own, and corrected by a scanner profile.

    Parameters
    ----------
    series
        Of the volume, as read.
    volumeNode
        Whose DICOM files name the scanner and the day of the scan, with which a profile is
        compared.
    acquisition
        Typed values by the names of the command line's acquisition file.
    scannerProfile
        JSON file; empty: none.

    Raises
    ------
    AcquisitionError
        If a value is impossible, or the profile cannot be read or is of another scanner.
    """
    from ..ct.acquisition import check_typed
    from ..ct.scanner_profile import read_scanner_profile
    from ..measurement.ctdi_check import with_checked_ctdivol
    from ..reading.scanner_profile_use import with_profile
    from ..reading.typed_values import with_typed
    from .nodes.volumes import dicom_files

    if acquisition:
        series = with_typed(series, check_typed(acquisition))
    if scannerProfile:
        profile = read_scanner_profile(scannerProfile)
        files = tuple(dicom_files(volumeNode)[0])
        series = with_profile(replace(with_checked_ctdivol(series), files=files), profile)
        series = replace(series, files=())  # many, and their hashes are in no result of a scene
    return series
