"""The phantom in Slicer's Sample Data module: made here, nothing is downloaded."""

from __future__ import annotations

from typing import Any

import slicer

CATEGORY = "CTDoseSeg"
NAME = "CTDoseSegPhantom"


def register() -> None:
    """Offer the phantom."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        uris=[],
        fileNames=[],
        customDownloader=lambda source: load_phantom(),
        thumbnailFileName=None,
    )


def load_phantom(**parameters: Any) -> list[Any]:
    """Put a phantom's CT and its exact organs into the scene; `parameters` are the phantom's.

    Returns
    -------
    list
        The volume node and the segmentation node.
    """
    from ..phantom.phantom import Phantom
    from ..segmentation.atoms import named_atom
    from ..segmentation.labelmap import Labelmap
    from .nodes.segmentations import fill_segmentation

    chosen = {"seed": 1, "shape": (192, 192, 60), "spacing_mm": (2.3, 2.3, 9.0), **parameters}
    phantom = Phantom(**chosen)
    hu, truth = phantom.render()
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Phantom CT")
    slicer.util.updateVolumeFromArray(volume, hu)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(phantom.affine))
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(400, 40)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Phantom organs")
    atoms = tuple(named_atom(value, name, "phantom") for name, value in truth.names.items())
    labelmap = Labelmap(truth.labels, phantom.affine, atoms, dict(truth.groups), "phantom")
    fill_segmentation(segmentation, labelmap, volume)
    return [volume, segmentation]
