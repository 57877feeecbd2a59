"""First stage: the headers of all DICOM files of an input, and which files were left out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..dicom.header import Header
from ..dicom.header_file import iter_frames, read_header
from ..dicom.identity import without_file_name
from ..errors import InputError
from ..files.walking import find_files
from ..flags import Flag, flag
from ..tasks.progress import Progress
from .copies import damaged_copies, damaged_flag, file_mark
from .volume_file import is_volume_file

# Names the DICOM files of one study, a path each: the batch passes studies on so.
FILE_LIST = ".files"
_MOST_REASONS = 10


@dataclass(frozen=True)
class FolderHeaders:
    """The headers of all slices of an input.

    Attributes
    ----------
    headers
        One for each slice, or frame of a multi-frame file; at least one.
    left_out
        Sentences about the files that were not read, without their names.
    flags
        What the user should know of those files.
    """

    headers: tuple[Header, ...]
    left_out: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class _Damaged:
    """Why a file could not be read: for an error, and for a result, which names no file."""

    error: str
    reason: str


def is_folder(path: Path) -> bool:
    """Return whether an input names many files: a folder, or a list of files."""
    return path.is_dir() or path.suffix == FILE_LIST


def read_headers(path: Path, progress: Progress, share: float) -> FolderHeaders:
    """Read the headers of a DICOM file, of a folder with its subfolders, or of a list of files.

    Parameters
    ----------
    path
        What to read.
    progress
        Receives progress and may cancel.
    share
        The part of the whole task that this stage is.

    Returns
    -------
    FolderHeaders

    Raises
    ------
    InputError
        If there is no DICOM file that can be read.
    """
    folder = is_folder(path)
    files, hidden = _files(path)
    if not files:
        raise InputError("The folder is empty; give the folder that holds the DICOM files.")
    frames: list[tuple[Header, ...]] = []
    damaged: list[_Damaged] = []
    foreign: list[str] = []
    step = max(1, len(files) // 20)
    for n, file in enumerate(files):
        if n % step == 0:
            progress.update(share * n / len(files), f"looking at file {n + 1} of {len(files)}")
        try:
            header = read_header(file)
            if header is not None:
                frames.append(tuple(iter_frames(replace(header, file_number=n + 1))))
            elif folder and is_named_as_slice(file):
                raise InputError(f"{os.path.basename(file)}: {why_no_slice(file)}")
            else:
                foreign.append(file)
        except InputError as error:
            reason = without_file_name(str(error), os.path.basename(file))
            damaged.append(_Damaged(str(error), f"{file_mark(file, n + 1)}: {reason}"))
    if not frames:
        raise InputError(damaged[0].error if damaged else _no_dicom(files, foreign, folder))
    sentences, flags = _left_out(len(foreign) + hidden, damaged)
    if cut := damaged_copies([slices[0] for slices in frames]):
        flags = (*flags, damaged_flag(cut))
        paths = {header.path for header in cut}
        frames = [slices for slices in frames if slices[0].path not in paths]
    headers = tuple(header for slices in frames for header in slices)
    return FolderHeaders(headers, sentences, flags)


def is_named_as_slice(file: str) -> bool:
    """Return whether a file is named as a DICOM slice: if it is none, it is damaged."""
    return file.lower().endswith((".dcm", ".ima"))


def why_no_slice(file: str) -> str:
    """Return what is wrong with a file that is named as a slice and is no DICOM file."""
    empty = os.path.getsize(file) == 0
    state = "it is empty (0 bytes)" if empty else "it is named as a DICOM file and is none"
    return f"{state}; copy or export it again."


def _files(path: Path) -> tuple[list[str], int]:
    """Return the files to look at, and the number of hidden ones."""
    if path.suffix == FILE_LIST:
        return [os.fsdecode(name) for name in path.read_bytes().split(b"\0") if name], 0
    return find_files(path) if path.is_dir() else ([os.fspath(path)], 0)


def _left_out(foreign: int, damaged: list[_Damaged]) -> tuple[tuple[str, ...], tuple[Flag, ...]]:
    sentences = []
    if foreign:
        sentences.append(f"{foreign} files were left out: they are not DICOM images.")
    if not damaged:
        return tuple(sentences), ()
    # These travel with the result: file names, which can name the patient, stay out.
    reasons = [one.reason for one in damaged]
    sentences += [f"A DICOM file was not read: {reason}" for reason in reasons[:_MOST_REASONS]]
    detail = f"{len(reasons)} files, the first: {reasons[0].rstrip('.')}"
    return tuple(sentences), (flag("files_unreadable", detail),)


def _no_dicom(files: list[str], foreign: Iterable[str], folder: bool) -> str:
    """Return the sentence for an input without any DICOM file."""
    name = os.path.basename(files[0])
    if not folder:
        if os.path.getsize(files[0]) == 0:
            return f"{name} is empty (0 bytes); copy or export it again."
        return f"{name} is neither DICOM nor NIfTI, NRRD or npy; give the CT series itself."
    volumes = [os.path.basename(file) for file in foreign if is_volume_file(Path(file))]
    if volumes:
        return f"The folder has no DICOM file but {volumes[0]}; give that file itself."
    return f"None of the {len(files)} files in the folder is DICOM; give the CT series' folder."
