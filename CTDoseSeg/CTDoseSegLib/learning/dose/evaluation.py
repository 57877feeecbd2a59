"""Figures of the dose model on patients left out, with their confidence limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from .held import Held, conformal_by_fold, conformal_quantile
from .hidden_exposure import drawn_coverage
from .published_baseline import BaselineDose

SEEDS = tuple(range(10))
COVERAGE = 0.9
DRAWS = 1000
# Organ to held-out doses, one such table for each fold seed.
Seeds = Sequence[Mapping[str, Held]]


@dataclass(frozen=True)
class OrganErrors:
    """Errors of one organ over the patients left out, per cent of the label, means over seeds.

    An organ's dose is the mean over its interior slices. ``labelled`` compares with the label as it
    is, the air artefact included; ``tissue`` is the dose as it is given to a user, without it.
    ``low`` and ``high`` are 95 % confidence limits (bootstrap over patients). ``bias`` is the
    median of signed errors. The interval is that which a user gets: from the dose with the label's
    air term, divided by exp(`model_log_q90`), to the dose as given, times the same; `interval_low`
    and `interval_high` are its ends as factors on the dose as given (median over patients),
    `coverage_pct` is how many labels lie in the intervals made from the other folds and
    `interval_score_pct` their interval score (Gneiting and Raftery 2007: width, plus 20 times what
    the label lies outside; smaller is better). Those are for doses by effective mAs; ``ctdivol``
    stands for doses by CTDIvol, with labels without their hidden factor of exposure. ``crop`` is
    the change when the scan is cropped to the organ +- 10 mm.
    """

    region: str
    organ: str
    patients: int
    rows: int
    labelled_median_pct: float
    labelled_median_low_pct: float
    labelled_median_high_pct: float
    labelled_mean_pct: float
    bias_median_pct: float
    slice_mape_pct: float
    tissue_median_pct: float
    tissue_mean_pct: float
    coverage_pct: float
    interval_score_pct: float
    model_log_q90: float
    interval_low: float
    interval_high: float
    ctdivol_coverage_pct: float
    ctdivol_log_q90: float
    crop_mean_abs_pct: float
    crop_bias_pct: float

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the figures, as the CSV has them."""
        return tuple(f.name for f in fields(cls))


def organ_errors(region: str, seeds: Seeds, draws: np.ndarray) -> tuple[OrganErrors, ...]:
    """Return each organ's figures; `draws`, [draws, patients]: how often a patient is drawn."""
    return tuple(_organ(region, o, [seed[o] for seed in seeds], draws) for o in seeds[0])


def region_figures(seeds: Seeds, draws: np.ndarray) -> dict[str, float]:
    """Return a region's figures: means over its organs, confidence limits, coverage by kind."""
    figures: dict[str, float] = {}
    for name in ("error_pct", "given_error_pct"):
        key = "labelled" if name == "error_pct" else "tissue"
        medians = [median_over_organs(seed, name) for seed in seeds]
        low, high = limits(bootstrap(seeds, name, draws))
        figures |= {
            f"{key}_median_pct": float(np.mean(medians)),
            f"{key}_median_low_pct": low,
            f"{key}_median_high_pct": high,
            f"{key}_median_least_seed_pct": float(np.min(medians)),
            f"{key}_median_most_seed_pct": float(np.max(medians)),
            f"{key}_mean_pct": _over_all(seeds, lambda h, n=name: np.abs(getattr(h, n)).mean()),
        }
    by_ctdivol = limits(drawn_coverage(seeds, draws))
    return figures | {
        "bias_median_pct": _over_all(seeds, lambda h: np.median(h.error_pct)),
        "slice_mape_pct": _over_all(seeds, _slice_mape),
        "coverage_pct": _over_all(seeds, lambda h: 100 * h.covered.mean()),
        "ctdivol_coverage_pct": _over_all(seeds, lambda h: 100 * h.covered_ctdivol.mean()),
        "ctdivol_coverage_low_pct": by_ctdivol[0],
        "ctdivol_coverage_high_pct": by_ctdivol[1],
        "ctdivol_log_q90": _over_all(seeds, lambda h: conformal_quantile(h.log_outside_ctdivol)),
        **{
            f"coverage_{name}_pct": _over_all(seeds, lambda h, t=tertile: _in_tertile(h, t))
            for tertile, name in enumerate(("small", "middle", "large"))
        },
        **_end_coverage(seeds),
        "interval_score_pct": _over_all(seeds, lambda h: interval_score_pct(h).mean()),
        "crop_mean_abs_pct": _over_all(seeds, lambda h: 100 * np.abs(h.crop).mean()),
        "crop_bias_pct": _over_all(seeds, lambda h: 100 * h.crop.mean()),
        "crop_bias_worst_pct": max(
            (float(np.mean([100 * s[o].crop.mean() for s in seeds])) for o in seeds[0]), key=abs
        ),
    }


