"""A scan beside its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ct.series import CTSeries
from .cases import UNKNOWN


@dataclass(frozen=True)
class Judged:
    """One scan with its truth and what the network predicts; labels uint8 [k, j, i]."""

    name: str
    series: CTSeries
    truth: np.ndarray
    predicted: np.ndarray
    not_drawn: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """True where the truth is decided, [k, j, i]."""
        return self.truth != UNKNOWN
