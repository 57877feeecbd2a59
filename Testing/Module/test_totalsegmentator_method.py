"""The method TotalSegmentator in the panel: asks first, runs elsewhere, can be cancelled midway."""

from __future__ import annotations

import os
import time

import pytest
from processes import is_alive, processes_below

ASKS = "Install into Slicer's Python now?"
DOWNLOADS = "Download them now?"


@pytest.fixture
def panel_of_totalsegmentator(panel, phantom):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.TOTALSEGMENTATOR
    return panel


def test_without_its_packages_it_asks_with_their_size_and_takes_no(host, panel_of_totalsegmentator):
    import qt

    panel = panel_of_totalsegmentator
    host.packages.missing.add("TotalSegmentator")
    host.answer(ASKS, qt.QMessageBox.Cancel)
    host.click(panel.ui.applyButton)
    assert "GB on disk" in host.messages[-1].text
    assert "were not installed" in panel.ui.statusLabel.text
    assert host.packages.requests == []
    assert panel.task.job is None


def test_the_extension_totalsegmentator_installs_where_it_is_there(
    host, panel_of_totalsegmentator, monkeypatch
):
    import qt

    from CTDoseSegLib.ctdoseseg_ui import packages

    calls = []

    class Extension:
        def setupPythonRequirements(self):
            calls.append("asked")
            host.packages.missing.clear()
            host.packages.installed |= {"torch", "TotalSegmentator", "safetensors"}

    monkeypatch.setattr(packages, "extension_logic", lambda: Extension())
    host.packages.missing.add("TotalSegmentator")
    host.answer(ASKS, qt.QMessageBox.Ok)
    packages.ensure("totalsegmentator")
    assert calls == ["asked"]
    assert host.packages.requests == []


def test_what_the_extension_does_not_bring_is_installed_after_it(
    host, panel_of_totalsegmentator, monkeypatch
):
    """safetensors, for the bundled UNet: small, so that no gigabytes are asked about."""
    import qt

    from CTDoseSegLib.ctdoseseg_ui import packages

    class Extension:
        def setupPythonRequirements(self):
            host.packages.missing.discard("TotalSegmentator")
            host.packages.installed |= {"torch", "TotalSegmentator"}

    monkeypatch.setattr(packages, "extension_logic", lambda: Extension())
    host.packages.outcome = "installed"
    host.packages.missing |= {"TotalSegmentator", "safetensors"}
    host.answer(ASKS, qt.QMessageBox.Ok)
    packages.ensure("totalsegmentator")
    assert host.packages.requests == [("safetensors>=0.4",)]
    host.packages.clear()
    host.packages.outcome = "installed"
    host.packages.installed |= {"torch", "TotalSegmentator"}
    host.packages.missing.add("safetensors")
    asked = len(host.messages)
    packages.ensure("totalsegmentator")
    assert host.packages.requests == [("safetensors>=0.4",)]
    assert not any("GB" in message.text for message in host.messages[asked:])


def test_version_2_13_is_offered_weights_where_there_are_none(
    host, panel_of_totalsegmentator, monkeypatch, tmp_path
):
    """It does not say which it needs: with some there, the run itself tells."""
    import sys

    import qt

    pytest.importorskip("totalsegmentator", reason="it knows the tasks")
    from CTDoseSegLib.ctdoseseg_ui import totalsegmentator
    from CTDoseSegLib.errors import ModelError

    monkeypatch.setitem(sys.modules, "totalsegmentator.map_tasks_config", None)
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    host.answer(DOWNLOADS, qt.QMessageBox.Ok)
    assert totalsegmentator.ensure("fast", ()) == ["weights", "fetch", "--quality", "fast"]
    host.answer(DOWNLOADS, qt.QMessageBox.Cancel)
    with pytest.raises(ModelError, match="ctdoseseg weights fetch"):
        totalsegmentator.ensure("fast", ())
    (tmp_path / "Dataset297_x").mkdir()
    assert totalsegmentator.ensure("fast", ()) == []


