"""Which volumes of the scene can be the input: no overlay, dose map or label map."""

from __future__ import annotations

from typing import Any

import slicer

from ..nodes.results import OVERLAY


def first_ct() -> Any:
    """Return the first volume of the scene that can be a CT; None if there is none."""
    for node in _scalar_volumes():
        # Label maps are scalar volumes too.
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetAttribute(OVERLAY):
            return node
    return None


def hide_overlays(selector: Any) -> None:
    """Leave what this module makes out of a selector of volumes; other modules offer dose maps."""
    hidden = [node.GetID() for node in _scalar_volumes() if node.GetAttribute(OVERLAY)]
    model = selector.sortFilterProxyModel()
    if list(model.hiddenNodeIDs) != hidden:
        model.hiddenNodeIDs = hidden


def _scalar_volumes() -> list[Any]:
    return slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
