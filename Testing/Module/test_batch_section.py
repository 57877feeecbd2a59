"""The Batch section: a run in another process, its table of states, a click that loads a study."""

from __future__ import annotations

import os
import re
import signal

import pytest
from module_steps import SMALL


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


def test_a_run_is_followed_and_a_click_loads_its_study(host, panel, archive, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method

    panel._parameterNode.method = Method.CLASSICAL
    panel.ui.batchCollapsibleButton.collapsed = False
    host.click(panel.ui.batchButton)
    assert "Choose the archive" in panel.ui.batchLabel.text
    panel.ui.batchInputLineEdit.text = str(archive)
    panel.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(panel.ui.batchButton)
    assert panel.ui.batchButton.text == "Cancel"
    host.wait_until(lambda: panel.ui.batchButton.text == "Start", 120)
    assert panel.ui.batchLabel.text.startswith("Done")
    table = panel.ui.batchTable
    assert [table.item(0, column).text() for column in (0, 2)] == ["done", ""]
    panel.batch.onClicked(0, 0)
    key = table.item(0, 1).text()
    session = panel.logic.session(panel.results.results)
    assert (session.region, session.choices["engine"]) == ("auto", "classical")
    assert panel._parameterNode.inputVolume.GetName() == f"CT {key}"
    assert panel.results.results.doses()["lung"] > 0


def test_it_shows_the_rate_and_the_time_left(host, panel, tmp_path):
    from CTDoseSegLib.ctdoseseg_ui.parameters import Method
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    for seed in range(3):
        write_dicom(Phantom(seed=seed, **SMALL), tmp_path / "made" / str(seed))
        (tmp_path / "made" / str(seed) / "truth").rename(tmp_path / f"truth_{seed}")
    panel._parameterNode.method = Method.CLASSICAL
    panel.ui.batchCollapsibleButton.collapsed = False
    panel.ui.batchInputLineEdit.text = str(tmp_path / "made")
    panel.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(panel.ui.batchButton)
    messages = set()

    def ended():
        messages.add(panel.ui.batchLabel.text)
        return panel.ui.batchButton.text == "Start"

    host.wait_until(ended, 120)
    rate = re.compile(r"[12] of 3 scans, 0 failed, [\d.]+ a minute, \d+ s left")
    assert [text for text in messages if rate.fullmatch(text)], messages


def test_cancel_does_not_hold_the_panel(host, panel, archive, tmp_path):
    panel.ui.batchCollapsibleButton.collapsed = False
    panel.ui.batchInputLineEdit.text = str(archive)
    panel.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(panel.ui.batchButton)
    os.kill(panel.batch.run.pid, signal.SIGSTOP)  # it hangs: it will not end by itself
    host.click(panel.ui.batchButton)
    assert panel.batch.run.running
    assert not panel.ui.batchButton.enabled
    host.wait_until(lambda: panel.ui.batchButton.text == "Start", 30)
    assert panel.ui.batchButton.enabled
    assert "cancelled" in panel.ui.batchLabel.text


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


def test_a_module_that_is_unloaded_ends_its_run_at_once(host, panel, archive, tmp_path):
    import time

    panel.ui.batchCollapsibleButton.collapsed = False
    panel.ui.batchInputLineEdit.text = str(archive)
    panel.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(panel.ui.batchButton)
    run = panel.batch.run
    os.kill(run.pid, signal.SIGSTOP)  # it hangs: it will not end by itself
    began = time.monotonic()
    panel.batch.cleanup()
    assert time.monotonic() - began < 2.0
    assert not run.running
    assert "cancelled" in run.problem


def test_a_study_is_loaded_with_the_choices_that_it_was_made_with(host, panel, archive, tmp_path):
    run = panel.logic.batch(archive, tmp_path / "out", engine="classical", region="abdomen")
    (key,) = run.wait(120)
    results = panel.logic.loadStudy(tmp_path / "out", key)
    assert panel.logic.session(results).region == "abdomen"


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


def test_an_archive_with_nifti_files_asks_for_nibabel_first(host, panel, tmp_path):
    host.packages.missing.add("nibabel")
    (tmp_path / "archive" / "a").mkdir(parents=True)
    (tmp_path / "archive" / "a" / "ct.NII.gz").write_bytes(b"")
    panel.ui.batchCollapsibleButton.collapsed = False
    panel.ui.batchInputLineEdit.text = str(tmp_path / "archive")
    panel.ui.batchOutputLineEdit.text = str(tmp_path / "out")
    host.click(panel.ui.batchButton)
    assert host.packages.requests == [("nibabel>=5.2",)]
    assert "needs nibabel" in panel.ui.batchLabel.text
    assert panel.batch.run is None
    (tmp_path / "archive" / "a" / "ct.NII.gz").rename(tmp_path / "archive" / "a" / "ct.dcm")
    host.click(panel.ui.batchButton)
    assert len(host.packages.requests) == 1  # without NIfTI files nothing is asked for
    host.wait_until(lambda: panel.ui.batchButton.text == "Start", 60)
