"""What Slicer loads for "CT Dose Batch"; the work is in CTDoseSegLib."""

from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule

from CTDoseSegLib.ctdoseseg_ui.batch_module import CTDoseSegBatchLogic, CTDoseSegBatchWidget
from CTDoseSegLib.ctdoseseg_ui.tool_tests import CTDoseSegBatchTest

__all__ = [
    "CTDoseSegBatch",
    "CTDoseSegBatchLogic",
    "CTDoseSegBatchTest",
    "CTDoseSegBatchWidget",
]

HOME = "https://github.com/CTDoseSeg/SlicerCTDoseSeg/blob/main"
GUIDE = f"{HOME}/Resources/Guide/how-to-batch.md"
CITATION = f"{HOME}/CITATION.cff"


class CTDoseSegBatch(ScriptedLoadableModule):
    """The module as Slicer's menus show it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CT Dose Batch")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.dependencies = ["CTDoseSeg"]
        parent.contributors = ["CTDoseSeg contributors"]
        parent.helpText = _(
            "Every CT of an archive, with one table of doses. A click shows a scan that is done. "
            "Research software, not for clinical use. "
            'See the <a href="{guide}">guide</a>.'
        ).format(guide=GUIDE)
        parent.acknowledgementText = _(
            'Please cite this software as its <a href="{citation}">CITATION.cff</a> states.'
        ).format(citation=CITATION)
