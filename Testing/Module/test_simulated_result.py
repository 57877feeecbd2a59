"""A simulated result in the scene: its dose map, edits by the map, saving, export."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from module_steps import put_simulation, show_result, show_simulation, warm


def views():
    import slicer

    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def labels_of(results, organ):
    """Where the scene has an organ, boolean [k, j, i]."""
    import slicer

    mask = slicer.util.arrayFromSegmentBinaryLabelmap(results.segmentation, organ, results.volume)
    return mask > 0


def draw(results, organ, mask):
    """Let an organ be drawn as `mask`."""
    import slicer

    segmentation = results.segmentation
    identifier = organ
    if segmentation.GetSegmentation().GetSegment(organ) is None:
        identifier = segmentation.GetSegmentation().AddEmptySegment("", organ)
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask.astype(np.uint8), segmentation, identifier, results.volume
    )


def codes(results, organ):
    return {flag.code for flag in results.result.dose_of(organ).flags}


def upper_half(mask):
    half = mask.copy()
    rows = np.flatnonzero(mask.any(axis=(0, 2)))
    half[:, int(rows.mean()) :] = False
    return half


def test_the_map_is_a_volume_on_the_ct_with_the_doses_of_the_table(host, simulated):
    import slicer

    results = simulated.results.results
    node = results.doseMap
    assert node.GetClassName() == "vtkMRMLScalarVolumeNode"
    assert node.GetVoxelValueUnits().GetCodeMeaning() == "mGy"
    bounds, whole = np.zeros(6), np.zeros(6)
    node.GetRASBounds(bounds)
    results.volume.GetRASBounds(whole)
    assert np.abs(bounds - whole).max() < 25.0  # a voxel of the phantom is 23 mm high
    # The mean over the liver, voxel by voxel of the map.
    matrix = _matrix(results.volume)
    places = np.argwhere(labels_of(results, "liver"))[:, ::-1]
    ras = (matrix @ np.c_[places, np.ones(len(places))].T)[:3]
    ijk = np.linalg.inv(_matrix(node)) @ np.r_[ras, np.ones((1, ras.shape[1]))]
    k, j, i = np.rint(ijk[2::-1]).astype(int)
    voxels = slicer.util.arrayFromVolume(node)
    mean = voxels[k.clip(0, voxels.shape[0] - 1), j, i].mean()
    assert mean == pytest.approx(results.doses()["liver"], rel=0.05)


def _matrix(node):
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def test_the_map_lies_over_the_ct_with_its_legend_and_goes_away_again(host, simulated):
    import slicer

    results, ui = simulated.results.results, simulated.ui
    assert ui.doseMapCheckBox.enabled
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    assert {view.GetForegroundVolumeID() for view in views()} == {results.doseMap.GetID()}
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(results.doseMap)
    assert legend.GetVisibility()
    assert legend.GetTitleText().startswith("Dose (mGy)")
    # The dose of each organ takes its place.
    simulated._parameterNode.showOverlay = True
    host.process_events()
    assert not simulated._parameterNode.showDoseMap
    assert {view.GetForegroundVolumeID() for view in views()} == {results.overlay.GetID()}
    assert not legend.GetVisibility()
    simulated._parameterNode.showOverlay = False
    host.process_events()
    assert {view.GetForegroundVolumeID() for view in views()} == {None}


def test_without_a_simulation_there_is_no_map_to_show(host, analysed):
    assert not analysed.ui.doseMapCheckBox.enabled
    assert "Monte Carlo" in analysed.ui.doseMapCheckBox.toolTip
    analysed._parameterNode.showDoseMap = True
    host.process_events()
    assert {view.GetForegroundVolumeID() for view in views()} == {None}


def test_an_edit_updates_the_organs_dose_from_the_map_and_leaves_the_others(host, simulated):
    results = simulated.results.results
    warm(host, simulated)
    before = results.doses()
    draw(results, "liver", upper_half(labels_of(results, "liver")))
    host.wait_until(lambda: "updated" in simulated.ui.liveLabel.text, 20)
    after = results.doses()
    assert results.simulated
    changed = {organ for organ in before if after.get(organ) != before[organ]}
    assert "liver" in changed
    assert "kidney_left" not in changed
    assert after["liver"] == pytest.approx(before["liver"], rel=0.3)
    assert "monte_carlo_edited" in codes(results, "liver")
    assert "monte_carlo_edited" not in codes(results, "spleen")
    assert "Rerun" not in simulated.ui.liveLabel.text
    # Drawn as it was, it has the dose that it had.
    liver = results.result.dose_of("liver")
    assert liver.total_low_mGy < liver.dose_mGy < liver.total_high_mGy


def test_an_organ_that_is_drawn_back_has_its_simulated_dose_again(host, simulated):
    results = simulated.results.results
    warm(host, simulated)
    before, liver = results.doses()["liver"], labels_of(results, "liver")
    draw(results, "liver", upper_half(liver))
    host.wait_until(lambda: results.doses()["liver"] != before, 20)
    draw(results, "liver", liver)
    host.wait_until(lambda: results.doses()["liver"] == before, 20)
    assert "monte_carlo_edited" not in codes(results, "liver")


def test_a_lesion_that_is_drawn_later_has_the_dose_of_its_place(host, simulated):
    results = simulated.results.results
    warm(host, simulated)
    liver = labels_of(results, "liver")
    k = int(liver.sum(axis=(1, 2)).argmax())
    rows, columns = (int(np.median(places)) for places in np.nonzero(liver[k]))
    lesion = np.zeros_like(liver)
    lesion[k, rows - 2 : rows + 3, columns - 2 : columns + 3] = True
    draw(results, "lesion", lesion & liver)
    host.wait_until(lambda: "lesion" in results.doses(), 20)
    dose = results.result.dose_of("lesion")
    assert "monte_carlo_drawn" in codes(results, "lesion")
    # The phantom's liver is enhanced; the lesion's dose is that to soft tissue.
    assert dose.dose_mGy == pytest.approx(results.doses()["liver"], rel=0.4)
    assert dose.budget["statistics"] > results.result.dose_of("liver").budget["statistics"]


def test_an_edit_that_turns_fat_into_an_organ_advises_a_rerun(host, simulated):
    import slicer

    results = simulated.results.results
    warm(host, simulated)
    liver = labels_of(results, "liver")
    hu = slicer.util.arrayFromVolume(results.volume)
    fat = labels_of(results, "body_rest") & (hu > -140) & (hu < -60)
    places = np.flatnonzero(fat)
    assert len(places) > 0.3 * liver.sum()
    fat.ravel()[places[int(0.3 * liver.sum()) :]] = False
    draw(results, "liver", liver | fat)
    host.wait_until(lambda: "updated" in simulated.ui.liveLabel.text, 20)
    assert "monte_carlo_rerun" in codes(results, "liver")
    assert "Rerun advised" in simulated.ui.liveLabel.text
    assert "liver" in simulated.ui.liveLabel.text


def test_an_organ_edited_while_it_is_simulated_gets_its_dose_from_the_map(host, simulated):
    results = simulated.results.results
    warm(host, simulated)
    before = results.doses()["liver"]
    task = simulated.logic.prepareSimulation(results, 0.05, 0.5)
    draw(results, "liver", upper_half(labels_of(results, "liver")))
    host.wait_until(lambda: results.doses()["liver"] != before, 20)
    edited = results.doses()["liver"]
    put_simulation(task)
    simulated.logic.finishSimulation(task)
    task.clear()
    assert results.doses()["liver"] == pytest.approx(edited)
    assert "monte_carlo_edited" in codes(results, "liver")


def test_a_saved_scene_keeps_the_map_and_still_follows_edits(host, simulated, tmp_path):
    import slicer

    results = simulated.results.results
    doses, voxels = results.doses(), slicer.util.arrayFromVolume(results.doseMap).copy()
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert not simulated.ui.doseMapCheckBox.enabled
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    back = simulated.results.results
    assert back.doses() == doses
    assert np.array_equal(slicer.util.arrayFromVolume(back.doseMap), voxels)
    assert {view.GetForegroundVolumeID() for view in views()} == {back.doseMap.GetID()}
    assert slicer.modules.colors.logic().GetColorLegendDisplayNode(back.doseMap).GetVisibility()
    warm(host, simulated)
    draw(back, "liver", upper_half(labels_of(back, "liver")))
    host.wait_until(lambda: back.doses()["liver"] != doses["liver"], 20)
    assert back.simulated
    assert back.doses()["spleen"] == doses["spleen"]


def test_export_writes_the_simulated_doses_that_are_shown(host, simulated, tmp_path):
    results = simulated.results.results
    warm(host, simulated)
    draw(results, "liver", upper_half(labels_of(results, "liver")))
    host.wait_until(lambda: "monte_carlo_edited" in codes(results, "liver"), 20)
    folder = simulated.logic.export(results, tmp_path / "out")
    written = json.loads((folder / "result.json").read_text())
    exported = {o["organ"]: o["dose_mGy"] for o in written["organs"]}
    assert exported == {o.organ: o.dose_mGy for o in results.result.organs}
    assert written["provenance"]["parameters"]["dose_engine"] == "montecarlo"
    assert list(folder.glob("dose_map.*"))


def test_what_if_scales_simulated_doses_too(host, simulated):
    results = simulated.results.results
    doses = simulated.logic.hypothetical(results, tubeCurrent=2.0, ctdivol=0.5)
    assert doses["liver"] == pytest.approx(results.doses()["liver"])
    doubled = simulated.logic.hypothetical(results, tubeCurrent=2.0)
    assert doubled["liver"] == pytest.approx(2 * results.doses()["liver"])


def test_the_console_simulates_a_result_too(host, analysed, monkeypatch):
    from CTDoseSegLib.ctdoseseg_ui import logic_simulation

    pytest.importorskip("numba", reason="Monte Carlo needs it")
    panel, given = analysed, []
    prepare = panel.logic.prepareSimulation

    def prepared(*settings):
        given.append(prepare(*settings))
        put_simulation(given[0])
        return given[0]

    monkeypatch.setattr(panel.logic, "prepareSimulation", prepared)
    monkeypatch.setattr(logic_simulation, "run_and_wait", lambda *_: (0, ""))
    results = panel.logic.simulate(panel.results.results, relativeSE=0.02, maxMinutes=3.0)
    assert results.simulated
    (task,) = given
    text = " ".join(task.arguments)
    assert "--relative-se 0.02 --max-minutes 3" in text
    assert "--keep-batches" in text
    assert not task.folder.exists()


def test_the_next_apply_by_the_fast_law_takes_the_map_away(host, simulated):
    simulated._parameterNode.showDoseMap = True
    host.process_events()
    show_result(host, simulated)
    results = simulated.results.results
    assert not results.simulated
    assert results.doseMap is None
    assert not simulated.ui.doseMapCheckBox.enabled
    assert {view.GetForegroundVolumeID() for view in views()} == {None}
    show_simulation(host, simulated)
    assert results.doseMap is not None


def test_the_map_is_never_taken_for_a_ct(host, simulated):
    from CTDoseSegLib.errors import InputError

    for role in ("doseMap", "doseMapSD", "doseMapBatches"):
        with pytest.raises(InputError, match="dose map"):
            simulated.logic.analyze(simulated.results.results.get(role))


def test_an_export_without_batches_leaves_no_folder(simulated):
    import slicer

    from CTDoseSegLib.errors import InputError

    def staged():
        return set(Path(slicer.app.temporaryPath).glob("ctdoseseg-*"))

    results = simulated.results.results
    simulated.logic.forget(results)  # as of a saved scene
    slicer.mrmlScene.RemoveNode(results.get("doseMapBatches"))
    before = staged()
    with pytest.raises(InputError, match="batches were not kept"):
        simulated.logic.prepareExport(results, "/nowhere")
    assert staged() == before
