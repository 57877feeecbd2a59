"""A scripted module is loaded, used, reloaded and unloaded as in Slicer."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def widget(host, demo):
    host.load_module(demo)
    return host.open("HostDemo")


def test_a_module_has_its_place_in_slicer(host, demo):
    import slicer

    module = host.load_module(demo)
    assert slicer.modules.hostdemo is module
    assert module.title == "Host Demo"
    assert module.categories == ("Testing",)
    assert slicer.modules.HostDemoInstance.started
    assert slicer.util.modulePath("HostDemo") == str(demo)
    assert not hasattr(slicer.modules, "HostDemoWidget")
    widget = host.open("HostDemo")
    assert slicer.modules.HostDemoWidget is widget
    assert slicer.util.getModuleWidget("HostDemo") is widget
    assert widget.entered == 1


def test_switching_away_calls_exit(host, widget):
    import slicer

    host.open("SegmentEditor")
    assert widget.entered == 0
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    host.open("HostDemo")
    slicer.app.openNodeModule(node)
    assert host.current_module == "SegmentEditor"
    assert widget.entered == 0
    slicer.util.selectModule("HostDemo")
    assert widget.entered == 1


def test_widgets_and_parameters_follow_each_other(host, widget, ct):
    assert widget.parameters.volume is ct
    widget.ui.factorSlider.value = 2.0
    assert widget.parameters.factor == 2.0
    widget.parameters.factor = 0.5
    assert widget.ui.factorSlider.value == 0.5
    widget.ui.regionBox.currentIndex = 1
    widget.ui.verboseBox.checked = False
    widget.ui.noteEdit.text = "another"
    assert widget.parameters.region == "chest"
    assert widget.parameters.verbose is False
    assert widget.parameters.note == "another"
    assert widget.ui.modeBox.currentText == "Exact"
    widget.ui.modeBox.currentIndex = 0
    assert widget.parameters.mode.name == "FAST"


def test_apply_shows_slices_charts_and_table(host, widget, ct, tmp_path):
    import slicer

    host.click(widget.ui.applyButton)
    host.check()
    assert slicer.app.layoutManager().layout == 5731
    table = slicer.app.layoutManager().tableWidget(0).tableView()
    assert table.model().rowCount() == 40
    assert host.screenshot(tmp_path / "demo.png").stat().st_size > 20_000


def test_a_failing_slot_fails_the_test(host, widget):
    widget.parameters.volume = None
    host.click(widget.ui.applyButton)
    assert [message.level for message in host.messages] == ["error"]
    assert "No volume was chosen." in host.messages[0].text
    with pytest.raises(AssertionError, match="No volume was chosen"):
        host.check()
    host.expect_error("No volume was chosen")
    host.click(widget.ui.applyButton)
    (problem,) = host.take_problems()
    assert isinstance(problem.error, ValueError)


def test_a_job_runs_while_the_window_lives(host, widget):
    widget.parameters.steps = 10
    host.meter.start()
    host.click(widget.ui.jobButton)
    assert not widget.ui.jobButton.enabled
    with pytest.raises(AssertionError, match="disabled"):
        host.click(widget.ui.jobButton)
    host.wait_until(lambda: widget.ui.jobButton.enabled, 30)
    assert host.longest_block_ms() >= 0
    assert widget.events[0]["event"] == "started"
    assert widget.events[-1] == {"event": "result", "answer": 42}
    assert widget.ui.progressBar.value == 100


def test_a_block_of_the_event_loop_is_measured(host):
    import time

    import qt

    done = []
    host.meter.start()
    qt.QTimer.singleShot(20, lambda: (time.sleep(0.2), done.append(1)))
    host.wait_until(lambda: done, 10)
    assert host.longest_block_ms() > 150


def test_a_block_in_a_call_of_the_test_is_measured_and_what_it_looks_at_is_not(host):
    import time

    host.meter.start()
    host.wait_until(lambda: time.sleep(0.3) or True, 10)
    assert host.longest_block_ms() < 200
    host.meter.start()
    time.sleep(0.3)  # as a slot that the test calls itself
    host.wait(0.05)
    assert host.longest_block_ms() > 250


def test_waiting_in_vain_raises(host):
    with pytest.raises(TimeoutError, match="1 == 2"):
        host.wait_until(lambda: 1 == 2, 0.05)


def test_reload_makes_a_new_widget_of_new_source(host, widget, ct):
    old = sys.modules["HostDemo"]
    new = host.reload("HostDemo")
    assert new is not widget
    assert sys.modules["HostDemo"] is not old
    assert widget.parameters is None
    assert new.parameters.volume is ct
    host.click(new.ui.applyButton)
    host.check()


def test_the_self_test_runs(host, widget):
    host.run_self_test("HostDemo")


def test_unloading_cleans_up_and_forgets_the_package(host, widget):
    host.close_module("HostDemo")
    assert widget.parameters is None
    assert "HostDemo" not in sys.modules
    assert "HostDemoLib" not in sys.modules


def test_keyword_arguments_and_scoped_enums_are_found_in_the_source(host, tmp_path):
    path = tmp_path / "Wrong.py"
    path.write_text("import qt\nqt.QTimer(interval=3)\n")
    with pytest.raises(SyntaxError, match="keyword"):
        host.load_module(path)
    path.write_text("import qt\nx = qt.Qt.CheckState.Checked\n")
    with pytest.raises(SyntaxError, match=r"write qt\.Qt\.Checked"):
        host.load_module(path)


def test_typed_text_arrives_in_the_parameter(host, widget):
    host.type_text(widget.ui.noteEdit, "typed")
    assert widget.parameters.note == "typed"


def test_testing_mode_skips_boxes_and_packages(host):
    import slicer

    host.set_testing(True)
    slicer.util.confirmOkCancelDisplay("Really?")
    slicer.packaging.pip_ensure("surely-not-here")
    assert host.messages == []
    assert host.packages.requests == []
