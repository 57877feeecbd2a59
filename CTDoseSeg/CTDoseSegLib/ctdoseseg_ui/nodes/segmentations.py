"""Label maps and segmentation nodes, exact in both directions.

All segments share one array, as after Slicer's own import of a label map: adding them one by one,
each with an array of its own, takes a hundred times as long and ten times the memory. On the way
back the layers of the segmentation are read where they lie, without an export.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ...ct import organs
from ...ct.series import CTSeries
from ...errors import SegmentationError
from ...flags import Flag, flag
from ...reading.seg_nrrd import terminology_codes
from ...segmentation.atoms import groups_of, named_atom, unnamed_flags
from ...segmentation.labelmap import BODY, BODY_REST, COUCH, HEADREST, SKIN, Atom, Labelmap
from .volumes import geometry

NAME_TAG = "CTDoseSeg.Name"
ORIGIN_TAG = "CTDoseSeg.Origin"
ORIGIN = "scene"
SAME_GRID_VOXELS = 1e-3
# Opacity of the segments' inside in the slice views.
FILL = 0.45


def fill_segmentation(segmentationNode: Any, labelmap: Labelmap, volumeNode: Any) -> None:
    """Replace all segments by the atoms of `labelmap`; they share one array of labels.

    Names, colours and terminology are those of the atoms; the reference geometry and the parent
    transform are the volume's.
    """
    segmentation = segmentationNode.GetSegmentation()
    was = segmentationNode.StartModify()
    try:
        segmentation.RemoveAllSegments()
        segmentation.SetSourceRepresentationName(binary_name())
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        image = _image(labelmap, volumeNode)
        for atom in labelmap.atoms:
            segment = slicer.vtkSegment()
            segment.SetName(atom.name)
            segment.SetColor(*_rgb(atom.color))
            segment.SetLabelValue(atom.value)
            segment.SetTag(NAME_TAG, atom.name)
            segment.SetTag(ORIGIN_TAG, atom.origin)
            if atom.snomed_code:
                segment.SetTag(segment.GetTerminologyEntryTagName(), terminology(atom))
            segment.AddRepresentation(binary_name(), image)
            segmentation.AddSegment(segment, atom.name)
        segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    finally:
        segmentationNode.EndModify(was)
    segmentationNode.CreateDefaultDisplayNodes()
    _display(segmentationNode, labelmap)


def binary_name() -> str:
    """Name of the representation that holds labels."""
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _image(labelmap: Labelmap, volumeNode: Any) -> Any:
    from vtk.util.numpy_support import numpy_to_vtk

    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*labelmap.labels.shape[::-1])
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    image.GetPointData().SetScalars(numpy_to_vtk(labelmap.labels.ravel(), deep=1))
    return image


def _rgb(color: str) -> tuple[float, float, float]:
    return tuple(int(color[i : i + 2], 16) / 255.0 for i in (1, 3, 5))


def terminology(atom: Atom) -> str:
    """Slicer's terminology entry of an atom: category, type and side, as SNOMED CT codes."""
    base, _mark, last = atom.name.rpartition("_")
    side = {"right": "SCT^24028007^Right", "left": "SCT^7771000^Left"}.get(last, "^^")
    meaning = (base if side != "^^" else atom.name).replace("_", " ").capitalize()
    return "~".join(
        (
            "Segmentation category and type - 3D Slicer General Anatomy list",
            "SCT^123037004^Anatomical Structure",
            f"SCT^{atom.snomed_code}^{meaning}",
            side,
            "Anatomic codes - DICOM master list",
            "^^",
            "^^",
        )
    )


def _display(segmentationNode: Any, labelmap: Labelmap) -> None:
    """Organs stand out; what only fills the body is a line."""
    display = segmentationNode.GetDisplayNode()
    display.SetOpacity2DFill(FILL)
    for atom in labelmap.atoms:
        identifier = segment_id(segmentationNode, atom.name)
        if not is_organ(atom.name) and identifier:
            display.SetSegmentOpacity2DFill(identifier, 0.0)
            display.SetSegmentOpacity2DOutline(identifier, 0.5)
            display.SetSegmentVisibility3D(identifier, False)


def is_organ(name: str) -> bool:
    """Return whether a segment is an organ, or fills the body or lies around it."""
    return name not in (BODY_REST, SKIN, COUCH, HEADREST)


def segment_id(segmentationNode: Any, name: str) -> str:
    """Return the ID of the segment that stands for the atom `name`; empty if there is none."""
    for identifier, own_name in segment_names(segmentationNode).items():
        if own_name == name:
            return identifier
    return ""


