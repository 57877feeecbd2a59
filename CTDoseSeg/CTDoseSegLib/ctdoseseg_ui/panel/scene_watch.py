"""What happens in the scene without the panel: a CT is loaded, a result is made, a CT goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..nodes.results import Results

# After a node was added or a result was written: all of it is in the scene by then.
LOOK_MS = 100


class SceneWatch(VTKObservationMixin):
    """Reports new CTs and results to the panel, and lets results go with their CT.

    Parameters
    ----------
    on_volume
        Called when a scalar volume was added.
    on_result
        Called when a result was added or written.
    """

    def __init__(self, on_volume: Callable[[], None], on_result: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._on_volume, self._on_result = on_volume, on_result
        self._volume_added = False
        # Text nodes of results whose CT is about to go.
        self._orphans: list[str] = []
        self._look_timer, self._orphan_timer = qt.QTimer(), qt.QTimer()
        for timer, slot in ((self._look_timer, self._look), (self._orphan_timer, self._let_go)):
            timer.setSingleShot(True)
            timer.connect("timeout()", slot)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self._on_added)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._on_going)
        for results in Results.all():
            self.addObserver(results.node, results.node.TextModifiedEvent, self._on_text)

    def stop(self) -> None:
        """Watch no more."""
        self._look_timer.stop()
        self._orphan_timer.stop()
        self.removeObservers()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_added(self, _caller: Any, _event: Any, node: Any = None) -> None:
        if node is None:
            return
        if node.IsA("vtkMRMLTextNode"):
            self.addObserver(node, node.TextModifiedEvent, self._on_text)
            self._look_timer.start(LOOK_MS)
        elif node.IsA("vtkMRMLScalarVolumeNode"):
            self._volume_added = True
            self._look_timer.start(LOOK_MS)

    def _on_text(self, *_: Any) -> None:
        self._look_timer.start(LOOK_MS)

    def _look(self) -> None:
        added, self._volume_added = self._volume_added, False
        if _busy():
            return
        if added:
            self._on_volume()
        self._on_result()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_going(self, _caller: Any, _event: Any, node: Any = None) -> None:
        if node is None or _busy() or not node.IsA("vtkMRMLScalarVolumeNode"):
            return
        own = [results.node.GetID() for results in Results.all() if results.volume is node]
        if own:
            self._orphans += own
            self._orphan_timer.start(0)  # not amid the removal of another node

    def _let_go(self) -> None:
        from ..nodes.hierarchy import remove_result

        orphans, self._orphans = self._orphans, []
        if _busy():
            return
        for identifier in orphans:
            node = slicer.mrmlScene.GetNodeByID(identifier)
            if node is not None and Results(node).volume is None:
                remove_result(Results(node))


def _busy() -> bool:
    return bool(slicer.mrmlScene.IsClosing() or slicer.mrmlScene.IsImporting())
