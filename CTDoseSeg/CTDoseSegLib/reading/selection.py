"""Which series of a folder is fit for dosimetry, and why the others are not.

Criteria over light descriptions. Left out always: other modalities, localizers, dose pages and
other pictures (secondary captures). Left out unless asked for by UID: reformats.
Of what remains the first by these criteria, in this order:

1. axial before other orientations;
2. original before derived (a derived axial series is kept, and flagged);
3. a field of view that holds the body before one that cuts it, over the same region;
4. the whole range: at least nine tenths of the longest;
5. several slices before a single one;
6. a soft reconstruction kernel before a sharp one (noise widens the distribution of HU);
7. one with exposure (tube current or CTDIvol) before one without;
8. the thinnest of at least 1 mm (below, noise and memory grow and areas gain nothing);
9. the most slices;
10. the lowest series number, then the order of description and UID, so that the choice is stable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WHOLE_RANGE = 0.9
THINNEST_MM = 1.0

PICTURES = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture and its multi-frame kinds
_CT_CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "")
_LEGACY_CT = "1.2.840.10008.5.1.4.1.1.2.2"
_REFORMATS = ("MPR", "REFORMATTED", "MIP", "MINIP", "MNIP", "PROJECTION IMAGE", "VRT", "CURVED")
_PAGES = ("DOSE_INFO", "DOSE", "SCREEN SAVE", "RESULTS", "REF_SURVIEW")
_MODALITIES = {
    "MR": "magnetic resonance",
    "PT": "PET",
    "NM": "nuclear medicine",
    "SR": "a structured report",
    "SEG": "a segmentation",
    "RTSTRUCT": "contours",
}


@dataclass(frozen=True)
class SeriesCandidate:
    """What the criteria need to know about one series (or one consistent part of it).

    Attributes
    ----------
    series_uid
        May be empty.
    patient
        Index of the patient in the folder, not an identity.
    description, series_number, modality, sop_class, image_type, kernel
        As written.
    n_slices, thickness_mm, extent_mm
        Number of images, nominal thickness, distance from first to last along the normal.
    axial
        None where the orientation is unknown.
    has_exposure
        Tube current or CTDIvol is there.
    index
        Its place in the caller's list.
    zoomed
        Its field of view cuts the body where that of another candidate shows more of it.
    """

    series_uid: str
    patient: int
    description: str
    series_number: int | None
    modality: str
    sop_class: str
    image_type: tuple[str, ...]
    kernel: str
    n_slices: int
    thickness_mm: float | None
    extent_mm: float
    axial: bool | None
    has_exposure: bool
    index: int
    zoomed: bool = False

    @property
    def label(self) -> str:
        """Number, description and size; no identity."""
        number = "without number" if self.series_number is None else str(self.series_number)
        name = f' "{self.description}"' if self.description else ""
        plural = "" if self.n_slices == 1 else "s"
        return f"series {number}{name} ({self.n_slices} slice{plural})"

    @property
    def derived(self) -> bool:
        """Computed from other images, by its ImageType."""
        return bool(self.image_type) and self.image_type[0].strip().upper() == "DERIVED"


def why_unusable(candidate: SeriesCandidate) -> str:
    """Return why a series can never be measured, or an empty string."""
    kinds = {value.strip().upper() for value in candidate.image_type}
    if candidate.modality not in ("CT", ""):
        named = _MODALITIES.get(candidate.modality, f"modality {candidate.modality}")
        return f"it is {named}, not CT"
    if candidate.sop_class.startswith(PICTURES) or kinds & set(_PAGES):
        return "it is a picture (dose page, screen capture), not CT numbers"
    if "LOCALIZER" in kinds:
        return "it is a localizer (scout), not a tomographic image"
    if candidate.sop_class not in _CT_CLASSES and candidate.sop_class != _LEGACY_CT:
        return "it is not a CT image by its SOP class (0008,0016)"
    return ""


def why_reformat(candidate: SeriesCandidate) -> str:
    """Return why a series is a reformat, or an empty string."""
    kinds = {value.strip().upper() for value in candidate.image_type}
    if matching := kinds & set(_REFORMATS):
        return f"it is a reformat or projection ({', '.join(sorted(matching))})"
    if candidate.derived and candidate.axial is False:
        return "it is derived and not axial, a reformat"
    return ""


def _without_use(candidate: SeriesCandidate) -> str:
    if candidate.axial is None:
        return "position or orientation is missing or impossible (0020,0032, 0020,0037)"
    return why_reformat(candidate)


def sharp_kernel(kernel: str) -> bool:
    """Return whether a kernel is made for lung, bone or edges, by its maker's name for it.

    Siemens from number 55 (B60, Br64, Bl57), GE by name, Canon/Toshiba FC30-35 and from FC50,
    Philips by letter. An unknown name counts as soft.
    """
    name = kernel.split("\\")[0].strip().upper()
    if match := re.fullmatch(r"FC(\d+)", name):
        return 30 <= int(match[1]) <= 35 or int(match[1]) >= 50
    if match := re.match(r"[A-Z]{1,2}(\d{2})[A-Z]?", name):
        return int(match[1]) >= 55
    if name in ("D", "E", "F", "L", "UB", "YC", "YD", "YE"):
        return True
    return any(word in name for word in ("LUNG", "BONE", "EDGE", "ULTRA", "SHARP"))


def choose(
    candidates: Sequence[SeriesCandidate], asked_for: bool = False
) -> tuple[SeriesCandidate | None, tuple[str, ...]]:
    """Pick a series by the criteria of this module.

    Parameters
    ----------
    candidates
        Series of one patient.
    asked_for
        The user named this series (or gave one file): reformats are then accepted.

    Returns
    -------
    chosen : SeriesCandidate or None
        None where none can be used.
    left_out : tuple of str
        One sentence for each of the others, without identity.
    """
    usable, left_out = [], []
    for candidate in candidates:
        reason = why_unusable(candidate) or ("" if asked_for else _without_use(candidate))
        if reason:
            left_out.append(f"{_capital(candidate.label)} was left out: {reason}.")
        else:
            usable.append(candidate)
    if not usable:
        return None, tuple(left_out)
    axial = [candidate for candidate in usable if candidate.axial]
    whole = [candidate for candidate in axial if not candidate.zoomed]
    longest = max((candidate.extent_mm for candidate in whole or axial), default=0.0)
    ranked = sorted(usable, key=lambda candidate: tuple(v for _, v in _rank(candidate, longest)))
    chosen = ranked[0]
    for other in ranked[1:]:
        left_out.append(
            f"{_capital(other.label)} was left out: {_difference(chosen, other, longest)}."
        )
    return chosen, tuple(left_out)


def _rank(candidate: SeriesCandidate, longest: float) -> tuple[tuple[str, object], ...]:
    """Return the criteria in order: why another series would win, and the value to compare."""
    thickness = candidate.thickness_mm if candidate.thickness_mm is not None else 99.0
    thin = thickness < THINNEST_MM
    number = candidate.series_number
    return (
        ("the chosen one is axial", candidate.axial is not True),
        ("the chosen one is original, this one derived", candidate.derived),
        ("its field of view cuts the body, and the chosen one shows more of it", candidate.zoomed),
        ("the chosen one covers a longer range", candidate.extent_mm < WHOLE_RANGE * longest),
        ("it is a single slice", candidate.n_slices == 1),
        ("the chosen one has a softer kernel", sharp_kernel(candidate.kernel)),
        ("the chosen one states its exposure", not candidate.has_exposure),
        ("its slices are thinner than 1 mm", thin),
        ("the chosen one has thinner slices", -thickness if thin else thickness),
        ("the chosen one has more slices", -candidate.n_slices),
        ("the chosen one has a lower series number", 10**9 if number is None else number),
        ("the two are alike, the first was taken", (candidate.description, candidate.series_uid)),
        ("the two are alike, the first was taken", candidate.index),
    )


def _difference(chosen: SeriesCandidate, other: SeriesCandidate, longest: float) -> str:
    for (reason, best), (_, worse) in zip(
        _rank(chosen, longest), _rank(other, longest), strict=True
    ):
        if best != worse:
            return reason
    return "the two are alike, the first was taken"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
