"""Loading and saving of files and scenes, as far as a CT module needs it."""

from __future__ import annotations

from pathlib import Path

import vtk
from PySide6 import QtCore

_TYPES = {
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".seg.nrrd": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
}


class qSlicerIOManager(QtCore.QObject):
    """`slicer.app.ioManager()`: dictionaries of properties in, nodes and files out."""

    def __init__(self, core) -> None:
        super().__init__()
        self._core = core

    def fileType(self, path, /) -> str:
        for ending in sorted(_TYPES, key=len, reverse=True):
            if str(path).lower().endswith(ending):
                return _TYPES[ending]
        raise ValueError(f"The test host reads no files like {Path(path).name}.")

    def fileWriterFileType(self, node, _format="", /) -> str:
        return node.GetClassName()

    def loadNodes(self, kind, properties, loaded=None, messages=None, /) -> bool:
        path = Path(properties["fileName"])
        if not path.exists():
            if messages is not None:
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"{path.name} does not exist.")
            return False
        readers = {
            "SceneFile": self._load_scene,
            "VolumeFile": self._load_volume,
            "SegmentationFile": self._load_segmentation,
            "TableFile": self._load_table,
            "TransformFile": self._load_transform,
        }
        if kind not in readers:
            raise ValueError(f"The test host has no reader for {kind}.")
        nodes = readers[kind](path, properties)
        for node in nodes or ():
            if loaded is not None and node is not None:
                loaded.AddItem(node)
        return nodes is not None and None not in nodes

    def loadScene(self, path, clear=True, /) -> bool:
        return self._load_scene(Path(path), {"clear": clear}) is not None

    def _load_scene(self, path: Path, properties: dict):
        scene = self._core.scene
        if properties.get("clear", False):
            scene.Clear(False)
        if path.suffix.lower() == ".mrb":
            ok = scene.ReadFromMRB(str(path))
        else:
            scene.SetURL(str(path))
            ok = scene.Import()
        return [] if ok else None

    def _load_volume(self, path: Path, properties: dict):
        logic = self._core.logics["Volumes"]
        flags = 1 if properties.get("labelmap") else 0
        if properties.get("singleFile"):
            flags |= 8
        node = logic.AddArchetypeVolume(str(path), properties.get("name", path.stem), flags)
        if node is not None and properties.get("show", True):
            self._core.application_logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
            self._core.application_logic.PropagateVolumeSelection()
        return [node]

    def _load_segmentation(self, path: Path, properties: dict):
        logic = self._core.logics["Segmentations"]
        name = properties.get("name", path.name.partition(".")[0])
        return [logic.LoadSegmentationFromFile(str(path), True, name)]

    def _load_table(self, path: Path, properties: dict):
        return [self._core.logics["Tables"].AddTable(str(path), properties.get("name", path.stem))]

    def _load_transform(self, path: Path, _properties: dict):
        return [self._core.logics["Transforms"].AddTransform(str(path), self._core.scene)]

    def saveNodes(self, kind, properties, messages=None, /) -> bool:
        path = Path(properties["fileName"])
        if kind == "SceneFile":
            return self.saveScene(str(path))
        node = self._core.scene.GetNodeByID(properties["nodeID"])
        storage = node.CreateDefaultStorageNode()
        if storage is None:
            raise ValueError(f"The test host cannot save a {node.GetClassName()}.")
        storage.UnRegister(None)
        storage.SetFileName(str(path))
        if node.IsA("vtkMRMLVolumeNode"):
            storage.SetUseCompression(int(properties.get("useCompression", 1)))
        return bool(storage.WriteData(node))

    def saveScene(self, path, _screenshot=None, /) -> bool:
        scene = self._core.scene
        if Path(path).suffix.lower() == ".mrb":
            return bool(scene.WriteToMRB(str(path), None))
        if Path(path).suffix.lower() == ".mrml":
            scene.SetURL(str(path))
            return bool(scene.Commit())
        Path(path).mkdir(parents=True, exist_ok=True)
        logic = self._core.application_logic
        return bool(logic.SaveSceneToSlicerDataBundleDirectory(str(path), None))

    def addNodesFromFiles(self, *_arguments) -> None:
        raise NotImplementedError("The test host has no dialogs that load files.")
