"""A CT without its couch or headrest as DICOM again.

The pixels of a mask (`couch_mask`) become air in a copy of each source file. The copy is a derived
image of its own (PS3.3, C.7.6.1.1.2 and C.12.4): new UIDs for image and series, ImageType DERIVED,
the source image named. Everything else stays as it was, geometry, rescaling and what the files
state of the patient among it: who asks for DICOM of a patient gets it, who does not, de-identifies
first. Pixels outside the mask keep every bit; compressed ones are decompressed.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..ct.series import AIR_HU
from ..dicom.elements import parse_errors
from ..errors import InputError, PixelDataError
from ..tasks.progress import Progress

if TYPE_CHECKING:
    import pydicom

    from ..ct.series import CTSeries

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_DEFLATED = "1.2.840.10008.1.2.1.99"
MULTI_FRAME = (
    "The series is a multi-frame image, which is not written anew as DICOM; export it without "
    "--without first, and run the command on its hu.nii.gz."
)
# What describes the former pixels, or vouches for them.
_OUTDATED = (
    *("SmallestImagePixelValue", "LargestImagePixelValue", "IconImageSequence"),
    *("DigitalSignaturesSequence", "MACParametersSequence", "PixelDataProviderURL"),
)
# PS3.16, CID 7202.
_PURPOSE = ("121322", "DCM", "Source image for image processing operation")
_SERIES_NUMBER = 1000  # added to the source's, so that a list of series shows both
_LONGEST = {"SeriesDescription": 64, "DerivationDescription": 1024}


def sources(series: CTSeries) -> tuple[str, ...]:
    """Return the DICOM file of each slice; empty where the series came from a volume file.

    Raises
    ------
    InputError
        If several slices lie in one file: a multi-frame image is not written anew.
    """
    from ..dicom.header_file import looks_like_dicom

    files = series.files
    if not files:
        return ()
    with open(files[0], "rb") as stream:
        if not looks_like_dicom(stream.read(132)):
            return ()
    if len(files) != len(series.hu):
        raise InputError(MULTI_FRAME)
    return files


def write_dicom_without(
    series: CTSeries, mask: np.ndarray, name: str, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Write the series with air in the mask, a file a slice: ``IM_0001.dcm`` is the first slice.

    UIDs follow from those of the source and from the mask alone: the same images give the same.

    Parameters
    ----------
    series
        Read from DICOM, a file a slice.
    mask
        Boolean [k, j, i].
    name
        What is taken away, in words for the descriptions.
    folder
        Made; must not exist.
    progress
        Receives progress; may cancel.

    Returns
    -------
    list of Path
        The files, in the order of the slices.

    Raises
    ------
    InputError
        If the series is a multi-frame image or was not read from DICOM.
    PixelDataError
        If a file cannot be decoded, or its values cannot hold air.
    """
    progress = progress or Progress()
    files = sources(series)
    if not files:
        raise InputError("Only a series that was read from DICOM can be written as DICOM.")
    folder.mkdir()
    change = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
    repeated = _repeated_uids(files)
    written = []
    for k, file in enumerate(files):
        progress.update(k / len(files), f"writing slice {k + 1} of {len(files)}")
        data = _read(file)
        _replace_pixels(data, mask[k], Path(file).name)
        _derive(data, series.identity, name, change, k, repeated)
        written.append(folder / f"IM_{k + 1:04d}.dcm")
        _save(data, written[-1], Path(file).name)
    return written


