"""The published organ-dose networks as a reference mode.

Tzanis & Damilakis, European Radiology 2024: one small network for each organ and region, from
mean HU, SD of HU, tube current, water-equivalent diameter and slice location of a slice to the
organ's dose in it. The networks and the arrays that scale their input are read from a copy of
their public repository; none is part of this project. They are run as published: the dose is the
unweighted mean over slices, valid for the one scanner and protocol that they learnt from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError  # what torch raises on a file that is not a state dict

import numpy as np

from ...ct.acquisition import Acquisition
from ...ct.series import CTSeries
from ...errors import DependencyError, InputError, ModelError
from ...flags import Flag, flag
from ...measurement.measurements import Measurements
from ...measurement.size import SizeProfile
from ...segmentation.labelmap import SKIN, Labelmap
from ..doses import DoseResult, OrganDose
from ..fast.model import ROTATION_TIME_S
from ..fast.refusals import scan_flags

REGIONS = ("chest", "abdomen")
ROUTE = "published"
FEATURES = ("mean HU", "SD of HU", "tube current", "water-equivalent diameter", "slice location")
# Feature to the flag of an organ that cannot be predicted without it.
MISSING = {
    "tube current": "published_no_tube_current",
    "slice location": "published_no_slice_location",
    "water-equivalent diameter": "published_no_size",
}
UNUSUAL_SD = 3.0
SAME_PROTOCOL = 0.05
WIDTHS = (5, 512, 256, 128, 64, 1)
# Numbers of the linear layers in the state dicts; ReLU and dropout (inactive) are between them.
LAYERS = (0, 2, 5, 8, 11)
ARRAY_FOLDERS = (
    "training_arrays/{}_merged_training_arrays",
    "training_arrays/{}_training_arrays",
    "{}_merged_training_arrays",
    "{}_training_arrays",
)


@dataclass(frozen=True)
class Scaler:
    """Mean and population SD of each feature, as scikit-learn's StandardScaler has them."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fitted(cls, rows: np.ndarray) -> Scaler:
        """Fit on [n, 5] features; sums in float64 whatever the rows are."""
        rows = np.asarray(rows, np.float64)
        scale = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(scale > 0, scale, 1.0))

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Features [n, 5] in SDs from the mean."""
        return (np.asarray(features, np.float64) - self.mean) / self.scale


@dataclass(frozen=True)
class Network:
    """Fully connected network 5-512-256-128-64-1 with ReLU, in float32: (weight, bias) by layer."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def predict(self, scaled: np.ndarray) -> np.ndarray:
        """Dose in mGy, [n], of scaled features [n, 5]."""
        values = np.asarray(scaled, np.float32)
        for index, (weight, bias) in enumerate(self.layers):
            values = values @ weight.T + bias
            if index < len(self.layers) - 1:
                values = np.maximum(values, 0)
        return values[:, 0].astype(np.float64)


@dataclass(frozen=True)
class PublishedModels:
    """All networks of a folder, by (region, organ).

    Attributes
    ----------
    networks, scalers
        A model without an array has a network and no scaler, and cannot be used.
    sha256
        Of all files that were read, in order of their paths.
    """

    networks: Mapping[tuple[str, str], Network]
    scalers: Mapping[tuple[str, str], Scaler]
    sha256: str


