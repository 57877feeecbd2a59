"""The fast law: organ doses of one scan in milliseconds, with two intervals and flags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ...ct.scanner_profile import Scanner
from ...errors import InputError
from ...flags import Flag, flag
from ...measurement.body_parts import mostly_chest, trunk_is_known
from ...measurement.measurements import GroupSlices
from ...segmentation.labelmap import SKIN
from ...tasks.progress import Progress
from ..doses import DoseResult
from ..scan import Scan
from .along_body import AlongBody
from .heart import HEART, before_parts, heart_of_parts
from .iodine import added_by_iodine, contrast_flags, enhanced_organs
from .model import DoseModel, OrganModel, RegionModel, load_model
from .organ import organ_dose, refused
from .refusals import scan_flags
from .scaling import MAS
from .uncertainty import ALLOW, SHARED_BY, ninety_percent, scan_consequences

__all__ = ["FastEngine", "load_model"]


@dataclass(frozen=True)
class FastEngine:
    """The fitted law: dose by tube current along the body, organ and size.

    Parameters
    ----------
    model
        From `load_model`: the bundled one, or one of ``ctdoseseg train-dose``.
    region
        ``auto``: each organ by the region whose model knows it, skin by the chest's where half of
        the slices or more are chest; ``chest`` or ``abdomen``: organs of that region alone.

    Raises
    ------
    InputError
        If the model has no such region.

    Examples
    --------
    >>> engine = FastEngine(load_model(), region="chest")
    >>> engine.name
    'fast'
    """

    model: DoseModel
    region: str = "auto"
    name: ClassVar[str] = "fast"

    def __post_init__(self) -> None:
        if self.region not in ("auto", *self.model.regions):
            known = ", ".join(("auto", *sorted(self.model.regions)))
            raise InputError(f"The region is {self.region!r}; give one of {known}.")

    def available(self, scan: Scan) -> tuple[bool, str]:
        """Return True: the law needs numpy alone, and refuses organ by organ."""
        return True, ""

    def estimate(self, scan: Scan, progress: Progress | None = None) -> DoseResult:
        """Return the dose of every organ in the images that the model knows.

        An organ of the published list that the model does not know is in the result too, without
        a dose and with the reason; the heart with that of its chambers and its muscle together,
        where it consists of these in the label map.
        """
        body = AlongBody.of(scan)
        acquisition = scan.series.acquisition
        if not scan.beam.known:
            acquisition = replace(acquisition, irradiated_range_mm=None)
        present = scan.organs
        effects = scan_consequences()
        flags = (
            *scan_flags(acquisition, body.bases, effects),
            *scan.beam.flags,
        )
        enhanced = enhanced_organs(present)
        models = list(self._models_of(present))
        presumed = self._skin_flags(scan, present)
        dosed = [organ.organ for _, organ in models]
        flags = contrast_flags(acquisition, flags, enhanced, present, dosed)
        refusals = tuple(entry for entry in flags if entry.severity == "refusal")
        organs = [
            refused(scan, organ.organ, organ.region, refusals)
            if refusals
            else organ_dose(
                body,
                shared,
                organ,
                present[organ.organ],
                added_by_iodine(organ.organ, enhanced),
                presumed if organ.organ == SKIN else (),
            )
            for shared, organ in models
        ]
        done = {organ.organ: organ for organ in organs}
        for name, reason in self.model.not_predicted.items():
            if name in present:
                union = heart_of_parts(scan, done) if name == HEART else None
                without = refused(scan, name, "", (flag("no_dose_model", reason),))
                organs.insert(before_parts(organs) if union else len(organs), union or without)
        if not refusals and body.usable_bases == [MAS]:
            flags += (mas_flag(scan.scanner, effects),)
        return DoseResult(tuple(organs), flags, self.model.card, shared_by=SHARED_BY)

    def _skin_flags(self, scan: Scan, present: Mapping[str, GroupSlices]) -> tuple[Flag, ...]:
        """Return the flag of skin by the abdomen's model for want of a better reason."""
        chosen = self.region != "auto" or mostly_chest(present)
        body_part = scan.series.acquisition.body_part
        if chosen or trunk_is_known(scan.series, scan.measurements, body_part):
            return ()
        return (flag("skin_region_presumed"),)

    def _models_of(
        self, present: Mapping[str, GroupSlices]
    ) -> Iterator[tuple[RegionModel, OrganModel]]:
        """Yield the models to use, each organ once."""
        if self.region == "auto":
            first = "chest" if mostly_chest(present) else "abdomen"
            names = [first, *(name for name in self.model.regions if name != first)]
        else:
            names = [self.region]
        done: set[str] = set()
        for name in names:
            shared = self.model.regions[name]
            for organ_name, organ in shared.organs.items():
                if organ_name in present and organ_name not in done:
                    done.add(organ_name)
                    yield shared, organ


def mas_flag(scanner: Scanner, effects: Mapping[str, str]) -> Flag:
    """Return what doses by effective mAs alone rest on."""
    if scanner.nctdiw_mGy_per_100mAs is None:
        return flag("mas_only", consequence=effects["mas_only"])
    if scanner.nctdiw_log_sd is None:
        return flag("mas_by_profile", consequence=effects["mas_by_profile"])
    added = f"{ALLOW} {ninety_percent(scanner.nctdiw_log_sd)} for it"
    return flag("mas_by_table", scanner.nctdiw_source or "", consequence=added)
