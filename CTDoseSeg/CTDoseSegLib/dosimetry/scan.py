"""One scan as a dose engine sees it: the CT, its organs, and what was measured of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..ct.scanner_profile import GENERIC, Scanner
from ..ct.series import CTSeries
from ..flags import Flag, organ_place
from ..measurement.measurements import GroupSlices, Measurements
from ..measurement.size import SizeProfile
from ..segmentation.labelmap import Labelmap
from .applicability import names_head
from .beam import Beam, beam_of
from .doses import NO_BASIS, RED_MARROW, OrganDose

# A scan of head and neck shows the tops of the lungs too.
_OF_THE_TRUNK = ("lung", "lung_left", "lung_right", "heart", "liver", "urinary_bladder")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Scan:
    """The input of a dose engine; `Scan.of` makes one.

    Attributes
    ----------
    series
        The CT with its exposure; CTDIvol is already corrected by the scanner's profile.
    labelmap
        Its organs, on the same grid.
    measurements, size
        Of this label map on this CT.
    beam
        The irradiated range in use.
    scanner
        What a profile of the scanner states.
    own_exposure
        True where the exposure is that of the images; False where it is that of another event of
        the examination, with the same anatomy.
    """

    series: CTSeries
    labelmap: Labelmap
    measurements: Measurements
    size: SizeProfile
    beam: Beam
    scanner: Scanner = GENERIC
    own_exposure: bool = True

    @classmethod
    def of(
        cls,
        series: CTSeries,
        labelmap: Labelmap,
        measurements: Measurements,
        size: SizeProfile,
        scanner: Scanner = GENERIC,
    ) -> Scan:
        """Make a scan whose irradiated range is the one that the series states."""
        beam = beam_of(series, scanner.overranging_mm)
        return cls(series, labelmap, measurements, size, beam, scanner)

    def exposed_as(self, series: CTSeries) -> Scan:
        """Return the same anatomy with the exposure of `series`, that of another event."""
        beam = beam_of(series, self.scanner.overranging_mm)
        return replace(self, series=series, beam=beam, own_exposure=False)

    @cached_property
    def organs(self) -> dict[str, GroupSlices]:
        """Groups of the label map that are in the images, with what was measured of each slice."""
        return {
            group: slices
            for group in self.measurements.groups
            if group in self.labelmap.groups and (slices := self.measurements.of(group)).count.any()
        }

    @cached_property
    def is_head(self) -> bool:
        """True where the images are of a head: of the trunk they show less than of the brain.

        Without a brain in the label map, where the body part names the head and no organ of the
        trunk is there.
        """
        slices = {name: int((self.organs[name].count > 0).sum()) for name in self.organs}
        trunk = max((slices.get(name, 0) for name in _OF_THE_TRUNK), default=0)
        if "brain" in slices:
            return slices["brain"] > trunk
        return trunk == 0 and names_head(self.series.acquisition.body_part)

    def without_dose(self, organ: str, flags: Sequence[Flag] = (), region: str = "") -> OrganDose:
        """Return what is known of an organ in the images without its dose.

        An engine fills in the dose with `dataclasses.replace`, or leaves it at None: then `flags`
        must hold the reason. Red marrow, which is no group of the label map, has no volume.
        """
        series = self.series
        if organ == RED_MARROW and organ not in self.labelmap.groups:
            occupied, volume = np.zeros(len(series.slices), bool), None
        else:
            occupied = self.measurements.occupied(organ)
            volume = self.measurements.volume_ml(organ, series.spacing_mm[2])
        return OrganDose(
            organ=organ,
            region=region,
            dose_mGy=None,
            model_low_mGy=None,
            model_high_mGy=None,
            total_low_mGy=None,
            total_high_mGy=None,
            dose_slice_mean_mGy=None,
            volume_ml=volume if series.regular else None,
            n_slices=int(occupied.sum()),
            coverage=None
            if volume is None
            or touches_an_end(series.z_mm, occupied)
            or cut_by_field(self.labelmap, organ)
            else 1.0,
            route=NO_BASIS,
            by_route={},
            slice_dose_mGy=np.full(len(occupied), np.nan),
            flags=tuple(flags),
        )


def cut_by_field(labelmap: Labelmap, organ: str) -> bool:
    """Return True where the edge of the field of view cuts an organ, as its flag says."""
    place = organ_place(organ)
    return any(f.code == "organ_cut_by_field" and f.place == place for f in labelmap.flags)


def touches_an_end(z_mm: np.ndarray, occupied: np.ndarray) -> bool:
    """Return True where an organ is on the lowest or the highest slice, so that it may be cut."""
    return bool(occupied[np.argmin(z_mm)] or occupied[np.argmax(z_mm)])
