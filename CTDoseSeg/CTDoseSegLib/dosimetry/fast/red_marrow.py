"""Red marrow by the law: it is no organ of the label map, but lies in the bones that are."""

from __future__ import annotations

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...measurement.measurements import GroupSlices
from ..montecarlo.marrow import marrow_sites
from ..scan import Scan, touches_an_end

# Its density, g/cm3, as HU: those of bone say nothing of it (ICRP Publication 110).
_HU = 30.0


def marrow_slices(scan: Scan) -> tuple[GroupSlices, float | None] | None:
    """Return red marrow as the law takes an organ, and the part of all active marrow that is seen.

    Each bone's area counts by its share of the active marrow (`montecarlo.marrow`). The part is
    None where labels do not name the bones. None without bones.
    """
    measured = scan.measurements
    occupied = {name: measured.counts[:, n] > 0 for n, name in enumerate(measured.names)}
    present = [name for name, held in occupied.items() if held.any()]
    cut = [name for name in present if touches_an_end(scan.series.z_mm, occupied[name])]
    acquisition = scan.series.acquisition
    sites = marrow_sites(present, cut, acquisition.age_years, acquisition.sex)
    area, cell_mm = np.zeros(len(scan.series.slices)), cell_widths_mm(scan.series.z_mm)
    named = [site for site in sites if site.active_share is not None]
    seen = 0.0
    for site in named or sites:
        columns = [measured.names.index(atom) for atom in site.atoms]
        of_site = measured.counts[:, columns].sum(axis=1).astype(float)
        part = 1.0
        if site.active_share is not None:
            part = site.active_share * (1.0 if site.seen_share is None else site.seen_share)
        seen += part
        # A label of all bones has no share: its area stands for itself.
        volume = of_site @ cell_mm
        if volume > 0:  # zero: all slices at one z, where no dose is offered
            area += part * of_site / volume
    if not area.any():
        return None
    count = np.where(area > 0, 1, 0)
    hu = np.where(area > 0, _HU, np.nan)
    whole = seen if named and all(site.seen_share is not None for site in named) else None
    return GroupSlices(count, area, hu, np.where(area > 0, 0.0, np.nan)), whole
