"""The place of a result in the subject hierarchy: a folder of its own beside the CT."""

from __future__ import annotations

from typing import Any

import slicer

from .results import OVERLAY, ROLE, Results

# Attribute of a result's folder.
FOLDER = "CTDoseSeg.Folder"


def place(results: Results) -> None:
    """Put all nodes of the result into one folder beside the volume."""
    hierarchy = _hierarchy()
    if hierarchy is None or results.volume is None:
        return
    volume = hierarchy.GetItemByDataNode(results.volume)
    if not volume:
        return
    parent = hierarchy.GetItemParent(volume)
    folder = folder_of(results)
    if not folder:
        name = hierarchy.GenerateUniqueItemName(f"{results.volume.GetName()} doses")
        folder = hierarchy.CreateFolderItem(parent, name)
        hierarchy.SetItemAttribute(folder, FOLDER, "1")
        hierarchy.SetItemExpanded(folder, False)
    if hierarchy.GetItemParent(folder) != parent:
        hierarchy.SetItemParent(folder, parent)
    for node in results.nodes():
        item = hierarchy.GetItemByDataNode(node)
        if item and hierarchy.GetItemParent(item) != folder:
            hierarchy.SetItemParent(item, folder)
        if node.GetAttribute(OVERLAY) and node is not results.doseMap:
            node.SetHideFromEditors(True)  # no CT: it is not to be chosen as one


def folder_of(results: Results) -> int:
    """Return the folder that the nodes of a result lie in; 0 where there is none.

    Not by an ID that is kept somewhere: another scene that is added gives other IDs.
    """
    hierarchy = _hierarchy()
    for node in results.nodes():
        item = hierarchy.GetItemByDataNode(node)
        parent = hierarchy.GetItemParent(item) if item else 0
        if parent and hierarchy.GetItemAttribute(parent, FOLDER):
            return parent
    return 0


def remove_result(results: Results) -> None:
    """Take a result with its folder out of the scene, but its segmentation.

    It may have been corrected, or be the user's own; it stays where the folder was.
    """
    hierarchy = _hierarchy()
    folder, drawn = folder_of(results), results.segmentation
    if drawn is not None:
        results.node.SetNodeReferenceID(f"{ROLE}segmentation", None)
        item = hierarchy.GetItemByDataNode(drawn)
        if item and folder:
            hierarchy.SetItemParent(item, hierarchy.GetItemParent(folder))
    results.remove()
    if folder:
        hierarchy.RemoveItem(folder, False, False)


def _hierarchy() -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
