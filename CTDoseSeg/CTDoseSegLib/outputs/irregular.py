"""What a user of a series' voxels must know: doubts of its reading, and stacks that no file holds.

A volume file has one affine, and so one distance from slice to slice. An uneven stack in it would
be read as an even one whose slices stand elsewhere than they were scanned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..flags import FLAGS

if TYPE_CHECKING:
    from ..ct.series import CTSeries


def one_affine_holds(series: CTSeries) -> bool:
    """Return whether one affine puts every slice where it was scanned.

    That of a tilted gantry does, though it is sheared; that of uneven, missing or shifted slices,
    or of a single slice of unknown thickness, does not.
    """
    irregular = {
        one.code
        for one in series.flags
        if one.code in FLAGS and FLAGS[one.code].cause == "irregular_slices"
    }
    return series.regular or irregular == {"tilted"}


def reading_doubts(series: CTSeries) -> list[str]:
    """Return the warnings and refusals of a series' reading that are about its voxels.

    What a value of the exposure alone would mend is left out.
    """
    doubts = (one for one in series.flags if one.severity != "info")
    about = (one for one in doubts if not one.mends or "series" in one.mends)
    return list(dict.fromkeys(f"{one.severity}: {one.message}" for one in about))
