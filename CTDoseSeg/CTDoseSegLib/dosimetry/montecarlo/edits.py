"""Doses of organs that were edited after a simulation, from the dose map of its run.

`EditedEngine` stands in for the engine that made the run. Organs that are as they were keep their
dose. The others get it from the dose to soft tissue in the same fluence, which does not jump where
materials meet, times the ratio of the energy transfer coefficients of what they are made of and of
soft tissue (iodine, bone, fat). An organ that was simulated is scaled so that the organ as it was
then has the dose of the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ...flags import Flag, flag
from ...flags.monte_carlo import FLAGS
from ...segmentation.labelmap import BODY
from ...tasks.progress import Progress
from ..dose_map import DoseMap
from ..doses import RED_MARROW, DoseResult, OrganDose
from ..peak_skin_dose import PeakSkinDose
from ..scan import Scan
from .edited_region import Pixels, Region, changed_share, edited_pixels
from .engine import MonteCarloEngine, beside, fast_doses
from .interval import differs_from_fast
from .organ_flags import differs, noisy
from .organs import is_unnamed_group, patient_organs, with_dose
from .run import LARGEST_SE
from .stopping import Ended

# From this part of its mass on, changed materials make the photons of the run others.
MOST_CHANGED = 0.05
EDITED, DRAWN, RERUN = "monte_carlo_edited", "monte_carlo_drawn", "monte_carlo_rerun"
# Flags of how an organ was drawn when its dose was made.
_MADE_ANEW = ("monte_carlo_differs", "monte_carlo_noisy", "monte_carlo_not_simulated")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class EditedEngine:
    """The dose engine of a scan that was simulated before, and whose organs were edited since.

    Attributes
    ----------
    simulated
        The scan as it was simulated, or as it was when `organs` were made from the same map.
    dose_map
        Of the run, with its batches.
    organs
        Their doses then.
    flags, model_card, shared_by
        Of the result then.
    """

    simulated: Scan
    dose_map: DoseMap
    organs: tuple[OrganDose, ...]
    flags: tuple[Flag, ...] = ()
    model_card: Mapping[str, Any] = field(default_factory=dict)
    shared_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peak_skin_dose: PeakSkinDose | None = None
    name: ClassVar[str] = MonteCarloEngine.name
    # What each organ had from the map then; made when it is first edited.
    _then: dict[str, Region | None] = field(default_factory=dict, init=False, repr=False)

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return whether the map tells the doses of a scan, and a sentence why not."""
        if not scan.own_exposure:
            return False, "another exposure of the examination is not in the dose map"
        if scan.series.hu.shape != self.simulated.series.hu.shape:
            return False, "the images are not those that were simulated"
        if self.dose_map.soft_tissue_batches_mGy is None:
            return False, "the dose map was kept without the batches that edited organs need"
        return True, ""

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the doses of all organs of a scan; those that were edited cost some time."""
        progress = progress or Progress()
        fast, edited = fast_doses(scan), edited_pixels(self.simulated, scan)
        organs = []
        for name in patient_organs(scan):
            progress.check_cancelled()
            own = self._organ(scan, name, edited)
            known = fast.get(name)
            if known is not None and differs_from_fast(own, known):
                own = replace(own, flags=(*own.flags, differs(own, known)))
            organs.append(own)
        # D2, D98 and the like are those of the organs as simulated.
        of_run = self.model_card.get("parts_of_organs", {})
        as_simulated = {one.organ for one in organs if not _is_edited(one)}
        card = {
            **self.model_card,
            "fast_law_mGy": beside(fast),
            "parts_of_organs": {name: of for name, of in of_run.items() if name in as_simulated},
        }
        organs += [organ for organ in self.organs if organ.organ == RED_MARROW]
        return DoseResult(
            organs=tuple(organs),
            flags=self.flags,
            model_card=card,
            dose_map=self.dose_map,
            shared_by=self.shared_by,
            peak_skin_dose=self.peak_skin_dose,
        )

    def _organ(self, scan: Scan, name: str, edited: set[tuple[str, str]]) -> OrganDose:
        if name != BODY and is_unnamed_group(scan, name):
            return scan.without_dose(name, (flag("monte_carlo_unnamed"),))
        before = next((organ for organ in self.organs if organ.organ == name), None)
        was, has = (one.labelmap.groups.get(name, ()) for one in (self.simulated, scan))
        if before is None or any((old in was) != (new in has) for old, new in edited):
            return self._edited(scan, name, before)
        kept = tuple(one for one in before.flags if one.code in FLAGS)
        return replace(before, flags=tuple(f for f in kept if f.code != "monte_carlo_differs"))

    def _edited(self, scan: Scan, name: str, before: OrganDose | None) -> OrganDose:
        """Return an organ whose dose follows from the map."""
        simulated = before is not None and before.dose_mGy is not None
        region = Region.of(scan, name, self.dose_map)
        like = before if simulated else self._around(scan, name)
        if region is None or like is None:
            return scan.without_dose(name, (flag("monte_carlo_not_simulated"),))
        relative_se = region.dose.statistical_sd_mGy / region.dose.dose_mGy
        if not relative_se <= LARGEST_SE:
            histories = self.dose_map.histories
            refusal = noisy(histories, relative_se, LARGEST_SE, Ended.PRECISE.value)
            return scan.without_dose(name, (refusal,))
        factor = region.material_factor
        if simulated and (then := self._region_then(name)) is not None:
            factor *= float(like.dose_mGy or 0.0) / then.dose_mGy
        kerma_se = float(self.model_card.get("kerma_relative_se", 0.0))
        edge = region.dose.edge_sd_mGy / region.dose.dose_mGy
        components = {
            **like.budget,
            "statistics": math.hypot(relative_se, kerma_se),
            "partial_volume": math.hypot(like.budget.get("partial_volume", 0.0), edge),
        }
        blank = scan.without_dose(name)
        slices = factor * region.slice_dose_mGy
        own = with_dose(blank, factor * region.dose.dose_mGy, components, slices)
        flags = tuple(self._flags(scan, name, before))
        own = replace(own, seen_mass_g=region.dose.mass_g, flags=flags)
        if before and before.dose_mGy and before.iodine_free_dose_mGy is not None and own.dose_mGy:
            free = own.dose_mGy * before.iodine_free_dose_mGy / before.dose_mGy
            own = replace(own, iodine_free_dose_mGy=free)
        return _completed(own, before)

    def _flags(self, scan: Scan, name: str, before: OrganDose | None) -> Iterator[Flag]:
        kept = before.flags if before is not None else ()
        for one in kept:
            if one.code in FLAGS and one.code not in (EDITED, DRAWN, RERUN, *_MADE_ANEW):
                yield one
        drawn = before is None or before.dose_mGy is None
        drawn = drawn or any(one.code == DRAWN for one in kept)
        yield flag(DRAWN if drawn else EDITED)
        changed = changed_share(self.simulated, scan, name)
        if changed > MOST_CHANGED:
            yield flag(RERUN, f"{changed:.0%} of its mass")
        elif any(one.code == RERUN for one in kept):  # by an edit before those of now
            yield flag(RERUN)

    def _region_then(self, name: str) -> Region | None:
        if name not in self._then:
            self._then[name] = Region.of(self.simulated, name, self.dose_map)
        return self._then[name]

    def _around(self, scan: Scan, name: str) -> OrganDose | None:
        """Return the organ in whose place a new one lies: how uncertain both are is much alike."""
        pixels, then = Pixels.of(scan, name), self.simulated.labelmap
        if pixels is None:
            return None
        top = int(max(atom.value for atom in then.atoms))
        counts = np.bincount(then.labels[pixels.box][pixels.mask], minlength=top + 1)
        held = {
            organ.organ: (int(counts[list(values)].sum()), -len(values))
            for organ in self.organs
            if organ.dose_mGy is not None
            and organ.organ in then.groups
            and (values := then.values(organ.organ))
        }
        best = max(held, key=lambda organ: held[organ], default="")
        if not best or not held[best][0]:
            return None
        return next(organ for organ in self.organs if organ.organ == best)


def _is_edited(organ: OrganDose) -> bool:
    return any(one.code in (EDITED, DRAWN) for one in organ.flags)


def _completed(own: OrganDose, before: OrganDose | None) -> OrganDose:
    """Return an organ with the dose of all of it: what is cut changes with what is seen."""
    if own.coverage == 1.0:
        return replace(
            own,
            whole_organ_dose_mGy=own.dose_mGy,
            whole_organ_low_mGy=own.total_low_mGy,
            whole_organ_high_mGy=own.total_high_mGy,
        )
    if before is None or not before.dose_mGy or before.whole_organ_dose_mGy is None:
        return own
    factor = float(own.dose_mGy or 0.0) / before.dose_mGy
    low, high = before.whole_organ_low_mGy, before.whole_organ_high_mGy
    return replace(
        own,
        whole_organ_dose_mGy=factor * before.whole_organ_dose_mGy,
        whole_organ_low_mGy=None if low is None else factor * low,
        whole_organ_high_mGy=None if high is None else factor * high,
        missing_mass_g=before.missing_mass_g,
    )
