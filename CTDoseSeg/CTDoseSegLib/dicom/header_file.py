"""Headers of DICOM files: the tags that CTDoseSeg needs, and where the pixels lie.

A file is parsed once, up to its pixels; an uncompressed slice is later read from `pixel_offset`
straight into a buffer and from there into the volume.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from .elements import dataset_values, known_tags, parse_errors
from .header import PIXELS, Header
from .multiframe import split_frames


def looks_like_dicom(start: bytes) -> bool:
    """Return whether a file that starts with these 132 bytes may be DICOM."""
    if start[128:132] == b"DICM":
        return True
    # Without preamble and meta group the first element is in group 0002 or 0008 of either
    # byte order.
    return start[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08")


def read_header(path: str) -> Header | None:
    """Parse one file up to its pixels.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Header or None
        None if the file is not DICOM.

    Raises
    ------
    InputError
        If the file is DICOM but cannot be parsed; the sentence names the file.
    """
    import pydicom

    name = os.path.basename(path)
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = file.read(132)
            if not looks_like_dicom(start):
                return None
            file.seek(0)
            dataset = pydicom.dcmread(
                file,
                stop_before_pixels=True,
                force=start[128:132] != b"DICM",
                specific_tags=list(known_tags()),
            )
            meta = getattr(dataset, "file_meta", None) or {}
            syntax = str(meta.get("TransferSyntaxUID", "") or "").strip() or "1.2.840.10008.1.2"
            values, problems = dataset_values(dataset)
            offset, length, whole = _pixel_position(file, dataset, syntax)
            if not whole:
                problems.append(PIXELS)
    except RecursionError:
        raise InputError(
            f"{name}: its sequences are nested too deeply to be read; the file is damaged, "
            "export it again."
        ) from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it; change its permissions.") from None
    except parse_errors() as error:
        raise InputError(
            f"{name}: the DICOM header is damaged; copy or export the file again."
        ) from error
    if start[128:132] != b"DICM" and not {"Modality", "Rows"} & values.keys():
        return None  # some other format whose first bytes look like a tag
    if not values or (values.get("SOPClassUID") in _CT_IMAGE and "Rows" not in values):
        raise InputError(
            f"{name}: it holds no image (a DICOMDIR, or a file that is cut off); give the folder "
            "of the CT series, or copy the file again."
        )
    return Header(path, values, syntax, offset, length, problems=tuple(problems))


_CT_IMAGE = (("1.2.840.10008.5.1.4.1.1.2",), ("1.2.840.10008.5.1.4.1.1.2.1",))
_UNCOMPRESSED = {"1.2.840.10008.1.2": 8, "1.2.840.10008.1.2.1": 12, "1.2.840.10008.1.2.2": 12}


def _pixel_position(file: Any, dataset: Any, syntax: str) -> tuple[int | None, int, bool]:
    """Return the offset of uncompressed pixels, else None, the file's bytes of pixels, and whether
    these are as many as their element states.

    pydicom leaves the file at the start of the pixel data element, whose head is 12 bytes with
    an explicit VR (PS3.5, 7.1.2) and 8 without (7.1.3).
    """
    start = file.tell()
    if syntax not in _UNCOMPRESSED:
        return None, max(0, os.fstat(file.fileno()).st_size - start), True
    head = file.read(12)
    order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
    if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) != (0x7FE0, 0x0010):
        return None, 0, True
    # Files exist that name one syntax and are written in the other: the VR shows which.
    size = 12 if head[4:6] in (b"OW", b"OB", b"UN") else 8
    length = struct.unpack(f"{order}I", head[size - 4 : size])[0]
    if length == 0xFFFFFFFF:  # compressed after all
        return None, 0, True
    offset = start + size
    rest = max(0, os.fstat(file.fileno()).st_size - offset)
    return offset, min(length, rest), length <= rest


def iter_frames(header: Header) -> Iterator[Header]:
    """Yield the slices of a file: itself, or each frame of a multi-frame file."""
    single = header.integer("NumberOfFrames", 1) in (0, 1)
    if header.text("Modality") != "CT" or (
        single and "PerFrameFunctionalGroupsSequence" not in header.values
    ):
        yield header
        return
    yield from split_frames(header)