def load_published(folder: str | Path) -> PublishedModels:
    """Read every network and scaler of a copy of the published repository.

    Parameters
    ----------
    folder
        Holds ``chest_models`` and ``abdomen_models`` with ``<organ>_model.pth``, and
        ``training_arrays/<region>_merged_training_arrays`` (or ``<region>_training_arrays``, also
        without the folder around them) with ``<organ>_training_array.npy``.

    Raises
    ------
    ModelError
        If models or arrays are missing or damaged.
    DependencyError
        If torch is not installed.
    """
    folder = Path(folder)
    networks, scalers, read = {}, {}, []
    for region in REGIONS:
        for path in sorted((folder / f"{region}_models").glob("*_model.pth")):
            key = (region, path.name.removesuffix("_model.pth"))
            networks[key] = _read_network(path)
            read.append(path)
            array = _array_path(folder, *key)
            if array is not None:
                scalers[key] = _read_scaler(array)
                read.append(array)
    if not networks or not scalers:
        missing = (
            "models (chest_models/<organ>_model.pth)"
            if not networks
            else (
                "arrays (training_arrays/chest_merged_training_arrays/<organ>_training_array.npy)"
            )
        )
        raise ModelError(
            f"The folder {folder.name} holds no published {missing}; give the folder of the "
            "published repository with its models and training arrays."
        )
    return PublishedModels(networks, scalers, _digest(read))


def predict_published(
    folder: str | Path,
    series: CTSeries,
    labelmap: Labelmap,
    measurements: Measurements,
    size: SizeProfile,
    *,
    region: str = "auto",
) -> DoseResult:
    """Organ doses by the published networks.

    Parameters
    ----------
    folder
        As in `load_published`.
    series, labelmap, measurements, size
        The scan, its organs, and what was measured of them.
    region
        ``chest``, ``abdomen``, or ``auto``: both, each for its own organs (skin, which both have,
        by those that hold another organ of the scan).

    Returns
    -------
    DoseResult
        Organs in the order of the folder; no intervals, since none were published.

    Raises
    ------
    InputError
        If `region` is none of these.
    ModelError, DependencyError
        As in `load_published`.
    """
    if region not in ("auto", *REGIONS):
        raise InputError(f"The region is {region!r}; give chest, abdomen or auto.")
    models = load_published(folder)
    scan = {
        "tube current": _known([s.tube_current_mA or None for s in series.slices]),
        "water-equivalent diameter": size.wed_mm,
        "slice location": _known([s.slice_location_mm for s in series.slices]),
    }
    keys = [
        key
        for key in models.networks
        if key[1] in labelmap.groups and measurements.of(key[1]).count.any()
    ]
    regions = _regions(keys, region)
    remarks = _scan_remarks(series.acquisition)
    refusals = [remark for remark in remarks if remark.severity == "refusal"]
    organs = tuple(
        _organ_dose(key, models, series, measurements, scan, refusals).placed()
        for key in keys
        if key[0] in regions
    )
    return DoseResult(
        organs,
        (*remarks, flag("published_no_interval"), flag("published_slice_mean")),
        {
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
        },
    )


def _regions(keys: list[tuple[str, str]], region: str) -> tuple[str, ...]:
    if region != "auto":
        return (region,)
    return tuple(r for r, o in keys if o != SKIN) or REGIONS


def _scan_remarks(acquisition: Acquisition) -> tuple[Flag, ...]:
    """What stands against organ doses of this patient and exposure, by any model and by these."""
    # Without exposures: the networks ask for the tube current, organ by organ.
    remarks = [f for f in scan_flags(acquisition, {}) if f.code != "no_exposure"]
    stated = {
        "two tubes": acquisition.dual_source,
        "a tin filter": acquisition.tin_filter,
        "ECG gating": acquisition.ecg_gated,
    }
    if any(stated.values()):
        remarks.append(
            flag("published_exposure", ", ".join(w for w, is_so in stated.items() if is_so))
        )
    differences = [
        f"{value:g} {unit}" if value is not None else f"{unit} not known"
        for value, usual, unit in (
            (acquisition.rotation_time_s, ROTATION_TIME_S, "s per rotation"),
            (acquisition.pitch, 1.0, "pitch"),
        )
        if value is None or abs(value / usual - 1) > SAME_PROTOCOL
    ]
    if differences:
        remarks.append(flag("published_protocol", ", ".join(differences)))
    return tuple(remarks)


