"""What TotalSegmentator is to find besides: check boxes for what the installed package has."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ...errors import DependencyError
from ..parameters import CTDoseSegParameterNode, Method

# Name of the parameter, and of its check box, to the extra of the command line.
EXTRAS = {
    "lungVessels": "lung_vessels",
    "heartChambers": "heart_chambers",
    "breasts": "breasts",
    "headGlands": "head_glands",
    "tissueTypes": "tissue_types",
    "contrastPhase": "contrast_phase",
}


def chosen(node: CTDoseSegParameterNode) -> tuple[str, ...]:
    """Return the extras that are chosen; none where another method is."""
    if node.method not in (Method.AUTO, Method.TOTALSEGMENTATOR):
        return ()
    return tuple(extra for name, extra in EXTRAS.items() if getattr(node, name))


class ExtrasSection:
    """Asks the package what it has, once the section that holds the check boxes is unfolded.

    Parameters
    ----------
    ui
        The widgets of the module by name.
    """

    def __init__(self, ui: Any) -> None:
        self._boxes = {extra: getattr(ui, f"{name}CheckBox") for name, extra in EXTRAS.items()}
        self._tips = {extra: box.toolTip for extra, box in self._boxes.items()}
        ui.advancedCollapsibleButton.connect(
            "contentsCollapsed(bool)", lambda collapsed: None if collapsed else self.update()
        )

    def update(self) -> None:
        """Disable what the installed version lacks, and name what needs a licence."""
        from ...segmentation.totalsegmentator.phase import PHASE, has_classifier
        from ...segmentation.totalsegmentator.plan import offered_extras

        try:
            offered = {**offered_extras(), **({PHASE: False} if has_classifier() else {})}
        except DependencyError:  # Apply asks before it installs the package
            return
        for extra, box in self._boxes.items():
            box.enabled = extra in offered or box.checked
            tips = [self._tips[extra]]
            if extra not in offered:
                tips.append(_("The installed TotalSegmentator has no such task."))
            elif offered[extra]:
                tips.append(_("It needs a licence of its authors, which is free for research."))
            box.toolTip = "\n".join(tips)