def test_packages_that_need_a_restart_are_named(host, panel_of_totalsegmentator, monkeypatch):
    import qt

    from CTDoseSegLib.ctdoseseg_ui import packages
    from CTDoseSegLib.errors import DependencyError

    class Extension:
        def setupPythonRequirements(self):
            """Installed, but the running Slicer still has the old ones."""

    monkeypatch.setattr(packages, "extension_logic", lambda: Extension())
    host.packages.missing.add("TotalSegmentator")
    host.answer(ASKS, qt.QMessageBox.Ok)
    with pytest.raises(DependencyError, match="Restart Slicer"):
        packages.ensure("totalsegmentator")


def test_without_weights_it_offers_to_fetch_them_and_takes_no(
    host, panel_of_totalsegmentator, monkeypatch, tmp_path
):
    import qt

    pytest.importorskip("totalsegmentator", reason="it says which weights it needs")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "none"))
    panel = panel_of_totalsegmentator
    host.answer(DOWNLOADS, qt.QMessageBox.Cancel)
    host.click(panel.ui.applyButton)
    assert "were not downloaded" in panel.ui.statusLabel.text
    assert "weights import" in panel.ui.statusLabel.text
    assert panel.task.job is None


def test_a_download_without_a_network_ends_with_what_to_copy(
    host, panel_of_totalsegmentator, monkeypatch, tmp_path
):
    import qt

    pytest.importorskip("totalsegmentator", reason="it does the download")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    panel = panel_of_totalsegmentator
    host.answer(DOWNLOADS, qt.QMessageBox.Ok)
    host.click(panel.ui.applyButton)
    assert panel.ui.applyButton.text == "Cancel"
    host.wait_until(lambda: not panel.task.job.active, 200)
    host.process_events()
    assert "of TotalSegmentator's releases" in panel.ui.statusLabel.text
    assert panel.ui.applyButton.text == "Apply"


def test_apply_shows_progress_and_the_result_with_where_each_label_is_from(
    host, panel_of_totalsegmentator, totalsegmentator_here, monkeypatch
):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Quality

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    panel = panel_of_totalsegmentator
    panel._parameterNode.quality = Quality.FASTEST
    seen = []
    host.click(panel.ui.applyButton)
    on_event = panel.task.job._on_event
    panel.task.job._on_event = lambda event: (seen.append(event), on_event(event))
    host.wait_until(lambda: not panel.task.job.active, 500)
    host.process_events()
    assert panel.ui.statusLabel.text == "Done.", panel.ui.logText.plainText
    messages = [e["message"] for e in seen if e["event"] == "progress"]
    assert any("TotalSegmentator" in message for message in messages)
    segmentation = panel.results.results.result.segmentation
    assert segmentation.engine.startswith("totalsegmentator")
    assert segmentation.about["totalsegmentator"]["quality"] == "fastest"


EXTRAS = ("lungVessels", "heartChambers", "breasts", "headGlands", "tissueTypes", "contrastPhase")


def test_every_extra_of_the_command_line_but_the_body_can_be_chosen(host, panel):
    from CTDoseSegLib.ctdoseseg_ui.panel import extras
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    from CTDoseSegLib.segmentation.totalsegmentator.phase import PHASE
    from CTDoseSegLib.segmentation.totalsegmentator.plan import EXTRAS as KNOWN

    assert set(extras.EXTRAS.values()) == {*KNOWN, PHASE} - {"body"}
    assert tuple(extras.EXTRAS) == EXTRAS
    node = panel._parameterNode
    assert extras.chosen(node) == ()
    for name in EXTRAS:
        getattr(panel.ui, f"{name}CheckBox").checked = True
    assert extras.chosen(node) == tuple(extras.EXTRAS.values())
    node.method = Method.UNET
    assert extras.chosen(node) == ()


