"""The panel's summary of a result: size, dose indices and SSDE in words, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from slicer.i18n import tr as _

from ...ct.organs import spoken_name
from ...flags import FLAGS
from ...reporting.numbers import number
from ...segmentation.labelmap import BODY, BODY_REST

MOST_NAMED = 6

if TYPE_CHECKING:
    from ...dosimetry.effective_dose import EffectiveDose
    from ...dosimetry.size_specific_effective_dose import SizeSpecificEffectiveDose
    from ...dosimetry.uterus_dose import UterusDose
    from ...flags import Flag
    from ...result import Result
    from ..nodes.results import Results


def summary(results: Results) -> str:
    """Return the result in words; rich text."""
    from ...segmentation.labelmap import engine_in_words

    result = results.result
    size = result.size.summary
    doses = results.doses()
    engine = escape(engine_in_words(result.segmentation.engine))
    lines = [_("Segmented by: {engine}.").format(engine=f"<b>{engine}</b>")]
    if math.isfinite(size.mean_mm):
        text = _("WED {low:.0f} to {high:.0f} mm, mean {mean:.0f} mm.")
        text = text.format(low=size.low_mm, high=size.high_mm, mean=size.mean_mm)
        lines.append(_with_interval(text, result.size.mean_interval_mm, _wed_interval(result)))
    lines += _dose_indices(result)
    if math.isfinite(result.ssde.mean_mGy):
        text = _("SSDE {ssde} mGy.").format(ssde=number(result.ssde.mean_mGy))
        interval = _(" (90 % interval {low} to {high} mGy).")
        lines.append(_with_interval(text, result.ssde.mean_interval_mGy, interval))
    lines += _simulation(results)
    n_whole, n_parts = _counted(result, doses)
    text = _("{n} organs have a dose, and {parts} of their parts.") if n_parts else ""
    text = text or (_("{n} organs have a dose.") if n_whole else _("No organ has a dose."))
    lines.append(text.format(n=n_whole, parts=n_parts))
    without = [spoken_name(o.organ) for o in result.organs if o.dose_mGy is None]
    if doses and without:
        names = ", ".join(without[:MOST_NAMED])
        if (more := len(without) - MOST_NAMED) > 0:
            names += _(" and {n} more").format(n=more)
        lines.append(_("Without a dose: {organs}.").format(organs=escape(names)))
    return " ".join(lines)


def rerun_advised(results: Results | None) -> str:
    """Return for which organs the simulation should be run again, as a sentence; else empty."""
    organs = results.result.organs if results is not None else ()
    names = [o.organ for o in organs if any(f.code == "monte_carlo_rerun" for f in o.flags)]
    if not names:
        return ""
    return " " + _("Rerun advised (press Simulate): {organs}.").format(organs=", ".join(names))


def _simulation(results: Results) -> list[str]:
    """Return what made the doses in words, where they were simulated."""
    card = results.result.dose_model
    if not results.simulated or "histories" not in card:
        return []
    text = _("Doses by {engine}: {millions:.1f} million photons, beam {beam}.")
    words = text.format(
        engine="<b>" + _("Monte Carlo") + "</b>",
        millions=card["histories"] / 1e6,
        beam=escape(str(card.get("beam", ""))),
    )
    largest = card.get("largest_relative_se")
    if largest:
        certain = _(
            "The number of photons alone leaves {percent} % or less (1 SE) in the larger organs; "
            "the uncertainty of a dose is in the columns 90 % from and to."
        )
        words += " " + certain.format(percent=f"{100 * float(largest):.2g}")
    return [words, *_peak_skin(results.result)]


def _peak_skin(result: Result) -> list[str]:
    """Return the peak skin dose of the exposure and of the examination in words, where given."""
    whole = result.examination.peak_skin_dose if result.examination is not None else None
    lines = []
    for peak, text in (
        (result.peak_skin_dose, _("Peak skin dose over 1 cm2: {value} mGy.")),
        (whole, _("That of the whole examination: {value} mGy.")),
    ):
        if peak is None or peak.dose_mGy is None or (peak is whole and peak.events < 2):
            continue
        interval = _(" (90 % interval {low} to {high} mGy).")
        ends = None if peak.low_mGy is None else (peak.low_mGy, peak.high_mGy)
        lines.append(_with_interval(text.format(value=number(peak.dose_mGy)), ends, interval))
    return lines


def _counted(result: Result, doses: Mapping[str, float]) -> tuple[int, int]:
    """Return how many organs have a dose, and how many parts of these (lobes, chambers) have one.

    A part holds some of the voxels of another organ with a dose, or has its name and more; the
    body, which holds all of them, is none.
    """
    organs = [name for name in doses if name not in (BODY, BODY_REST)]
    atoms = {n: set(s.atoms) for n, s in result.structures.items() if n in organs}
    parts = [
        name
        for name in organs
        if any(name.startswith(f"{other}_") for other in organs)
        or any(atoms.get(name, {""}) < others for others in atoms.values())
    ]
    return len(organs) - len(parts), len(parts)


def _wed_interval(result: Result) -> str:
    if result.slices.cut_and_corrected:
        return _(" (90 % interval of the corrected mean {low} to {high} mm).")
    return _(" (90 % interval of the mean {low} to {high} mm).")


def _with_interval(text: str, ends: tuple[float, float] | None, interval: str) -> str:
    """Return a sentence with the interval of its value; without one as it is."""
    if ends is None:  # a result of version 0.1.0
        return text
    return text.rstrip(".") + interval.format(low=number(ends[0]), high=number(ends[1]))


def _dose_indices(result: Result) -> list[str]:
    """Return CTDIvol, DLP and effective dose in words, as far as they are known."""
    lines = []
    ctdivol = result.slices.ctdivol_mGy
    known = ctdivol[np.isfinite(ctdivol)]
    mean = float(known.mean()) if known.size else result.acquisition.ctdivol_mGy
    if mean is not None:
        phantom = result.acquisition.phantom_cm
        text = _("CTDIvol {value} mGy ({phantom} cm phantom).") if phantom else ""
        text = text or _("CTDIvol {value} mGy (phantom not known).")
        lines.append(text.format(value=number(mean), phantom=phantom))
    dlp = result.effective_dose.dlp
    if dlp is not None:
        text = _("DLP at least {value} mGy cm.") if dlp.lower_bound else _("DLP {value} mGy cm.")
        lines.append(text.format(value=number(dlp.value_mGy_cm)))
    if result.effective_dose.effective_dose_mSv is not None:
        lines.append(_effective_dose(result.effective_dose))
    elif refusals := [f for f in result.effective_dose.flags if f.severity == "refusal"]:
        reason = escape(_listed(_found(one) for one in refusals))
        lines.append(_("Effective dose is not given: {reason}.").format(reason=reason))
    if (by_organs := result.size_specific_effective_dose).value_mSv is not None:
        lines.append(_size_specific(by_organs))
    if result.uterus_dose is not None:
        lines.append(_uterus(result.uterus_dose))
    return lines


def _found(one: Flag) -> str:
    return FLAGS[one.code].found if one.code in FLAGS else one.message.rstrip(".")


def _uterus(uterus: UterusDose) -> str:
    """Return the dose of the uterus region with who must judge it, or why it is not given."""
    if uterus.high_mGy is None:
        reason = escape(_listed(_found(one) for one in uterus.flags))
        return _("The dose of the uterus region is not given: {reason}.").format(reason=reason)
    if uterus.dose_mGy is None:
        text = _("Uterus region below {high} mGy, {profile} mGy by the z-profile method")
    else:
        text = _(
            "Uterus region {value} mGy ({low} to {high} mGy), {profile} mGy by the z-profile method"
        )
    text += _("; a medical physicist must judge it.")
    return text.format(
        value=number(uterus.dose_mGy),
        low=number(uterus.low_mGy),
        high=number(uterus.high_mGy),
        profile=number(uterus.z_profile_mGy),
    )


def _listed(found: Iterable[str]) -> str:
    """Return what was found, each once, as parts of one sentence."""
    texts = dict.fromkeys(found)
    # Names such as CTDIvol and DLP keep their capitals.
    return "; ".join(t[:1].lower() + t[1:] if t[1:2].islower() else t for t in texts)


def _size_specific(effective: SizeSpecificEffectiveDose) -> str:
    """Return a known effective dose by organ doses with its interval and what it is."""
    if effective.low_mSv is None:
        text = _("Size-specific effective dose (ICRP 103) {value} mSv")
    else:
        text = _(
            "Size-specific effective dose (ICRP 103) {value} mSv (90 % interval {low} to {high} "
            "mSv)"
        )
    text += _(
        ", {share} % of the weights predicted: of a reference person of this size, not a personal "
        "risk."
    )
    return text.format(
        value=number(effective.value_mSv),
        low=number(effective.low_mSv),
        high=number(effective.high_mSv),
        share=round(100 * effective.predicted_share),
    )


def _effective_dose(effective: EffectiveDose) -> str:
    """Return a known effective dose with its range and what each of its flags found."""
    bound = effective.dlp is not None and effective.dlp.lower_bound
    if effective.relative_half_width is not None:  # a result of version 0.1.0
        text = (
            _("Effective dose at least {value} mSv (90 % interval {low} to {high} mSv)")
            if bound
            else _("Effective dose {value} mSv (90 % interval {low} to {high} mSv)")
        )
    elif bound:
        text = _(
            "Effective dose at least {value} mSv (at least {high} mSv by the highest published "
            "factor)"
        )
    elif effective.low_mSv == effective.high_mSv:
        text = _("Effective dose {value} mSv (the only published value)")
    else:
        text = _("Effective dose {value} mSv (published values {low} to {high} mSv)")
    words = text.format(
        value=number(effective.effective_dose_mSv),
        low=number(effective.low_mSv),
        high=number(effective.high_mSv),
    )
    words += _(", of a reference person, not of this patient")
    found = _listed(FLAGS[one.code].found for one in effective.flags if one.code in FLAGS)
    return f"{words}: {escape(found)}." if found else f"{words}."
