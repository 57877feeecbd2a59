"""The nodes of one result, held together by the text node that has all of its numbers.

The text node keeps `result.json` and references to every other node of the result, so that it
comes back with a saved scene. Tables, charts and overlay are views of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import slicer

if TYPE_CHECKING:
    from ...result import Result

MARK = "CTDoseSeg.Result"
# Values of the mark: of a result, and of the copy of one that is kept to be compared with.
VERSION, KEPT = "1", "kept"
# The name that a result got here; where the node has another, the user gave it.
NAMED = "CTDoseSeg.Name"
# In place of the node ID of a result: a new one, whatever the CT has.
NEW = "new"
DOSE_ENGINES = {
    "fast": "fast law",
    "montecarlo": "Monte Carlo",
    "published": "published networks",
}
ROLE = "CTDoseSeg."
# Of a segmentation that somebody changed by hand.
EDITED = "CTDoseSeg.Edited"
# Of dose overlay, dose map and doubt, which are scalar volumes and no CT.
OVERLAY = "CTDoseSeg.Overlay"
# Role to class; nodes that are made when they are first needed.
CLASSES = {
    "segmentation": "vtkMRMLSegmentationNode",
    "doseTable": "vtkMRMLTableNode",
    "sliceTable": "vtkMRMLTableNode",
    "markerTable": "vtkMRMLTableNode",
    "sizeChart": "vtkMRMLPlotChartNode",
    "ssdeChart": "vtkMRMLPlotChartNode",
    "overlay": "vtkMRMLScalarVolumeNode",
    "doubt": "vtkMRMLScalarVolumeNode",
    "doseMap": "vtkMRMLScalarVolumeNode",
    "doseMapSD": "vtkMRMLScalarVolumeNode",
    "doseMapBatches": "vtkMRMLScalarVolumeNode",
    "comparisonTable": "vtkMRMLTableNode",
    "comparisonShown": "vtkMRMLTableNode",
    "comparisonOther": "vtkMRMLTableNode",
    "comparisonChart": "vtkMRMLPlotChartNode",
    "isodoses": "vtkMRMLModelNode",
    "isodoseColors": "vtkMRMLColorTableNode",
    "dvhTable": "vtkMRMLTableNode",
    "dvhChart": "vtkMRMLPlotChartNode",
}
TITLES = {
    "segmentation": "segmentation",
    "doseTable": "organ doses",
    "sliceTable": "slices",
    "markerTable": "slice marker",
    "sizeChart": "WED and tube current",
    "ssdeChart": "SSDE and CTDIvol",
    "overlay": "dose overlay (mGy)",
    "doubt": "doubt (%)",
    "doseMap": "dose map (mGy)",
    "doseMapSD": "dose map uncertainty (mGy)",
    "doseMapBatches": "dose map batches",
    "comparisonTable": "comparison",
    "comparisonShown": "slices of the result, compared",
    "comparisonOther": "slices of the other result, compared",
    "comparisonChart": "WED of both results",
    "isodoses": "isodose lines",
    "isodoseColors": "isodose doses",
    "dvhTable": "dose-volume histograms",
    "dvhChart": "dose-volume histogram chart",
}


class Results:
    """One result in the scene.

    Attributes
    ----------
    node
        The text node with `result.json`.
    """

    def __init__(self, node: Any) -> None:
        self.node = node
        self._read: tuple[str, Result | None] | None = None

    @classmethod
    def create(cls, volumeNode: Any, into: str = "") -> Results:
        """Return the result to fill: the newest one of a volume, else a new one.

        `into` is the node ID of another one of it, or `NEW` for a new one beside those it has.
        """
        chosen = slicer.mrmlScene.GetNodeByID(into) if into not in ("", NEW) else None
        if chosen is not None and cls(chosen).volume is volumeNode:
            return cls(chosen)
        present = cls.of_volume(volumeNode) if into == "" else None
        if present is not None:
            return present
        # Marked before it is in the scene: selectors list it as it is added.
        node = slicer.vtkMRMLTextNode()
        node.SetName(f"{volumeNode.GetName()} result")
        node.SetAttribute(NAMED, node.GetName())
        node.SetAttribute(MARK, VERSION)
        slicer.mrmlScene.AddNode(node)
        node.SetNodeReferenceID(f"{ROLE}volume", volumeNode.GetID())
        return cls(node)

    @classmethod
    def of_volume(cls, volumeNode: Any) -> Results | None:
        """Return the newest result of a volume; None if it has none."""
        own = [r for r in cls.all() if volumeNode is not None and r.volume is volumeNode]
        return own[-1] if own else None

    @classmethod
    def all(cls) -> list[Results]:
        """Return all results of the scene."""
        nodes = slicer.util.getNodesByClass("vtkMRMLTextNode")
        return [cls(node) for node in nodes if node.GetAttribute(MARK) not in (None, KEPT)]

    @property
    def volume(self) -> Any:
        """The CT; None if it is gone."""
        return self.get("volume")

    @property
    def segmentation(self) -> Any:
        """The segmentation with all organs; None if it is gone."""
        return self.get("segmentation")

    @property
    def doseTable(self) -> Any:
        """The table of organ doses, as shown."""
        return self.get("doseTable")

    @property
    def sliceTable(self) -> Any:
        """The table of slices: z, tube current, CTDIvol, area, WED, SSDE."""
        return self.get("sliceTable")

    @property
    def overlay(self) -> Any:
        """The dose overlay; None until it is asked for."""
        return self.get("overlay")

    @property
    def simulated(self) -> bool:
        """Whether the doses are those of Monte Carlo, not of the fast law."""
        result = self.result
        return result is not None and result.chosen("dose_engine") == "montecarlo"

    @property
    def doseMap(self) -> Any:
        """The simulated dose of every voxel; None without a simulation."""
        return self.get("doseMap")

    def get(self, role: str) -> Any:
        """Return the node of a role; None where there is none."""
        return self.node.GetNodeReference(f"{ROLE}{role}")

    def ensure(self, role: str) -> Any:
        """Return the node of a role, made if there is none."""
        node = self.get(role)
        if node is None:
            volume = self.volume
            name = volume.GetName() if volume is not None else "CT"
            title = f"{name} {TITLES[role]}"
            node = slicer.mrmlScene.AddNewNodeByClass(CLASSES[role], title)
            self.node.SetNodeReferenceID(f"{ROLE}{role}", node.GetID())
        return node

    def segmentation_to_fill(self, givenID: str = "") -> Any:
        """Return the segmentation for a new result; one drawn by hand is kept beside it, hidden.

        `givenID` is the node ID of the user segmentation of the new result, if there is one.
        """
        source = slicer.mrmlScene.GetNodeByID(givenID) if givenID else None
        old = self.segmentation
        drawn = old if old is not None and old is not source and old.GetAttribute(EDITED) else None
        if drawn is not None:
            self.node.SetNodeReferenceID(f"{ROLE}segmentation", None)
        segmentation = self.ensure("segmentation")
        segmentation.RemoveAttribute(EDITED)
        for node in (source, drawn):
            if node not in (None, segmentation) and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(False)
        return segmentation

    def series(self, role: str, name: str) -> Any:
        """Return a plot series of this result, made if there is none."""
        key = f"{ROLE}series.{role}"
        node = self.node.GetNodeReference(key)
        if node is None:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
            self.node.SetNodeReferenceID(key, node.GetID())
        return node

    @property
    def result(self) -> Result | None:
        """The numbers of the result; None before the first analysis.

        Raises
        ------
        InputError
            If the text of the node was altered, or is of a newer version.
        """
        from ...result import parse_result

        # Not by the node's time: every reference to a table or a chart changes that.
        text = self.node.GetText()
        if self._read is None or self._read[0] != text:
            self._read = (text, parse_result(text, "The result in the scene") if text else None)
        return self._read[1]

    def write(self, result: Result) -> None:
        """Keep `result`, as it goes to `result.json`."""
        self._name_after(result)
        self.node.SetText(json.dumps(result.to_json(), ensure_ascii=True, allow_nan=False))
        self._read = (self.node.GetText(), result)

    def take_over(self, other: Results) -> None:
        """Keep the numbers of another result, which need not be read again."""
        self.node.SetText(other.node.GetText())
        self._read = (self.node.GetText(), other.result)

    def _name_after(self, result: Result) -> None:
        """Name the node after its engines, unless the user named it, or an earlier version did."""
        if self.node.GetAttribute(NAMED) != self.node.GetName():
            return
        name = self._title(result)
        if name != self.node.GetName():
            self.node.SetAttribute(NAMED, name)
            self.node.SetName(name)

    def _title(self, result: Result) -> str:
        """Return CT, segmentation engine and dose engine, with a number where another has these."""
        from ...segmentation.labelmap import engine_in_words

        engine = str(result.chosen("dose_engine", "fast"))
        parts = (engine_in_words(result.segmentation.engine), DOSE_ENGINES.get(engine, engine))
        volume = self.volume
        title = f"{volume.GetName() if volume is not None else 'CT'}: {', '.join(parts)}"
        taken = {other.node.GetName() for other in Results.all() if other.node is not self.node}
        names = (title, *(f"{title} ({n})" for n in range(2, len(taken) + 2)))
        return next(name for name in names if name not in taken)

    def doses(self) -> dict[str, float]:
        """Return organ to its dose in mGy, of those organs that have one."""
        organs = self.result.organs if self.result is not None else ()
        return {o.organ: o.dose_mGy for o in organs if o.dose_mGy is not None}

    def nodes(self) -> list[Any]:
        """Return all nodes of the result, its own last; the volume is none of them."""
        roles: list[str] = []
        self.node.GetNodeReferenceRoles(roles)
        own = [role for role in roles if role.startswith(ROLE) and role != f"{ROLE}volume"]
        found = (self.node.GetNodeReference(role) for role in own)
        return [*(node for node in found if node is not None), self.node]

    def remove(self) -> None:
        """Take the result and all of its nodes out of the scene; the volume stays."""
        for node in self.nodes():
            slicer.mrmlScene.RemoveNode(node)