def _save(data: pydicom.Dataset, path: Path, name: str) -> None:
    failures: tuple[type[Exception], ...] = tuple(
        kind for kind in parse_errors() if not issubclass(kind, (OSError, MemoryError))
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.save_as(path, enforce_file_format=True)
    except failures as error:
        raise InputError(
            f"{name}: it has values that DICOM does not allow, so that it cannot be written anew; "
            "remove its identity with ctdoseseg deidentify, or use hu.nii.gz."
        ) from error


def _repeated_uids(files: tuple[str, ...]) -> bool:
    """Return whether images share a UID or have none: then their place tells them apart."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        uids = Counter(
            str(pydicom.dcmread(f, specific_tags=["SOPInstanceUID"], force=True).get(0x00080018))
            for f in files
        )
    return len(uids) < len(files)


def _read(file: str) -> pydicom.Dataset:
    """Read a file whole, its pixels uncompressed."""
    import pydicom

    name = Path(file).name
    failures: tuple[type[Exception], ...] = (RuntimeError, NotImplementedError, *parse_errors())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(file, force=True)
            if "PerFrameFunctionalGroupsSequence" in data:
                raise InputError(MULTI_FRAME)
            syntax = str(data.file_meta.get("TransferSyntaxUID", "") or _UNCOMPRESSED[0])
            data.file_meta.TransferSyntaxUID = syntax
            if syntax not in (*_UNCOMPRESSED, _DEFLATED):
                data.decompress(generate_instance_uid=False)
            return data
    except failures as error:
        raise PixelDataError(
            f"{name}: its pixels cannot be decompressed, so that it cannot be written anew; export "
            "the series uncompressed."
        ) from error


def _replace_pixels(data: pydicom.Dataset, mask: np.ndarray, name: str) -> None:
    """Set the stored value of air in the mask, in place; no other bit changes."""
    big = str(data.file_meta.TransferSyntaxUID) == _UNCOMPRESSED[2]
    allocated = int(data.BitsAllocated)
    words = np.frombuffer(data.PixelData, f"{'>' if big else '<'}u{allocated // 8}").copy()
    image = words[: mask.size].reshape(mask.shape)  # what follows is a byte of padding at most
    image[mask] = _air(data, name)
    content = words.tobytes()
    data.PixelData = content + b"\0" * (len(content) % 2)
    if allocated > 8:
        data["PixelData"].VR = "OW"


def _air(data: pydicom.Dataset, name: str) -> int:
    """Return the word that stands for air in a file."""
    allocated = int(data.BitsAllocated)
    bits = int(data.get("BitsStored", allocated) or allocated)
    shift = int(data.get("HighBit", bits - 1)) + 1 - bits
    slope = float(data.get("RescaleSlope", 1) or 1)
    stored = round((AIR_HU - float(data.get("RescaleIntercept", 0) or 0)) / slope)
    signed = int(data.get("PixelRepresentation", 0)) == 1
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= stored <= high:
        raise PixelDataError(
            f"{name}: its stored values cannot hold air ({AIR_HU} HU), so that nothing can be "
            "replaced by it; use hu.nii.gz of a run on the exported volume."
        )
    return (stored & ((1 << bits) - 1)) << shift


def _derive(
    data: pydicom.Dataset, series: str, name: str, change: str, k: int, repeated: bool
) -> None:
    """Make a data set a derived image of its own, in place."""
    from pydicom.uid import generate_uid

    old = str(data.get("SOPInstanceUID", "") or "")
    if not data.get("SOPClassUID"):  # reading took it for a CT
        data.SOPClassUID = CT_IMAGE
    place = [str(k)] if repeated else []
    if old:
        data.SourceImageSequence = [_source(data, old)]
    data.SOPInstanceUID = generate_uid(entropy_srcs=[series, old, *place, name, change])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[series, name, change])
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    kinds = [str(kind) for kind in data.get("ImageType", None) or []]
    data.ImageType = ["DERIVED", "SECONDARY", *(kinds[2:] or ["AXIAL"])]
    words = (
        f"{name} replaced by air ({AIR_HU} HU) with CTDoseSeg {__version__}; research software, "
        "not for clinical use"
    )
    _append(data, "DerivationDescription", words)
    _append(data, "SeriesDescription", f"without {name}")
    if (number := data.get("SeriesNumber")) is not None:
        data.SeriesNumber = int(number) + _SERIES_NUMBER
    for keyword in _OUTDATED:
        if keyword in data:
            delattr(data, keyword)


def _source(data: pydicom.Dataset, uid: str) -> Any:
    """Return the item that names the source image."""
    from pydicom.dataset import Dataset

    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = _PURPOSE
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = data.SOPClassUID, uid
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item


def _append(data: pydicom.Dataset, keyword: str, words: str) -> None:
    """Add words to a text of the data set; what was there is cut before they are."""
    room = _LONGEST[keyword] - len(words) - 2
    before = str(data.get(keyword, "") or "").strip()[: max(room, 0)]
    setattr(data, keyword, f"{before}; {words}" if before else words)
