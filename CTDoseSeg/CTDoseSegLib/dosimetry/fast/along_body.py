"""What all organs of a scan share along the body: scaling bases, convolved current, size."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from ...ct.acquisition import Acquisition
from ..beam import Beam
from ..scan import Scan
from .kernel import Convolver, Kernel
from .model import RegionModel
from .scaling import BASES, ScalingBasis, scaling_bases


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class AlongBody:
    """Profiles along the body, [k], each computed once; `AlongBody.of` makes them of a scan.

    Attributes
    ----------
    scan
        The CT, its organs and what was measured.
    bases
        Scaling bases by name.
    wed_mm
        Water equivalent diameter, corrected where it can be.
    z_mm
        Slice positions.
    """

    scan: Scan
    bases: dict[str, ScalingBasis]
    wed_mm: np.ndarray
    z_mm: np.ndarray
    # What several organs ask for again.
    _convolvers: dict[Kernel, Convolver] = field(default_factory=dict)
    _currents: dict[Hashable, np.ndarray] = field(default_factory=dict)
    _sizes: dict[Hashable, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, scan: Scan) -> AlongBody:
        """Take the profiles of a scan.

        Where too much of the body is cut to correct its size, the size as measured is too small
        and the dose too high: the safer of two errors, flagged.
        """
        size = scan.size
        wed = np.where(np.isfinite(size.wed_corrected_mm), size.wed_corrected_mm, size.wed_mm)
        return cls(scan, scaling_bases(scan.series, scan.scanner), wed, scan.series.z_mm)

    @property
    def acquisition(self) -> Acquisition:
        """Exposure of the event."""
        return self.scan.series.acquisition

    @property
    def beam(self) -> Beam:
        """Irradiated range."""
        return self.scan.beam

    @property
    def usable_bases(self) -> list[str]:
        """Names of the scaling bases that can be used, the better one first."""
        return [name for name in BASES if self.bases[name].values is not None]

    def convolved_mA(
        self, basis: str, shared: RegionModel, kernel: Kernel, range_mm: tuple[float, float]
    ) -> np.ndarray:
        """Return the training scanner's tube current convolved over an irradiated range, [k]."""
        if kernel not in self._convolvers:
            self._convolvers[kernel] = Convolver(self.z_mm, kernel)
        key = (basis, shared.ctdivol_per_mas, kernel, range_mm)
        if key not in self._currents:
            current = self.bases[basis].tube_current_mA(shared.ctdivol_per_mas)
            self._currents[key] = self._convolvers[kernel](current, range_mm)
        return self._currents[key]

    def sizes_mm(self, shared: RegionModel) -> np.ndarray:
        """Return the water equivalent diameter smoothed along the body, [k, 2]."""
        if shared.size_kernels not in self._sizes:
            self._sizes[shared.size_kernels] = shared.sizes_mm(self.z_mm, self.wed_mm)
        return self._sizes[shared.size_kernels]