def segment_names(segmentationNode: Any) -> dict[str, str]:
    """Segment ID to the project's name of it, each name once."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    segmentation = segmentationNode.GetSegmentation()
    for identifier in segmentation.GetSegmentIDs():
        name = _name_of(segmentation.GetSegment(identifier))
        unique, n = name, 2
        while unique in taken:
            unique, n = f"{name}_{n}", n + 1
        taken.add(unique)
        names[identifier] = unique
    return names


def _tag(segment: Any, name: str) -> str:
    value = vtk.reference("")
    return str(value) if segment.GetTag(name, value) else ""


def _name_of(segment: Any) -> str:
    """By the name that is seen, else our tag, else the SNOMED code with its side, else as it is."""
    written = organs.known_name(segment.GetName() or "")
    if written == BODY:
        return BODY_REST
    return written or _tag(segment, NAME_TAG) or _by_code(segment) or segment.GetName() or "segment"


def _by_code(segment: Any) -> str:
    return organs.name_of_code(
        *terminology_codes(_tag(segment, segment.GetTerminologyEntryTagName()))
    )


def labelmap_of(segmentationNode: Any, volumeNode: Any, series: CTSeries) -> Labelmap:
    """All segments as one label map on the grid of the volume.

    Values are the segments' own where they are unique. Where segments overlap, a voxel goes to
    the smallest of them.

    Raises
    ------
    SegmentationError
        If there is nothing in the segmentation.
    """
    if segmentationNode is None:
        raise SegmentationError(_("No segmentation is chosen; choose one, or another method."))
    segmentation = segmentationNode.GetSegmentation()
    names = segment_names(segmentationNode)
    if not names:
        raise SegmentationError(_("The segmentation has no segments; draw or load some first."))
    shape = series.hu.shape
    flags: list[Flag] = []
    layers = _layers(segmentationNode, volumeNode, shape, flags)
    if layers is None:
        layers = [_exported(segmentationNode, volumeNode, list(names), shape)]
        flags.append(flag("segments_resampled"))
    values = _values(segmentation, names, len(layers) == 1 and not layers[0].exported)
    labels, overlap = _merged(layers, values, shape)
    if overlap:
        flags.append(flag("segments_overlap", f"{overlap} voxels lie in more than one"))
    if not labels.any():
        raise SegmentationError(
            _("The segmentation is empty on this volume; draw or load segments.")
        )
    atoms = tuple(
        _atom(segmentation.GetSegment(identifier), values[identifier], name)
        for identifier, name in names.items()
    )
    return Labelmap(
        labels,
        series.affine,
        atoms,
        groups_of(atom.name for atom in atoms),
        ORIGIN,
        (*flags, *unnamed_flags(atoms, "the segmentation")),
    )


def _atom(segment: Any, value: int, name: str) -> Atom:
    color = "#" + "".join(f"{round(255 * part):02x}" for part in segment.GetColor())
    return replace(named_atom(value, name, _tag(segment, ORIGIN_TAG) or ORIGIN), color=color)


class _Layer:
    """One array of labels with its place on the volume's grid and the segments in it."""

    def __init__(
        self, array: np.ndarray, start: tuple[int, int, int], segments: dict[str, int]
    ) -> None:
        self.array, self.start, self.segments = array, start, segments
        self.exported = False


def _layers(
    segmentationNode: Any, volumeNode: Any, shape: tuple[int, ...], flags: list[Flag]
) -> list[_Layer] | None:
    """The layers where they lie; None if they are not on the grid of the volume."""
    segmentation = segmentationNode.GetSegmentation()
    binary = binary_name()
    if not segmentation.ContainsRepresentation(binary) and not segmentation.CreateRepresentation(
        binary
    ):
        raise SegmentationError(
            _(
                "The segmentation cannot be turned into a label map; convert it in the "
                "Segmentations module first."
            )
        )
    if segmentationNode.GetParentTransformNode() is not volumeNode.GetParentTransformNode():
        return None
    own = geometry(volumeNode)[0]
    from_world = np.linalg.inv(own)
    layers = []
    outside = 0
    for n in range(segmentation.GetNumberOfLayers(binary)):
        image = segmentation.GetLayerDataObject(n, binary)
        segments = {
            identifier: segmentation.GetSegment(identifier).GetLabelValue()
            for identifier in segmentation.GetSegmentIDsForLayer(n, binary)
        }
        extent = image.GetExtent()
        if extent[0] > extent[1] or extent[2] > extent[3] or extent[4] > extent[5]:
            continue
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        step = from_world @ slicer.util.arrayFromVTKMatrix(matrix)
        offset = np.rint(step[:3, 3]).astype(int)
        corner = np.array([extent[1::2], extent[0::2]], float)
        drift = np.abs((step[:3, :3] - np.eye(3)) @ corner.T).max()
        if max(drift, np.abs(step[:3, 3] - offset).max()) > SAME_GRID_VOXELS:
            return None
        array = layer_array(image)
        start = tuple(int(extent[2 * a] + offset[a]) for a in (2, 1, 0))
        array, start, cut = _cropped(array, start, shape)
        outside += cut
        if array.size:
            layers.append(_Layer(array, start, segments))
    if outside:
        flags.append(flag("segments_outside", f"{outside} voxels"))
    if not layers:
        raise SegmentationError(
            _("The segmentation is empty on this volume; draw or load segments.")
        )
    return layers


