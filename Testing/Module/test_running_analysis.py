"""`logic.analyze` of the console: Slicer lives on, and the result comes when it is there."""

from __future__ import annotations

import pytest
from module_steps import SMALL

EXPOSURE = {"ctdivol_mGy": 8.1, "phantom_cm": 32}


@pytest.fixture
def running(panel, phantom):
    """An analysis of the phantom that nobody waits for."""
    return panel.logic.analyze(*phantom, acquisition=EXPOSURE, wait=False)


def test_the_window_answers_while_the_console_waits(host, panel, phantom):
    import qt

    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(panel.results.results))
    timer.start(20)
    results = panel.logic.analyze(*phantom, acquisition=EXPOSURE)
    timer.stop()
    assert len(ticks) > 10
    assert results.doses()["liver"] > 0


def test_without_waiting_the_result_comes_into_the_scene(host, panel, phantom, running):
    assert running.running
    assert running.results is None
    host.wait_until(lambda: not running.running, 300)
    assert running.results.volume is phantom[0]
    assert (running.progress, running.message) == (1.0, "")
    assert running.wait() is running.results
    host.wait_until(lambda: panel.results.results is not None, 5)


def test_progress_is_known_while_it_runs(host, running):
    host.wait_until(lambda: running.progress > 0 and running.message != "", 300)
    assert running.wait().doses()["liver"] > 0


def test_a_cancelled_one_leaves_the_scene_as_it_is(host, panel, running):
    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results
    from CTDoseSegLib.errors import Cancelled

    running.cancel()
    host.wait_until(lambda: not running.running, 60)
    with pytest.raises(Cancelled, match="cancelled"):
        running.wait()
    assert Results.all() == []


def test_a_result_never_comes_to_the_volume_of_another_scene(host, panel, phantom, running):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results
    from CTDoseSegLib.ctdoseseg_ui.sample_data import load_phantom
    from CTDoseSegLib.errors import CTDoseSegError

    identifier = phantom[0].GetID()
    slicer.mrmlScene.Clear(False)
    another, _organs = load_phantom(**{**SMALL, "seed": 4})
    assert another.GetID() == identifier
    with pytest.raises(CTDoseSegError, match="removed from the scene while"):
        running.wait()
    assert Results.all() == []


def test_two_at_once_both_end(host, panel, phantom, running):
    second = panel.logic.analyze(*phantom, acquisition={**EXPOSURE, "ctdivol_mGy": 4.0})
    first = running.wait()
    assert first.node is second.node
    assert first.doses()["liver"] > 0


def test_a_scene_that_is_saved_meanwhile_has_no_half_of_a_result(host, phantom, running, tmp_path):
    import slicer

    from CTDoseSegLib.ctdoseseg_ui.nodes.results import Results

    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    running.wait()
    assert len(Results.all()) == 1
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert Results.all() == []
