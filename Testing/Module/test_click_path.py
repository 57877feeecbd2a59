"""The way of a user through the panel, from an empty scene to a saved one and back."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
from module_steps import SMALL, apply, warm
from processes import is_alive


def test_an_empty_scene_shows_what_to_do_next(host, panel):
    assert not panel.ui.applyButton.enabled
    assert "Load a CT" in panel.ui.statusLabel.text
    assert "not for clinical use" in panel.ui.disclaimerLabel.text


def test_choosing_a_volume_makes_apply_ready(host, panel, phantom):
    host.process_events()
    assert panel.ui.applyButton.enabled
    assert panel.ui.statusLabel.text == "Ready: press Apply."


def test_apply_with_a_user_segmentation_shows_table_charts_and_layout(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    assert analysed.ui.statusLabel.text == "Done."
    assert set(results.doses()) >= {"liver", "stomach", "aorta"}
    assert layout.shown()
    assert set(layout.plot_views()) == {layout.SIZE_VIEW}
    node = slicer.mrmlScene.GetSingletonNode(layout.SIZE_VIEW, "vtkMRMLPlotViewNode")
    assert node.GetPlotChartNode() is results.get("sizeChart")
    assert {row.organ for row in layout.organ_chart().rows} == set(results.doses())
    assert analysed.ui.doseTableView.mrmlTableNode() is results.doseTable
    table = slicer.util.arrayFromTableColumn(results.sliceTable, "wed_mm")
    assert np.isfinite(table).all()


def test_apply_with_the_classical_engine_finds_body_and_lungs(host, panel, phantom):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.CLASSICAL
    apply(host, panel)
    names = {a.name for a in panel.results.results.result.segmentation.atoms}
    assert {"body_rest", "skin", "lung_left", "lung_right"} <= names


def test_wed_in_the_table_is_the_phantoms(host, analysed):
    from CTDoseSegLib.phantom.phantom import Phantom

    _, truth = Phantom(seed=1, **SMALL).render()
    measured = np.array(analysed.results.results.result.slices.wed_mm)
    assert np.abs(measured / truth.wed_mm - 1).max() < 0.02


def test_cancel_ends_within_two_seconds_and_leaves_the_scene_alone(host, panel, phantom):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.CLASSICAL
    before = slicer.mrmlScene.GetNumberOfNodes()
    host.click(panel.ui.applyButton)
    assert panel.ui.applyButton.text == "Cancel"
    host.wait_until(lambda: panel.task.job.pid is not None, 20)
    pid = panel.task.job.pid
    folder = panel.task.job._arguments[1]
    started = time.monotonic()
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: not panel.task.job.active, 5)
    assert time.monotonic() - started < 2.0
    assert panel.task.job.state == "cancelled"
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not os.path.exists(folder)
    assert not is_alive(pid)
    assert panel.ui.applyButton.text == "Apply"


def test_apply_works_again_after_cancel(host, use_organs):
    host.click(use_organs.ui.applyButton)
    host.click(use_organs.ui.applyButton)
    host.wait_until(lambda: not use_organs.task.job.active, 5)
    apply(host, use_organs)
    assert use_organs.ui.statusLabel.text == "Done."


def test_a_second_apply_updates_the_same_nodes(host, analysed):
    import slicer

    before = slicer.mrmlScene.GetNumberOfNodes()
    node = analysed.results.results.node
    apply(host, analysed)
    assert analysed.results.results.node is node
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_nothing_blocks_the_window_while_the_task_runs(host, use_organs):
    host.click(use_organs.ui.applyButton)
    host.meter.start()
    host.wait_until(lambda: use_organs.ui.progressBar.value > 60, 60)
    assert host.longest_block_ms() < 100
    host.wait_until(lambda: not use_organs.task.job.active, 60)


def test_erasing_half_of_the_liver_changes_its_dose_table_by_itself(host, analysed):
    import slicer

    warm(host, analysed)
    results = analysed.results.results
    before = results.result.structures["liver"].count
    body = results.result.structures["body"].count
    voxels = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, "liver")
    value = results.segmentation.GetSegmentation().GetSegment("liver").GetLabelValue()
    for image in voxels:
        rows = np.flatnonzero((image == value).any(axis=1))
        if rows.size:
            image[: int(rows.mean())][image[: int(rows.mean())] == value] = 0
    results.segmentation.GetSegmentation().GetSegment("liver").Modified()
    host.wait_until(lambda: "updated" in analysed.ui.liveLabel.text, 10)
    after = results.result.structures["liver"].count
    assert sum(after) < 0.8 * sum(before)
    # What is erased inside the body is tissue, not air.
    assert np.array_equal(results.result.structures["body"].count, body)
    assert results.result.segmentation.engine.endswith("edited")


def test_a_removed_segment_leaves_the_table(host, analysed):
    warm(host, analysed)
    results = analysed.results.results
    assert "spleen" in results.doses()
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)


def test_apply_asks_before_another_segmentation_replaces_a_corrected_one(host, analysed):
    import qt

    warm(host, analysed)
    results = analysed.results.results
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)
    host.answer("You have corrected", qt.QMessageBox.Cancel)
    host.click(analysed.ui.applyButton)
    assert not analysed.task.active
    assert "spleen" not in results.doses()
    host.answer("You have corrected", qt.QMessageBox.Ok)
    apply(host, analysed)
    assert "spleen" in analysed.results.results.doses()


def test_apply_takes_the_corrected_segmentation_without_a_question_where_it_is_chosen(
    host, analysed
):
    warm(host, analysed)
    results = analysed.results.results
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)
    analysed._parameterNode.inputSegmentation = results.segmentation
    apply(host, analysed)  # a question without an answer would fail
    assert "liver" in analysed.results.results.doses()
    assert "spleen" not in analysed.results.results.doses()


def test_a_renamed_segment_is_another_organ(host, analysed):
    warm(host, analysed)
    results = analysed.results.results
    results.segmentation.GetSegmentation().GetSegment("gallbladder").SetName("Urinary bladder")
    host.wait_until(lambda: "gallbladder" not in results.doses(), 10)
    assert results.result.structures["urinary_bladder"].count.any()


def test_edits_are_followed_while_another_module_is_open(host, analysed):
    warm(host, analysed)
    analysed.ui.editCollapsibleButton.collapsed = False
    host.process_events()
    host.click(analysed.ui.editButton)
    assert host.current_module == "SegmentEditor"
    results = analysed.results.results
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)


def test_what_if_is_marked_and_rescales_the_dose(host, analysed):
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    dose = results.doses()["liver"]
    analysed._parameterNode.tubeCurrentFactor = 2.0
    host.process_events()
    assert analysed.logic.hypothetical(results, tubeCurrent=2.0)["liver"] == pytest.approx(2 * dose)
    table = results.doseTable
    assert table.GetColumnIndex("hypothetical_mGy") >= 0
    assert "HYPOTHETICAL" in analysed.ui.whatIfLabel.text
    (liver,) = [row for row in layout.organ_chart().rows if row.organ == "liver"]
    assert liver.hypothetical_mGy == pytest.approx(2 * dose, rel=1e-3)
    assert "HYPOTHETICAL" in layout.organ_chart().legend()
    assert results.doses()["liver"] == dose
    analysed.ui.whatIfCollapsibleButton.collapsed = False
    host.process_events()
    host.click(analysed.ui.resetWhatIfButton)
    assert table.GetColumnIndex("hypothetical_mGy") < 0
    assert "HYPOTHETICAL" not in layout.organ_chart().legend()


def test_export_writes_the_files_of_analyze(host, analysed, tmp_path):
    analysed.ui.exportCollapsibleButton.collapsed = False
    host.process_events()
    host.answers.files.append(tmp_path / "out")
    host.click(analysed.ui.exportButton)
    host.wait_until(lambda: not analysed.task.job.active, 60)
    assert analysed.ui.statusLabel.text == "The files are written."
    assert f'href="{(tmp_path / "out").as_uri()}"' in analysed.ui.exportLinkLabel.text
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    shown = analysed.results.results.result
    assert [o["dose_mGy"] for o in written["organs"]] == [o.dose_mGy for o in shown.organs]
    assert (tmp_path / "out" / "organ_doses.csv").is_file()
    assert analysed.ui.applyButton.text == "Apply"
    assert analysed.ui.inputVolumeSelector.enabled


def test_after_a_cancelled_export_apply_is_ready(host, analysed, tmp_path):
    analysed.ui.exportCollapsibleButton.collapsed = False
    host.process_events()
    host.answers.files.append(tmp_path / "out")
    host.click(analysed.ui.exportButton)
    host.click(analysed.ui.applyButton)
    host.wait_until(lambda: not analysed.task.job.active, 20)
    assert analysed.task.job.state == "cancelled"
    assert analysed.ui.applyButton.enabled
    assert analysed.ui.applyButton.text == "Apply"
    assert analysed.ui.exportButton.enabled


def test_a_click_on_an_organ_moves_the_slices_there(host, analysed):
    import slicer

    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    results = analysed.results.results
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    view = layout.table_view()
    rows = [view.model().index(row, 0).data() for row in range(view.model().rowCount())]
    organ = "colon"
    host.click_cell(view, rows.index("Colon"))
    k = int(np.argmax(results.result.structures[organ].count))
    assert red.GetSliceOffset() == pytest.approx(results.result.slices.z_mm[k], abs=1)


def test_a_click_in_the_chart_moves_the_slices_and_the_marker_follows(host, analysed):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = analysed.results.results
    host.click_chart(layout.plot_views()[layout.SIZE_VIEW], results.series("wed", ""), 5)
    z = results.result.slices.z_mm[5]
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    assert red.GetSliceOffset() == pytest.approx(z, abs=0.5)
    marker = slicer.util.arrayFromTableColumn(results.get("markerTable"), "z_mm")
    host.wait_until(lambda: marker.tolist() == [z, z], 5)


def test_the_layout_button_restores_the_former_layout(host, analysed):
    import slicer

    manager = slicer.app.layoutManager()
    assert manager.layout == 5820
    host.click(analysed.ui.restoreLayoutButton)
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_the_overlay_has_the_dose_of_the_organs_slice(host, analysed):
    import slicer

    results = analysed.results.results
    analysed._parameterNode.showOverlay = True
    host.process_events()
    assert not results.overlay.GetDisplayNode().GetInterpolate()
    voxels = slicer.util.arrayFromVolume(results.overlay)
    organ = results.result.dose_of("liver")
    labels = analysed.logic.session(results).labelmap
    k = int(np.argmax(results.result.structures["liver"].count))
    inside = voxels[k][labels.mask("liver")[k]]
    assert inside == pytest.approx(np.full(inside.shape, organ.slice_dose_mGy[k]), rel=1e-6)
    assert voxels[labels.labels == 0].max() == 0


def test_a_saved_scene_comes_back_with_its_results(host, analysed, tmp_path):
    import slicer

    results = analysed.results.results
    doses, volume = results.doses(), results.volume.GetName()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert analysed.results.results is None
    slicer.util.loadScene(path)
    host.process_events()
    back = analysed.results.results
    assert back is not None
    assert back.doses() == doses
    assert back.volume.GetName() == volume
    assert analysed.ui.doseTableView.mrmlTableNode() is back.doseTable
    # And it still follows edits.
    warm(host, analysed)
    assert back.doses() == doses
    back.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in back.doses(), 10)
    assert back.doses()["liver"] == pytest.approx(doses["liver"])


def test_reloading_the_module_keeps_the_result(host, analysed):
    doses = analysed.results.results.doses()
    panel = host.reload("CTDoseSeg")
    host.process_events()
    assert panel is not analysed
    panel.initializeParameterNode()
    assert panel.results.results.doses() == doses
