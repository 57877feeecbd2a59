"""Images of slices on disk as stacks: what belongs to one series, in the order of position.

Unlike `reading.reader.read_series` nothing is ranked and MR is welcome: labels say what counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...ct.series import CTSeries
from ...dicom.header import Header
from ...dicom.header_file import iter_frames, read_header
from ...errors import InputError
from ...files.walking import find_files
from ...reading.array_series import pixel_identity
from ...reading.dicom_volume import stack_volume
from ...reading.exposure import read_exposure
from ...reading.grouping import SliceGroup, group_slices
from ...reading.headers import is_named_as_slice, why_no_slice
from ...reading.reader import read_series
from ...tasks.progress import Progress


@dataclass(frozen=True)
class Stack:
    """Images of one series that lie on each other."""

    group: SliceGroup

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the images, in no particular order."""
        return tuple(dict.fromkeys(header.path for header in self.group.headers))

    @property
    def first(self) -> Header:
        """Header of one of the images."""
        return self.group.headers[0]

    def read(self) -> CTSeries:
        """Read the pixels; `files` of the series are in the order of its slices.

        Raises
        ------
        GeometryError, PixelDataError
            If the images make no volume; the sentence names the file.
        """
        volume = stack_volume(self.group, Progress(), (0.0, 1.0))
        exposure = read_exposure(volume.headers, volume.z_mm)
        return CTSeries(
            hu=volume.hu,
            affine=volume.affine,
            slices=exposure.slices,
            acquisition=exposure.acquisition,
            identity=self.group.series_uid or pixel_identity(volume.hu),
            regular=volume.regular,
            flags=volume.flags,
            files=tuple(header.path for header in volume.headers),
        )


def stacks(files: Sequence[Path]) -> list[Stack]:
    """Return the stacks that DICOM images make.

    Raises
    ------
    InputError
        If a file is no DICOM image, or a coloured one.
    """
    headers: list[Header] = []
    for path in files:
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
        headers += iter_frames(header)
    return [Stack(group) for group in group_slices(headers)]


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
    files = [Path(file) for file in find_files(path)[0]] if path.is_dir() else [path]
    return max(stacks(files), key=lambda one: len(one.group.headers)).read()
