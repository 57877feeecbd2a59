"""What a task leaves when the scene, the module or its input goes, or the user ends it."""

from __future__ import annotations

from pathlib import Path

from processes import is_alive


def test_a_volume_deleted_while_the_task_runs_ends_in_a_sentence(host, use_organs, phantom):
    import slicer

    host.click(use_organs.ui.applyButton)
    slicer.mrmlScene.RemoveNode(phantom[0])
    host.wait_until(lambda: not use_organs.task.job.active, 60)
    assert use_organs.task.job.state == "done"
    assert use_organs.results.results is None
    assert not slicer.util.getNodesByClass("vtkMRMLTableNode")


def test_a_segmentation_deleted_while_the_task_runs_changes_nothing(host, use_organs, phantom):
    import slicer

    host.click(use_organs.ui.applyButton)
    slicer.mrmlScene.RemoveNode(phantom[1])
    host.wait_until(lambda: not use_organs.task.job.active, 60)
    assert "liver" in use_organs.results.results.doses()


def test_deleting_the_result_or_the_volume_later_empties_the_panel(host, analysed):
    import slicer

    slicer.mrmlScene.RemoveNode(analysed.results.results.volume)
    host.process_events()
    assert analysed.results.results is None


def handed_over(job):
    """The folder with the voxels that a task was given."""
    return Path(job._arguments[1]).parent


def running(host, panel):
    """The task that Apply starts, once its process runs."""
    host.click(panel.ui.applyButton)
    job = panel.task.job
    host.wait_until(lambda: job.pid is not None, 20)
    return job


def assert_ended(host, job):
    host.wait(0.3)
    assert not is_alive(job.pid)
    assert not handed_over(job).exists()


def test_closing_the_scene_ends_the_task(host, use_organs):
    import slicer

    job = running(host, use_organs)
    slicer.mrmlScene.Clear(False)
    host.process_events()
    assert_ended(host, job)
    assert use_organs.task.job is None
    assert "Load a CT" in use_organs.ui.statusLabel.text


def test_reloading_the_module_ends_the_task(host, use_organs):
    job = running(host, use_organs)
    host.reload("CTDoseSeg")
    assert_ended(host, job)


def test_quitting_ends_the_task(host, use_organs):
    job = running(host, use_organs)
    host.close_module("CTDoseSeg")
    assert_ended(host, job)


def test_apply_is_cancel_while_a_task_runs_so_that_there_are_never_two(host, use_organs):
    host.click(use_organs.ui.applyButton)
    job = use_organs.task.job
    assert use_organs.ui.applyButton.text == "Cancel"
    host.click(use_organs.ui.applyButton)
    host.wait_until(lambda: not job.active, 5)
    assert use_organs.task.job is job


def test_a_silent_worker_is_reported_to_the_user(host, use_organs):
    host.click(use_organs.ui.applyButton)
    use_organs.task.job.last_sign -= 100
    use_organs.task.check_signs()
    assert "No sign of life" in use_organs.ui.statusLabel.text
    host.click(use_organs.ui.applyButton)
    host.wait_until(lambda: not use_organs.task.job.active, 5)
