"""Organ doses of a simulation as every engine gives them, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...ct.organs import OUTSIDE_BODY
from ...flags import flag
from ...measurement.ctdi_per_mas import K90
from ...segmentation.atoms import is_number
from ...segmentation.labelmap import BODY, BODY_REST
from ..doses import RED_MARROW, OrganDose
from ..fast.uncertainty import total_log_half_width
from ..scan import Scan
from .interval import (
    differs_from_fast,
    fixed_components,
    material_component,
    truncation_component,
)
from .organ_flags import LEAST_IODINE_MG_ML, differs, marrow_flags, noisy, organ_flags
from .run import Run
from .tally import RED_MARROW as MARROW_DETECTOR

ROUTE = "montecarlo"


def organ_doses(run: Run) -> tuple[OrganDose, ...]:
    """Return the dose of every organ in the images, in the label map's order, then red marrow."""
    organs = [_organ(run, name) for name in patient_organs(run.scan)]
    if (marrow := _red_marrow(run)) is not None:
        organs.append(marrow)
    return tuple(organs)


def patient_organs(scan: Scan) -> list[str]:
    """Return the groups that are the patient's: neither couch, by name or member, nor the rest."""
    groups = scan.labelmap.groups
    return [
        name
        for name in scan.organs
        if name != BODY_REST and not {name, *groups.get(name, ())} & set(OUTSIDE_BODY)
    ]


def is_unnamed_group(scan: Scan, name: str) -> bool:
    """Return whether a group consists of labels that have no name but a number."""
    members = scan.labelmap.groups.get(name, ())
    atoms = [atom for atom in scan.labelmap.atoms if atom.name in members]
    return bool(atoms) and all(is_number(atom.name) for atom in atoms)


def _organ(run: Run, name: str) -> OrganDose:
    if name != BODY and is_unnamed_group(run.scan, name):
        return run.scan.without_dose(name, (flag("monte_carlo_unnamed"),))
    score = run.scores.get(name)
    if score is None or not run.response.mass_g[score] > 0:
        return run.scan.without_dose(name, (flag("monte_carlo_not_simulated"),))
    dose, relative_se = (float(values[score]) for values in run.dose)
    if not relative_se <= run.largest_se:
        histories = run.response.tally.total_histories
        refusal = noisy(histories, relative_se, run.largest_se, run.ended.value)
        return run.scan.without_dose(name, (refusal,))
    components = {
        "statistics": math.hypot(relative_se, run.response.kerma_relative_se),
        **run.exposure.log_sd,
        "beam": float(run.beam_sd[score]),
        "materials": material_component(dose, float(run.soft_tissue_mGy[score])),
        **{part: float(values[score]) for part, values in run.along_components.items()},
        **fixed_components(float(run.surface_share[score]), run.scan.series.acquisition),
    }
    count = run.scan.organs[name].count
    cut = truncation_component(run.scan.size, count)
    components["missing_anatomy"] = math.hypot(components["missing_anatomy"], cut)
    slices = run.slice_dose_mGy.get(name)
    own = replace(
        with_dose(run.scan.without_dose(name), dose, components, slices),
        seen_mass_g=float(run.response.mass_g[score]),
        flags=tuple(organ_flags(run, name, score)),
        iodine_free_dose_mGy=_without_iodine(run, name, score),
    )
    fast = run.fast.get(name)
    if fast is None or fast.dose_mGy is None:
        return own if own.coverage is None else _whole(own)
    if differs_from_fast(own, fast):
        own = replace(own, flags=(*own.flags, differs(own, fast)))
    return _whole(own) if own.coverage == 1.0 else _completed(own, fast)


