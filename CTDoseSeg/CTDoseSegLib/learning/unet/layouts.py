"""A folder of labelled scans in place of a configuration: which layout it has, how it is trained.

Nothing here is a setting of its own: it is what a configuration of the same data would say.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...segmentation.unet.spec import UNetSpec
from .config import Config, DataSource, Training, checked
from .files import CASES_FOLDER, MASKS_FOLDER
from .slice_files import first_header

# What a batch is, and how many an epoch has, for few slices without neighbours.
BATCH, STEPS, EPOCHS = 4, 20, 100


def config_of_folder(
    folder: Path,
    *,
    labels: int = 0,
    input_shape: int = 0,
    epochs: int = 0,
    network: UNetSpec | None = None,
) -> Config:
    """Return the configuration for the data in a folder.

    Parameters
    ----------
    folder
        ``dicoms`` and ``labels`` (or ``train`` with these), ``Images`` and ``Segmentations``,
        ``images`` and ``labels``, or folders of DICOM files with an ``.npz`` each.
    labels
        Number of labels; they are called label_1, label_2 and so on.
    input_shape
        Rows and columns that every slice is brought to; 0: pixels of 2.5 mm.
    epochs
        Length of the schedule; 0: 100.
    network
        One that is there already: of which `labels` and `input_shape` are taken.

    Raises
    ------
    InputError
        If the layout is not known, or there are several.
    """
    source = DataSource(kind=layout(folder), folder="", flip="auto")
    if network is None:
        if not labels:
            raise InputError(
                "A folder needs the number of its labels: give --labels N, or a configuration."
            )
        header = first_header(folder)
        magnetic = header is not None and header.text("Modality") == "MR"
        network = UNetSpec.of(
            {
                "labels": labels,
                "context": 0,
                "input_shape": input_shape,
                "least_ml": 0.0,
                **({"windows": []} if magnetic else {}),
            }
        )
    training = Training(epochs=epochs or EPOCHS, batch=BATCH, steps=STEPS, print_every=10)
    return checked(Config(network, (source,), training, folder), folder.name)


def layout(folder: Path) -> str:
    """Return the kind of source that a folder is.

    Raises
    ------
    InputError
        If it is none, or several at once.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder or configuration {folder.name}; check the path.")
    names = {path.name for path in folder.iterdir() if path.is_dir()}
    train = folder / "train"
    here, below = (
        all((place / name).is_dir() for name in ("dicoms", "labels")) for place in (folder, train)
    )
    slices = here or below
    sided = {CASES_FOLDER, MASKS_FOLDER} <= names
    volumes = {"images", "labels"} <= names
    npz = not (slices or sided or volumes) and next(folder.rglob("*.npz"), None) is not None
    found = {"slices": slices, "npz": sided or npz, "volumes": volumes}
    kinds = [kind for kind, there in found.items() if there]
    if len(kinds) == 1 and not (here and below):
        return kinds[0]
    if not kinds and not any(folder.iterdir()):
        raise InputError(f"The folder {folder.name} is empty.")
    known = (
        "dicoms and labels, train/dicoms and train/labels, Images and Segmentations, images and "
        "labels, or folders of DICOM files with an .npz each"
    )
    if kinds:
        raise InputError(
            f"{folder.name} holds labelled scans in two layouts at once, so that a case may be "
            f"there twice; keep one of {known}."
        )
    raise InputError(f"{folder.name} holds no labelled scans in a known layout: {known}.")
