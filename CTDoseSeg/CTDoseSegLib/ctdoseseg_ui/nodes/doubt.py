"""The network's doubt as a volume of the scene, and as a tint over the slice views.

The tint is a layer of its own: background, foreground and label stay as the user set them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk

from ...segmentation.doubt_map import WHOLLY, DoubtMap
from .results import OVERLAY, Results
from .volumes import geometry

if TYPE_CHECKING:
    from ...segmentation.labelmap import Labelmap

# Built into Slicer: pale where there is little doubt, red where there is much.
COLORS = "vtkMRMLColorTableNodeWarmTint1"
# Doubt in percent: less than the first is not shown, from the second on all is red.
LEAST, GUESS = 20.0, 50.0
OPACITY = 0.7
# Before these come background, foreground and label.
FIRST_LAYER = 3


def fill_doubt(results: Results, labelmap: Labelmap) -> None:
    """Put the doubt of a label map into the scene, in percent; without one the node is removed."""
    if labelmap.doubt_map is None:
        if (old := results.get("doubt")) is not None:
            slicer.mrmlScene.RemoveNode(old)
        return
    node, volume = results.ensure("doubt"), results.volume
    node.SetAttribute(OVERLAY, "1")
    own, _, _ = geometry(volume)
    place = DoubtMap.of(labelmap.doubt_map.values, labelmap.labels.shape, own)
    percent = np.arange(WHOLLY + 1) * 100.0 / WHOLLY
    was = node.StartModify()
    try:
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(place.affine))
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        values = np.rint(percent).astype(np.uint8)[place.values]
        slicer.util.updateVolumeFromArray(node, values)
        node.SetVoxelValueUnits(_percent())
    finally:
        node.EndModify(was)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(COLORS)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, GUESS)
    display.SetThreshold(LEAST, 100.0)
    display.ApplyThresholdOn()


def _percent() -> Any:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning("%", "UCUM", "%")
    return entry


def forget_doubt(results: Results, drawn: Mapping[int, np.ndarray], slices: int) -> None:
    """Take the doubt away where the user drew: what stands there is no longer the network's.

    Parameters
    ----------
    results
        The result.
    drawn
        Slice to boolean [j, i] of the volume.
    slices
        Number of the volume's slices.
    """
    node = results.get("doubt")
    if node is None or not drawn:
        return
    doubt = DoubtMap(slicer.util.arrayFromVolume(node), np.eye(4))
    for k, where in drawn.items():
        doubt.forget(k, where, slices)
    slicer.util.arrayFromVolumeModified(node)


def show_tint(node: Any) -> None:
    """Lay the doubt over all slice views."""
    for view in _views():
        if not _layers_of(view, node):
            layer = FIRST_LAYER + view.GetNumberOfAdditionalLayers()
            view.SetNthLayerVolumeID(layer, node.GetID())
            view.SetNthLayerOpacity(layer, OPACITY)


def hide_tint(node: Any) -> None:
    """Take the doubt away from all slice views."""
    for view in _views():
        for layer in reversed(_layers_of(view, node)):
            view.SetNthLayerVolumeID(layer, None)


def _views() -> Iterator[vtk.vtkObject]:
    yield from slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def _layers_of(view: Any, node: Any) -> list[int]:
    count = FIRST_LAYER + view.GetNumberOfAdditionalLayers()
    return [n for n in range(FIRST_LAYER, count) if view.GetNthLayerVolumeID(n) == node.GetID()]
