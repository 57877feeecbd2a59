"""Why an engine cannot run, with and without what to do about it."""

from __future__ import annotations


def without_remedy(reason: str) -> str:
    """Return a reason of `SegmentationEngine.available` without the remedy in its brackets.

    A flag names what would mend it, and each face words that.
    """
    return reason.split(" (", 1)[0]
