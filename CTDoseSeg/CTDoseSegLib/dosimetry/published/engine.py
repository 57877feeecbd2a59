"""The published organ-dose networks (Tzanis & Damilakis 2024) as a reference mode.

They are run as published: the dose is the unweighted mean over slices, valid for the one scanner
and protocol that they were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from .inference_rows import FEATURES, inference_rows, lacking
from .networks import REGIONS, PublishedModels, load_published, missing_packages

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
    arrays
        Folder of the arrays, where they are not in `folder`; as in `load_published`.

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
    arrays: str | Path | None = None
    name: ClassVar[str] = "published"

    def __post_init__(self) -> None:
        if self.region not in ("auto", *REGIONS):
            raise InputError(f"The region is {self.region!r}; give chest, abdomen or auto.")

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return whether what it needs is installed and the exposure is that of the images."""
        if not scan.own_exposure:
            return False, "the dose model in use knows no exposure but that of the images"
        reason = missing_packages()
        return not reason, reason

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the doses of the organs that the folder has networks for, in its order.

        There are no intervals, since none were published.

        Raises
        ------
        ModelError, DependencyError
            As in `load_published`.
        """
        models = load_published(self.folder, self.arrays)
        present = scan.organs
        keys = [key for key in models.networks if key[1] in present]
        regions = _regions(keys, self.region)
        flags = scan_flags(scan.series.acquisition)
        refusals = [entry for entry in flags if entry.severity == "refusal"]
        organs = tuple(
            _organ_dose(key, models, scan, refusals) for key in keys if key[0] in regions
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
    refusals: list[Flag],
) -> OrganDose:
    region, organ = key
    occupied = scan.measurements.occupied(organ)
    features = inference_rows(scan.series, scan.measurements, scan.size, organ)
    per_slice = np.full(occupied.size, np.nan)
    flags = list(refusals)
    if key not in models.scalers:
        flags.append(flag("published_no_scaler", _missing_array(region, organ)))
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


def _missing_array(region: str, organ: str) -> str:
    array = f"{region}_merged_training_arrays/{organ}_training_array.npy"
    return f"{organ} ({region}), {array} is missing"


def _missing(features: np.ndarray) -> list[Flag]:
    """Return a refusal for each feature that any of the organ's slices lacks."""
    return [
        flag(MISSING[name], f"missing on {n} of {len(features)} slices of the organ")
        for name, n in lacking(features).items()
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
