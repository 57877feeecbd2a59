"""Pairs of image and labels on disk, in the layouts that users have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...ct.series import CTSeries
from ...dicom.deidentify import iter_identities
from ...errors import InputError
from ...reading.images import ImageGroup, read_stack
from ...segmentation.user import read_label_array
from ...tasks.progress import Progress
from .config import DataSource
from .label_pictures import LOSSY, read_array, read_picture, small_labels
from .patients import patient_keys
from .slice_files import by_number, files_of, first_header, read_images, stacks

VOLUMES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".npy")
PICTURES = (".npy", ".png", ".jpg", ".jpeg")
MASK_KEYS = ("Masks", "masks")
# The folders of cases and of their masks, where these lie side by side.
CASES_FOLDER, MASKS_FOLDER = "Images", "Segmentations"


@dataclass(frozen=True)
class Pair:
    """One case on disk.

    Attributes
    ----------
    name
        Of the case.
    patient
        Pairs of one patient share it.
    images
        Files and folders of its images.
    read
        Return its series and its labels, uint8 [k, j, i], as they were written.
    lossy
        Labels come from lossy compression.
    unusable
        Why it is left out; empty where it can be read.
    """

    name: str
    patient: str
    images: tuple[Path, ...]
    read: Callable[[], tuple[CTSeries, np.ndarray]]
    lossy: bool = False
    unusable: str = ""

    def names_a_patient(self, progress: Progress) -> bool:
        """Return whether a DICOM file of the images names a patient."""
        for path in self.images:
            progress.check_cancelled()
            if _identities(path):
                return True
        return False


def _identities(path: Path) -> bool:
    from ...dicom.deidentify import holds_identity

    if path.is_dir():
        return next(iter_identities(path), None) is not None
    return not path.name.lower().endswith(VOLUMES) and holds_identity(path)


def find_pairs(source: DataSource, base: Path, progress: Progress) -> list[Pair]:
    """Return the pairs of a source, by name.

    Raises
    ------
    InputError
        If a file lacks its partner, two share a name, or a folder is missing.
    """
    folder = base / source.folder
    if not folder.is_dir():
        raise InputError(f"There is no folder {Path(source.folder).name} beside the configuration.")
    if source.kind == "slices":
        pairs = _slices(folder, progress)
    else:
        pairs = {"volumes": _volumes, "npz": _npz}[source.kind](source, folder)
    if not pairs:
        raise InputError(f"{folder.name} has no labelled scan of the kind {source.kind}.")
    headers = []
    for pair in pairs:
        progress.check_cancelled()
        headers.append(first_header(pair.images[0]))
    keys = patient_keys(headers, [pair.name for pair in pairs])
    return [replace(pair, patient=key) for pair, key in zip(pairs, keys, strict=True)]


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
    if not by_stem:
        raise InputError(f"The folder {folder.name} in {folder.parent.name} is empty.")
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
            series, path = read_images(images[name]), labels[name]
            array = read_array(path) if path.suffix == ".npy" else read_label_array(path, series)
            return series, small_labels(array, name)

        return read

    return [Pair(name, name, (images[name],), reader(name)) for name in _matched(images, labels)]


def _npz(source: DataSource, folder: Path) -> list[Pair]:
    pairs = []
    for file, images, name in _npz_cases(folder):

        def read(
            file: Path = file, images: Path = images, name: str = name
        ) -> tuple[CTSeries, np.ndarray]:
            return read_images(images), small_labels(_masks(file, source.key), name)

        pairs.append(Pair(name, name, (images,), read))
    if len({p.name for p in pairs}) < len(pairs):
        raise InputError("Two .npz files belong to one folder; keep one for each case.")
    return pairs


def _npz_cases(folder: Path) -> list[tuple[Path, Path, str]]:
    """Return file of masks, folder of images, and name of each case."""
    if (folder / MASKS_FOLDER).is_dir() and (folder / CASES_FOLDER).is_dir():
        return _side_by_side(folder / CASES_FOLDER, folder / MASKS_FOLDER)
    cases = []
    for file in sorted(folder.rglob("*.npz")):
        beside = file.parent / file.stem
        name = file.parent.name if file.parent != folder else file.stem
        cases.append((file, beside if beside.is_dir() else file.parent, name))
    return cases


def _side_by_side(images: Path, masks: Path) -> list[tuple[Path, Path, str]]:
    folders = {path.name: path for path in sorted(images.iterdir()) if path.is_dir()}
    cases = []
    for file in sorted(masks.glob("*.npz")):
        name = _case_of(file.stem, folders)
        if name is None:
            raise InputError(
                f"{file.name} has no folder {file.stem} in {images.name}; add the images or take "
                "it away."
            )
        cases.append((file, folders[name], name))
    if missing := sorted(set(folders) - {name for _, _, name in cases}):
        raise InputError(
            f"{missing[0]} has no masks in {masks.name}; add the .npz file or take the folder away."
        )
    return cases


def _case_of(name: str, folders: dict[str, Path]) -> str | None:
    """Return the folder that masks belong to: of their name, or their name begins with its own."""
    if name in folders:
        return name
    begins = [f for f in folders if name.startswith(f) and not name[len(f)].isalnum()]
    return max(begins, key=len) if begins else None


def _masks(file: Path, key: str) -> np.ndarray:
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as arrays:
            keys = [key] if key else [k for k in MASK_KEYS if k in arrays.files]
            if keys and keys[0] in arrays.files:
                return arrays[keys[0]]
            raise InputError(
                f"{file.name} has no array {' or '.join(keys or MASK_KEYS)}; it has "
                f"{', '.join(arrays.files)}: name the right one as key."
            )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{file.name} cannot be read as arrays; save it again.") from error


def _slices(folder: Path, progress: Progress) -> list[Pair]:
    folder = folder / "train" if (folder / "train").is_dir() else folder
    images, labels = _entries(folder / "dicoms"), _entries(folder / "labels")
    names = _matched(images, labels)
    label_of = {str(images[name]): labels[name] for name in names}
    pairs = []
    for stack in stacks([images[name] for name in names], progress):
        files = files_of(stack)
        mine = sorted((stem(Path(file)) for file in files), key=by_number)
        name = mine[0] if len(mine) == 1 else f"{mine[0]}..{mine[-1]}"

        def read(stack: ImageGroup = stack) -> tuple[CTSeries, np.ndarray]:
            series = read_stack(stack).series
            return series, np.stack([_slice_labels(label_of[f], series) for f in series.files])

        lossy = any(label_of[file].suffix.lower() in LOSSY for file in files)
        paths = tuple(Path(file) for file in files)
        pairs.append(Pair(name, name, paths, read, lossy, stack.unusable))
    return pairs


def cut_series(pairs: list[Pair]) -> Iterator[str]:
    """Yield a sentence for each series of slices that became several cases."""
    members: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for pair in pairs:
        header = first_header(pair.images[0])
        if header is not None and (uid := header.text("SeriesInstanceUID")):
            size = f"{header.integer('Rows')} x {header.integer('Columns')}"
            members.setdefault((pair.patient, uid), []).append((pair.name, size))
    for parts in members.values():
        if len(parts) > 1:
            sizes = len({size for _, size in parts}) > 1
            why = "sizes" if sizes else "orientations or pixel sizes"
            listed = " and ".join(f"{name} ({size})" for name, size in parts)
            yield (
                f"One series has images of several {why} and counts as {len(parts)} scans: "
                f"{listed}. Check whether all of these images belong to the data."
            )


def _slice_labels(path: Path, series: CTSeries) -> np.ndarray:
    labels = small_labels(read_picture(path), path.name)
    if labels.shape != series.hu.shape[1:]:
        raise InputError(
            f"{path.name} has {' x '.join(map(str, labels.shape))} pixels, its image "
            f"{' x '.join(map(str, series.hu.shape[1:]))}: labels must lie on the pixels of their "
            "image."
        )
    return labels
