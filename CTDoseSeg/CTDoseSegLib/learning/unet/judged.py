"""A scan beside its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ct.series import CTSeries
from .cases import UNKNOWN


@dataclass(frozen=True)
class Judged:
    """One scan with its truth and what the network found; labels uint8 [k, j, i]."""

    name: str
    series: CTSeries
    truth: np.ndarray
    found: np.ndarray
    not_drawn: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        return self.truth != UNKNOWN
