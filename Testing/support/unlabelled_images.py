"""Folders of DICOM images that nobody labelled, and a small network that draws in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import MRImageStorage, generate_uid

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.ct.volume_files import write_volume
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series

SHAPE, SPACING_MM = (64, 48, 6), (6.25, 7.5, 20.0)
NAME = "Secret^Patient"
LABELS = ("label_1", "label_2")
CONFIG = """
[network]
classes = ["label_1", "label_2"]
widths = [4, 8]
context = 0
pixel_mm = 0
least_ml = 0
windows = []

[[data]]
kind = "volumes"
folder = "data"

[training]
epochs = 2
steps = 16
batch = 4
crop_px = 48
learning_rate = 1e-2
augment = false
validation = 0.5
"""


def phantom(seed: int = 0) -> Phantom:
    """A chest of few and coarse slices whose pixels are no squares."""
    return Phantom(variant="chest", shape=SHAPE, spacing_mm=SPACING_MM, seed=seed)


def small_network(folder: Path) -> Path:
    """Train a network without windows on lung and body of two phantoms, in seconds."""
    for seed in (11, 12):
        series, truth = phantom_series(phantom(seed))
        labels = truth.labels > 0
        labels = labels.astype(np.uint8) * 2
        lung = [truth.names[name] for name in truth.groups["lung"]]
        labels[np.isin(truth.labels, lung)] = 1
        for kind, voxels in (("images", series.hu), ("labels", labels)):
            place = folder / "data" / kind
            place.mkdir(parents=True, exist_ok=True)
            write_volume(place, f"case_{seed}", voxels, series.affine)
    config = folder / "config.toml"
    config.write_text(CONFIG)
    arguments = ["train-unet", config, "--output", folder / "network", "--events", "none"]
    assert command_line.main([str(one) for one in arguments]) == 0
    return folder / "network"


def with_windows(network: Path, folder: Path) -> Path:
    """Return a network with the same weights that takes HU: what it draws has no meaning."""
    shutil.copytree(network, folder)
    spec = json.loads((folder / "unet.json").read_text())
    spec["windows"] = [[-1000, 400]]
    (folder / "unet.json").write_text(json.dumps(spec))
    return folder


def ct_folder(folder: Path) -> Path:
    """A CT with a patient's name in it."""
    write_dicom(phantom(), folder / "made")
    images = folder / "made" / "dicom"
    changed(images, lambda data: setattr(data, "PatientName", NAME))
    return images


def mr_folder(folder: Path) -> Path:
    """The same images as an MR: unsigned values from 0, no rescaling, no HU."""
    images = ct_folder(folder)
    uids = {one: generate_uid() for one in ("series", "study", "frame")}

    def as_mr(data: pydicom.Dataset) -> None:
        values = np.clip(data.pixel_array.astype(int), 0, 4095).astype("<u2")
        data.PixelData, data.PixelRepresentation = values.tobytes(), 0
        data.Modality, data.SOPClassUID = "MR", MRImageStorage
        data.file_meta.MediaStorageSOPClassUID = MRImageStorage
        data.SeriesInstanceUID, data.SeriesNumber = uids["series"], 7
        data.SeriesDescription = "../T1 axial"
        data.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            delattr(data, keyword)

    changed(images, as_mr)
    return images


def changed(folder: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    """Change each image of a folder."""
    for path in sorted(folder.glob("*.dcm")):
        data = pydicom.dcmread(path)
        change(data)
        data.save_as(path)
