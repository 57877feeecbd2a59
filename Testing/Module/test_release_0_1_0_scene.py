"""A scene and a batch of release 0.1.0 come into the scene (Data/release_0_1_0)."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from module_steps import warm
from scipy import ndimage
from tiny_analysis import tiny_result

RELEASE = Path(__file__).resolve().parents[1] / "Data" / "release_0_1_0"
DOSES = json.loads((RELEASE / "scene_doses.json").read_text())


@pytest.fixture
def loaded(host, panel):
    """The panel after the scene was loaded."""
    import slicer

    slicer.util.loadScene(str(RELEASE / "scene.mrb"))
    host.process_events()
    return panel


@pytest.fixture
def batch(tmp_path):
    """The half-done batch with its archive where its ledger names it, and the key of its scan."""
    with zipfile.ZipFile(RELEASE / "archive.zip") as packed:
        packed.extractall(tmp_path / "archive")
    output = shutil.copytree(RELEASE / "batch", tmp_path / "batch")
    ledger = sqlite3.connect(output / "run" / "ledger.sqlite")
    moved = (str(tmp_path / "archive"),)
    with ledger:
        ledger.execute("UPDATE scans SET scan = replace(scan, '/archive', ?)", moved)
    ledger.close()
    (study,) = (output / "studies").iterdir()
    return output, study


def test_a_saved_result_is_shown_with_its_edited_doses(loaded):
    results = loaded.results.results
    assert results.doses() == DOSES["after_mGy"]
    assert results.doses()["liver"] != DOSES["before_mGy"]["liver"]
    assert loaded.ui.doseTableView.mrmlTableNode() is results.doseTable


def test_a_saved_result_has_its_charts_and_its_overlay(loaded):
    import slicer

    results = loaded.results.results
    for role in ("sizeChart", "ssdeChart"):
        assert results.get(role).GetNumberOfPlotSeriesNodes() > 0
    assert slicer.util.arrayFromVolume(results.overlay).max() > 0


def test_its_table_of_texts_becomes_one_of_numbers_which_the_chart_draws(loaded):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    results = loaded.results.results
    doses = slicer.util.arrayFromTableColumn(results.doseTable, "dose_mGy")
    assert sorted(doses) == pytest.approx(sorted(DOSES["after_mGy"].values()), rel=1e-3)
    titles = {row.organ: row.title for row in layout.organ_chart().rows}
    assert titles["kidney_left"] == "Left kidney"


def test_a_click_on_an_organ_of_a_saved_result_moves_the_slices_there(host, loaded):
    import slicer

    results = loaded.results.results
    view = loaded.ui.doseTableView
    host.click(loaded.ui.restoreLayoutButton)  # the scene was saved with the module's layout
    names = results.doseTable.GetTable().GetColumnByName("name")
    row = [names.GetValue(n) for n in range(names.GetNumberOfValues())].index("kidney_left")
    host.click_cell(view, row)
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    k = int(np.argmax(results.result.structures["kidney_left"].count))
    assert red.GetSliceOffset() == pytest.approx(results.result.slices.z_mm[k], abs=1)
    assert "Left kidney" in loaded.ui.resultLabel.text


def test_a_former_chart_with_numbers_for_organs_goes_when_its_doses_change(host, loaded):
    results = loaded.results.results
    assert results.get("doseChart") is not None
    warm(host, loaded)
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)
    assert results.get("doseChart") is None
    assert results.get("chartTable") is None


def analysed_without(panel, results, organ: str) -> dict[str, float]:
    """Organ to its dose by a whole analysis, where erased organs are the rest of the body."""
    from CTDoseSegLib.analysis import analyze
    from CTDoseSegLib.ctdoseseg_ui.nodes.segmentations import labelmap_of
    from CTDoseSegLib.segmentation.atoms import groups_of

    series = panel.logic.session(results).series
    drawn = labelmap_of(results.segmentation, results.volume, series)
    erased = drawn.mask("body") & ~drawn.mask(organ)
    enclosed = np.array([ndimage.binary_fill_holes(image) for image in erased]) & ~erased
    labels = np.where(enclosed, drawn.value_of("body_rest"), drawn.labels)
    atoms = tuple(atom for atom in drawn.atoms if atom.name != organ)
    groups = groups_of(atom.name for atom in atoms)
    doses = analyze(series, replace(drawn, labels=labels, atoms=atoms, groups=groups)).doses
    return {one.organ: one.dose_mGy for one in doses.organs if one.dose_mGy is not None}


def test_a_saved_result_still_follows_edits_by_the_dose_model_of_this_version(host, loaded):
    from CTDoseSegLib.dosimetry.fast.model import load_model

    results = loaded.results.results
    warm(host, loaded)
    assert results.doses() == pytest.approx(DOSES["after_mGy"])
    expected = analysed_without(loaded, results, "spleen")
    results.segmentation.GetSegmentation().RemoveSegment("spleen")
    host.wait_until(lambda: "spleen" not in results.doses(), 10)
    assert results.doses() == pytest.approx(expected)
    assert results.doses()["liver"] != pytest.approx(DOSES["after_mGy"]["liver"], rel=1e-3)
    (found,) = [f for f in results.result.flags if f.code == "doses_by_new_model"]
    assert found.detail == f"version 2.0, this one is {load_model().card['version']}"
    loaded.logic.forget(results)  # as in a scene that is saved and loaded again
    results.segmentation.GetSegmentation().RemoveSegment("liver")
    loaded.logic.recompute(results)
    assert [f.code for f in results.result.flags].count("doses_by_new_model") == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, set()),
        ({"sha256": "0", "version": "1.0"}, {"version 1.0"}),
        ({"sha256": "0", "version": None}, {"version unknown"}),
    ],
)
def test_only_a_result_of_another_dose_model_is_flagged_when_its_doses_move(host, change, expected):
    from CTDoseSegLib.ctdoseseg_ui.stored import model_flags
    from CTDoseSegLib.dosimetry.fast.model import load_model

    result = replace(tiny_result(), dose_model={**load_model().card, **change})
    assert {f.detail.partition(",")[0] for f in model_flags(result)} == expected


def test_a_finished_scan_of_a_half_done_batch_is_loaded_or_refused(host, panel, batch):
    from CTDoseSegLib.errors import CTDoseSegError

    output, study = batch
    refusal = ""
    try:
        results = panel.logic.loadStudy(output, study.name)
    except CTDoseSegError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        return
    with (study / "organ_doses.csv").open(newline="") as stream:
        table = {row["organ"]: row["dose_mGy"] for row in csv.DictReader(stream)}
    stated = {organ: float(dose) for organ, dose in table.items() if dose}
    assert results.doses() == pytest.approx(stated, rel=1e-5)


def test_an_open_scan_of_a_half_done_batch_is_refused(host, panel, batch):
    from CTDoseSegLib.errors import CTDoseSegError

    output, study = batch
    ledger = sqlite3.connect(output / "run" / "ledger.sqlite")
    ((key,),) = ledger.execute("SELECT key FROM scans WHERE key != ? LIMIT 1", (study.name,))
    ledger.close()
    with pytest.raises(CTDoseSegError, match=r"^[^\n]+$"):
        panel.logic.loadStudy(output, key)
