"""Surfaces of the organs for the 3D views, made a little at a time, that no scene file keeps.

They are segments of a hidden node of their own. Surfaces in the result's own segmentation would be
made again by Slicer, of all segments with body and skin and in one piece, whenever one of them
lacks its surface, and whenever the saved scene is loaded: its file states that there were some.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .segmentations import binary_name, is_organ, segment_names

MARK = "CTDoseSeg.Surfaces"
# An organ's own box is sampled to no more voxels than this, which takes some 20 ms to mesh.
MOST_VOXELS = 500_000
# Voxels that are looked through in one step.
SLAB_VOXELS = 2_000_000


class OrganSurfaces:
    """The surfaces of one segmentation.

    Attributes
    ----------
    node
        The hidden segmentation node that holds them; None before the first step.
    """

    def __init__(self) -> None:
        self.node: Any = None
        # Segment ID to what its surface was made of.
        self._made_of: dict[str, tuple] = {}

    @property
    def exist(self) -> bool:
        """Whether there are any; a script can remove even hidden nodes."""
        return self.node is not None and self.node.GetScene() is not None

    def steps(self, segmentationNode: Any) -> Iterator[tuple[int, int]]:
        """Make what is missing and what has changed; yields how many organs are done, of how many.

        Between two yields lies work of some ten milliseconds.
        """
        if not self.exist:
            self.scene_closed()
            self.node = _hidden_node()
        segmentation = self.node.GetSegmentation()
        names = {i: n for i, n in segment_names(segmentationNode).items() if is_organ(n)}
        for identifier in [i for i in self._made_of if i not in names]:
            segmentation.RemoveSegment(identifier)
            del self._made_of[identifier]
        self.mirror(segmentationNode)
        done = 0
        source = segmentationNode.GetSegmentation()
        for n in range(source.GetNumberOfLayers(binary_name())):
            image = source.GetLayerDataObject(n, binary_name())
            values = {
                identifier: source.GetSegment(identifier).GetLabelValue()
                for identifier in source.GetSegmentIDsForLayer(n, binary_name())
                if identifier in names
            }
            if not values:
                continue
            array = _voxels(image)
            boxes: dict[int, tuple[slice, ...]] = {}
            for _slab in _look_for_boxes(array, boxes):
                yield done, len(names)
            for identifier, value in values.items():
                cut = _Cut(array, boxes.get(value), value)
                self._update(segmentationNode, identifier, cut, image)
                done += 1
                yield done, len(names)

    def _update(self, segmentationNode: Any, identifier: str, cut: _Cut, image: Any) -> None:
        """Give one organ its surface, unless it has that already."""
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        place = slicer.util.arrayFromVTKMatrix(matrix)
        extent = image.GetExtent()
        made_of = (*cut.fingerprint(), extent, place.tobytes())
        if self._made_of.get(identifier) == made_of:
            return
        self._made_of[identifier] = made_of
        mesh = cut.mesh(place, extent[0::2])
        segmentation = self.node.GetSegmentation()
        segment = segmentation.GetSegment(identifier)
        if segment is not None:
            segment.AddRepresentation(_surface_name(), mesh)
            segment.Modified()
            return
        segment = slicer.vtkSegment()
        segment.AddRepresentation(_surface_name(), mesh)
        segment.SetColor(segmentationNode.GetSegmentation().GetSegment(identifier).GetColor())
        segmentation.AddSegment(segment, identifier)
        self._mirror_segment(segmentationNode, identifier)

    def mirror(self, segmentationNode: Any) -> None:
        """Show the surfaces as the segmentation is shown: place, colours, what is hidden.

        Where Slicer's own button has made surfaces of the segmentation, those are shown alone.
        """
        if not self.exist or segmentationNode.GetDisplayNode() is None:
            return
        self.node.SetAndObserveTransformNodeID(segmentationNode.GetTransformNodeID())
        display, of = self.node.GetDisplayNode(), segmentationNode.GetDisplayNode()
        own = segmentationNode.GetSegmentation().ContainsRepresentation(_surface_name())
        was = display.StartModify()
        display.SetVisibility(of.GetVisibility())
        display.SetVisibility3D(bool(of.GetVisibility3D()) and not own)
        display.SetOpacity3D(of.GetOpacity3D())
        for identifier in self.node.GetSegmentation().GetSegmentIDs():
            self._mirror_segment(segmentationNode, identifier)
        display.EndModify(was)

    def _mirror_segment(self, segmentationNode: Any, identifier: str) -> None:
        segment = segmentationNode.GetSegmentation().GetSegment(identifier)
        if segment is None:
            return
        self.node.GetSegmentation().GetSegment(identifier).SetColor(segment.GetColor())
        display, of = self.node.GetDisplayNode(), segmentationNode.GetDisplayNode()
        display.SetSegmentVisibility(identifier, of.GetSegmentVisibility(identifier))
        display.SetSegmentVisibility3D(identifier, of.GetSegmentVisibility3D(identifier))
        display.SetSegmentOpacity3D(identifier, of.GetSegmentOpacity3D(identifier))

    def remove(self) -> None:
        """Take them out of the scene."""
        if self.exist:
            slicer.mrmlScene.RemoveNode(self.node)
        self.scene_closed()

    def scene_closed(self) -> None:
        """Release what is gone."""
        self.node = None
        self._made_of.clear()


def _surface_name() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()


def _hidden_node() -> Any:
    """Return a node that no list shows, and that is not saved."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentationNode")
    node.UnRegister(None)
    node.SetName("CTDoseSeg surfaces")
    # Before it is in the scene: the subject hierarchy looks once.
    node.HideFromEditorsOn()
    node.SaveWithSceneOff()
    node.SetAttribute(MARK, "1")
    node = slicer.mrmlScene.AddNode(node)
    node.GetSegmentation().SetSourceRepresentationName(_surface_name())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SaveWithSceneOff()
    node.GetDisplayNode().SetVisibility2D(False)
    return node


