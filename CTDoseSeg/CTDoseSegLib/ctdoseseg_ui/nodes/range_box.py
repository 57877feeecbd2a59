"""A box in the slice views whose ends along the body are the irradiated range of a CT.

It is under the volume's own transform, so that it stays with what it shows; it is in no list of
nodes and in no saved scene.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import slicer

from .placement import Range
from .volumes import geometry

NAME = "Irradiated range"
_LEAST_MM = 1.0  # of its length


def add_range_box(volumeNode: Any, own_mm: Range) -> Any:
    """Add the box to the scene, as wide as the volume; `own_mm` is (low, high), the volume's S."""
    box = slicer.vtkMRMLMarkupsROINode()
    box.SetName(NAME)
    box.SetHideFromEditors(True)
    box.SetSaveWithScene(False)
    box = slicer.mrmlScene.AddNode(box)
    box.CreateDefaultDisplayNodes()
    display = box.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetHandlesInteractive(True)
    display.SetTranslationHandleVisibility(True)
    display.SetScaleHandleVisibility(True)
    display.SetRotationHandleVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetFillVisibility(False)  # the image is what is looked at
    display.SetVisibility3D(False)
    corners = _corners(volumeNode)
    box.SetCenter(*(corners.min(axis=0) + corners.max(axis=0)) / 2)
    box.SetSize(*np.ptp(corners, axis=0))
    set_box_range(box, own_mm)
    follow_volume(box, volumeNode)
    return box


def follow_volume(box: Any, volumeNode: Any) -> None:
    """Put the box under the transform that the volume is under."""
    box.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())


def box_range(box: Any) -> Range:
    """Return (low, high) of the box in the volume's S."""
    (*_, middle), (*_, size) = _centre_and_size(box)
    return middle - size / 2, middle + size / 2


def set_box_range(box: Any, own_mm: Range) -> None:
    """Move the ends of the box to (low, high) in the volume's S."""
    (x, y, _), (width, depth, _) = _centre_and_size(box)
    low, high = own_mm
    box.SetCenter(x, y, (low + high) / 2)
    box.SetSize(width, depth, max(high - low, _LEAST_MM))


def image_range(volumeNode: Any) -> Range:
    """Return (low, high) of the volume itself, in its own S."""
    heights = _corners(volumeNode)[:, 2]
    return float(heights.min()), float(heights.max())


def _centre_and_size(box: Any) -> tuple[list[float], list[float]]:
    centre = [0.0] * 3
    box.GetCenter(centre)
    return centre, list(box.GetSize())


def _corners(volumeNode: Any) -> np.ndarray:
    """Return the outer corners of the volume in its own RAS, [corner, axis]."""
    own, _, _ = geometry(volumeNode)
    last = np.array(volumeNode.GetImageData().GetDimensions()) - 0.5
    ends = np.array(list(itertools.product(*zip([-0.5] * 3, last, strict=True))))
    return ends @ own[:3, :3].T + own[:3, 3]
