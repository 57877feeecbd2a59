"""The test host: one scene, one window, one scripted module at a time."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from pathlib import Path

from slicerhost.mrml.core import Core, choose_rendering

choose_rendering()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer  # noqa: E402
from PySide6 import QtCore, QtGui, QtTest, QtWidgets  # noqa: E402

from slicerhost import application, event_loop, namespace, problems  # noqa: E402
from slicerhost.dicom.database import ctkDICOMDatabase  # noqa: E402
from slicerhost.main_window import apply_theme, qSlicerMainWindow  # noqa: E402
from slicerhost.pythonqt import dialogs, source_check  # noqa: E402
from slicerhost.pythonqt.modules import OpenedUrls, QSettings  # noqa: E402

Problem, HostError = problems.Problem, problems.HostError


class Host:
    """Context manager that gives the code under test a Slicer to run in.

    Parameters
    ----------
    size
        Width and height of the window in pixels.
    theme
        "light" or "dark".

    Leaving the context unloads the modules and raises `HostError` for anything that went wrong in a
    slot, an observer, a thread or an error box that no test has announced.
    """

    def __init__(self, size: tuple[int, int] = (1600, 1000), theme: str = "light") -> None:
        self._size, self._theme = size, theme
        self._stack = contextlib.ExitStack()
        self._modules: dict[str, object] = {}
        self._open: str | None = None
        self.answers = dialogs.answers
        self.meter = event_loop.StallMeter()

    # -- life ----------------------------------------------------------------------------------

    def __enter__(self) -> Host:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _start(self) -> None:
        self.app = application.get()
        namespace.install_qt()
        from slicerhost import io_manager, module_manager, subject_hierarchy
        from slicerhost.mrml.layout_manager import qSlicerLayoutManager

        problems.take()
        self.answers.clear()
        OpenedUrls.opened.clear()
        stack = self._stack
        stack.enter_context(problems.hooks())
        stack.enter_context(self._launcher_as_executable())
        apply_theme(self.app, self._theme)
        self.core = Core()
        space = module_manager.Modules("slicer.modules")
        self.database = ctkDICOMDatabase()
        stack.enter_context(namespace.names(self.core, self.app, space, self.database))
        space.sampleDataSources = {}
        self._manager = module_manager.qSlicerModuleManager(self.core, space)
        self._manager._on_select = self._show_selected
        self.window = qSlicerMainWindow(self._manager)
        files = io_manager.qSlicerIOManager(self.core)
        self.app._begin(self.core, None, self._manager, files, self.window)
        QSettings.path = self.app.slicerUserSettingsFilePath
        self.layout_manager = qSlicerLayoutManager(self.window._viewport, self.core.scene)
        self.app._layouts = self.layout_manager
        self._hierarchy = subject_hierarchy.HierarchyPlugin(self.core.scene)
        namespace.install_base_classes()
        slicer.packaging.record.clear() if hasattr(slicer.packaging, "record") else None
        self.window.resize(*self._size)
        self.window.show()
        self.process_events()

    def __exit__(self, kind, error, trace) -> None:
        try:
            for name in list(self._modules):
                self.close_module(name)
            self.process_events()
            leftover = problems.take()
            boxes = self.answers.unexpected_errors()
        finally:
            self._shut()
        if kind is None:
            _raise(leftover + problems.take(), boxes)
        elif leftover:
            for problem in leftover:
                print(f"[host] {problem.where}: {problem.text}", file=sys.stderr)

    def _shut(self) -> None:
        self._hierarchy.close()
        self.core.scene.Clear(True)
        self.layout_manager.closeViews()
        self.window.close()
        self.window.deleteLater()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        self.core.close()
        self.app._end()
        self._stack.close()
        self.core = self.layout_manager = self.window = None
        gc.collect()

    @contextlib.contextmanager
    def _launcher_as_executable(self):
        """`sys.executable` is a launcher that passes no signals on, as PythonSlicer is."""
        kept = sys.executable
        os.environ["SLICERHOST_PYTHON"] = kept
        sys.executable = str(Path(__file__).resolve().parents[1] / "launcher")
        try:
            yield
        finally:
            sys.executable = kept

    # -- modules -------------------------------------------------------------------------------

    def load_module(self, path):
        """Load a scripted module's file; returns `slicer.modules.<name>`.

        Raises
        ------
        SyntaxError
            The source has a call or a name that PySide6 accepts and PythonQt does not.
        """
        from slicerhost.scripted_module import execute_source, qSlicerScriptedLoadableModule

        path = Path(path).resolve()
        name = path.stem
        source_check.check_folder(path)
        source = execute_source(name, path)
        module = qSlicerScriptedLoadableModule(name, path, self.core)
        module._load(source)
        self._modules[name] = module
        self._manager._register(name, module)
        setattr(slicer.moduleNames, name, name)
        self.app.startupCompleted.emit()
        return module

    def open(self, name: str):
        """Switch to a module as the user does; returns its widget object."""
        self._manager._select(name)
        return self._modules[name].widgetRepresentation().self() if name in self._modules else None

    def _show_selected(self, name: str) -> None:
        if self._open in self._modules and self._open != name:
            self._modules[self._open].widgetRepresentation().exit()
        self._open = name
        if name not in self._modules:
            self.window.show_module(f"{name} (not part of the test host)", None)
            return
        module = self._modules[name]
        panel = module.widgetRepresentation()
        self.window.show_module(module.title, panel)
        panel.enter()
        self.process_events()

    @property
    def current_module(self) -> str | None:
        """Name of the module that is open."""
        return self._open

    def close_module(self, name: str) -> None:
        """Leave and unload a module, as Slicer does when it quits."""
        module = self._modules.pop(name)
        if module._widget is not None:
            module._widget.exit()
        self.window.drop_panel()
        with problems.collecting(f"cleanup of {name}"):
            self._manager._unregister(name)
        if module._widget is not None:
            module._widget.deleteLater()
        folder = Path(module.path).parent
        self._open = None if self._open == name else self._open
        self.process_events()
        if all(Path(other.path).parent != folder for other in self._modules.values()):
            namespace.forget_package(folder)

    def reload(self, name: str):
        """What the Reload button does; returns the new widget object."""
        self._modules[name].widgetRepresentation().self().onReload()
        self.process_events()
        return self._modules[name].widgetRepresentation().self()

    def run_self_test(self, name: str) -> None:
        """What the Test button runs."""
        slicer.selfTests[name](msec=0)
        self.process_events()

    # -- the user ------------------------------------------------------------------------------

    def click(self, button) -> None:
        """Press and release a button that is visible and enabled."""
        if not button.isVisible():
            raise HostError(f"{button.objectName()} is not visible: nobody can press it.")
        if not button.isEnabled():
            raise HostError(f"{button.objectName()} is disabled: pressing it does nothing.")
        place = button.rect().center()
        if isinstance(button, (QtWidgets.QCheckBox, QtWidgets.QRadioButton)):
            place = QtCore.QPoint(8, button.height() // 2)
        QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton, pos=place)
        self.process_events()

    def click_chart(self, plot_view, series, row: int) -> None:
        """Click on a data point of a chart."""
        x, y = plot_view._pixel_of(series.GetID(), row)
        left = QtCore.Qt.MouseButton.LeftButton
        QtTest.QTest.mouseMove(plot_view, QtCore.QPoint(x, y))
        QtTest.QTest.mouseClick(plot_view, left, pos=QtCore.QPoint(x, y))
        self.process_events()

    def click_cell(self, table_view, row: int, column: int = 0) -> None:
        """Click on a cell of a table."""
        index = table_view.model().index(row, column)
        table_view.scrollTo(index)
        place = table_view.visualRect(index).center()
        left = QtCore.Qt.MouseButton.LeftButton
        QtTest.QTest.mouseClick(table_view.viewport(), left, pos=place)
        self.process_events()

    def click_header(self, table_view, column: int) -> None:
        """Click on the title of a column of a table."""
        header = table_view.horizontalHeader()
        table_view.scrollTo(table_view.model().index(0, column))
        x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
        place = QtCore.QPoint(x, header.height() // 2)
        QtTest.QTest.mouseClick(header.viewport(), QtCore.Qt.MouseButton.LeftButton, pos=place)
        self.process_events()

    def scroll(self, slice_view, steps: int) -> None:
        """Turn the mouse wheel over a slice view; up for positive steps."""
        place = QtCore.QPointF(slice_view.rect().center())
        for _ in range(abs(steps)):
            turn = QtGui.QWheelEvent(
                place,
                slice_view.mapToGlobal(place),
                QtCore.QPoint(),
                QtCore.QPoint(0, 120 if steps > 0 else -120),
                QtCore.Qt.MouseButton.NoButton,
                QtCore.Qt.KeyboardModifier.NoModifier,
                QtCore.Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            self.app.sendEvent(slice_view, turn)
        self.process_events()

    def type_text(self, line_edit, text: str) -> None:
        """Replace the text of a line and leave it with Return."""
        line_edit.selectAll()
        QtTest.QTest.keyClicks(line_edit, text)
        QtTest.QTest.keyClick(line_edit, QtCore.Qt.Key.Key_Return)
        self.process_events()

    def load_dicom(self, folder, *, irregular: bool = False):
        """Index a folder and load its only series; `irregular` puts it under a grid transform."""
        from slicerhost.dicom.loading import load_series

        (series,) = self.database.index_folder(folder)
        return load_series(series, irregular=irregular)

    def set_testing(self, on: bool) -> None:
        """What `slicer.app.testingEnabled()` says."""
        self.app._testing = on

    def answer(self, part_of_text: str, button) -> None:
        """Say which button the user will press in the next box with that text."""
        self.answers.buttons.append((part_of_text, button))

    def expect_error(self, part_of_text: str) -> None:
        """Announce an error box, so that it does not fail the test."""
        self.answers.expected.append(part_of_text)

    @property
    def messages(self) -> list[dialogs.Message]:
        """The boxes that were shown."""
        return self.answers.messages

    @property
    def packages(self):
        """What was to be installed, and what is to happen (`outcome`)."""
        return slicer.packaging.record

    # -- time ----------------------------------------------------------------------------------

    def process_events(self) -> None:
        """Let pending events run, with what they cause."""
        for _ in range(3):
            self.app.processEvents()
            self.app.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)

    def wait(self, seconds: float) -> None:
        """Turn the event loop for a while."""
        end = time.monotonic() + seconds
        self.wait_until(lambda: time.monotonic() >= end, seconds + 5)

    def wait_until(self, predicate, timeout_s: float = 10.0) -> None:
        """Turn the event loop until the predicate holds; TimeoutError else."""
        event_loop.wait_until(predicate, timeout_s, self.meter)

    def longest_block_ms(self) -> float:
        """Longest block of the event loop since `host.meter.start()`."""
        return self.meter.stop()

    # -- what can be seen ----------------------------------------------------------------------

    def check(self) -> None:
        """Raise for what went wrong behind the test's back since the last check."""
        self.process_events()
        boxes = self.answers.unexpected_errors()
        _raise(problems.take(), boxes)

    def take_problems(self) -> list[Problem]:
        """Collected problems, for a test that expects some."""
        self.process_events()
        return problems.take()

    def screenshot(self, path) -> Path:
        """Save a picture of the window."""
        self.process_events()
        for view in self.window.findChildren(QtWidgets.QWidget):
            if hasattr(view, "scheduleRender") and view.isVisible():
                view.scheduleRender()
        self.process_events()
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = self.window.grab()
        if not picture.save(str(path)):
            raise OSError(f"The picture could not be written: {path}")
        return path

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.window.resize(width, height)
        self.process_events()


def _raise(found: list[Problem], boxes: list[dialogs.Message]) -> None:
    parts = [f"[{problem.where}] {problem.text}" for problem in found]
    parts += [f"[error box] {box.text}\n{box.detail}" for box in boxes]
    if parts:
        raise HostError("\n\n".join(parts)) from (found[0].error if found else None)
