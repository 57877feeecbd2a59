"""What all organs of a scan share along the body: CTDIvol, convolved, size, and the beam."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...ct.acquisition import BODY_PHANTOM_CM, Acquisition
from ..beam import Beam
from ..montecarlo.beam_choice import CONE_BEAM, unusual_beams, usual_model
from ..montecarlo.beams import REFERENCE_KV, measured_model
from ..scan import Scan
from .beam_terms import VOLTAGES_KV, BeamTerms, beam_terms
from .kernel import arriving
from .model import OrganModel, RegionModel
from .scaling import BASES, ScalingBasis, phantom_of, scaling_bases

# Of most scans of adults.
USUAL_VOLTAGES_KV = (80.0, 140.0)


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
        Water-equivalent diameter, corrected where it can be.
    z_mm
        Slice positions.
    terms
        Of the beam that the scan had most probably, at its tube voltage.
    other_terms
        Of beams that the scan may have had as well: with a lower and with a higher half-value
        layer, and with other bowtie filters.
    voltage_terms
        Of the beam at the lowest and the highest usual tube voltage, where that is not known.
    measured_beam
        Whether `terms` are of a beam of the scanner's profile.
    """

    scan: Scan
    bases: dict[str, ScalingBasis]
    wed_mm: np.ndarray
    z_mm: np.ndarray
    terms: BeamTerms
    other_terms: tuple[BeamTerms, ...]
    voltage_terms: tuple[BeamTerms, ...]
    measured_beam: bool
    # What several organs ask for again.
    _arriving: dict[Hashable, np.ndarray] = field(default_factory=dict)
    _sizes: dict[Hashable, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, scan: Scan) -> AlongBody:
        """Take the profiles of a scan.

        Where too much of the body is cut to correct its size, the size as measured is too small
        and the dose too high: the safer of two errors, flagged.
        """
        size = scan.size
        wed = np.where(np.isfinite(size.wed_corrected_mm), size.wed_corrected_mm, size.wed_mm)
        model = usual_model(scan, phantom_of(scan) or BODY_PHANTOM_CM)
        stated = scan.series.acquisition.kvp_kV
        voltage = float(np.clip(REFERENCE_KV if stated is None else stated, *VOLTAGES_KV))
        terms, *others = (beam_terms(one, voltage) for one in (model, *model.variants()))
        bases = scaling_bases(scan, terms)
        usual = USUAL_VOLTAGES_KV if stated is None else ()
        voltages = tuple(beam_terms(model, voltage) for voltage in usual)
        measured = any(model == measured_model(beam) for beam in scan.scanner.beams)
        return cls(scan, bases, wed, scan.series.z_mm, terms, tuple(others), voltages, measured)

    @cached_property
    def unusual_beams(self) -> tuple[str, ...]:
        """Why no beam that was simulated is like the scan's; of a measured one, if it is a cone."""
        reasons = tuple(unusual_beams(self.scan))
        return tuple(one for one in reasons if CONE_BEAM in one) if self.measured_beam else reasons

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

    def arriving_mGy(self, basis: str, range_mm: tuple[float, float]) -> np.ndarray:
        """Return CTDIvol (32 cm) of an irradiated range as it arrives, `kernel.arriving`, mGy."""
        key = (basis, range_mm)
        if key not in self._arriving:
            values = self.bases[basis].values
            if values is None:
                raise ValueError(f"The scaling basis {basis} has no values.")
            self._arriving[key] = arriving(self.z_mm, values, range_mm)
        return self._arriving[key]

    def reached_mGy(
        self, basis: str, shared: RegionModel, organ: OrganModel, range_mm: tuple[float, float]
    ) -> np.ndarray:
        """Return CTDIvol (32 cm) of an irradiated range convolved with an organ's kernel, mGy, [k].

        With the kernel that goes with the body's size in each slice; NaN where that is not known.
        """
        return organ.reached_mGy(self.arriving_mGy(basis, range_mm), self.sizes_mm(shared))

    def sizes_mm(self, shared: RegionModel) -> np.ndarray:
        """Return the water-equivalent diameter smoothed along the body, [k, 2]."""
        if shared.size_kernels not in self._sizes:
            self._sizes[shared.size_kernels] = shared.sizes_mm(self.z_mm, self.wed_mm)
        return self._sizes[shared.size_kernels]