def _organ_dose(
    key: tuple[str, str],
    models: PublishedModels,
    series: CTSeries,
    measurements: Measurements,
    scan: Mapping[str, np.ndarray],
    refusals: list[Flag],
) -> OrganDose:
    region, organ = key
    group = measurements.of(organ)
    here = group.count > 0
    features = np.stack([group.mean_hu, group.sd_hu, *scan.values()], axis=1)[here]
    per_slice = np.full(here.size, np.nan)
    flags = list(refusals)
    if key not in models.scalers:
        flags.append(flag("published_no_scaler", f"{organ} ({region})"))
    else:
        flags += _missing(features)
    dose = None
    if not flags:
        scaled = models.scalers[key].transform(features)
        per_slice[here] = models.networks[key].predict(scaled)
        dose = float(per_slice[here].mean())
        flags = _unusual(scaled)
        if dose <= 0:
            flags.append(flag("published_negative", f"{organ}: {dose:.2f} mGy"))
            dose = None
    step_mm = series.spacing_mm[2]
    return OrganDose(
        organ=organ,
        region=region,
        dose_mGy=dose,
        model_low_mGy=None,
        model_high_mGy=None,
        total_low_mGy=None,
        total_high_mGy=None,
        dose_slice_mean_mGy=dose,
        volume_ml=measurements.volume_ml(organ, step_mm) if series.regular else None,
        n_slices=int(here.sum()),
        coverage=None if here[0] or here[-1] else 1.0,
        route=ROUTE,
        by_route={ROUTE: dose},
        slice_dose_mGy=per_slice,
        flags=tuple(flags),
    )


def _known(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _missing(features: np.ndarray) -> list[Flag]:
    """A refusal for each feature that any of the organ's slices lacks."""
    lacking = np.isnan(features).sum(axis=0)
    return [
        flag(MISSING[name], f"missing on {n} of {len(features)} slices of the organ")
        for name, n in zip(FEATURES, lacking, strict=True)
        if n
    ]


def _unusual(scaled: np.ndarray) -> list[Flag]:
    """One warning that names the features beyond 3 SD of the training rows."""
    far = np.abs(scaled)
    found = [
        f"{name} on {n} of {len(scaled)} slices, by up to {far[:, column].max():.1f} SD"
        for column, name in enumerate(FEATURES)
        if (n := int(np.count_nonzero(far[:, column] > UNUSUAL_SD)))
    ]
    return [flag("published_outside_training", "; ".join(found))] if found else []


def _array_path(folder: Path, region: str, organ: str) -> Path | None:
    for name in ARRAY_FOLDERS:
        path = folder / name.format(region) / f"{organ}_training_array.npy"
        if path.is_file():
            return path
    return None


def _read_scaler(path: Path) -> Scaler:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"The array {path.name} cannot be read; copy it again.") from error
    if rows.ndim != 2 or rows.shape[1] != len(FEATURES) + 1 or rows.dtype.kind != "f":
        raise ModelError(
            f"The array {path.name} holds {rows.dtype} {rows.shape}, not rows of five features "
            "and a dose; copy it again."
        )
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < 2 or not np.isfinite(rows).all():
        raise ModelError(f"The array {path.name} has no usable rows; copy it again.")
    return Scaler.fitted(rows[:, : len(FEATURES)])


def _read_network(path: Path) -> Network:
    try:
        import torch
    except ImportError as error:
        raise DependencyError(
            "The published dose models need the package torch, which is not installed; "
            "install it or use the bundled dose model."
        ) from error
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        layers = tuple(
            (state[f"model.{n}.weight"].numpy(), state[f"model.{n}.bias"].numpy()) for n in LAYERS
        )
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ModelError(f"The model {path.name} cannot be read; copy it again.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path.name} is not a published dose network.") from error
    shapes = [weight.shape for weight, _ in layers]
    if shapes != [(b, a) for a, b in pairwise(WIDTHS)]:
        raise ModelError(
            f"The network in {path.name} has layers {shapes}, not {WIDTHS}: it is another model."
        )
    return Network(layers)


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
