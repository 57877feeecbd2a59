"""What goes wrong is told: observers, boxes, packages, parameters, names that are not there."""

import os
import subprocess
from typing import Annotated

import pytest


def test_an_exception_in_an_observer_is_collected(host):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")

    def handler(*_):
        raise KeyError("in an observer")

    node.AddObserver(vtk.vtkCommand.ModifiedEvent, handler)
    node.Modified()
    with pytest.raises(AssertionError, match="in an observer"):
        host.check()


def test_an_exception_in_a_timer_is_collected(host):
    import qt

    timer = qt.QTimer()
    timer.singleShot = True
    timer.timeout.connect(lambda: 1 / 0)
    timer.start(0)
    host.wait(0.05)
    (problem,) = host.take_problems()
    assert isinstance(problem.error, ZeroDivisionError)


def test_leaving_the_host_raises_what_was_collected():
    from slicerhost import Host

    def fail():
        raise RuntimeError("at the end")

    def use():
        with Host(size=(300, 200)):
            import qt

            button = qt.QPushButton()
            button.connect("clicked()", fail)
            button.click()

    with pytest.raises(AssertionError, match="at the end"):
        use()


def test_questions_are_answered_as_the_test_says(host):
    import qt
    import slicer

    host.answer("Really", qt.QMessageBox.Ok)
    assert slicer.util.confirmOkCancelDisplay("Really delete?")
    host.answer("Really", qt.QMessageBox.Cancel)
    assert not slicer.util.confirmOkCancelDisplay("Really delete?")
    with pytest.raises(AssertionError, match="no answer"):
        slicer.util.confirmOkCancelDisplay("Really delete?")
    slicer.util.infoDisplay("Done.")
    assert host.messages[-1].text == "Done."


def test_an_error_box_nobody_expected_fails_the_test(host):
    import slicer

    slicer.util.errorDisplay("The disk is full.", detailedText="details")
    with pytest.raises(AssertionError, match="disk is full"):
        host.check()
    host.expect_error("disk is full")
    host.check()


def test_packages_are_asked_for_and_never_installed(host):
    import slicer

    wanted = ["numpy>=1", "surely-not-here>=2"]
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure(wanted, requester="Test")
    assert host.packages.requests == [("surely-not-here>=2",)]
    host.packages.outcome = "failed"
    with pytest.raises(subprocess.CalledProcessError):
        slicer.packaging.pip_ensure(wanted)
    host.packages.outcome = "installed"
    slicer.packaging.pip_ensure(wanted)
    assert slicer.packaging.pip_check("surely-not-here>=2")
    host.packages.missing.add("numpy")
    assert not slicer.packaging.pip_check("numpy")


def test_parameters_check_their_values(host, demo):
    import slicer

    host.load_module(demo)
    parameters = host.open("HostDemo").parameters
    with pytest.raises(ValueError, match=r"0\.25"):
        parameters.factor = 5.0
    with pytest.raises(TypeError):
        parameters.note = 5
    with pytest.raises(ValueError, match="leg"):
        parameters.region = "leg"
    with pytest.raises(TypeError):
        parameters.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    parameters.names = ["lung", "bone"]
    assert parameters.names == ["lung", "bone"]
    assert parameters.parameterNode.IsA("vtkMRMLScriptedModuleNode")


@pytest.mark.skipif("SLICER_SOURCE" in os.environ, reason="Slicer raises at connectGui only")
def test_an_optional_number_raises(host):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(TypeError, match="float"):

        @parameterNodeWrapper
        class Optional:
            value: float | None


def test_types_that_slicer_cannot_bind_raise(host):
    from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper

    with pytest.raises(ValueError, match="reserved"):

        @parameterNodeWrapper
        class Reserved:
            default: int

    @parameterNodeWrapper
    class Bounded:
        value: Annotated[float, WithinRange(1, 2), Default(1.5)]
        free: float

    import ctk
    import slicer

    parameters = Bounded(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    assert parameters.value == 1.5
    with pytest.raises(RuntimeError, match="bound"):
        parameters.connectParametersToGui({"free": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match=r"cannot be connected|Unable to create"):
        parameters.connectParametersToGui({"free": ctk.ctkCheckBox()})


def test_missing_names_say_what_is_missing(host):
    import slicer

    with pytest.raises(AttributeError, match="mystery"):
        slicer.modules.mystery  # noqa: B018
    with pytest.raises(AttributeError, match="mysteriousThing"):
        slicer.app.mysteriousThing()
    with pytest.raises(AttributeError):
        slicer.app.layoutManager().mystery  # noqa: B018


def test_an_invisible_button_cannot_be_pressed(host, demo):
    host.load_module(demo)
    widget = host.open("HostDemo")
    with pytest.raises(AssertionError, match="not visible"):
        host.click(widget.ui.hiddenBox)
    widget.ui.advancedButton.collapsed = False
    host.process_events()
    host.click(widget.ui.hiddenBox)
    assert widget.ui.hiddenBox.checked
