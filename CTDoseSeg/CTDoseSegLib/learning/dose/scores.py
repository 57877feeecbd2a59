"""How well the law does on bodies that it did not see, and on real CT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ...dosimetry.applicability import ADULT_YEARS
from ...dosimetry.fast.model import OrganModel
from .fit import fit_kernels
from .model import Trained
from .organs import REGIONS
from .rows import Row, own_range, rows_of
from .table import LearnedBody

ALL = "all"
# Organs of a scan's own range; a paired organ counts once, as the pair.
TARGETS = (
    *("lung", "heart", "esophagus", "thymus", "liver", "spleen", "stomach", "pancreas", "kidney"),
    *("gallbladder", "adrenal_gland", "small_bowel", "colon", "urinary_bladder", "brain"),
    *("salivary_glands", "tongue", "aorta", "skeletal_muscle", "skin", "red_marrow"),
)
_DRAWS = 1000
_LEAST_REAL = 4


@dataclass(frozen=True)
class Score:
    """Errors of the law against simulations, of bodies that it did not see.

    Attributes
    ----------
    stratum
        Which bodies and scans.
    organ
        Or ``all``.
    number
        Of bodies, or of bodies and organs.
    median_pct
        Median of |error|, the simulation's noise taken off.
    bias_pct
        Median error.
    p90_pct
        90th percentile of |error|.
    coverage_pct
        Doses inside the law's 90 % interval; NaN where none is judged.
    """

    FIELDS: ClassVar = (
        *("stratum", "organ", "number", "median_pct", "bias_pct", "p90_pct", "coverage_pct"),
    )

    stratum: str
    organ: str
    number: int
    median_pct: float
    bias_pct: float
    p90_pct: float
    coverage_pct: float = math.nan
    coverage_ends_pct: tuple[float, float] = field(default=(math.nan, math.nan))

    def row(self) -> list[str]:
        """Return the cells of a table, in the order of `FIELDS`."""
        values = [getattr(self, name) for name in self.FIELDS]
        return [_cell(value) for value in values]

    def line(self) -> str:
        """Return a sentence to read."""
        held = ""
        if not math.isnan(self.coverage_pct):
            held = f", the 90 % interval holds {self.coverage_pct:.0f} %"
        return f"{self.stratum}: median error {self.median_pct:.1f} %{held} ({self.number} doses)"


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.2f}"


def score_of(
    stratum: str,
    organ: str,
    away: np.ndarray,
    noise: np.ndarray,
    inside: np.ndarray | None = None,
    body: np.ndarray | None = None,
) -> Score:
    """Return a score; the median of |error| without the noise that has `noise` as its SD."""
    spread = float(np.median(np.abs(away)))
    # Of two independent errors the squares of the medians add up, as those of normal ones do.
    own = math.sqrt(max(spread**2 - (0.6745 * float(np.median(noise))) ** 2, 0.0))
    held, ends = math.nan, (math.nan, math.nan)
    if inside is not None and body is not None:
        held, ends = 100 * float(inside.mean()), _bootstrap(inside, body)
    return Score(
        stratum, organ, len(away), 100 * math.expm1(own), 100 * math.expm1(float(np.median(away))),
        100 * math.expm1(float(np.percentile(np.abs(away), 90))), held, ends,
    )  # fmt: skip


def _bootstrap(inside: np.ndarray, body: np.ndarray) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the coverage, bodies drawn with repetition."""
    rng = np.random.default_rng(1)
    bodies = np.unique(body)
    hits = np.array([inside[body == one].sum() for one in bodies])
    counts = np.array([(body == one).sum() for one in bodies])
    drawn = rng.integers(len(bodies), size=(_DRAWS, len(bodies)))
    share = 100 * hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(share, (2.5, 97.5))
    return float(low), float(high)


def by_age(
    stratum: str,
    age_y: np.ndarray,
    away: np.ndarray,
    noise: np.ndarray,
    inside: np.ndarray | None = None,
    body: np.ndarray | None = None,
) -> Iterator[Score]:
    """Yield the score of adults and that of children, as `score_of` makes them."""
    for who, which in (("adults", age_y >= ADULT_YEARS), ("children", age_y < ADULT_YEARS)):
        if which.any():
            own = (None if one is None else one[which] for one in (inside, body))
            yield score_of(f"{stratum}, {who}", ALL, away[which], noise[which], *own)


def kind_of(region: str) -> str:
    """Return the kind of bodies that a region's organs are learned on, in words."""
    return "head and neck" if region == "head" else "trunk"


