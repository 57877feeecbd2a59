"""Flags for what is not known of an exposure, whatever the series was read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ct.acquisition import Acquisition
from ..ct.series import SliceInfo
from ..flags import Flag, flag

# Those that a value from elsewhere answers: a dose report, or what a user typed.
MISSING = (
    "kvp_unknown",
    "tube_current_missing",
    "effective_mas_unknown",
    "ctdivol_missing",
    "phantom_unknown",
    "irradiated_range_unknown",
)


def missing_flags(acquisition: Acquisition, slices: Sequence[SliceInfo]) -> tuple[Flag, ...]:
    """Flag what a source that states little (a volume file) leaves open."""
    missing = {
        "kvp_unknown": acquisition.kvp_kV is None,
        "tube_current_missing": any(item.tube_current_mA is None for item in slices),
        "effective_mas_unknown": any(item.effective_mAs is None for item in slices),
        "ctdivol_missing": any(item.ctdivol_mGy is None for item in slices),
        "phantom_unknown": acquisition.phantom_cm is None,
        "irradiated_range_unknown": acquisition.irradiated_range_mm is None,
    }
    return tuple(flag(code) for code, is_missing in missing.items() if is_missing)


def without_answered(
    flags: Iterable[Flag],
    acquisition: Acquisition,
    slices: Sequence[SliceInfo],
    also_answered: Iterable[str] = (),
) -> tuple[Flag, ...]:
    """Return flags without those for values that are known by now."""
    missing = {f.code for f in missing_flags(acquisition, slices)} - set(also_answered)
    return tuple(f for f in flags if f.code not in MISSING or f.code in missing)
