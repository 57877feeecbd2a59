"""Images of slices on disk, which labels are matched to by the names of their files.

They are read as `reading.images` reads those that nobody labelled: nothing is ranked by how fit it
is for dosimetry, and MR is welcome.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ...ct.series import CTSeries
from ...dicom.header import Header
from ...dicom.header_file import iter_frames, read_header
from ...errors import InputError
from ...files.walking import find_files
from ...reading.headers import is_named_as_slice, why_no_slice
from ...reading.images import ImageGroup, described_groups, image_groups, read_stack, sentences
from ...reading.reader import read_series
from ...tasks.progress import Progress


def stacks(files: Sequence[Path], progress: Progress) -> tuple[ImageGroup, ...]:
    """Return the stacks that DICOM images make, also those that cannot be used.

    Raises
    ------
    InputError
        If a file is no DICOM image, a coloured one, or one without the size of its pixels.
    """
    headers: list[Header] = []
    for n, path in enumerate(files):
        progress.update(n / len(files), "finding slices")
        header = read_header(str(path))
        if header is None:
            reason = why_no_slice(str(path)) if is_named_as_slice(str(path)) else "it is no DICOM "
            reason += "" if reason.endswith(".") else "image; take it away."
            raise InputError(f"{path.name}: {reason}")
        if (header.integer("SamplesPerPixel") or 1) > 1:
            raise InputError(
                f"{path.name} is a coloured image (a photograph or a screenshot); give the images "
                "of the scanner."
            )
        frames = list(iter_frames(header))
        if any(len(frame.numbers("PixelSpacing")) != 2 for frame in frames):
            raise InputError(
                f"{path.name}: PixelSpacing (0028,0030) is missing; write the size of a pixel into "
                "the file."
            )
        headers += frames
    return described_groups(headers)


def files_of(stack: ImageGroup) -> tuple[str, ...]:
    """Return the paths of a stack's images, in no particular order."""
    return tuple(dict.fromkeys(header.path for header in stack.group.headers))


def by_number(name: str) -> list[tuple[int, str]]:
    """Return the key by which names are sorted with their numbers by value.

    Examples
    --------
    >>> sorted(["slice_10", "slice_9"], key=by_number)
    ['slice_9', 'slice_10']
    """
    parts = re.split(r"(\d+)", name)
    return [(int(p), "") if p.isdigit() else (0, p.lower()) for p in parts]


def first_header(path: Path) -> Header | None:
    """Return the header of a DICOM file, or of the first in a folder; None where there is none."""
    files = find_files(path)[0] if path.is_dir() else [os.fspath(path)]
    for file in files:
        try:
            header = read_header(file)
        except InputError:
            continue
        if header is not None and header.integer("Rows"):
            return header
    return None


def read_images(path: Path) -> CTSeries:
    """Read a case's images: the best-ranked CT of a folder, its largest stack where it is MR."""
    header = first_header(path) if path.is_dir() or is_named_as_slice(path.name) else None
    if header is None or header.text("Modality") != "MR":
        return read_series(path)
    groups = image_groups(path)
    usable = [group for group in groups if not group.unusable]
    if not usable:
        raise InputError(" ".join(sentences(groups)))
    return read_stack(max(usable, key=lambda group: len(group.group.headers))).series