def _voxels(image: Any) -> np.ndarray:
    """Return the labels of a layer, [k, j, i]."""
    scalars = image.GetPointData().GetScalars()
    if scalars is None:
        return np.zeros((0, 0, 0), np.uint8)
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def _look_for_boxes(array: np.ndarray, boxes: dict[int, tuple[slice, ...]]) -> Iterator[None]:
    """Put the box of each label into `boxes`, a slab of slices at a time."""
    from scipy import ndimage

    step = max(1, SLAB_VOXELS // max(1, array[:1].size))
    for start in range(0, len(array), step):
        slab = array[start : start + step]
        if slab.dtype.kind not in "ui":
            slab = slab.astype(np.int32)
        for value, box in enumerate(ndimage.find_objects(slab), start=1):
            if box is not None:
                k, j, i = box
                here = (slice(k.start + start, k.stop + start), j, i)
                boxes[value] = _around(boxes.get(value, here), here)
        yield


def _around(one: tuple[slice, ...], other: tuple[slice, ...]) -> tuple[slice, ...]:
    pairs = zip(one, other, strict=True)
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in pairs)


class _Cut:
    """One label in its own box, every so many voxels, with a rim of air."""

    def __init__(self, array: np.ndarray, box: tuple[slice, ...] | None, value: int) -> None:
        if box is None:
            box = (slice(0, 0),) * 3
        size = [part.stop - part.start for part in box]
        self.start, self.steps = [part.start for part in box], [1, 1, 1]
        while np.prod([n // s + 1 for n, s in zip(size, self.steps, strict=True)]) > MOST_VOXELS:
            # The axis with the most samples left is thinned out next.
            longest = int(np.argmax([n / s for n, s in zip(size, self.steps, strict=True)]))
            self.steps[longest] += 1
        parts = zip(box, self.steps, strict=True)
        sampled = array[tuple(slice(part.start, part.stop, step) for part, step in parts)]
        self.inside = np.pad((sampled == value).view(np.uint8), 1)

    def fingerprint(self) -> tuple:
        """What the surface is made of; another organ or another state of it has another."""
        return (*self.start, *self.steps, self.inside.shape, zlib.crc32(self.inside))

    def mesh(self, place: np.ndarray, origin: tuple[int, ...]) -> Any:
        """The surface in the coordinates of the node.

        Parameters
        ----------
        place
            From voxel indices to these coordinates, 4 x 4.
        origin
            Index (i, j, k) of the array's first voxel.
        """
        if not self.inside.any():
            return vtk.vtkPolyData()
        spacing = np.linalg.norm(place[:3, :3], axis=0)
        steps, start = np.array(self.steps[::-1]), np.array(self.start[::-1])
        image = vtk.vtkImageData()
        image.SetDimensions(*self.inside.shape[::-1])
        image.SetSpacing(*(steps * spacing))
        image.SetOrigin(*((origin + start - steps) * spacing))
        image.GetPointData().SetScalars(numpy_to_vtk(self.inside.ravel()))
        nets = vtk.vtkSurfaceNets3D()
        nets.SetInputData(image)
        nets.SetValue(0, 1)
        nets.SetOutputMeshTypeToTriangles()
        to_node = vtk.vtkTransform()
        to_node.SetMatrix((place @ np.diag([*(1 / spacing), 1.0])).ravel())
        moved = vtk.vtkTransformPolyDataFilter()
        moved.SetTransform(to_node)
        moved.SetInputConnection(nets.GetOutputPort())
        normals = vtk.vtkPolyDataNormals()
        normals.SplittingOff()
        normals.ConsistencyOff()
        normals.SetInputConnection(moved.GetOutputPort())
        normals.Update()
        mesh = vtk.vtkPolyData()
        mesh.ShallowCopy(normals.GetOutput())
        mesh.GetCellData().Initialize()  # the labels of both sides, which no view needs
        return mesh
