"""How the CT is to be analysed: the method's choices, why it cannot be, and the task that is it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import ModelError
from ..nodes.results import EDITED, Results
from ..parameters import TYPED, CTDoseSegParameterNode, DoseEngine, Method
from ..staging import BUNDLED, StagedAnalysis
from .extras import ExtrasSection, chosen

if TYPE_CHECKING:
    from ..logic import CTDoseSegLogic
    from .acquisition import AcquisitionSection


class MethodSection:
    """From what is chosen in the panel to a task.

    Parameters
    ----------
    ui, logic, parameters
        As for the other sections.
    acquisition
        Knows what was typed.
    """

    def __init__(
        self, ui: Any, logic: CTDoseSegLogic, parameters: Any, acquisition: AcquisitionSection
    ) -> None:
        self._ui, self._logic = ui, logic
        self._parameters, self._acquisition = parameters, acquisition
        ExtrasSection(ui)
        ui.doseModelButton.connect("clicked(bool)", lambda *_: self._choose_dose_model())
        ui.unetButton.connect("clicked(bool)", lambda *_: self._choose_unet())

    def choices(self) -> tuple:
        """What a result depends on, as chosen and typed now."""
        node = self._parameters()
        what = (node.inputVolume, node.inputSegmentation, node.method, node.region)
        network = (node.unetFolder, node.quality, chosen(node))
        files = (node.doseModelFolder, *self._acquisition.files())
        return (*what, *network, *files, *(getattr(node, name) for name in TYPED))

    def why_not(self, node: CTDoseSegParameterNode | None) -> str:
        """Why Apply cannot be pressed; empty if it can."""
        if node is None or node.inputVolume is None:
            return _("Load a CT and choose it above.")
        if self._acquisition.problem:
            return self._acquisition.problem
        if node.method == Method.EXISTING and node.inputSegmentation is None:
            return _("Choose the segmentation to use, or another method.")
        return ""

    def may_leave_correction(self, results: Results | None) -> bool:
        """Ask before a new segmentation takes the place of one that was corrected by hand."""
        drawn = results.segmentation if results is not None else None
        if drawn is None or not drawn.GetAttribute(EDITED):
            return True
        node = self._parameters()
        if results.volume is not node.inputVolume:
            return True
        if node.method == Method.EXISTING and node.inputSegmentation is drawn:
            return True
        return slicer.util.confirmOkCancelDisplay(
            _(
                "You have corrected the segmentation of this result. Apply makes a new one and "
                "takes the doses from it; the corrected one is kept, hidden. To use the corrected "
                "one, cancel and choose it under Segmentation by: A segmentation of the scene."
            )
        )

    def engine(self) -> str:
        """The engine of the command line; with an existing segmentation it is asked for nothing."""
        method = self._parameters().method
        return "auto" if method == Method.EXISTING else method.value

    def weights_to_fetch(self) -> list[str]:
        """Install what TotalSegmentator needs, after asking; the task that fetches its weights."""
        node = self._parameters()
        if node.method != Method.TOTALSEGMENTATOR:
            return []
        from .. import totalsegmentator

        return totalsegmentator.ensure(node.quality.value, chosen(node))

    def prepare(self, into: str = "") -> StagedAnalysis:
        """The task of Apply; installs what it needs, after asking.

        `into` is as in `Results.create`.
        """
        node = self._parameters()
        typed = self._acquisition.typed()
        if node.doseEngine == DoseEngine.MONTE_CARLO:
            from .. import packages

            packages.ensure_simulation()
        doseModel = node.doseModelFolder.strip()
        if doseModel:
            from .. import packages

            packages.ensure_dose_model(doseModel)
        report, profile = self._acquisition.files()
        engine = self.engine()
        unet = node.unetFolder.strip() if engine == "unet" else ""
        if engine == "unet":
            _ensure_unet(unet)
        return self._logic.prepare(
            node.inputVolume,
            node.inputSegmentation if node.method == Method.EXISTING else None,
            engine,
            node.region.value,
            doseModel or BUNDLED,
            typed,
            unet=unet,
            quality=node.quality.value,
            extras=chosen(node),
            doseReport=report,
            scannerProfile=profile,
            into=into,
        )

    def _choose_dose_model(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a dose model"))
        if folder:
            self._ui.doseModelLineEdit.text = folder

    def _choose_unet(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of a trained UNet"))
        if folder:
            self._ui.unetLineEdit.text = folder


def _ensure_unet(unet: str) -> None:
    """Install what the UNet needs, after asking; not where there is no network to run."""
    from ...segmentation.engines import choose
    from ...segmentation.unet.engine import UNetEngine
    from .. import packages

    if missing := UNetEngine(unet or None).weights_missing:
        raise ModelError(
            _(
                "The UNet cannot be used: {why}. Train one in CT Dose UNet Training, or choose the "
                "threshold-based (classical) method, which needs none."
            ).format(why=missing)
        )
    packages.ensure("unet")
    choose("unet", unet or None)
