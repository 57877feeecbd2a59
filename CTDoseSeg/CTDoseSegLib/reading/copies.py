"""Copies of slices that add nothing: identical ones, and damaged ones of an intact slice.

A damaged file is named by its place in the reading order and the start of its SHA-256: its name
and folder can hold the patient's.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from ..dicom.decoding import PixelReader, check_size
from ..dicom.header import Header
from ..dicom.truncation import is_cut_off
from ..errors import InputError, PixelDataError
from ..flags import Flag, flag

_DIGITS = 12
_MOST_NAMED = 5
_MEANING = ("Rows", "Columns", "RescaleSlope", "RescaleIntercept", "PixelRepresentation")


def file_mark(path: str, number: int, local: Callable[[str], str] | None = None) -> str:
    """Return what names a file without identity: ``file 7 (SHA-256 0123456789ab)``.

    Parameters
    ----------
    path
        Where it can be read; where it cannot, its number stands alone.
    number
        Its place in the reading order, from 1.
    local
        Returns where a header's file can be read, which for a member of an archive is elsewhere.
    """
    digest = hashlib.sha256()
    try:
        with open(local(path) if local is not None else path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except (OSError, InputError):
        return f"file {number}"
    return f"file {number} (SHA-256 {digest.hexdigest()[:_DIGITS]})"


def damaged_copies(
    headers: Sequence[Header], local: Callable[[str], str] | None = None
) -> list[Header]:
    """Return the files that are cut off where another one of the same slice is whole.

    Of one slice are files of one SOP instance, and those of one series at one position.

    Parameters
    ----------
    headers
        One for each file.
    local
        Returns where a header's file can be read, which for a member of an archive is elsewhere.

    Returns
    -------
    list of Header
        In the same order.
    """
    instances: dict[str, list[Header]] = defaultdict(list)
    positions: dict[tuple[str, str], list[Header]] = defaultdict(list)
    for header in headers:
        if uid := header.text("SOPInstanceUID"):
            instances[uid].append(header)
        if position := header.text("ImagePositionPatient"):
            positions[header.text("SeriesInstanceUID"), position].append(header)
    damaged: set[int] = set()
    for copies in instances.values():
        if len({copy.pixel_bytes for copy in copies}) > 1:
            cut = [copy for copy in copies if _is_cut(copy, local)]
            if len(cut) < len(copies):
                damaged.update(map(id, cut))
    for slices in positions.values():
        short = [header for header in slices if _lacks_pixels(header)]
        if len(short) < len(slices):
            damaged.update(map(id, short))
    return [header for header in headers if id(header) in damaged]


def damaged_flag(headers: Sequence[Header]) -> Flag:
    """Return the flag that names damaged files."""
    marks = [file_mark(header.path, header.file_number) for header in headers[:_MOST_NAMED]]
    more = f" and {len(headers) - len(marks)} more" if len(headers) > len(marks) else ""
    return flag("damaged_copies", f"{', '.join(marks)}{more}")


def without_copies(places: Sequence[Sequence[Header]]) -> tuple[list[Header], list[Flag]]:
    """Drop the slices that another one at the same position makes superfluous.

    Parameters
    ----------
    places
        The slices of each position, those of one position in the order of preference.

    Returns
    -------
    slices : list of Header
        Without those whose pixels are those of another one, and without those whose pixels
        cannot be read beside one whose can.
    flags : list of Flag

    Raises
    ------
    PixelDataError
        If no slice of a position that has several can be read.
    """
    kept: list[Header] = []
    damaged: list[Header] = []
    identical = 0
    for members in places:
        if len(members) == 1:
            kept += members
            continue
        readable, problem = _read(members)
        if problem is not None and not readable:
            raise problem
        different: list[tuple[Header, np.ndarray]] = []
        for header, pixels in readable:
            if any(_same(header, pixels, *other) for other in different):
                identical += 1
            else:
                different.append((header, pixels))
        intact = [
            header
            for header, pixels in different
            if not any(_ends_early(pixels, other) for _, other in different)
        ]
        kept += intact
        damaged += [one for one, _ in different if all(one is not other for other in intact)]
        damaged += [one for one in members if all(one is not other for other, _ in readable)]
    flags = [damaged_flag(sorted(damaged, key=lambda one: one.file_number))] if damaged else []
    if identical:
        flags.append(flag("duplicates_dropped", f"{identical} slices"))
    return kept, flags


def _read(
    headers: Sequence[Header],
) -> tuple[list[tuple[Header, np.ndarray]], PixelDataError | None]:
    """Return the slices that can be read with their stored values, and the first problem."""
    readable: list[tuple[Header, np.ndarray]] = []
    problem: PixelDataError | None = None
    for header in headers:
        try:
            check_size(header)
            reader = PixelReader(header.integer("Rows"), header.integer("Columns"))
            readable.append((header, reader.read(header)))
        except PixelDataError as error:
            problem = problem or error
    return readable, problem


def _same(first: Header, one: np.ndarray, second: Header, other: np.ndarray) -> bool:
    """Return whether two slices have the same stored values, which mean the same."""
    return all(first.values.get(key) == second.values.get(key) for key in _MEANING) and bool(
        np.array_equal(one, other)
    )


def _ends_early(pixels: np.ndarray, whole: np.ndarray) -> bool:
    """Return whether a slice is another one up to a place and 0 from there on.

    A file whose space was set aside before it was written is as long as the whole one.
    """
    mine, theirs = pixels.ravel(), whole.ravel()
    written = int(np.flatnonzero(mine)[-1]) + 1 if mine.any() else 0
    return bool(theirs[written:].any()) and np.array_equal(mine[:written], theirs[:written])


def _lacks_pixels(header: Header) -> bool:
    """Return whether the header alone shows that pixels are missing."""
    if not header.pixel_bytes:
        return True  # cut before the pixels, between two elements
    bits = header.integer("BitsAllocated", 16)
    needed = header.integer("Rows") * header.integer("Columns") * bits // 8
    return header.pixel_offset is not None and header.pixel_bytes < needed


def _is_cut(header: Header, local: Callable[[str], str] | None) -> bool:
    if _lacks_pixels(header):
        return True
    try:
        with open(local(header.path) if local is not None else header.path, "rb") as file:
            return is_cut_off(file.read())
    except (OSError, InputError):
        return True
