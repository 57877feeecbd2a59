"""Where a flag belongs: the scan, a slice, an organ, another dose, or the examination."""

from __future__ import annotations

from collections.abc import Iterable

SCAN, EFFECTIVE_DOSE, EXAMINATION = "scan", "effective_dose", "examination"
SIZE_SPECIFIC = "size_specific_effective_dose"
UTERUS = "uterus_dose"
_SLICE, _ORGAN = "slice ", "organ "


def slice_place(k: int) -> str:
    """Return the place of slice `k`."""
    return f"{_SLICE}{k}"


def organ_place(organ: str) -> str:
    """Return the place of an organ."""
    return f"{_ORGAN}{organ}"


def slice_of(place: str) -> int | None:
    """Return the slice of a place; None where it is another kind of place."""
    return int(place.removeprefix(_SLICE)) if place.startswith(_SLICE) else None


def organ_of(place: str) -> str | None:
    """Return the organ of a place; None where it is another kind of place."""
    return place.removeprefix(_ORGAN) if place.startswith(_ORGAN) else None


def slice_runs(indices: Iterable[int]) -> str:
    """Return slice numbers as runs: ``0-3, 7``."""
    runs: list[list[int]] = []
    for k in sorted({int(k) for k in indices}):
        if runs and k == runs[-1][1] + 1:
            runs[-1][1] = k
        else:
            runs.append([k, k])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)
