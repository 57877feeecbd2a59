"""What Slicer loads. The work is in CTDoseSegLib, its window and logic in ctdoseseg_ui."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from CTDoseSegLib.ctdoseseg_ui.logic import CTDoseSegLogic
from CTDoseSegLib.ctdoseseg_ui.panel.widget import CTDoseSegWidget
from CTDoseSegLib.ctdoseseg_ui.self_test import CTDoseSegTest

__all__ = ["CTDoseSeg", "CTDoseSegLogic", "CTDoseSegTest", "CTDoseSegWidget"]

HOME = "https://github.com/CTDoseSeg/SlicerCTDoseSeg/blob/main"
GUIDE = f"{HOME}/Resources/Guide/tutorial-slicer.md"
CITATION = f"{HOME}/CITATION.cff"


class CTDoseSeg(ScriptedLoadableModule):
    """The module as Slicer's menus show it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CT Dose Segmentation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = []
        parent.contributors = ["CTDoseSeg contributors"]
        parent.helpText = _(
            "From a CT to its organs, its water-equivalent diameter, SSDE and organ doses with "
            "their intervals. Research software, not for clinical use. "
            'See the <a href="{guide}">guide</a>.'
        ).format(guide=GUIDE)
        parent.acknowledgementText = _(
            "The dose model was fitted to Monte Carlo simulations by this module's own engine and "
            "tested on the arrays published by Tzanis and Damilakis (2024). Please cite this "
            'software as its <a href="{citation}">CITATION.cff</a> states.'
        ).format(citation=CITATION)
        slicer.app.connect("startupCompleted()", on_startup)


def on_startup():
    """Register what a saved scene may need before the module is opened."""
    from CTDoseSegLib.ctdoseseg_ui import sample_data
    from CTDoseSegLib.ctdoseseg_ui.panel import layout

    layout.register()
    icons = Path(__file__).parent / "Resources" / "Icons"
    sample_data.register(str(icons / f"{sample_data.NAME}.png"))
