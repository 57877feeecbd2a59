"""Two CTs in one scene, and one CT analysed twice: nothing of one is shown for the other."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import SMALL, apply, show_result


@pytest.fixture
def another(host, analysed):
    """A second CT with its organs, beside the one that was analysed; not chosen yet."""
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom

    return load_phantom(**{**SMALL, "seed": 4})


def composite():
    import slicer

    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return next(node for node in nodes if node.GetLayoutName() == "Red")


def test_the_overlay_of_one_ct_is_not_shown_for_another(host, analysed, another):
    first = analysed.results.results
    analysed._parameterNode.showOverlay = True
    host.process_events()
    assert composite().GetForegroundVolumeID() == first.overlay.GetID()
    analysed._parameterNode.inputVolume = another[0]
    host.process_events()
    assert analysed.results.results is None
    assert composite().GetForegroundVolumeID() is None
    analysed._parameterNode.inputVolume = first.volume
    host.wait_until(lambda: composite().GetForegroundVolumeID() == first.overlay.GetID(), 60)
    assert composite().GetBackgroundVolumeID() == first.volume.GetID()


def test_a_second_apply_brings_overlay_and_surfaces_up_to_date(host, analysed):
    import slicer

    parameters = analysed._parameterNode
    parameters.showOverlay = True
    host.process_events()
    before = slicer.util.arrayFromVolume(analysed.results.results.overlay).max()
    parameters.ctdivol_mGy = "16.2"
    apply(host, analysed)
    results = analysed.results.results
    after = slicer.util.arrayFromVolume(results.overlay).max()
    assert after == pytest.approx(2 * before, rel=1e-3)
    assert results.segmentation.GetDisplayNode().GetOpacity2DFill() == 0.0
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    (surfaces,) = (node for node in nodes if node.GetAttribute("CTDoseSeg.Surfaces"))
    host.wait_until(lambda: "of" not in analysed.ui.show3DCheckBox.text, 30)
    assert surfaces.GetSegmentation().GetSegment("liver") is not None


def test_exposure_typed_for_one_ct_is_not_taken_for_another(host, analysed, another):
    import slicer

    parameters = analysed._parameterNode
    assert parameters.ctdivol_mGy == "8.1"
    slicer.mrmlScene.RemoveNode(analysed.results.results.volume)
    host.process_events()
    parameters.inputVolume = another[0]
    host.process_events()
    assert parameters.ctdivol_mGy == ""
    assert analysed.ui.ctdivol_mGy_source.text == "unknown"


def test_a_dose_overlay_is_never_taken_for_a_ct(host, analysed):
    import slicer

    from CTDoseSegLib.errors import InputError

    analysed._parameterNode.showOverlay = True
    host.process_events()
    results = analysed.results.results
    overlay = results.overlay
    with pytest.raises(InputError, match="dose overlay"):
        analysed.logic.analyze(overlay)
    slicer.mrmlScene.RemoveNode(results.volume)
    host.process_events()
    analysed.initializeParameterNode()
    assert analysed._parameterNode.inputVolume is None


def test_a_result_that_is_older_than_the_choices_is_marked(host, analysed):
    assert analysed.ui.statusLabel.text == "Done."
    analysed._parameterNode.ctdivol_mGy = "9"
    host.process_events()
    assert "older than the choices" in analysed.ui.statusLabel.text
    analysed._parameterNode.showOverlay = True
    host.process_events()
    assert "older than the choices" in analysed.ui.statusLabel.text
    show_result(host, analysed)
    assert analysed.ui.statusLabel.text == "Done."


def test_showing_all_organs_again_moves_nothing(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    table = layout.table_view()
    model = table.model()
    rows = [model.index(row, 0).data() for row in range(model.rowCount())]
    host.click_cell(table, rows.index("Liver"))
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    red.SetSliceOffset(red.GetSliceOffset() + 46.0)
    before = red.GetSliceOffset()
    host.click(analysed.ui.allOrgansButton)
    assert red.GetSliceOffset() == before


def test_flags_are_the_same_after_an_edit_as_after_apply(host, analysed):
    results = analysed.results.results
    before = {f.code for f in results.result.flags}
    analysed.logic.session(results).finish()
    analysed.logic.publish(results)
    assert {f.code for f in results.result.flags} == before
    analysed.logic.forget(results)  # as after a scene was loaded
    analysed.logic.look(results)
    analysed.logic.publish(results)
    assert {f.code for f in results.result.flags} == before
    assert np.isfinite(results.result.slices.ctdivol_used_mGy).all()
