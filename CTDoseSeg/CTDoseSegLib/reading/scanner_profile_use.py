"""A scanner profile applied to a series: is it of that scanner, and what does it change."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace

from ..ct.scanner_profile import GENERIC_NAME, Scanner, ScannerProfile, words
from ..ct.series import CTSeries
from ..dicom.elements import parse_errors
from ..errors import AcquisitionError
from ..flags import Flag, flag

# A yearly check that may come half a year late.
VALID_DAYS = 548
_SAME_KVP = 0.5


def with_profile(
    series: CTSeries, profile: ScannerProfile, today: datetime.date | None = None
) -> CTSeries:
    """Return `series` with CTDIvol and DLP corrected by a profile, and with its `scanner`.

    Parameters
    ----------
    series
        Its make and model must be the profile's. CTDIvol, also one that was typed, is taken as the
        one displayed.
    profile
        Of the scanner that made it.
    today
        Compared with the date of the check where the scan's own date is not known.

    Returns
    -------
    CTSeries

    Raises
    ------
    AcquisitionError
        If a profile was applied already, the images state another make, model, station or serial
        number, or the profile has a check without its date.
    """
    acquisition = series.acquisition
    if series.scanner.name != GENERIC_NAME:
        raise AcquisitionError(
            "CTDIvol of the volume was corrected by a scanner profile already; give none."
        )
    if acquisition.manufacturer is None or acquisition.model is None:
        return replace(series, scanner=Scanner(flags=(flag("scanner_profile_not_used"),)))
    if not _same_scanner(profile, acquisition.manufacturer, acquisition.model):
        raise AcquisitionError(
            f"The scanner profile is of {profile.manufacturer} {profile.model}, the images are of "
            f"{acquisition.manufacturer} {acquisition.model}; give the profile of that scanner, or "
            "none."
        )
    device, scanned_on = _device(series)
    flags = list(_device_flags(profile, device))
    reference, compared_with = scanned_on or today or datetime.date.today(), "analysis"
    if scanned_on is not None:
        compared_with = "scan"
    ratio, date = profile.ctdivol_check_ratio, profile.ctdivol_check_date
    if ratio is not None and acquisition.phantom_cm == 16:
        ratio = None
        flags.append(flag("scanner_profile_small_phantom"))
    checked = False
    if ratio is not None:
        if date is None:
            raise AcquisitionError(
                "The scanner profile has no ctdivol_check_date; a check has a ratio and a date."
            )
        days = abs((reference - date).days)
        checked = days <= VALID_DAYS
        detail = f"times {ratio:g}, check of {date.isoformat()}"
        change = f"CTDIvol, DLP and the doses by them change by {100 * (ratio - 1):+.1f} %"
        flags.append(flag("ctdivol_corrected", detail, consequence=change))
        if not checked:
            flags.append(flag("scanner_check_old", f"{days} days from the {compared_with}"))
        series = _corrected(series, ratio)
    kvp = acquisition.kvp_kV
    nctdiw = [
        value
        for voltage, value in profile.nctdiw_mGy_per_100mAs.items()
        if kvp is not None and abs(voltage - kvp) <= _SAME_KVP
    ]
    scanner = Scanner(
        name=f"{profile.manufacturer} {profile.model}",
        ctdivol_ratio=ratio,
        ctdivol_check_date=date.isoformat() if date else None,
        ctdivol_checked=checked,
        compared_with=compared_with if date else None,
        overranging_mm=profile.overranging_mm,
        nctdiw_mGy_per_100mAs=nctdiw[0] if nctdiw else None,
        device_checked=any(
            getattr(profile, name) and device[name] for name in ("station", "serial")
        ),
        flags=tuple(flags),
        beams=profile.beams,
    )
    return replace(series, scanner=scanner)


def _corrected(series: CTSeries, ratio: float) -> CTSeries:
    acquisition = series.acquisition
    sources = dict(acquisition.sources)
    changed = {}
    for name in ("ctdivol_mGy", "dlp_mGy_cm"):
        value = getattr(acquisition, name)
        if value is not None:
            changed[name] = value * ratio
    for name in (*changed, "ctdivol_mGy per slice"):
        if name in sources:
            sources[name] += f", times {ratio:g} by the scanner profile"
    slices = tuple(
        item if item.ctdivol_mGy is None else replace(item, ctdivol_mGy=item.ctdivol_mGy * ratio)
        for item in series.slices
    )
    acquisition = replace(acquisition, **changed, sources=sources)
    return replace(series, acquisition=acquisition, slices=slices)


def _same_scanner(profile: ScannerProfile, manufacturer: str, model: str) -> bool:
    """Compare makers by their first word (names grow and shrink), models by letters and digits."""
    maker, stated = (words(name)[:1] for name in (profile.manufacturer, manufacturer))
    return maker == stated and words(profile.model) == words(model)


def _device(series: CTSeries) -> tuple[dict[str, str], datetime.date | None]:
    """Read station name, serial number and date of a DICOM series.

    They point to a place and a day, and are kept nowhere.
    """
    nothing = {"station": "", "serial": ""}
    if not series.files or not series.files[0]:
        return nothing, None
    import pydicom

    tags = ["StationName", "DeviceSerialNumber", "AcquisitionDate", "StudyDate"]
    try:
        data = pydicom.dcmread(series.files[0], stop_before_pixels=True, specific_tags=tags)
        texts = {tag: str(data.get(tag) or "").strip() for tag in tags}
    except parse_errors():
        return nothing, None
    device = {"station": texts["StationName"], "serial": texts["DeviceSerialNumber"]}
    for tag in ("AcquisitionDate", "StudyDate"):
        try:
            return device, datetime.datetime.strptime(texts[tag][:8], "%Y%m%d").date()
        except ValueError:
            continue
    return device, None


def _device_flags(profile: ScannerProfile, device: Mapping[str, str]) -> list[Flag]:
    flags = []
    for name, stated in device.items():
        wanted = getattr(profile, name)
        if wanted and stated and words(wanted) != words(stated):
            raise AcquisitionError(
                f"The scanner profile is of another scanner of this model: its {name} is not that "
                "of the images; give the profile of that scanner, or none."
            )
        if wanted and not stated:
            flags.append(flag("scanner_device_unknown", name))
    return flags