def draws_of(patients: int, seed: int = 0) -> np.ndarray:
    """Draw patients for the bootstrap: how often each is drawn, [DRAWS, patients]."""
    random = np.random.default_rng(seed)
    return random.multinomial(patients, np.full(patients, 1 / patients), size=DRAWS)


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile limits of bootstrap values."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def median_over_organs(held: Mapping[str, Held], name: str = "error_pct") -> float:
    """Return the primary figure: mean over organs of the median organ error."""
    return float(np.mean([np.median(np.abs(getattr(h, name))) for h in held.values()]))


def bootstrap(seeds: Seeds, name: str, draws: np.ndarray) -> np.ndarray:
    """Return the primary figure, mean over seeds, of each draw of patients."""
    return np.mean(
        [
            drawn_medians(np.abs(getattr(h, name)), draws[:, h.patient])
            for seed in seeds
            for h in seed.values()
        ],
        axis=0,
    )


def drawn_medians(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the medians of values of which each counts `times`, [draws, n]."""
    order = np.argsort(values)
    ranks = np.cumsum(times[:, order], axis=1)
    total = ranks[:, -1:]
    # The two middle ranks, alike where the number is odd; an empty draw gets the outermost.
    lower, upper = (
        np.minimum((ranks < rank).sum(axis=1), len(values) - 1)
        for rank in ((total + 1) // 2, total // 2 + 1)
    )
    ordered = values[order]
    return (ordered[lower] + ordered[upper]) / 2


def interval_score_pct(h: Held) -> np.ndarray:
    """Return the interval score of the 90 % interval, per cent of the label, [p]."""
    return winkler(h.label, h.low, h.high)


def winkler(label: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return width plus 2 / 0.1 times what the label lies outside, per cent of the label."""
    outside = np.maximum(low - label, 0.0) + np.maximum(label - high, 0.0)
    return 100 * (high - low + 2 / (1 - COVERAGE) * outside) / label


def baseline_figures(
    network: Sequence[BaselineDose], seed_0: Mapping[str, Held], draws: np.ndarray
) -> dict[str, float]:
    """Return the published network's figures, on the model's patients, folds and draws.

    Its organs and patients alone are compared: a long training may have done few of them. Its
    interval is conformal, made as the model's, from |ln(predicted / label)| of the other folds.
    """
    ours, theirs, scores = [], [], []
    drawn_ours, drawn_theirs, covered, widths = [], [], [], []
    for organ in sorted({d.organ for d in network}):
        rows = sorted((d for d in network if d.organ == organ), key=lambda d: d.patient)
        patient = np.array([d.patient for d in rows])
        same = np.isin(seed_0[organ].patient, patient)
        own = np.abs(seed_0[organ].error_pct[same])
        label, predicted = (np.array([getattr(d, n) for d in rows]) for n in _BASELINE_DOSES)
        error = np.abs(100 * (predicted / label - 1))
        ours.append((np.median(own), own.mean()))
        theirs.append((np.median(error), error.mean()))
        drawn_ours.append(drawn_medians(own, draws[:, patient]))
        drawn_theirs.append(drawn_medians(error, draws[:, patient]))
        fold = np.array([d.fold for d in rows])
        if len(np.unique(fold)) > 1:
            log = np.array([d.log_error for d in rows])
            center = label * np.exp(log)
            q = conformal_by_fold(np.abs(log), fold)
            low, high = center * np.exp(-q), center * np.exp(q)
            covered.append(100 * ((low <= label) & (label <= high)).mean())
            scores.append(winkler(label, low, high).mean())
            widths.append(winkler(*(v[same] for v in _bounds(seed_0[organ]))).mean())
    difference = np.mean(drawn_ours, axis=0) - np.mean(drawn_theirs, axis=0)
    low, high = limits(np.mean(drawn_theirs, axis=0))
    figures = {
        "organs": len(ours),
        "patients": len({d.patient for d in network}),
        "folds": len({d.fold for d in network}),
        "median_pct": float(np.mean([t[0] for t in theirs])),
        "median_low_pct": low,
        "median_high_pct": high,
        "mean_pct": float(np.mean([t[1] for t in theirs])),
        "model_median_pct": float(np.mean([o[0] for o in ours])),
        "difference_pct": float(np.mean([o[0] - t[0] for o, t in zip(ours, theirs, strict=True)])),
    }
    figures["difference_low_pct"], figures["difference_high_pct"] = limits(difference)
    if covered:
        figures["coverage_pct"] = float(np.mean(covered))
        figures["interval_score_pct"] = float(np.mean(scores))
        figures["model_interval_score_pct"] = float(np.mean(widths))
    return figures


_BASELINE_DOSES = ("label_mGy", "predicted_mGy")


def _bounds(h: Held) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return h.label, h.low, h.high


def _organ(region: str, organ: str, seeds: Sequence[Held], draws: np.ndarray) -> OrganErrors:
    def mean(figure) -> float:
        return float(np.mean([figure(h) for h in seeds]))

    drawn = [drawn_medians(np.abs(h.error_pct), draws[:, h.patient]) for h in seeds]
    low, high = limits(np.mean(drawn, axis=0))
    quantile = mean(lambda h: conformal_quantile(h.log_outside))
    air = mean(lambda h: np.median(np.minimum(np.log(h.labelled / h.given), 0.0)))
    return OrganErrors(
        region=region,
        organ=organ,
        patients=len(seeds[0].label),
        rows=int(seeds[0].slices.sum()),
        labelled_median_pct=mean(lambda h: np.median(np.abs(h.error_pct))),
        labelled_median_low_pct=low,
        labelled_median_high_pct=high,
        labelled_mean_pct=mean(lambda h: np.mean(np.abs(h.error_pct))),
        bias_median_pct=mean(lambda h: np.median(h.error_pct)),
        slice_mape_pct=mean(_slice_mape),
        tissue_median_pct=mean(lambda h: np.median(np.abs(h.given_error_pct))),
        tissue_mean_pct=mean(lambda h: np.mean(np.abs(h.given_error_pct))),
        coverage_pct=mean(lambda h: 100 * h.covered.mean()),
        interval_score_pct=mean(lambda h: interval_score_pct(h).mean()),
        model_log_q90=quantile,
        interval_low=float(np.exp(air - quantile)),
        interval_high=float(np.exp(quantile)),
        ctdivol_coverage_pct=mean(lambda h: 100 * h.covered_ctdivol.mean()),
        ctdivol_log_q90=mean(lambda h: conformal_quantile(h.log_outside_ctdivol)),
        crop_mean_abs_pct=mean(lambda h: 100 * np.abs(h.crop).mean()),
        crop_bias_pct=mean(lambda h: 100 * h.crop.mean()),
    )


def _over_all(seeds: Seeds, figure) -> float:
    """Return the mean over seeds and organs."""
    return float(np.mean([figure(h) for seed in seeds for h in seed.values()]))


def _slice_mape(h: Held) -> float:
    return float(np.average(h.slice_error_pct, weights=h.slices))


def _in_tertile(h: Held, tertile: int) -> float:
    edges = np.quantile(h.wed_mm, (1 / 3, 2 / 3))
    return float(100 * h.covered[np.digitize(h.wed_mm, edges) == tertile].mean())


def _end_coverage(seeds: Seeds) -> dict[str, float]:
    """Return the coverage of the mean dose near an end, by what is known of the range.

    ``own`` takes a conformal quantile from the ends of the other folds' patients, the range known:
    what an interval for such slices would have to be.
    """
    coverages: dict[str, list[float]] = {"unknown": [], "known": [], "own": []}
    for h in (h for seed in seeds for h in seed.values()):
        near_end = np.isfinite(h.end_label) & (h.end_label > 0)
        if near_end.sum() < 20:
            continue
        label, q = h.end_label[near_end], h.log_q[near_end]
        given, labelled = h.end_given_in_beam[near_end], h.end_labelled_in_beam[near_end]
        for kind, low, high in (
            ("unknown", h.end_labelled[near_end], h.end_given[near_end]),
            ("known", labelled, given),
        ):
            inside = (low * np.exp(-q) <= label) & (label <= high * np.exp(q))
            coverages[kind].append(float(100 * inside.mean()))
        above = np.log(label / given)
        outside = np.maximum(above, np.minimum(np.log(labelled / given), 0.0) - above)
        own = conformal_by_fold(outside, h.fold[near_end])
        coverages["own"].append(float(100 * (outside <= own).mean()))
    return {
        f"coverage_ends_range_{kind}_pct": float(np.mean(values))
        for kind, values in coverages.items()
        if values
    }
