"""What Slicer loads for "CT Dose UNet Training"; the work is in CTDoseSegLib."""

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from CTDoseSegLib.ctdoseseg_ui.tool_tests import CTDoseSegTrainingTest
from CTDoseSegLib.ctdoseseg_ui.training_module import (
    CTDoseSegTrainingLogic,
    CTDoseSegTrainingWidget,
)

__all__ = [
    "CTDoseSegTraining",
    "CTDoseSegTrainingLogic",
    "CTDoseSegTrainingTest",
    "CTDoseSegTrainingWidget",
]

HOME = "https://github.com/CTDoseSeg/SlicerCTDoseSeg/blob/main"
GUIDE = f"{HOME}/Resources/Guide/how-to-train-a-unet.md"
CITATION = f"{HOME}/CITATION.cff"


class CTDoseSegTraining(ScriptedLoadableModule):
    """The module as Slicer's menus show it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CT Dose UNet Training")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["CTDoseSeg"]
        parent.contributors = ["CTDoseSeg contributors"]
        parent.helpText = _(
            "Trains a UNet on your own labelled scans, for use in CT Dose Segmentation. "
            "Research software, not for clinical use. "
            'See the <a href="{guide}">guide</a>.'
        ).format(guide=GUIDE)
        parent.acknowledgementText = _(
            'Please cite this software as its <a href="{citation}">CITATION.cff</a> states.'
        ).format(citation=CITATION)
