"""Segmentations as 3D Slicer saves them (.seg.nrrd): names and layers from the file's header.

The fields ``SegmentN_Name``, ``_LabelValue``, ``_Layer`` and ``_Tags`` are those of Slicer's
`vtkMRMLSegmentationStorageNode`. Before Slicer 4.11 every segment had a layer of its own with the
value 1, and neither field was written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..ct.organs import name_of
from ..errors import SegmentationError
from .layers import merge_layers

_SEGMENT = re.compile(r"Segment(\d+)_(Name|LabelValue|Layer|Tags|Color)")
_TERMINOLOGY = "TerminologyEntry:"


@dataclass(frozen=True)
class _Segment:
    name: str
    value: int
    layer: int
    color: str


def is_segmentation(fields: Mapping[str, str]) -> bool:
    """Return whether the header of an NRRD file is that of a segmentation of Slicer."""
    return any(_SEGMENT.fullmatch(key) for key in fields)


def segmentation_labels(
    voxels: np.ndarray, fields: Mapping[str, str], file_name: str
) -> tuple[np.ndarray, list[dict[str, str]], int]:
    """Return the labels of a segmentation, their names, and how many voxels overlap.

    Parameters
    ----------
    voxels
        [k, j, i], or [k, j, i, layer].
    fields
        Of the header.
    file_name
        Begins the sentence of an error.

    Returns
    -------
    labels : numpy.ndarray
        [k, j, i]; of a single layer as stored, else values count the segments from 1.
    rows : list of dict
        ``value``, ``name`` and ``color``.
    overlap : int
        Voxels that lie in several segments; each belongs to the smallest.

    Raises
    ------
    SegmentationError
        If the segments do not fit the layers, or two in one layer have one value.
    """
    layers = [voxels] if voxels.ndim == 3 else list(np.moveaxis(voxels, -1, 0))
    segments = _segments(fields, file_name)
    places = [(segment.layer, segment.value) for segment in segments]
    if len(set(places)) < len(places) or any(layer >= len(layers) for layer, _ in places):
        raise SegmentationError(
            f"{file_name}: its segments do not fit its {len(layers)} layers; load it in Slicer and "
            "save it again."
        )
    if len(layers) == 1:
        return layers[0], [_row(segment, segment.value) for segment in segments], 0
    numbered = []
    for index, layer in enumerate(layers):
        lookup = np.zeros(int(layer.max(initial=0)) + 1, np.uint16)
        for number, segment in enumerate(segments, start=1):
            if segment.layer == index and segment.value < lookup.size:
                lookup[segment.value] = number
        if unnamed := sorted(
            set(np.flatnonzero(np.bincount(layer.ravel())))
            - {0}
            - {segment.value for segment in segments if segment.layer == index}
        ):
            raise SegmentationError(
                f"{file_name}: layer {index} holds the value {unnamed[0]}, which no segment has; "
                "load it in Slicer and save it again."
            )
        numbered.append(lookup[layer])
    labels, overlap = merge_layers(numbered)
    return labels, [_row(segment, n) for n, segment in enumerate(segments, start=1)], overlap


def terminology_codes(entry: str) -> tuple[str, str]:
    """Return the SNOMED CT codes of structure and side in Slicer's terminology entry.

    Examples
    --------
    >>> terminology_codes("list~SCT^123037004^x~SCT^64033007^Kidney~SCT^7771000^Left~a~^^~^^")
    ('64033007', '7771000')
    """
    parts = [part.split("^") for part in entry.split("~")]
    if len(parts) < 4 or parts[2][0] != "SCT" or len(parts[2]) < 2:
        return "", ""
    return parts[2][1], parts[3][1] if len(parts[3]) > 1 else ""


def _segments(fields: Mapping[str, str], file_name: str) -> list[_Segment]:
    by_number: dict[int, dict[str, str]] = {}
    for key, text in fields.items():
        if match := _SEGMENT.fullmatch(key):
            by_number.setdefault(int(match[1]), {})[match[2]] = text
    segments = []
    taken: set[str] = set()
    for number, own in sorted(by_number.items()):
        try:
            value, layer = int(own.get("LabelValue", 1)), int(own.get("Layer", number))
            if value < 1 or layer < 0:
                raise ValueError
        except ValueError as error:
            raise SegmentationError(
                f"{file_name}: Segment{number}_LabelValue or _Layer is no whole number; load it in "
                "Slicer and save it again."
            ) from error
        name, count = _name(own) or f"segment_{number + 1}", 2
        while name in taken:  # Slicer allows one name twice
            name, count = f"{_name(own)}_{count}", count + 1
        taken.add(name)
        segments.append(_Segment(name, value, layer, _color(own.get("Color", ""))))
    return segments


def _name(own: Mapping[str, str]) -> str:
    tags = own.get("Tags", "").split("|")
    entry = next((tag for tag in tags if tag.startswith(_TERMINOLOGY)), "")
    return name_of(own.get("Name", ""), *terminology_codes(entry.removeprefix(_TERMINOLOGY)))


def _color(text: str) -> str:
    try:
        parts = [min(255, max(0, round(255 * float(part)))) for part in text.split()]
    except (ValueError, OverflowError):
        return ""
    return "#" + "".join(f"{part:02x}" for part in parts) if len(parts) == 3 else ""


def _row(segment: _Segment, value: int) -> dict[str, str]:
    return {"value": str(value), "name": segment.name, "color": segment.color}
