"""Pairs of image and labels on disk, in the three layouts that users have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...ct.series import CTSeries
from ...errors import InputError
from ...reading.reader import read_series
from ...segmentation.user import as_labels, read_label_array
from .config import DataSource

VOLUMES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".npy")
PICTURES = (".npy", ".png", ".jpg", ".jpeg")
MASK_KEYS = ("Masks", "masks")


@dataclass(frozen=True)
class Pair:
    """One case on disk; `read` gives its series and its labels, uint8 [k, j, i]."""

    name: str
    patient: str
    read: Callable[[], tuple[CTSeries, np.ndarray]]


def find_pairs(source: DataSource, base: Path) -> list[Pair]:
    """Return the pairs of a source, by name.

    Raises
    ------
    InputError
        If a file lacks its partner, two share a name, or a folder is missing.
    """
    folder = base / source.folder
    if not folder.is_dir():
        raise InputError(f"There is no folder {Path(source.folder).name} beside the configuration.")
    return {"volumes": _volumes, "npz": _npz, "slices": _slices}[source.kind](source, folder)


def stem(path: Path) -> str:
    """Return the name without the ending of an image."""
    low = path.name.lower()
    for ending in (*VOLUMES, ".npz", ".dcm", ".ima", *PICTURES):
        if low.endswith(ending):
            return path.name[: -len(ending)]
    return path.name


def _entries(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder.name} in {folder.parent.name}.")
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (
            path.suffix == ".json" and path.with_suffix(".npy").exists()
        ):
            continue
        if stem(path) in by_stem:
            raise InputError(f"Two files in {folder.name} are called {stem(path)}; keep one.")
        by_stem[stem(path)] = path
    return by_stem


def _matched(images: dict[str, Path], labels: dict[str, Path]) -> list[str]:
    for some, others, what in ((images, labels, "labels"), (labels, images, "image")):
        if missing := sorted(set(some) - set(others)):
            raise InputError(f"{missing[0]} has no {what}; add the file or take {missing[0]} away.")
    return sorted(images)


def _volumes(source: DataSource, folder: Path) -> list[Pair]:
    images, labels = _entries(folder / "images"), _entries(folder / "labels")

    def reader(name: str) -> Callable[[], tuple[CTSeries, np.ndarray]]:
        def read() -> tuple[CTSeries, np.ndarray]:
            series = read_series(images[name])
            return series, small_labels(_label_volume(labels[name], series), name)

        return read

    return [Pair(name, name, reader(name)) for name in _matched(images, labels)]


def _label_volume(path: Path, series: CTSeries) -> np.ndarray:
    return _array(path) if path.suffix == ".npy" else read_label_array(path, series)


def _array(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read as an array: {error}.") from error


def _npz(source: DataSource, folder: Path) -> list[Pair]:
    pairs = []
    for file in sorted(folder.rglob("*.npz")):
        name = file.parent.name if file.parent != folder else file.stem

        def read(file: Path = file, name: str = name) -> tuple[CTSeries, np.ndarray]:
            with np.load(file, allow_pickle=False) as arrays:
                keys = [source.key] if source.key else [k for k in MASK_KEYS if k in arrays.files]
                if not keys or keys[0] not in arrays.files:
                    raise InputError(
                        f"{file.name} has no array {' or '.join(keys or MASK_KEYS)}; it has "
                        f"{', '.join(arrays.files)}: name the right one as key."
                    )
                masks = arrays[keys[0]]
            beside = file.parent / file.stem
            return read_series(beside if beside.is_dir() else file.parent), small_labels(
                masks, name
            )

        pairs.append(Pair(name, name, read))
    if len({p.name for p in pairs}) < len(pairs):
        raise InputError("Two .npz files belong to one folder; keep one for each case.")
    return pairs


def _slices(source: DataSource, folder: Path) -> list[Pair]:
    images, labels = _entries(folder / "dicoms"), _entries(folder / "labels")

    def reader(name: str) -> Callable[[], tuple[CTSeries, np.ndarray]]:
        def read() -> tuple[CTSeries, np.ndarray]:
            series = read_series(images[name])
            return series, small_labels(read_picture(labels[name]), name)[None]

        return read

    return [
        Pair(name, patient_key(images[name]), reader(name)) for name in _matched(images, labels)
    ]


def patient_key(path: Path) -> str:
    """Return a hash shared by one patient's slices; the file's name if no patient is stated."""
    import hashlib

    import pydicom

    try:
        header = pydicom.dcmread(path, specific_tags=["PatientID", "PatientName"], force=True)
        key = f"{header.get('PatientID', '')}|{header.get('PatientName', '')}"
    except (OSError, ValueError, pydicom.errors.InvalidDicomError):
        key = "|"
    return hashlib.sha256(key.encode()).hexdigest()[:12] if key != "|" else path.name


def read_picture(path: Path) -> np.ndarray:
    """Read a label picture [j, i]: a pixel's value is its class.

    Raises
    ------
    InputError
        If it has several different channels, or comes from lossy compression and its values are
        not near to a few whole classes.
    """
    if path.suffix.lower() == ".npy":
        return _array(path)
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            values = np.asarray(
                picture if picture.mode in ("L", "P", "I;16") else picture.convert("RGB")
            )
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path.name} cannot be read as a picture.") from error
    if values.ndim == 3:
        difference = int(np.ptp(values.astype(int), axis=2).max())
        if difference > (24 if path.suffix.lower() != ".png" else 0):
            raise InputError(
                f"{path.name} is a coloured picture (its channels differ by {difference}): labels "
                "are grey values or palette indices, one for each class."
            )
        values = values[..., 0]
    return _repair(values, path) if path.suffix.lower() in (".jpg", ".jpeg") else values


def _repair(values: np.ndarray, path: Path) -> np.ndarray:
    """Give each value the nearest frequent one: lossy compression smears values along edges."""
    counts = np.bincount(values.ravel(), minlength=256)
    frequent = np.flatnonzero(counts > 0.002 * values.size)
    peaks = [v for v in frequent if counts[v] == counts[max(0, v - 6) : v + 7].max()]
    near = np.abs(values.astype(int)[..., None] - peaks).min(axis=-1)
    if not peaks or (near > 6).mean() > 0.02:
        raise InputError(
            f"The values of {path.name} are not near to a few classes (lossy compression): save "
            "the labels as .png or .npy."
        )
    return np.array(peaks, np.uint8)[np.abs(values.astype(int)[..., None] - peaks).argmin(axis=-1)]


def small_labels(values: np.ndarray, name: str) -> np.ndarray:
    """Return label values as uint8.

    Raises
    ------
    InputError
        If they cannot be labels.
    """
    labels = as_labels(np.asarray(values), f"The label array of {name}")
    if labels.dtype != np.uint8:
        raise InputError(
            f"The labels of {name} go up to {labels.max()}; classes are 0 to 254, and 255 is "
            "unknown."
        )
    return labels
