"""Typed exposure values that a user keeps for a scanner and protocol, in Slicer's settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..parameters import TYPED

KEY = "CTDoseSeg/AcquisitionPresets"
# Neither the patient's age nor where this patient lay.
KEPT = tuple(name for name in TYPED if name not in ("age_years", "irradiated_range_mm"))


def read_presets() -> dict[str, dict[str, str]]:
    """Return name to the typed texts by field; empty where the settings hold nothing usable."""
    try:
        stored = json.loads(slicer.app.userSettings().value(KEY) or "{}")
        items = [(str(name), dict(values)) for name, values in stored.items()]
    except (AttributeError, TypeError, ValueError):  # edited by hand
        return {}
    return {
        name: {field: text for field, text in values.items() if field in KEPT and _is_text(text)}
        for name, values in items
    }


def write_presets(presets: Mapping[str, Mapping[str, str]]) -> None:
    """Keep presets in Slicer's settings."""
    text = json.dumps(presets, ensure_ascii=True, sort_keys=True)
    slicer.app.userSettings().setValue(KEY, text)


class PresetRow:
    """Chooses, saves and deletes presets.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    parameters
        Returns the parameter node.
    """

    def __init__(self, ui: Any, parameters: Callable[[], Any]) -> None:
        self._ui, self._parameters = ui, parameters
        ui.presetComboBox.connect("activated(int)", lambda *_: self._fill())
        ui.savePresetButton.connect("clicked(bool)", lambda *_: self._save())
        ui.deletePresetButton.connect("clicked(bool)", lambda *_: self._delete())
        ui.presetComboBox.connect("editTextChanged(QString)", lambda *_: self.update())
        self._list()

    def propose(self, name: str) -> None:
        """Propose the name of a preset: scanner and protocol."""
        line = self._ui.presetComboBox.lineEdit()
        line.placeholderText = name or _("Name of scanner and protocol")
        self._proposed = name
        self.update()

    def update(self) -> None:
        """Enable what can be done."""
        self._ui.savePresetButton.enabled = bool(self._typed() and self._name())
        self._ui.deletePresetButton.enabled = self._name() in read_presets()

    _proposed = ""

    def _name(self) -> str:
        return self._ui.presetComboBox.currentText.strip() or self._proposed

    def _typed(self) -> dict[str, str]:
        node = self._parameters()
        texts = {name: getattr(node, name).strip() for name in KEPT}
        return {name: text for name, text in texts.items() if text}

    def _fill(self) -> None:
        for name, text in read_presets().get(self._name(), {}).items():
            setattr(self._parameters(), name, text)

    def _save(self) -> None:
        name = self._name()
        write_presets({**read_presets(), name: self._typed()})
        self._list(name)

    def _delete(self) -> None:
        presets = read_presets()
        presets.pop(self._name(), None)
        write_presets(presets)
        self._list()

    def _list(self, chosen: str = "") -> None:
        combo = self._ui.presetComboBox
        combo.clear()
        for name in sorted(read_presets()):
            combo.addItem(name)
        combo.setCurrentIndex(combo.findText(chosen) if chosen else -1)
        combo.setEditText(chosen)
        self.update()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