def test_what_the_installed_package_lacks_cannot_be_chosen_and_licences_are_named(
    host, panel, monkeypatch
):
    tables = pytest.importorskip("totalsegmentator.map_to_binary", reason="it knows the tasks")
    older = {task: labels for task, labels in tables.class_map.items() if task != "breasts"}
    monkeypatch.setattr(tables, "class_map", older)
    boxes = {name: getattr(panel.ui, f"{name}CheckBox") for name in EXTRAS}
    assert all(box.enabled for box in boxes.values())  # nobody has asked the package yet
    panel.ui.advancedCollapsibleButton.collapsed = False
    host.process_events()
    assert [name for name, box in boxes.items() if not box.enabled] == ["breasts"]
    assert "has no such task" in boxes["breasts"].toolTip
    licensed = [name for name, box in boxes.items() if "licence" in box.toolTip]
    assert licensed == ["heartChambers", "tissueTypes"]


def test_without_a_licence_fat_and_muscle_end_in_a_sentence_before_any_download(
    host, panel_of_totalsegmentator, monkeypatch, tmp_path
):
    pytest.importorskip("totalsegmentator", reason="it knows what needs a licence")
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    panel = panel_of_totalsegmentator
    panel._parameterNode.tissueTypes = True
    host.click(panel.ui.applyButton)  # a question without an answer would fail
    assert "needs a licence, and no valid one is set" in panel.ui.statusLabel.text
    assert panel.task.job is None


def test_the_contrast_phase_asks_for_its_package_and_its_own_networks(
    host, panel_of_totalsegmentator, monkeypatch, tmp_path
):
    import qt

    pytest.importorskip("totalsegmentator", reason="it holds the classifier")
    from CTDoseSegLib.ctdoseseg_ui import totalsegmentator
    from CTDoseSegLib.errors import DependencyError

    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    monkeypatch.setattr(totalsegmentator, "find_spec", lambda name: None)
    host.packages.missing.add("xgboost")
    with pytest.raises(DependencyError, match="contrast_phase needs xgboost"):
        totalsegmentator.ensure("fast", ("contrast_phase",))
    assert host.packages.requests == [("xgboost>=3.0",)]
    monkeypatch.undo()
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    counts = []
    for extras in ((), ("contrast_phase",)):
        host.answer(DOWNLOADS, qt.QMessageBox.Ok)
        arguments = totalsegmentator.ensure("fast", extras)
        counts.append(int(host.messages[-1].text.partition(" networks")[0].rpartition(" ")[2]))
    assert arguments[-2:] == ["--extra", "contrast_phase"]
    assert counts[1] > counts[0]  # with that of the head's vessels


def test_apply_finds_the_breasts_where_they_are_chosen(
    host, panel_of_totalsegmentator, totalsegmentator_here, monkeypatch
):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Quality

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    panel = panel_of_totalsegmentator
    parameters = panel._parameterNode
    parameters.quality = Quality.FASTEST
    parameters.breasts = True
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: not panel.task.job.active, 900)
    host.process_events()
    assert panel.ui.statusLabel.text == "Done.", panel.ui.logText.plainText
    about = panel.results.results.result.segmentation.about["totalsegmentator"]
    assert "breasts" in about["tasks"]


def test_cancel_midway_ends_all_processes_within_2_s_and_leaves_the_scene(
    host, panel_of_totalsegmentator, totalsegmentator_here
):
    import slicer

    panel = panel_of_totalsegmentator
    before = slicer.mrmlScene.GetNumberOfNodes()
    host.click(panel.ui.applyButton)
    folder = panel.task.job._arguments[1]
    host.wait_until(lambda: "totalsegmentator" in panel.ui.statusLabel.text.lower(), 200)
    host.wait_until(lambda: "finding organs" in panel.ui.statusLabel.text.lower(), 200)
    host.wait(1.5)  # nnU-Net starts its helpers
    pids = processes_below(panel.task.job.pid)
    assert pids, "the worker is running"
    started = time.monotonic()
    host.click(panel.ui.applyButton)
    host.wait_until(lambda: not panel.task.job.active, 5)
    while any(is_alive(pid) for pid in pids) and time.monotonic() - started < 5:
        host.wait(0.02)
    assert time.monotonic() - started < 2.0
    assert not any(is_alive(pid) for pid in pids)
    assert panel.task.job.state == "cancelled"
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not os.path.exists(folder)
    left = [p.name for p in totalsegmentator_here.iterdir()]
    assert not [name for name in left if name.startswith(("ctdoseseg-ts", "nnunet"))], left
