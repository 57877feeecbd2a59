"""Qt in the host behaves as PythonQt, not as PySide6."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def qt(host):
    import qt as module

    return module


def test_properties_are_attributes(qt):
    button = qt.QPushButton("Apply")
    button.enabled = False
    button.text = "Cancel"
    assert (button.enabled, button.text, button.isVisible()) == (False, "Cancel", False)


def test_a_getter_that_a_property_hides_cannot_be_called(qt):
    with pytest.raises(TypeError):
        qt.QLabel("text").text()


def test_a_stray_attribute_raises(qt):
    button = qt.QPushButton()
    with pytest.raises(AttributeError, match="txet"):
        button.txet = "a typing error"
    with pytest.raises(AttributeError, match="_mine"):
        button._mine = 1
    with pytest.raises(AttributeError, match="txet"):
        button.txet  # noqa: B018


def test_a_python_subclass_takes_attributes(qt):
    class Mine(qt.QPushButton):
        pass

    button = Mine()
    button.extra = 3
    assert button.extra == 3


def test_a_value_of_the_wrong_type_raises(qt):
    with pytest.raises(ValueError, match="QString"):
        qt.QLabel().text = 5
    with pytest.raises(ValueError, match="int"):
        qt.QSpinBox().value = "5"


def test_a_read_only_property_raises(qt):
    with pytest.raises(AttributeError, match="read-only"):
        qt.QWidget().sizeHint = qt.QSize(1, 1)


def test_string_signals_reach_functions_with_fewer_arguments(host, qt):
    seen = []
    button = qt.QPushButton("x")
    button.checkable = True
    button.show()
    button.connect("clicked()", lambda: seen.append("no argument"))
    button.connect("clicked(bool)", lambda on: seen.append(on))
    button.connect("toggled(bool)", lambda: seen.append("fewer"))
    host.click(button)
    assert sorted(map(str, seen)) == ["True", "fewer", "no argument"]


def test_disconnect_ends_a_connection(host, qt):
    seen = []

    def slot():
        seen.append(1)

    button = qt.QPushButton()
    button.connect("clicked()", slot)
    assert button.disconnect("clicked()", slot)
    assert not button.disconnect("clicked()", slot)
    button.click()
    assert seen == []


def test_a_signal_can_call_a_named_slot(qt):
    box, label = qt.QCheckBox(), qt.QLabel()
    box.connect("toggled(bool)", label, "setEnabled(bool)")
    label.enabled = False
    box.checked = True
    assert label.enabled


def test_a_wrong_signature_raises(qt):
    for text in ("clicked(int)", "pressed(bool)", "clickd()"):
        with pytest.raises(ValueError, match="no signal"):
            qt.QPushButton().connect(text, print)


def test_keyword_arguments_raise_in_methods(qt):
    with pytest.raises(TypeError, match="keyword"):
        qt.QLabel().setText(text="x")


def test_lists_come_as_tuples(qt):
    completer = qt.QCompleter(["a", "b"])
    widget = qt.QWidget()
    qt.QVBoxLayout(widget)
    assert isinstance(widget.children(), tuple)
    assert completer is not None


def test_unscoped_enums_and_timers_work(host, qt):
    fired = []
    timer = qt.QTimer()
    timer.singleShot = True
    timer.interval = 1
    timer.connect("timeout()", lambda: fired.append("own"))
    timer.start()
    qt.QTimer.singleShot(1, lambda: fired.append("static"))
    host.wait_until(lambda: len(fired) == 2, 5)
    assert qt.Qt.Checked is not None
    assert qt.Qt.Horizontal is not None


def test_names_that_are_gone_say_why(qt):
    with pytest.raises(AttributeError, match="Qt 6"):
        qt.QRegExp  # noqa: B018
    with pytest.raises(AttributeError, match="no signals made in Python"):
        qt.Signal  # noqa: B018
    with pytest.raises(AttributeError, match="QNothing"):
        qt.QNothing  # noqa: B018


def test_file_dialogs_give_one_string(host, qt, tmp_path):
    host.answers.files.append(tmp_path / "a.csv")
    assert qt.QFileDialog.getSaveFileName(None, "Save", "") == str(tmp_path / "a.csv")
    with pytest.raises(AssertionError, match="given none"):
        qt.QFileDialog.getExistingDirectory(None, "Folder")


def test_dynamic_properties_can_be_read_and_written(qt):
    label = qt.QLabel()
    label.setProperty("SlicerParameterName", "volume")
    assert label.SlicerParameterName == "volume"
    label.SlicerParameterName = "other"
    assert label.property("SlicerParameterName") == "other"


def test_name_and_class_name_are_there(qt):
    label = qt.QLabel()
    label.name = "mine"
    assert (label.objectName, label.name, label.className()) == ("mine", "mine", "QLabel")


def test_a_process_runs_through_the_launcher(host, qt):
    process = qt.QProcess()
    ended = []
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append(code))
    process.start(sys.executable, ["-c", "import sys; print('out'); sys.exit(3)"])
    host.wait_until(lambda: ended, 20)
    assert ended == [3]
    assert bytes(process.readAllStandardOutput().data()).strip() == b"out"


def test_killing_the_launcher_leaves_its_child_alive(host, qt, tmp_path):
    import os
    import signal

    process = qt.QProcess()
    output = tmp_path / "pid"
    code = f"import os,time; open({str(output)!r},'w').write(str(os.getpid())+'.'); time.sleep(30)"
    process.start(sys.executable, ["-c", code])
    host.wait_until(lambda: output.exists() and output.read_text().endswith("."), 20)
    pid = int(output.read_text()[:-1])
    assert pid != process.processId()
    process.kill()
    process.waitForFinished(5000)
    os.kill(pid, 0)
    os.kill(pid, signal.SIGKILL)


def test_ctk_widgets_have_their_signals(qt):
    import ctk

    slider = ctk.ctkSliderWidget()
    seen = []
    slider.connect("valueChanged(double)", seen.append)
    slider.minimum, slider.maximum, slider.singleStep = 0.25, 4.0, 0.05
    slider.value = 2.5
    assert seen[-1] == 2.5
    assert slider.maximum == 4.0
    button = ctk.ctkCollapsibleButton()
    button.collapsed = True
    assert not button.checked
    with pytest.raises(AttributeError, match="ctkNothing"):
        ctk.ctkNothing  # noqa: B018
    with pytest.raises(AttributeError):
        slider._box  # noqa: B018


def test_what_was_hidden_in_a_section_stays_hidden_when_it_unfolds(host):
    import ctk
    import qt

    section = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(section)
    rows = [qt.QLabel(text) for text in ("hidden before", "hidden folded", "shown folded", "left")]
    for row in rows:
        layout.addWidget(row)
    rows[0].visible = False
    section.show()
    host.process_events()
    assert [row.visible for row in rows] == [False, True, True, True]
    rows[2].visible = False
    section.collapsed = True
    rows[1].visible = False
    rows[2].visible = True
    host.process_events()
    assert not any(row.visible for row in rows)
    section.collapsed = False
    host.process_events()
    assert [row.visible for row in rows] == [False, False, True, True]
    section.close()


def test_an_unknown_widget_or_property_in_a_ui_file_raises(host, tmp_path):
    import slicer

    form = '<ui version="4.0"><class>F</class><widget class="QWidget" name="F">{}</widget></ui>'
    child = '<widget class="{}" name="x"><property name="{}"><bool>true</bool></property></widget>'
    path = tmp_path / "form.ui"
    path.write_text(form.format(child.format("ctkMystery", "enabled")))
    with pytest.raises(AttributeError, match="ctkMystery"):
        slicer.util.loadUI(str(path))
    path.write_text(form.format(child.format("QPushButton", "mystery")))
    with pytest.raises(AttributeError, match="mystery"):
        slicer.util.loadUI(str(path))
    path.write_text(form.format(child.format("ctkCollapsibleButton", "collapsed")))
    ui = slicer.util.childWidgetVariables(slicer.util.loadUI(str(path)))
    assert isinstance(ui, SimpleNamespace | object)
    assert ui.x.collapsed
