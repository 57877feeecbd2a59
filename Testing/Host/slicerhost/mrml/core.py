"""Scene, application logic and module logics, as slicer-core has them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

# Module name in Slicer -> class of its logic in slicer-core.
LOGICS = {
    "Annotations": "vtkSlicerAnnotationModuleLogic",
    "Cameras": "vtkSlicerCamerasModuleLogic",
    "Colors": "vtkSlicerColorLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Data": "vtkSlicerDataModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Units": "vtkSlicerUnitsLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}
# What slicer-core's wheel lacks: terminologies with one entry each, and of the colour tables that
# Slicer installs the one that the module shows doses in (matplotlib's plasma, which is CC0).
_SHARE = Path(__file__).parent / "share"


def choose_rendering() -> None:
    """Without a display, have VTK take EGL or OSMesa at once instead of trying X11 first."""
    if "DISPLAY" in os.environ or "VTK_DEFAULT_OPENGL_WINDOW" in os.environ:
        return
    import ctypes.util

    name = "vtkEGLRenderWindow" if ctypes.util.find_library("EGL") else "vtkOSOpenGLRenderWindow"
    os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = name


class Core:
    """One scene with the logics that Slicer has around it."""

    def __init__(self) -> None:
        import slicer
        import vtk

        self.scene = slicer.vtkMRMLScene()
        self._cache = tempfile.TemporaryDirectory(prefix="slicerhost")
        self.application_logic = slicer.vtkSlicerApplicationLogic()
        shutil.copytree(_SHARE / "ColorFiles", Path(self._cache.name) / "share" / "ColorFiles")
        (Path(self._cache.name) / ".slicer-cache").touch()  # the cache manager asks for it
        self.application_logic.SetHomeDirectory(self._cache.name)
        self.application_logic.SetShareDirectory("share")
        self.application_logic.SetTemporaryPath(self._cache.name)
        self.application_logic.SetMRMLScene(self.scene)
        self.application_logic.SetSliceLogics(vtk.vtkCollection())
        self.application_logic.SetViewLogics(vtk.vtkCollection())
        for factory in (
            slicer.vtkMRMLSliceViewDisplayableManagerFactory,
            slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
        ):
            factory.GetInstance().SetMRMLApplicationLogic(self.application_logic)
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        cache = slicer.vtkCacheManager()
        cache.SetRemoteCacheDirectory(self._cache.name)
        cache.SetMRMLScene(self.scene)
        self.scene.SetCacheManager(cache)
        files = slicer.vtkDataIOManager()
        files.SetCacheManager(cache)
        self.scene.SetDataIOManager(files)
        self.logics = {}
        for name, class_name in LOGICS.items():
            self.logics[name] = self._make_logic(name, getattr(slicer, class_name)())
        self.logics["Colors"].AddDefaultColorNodes()
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)

    def _make_logic(self, name: str, logic):
        if hasattr(logic, "SetModuleShareDirectory"):
            logic.SetModuleShareDirectory(str(_SHARE / name))
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self.application_logic.SetModuleLogic(name, logic)
        return logic

    def close(self) -> None:
        """Empty the scene and let the logics go."""
        self.scene.Clear(True)
        for name, logic in self.logics.items():
            if name != "Segmentations":  # it would ask for the hierarchy of no scene
                logic.SetMRMLScene(None)
        self.application_logic.SetMRMLScene(None)
        self.scene.SetDataIOManager(None)
        self.scene.SetCacheManager(None)
        self._cache.cleanup()
