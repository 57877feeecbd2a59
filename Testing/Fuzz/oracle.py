"""What a mutated input may become: a typed error, the same numbers, or a flag that explains it."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from CTDoseSegLib.errors import CTDoseSegError, SegmentationError

# Half way from air to water; the inputs hold one body in air.
TISSUE_HU = -500
SAME = 0.02
# Codes that may stand for a change of any number.
ANY = {"files_unreadable", "tags_unreadable", "mixed_series", "phases_left_out", "not_hu"}
ANY |= {"derived", "reformat", "duplicates_dropped", "damaged_copies"}
ANY |= {"tags_implausible", "labels_scaled"}
# Not a flag: a sentence that names the slices which were left out.
LEFT_OUT = "left out"
ANY |= {LEFT_OUT}
# Codes that explain why a number is another one, by the name of the number in `Reading.numbers`.
EXPLAINS: dict[str, set[str]] = {
    "wed_mm": {
        *("rescale_missing", "rescale_varies", "padding_ignored", "lossy", "not_axial", "oblique"),
        *("tilted", "unit_converted", "voxel_size_presumed", "axes_doubtful", "missing_slices"),
    },
    "length_mm": {
        *("missing_slices", "uneven_spacing", "single_slice", "shifted_slices", "not_axial"),
        *("oblique", "tilted", "unit_converted", "voxel_size_presumed", "thickness_varies"),
        "other_exposures",  # a slice with another series UID is another series
    },
    "kvp_kV": {"kvp_unknown", "dual_energy", "several_events"},
    "tube_current_mA": {
        *("tube_current_missing", "tube_current_outlying", "several_events", "missing_slices"),
    },
    "ctdivol_mGy": {"ctdivol_missing", "ctdivol_outlying", "several_events", "missing_slices"},
    "pitch": {"effective_mas_unknown", "several_events"},
    "rotation_time_s": {"effective_mas_unknown", "several_events", "exposure_disagrees"},
    "phantom_cm": {"phantom_unknown", "phantom_inferred"},
}
_SIZE = {*EXPLAINS["wed_mm"], "slice_without_body", "no_body", "body_truncated"}
_EXPOSURE = {*EXPLAINS["ctdivol_mGy"], *EXPLAINS["tube_current_mA"], *EXPLAINS["kvp_kV"]}
_EXPOSURE |= {"ctdivol_distributed", "ctdivol_flat", "ctdivol_per_mas", "ssde_scan_ctdivol"}
_EXPOSURE |= {"no_exposure", "routes_disagree", "mas_only"}
# The numbers of a whole analysis follow from those.
EXPLAINS = {
    **EXPLAINS,
    "size_mm": _SIZE,
    "ssde_mGy": _SIZE | _EXPOSURE,
    "skin_mGy": _SIZE | _EXPOSURE | EXPLAINS["length_mm"] | {"organ_cut"},
    "effective_dose_mSv": _SIZE | _EXPOSURE | EXPLAINS["length_mm"] | {"effective_dose_no_dlp"},
}


@dataclass(frozen=True)
class Reading:
    """The numbers of an input that a dose would follow from, and its flags' codes."""

    numbers: Mapping[str, float | None]
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What became of one mutated input.

    Attributes
    ----------
    outcome
        ``refused``, ``same``, ``flagged``, or a fault: ``crash``, ``silent``, ``leak``.
    detail
        The sentence, the numbers that differ, or the end of the traceback.
    """

    outcome: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.outcome in ("crash", "silent", "leak")


@dataclass
class Tally:
    """How often each outcome occurred, and the faults."""

    outcomes: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, words: str, verdict: Verdict) -> None:
        self.outcomes[verdict.outcome] = self.outcomes.get(verdict.outcome, 0) + 1
        if verdict.is_fault:
            self.faults.append(f"{words}: {verdict.outcome}: {verdict.detail}")


def judge(read: Callable[[], Reading], base: Reading, secrets: tuple[str, ...]) -> Verdict:
    """Read a mutated input and compare it with the input as it was.

    Parameters
    ----------
    read
        Reads the mutated input.
    base
        Of the input as it was.
    secrets
        Texts that no sentence may hold: the folder's path, the patient's name.
    """
    try:
        found = read()
    except CTDoseSegError as error:
        sentence = str(error)
        leaks = [secret for secret in secrets if secret in sentence]
        if leaks or not sentence.strip():
            return Verdict("leak", sentence)
        return Verdict("refused", sentence)
    except RecursionError:
        return Verdict("crash", "RecursionError")
    except Exception:  # noqa: BLE001  (whatever it is, it is what is looked for)
        return Verdict("crash", " | ".join(traceback.format_exc().splitlines()[-3:]))
    return compare(found, base)


def compare(found: Reading, base: Reading) -> Verdict:
    """Compare the numbers; one that is new or differs by more than 2 % needs a new flag."""
    new = found.codes - base.codes
    silent, explained = [], False
    for name, before in base.numbers.items():
        after = found.numbers.get(name)
        if _same(before, after):
            continue
        # A number that is not given any more needs its flag; the flag may have been there.
        codes = found.codes if after is None else new
        if codes & (ANY | EXPLAINS.get(name, set())):
            explained = True
        else:
            silent.append(f"{name} {before} -> {after}")
    if silent:
        return Verdict("silent", ", ".join(silent) + f" with {sorted(new)}")
    return Verdict("flagged" if explained or new else "same")


def _same(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return math.isclose(before, after, rel_tol=SAME)


def reading_of(series) -> Reading:
    """Return the numbers of a series as the tool reads it."""
    lengths = np.linalg.norm(series.affine[:3, :3], axis=0)
    areas, water = [], []
    for image in series.hu:
        body = image[image > TISSUE_HU].astype(np.float64)
        areas.append(body.size * lengths[0] * lengths[1])
        water.append((body / 1000 + 1).sum() * lengths[0] * lengths[1])
    acquisition = series.acquisition
    z = np.array([s.z_mm for s in series.slices], float)
    step = float(np.median(np.abs(np.diff(z)))) if z.size > 1 else float(lengths[2])
    wed_mm = float(2 * np.sqrt(max(0.0, np.mean(water)) / np.pi))
    if not any(areas):
        raise SegmentationError("There is no body.")  # as every engine refuses it
    numbers = {
        "wed_mm": wed_mm,
        "length_mm": float(np.ptp(z) + step),
        "kvp_kV": acquisition.kvp_kV,
        "tube_current_mA": _mean([s.tube_current_mA for s in series.slices]),
        "ctdivol_mGy": _mean([s.ctdivol_mGy for s in series.slices]),
        "pitch": acquisition.pitch,
        "rotation_time_s": acquisition.rotation_time_s,
        "phantom_cm": acquisition.phantom_cm,
    }
    left_out = {LEFT_OUT} if series.left_out else set()
    return Reading(numbers, frozenset(f.code for f in series.flags) | left_out)


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def read_path(path: Path) -> Reading:
    """Read a CT and return its numbers."""
    from CTDoseSegLib.reading.reader import read_series

    return reading_of(read_series(path))
