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
            "Research software, not for clinical use."
        )
        parent.acknowledgementText = ""
