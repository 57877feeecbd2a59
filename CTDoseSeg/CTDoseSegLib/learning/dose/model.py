"""All organs of the law, fitted to the table of simulated bodies, and the model's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from ...dosimetry.fast.kernel import LENGTHS_MM, SIDES, Kernel
from ...dosimetry.fast.model import (
    BODIES,
    SCHEMA_VERSION,
    TERMS,
    OrganModel,
    RegionModel,
    Span,
)
from ...tasks.progress import Progress
from .conformal import conformal_quantile, quantiles_by_age
from .fit import Held, OrganFit, cross_fitted, fit_organ, tissue_of
from .organs import LEAST_BODIES, REGIONS, bodies_of, with_marrow
from .rows import SIZE_KERNELS, rows_of
from .table import LearnedBody

MODEL_NAME = "CTDoseSeg organ doses, fitted to simulations"
MODEL_VERSION = "3.0"
# Anatomy of the bodies unlike that of patients, by judgement: too few real scans carry an organ to
# tell.
BODY_MODEL_LOG = 0.10
# Organs that no scan of the bodies leaves wholly outside (skin, muscle, marrow), by judgement.
UNKNOWN_SCATTER_LOG = 0.4


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Trained:
    """A fitted law with what its card needs, by region and organ.

    Attributes
    ----------
    held
        What laws say of bodies that they did not see.
    tissue_log
        ln(dose to the organ's own tissue / dose to soft tissue), which the table holds.
    not_predicted
        Organ to the reason.
    """

    regions: dict[str, RegionModel]
    held: dict[tuple[str, str], Held]
    tissue_log: dict[tuple[str, str], float]
    not_predicted: dict[str, str]


def train_law(
    bodies: Sequence[LearnedBody],
    *,
    progress: Progress | None = None,
) -> Trained:
    """Fit every organ of every region.

    Parameters
    ----------
    bodies
        Of the table, real scans left out.
    progress
        Receives progress; can be cancelled.
    """
    progress = progress or Progress()
    regions, of_held, tissues, missing = {}, {}, {}, {}
    for number, (region, organs) in enumerate(REGIONS.items()):
        progress.update(number / len(REGIONS), f"fitting the {region}")
        own = [with_marrow(b) for b in bodies if b.about["region"] == bodies_of(region)]
        models = {}
        for organ in organs:
            rows = rows_of(own, organ)
            if len(rows) < LEAST_BODIES:
                missing[organ] = f"{len(rows)} simulated bodies have it, fewer than {LEAST_BODIES}"
                continue
            held = cross_fitted(own, rows)
            tissue = tissue_of(own, rows)
            fit = fit_organ(own, rows, tissue)
            wed = np.array([row.wed_mm for row in rows])
            models[organ] = _model(organ, region, fit, held, wed)
            of_held[region, organ] = held
            tissues[region, organ] = float(tissue[0])
        regions[region] = RegionModel(region, SIZE_KERNELS, models)
    known = {organ for region in regions.values() for organ in region.organs}
    missing = {organ: why for organ, why in missing.items() if organ not in known}
    return Trained(regions, of_held, tissues, missing)


def _model(
    organ: str,
    region: str,
    fit: OrganFit,
    held: Held,
    wed_mm: np.ndarray,
) -> OrganModel:
    low, high = (float(v) for v in np.percentile(wed_mm, (5, 95)))
    return OrganModel(
        organ=organ,
        region=region,
        kernels=fit.kernels,
        coefficients=dict(zip(TERMS, map(float, fit.coefficients), strict=True)),
        beam=fit.beam,
        beam_by_wed=fit.beam_by_wed,
        wed_cap_mm=fit.cap_mm,
        usual_wed_mm=Span(low, high),
        bodies_wed_mm=Span(float(wed_mm.min()), float(wed_mm.max())),
        law_log_q90=quantiles_by_age(np.abs(held.errors), held.child),
        scatter_log_q90=_of_scatter(held),
        body_model_log=BODY_MODEL_LOG,
        counts={"bodies": len(held.errors)},
    )


def _of_scatter(held: Held) -> float:
    few = len(held.scatter) < LEAST_BODIES
    return UNKNOWN_SCATTER_LOG if few else conformal_quantile(np.abs(held.scatter))


def model_json(trained: Trained, card: Mapping[str, Any]) -> bytes:
    """Return the model file: JSON, organs sorted, six significant digits."""
    data = {
        "schema_version": SCHEMA_VERSION,
        "kernel_lengths_mm": list(LENGTHS_MM),
        "card": {"name": MODEL_NAME, "version": MODEL_VERSION, **card},
        "not_predicted": trained.not_predicted,
        "regions": {region: _region_json(model) for region, model in trained.regions.items()},
    }
    text = json.dumps(_rounded(data), indent=1, ensure_ascii=True, allow_nan=False)
    return f"{text}\n".encode("ascii")


def _region_json(model: RegionModel) -> dict[str, Any]:
    return {
        "size_kernels": [_kernel_json(kernel) for kernel in model.size_kernels],
        "organs": {name: _organ_json(organ) for name, organ in model.organs.items()},
    }


def _kernel_json(kernel: Kernel) -> dict[str, Any]:
    return {
        "form": "sum of two-sided exponentials",
        "weights": [weight for weight, _ in kernel],
        "lengths_mm": [length for _, length in kernel],
    }


def _organ_json(organ: OrganModel) -> dict[str, Any]:
    def span(one: Span) -> list[float]:
        return [one.low, one.high]

    def sides(weights: np.ndarray) -> dict[str, list[float]]:
        return {s: one.tolist() for s, one in zip(SIDES, np.split(weights, 2), strict=True)}

    return {
        "kernels": {b: sides(one) for b, one in zip(BODIES, organ.kernels, strict=True)},
        "coefficients": dict(organ.coefficients),
        "beam": dict(zip(BEAM_TERMS, map(float, organ.beam), strict=True)),
        "beam_by_wed": dict(zip(BEAM_TERMS, map(float, organ.beam_by_wed), strict=True)),
        "wed_cap_mm": span(organ.wed_cap_mm),
        "usual_wed_mm": span(organ.usual_wed_mm),
        "bodies_wed_mm": span(organ.bodies_wed_mm),
        "law_log_q90": dict(organ.law_log_q90),
        "scatter_log_q90": organ.scatter_log_q90,
        "body_model_log": organ.body_model_log,
        "counts": dict(organ.counts),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
