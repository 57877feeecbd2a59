"""`ctdoseseg predict`: a network on images that nobody labelled: label images, pictures, areas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ct.volume_files import write_volume
from ...errors import InputError
from ...files.staging import staged_folder
from ...outputs.areas import AreaTable
from ...outputs.tables import write_atoms, write_csv
from ...reading.images import (
    FieldOfView,
    ImageGroup,
    ImageStack,
    image_groups,
    read_stack,
    sentences,
)
from ...segmentation.atoms import named_atom
from ...segmentation.unet.engine import best_device
from ...segmentation.unet.engine import predict as network_labels
from ...segmentation.unet.spec import UNetSpec
from ...tasks.progress import Progress, Stage
from .predicted_pictures import write_predicted

SERIES_FILE = "series.csv"
SERIES_COLUMNS = (
    *("series", "series_number", "modality", "n_slices", "rows", "columns"),
    *("pixel_row_mm", "pixel_column_mm", "note"),
)
# Of the progress of a series: its images first, then the network.
_READING = 0.2
# What an earlier run may have left, of more series or slices.
_REPLACED = tuple(f"series_[0-9]*.{end}" for end in ("nii.gz", "nrrd", "png", "jpg", "gif", "csv"))


@dataclass(frozen=True)
class Predicted:
    """What was written of one stack.

    Attributes
    ----------
    name
        Beginning of its files' names.
    label
        Which series it is, in words without identity.
    areas
        Area of each label on each slice.
    note
        What is to know about it; may be empty.
    """

    name: str
    label: str
    areas: AreaTable
    note: str


@dataclass(frozen=True)
class Prediction:
    """Everything that `predict` wrote, and what it left out with the reason."""

    stacks: tuple[Predicted, ...]
    left_out: tuple[str, ...]
    files: tuple[str, ...]


def predict(
    images: str | Path,
    unet_folder: str | Path | None,
    output: str | Path,
    *,
    series_uid: str | None = None,
    view: FieldOfView | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Run a network on the axial series of a folder and write what it drew.

    Parameters
    ----------
    images
        Folder of DICOM images, CT or MR, of one or several series.
    unet_folder
        Of the network; None for the bundled one.
    output
        Gets, for each series, ``NAME_labels.nii.gz``, ``NAME_slice_K_labels.png`` (a pixel's value
        is its label), ``NAME_slice_K.jpg`` (labels in colour over the image), ``NAME.gif`` (through
        the stack) and ``NAME_areas.csv``; besides ``labels.csv`` and ``series.csv``. NAME is
        ``series_1`` and so on, K the slice's index: nothing of the images' text.
    series_uid
        The one series to take, by its UID or the end of it; None: all of them.
    view
        Field of view of images that do not state their pixel size.
    progress
        Receives progress; may cancel.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        If no series of the folder can be predicted; the sentence gives the reasons.
    ModelError
        If the network's files are missing or damaged.
    """
    from ...segmentation.unet.network import for_inference, load_unet

    progress = progress or Progress()
    loaded, spec, digest = load_unet(unet_folder)
    device = best_device()
    network = for_inference(loaded, device)
    groups = image_groups(images, series_uid, view, Stage(progress, 0.0, 0.1))
    left_out = list(sentences(groups))
    predicted: list[Predicted] = []
    rows: list[tuple[Any, ...]] = []
    with staged_folder(output, replaces=_REPLACED) as folder:
        for stack, group in _stacks(groups, spec, left_out, progress):
            name = f"series_{len(predicted) + 1}"
            part = Stage(_part(groups, group, progress), _READING, 1.0)
            labels = network_labels(network, spec, stack.series, part, device)
            write_volume(folder, f"{name}_labels", labels, stack.series.affine)
            write_predicted(folder, name, stack, labels, spec, progress)
            areas = AreaTable.of(
                labels, spec.classes, stack.series.pixel_area_mm2, stack.instances
            ).only(spec.shown)
            areas.write(folder / f"{name}_areas.csv")
            note = " ".join(filter(None, (stack.note, *_doubts(stack, spec))))
            predicted.append(Predicted(name, group.label, areas, note))
            rows.append(_row(name, group, stack, note))
        if not predicted:
            raise InputError(f"No images were predicted. {' '.join(left_out)}")
        origin = f"unet {digest[:12]}"
        atoms = (
            named_atom(value, name, origin) for value, name in enumerate(spec.classes, start=1)
        )
        write_atoms(folder / "labels.csv", atoms)
        write_csv(folder / SERIES_FILE, SERIES_COLUMNS, rows)
        files = tuple(sorted(path.name for path in folder.iterdir()))
    progress.update(1.0, "written")
    return Prediction(tuple(predicted), tuple(left_out), files)


def _stacks(
    groups: tuple[ImageGroup, ...], spec: UNetSpec, left_out: list[str], progress: Progress
) -> Iterator[tuple[ImageStack, ImageGroup]]:
    """Yield the stacks that the network is made for; the others get a sentence in `left_out`."""
    for group in groups:
        if group.unusable:
            continue
        if group.modality == "MR" and spec.windows:
            left_out.append(
                f"{_capital(group.label)} was left out: it is an MR, and the network was made for "
                "CT (its windows are in HU); give it CT, or a network trained with windows = []."
            )
            continue
        try:
            part = Stage(_part(groups, group, progress), 0.0, _READING)
            yield read_stack(group, part), group
        except InputError as error:
            left_out.append(f"{_capital(group.label)} was left out: {error}")


def _part(groups: tuple[ImageGroup, ...], group: ImageGroup, progress: Progress) -> Stage:
    place, count = groups.index(group), len(groups)
    return Stage(progress, 0.1 + 0.88 * place / count, 0.1 + 0.88 * (place + 1) / count)


def _doubts(stack: ImageStack, spec: UNetSpec) -> tuple[str, ...]:
    """Return what speaks against these images, and against them for this network."""
    # Whether they are HU depends on the network; nothing is measured of their exposure.
    apart = ("not_hu", "several_events")
    of_images = (one.message for one in stack.series.flags if one.code not in apart)
    return (*of_images, _doubt_of_network(stack, spec))


def _doubt_of_network(stack: ImageStack, spec: UNetSpec) -> str:
    if stack.modality == "CT" and not spec.windows:
        return (
            "It is a CT, and the network scales values by each volume's own range, as for MR: the "
            "labels are right only if it was trained on CT in this way."
        )
    if stack.series.not_hu and spec.windows:
        return f"Its values are not HU ({stack.series.not_hu[0].detail}), which the network needs."
    return ""


def _row(name: str, group: ImageGroup, stack: ImageStack, note: str) -> tuple[Any, ...]:
    series = stack.series
    number = group.group.headers[0].number("SeriesNumber")
    slices, rows, columns = series.hu.shape
    return (
        *(name, None if number is None else int(number), stack.modality, slices, rows, columns),
        *(series.spacing_mm[1], series.spacing_mm[0], note),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
