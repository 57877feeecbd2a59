"""How well the law does where the beam is known, and where a generic one stands in for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ...dosimetry.applicability import ADULT_YEARS
from ...dosimetry.fast.beam_terms import BeamTerms, beam_terms
from ...dosimetry.montecarlo.beams import GENERIC_BODY, GENERIC_HEAD, BeamModel, model_of
from ...measurement.ctdi_per_mas import K90
from .conformal import held_quantiles
from .fit import Held
from .model import Trained
from .organs import REGIONS, bodies_of, with_marrow
from .rows import rows_of
from .scores import ALL, TARGETS, Score, score_of
from .table import LearnedBody

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


def score_beams(trained: Trained, bodies: Sequence[LearnedBody]) -> Iterator[Score]:
    """Yield the scores of both, by kind of body and age.

    A scan has one of the beams, at one of four voltages. Where it is known the law has its terms;
    where it is not it has those of the generic beam at the same voltage, and the interval holds
    the beam's component, as that of a dose does. CTDIvol is that of the phantom that goes with the
    filter: 16 cm for heads.
    """
    found: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for region in REGIONS:
        own = [with_marrow(b) for b in bodies if b.about["region"] == bodies_of(region)]
        head = region == "head"
        kind = "head and neck" if head else "trunk"
        for organ in trained.regions[region].organs:
            if organ not in TARGETS:
                continue
            held = trained.held[region, organ]
            away = held.errors
            rows = rows_of(own, organ)
            number = np.array([row.body for row in rows])
            age = np.array([own[row.body].about["age_y"] for row in rows])
            terms = np.array([own[row.body].beam_terms[row.organ] for row in rows])
            noise = np.array([row.noise for row in rows])
            fold = number % 10
            quantile = held_quantiles(np.abs(away), age < ADULT_YEARS, fold)
            for known, error, half in _errors(head, held, terms, quantile):
                stratum = f"{kind}, beam {'known' if known else 'unknown'}"
                values = (error, noise, np.abs(error) <= half, number, age)
                found.setdefault(stratum, []).append(values)
    for stratum, parts in found.items():
        error, noise, inside, number, age = (
            np.concatenate([part[n] for part in parts]) for n in range(5)
        )
        for who, which in (("adults", age >= ADULT_YEARS), ("children", age < ADULT_YEARS)):
            if which.any():
                columns = (array[which] for array in (error, noise, inside, number))
                yield score_of(f"{stratum}, {who}", ALL, *columns)


def _errors(
    head: bool, held: Held, terms: np.ndarray, quantile: np.ndarray
) -> Iterator[tuple[bool, np.ndarray, np.ndarray]]:
    """Yield whether the beam is known, ln(law / simulated) and the interval's half width, [row]."""
    away = held.errors

    for voltage in VOLTAGES_KV:
        stand_in = beam_terms(generic(head), voltage)
        law = held.beam @ stand_in.values + log_displayed(stand_in, head)
        others = [beam_terms(one, voltage) for one in generic(head).variants()]
        changes = [held.beam @ o.values + log_displayed(o, head) - law for o in others]
        sd = np.sqrt(((changes[1] - changes[0]) / 2) ** 2 + np.mean(np.square(changes[2:]), axis=0))
        for beam in (beam_terms(one, voltage) for one in beams_of(head)):
            simulated = terms @ beam.values + log_displayed(beam, head)
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
