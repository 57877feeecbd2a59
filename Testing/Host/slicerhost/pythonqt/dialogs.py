"""Dialogs that wait for a person: recorded, and answered as the test has said beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6 import QtWidgets

from slicerhost import problems


@dataclass(frozen=True)
class Message:
    """A box that was shown: `level` is error, warning, question or information."""

    level: str
    text: str
    title: str = ""
    detail: str = ""


@dataclass
class Answers:
    """What the test has the user say, and what the user was shown."""

    messages: list[Message] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    buttons: list[tuple[str, object]] = field(default_factory=list)
    files: list[object] = field(default_factory=list)
    dialogs: list[object] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything, for the next test."""
        for entry in (self.messages, self.expected, self.buttons, self.files, self.dialogs):
            entry.clear()

    def unexpected_errors(self) -> list[Message]:
        """Error boxes that no test has announced."""
        return [
            message
            for message in self.messages
            if message.level == "error"
            and not any(part in message.text + message.detail for part in self.expected)
        ]


answers = Answers()
_LEVELS = {
    QtWidgets.QMessageBox.Icon.Critical: "error",
    QtWidgets.QMessageBox.Icon.Warning: "warning",
    QtWidgets.QMessageBox.Icon.Question: "question",
}


def is_dialog(obj) -> bool:
    """True for what has an `exec` that waits for a person."""
    return isinstance(obj, QtWidgets.QDialog)


def execute(dialog: QtWidgets.QDialog):
    """Stand-in for `QDialog.exec`: answers at once."""
    if isinstance(dialog, QtWidgets.QMessageBox):
        message = Message(
            _LEVELS.get(dialog.icon(), "information"),
            dialog.text(),
            dialog.windowTitle(),
            dialog.informativeText() + dialog.detailedText(),
        )
        none = QtWidgets.QMessageBox.StandardButton.NoButton  # as "Show details" is
        allowed = [dialog.standardButton(button) for button in dialog.buttons()]
        allowed = [button for button in allowed if button != none]
        return answer(message, allowed or [QtWidgets.QMessageBox.StandardButton.Ok])
    if not answers.dialogs:
        raise problems.HostError(
            f"A dialog {dialog.windowTitle()!r} ({type(dialog).__name__}) waits for the user, "
            "and the test has given no answer: host.answers.dialogs.append(function or code)."
        )
    given = answers.dialogs.pop(0)
    return given(dialog) if callable(given) else given


def answer(message: Message, allowed: list):
    """Record a message box and return the button that the test has chosen."""
    answers.messages.append(message)
    for index, (part, button) in enumerate(answers.buttons):
        if part in message.text or part in message.title:
            del answers.buttons[index]
            if button not in allowed:
                raise problems.HostError(f"The box {message.text!r} has no button {button!r}.")
            return button
    if len(allowed) == 1:
        return allowed[0]
    names = ", ".join(button.name for button in allowed)
    raise problems.HostError(
        f"The user was asked {message.text!r} ({names}) and the test has given no answer: "
        "host.answer('part of the text', button)."
    )


class QMessageBox(QtWidgets.QMessageBox):
    """QMessageBox with its static questions answered by the test."""

    @staticmethod
    def _ask(level, arguments, buttons):
        _parent, title, text, *rest = arguments
        allowed = list(rest[0]) if rest and rest[0] else buttons
        return answer(Message(level, text, title), allowed)

    @staticmethod
    def information(*arguments):
        return QMessageBox._ask("information", arguments, [QtWidgets.QMessageBox.Ok])

    @staticmethod
    def warning(*arguments):
        return QMessageBox._ask("warning", arguments, [QtWidgets.QMessageBox.Ok])

    @staticmethod
    def critical(*arguments):
        return QMessageBox._ask("error", arguments, [QtWidgets.QMessageBox.Ok])

    @staticmethod
    def question(*arguments):
        both = [QtWidgets.QMessageBox.Yes, QtWidgets.QMessageBox.No]
        return QMessageBox._ask("question", arguments, both)


class QFileDialog(QtWidgets.QFileDialog):
    """QFileDialog whose static functions return what the test has chosen, as PythonQt gives it."""

    @staticmethod
    def _next(kind: str, title: str):
        if not answers.files:
            raise problems.HostError(
                f"The user was asked for a file ({kind}, {title!r}) and the test has given none: "
                "host.answers.files.append(path)."
            )
        return answers.files.pop(0)

    @staticmethod
    def getSaveFileName(_parent=None, title="", *_rest):
        return str(QFileDialog._next("getSaveFileName", title))

    @staticmethod
    def getOpenFileName(_parent=None, title="", *_rest):
        return str(QFileDialog._next("getOpenFileName", title))

    @staticmethod
    def getExistingDirectory(_parent=None, title="", *_rest):
        return str(QFileDialog._next("getExistingDirectory", title))

    @staticmethod
    def getOpenFileNames(_parent=None, title="", *_rest):
        return tuple(str(path) for path in QFileDialog._next("getOpenFileNames", title))
