"""The fast law: organ doses of one scan in milliseconds, with two intervals and flags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ...ct.scanner_profile import Scanner
from ...errors import InputError
from ...flags import Flag, flag
from ...tasks.progress import Progress
from ..doses import RED_MARROW, DoseResult, OrganDose
from ..montecarlo.organ_flags import marrow_flags
from ..scan import Scan
from .along_body import AlongBody
from .iodine import added_by_iodine, contrast_flags, enhanced_organs
from .model import HEAD, DoseModel, OrganModel, RegionModel, load_model
from .organ import organ_dose, refused
from .red_marrow import marrow_slices
from .refusals import beam_flags, scan_flags
from .scaling import MAS
from .uncertainty import ALLOW, SHARED_BY, ninety_percent, scan_consequences

__all__ = ["FastEngine", "load_model"]


@dataclass(frozen=True)
class FastEngine:
    """The fitted law: dose by CTDIvol along the body, organ, size and beam.

    Parameters
    ----------
    model
        From `load_model`: the bundled one, or one of ``ctdoseseg train-dose``.
    region
        ``auto``: every organ that the model knows; else the organs of a region alone. What is in
        head and trunk, as skin, is the head's where the images are of a head (`Scan.is_head`).

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

        An organ that the model does not know, though its bodies might have it, is in the result
        too, without a dose and with the reason.
        """
        body = AlongBody.of(scan)
        acquisition = scan.series.acquisition
        if not scan.beam.known:
            acquisition = replace(acquisition, irradiated_range_mm=None)
        present = scan.organs
        effects = scan_consequences()
        flags = (
            *scan_flags(acquisition, body.bases, effects),
            *beam_flags(body),
            *scan.beam.flags,
        )
        enhanced = enhanced_organs(present)
        models = list(self._models_of(scan, present))
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
            )
            for shared, organ in models
        ]
        for name, reason in self.model.not_predicted.items():
            if name in present:
                organs.append(refused(scan, name, "", (flag("no_dose_model", reason),)))
        if not refusals and RED_MARROW not in present:
            organs += self._red_marrow(body)
        if not refusals and body.usable_bases == [MAS]:
            flags += (mas_flag(scan.scanner, effects),)
        return DoseResult(tuple(organs), flags, self.model.card, shared_by=SHARED_BY)

    def _red_marrow(self, body: AlongBody) -> list[OrganDose]:
        """Return the dose to red marrow; none without bones, or where it is not asked for."""
        scan = body.scan
        measured = marrow_slices(scan)
        model = next((m for m in self._models_of(scan, (RED_MARROW,))), None)
        if measured is None or model is None:
            return []
        slices, seen = measured
        marrow = organ_dose(body, *model, slices)
        if marrow.dose_mGy is None:
            return [marrow]
        flags = marrow_flags(body.acquisition.age_years, marrow.dose_mGy, seen)
        return [replace(marrow, flags=(*marrow.flags, *flags))]

    def _models_of(
        self, scan: Scan, present: Collection[str]
    ) -> Iterator[tuple[RegionModel, OrganModel]]:
        """Yield the models to use, each organ once."""
        names = list(self.model.regions) if self.region == "auto" else [self.region]
        # What head and trunk share.
        names.sort(key=lambda name: (name == HEAD) != scan.is_head)
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
