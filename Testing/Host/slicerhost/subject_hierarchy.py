"""Subject hierarchy items for new nodes, which a Qt plugin makes in Slicer."""

from __future__ import annotations

import slicer
import vtk

from slicerhost import problems

_OWNED = (
    "vtkMRMLMarkupsNode",
    "vtkMRMLModelNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLTransformNode",
    "vtkMRMLVolumeNode",
)


class HierarchyPlugin:
    """Adds an item for each data node, and takes it away with the node."""

    def __init__(self, scene) -> None:
        self._scene = scene
        handlers = {
            scene.NodeAddedEvent: self._on_added,
            scene.NodeAboutToBeRemovedEvent: self._on_removed,
            scene.EndImportEvent: self._on_changed,
            scene.EndCloseEvent: self._on_changed,
            scene.EndRestoreEvent: self._on_changed,
            scene.EndBatchProcessEvent: self._on_changed,
        }
        self._tags = [
            scene.AddObserver(event, self._guarded(handler), 10.0)
            for event, handler in handlers.items()
        ]

    @staticmethod
    def _guarded(handler):
        @vtk.calldata_type(vtk.VTK_OBJECT)
        def handle(_caller, _event, node=None) -> None:
            with problems.collecting("subject hierarchy"):
                handler(node)

        return handle

    def _hierarchy(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    @staticmethod
    def _owned(node) -> bool:
        return not node.GetHideFromEditors() and any(node.IsA(name) for name in _OWNED)

    def _on_added(self, node) -> None:
        if node is None or node.IsA("vtkMRMLSubjectHierarchyNode"):
            slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        elif not self._scene.IsImporting() and self._owned(node):
            hierarchy = self._hierarchy()
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _on_removed(self, node) -> None:
        if self._scene.IsClosing() or node is None or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = self._hierarchy()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.RemoveItem(item, False, False)

    def _on_changed(self, _node) -> None:
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        hierarchy = self._hierarchy()
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            if self._owned(node) and not hierarchy.GetItemByDataNode(node):
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def close(self) -> None:
        """Stop watching the scene."""
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
