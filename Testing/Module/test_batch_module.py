"""The module "CT Dose Batch": a run in another process, its states, a click that loads a scan."""

from __future__ import annotations

import os
import re
import signal

import pytest
from module_steps import BATCH, SMALL


@pytest.fixture
def batch(host, panel):
    """The module, loaded beside the main one and open."""
    host.load_module(BATCH)
    return host.open("CTDoseSegBatch")


@pytest.fixture
def archive(panel, tmp_path):
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    write_dicom(Phantom(seed=1, **SMALL), tmp_path / "made")
    folder = tmp_path / "archive"
    (tmp_path / "made" / "dicom").rename(folder)
    (folder / "bad").mkdir()
    (folder / "bad" / "empty.dcm").write_bytes(b"")
    return folder


def test_a_run_is_followed_and_a_click_loads_its_study(host, panel, batch, archive, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.batch_module import BatchMethod

    batch.parameters.method = BatchMethod.CLASSICAL
    host.click(batch.ui.batchButton)
    assert "Choose the archive" in batch.ui.batchLabel.text
    batch.ui.batchInputLineEdit.text = str(archive)
    batch.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    assert batch.ui.batchButton.text == "Cancel"
    host.wait_until(lambda: batch.ui.batchButton.text == "Start", 120)
    assert batch.ui.batchLabel.text == "Done."
    assert (tmp_path / "out").as_uri() in batch.ui.batchLinkLabel.text
    table = batch.ui.batchTable
    assert [table.item(0, column).text() for column in (0, 2)] == ["done", ""]
    key = table.item(0, 1).text()
    host.meter.start()
    batch.onClicked(0, 0)
    batch._readTimer.stop()  # what comes into the scene afterwards is not measured here
    assert host.current_module == "CTDoseSegBatch"  # it is read in the background
    host.wait_until(lambda: not batch.reading, 30)
    assert host.longest_block_ms() < 100
    batch._onRead()
    assert host.current_module == "CTDoseSeg"
    session = panel.logic.session(panel.results.results)
    assert (session.region, session.choices["engine"]) == ("auto", "classical")
    assert panel._parameterNode.inputVolume.GetName() == f"CT {key}"
    assert panel.results.results.doses()["lung"] > 0


def test_it_shows_the_rate_and_the_time_left(host, batch, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.batch_module import BatchMethod
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    for seed in range(3):
        write_dicom(Phantom(seed=seed, **SMALL), tmp_path / "made" / str(seed))
        (tmp_path / "made" / str(seed) / "truth").rename(tmp_path / f"truth_{seed}")
    batch.parameters.method = BatchMethod.CLASSICAL
    batch.ui.batchInputLineEdit.text = str(tmp_path / "made")
    batch.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    messages = set()

    def ended():
        messages.add(batch.ui.batchLabel.text)
        return batch.ui.batchButton.text == "Start"

    host.wait_until(ended, 120)
    rate = re.compile(r"[12] of 3 scans, 0 failed, [\d.]+ a minute, \d+ s left")
    assert [text for text in messages if rate.fullmatch(text)], messages


def test_cancel_does_not_hold_the_panel(host, batch, archive, tmp_path):
    batch.ui.batchInputLineEdit.text = str(archive)
    batch.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    os.kill(batch.run.pid, signal.SIGSTOP)  # it hangs: it will not end by itself
    host.click(batch.ui.batchButton)
    assert batch.run.running
    assert not batch.ui.batchButton.enabled
    host.wait_until(lambda: batch.ui.batchButton.text == "Start", 30)
    assert batch.ui.batchButton.enabled
    assert "cancelled" in batch.ui.batchLabel.text


def test_the_window_stays_alive_while_the_console_waits_for_a_batch(host, panel, archive, tmp_path):
    import time

    import qt

    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start(20)
    run = panel.logic.batch(archive, tmp_path / "out", engine="classical")
    began = time.monotonic()
    run.wait(120)
    seconds = time.monotonic() - began
    timer.stop()
    assert len(ticks) > 5 * seconds, "the event loop stood still"


def test_a_module_that_is_unloaded_ends_its_run_at_once(host, batch, archive, tmp_path):
    import time

    batch.ui.batchInputLineEdit.text = str(archive)
    batch.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    run = batch.run
    os.kill(run.pid, signal.SIGSTOP)  # it hangs: it will not end by itself
    began = time.monotonic()
    batch.cleanup()
    assert time.monotonic() - began < 2.0
    assert not run.running
    assert "cancelled" in run.problem


def test_a_study_is_loaded_with_the_choices_that_it_was_made_with(host, panel, archive, tmp_path):
    run = panel.logic.batch(archive, tmp_path / "out", engine="classical", region="abdomen")
    (key,) = run.wait(120)
    results = panel.logic.loadStudy(tmp_path / "out", key)
    assert panel.logic.session(results).region == "abdomen"


def test_a_scan_that_is_brought_from_a_batch_has_its_exposure(host, panel, archive, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.nodes.exposures import stated_series

    (key,) = panel.logic.batch(archive, tmp_path / "out", engine="classical").wait(120)
    results = panel.logic.loadStudy(tmp_path / "out", key)
    stated = stated_series(results.volume)
    acquisition, slices = stated.acquisition, stated.slices
    assert acquisition is not None
    assert acquisition.kvp_kV == 120
    assert len(slices) == SMALL["shape"][2]
    panel._parameterNode.inputVolume = results.volume
    host.process_events()
    assert panel.ui.kvp_kV_source.text == "read"


def test_folders_that_are_typed_after_a_reload_reach_the_run(host, batch):
    batch = host.reload("CTDoseSegBatch")
    batch.ui.batchInputLineEdit.text = "/data/archive"
    batch.ui.batchOutputLineEdit.text = "/data/results"
    host.process_events()
    assert batch.parameters.archive == "/data/archive"
    assert batch.parameters.results == "/data/results"


def test_the_console_handle_cancels(host, panel, archive, tmp_path):
    from CTDoseSegLib.errors import Cancelled, InputError

    run = panel.logic.batch(archive, tmp_path / "out", engine="classical")
    assert run.running
    run.cancel()
    assert not run.running
    with pytest.raises(Cancelled):
        run.wait()
    with pytest.raises(InputError, match=r"no ledger|no scan"):
        panel.logic.loadStudy(tmp_path / "out", "0" * 16)


def test_an_archive_with_nifti_files_asks_for_nibabel_first(host, batch, tmp_path):
    host.packages.missing.add("nibabel")
    (tmp_path / "archive" / "a").mkdir(parents=True)
    (tmp_path / "archive" / "a" / "ct.NII.gz").write_bytes(b"")
    batch.ui.batchInputLineEdit.text = str(tmp_path / "archive")
    batch.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    assert host.packages.requests == [("nibabel>=5.2",)]
    assert "needs nibabel" in batch.ui.batchLabel.text
    assert batch.run is None
    (tmp_path / "archive" / "a" / "ct.NII.gz").rename(tmp_path / "archive" / "a" / "ct.dcm")
    host.click(batch.ui.batchButton)
    assert len(host.packages.requests) == 1  # without NIfTI files nothing is asked for
    host.wait_until(lambda: batch.ui.batchButton.text == "Start", 60)


def test_the_self_test_passes(host, batch):
    host.run_self_test("CTDoseSegBatch")


def test_choices_are_kept_with_the_scene(host, batch, tmp_path):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.batch_module import BatchMethod

    batch.ui.batchInputLineEdit.text = "/data/archive"
    batch.parameters.method = BatchMethod.UNET
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert batch.ui.batchInputLineEdit.text == ""
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.process_events()
    assert batch.ui.batchInputLineEdit.text == "/data/archive"
    assert batch.parameters.method == BatchMethod.UNET


def test_a_scan_that_is_read_while_the_scene_is_closed_does_not_come(
    host, panel, batch, archive, tmp_path
):
    import slicer

    run = panel.logic.batch(archive, tmp_path / "out", engine="classical")
    run.wait(120)
    batch.parameters.archive, batch.parameters.results = str(archive), str(tmp_path / "out")
    host.click(batch.ui.batchButton)
    host.wait_until(lambda: batch.ui.batchButton.text == "Start", 120)
    batch.onClicked(0, 0)
    assert "Reading scan" in batch.ui.batchLabel.text
    slicer.mrmlScene.Clear(False)
    assert batch.ui.batchLabel.text == ""
    host.wait(1.0)
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
