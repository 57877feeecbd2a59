"""The published organ-dose networks (Tzanis & Damilakis 2024) as a reference mode.

They are run as published: the dose is the unweighted mean over slices, valid for the one scanner
and protocol that they were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...errors import InputError
from ...flags import Flag, flag
from ...segmentation.labelmap import SKIN
from ...tasks.progress import Progress
from ..doses import DoseResult, OrganDose
from ..scan import Scan
from .applicability import scan_flags
from .networks import FEATURES, REGIONS, PublishedModels, load_published

# Feature to the flag of an organ that cannot be predicted without it.
MISSING = {
    "tube current": "published_no_tube_current",
    "slice location": "published_no_slice_location",
    "water-equivalent diameter": "published_no_size",
}
UNUSUAL_SD = 3.0


@dataclass(frozen=True)
class PublishedEngine:
    """The published networks, read from a copy of their repository.

    Parameters
    ----------
    folder
        As in `load_published`.
    region
        ``chest``, ``abdomen``, or ``auto``: both, each for its own organs (skin, which both have,
        by those that hold another organ of the scan).

    Raises
    ------
    InputError
        If there is no such region.

    Examples
    --------
    >>> PublishedEngine("published/models", region="leg")
    Traceback (most recent call last):
    CTDoseSegLib.errors.InputError: The region is 'leg'; give chest, abdomen or auto.
    """

    folder: str | Path
    region: str = "auto"
    name: ClassVar[str] = "published"

    def __post_init__(self) -> None:
        if self.region not in ("auto", *REGIONS):
            raise InputError(f"The region is {self.region!r}; give chest, abdomen or auto.")

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return whether torch is here and the exposure is that of the images."""
        if not scan.own_exposure:
            return False, "the dose model in use knows no exposure but that of the images"
        if find_spec("torch") is None:
            return False, "the package torch is not installed"
        return True, ""

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the doses of the organs that the folder has networks for, in its order.

        There are no intervals, since none were published.

        Raises
        ------
        ModelError, DependencyError
            As in `load_published`.
        """
        models = load_published(self.folder)
        slices = scan.series.slices
        features = {
            "tube current": _known([s.tube_current_mA or None for s in slices]),
            "water-equivalent diameter": scan.size.wed_mm,
            "slice location": _known([s.slice_location_mm for s in slices]),
        }
        present = scan.organs
        keys = [key for key in models.networks if key[1] in present]
        regions = _regions(keys, self.region)
        flags = scan_flags(scan.series.acquisition)
        refusals = [entry for entry in flags if entry.severity == "refusal"]
        organs = tuple(
            _organ_dose(key, models, scan, features, refusals) for key in keys if key[0] in regions
        )
        return DoseResult(
            organs,
            (*flags, flag("published_no_interval"), flag("published_slice_mean")),
            _card(models),
        )


def _card(models: PublishedModels) -> dict[str, object]:
    return {
        "name": "published networks (reference mode)",
        "citation": "Tzanis E, Damilakis J. European Radiology 2024",
        "licence": "Apache-2.0",
        "sha256": models.sha256,
        "features": list(FEATURES),
        "training": "78 chest and 63 abdomen examinations, one scanner and protocol, 120 kV",
        "authors_median_errors_percent": {
            "lung_vessels": 4.3,
            "small_bowel": 4.7,
            "pulmonary_artery": 4.7,
            "colon": 5.2,
            "stomach": 11.6,
            "pancreas": 12.1,
            "spleen": 13.1,
            "lung_upper_lobe_right": 13.3,
        },
    }


def _regions(keys: list[tuple[str, str]], region: str) -> tuple[str, ...]:
    if region != "auto":
        return (region,)
    return tuple(r for r, o in keys if o != SKIN) or REGIONS


def _organ_dose(
    key: tuple[str, str],
    models: PublishedModels,
    scan: Scan,
    scan_features: Mapping[str, np.ndarray],
    refusals: list[Flag],
) -> OrganDose:
    region, organ = key
    group = scan.measurements.of(organ)
    occupied = group.count > 0
    features = np.stack([group.mean_hu, group.sd_hu, *scan_features.values()], axis=1)[occupied]
    per_slice = np.full(occupied.size, np.nan)
    flags = list(refusals)
    if key not in models.scalers:
        flags.append(flag("published_no_scaler", f"{organ} ({region})"))
    else:
        flags += _missing(features)
    dose = None
    if not flags:
        scaled = models.scalers[key].transform(features)
        per_slice[occupied] = models.networks[key].predict(scaled)
        dose = float(per_slice[occupied].mean())
        flags = _unusual(scaled)
        if dose <= 0:
            flags.append(flag("published_negative", f"{organ}: {dose:.2f} mGy"))
            dose = None
    return replace(
        scan.without_dose(organ, flags, region),
        dose_mGy=dose,
        dose_slice_mean_mGy=dose,
        route=PublishedEngine.name,
        by_route={PublishedEngine.name: dose},
        slice_dose_mGy=per_slice,
    )


def _known(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _missing(features: np.ndarray) -> list[Flag]:
    """Return a refusal for each feature that any of the organ's slices lacks."""
    lacking = np.isnan(features).sum(axis=0)
    return [
        flag(MISSING[name], f"missing on {n} of {len(features)} slices of the organ")
        for name, n in zip(FEATURES, lacking, strict=True)
        if n
    ]


def _unusual(scaled: np.ndarray) -> list[Flag]:
    """Return one warning that names the features beyond 3 SD of the training rows."""
    far = np.abs(scaled)
    features = [
        f"{name} on {n} of {len(scaled)} slices, by up to {far[:, column].max():.1f} SD"
        for column, name in enumerate(FEATURES)
        if (n := int(np.count_nonzero(far[:, column] > UNUSUAL_SD)))
    ]
    return [flag("published_outside_training", "; ".join(features))] if features else []
