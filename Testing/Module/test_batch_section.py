"""The Batch section: a run in another process, its table of states, a click that loads a study."""

from __future__ import annotations

import pytest
from module_steps import SMALL


@pytest.fixture
def archive(panel, tmp_path):
    from CTDoseSegLib.ct.phantom import Phantom, write_dicom

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
    assert panel._parameterNode.inputVolume.GetName() == f"CT {key}"
    assert panel.results.results.doses()["lung"] > 0


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
