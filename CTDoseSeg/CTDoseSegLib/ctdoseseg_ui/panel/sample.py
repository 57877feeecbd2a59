"""The button of the empty panel: loads the phantom, or cancels that while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ...errors import Cancelled, CTDoseSegError


class SampleSection:
    """Makes and loads the sample data.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    on_loaded
        Called with the volume node and the segmentation node.
    on_problem
        Called with a sentence.
    """

    def __init__(
        self, ui: Any, on_loaded: Callable[[Any, Any], None], on_problem: Callable[[str], None]
    ) -> None:
        self._ui, self._on_loaded, self._on_problem = ui, on_loaded, on_problem
        self._loading = self._cancelled = self._ended = False
        self._usual = ui.sampleButton.text
        ui.sampleButton.connect("clicked(bool)", lambda *_: self.press())

    def press(self) -> None:
        """Load it, or cancel the loading."""
        from ..sample_data import load_sample

        if self._loading:
            self._cancelled = True
            return
        self._loading, self._cancelled = True, False
        self._ui.sampleButton.text = _("Cancel")
        try:
            nodes = load_sample(self._say, self._is_cancelled)
        except Cancelled:
            if self._ended:
                return
            self._say(_("Cancelled; the scene is as it was."))
        except CTDoseSegError as error:
            self._on_problem(str(error))
        else:
            self._on_loaded(*nodes)
        finally:
            self._loading = False
            if not self._ended:
                self._ui.sampleButton.text = self._usual

    def end(self) -> None:
        """End the loading without a word: the panel goes."""
        self._cancelled = self._ended = True

    def _is_cancelled(self) -> bool:
        return self._cancelled

    def _say(self, sentence: str) -> None:
        self._ui.statusLabel.text = sentence
