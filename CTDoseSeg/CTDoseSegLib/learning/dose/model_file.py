"""The dose model's file: JSON, the same bytes for the same model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...dosimetry.fast.kernel import Kernel
from ...dosimetry.fast.model import (
    NARROW,
    SCHEMA_VERSION,
    WIDE,
    OrganModel,
    RegionModel,
    Span,
)
from .arrays import RegionArrays
from .coefficients import NOT_PREDICTED
from .samples import KERNELS

MODEL_NAME = "CTDoseSeg organ doses, physical model"
MODEL_VERSION = "2.1"


def model_json(
    models: Mapping[str, RegionModel],
    arrays: Mapping[str, RegionArrays],
    figures: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
) -> bytes:
    """Return the model file: JSON, organs sorted, nine significant digits, one number a line."""
    data = {
        "schema_version": SCHEMA_VERSION,
        "card": {
            "name": MODEL_NAME,
            "version": MODEL_VERSION,
            "training_data": "training arrays of Tzanis and Damilakis 2024 (Apache-2.0)",
            "fold_seeds": list(seeds),
            "patients": {region: len(a.patients) for region, a in arrays.items()},
            "figures": {region: dict(values) for region, values in figures.items()},
        },
        "not_predicted": NOT_PREDICTED,
        "regions": {region: _region_json(model) for region, model in models.items()},
    }
    return (json.dumps(_rounded(data), indent=1, ensure_ascii=True) + "\n").encode("ascii")


def _region_json(model: RegionModel) -> dict[str, Any]:
    return {
        "kernels": {name: _kernel_json(kernel) for name, kernel in KERNELS.items()},
        "size_kernels": [_kernel_json(kernel) for kernel in model.size_kernels],
        "ctdivol_per_mas": model.ctdivol_per_mas,
        "organs": {name: _organ_json(organ) for name, organ in sorted(model.organs.items())},
    }


def _kernel_json(kernel: Kernel) -> dict[str, Any]:
    return {
        "form": "sum of two-sided exponentials",
        "weights": [weight for weight, _ in kernel],
        "lengths_mm": [length for _, length in kernel],
    }


def _organ_json(organ: OrganModel) -> dict[str, Any]:
    return {
        "coefficients": dict(organ.coefficients),
        "kernel": WIDE if organ.kernel == KERNELS[WIDE] else NARROW,
        "wed_cap_mm": _span(organ.wed_cap_mm),
        "training_p1_p99": {name: _span(span) for name, span in organ.training.items()},
        "patients_wed_mm": _span(organ.patients_wed_mm),
        "model_log_q90": dict(organ.model_log_q90),
        "even_current_log": organ.even_current_log,
        "air_label": {f"{knot:g}": slope for knot, slope in organ.air_label.items()},
        "warn": organ.warn,
        "counts": dict(organ.counts),
    }


def _span(span: Span) -> list[float]:
    return [span.low, span.high]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value
