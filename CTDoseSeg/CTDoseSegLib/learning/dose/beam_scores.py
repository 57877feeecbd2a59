"""How well the law does where the beam is known, and where a generic one stands in for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...dosimetry.fast.beam_terms import BeamTerms, beam_terms
from ...dosimetry.montecarlo.beams import GENERIC_BODY, GENERIC_HEAD, BeamModel, model_of
from ...measurement.ctdi_per_mas import K90
from .fit import Held
from .model import Trained
from .scores import TARGETS, Score, by_age, joined_columns, kind_of

VOLTAGES_KV = (80.0, 100.0, 120.0, 140.0)
# Filters that scans of the region may have; generic ones also with these half-value layers, mm Al.
_BODY = (
    *("GE VCT-like large", "GE VCT-like medium", "Siemens Definition Flash W3"),
    *("Siemens Force W3", "Canon Aquilion ONE L", "Canon Aquilion ONE M"),
)
_HEAD = (
    *("GE VCT-like small", "Siemens Definition Flash W2", "Siemens Force W2"),
    "Canon Aquilion ONE S",
)
_HVL_MM = (6.5, 9.0)


def score_beams(trained: Trained) -> Iterator[Score]:
    """Yield the scores of both, by kind of body and age.

    A scan has one of the beams, at one of four voltages. Where it is known the law has its terms;
    where it is not it has those of the generic beam at the same voltage, and the interval holds
    the beam's component, as that of a dose does. CTDIvol is that of the phantom that goes with the
    filter: 16 cm for heads.
    """
    found: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for (region, organ), held in trained.held.items():
        if organ not in TARGETS:
            continue
        for known, error, half in _errors(region == "head", held):
            stratum = f"{kind_of(region)}, beam {'known' if known else 'unknown'}"
            columns = (held.age_y, error, held.noise, np.abs(error) <= half, held.body)
            found.setdefault(stratum, []).append(columns)
    for stratum, parts in found.items():
        yield from by_age(stratum, *joined_columns(parts))


def _errors(head: bool, held: Held) -> Iterator[tuple[bool, np.ndarray, np.ndarray]]:
    """Yield whether the beam is known, ln(law / simulated) and the interval's half width, [row]."""
    away, quantile = held.errors, held.quantile

    for voltage in VOLTAGES_KV:
        stand_in = beam_terms(generic(head), voltage)
        law = held.beam @ stand_in.values + log_displayed(stand_in, head)
        others = [beam_terms(one, voltage) for one in generic(head).variants()]
        changes = [held.beam @ o.values + log_displayed(o, head) - law for o in others]
        sd = np.sqrt(((changes[1] - changes[0]) / 2) ** 2 + np.mean(np.square(changes[2:]), axis=0))
        for beam in (beam_terms(one, voltage) for one in beams_of(head)):
            simulated = held.simulated_beam @ beam.values + log_displayed(beam, head)
            own = held.beam @ beam.values + log_displayed(beam, head)
            yield True, away + own - simulated, quantile
            yield False, away + law - simulated, np.hypot(quantile, K90 * sd)


def log_displayed(beam: BeamTerms, head: bool) -> float:
    """Return ln(CTDIvol of the 32 cm phantom / that which is displayed): of 16 cm for heads."""
    return math.log(beam.to_32_cm(16 if head else 32))


def generic(head: bool) -> BeamModel:
    """Return the beam that stands in for one that is not known."""
    return model_of(GENERIC_HEAD if head else GENERIC_BODY)


def beams_of(head: bool) -> Iterator[BeamModel]:
    """Yield the beams that scans may have."""
    for name in _HEAD if head else _BODY:
        yield model_of(name)
    for hvl_mm in _HVL_MM:
        yield replace(generic(head), hvl_mm=hvl_mm)