def score_law(trained: Trained) -> list[Score]:
    """Return errors by organ, and all together by stratum."""
    scores: list[Score] = []
    pooled: dict[str, list[tuple[np.ndarray, ...]]] = {}
    for (region, organ), held in trained.held.items():
        inside = np.abs(held.errors) <= held.quantile
        scores.append(score_of(region, organ, held.errors, held.noise, inside, held.body))
        if organ in TARGETS:
            columns = (held.age_y, held.errors, held.noise, inside, held.body)
            pooled.setdefault(kind_of(region), []).append(columns)
    joined = {kind: joined_columns(parts) for kind, parts in pooled.items()}
    for kind, together in joined.items():
        scores += by_age(kind, *together)
    # Heads and trunks have numbers of their own.
    apart = [(*c[1:4], c[4] + 10_000 * n) for n, c in enumerate(joined.values())]
    return [*scores, score_of("all bodies", ALL, *joined_columns(apart))]


def joined_columns(parts: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Return columns of which each is that of all parts one after another."""
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def score_parts(trained: Trained) -> Iterator[Score]:
    """Yield errors where an organ is partly irradiated, and where it gets scatter alone.

    What the law is off by for the whole organ in this body is taken out: the rest is the kernel's.
    """
    found: dict[str, list[np.ndarray]] = {}
    for (region, _), held in trained.held.items():
        if region != "trunk":  # skin, muscle and marrow end with the images
            kind = kind_of(region)
            found.setdefault(f"{kind}, partly irradiated", []).append(held.parts)
            found.setdefault(f"{kind}, scatter alone, up to 60 mm", []).append(held.scatter)
    for name, away in found.items():
        yield score_of(name, ALL, np.concatenate(away), np.zeros(1))


def score_real(trained: Trained, real: Sequence[LearnedBody]) -> list[Score]:
    """Return errors of the law on real CT, by organ over scans."""
    scores = []
    everything: list[float] = []
    for region in ("chest", "abdomen", "pelvis"):
        shared = trained.regions[region]
        for organ, model in shared.organs.items():
            rows = rows_of(real, organ)
            if not rows:
                continue
            tissue = trained.tissue_log[region, organ]
            away = np.array([_away(row, model) - tissue for row in rows])
            scores.append(score_of("real CT", organ, away, np.array([r.noise for r in rows])))
            everything += list(away)
    if everything:
        scores.append(score_of("real CT", ALL, np.array(everything), np.zeros(1)))
    return scores


def score_reverse(bodies: Sequence[LearnedBody], real: Sequence[LearnedBody]) -> list[Score]:
    """Return errors of laws that real CT alone teaches, on the bodies of adults.

    By organ ln(dose) = a - b WED with the organ's kernel, of those that four scans or more carry;
    on bodies whose size at the organ is at most 20 mm outside the scans'.
    """
    everything: list[float] = []
    adults = [
        b for b in bodies if b.about["region"] != "head_neck" and b.about["age_y"] >= ADULT_YEARS
    ]
    for region in ("chest", "abdomen", "pelvis"):
        for organ in REGIONS[region]:
            taught, judged = rows_of(real, organ), rows_of(adults, organ)
            if organ not in TARGETS or len(taught) < _LEAST_REAL or not judged:
                continue
            kernels = fit_kernels(taught)
            size = np.array([row.wed_mm for row in taught])
            slope, start = np.polyfit(size, [_log_factor(row, kernels) for row in taught], 1)
            for row in judged:
                if size.min() - 20.0 <= row.wed_mm <= size.max() + 20.0:
                    law = start + min(slope, 0.0) * row.wed_mm
                    everything.append(law - _log_factor(row, kernels))
    away = np.array(everything)
    return [score_of("law of real CT, on bodies", ALL, away, np.zeros(1))] if everything else []


def _log_factor(row: Row, kernels: np.ndarray) -> float:
    """Return ln(simulated dose / CTDIvol as it reaches the organ) of a scan of the organ."""
    part = own_range(row)
    return math.log(row.dose(part) / (row.share @ row.reached(kernels, part)))


def _away(row: Row, model: OrganModel) -> float:
    """Return ln(dose by the law / simulated dose to soft tissue) of a scan of the organ."""
    part = own_range(row)
    factor = model.log_factor(row.sizes_mm, np.zeros(len(model.beam)))
    return math.log(row.law(model.kernels, factor, part) / row.dose(part))