def layer_array(image: Any) -> np.ndarray:
    """Return the labels of a layer, [k, j, i]."""
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def _cropped(
    array: np.ndarray, start: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[np.ndarray, tuple[int, ...], int]:
    """The part of `array` that lies in the volume, where it starts, and the labels cut off."""
    low = [max(0, -s) for s in start]
    high = [min(n, size - s) for n, size, s in zip(array.shape, shape, start, strict=True)]
    if low == [0, 0, 0] and tuple(high) == array.shape:
        return array, start, 0
    inside = array[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))]
    cut = int(np.count_nonzero(array)) - int(np.count_nonzero(inside))
    return inside, tuple(s + a for s, a in zip(start, low, strict=True)), cut


def _exported(
    segmentationNode: Any, volumeNode: Any, identifiers: list[str], shape: tuple[int, ...]
) -> _Layer:
    """Slicer's own resampling onto the volume; values count the segments from 1."""
    image = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "CTDoseSeg labels")
    try:
        image.SetHideFromEditors(True)
        ids = vtk.vtkStringArray()
        for identifier in identifiers:
            ids.InsertNextValue(identifier)
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        done = logic.ExportSegmentsToLabelmapNode(segmentationNode, ids, image, volumeNode)
        if not done or image.GetImageData() is None:
            raise SegmentationError(
                _("The segmentation does not overlap the volume; choose the one drawn on it.")
            )
        array = slicer.util.arrayFromVolume(image).copy()
    finally:
        display = image.GetDisplayNode()
        slicer.mrmlScene.RemoveNode(image)
        if display is not None:
            slicer.mrmlScene.RemoveNode(display)
    if array.shape != shape:
        raise SegmentationError(_("The segmentation could not be resampled onto the volume."))
    layer = _Layer(array, (0, 0, 0), {name: n for n, name in enumerate(identifiers, start=1)})
    layer.exported = True
    return layer


def _values(segmentation: Any, names: dict[str, str], keep: bool) -> dict[str, int]:
    """A value for each segment: its own in a single layer, else counted from 1."""
    if keep:
        own = {i: segmentation.GetSegment(i).GetLabelValue() for i in names}
        unique = len(set(own.values())) == len(own)
        if unique and 0 < min(own.values()) <= max(own.values()) < 65536:
            return own
    return {identifier: n for n, identifier in enumerate(names, start=1)}


def _merged(
    layers: list[_Layer], values: dict[str, int], shape: tuple[int, ...]
) -> tuple[np.ndarray, int]:
    """One array of labels, and how many voxels lay in several layers."""
    kind = np.uint8 if max(values.values()) < 256 else np.uint16
    labels = np.zeros(shape, kind)
    overlap = 0
    sizes = np.zeros(max(values.values()) + 1, np.int64)
    for layer in layers:
        window = tuple(slice(s, s + n) for s, n in zip(layer.start, layer.array.shape, strict=True))
        here = _translated(layer, values, kind)
        if len(layers) == 1:
            labels[window] = here
            break
        sizes += np.bincount(here.ravel(), minlength=len(sizes))
        below = labels[window]
        both = (below > 0) & (here > 0)
        overlap += int(np.count_nonzero(both))
        smaller = sizes[here] <= sizes[below]
        below[:] = np.where(both, np.where(smaller, here, below), np.where(here > 0, here, below))
    return labels, overlap


def _translated(layer: _Layer, values: dict[str, int], kind: type) -> np.ndarray:
    """The layer's array with the values of the label map."""
    wanted = {old: values[identifier] for identifier, old in layer.segments.items()}
    array = layer.array
    if array.dtype.kind not in "ui" or array.dtype.itemsize > 2:
        array = array.astype(np.uint16)
    top = int(array.max())
    # Values without a segment can be left behind by a removed one; they count for nothing.
    if set(range(1, top + 1)) <= wanted.keys() and all(o == n for o, n in wanted.items()):
        return array.astype(kind, copy=False)
    table = np.zeros(max(top, *wanted) + 1, kind)
    for old, new in wanted.items():
        table[old] = new
    return table[array]
