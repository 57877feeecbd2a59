"""TotalSegmentator in Slicer: its packages and its weights, asked for before the first run.

Nothing of it runs here, and torch is not imported: the download of weights is a task in another
process as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import slicer
from slicer.i18n import tr as _

from ..errors import ModelError
from . import packages


def ensure(quality: str, extras: Sequence[str]) -> list[str]:
    """Ask for and install the packages, and ask whether to fetch the weights that are missing.

    Returns
    -------
    list of str
        Arguments of the task that fetches them; empty where none is missing.

    Raises
    ------
    CTDoseSegError
        If the user refuses, or it cannot be installed; the sentence names what to do.
    """
    packages.ensure("totalsegmentator")
    from ..segmentation.totalsegmentator import weights as weights
    from ..segmentation.totalsegmentator.home import check_licence
    from ..segmentation.totalsegmentator.phase import PHASE, needed_plans

    if PHASE in extras and find_spec("xgboost") is None:
        packages.ensure(PHASE)
    plans = needed_plans(quality, extras)
    check_licence(plans[0])  # before gigabytes are fetched
    lacking = weights.missing(*plans)
    # 2.13 does not state which it needs.
    if not lacking and (plans[0].weights is not None or weights.present()):
        return []
    text = _(
        "TotalSegmentator's weights are not on this computer yet: {n} networks of some 100 to 250 "
        "MB each, from its authors' releases. Download them now?"
    ).format(n=len(lacking) or _("some"))
    if not slicer.util.confirmOkCancelDisplay(text):
        raise ModelError(
            _(
                "The weights were not downloaded. Choose the UNet or the classical method, which "
                "need none, or: {why}."
            ).format(why=weights.missing_sentence(lacking, quality, extras))
        )
    return ["weights", "fetch", "--quality", quality, *(("--extra", *extras) if extras else ())]
