"""The panel's summary of a result: size, dose indices and SSDE in words, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ...ct.organs import spoken_name
from ...flags import FLAGS
from ...reporting.confidence import confidence_of, whole_organs
from ...reporting.numbers import number
from ...segmentation.labelmap import BODY, BODY_REST, engine_in_words
from .library_words import translated

MOST_NAMED = 6
# Scaling basis of organ doses to its name.
_BASES = {"ctdivol": "CTDIvol", "mas": "mAs"}

if TYPE_CHECKING:
    from ...dosimetry.effective_dose import EffectiveDose
    from ...dosimetry.size_specific_effective_dose import SizeSpecificEffectiveDose
    from ...dosimetry.uterus_dose import UterusDose
    from ...flags import Flag
    from ...result import Result
    from ..nodes.results import Results


def summary(results: Results) -> str:
    """Return the key numbers of a result as a table, the answer first; rich text."""
    rows = "".join(
        f"<tr><td style='padding-right: 10px'>{label}</td><td>{text}</td></tr>"
        for label, text in key_numbers(results)
    )
    return f"<table>{rows}</table>"


def key_numbers(results: Results) -> list[tuple[str, str]]:
    """Return what a dose reader looks for first: (name, value with its interval); rich text."""
    result = results.result
    rows = [(f"<b>{label}</b>", f"<b>{text}</b>") for label, text in _indices(result)]
    rows += _effective_doses(result)
    rows.append((_("Organ doses"), _organ_doses(results)))
    rows += _others(results)
    word, below, above, reason = confidence_of(result)
    if word:
        text = _("{word}: 90 % interval from {below} % below to {above} % above; {reason}")
        text = text.format(
            word=f"<b>{translated(word)}</b>",
            below=round(100 * below),
            above=round(100 * above),
            reason=escape(translated(reason)),
        )
        rows.append((_("Confidence"), text))
    rows.append((_("Size"), _size(result)))
    rows.append((_("Drawn by"), escape(engine_in_words(result.segmentation.engine))))
    return rows


def _organ_doses(results: Results) -> str:
    """Return how many organs have a dose, by what, and which have none."""
    result = results.result
    n_whole, n_parts = _counted(result)
    if not n_whole:
        return _("No organ has a dose.")
    text = _("{n} organs, and {parts} of their parts") if n_parts else _("{n} organs")
    text = text.format(n=n_whole, parts=n_parts)
    bases = dict.fromkeys(o.route for o in result.organs if o.dose_mGy is not None)
    if results.simulated:
        text += ", " + _simulation(result)
    elif known := [_BASES[base] for base in bases if base in _BASES]:
        text += ", " + _("by the fast law, scaled by {bases}").format(bases=" / ".join(known))
    without = [spoken_name(o.organ) for o in result.organs if o.dose_mGy is None]
    if without:
        names = ", ".join(without[:MOST_NAMED])
        if (more := len(without) - MOST_NAMED) > 0:
            names += _(" and {n} more").format(n=more)
        text += "; " + _("without a dose: {organs}").format(organs=escape(names))
    return text


def _size(result: Result) -> str:
    """Return WED with its interval."""
    size = result.size.summary
    if not math.isfinite(size.mean_mm):
        return _("WED is not known")
    text = _("WED {mean:.0f} mm, {low:.0f} to {high:.0f} mm along the body")
    text = text.format(low=size.low_mm, high=size.high_mm, mean=size.mean_mm)
    return _with_interval(text, result.size.mean_interval_mm, _wed_interval(result))


def rerun_advised(results: Results | None) -> str:
    """Return for which organs the simulation should be run again, as a sentence; else empty."""
    organs = results.result.organs if results is not None else ()
    names = [o.organ for o in organs if any(f.code == "monte_carlo_rerun" for f in o.flags)]
    if not names:
        return ""
    return " " + _("Rerun advised (press Simulate): {organs}.").format(organs=", ".join(names))


def _simulation(result: Result) -> str:
    """Return what simulated the doses."""
    card = result.dose_model
    if "histories" not in card:
        return _("by Monte Carlo")
    words = _("by {engine}: {millions:.1f} million photons, beam {beam}").format(
        engine="<b>" + _("Monte Carlo") + "</b>",
        millions=card["histories"] / 1e6,
        beam=escape(str(card.get("beam", ""))),
    )
    if largest := card.get("largest_relative_se"):
        certain = _("1 SE by the photons alone {percent} % or less in the larger organs")
        words += "; " + certain.format(percent=f"{100 * float(largest):.2g}")
    return words


def _peak_skin(result: Result) -> list[tuple[str, str]]:
    """Return the peak skin dose of the exposure and of the examination, where given."""
    whole = result.examination.peak_skin_dose if result.examination is not None else None
    rows = []
    for peak, label in (
        (result.peak_skin_dose, _("Peak skin dose")),
        (whole, _("... of the examination")),
    ):
        if peak is None or peak.dose_mGy is None or (peak is whole and peak.events < 2):
            continue
        ends = None if peak.low_mGy is None else (peak.low_mGy, peak.high_mGy)
        text = _("{value} mGy over 1 cm2").format(value=number(peak.dose_mGy))
        rows.append((label, _with_interval(text, ends, _mGy_interval())))
    return rows


def _counted(result: Result) -> tuple[int, int]:
    """Return how many organs have a dose, and how many parts of these have one."""
    given = {o.organ for o in result.organs if o.dose_mGy is not None} - {BODY, BODY_REST}
    whole = whole_organs(result)
    return len(whole), len(given) - len(whole)


def _wed_interval(result: Result) -> str:
    if result.slices.cut_and_corrected:
        return _(" (90 % interval of the corrected mean {low} to {high} mm)")
    return _(" (90 % interval of the mean {low} to {high} mm)")


def _mGy_interval() -> str:
    return _(" (90 % interval {low} to {high} mGy)")


def _with_interval(text: str, ends: tuple[float, float] | None, interval: str) -> str:
    """Return a value with its interval; without one as it is."""
    if ends is None:  # a result of version 0.1.0
        return text
    return text + interval.format(low=number(ends[0]), high=number(ends[1]))


def _indices(result: Result) -> list[tuple[str, str]]:
    """Return CTDIvol, DLP and SSDE, as far as they are known."""
    rows = []
    mean = result.mean_ctdivol_mGy
    text = _("not known")
    if mean is not None:
        phantom = result.acquisition.phantom_cm
        text = _("{value} mGy ({phantom} cm phantom)") if phantom else ""
        text = text or _("{value} mGy (phantom not known)")
        text = text.format(value=number(mean), phantom=phantom)
    rows.append(("CTDIvol", text))
    dlp = result.effective_dose.dlp
    if dlp is not None:
        text = _("at least {value} mGy cm") if dlp.lower_bound else _("{value} mGy cm")
        rows.append(("DLP", text.format(value=number(dlp.value_mGy_cm))))
    if math.isfinite(result.ssde.mean_mGy):
        text = _("{value} mGy").format(value=number(result.ssde.mean_mGy))
        rows.append(("SSDE", _with_interval(text, result.ssde.mean_interval_mGy, _mGy_interval())))
    return rows


def _effective_doses(result: Result) -> list[tuple[str, str]]:
    """Return the effective dose by k x DLP and that by organ doses, or why there is none."""
    rows = []
    if result.effective_dose.effective_dose_mSv is not None:
        rows.append((f"<b>{_('Effective dose')}</b>", _effective_dose(result.effective_dose)))
    elif refusals := [f for f in result.effective_dose.flags if f.severity == "refusal"]:
        reason = escape(_listed(_found(one) for one in refusals))
        rows.append((_("Effective dose"), _("not given: {reason}").format(reason=reason)))
    if (by_organs := result.size_specific_effective_dose).value_mSv is not None:
        rows.append((_("... size-specific"), _size_specific(by_organs)))
    return rows


def _others(results: Results) -> list[tuple[str, str]]:
    """Return what only some results have: uterus, peak skin dose, other events."""
    result = results.result
    rows = []
    if result.uterus_dose is not None:
        rows.append((_("Uterus region"), _uterus(result.uterus_dose)))
    if results.simulated:
        rows += _peak_skin(result)
    examination = result.examination
    if examination is not None and len(examination.events) > 1:
        counted = sum(event.in_total for event in examination.events)
        text = _("organ doses of {n} of {all} events are added up in the files")
        text = text.format(n=counted, all=len(examination.events))
        if examination.dlp_total_mGy_cm is not None:
            stated = number(examination.dlp_total_mGy_cm)
            text = _("DLP {value} mGy cm as stated; ").format(value=stated) + text
        rows.append((_("Examination"), text))
    return rows


def _found(one: Flag) -> str:
    return FLAGS[one.code].found if one.code in FLAGS else one.message.rstrip(".")


def _uterus(uterus: UterusDose) -> str:
    """Return the dose of the uterus region with who must judge it, or why it is not given."""
    if uterus.high_mGy is None:
        reason = escape(_listed(_found(one) for one in uterus.flags))
        return _("not given: {reason}").format(reason=reason)
    if uterus.dose_mGy is None:
        text = _("below {high} mGy, {profile} mGy by the z-profile method")
    else:
        text = _("{value} mGy ({low} to {high} mGy), {profile} mGy by the z-profile method")
    text += _("; a medical physicist must judge it")
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
        text = _("{value} mSv (ICRP 103)")
    else:
        text = _("{value} mSv (ICRP 103, 90 % interval {low} to {high} mSv)")
    text += _(
        ", {share} % of the weights predicted: of a reference person of this size, not a personal "
        "risk"
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
        ends = _("90 % interval {low} to {high} mSv")
    elif bound:
        ends = _("at least {high} mSv by the highest published factor")
    elif effective.low_mSv == effective.high_mSv:
        ends = _("the only published value")
    else:
        ends = _("published values {low} to {high} mSv")
    text = _("<b>at least {value} mSv</b>") if bound else _("<b>{value} mSv</b>")
    words = f"{text} ({ends})".format(
        value=number(effective.effective_dose_mSv),
        low=number(effective.low_mSv),
        high=number(effective.high_mSv),
    )
    words += _(", of a reference person, not of this patient")
    found = _listed(FLAGS[one.code].found for one in effective.flags if one.code in FLAGS)
    return f"{words}: {escape(found)}" if found else words