def with_dose(
    organ: OrganDose,
    dose_mGy: float,
    components: Mapping[str, float],
    slice_dose_mGy: np.ndarray | None = None,
) -> OrganDose:
    """Return an organ with a dose and both intervals: of the histories alone, and of all."""
    statistics, total = K90 * components["statistics"], total_log_half_width(components)
    slices = organ.slice_dose_mGy if slice_dose_mGy is None else slice_dose_mGy
    known = slices[np.isfinite(slices)]
    return replace(
        organ,
        dose_mGy=dose_mGy,
        model_low_mGy=dose_mGy * math.exp(-statistics),
        model_high_mGy=dose_mGy * math.exp(statistics),
        total_low_mGy=dose_mGy * math.exp(-total),
        total_high_mGy=dose_mGy * math.exp(total),
        dose_slice_mean_mGy=float(known.mean()) if known.size else None,
        route=ROUTE,
        by_route={ROUTE: dose_mGy},
        slice_dose_mGy=slices,
        budget=dict(components),
    )


def _without_iodine(run: Run, name: str, score: int) -> float | None:
    """Return the dose to average soft tissue in place of an organ with iodine; None without it."""
    if run.iodine_mg_ml.get(name, 0.0) < LEAST_IODINE_MG_ML:
        return None
    dose = float(run.dose[0][score])
    return min(dose, float(run.soft_tissue_mGy[score]))


def _whole(organ: OrganDose) -> OrganDose:
    """Return an organ that ends inside the images: the seen part is all of it."""
    return replace(
        organ,
        whole_organ_dose_mGy=organ.dose_mGy,
        whole_organ_low_mGy=organ.total_low_mGy,
        whole_organ_high_mGy=organ.total_high_mGy,
    )


def _completed(own: OrganDose, fast: OrganDose) -> OrganDose:
    """Return an organ that the images cut, with that of the completed one.

    The fast law knows how much of a reference adult's organ is missing and how the dose falls off
    beyond the images: the completed organ's dose over that of the seen part is taken from it, with
    its interval.
    """
    whole, low, high = (
        fast.whole_organ_dose_mGy,
        fast.whole_organ_low_mGy,
        fast.whole_organ_high_mGy,
    )
    ends = (fast.total_low_mGy, fast.total_high_mGy)
    if not (own.dose_mGy and fast.dose_mGy and whole and low and high and all(ends)):
        return own
    return replace(
        own,
        whole_organ_dose_mGy=own.dose_mGy * whole / fast.dose_mGy,
        whole_organ_low_mGy=own.dose_mGy * low / fast.dose_mGy,
        whole_organ_high_mGy=own.dose_mGy * high / fast.dose_mGy,
        missing_mass_g=fast.missing_mass_g,
    )


def _red_marrow(run: Run) -> OrganDose | None:
    """Return the dose to active red marrow; None where no bone with marrow is in the images."""
    sites = [(run.scores[n], share) for n, share in run.marrow_share.items() if n in run.scores]
    sites = [(score, share) for score, share in sites if run.response.mass_g[score] > 0]
    if not sites or not sum(share for _, share in sites) > 0:
        return None
    positions = np.array([score for score, _ in sites])
    share = np.array([part for _, part in sites])
    share = share / share.sum()
    dose, relative_se = run.response.doses(run.exposure, MARROW_DETECTOR)
    mean = float(dose[positions] @ share)
    if not mean > 0:
        return None
    part = dose[positions] * share / mean
    statistics = float(np.sqrt(np.sum((part * relative_se[positions]) ** 2)))
    components = {
        "statistics": math.hypot(statistics, run.response.kerma_relative_se),
        **run.exposure.log_sd,
        "beam": float(run.beam_sd[positions] @ part),
        "materials": material_component(1.0, 1.0),
        **{name: float(sd[positions] @ part) for name, sd in run.along_components.items()},
        **fixed_components(1.0, run.scan.series.acquisition),
    }
    seen = sum(part for _, part in sites) if run.marrow_share_known else None
    marrow = with_dose(run.scan.without_dose(RED_MARROW), mean, components)
    age = run.scan.series.acquisition.age_years
    return replace(marrow, flags=tuple(marrow_flags(age, mean, seen)))
