"""What a user may have in the scene that is no CT, or type that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from module_steps import apply, volume


def press_apply(host, panel, node, method="CLASSICAL"):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.inputVolume = node
    panel._parameterNode.method = Method[method]
    host.process_events()
    apply(host, panel)
    return panel.ui.statusLabel.text


def test_without_exposure_there_is_size_and_no_dose(host, panel, phantom):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    panel._parameterNode.ctdivol_mGy = ""
    host.process_events()
    apply(host, panel)
    result = panel.results.results.result
    assert np.isfinite(result.slices.wed_mm).all()
    assert panel.results.results.doses() == {}
    assert not layout.organ_chart().rows
    assert "No organ has a dose." in panel.ui.resultLabel.text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("kvp_kV", "abc", "not a number"),
        ("ctdivol_mGy", "-3", "0.01"),
        ("phantom_cm", "20", "16 or 32"),
        ("irradiated_range_mm", "5", "low, high"),
    ],
)
def test_an_impossible_value_is_refused_before_anything_runs(
    host, panel, phantom, caplog, name, text, said
):
    getattr(panel.ui, f"{name}_edit").text = text
    host.process_events()
    host.click(panel.ui.applyButton)
    assert said in panel.ui.statusLabel.text
    assert said in caplog.text  # the application's log has it too
    assert panel.task.job is None


def test_a_problem_goes_from_the_status_line_with_its_cause(host, panel, phantom):
    def refused():
        panel.ui.kvp_kV_edit.text = "abc"
        host.process_events()
        host.click(panel.ui.applyButton)
        return panel.ui.statusLabel.text

    assert refused().startswith("Problem: ")
    panel._parameterNode.showOverlay = True  # which mends nothing
    host.process_events()
    assert panel.ui.statusLabel.text.startswith("Problem: ")
    panel.ui.kvp_kV_edit.text = "120"
    host.process_events()
    assert panel.ui.statusLabel.text == "Ready: press Apply."
    assert refused().startswith("Problem: ")
    panel._parameterNode.inputVolume = volume(np.zeros((6, 48, 48), np.int16), "another")
    host.process_events()
    assert panel.ui.statusLabel.text == "Ready: press Apply."


def test_a_decimal_comma_is_understood(host, panel, phantom):
    panel.ui.ctdivol_mGy_edit.text = "8,1"
    host.process_events()
    assert panel.acquisition.typed()["ctdivol_mGy"] == 8.1


def test_air_alone_has_no_body(host, panel):
    text = press_apply(host, panel, volume(np.full((6, 48, 48), -1000, np.int16)))
    assert "No body" in text
    assert panel.results.results is None


def test_values_that_are_no_hu_are_refused_or_flagged(host, panel):
    picture = np.random.default_rng(0).integers(0, 256, (6, 48, 48)).astype(np.uint8)
    press_apply(host, panel, volume(picture, "MR"))
    results = panel.results.results
    codes = [f.code for f in results.result.flags] if results else []
    assert "not_hu" in codes or "Problem" in panel.ui.statusLabel.text


def test_a_label_map_cannot_be_chosen(host, panel):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert node not in [
        panel.ui.inputVolumeSelector.nodeFromIndex(n)
        for n in range(panel.ui.inputVolumeSelector.nodeCount())
    ]


def test_a_volume_without_voxels_is_refused_with_a_sentence(host, panel):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    panel._parameterNode.inputVolume = node
    host.process_events()
    assert "no voxels" in panel.ui.statusLabel.text
    assert not panel.ui.applyButton.enabled


def test_one_slice_is_analysed_and_flagged(host, panel, phantom):
    import slicer

    whole = slicer.util.arrayFromVolume(phantom[0])
    text = press_apply(host, panel, volume(whole[12:13]))
    assert text == "Done."
    codes = {f.code for f in panel.results.results.result.flags}
    assert "single_slice" in codes


def test_a_nonlinear_transform_gives_results_per_slice_alone(host, use_organs, phantom):
    import slicer
    import vtk

    grid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    spline = slicer.vtkOrientedBSplineTransform()
    coefficients = vtk.vtkImageData()
    coefficients.SetDimensions(6, 6, 6)
    coefficients.SetSpacing(400, 400, 400)
    coefficients.SetOrigin(-1000, -1000, -1000)
    coefficients.AllocateScalars(vtk.VTK_DOUBLE, 3)
    for n in range(3):
        coefficients.GetPointData().GetScalars().FillComponent(n, 3.0)
    spline.SetCoefficientData(coefficients)
    grid.SetAndObserveTransformFromParent(spline)
    for node in phantom:
        node.SetAndObserveTransformNodeID(grid.GetID())
    apply(host, use_organs)
    result = use_organs.results.results.result
    assert "nonlinear_transform" in {f.code for f in result.flags}
    assert result.geometry.regular is False
    assert np.isfinite(result.slices.wed_mm).all()
    assert all(o.volume_ml is None for o in result.organs)


def test_a_network_that_is_not_there_is_a_sentence_and_no_traceback(host, panel, phantom, tmp_path):
    # TotalSegmentator is asked for: test_totalsegmentator_method.py.
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.UNET
    panel._parameterNode.unetFolder = str(tmp_path)
    host.process_events()
    host.click(panel.ui.applyButton)
    assert panel.ui.statusLabel.text.startswith("Problem: ")
    assert "lassical" in panel.ui.statusLabel.text
    assert "unet.safetensors" in panel.ui.statusLabel.text
    assert panel.task.job is None


def test_without_a_main_window_the_module_opens_and_analyses(host, panel, phantom, monkeypatch):
    monkeypatch.setattr(host.app, "_layouts", None)
    host.reload("CTDoseSeg")
    import slicer

    results = slicer.modules.CTDoseSegWidget.logic.analyze(
        *phantom, acquisition={"ctdivol_mGy": 8.1}
    )
    slicer.modules.CTDoseSegWidget._showResults(results)
    assert results.doses()
    monkeypatch.undo()
