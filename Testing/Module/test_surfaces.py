"""The organs in 3D: they come one by one, follow what is drawn, and stay out of the saved scene."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import warm

ALL = "Organs in 3D"
BINARY = "Binary labelmap"
NO_ORGANS = {"body_rest", "skin", "couch", "headrest"}


def surfaces():
    """The hidden node of the surfaces; None where there is none."""
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    (*_, own) = [None, *(node for node in nodes if node.GetAttribute("CTDoseSeg.Surfaces"))]
    return own


def mesh(identifier):
    import slicer

    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    return surfaces().GetSegmentation().GetSegmentRepresentation(identifier, name)


def has_slicers_own(node):
    import slicer

    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    return node.GetSegmentation().ContainsRepresentation(name)


def complete(host, panel):
    """Wait for the last surface."""
    host.wait_until(lambda: surfaces() is not None and panel.ui.show3DCheckBox.text == ALL, 30)


def erase_upper_half(node, identifier):
    """Erase the upper slices of a segment, as an eraser of Segment Editor does."""
    import slicer

    segment = node.GetSegmentation().GetSegment(identifier)
    voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, identifier)
    own = voxels == segment.GetLabelValue()
    slices = np.flatnonzero(own.any(axis=(1, 2)))
    own[: slices[len(slices) // 2]] = False
    voxels[own] = 0
    segment.GetRepresentation(BINARY).Modified()


@pytest.fixture
def shown(host, analysed):
    """The panel as after Apply, all surfaces made."""
    complete(host, analysed)
    return analysed


def test_organs_are_in_the_3d_view_after_apply_and_nothing_else(shown):
    segmentation = shown.results.results.segmentation
    drawn = set(segmentation.GetSegmentation().GetSegmentIDs())
    assert NO_ORGANS & drawn
    assert set(surfaces().GetSegmentation().GetSegmentIDs()) == drawn - NO_ORGANS
    assert surfaces().GetDisplayNode().GetVisibility3D()


def test_a_surface_lies_around_its_organ_and_is_closed(shown):
    import slicer
    import vtk

    node = shown.results.results.segmentation
    name = "liver"
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, shown.results.results.volume)
    inside = np.argwhere(voxels)
    low, high = inside.min(axis=0)[::-1], inside.max(axis=0)[::-1]
    matrix = vtk.vtkMatrix4x4()
    shown.results.results.volume.GetIJKToRASMatrix(matrix)
    place = slicer.util.arrayFromVTKMatrix(matrix)
    ends = np.array([place[:3, :3] @ corner + place[:3, 3] for corner in (low - 0.5, high + 0.5)])
    bounds = np.reshape(mesh(name).GetBounds(), (3, 2)).T
    spacing = np.abs(np.diag(place)[:3])
    assert np.abs(np.sort(ends, axis=0) - bounds).max() <= spacing.max()
    size = vtk.vtkMassProperties()
    size.SetInputData(mesh(name))
    assert size.GetVolume() == pytest.approx(len(inside) * spacing.prod(), rel=0.3)
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(mesh(name))
    edges.FeatureEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0


@pytest.fixture
def one_by_one(monkeypatch):
    """At each turn of the event loop the least that can be done."""
    from CTDoseSegLib.ctdoseseg_ui.panel import surfaces

    monkeypatch.setattr(surfaces, "STEP_S", -1.0)


def test_surfaces_come_one_at_a_time_with_their_number(host, analysed, one_by_one):
    complete(host, analysed)
    total = surfaces().GetSegmentation().GetNumberOfSegments()
    box = analysed.ui.show3DCheckBox
    host.click(box)
    section = analysed.results._surfaces
    analysed._parameterNode.show3D = True
    section._timer.stop()  # here turned by hand
    counts, texts = [0], []
    while box.text != ALL or not texts:
        section._tick()
        section._timer.stop()
        counts.append(surfaces().GetSegmentation().GetNumberOfSegments())
        texts.append(box.text)
    assert set(np.diff(counts)) == {0, 1}
    assert f"{ALL}: {total - 1} of {total} organs" in texts
    assert counts[-1] == total


def test_unticking_ends_it_and_takes_them_away(host, analysed, one_by_one):
    complete(host, analysed)
    host.click(analysed.ui.show3DCheckBox)
    assert surfaces() is None
    analysed._parameterNode.show3D = True
    analysed.results._surfaces._tick()
    assert surfaces() is not None
    analysed._parameterNode.show3D = False
    assert surfaces() is None
    host.wait(0.2)
    assert surfaces() is None
    assert analysed.ui.show3DCheckBox.text == ALL


def test_a_surface_follows_what_is_drawn_and_the_others_stay(host, shown):
    node = shown.results.results.segmentation
    before = {name: mesh(name) for name in ("liver", "spleen")}
    top = before["liver"].GetBounds()[5]
    erase_upper_half(node, "liver")
    host.wait_until(lambda: mesh("liver") is not before["liver"], 10)
    complete(host, shown)
    assert mesh("liver").GetBounds()[5] < top - 20
    assert mesh("spleen") is before["spleen"]
    node.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: mesh("spleen") is None, 10)


def test_surfaces_are_shown_as_the_segments_are(host, shown):
    node = shown.results.results.segmentation
    display, own = node.GetDisplayNode(), surfaces().GetDisplayNode()
    display.SetSegmentVisibility("liver", False)
    display.SetSegmentOpacity3D("spleen", 0.25)
    node.GetSegmentation().GetSegment("spleen").SetColor(0.5, 0.25, 1.0)
    assert not own.GetSegmentVisibility("liver")
    assert own.GetSegmentOpacity3D("spleen") == 0.25
    assert surfaces().GetSegmentation().GetSegment("spleen").GetColor() == (0.5, 0.25, 1.0)
    display.SetVisibility(False)
    assert not own.GetVisibility()


def test_surfaces_move_with_their_segmentation(host, shown):
    import slicer

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shown.results.results.segmentation.SetAndObserveTransformNodeID(transform.GetID())
    assert surfaces().GetTransformNodeID() == transform.GetID()


def test_slicers_own_surfaces_are_shown_in_place_of_ours(host, shown):
    node = shown.results.results.segmentation
    own = surfaces().GetDisplayNode()
    node.CreateClosedSurfaceRepresentation()
    assert not own.GetVisibility3D()
    node.RemoveClosedSurfaceRepresentation()
    assert own.GetVisibility3D()
    complete(host, shown)


def test_a_saved_scene_knows_of_no_surface(host, shown, tmp_path):
    import zipfile

    import slicer

    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    with zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        (scene,) = (name for name in names if name.endswith(".mrml"))
        assert b"CTDoseSeg surfaces" not in bundle.read(scene)
        files = [bundle.read(name) for name in names if name.endswith(".seg.nrrd")]
    assert files
    for file in files:
        head, _, _ = file.partition(b"\n\n")
        assert b"ContainedRepresentationNames:=Binary labelmap|\n" in head + b"\n"
    slicer.mrmlScene.Clear(False)
    host.process_events()
    slicer.util.loadScene(str(path))
    back = shown.results.results
    assert not has_slicers_own(back.segmentation)
    # The panel shows them again as it showed them first, one at a time.
    complete(host, shown)
    assert surfaces().GetSegmentation().GetSegment("liver") is not None


@pytest.mark.parametrize("what", ["scene", "segmentation", "volume", "result", "surfaces"])
def test_what_goes_while_surfaces_are_made_takes_them_with_it(host, analysed, one_by_one, what):
    import slicer

    complete(host, analysed)
    host.click(analysed.ui.show3DCheckBox)
    analysed._parameterNode.show3D = True
    for _ in range(3):
        analysed.results._surfaces._tick()
    assert surfaces() is not None
    results = analysed.results.results
    if what == "scene":
        slicer.mrmlScene.Clear(False)
    elif what == "surfaces":
        slicer.mrmlScene.RemoveNode(surfaces())
    else:
        node = results.node if what == "result" else results.get(what)
        slicer.mrmlScene.RemoveNode(node)
    if what == "surfaces":  # by a script; they are made again
        complete(host, analysed)
        return
    host.wait(0.3)
    assert surfaces() is None
    assert analysed.ui.show3DCheckBox.text == ALL


def test_a_reloaded_module_leaves_no_surfaces_behind(host, shown):
    import slicer

    host.reload("CTDoseSeg")
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert len([node for node in nodes if node.GetAttribute("CTDoseSeg.Surfaces")]) <= 1


def test_doses_follow_an_edit_while_surfaces_are_shown(host, shown):
    warm(host, shown)
    results = shown.results.results
    volume = next(o.volume_ml for o in results.result.organs if o.organ == "liver")
    erase_upper_half(results.segmentation, "liver")
    host.wait_until(
        lambda: next(o.volume_ml for o in results.result.organs if o.organ == "liver") < volume, 10
    )
    complete(host, shown)
