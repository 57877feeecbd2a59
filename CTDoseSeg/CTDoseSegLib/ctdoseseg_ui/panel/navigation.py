"""From an organ or a slice of the result to the views, and from the views to the charts."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from ..nodes.results import Results
from ..nodes.segmentations import segment_names
from ..nodes.volumes import geometry

FAINT_FILL, FAINT_LINE, HALF_LINE = 0.08, 0.2, 0.5
# Drawn as lines, not filled.
LINES = ("body_rest", "skin", "couch", "headrest")
WINDOWS = {
    "Soft tissue": (400.0, 40.0),
    "Lung": (1500.0, -600.0),
    "Bone": (1800.0, 400.0),
    "Whole range": (2000.0, 0.0),
}


def set_window(volumeNode: Any, name: str) -> None:
    """Set window and level of the CT by the preset's name."""
    display = volumeNode.GetDisplayNode()
    if display is not None and name in WINDOWS:
        display.AutoWindowLevelOff()
        display.SetWindowLevel(*WINDOWS[name])


def show_volume(volumeNode: Any) -> None:
    """Show the CT in the slice views, along its own slices."""
    slicer.util.setSliceViewerLayers(background=volumeNode, fit=True, rotateToVolumePlane=True)


def slice_of_organ(results: Results, organ: str) -> int | None:
    """Return the slice in which the organ is largest."""
    structure = results.result.structures.get(organ)
    if structure is None or not structure.count.any():
        return None
    return int(np.argmax(structure.count))


def jump_to_slice(results: Results, k: int, ij: tuple[float, float] | None = None) -> None:
    """Move all slice views to slice `k`, through the point (i, j) or the middle."""
    volume = results.volume
    if volume is None:
        return
    size = volume.GetImageData().GetDimensions()
    i, j = ij or ((size[0] - 1) / 2, (size[1] - 1) / 2)
    _, affine, _ = geometry(volume)
    ras = (affine @ np.array([i, j, k, 1.0]))[:3]
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.JumpSliceByOffsetting(float(ras[0]), float(ras[1]), float(ras[2]))


def jump_to_organ(results: Results, organ: str) -> bool:
    """Go to the organ and highlight it; return False if the result has no such organ."""
    k = slice_of_organ(results, organ)
    if k is None or results.segmentation is None:
        return False
    names = {name: identifier for identifier, name in segment_names(results.segmentation).items()}
    members = results.result.structures[organ].atoms
    identifiers = [names[name] for name in members if name in names]
    jump_to_slice(results, k, _centre(results, identifiers))
    highlight(results.segmentation, identifiers)
    return True


def _centre(results: Results, identifiers: list[str]) -> tuple[float, float] | None:
    """Return the centre (i, j) of the first of the segments."""
    _, affine, linear = geometry(results.volume)
    node = results.segmentation
    if not linear or not identifiers:
        return None
    point = node.GetSegmentCenterRAS(identifiers[0])
    if point is None:
        return None
    ijk = np.linalg.inv(affine) @ np.array([*point, 1.0])
    return float(ijk[0]), float(ijk[1])


def highlight(segmentationNode: Any, identifiers: list[str]) -> None:
    """Let some segments stand out and the others step back; none: all as usual."""
    display = segmentationNode.GetDisplayNode()
    if display is None:
        return
    was = display.StartModify()
    for identifier, name in segment_names(segmentationNode).items():
        chosen = not identifiers or identifier in identifiers
        filled = name not in LINES or identifier in identifiers
        display.SetSegmentOpacity2DFill(identifier, (1.0 if chosen else FAINT_FILL) * filled)
        line = 1.0 if filled else HALF_LINE
        display.SetSegmentOpacity2DOutline(identifier, line if chosen else FAINT_LINE)
    display.EndModify(was)


class SliceWatch:
    """Reports which slice of the volume the red view shows.

    Parameters
    ----------
    on_slice
        Called with the slice index when it changes.
    """

    def __init__(self, on_slice: Any) -> None:
        self._on_slice = on_slice
        self._volume: Any = None
        self._node: Any = None
        self._tag: int | None = None
        self._k: int | None = None

    def follow(self, volumeNode: Any) -> None:
        """Follow the view over another volume."""
        self.stop()
        node = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
        if volumeNode is None or node is None:
            return
        self._volume, self._node = volumeNode, node
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified)
        self._on_modified()

    def stop(self) -> None:
        """Follow nothing."""
        if self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._volume = self._node = self._tag = self._k = None

    def _on_modified(self, *_: Any) -> None:
        if self._volume is None or self._volume.GetImageData() is None:
            return
        matrix = self._node.GetSliceToRAS()
        centre = np.array([matrix.GetElement(row, 3) for row in range(3)] + [1.0])
        _, affine, _ = geometry(self._volume)
        k = round(float((np.linalg.inv(affine) @ centre)[2]))
        if k != self._k and 0 <= k < self._volume.GetImageData().GetDimensions()[2]:
            self._k = k
            self._on_slice(k)
