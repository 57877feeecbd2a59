"""The dose model: D(z) = (K * mA)(z) exp(f), its numbers and its file.

K is the kernel with which the tube current is convolved along the body (`kernel`). f depends on the
organ and falls, or stays, with the water equivalent diameter smoothed along the body over a short
and a long way, capped; it knows no HU, no position, no mean over the scan and no end of the images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import ModelError
from .kernel import Kernel, smooth
from .scaling import BASES

SCHEMA_VERSION = 4
MODEL_FILE = "model.json"
CARD_FILE = "model_card.md"
TERMS = ("intercept", "wed", "wed_wide")
WED_ORIGIN_MM = 280.0
WED_SCALE_MM = 100.0
# Names of the kernels in the model file.
WIDE, NARROW = "wide", "narrow"


@dataclass(frozen=True)
class Span:
    """Low and high end of what a quantity was in training."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class OrganModel:
    """One organ in one region.

    Attributes
    ----------
    coefficients
        Of `TERMS`; those of WED are not positive.
    kernel
        K, with which the tube current is convolved along the body.
    wed_cap_mm
        Both smoothed sizes are held within it, so that exp(f) stays bounded.
    training
        Feature (``wed_mm``, ``hu``) to its first and 99th percentile over the rows.
    patients_wed_mm
        From the smallest to the largest size that a training patient had there: patients' means,
        and the rows' percentiles where these reach further.
    model_log_q90
        Scaling basis (``ctdivol``, ``mas``) to the 90 % quantile, over patients left out
        (conformal), of how far in ln(dose) the label lies outside the span from the dose as given
        to the dose with the label's air term; without such a term, of |ln(predicted / simulated)|.
        That for ``ctdivol`` is made of labels without the hidden factor of exposure that some
        training patients share over all organs: it cancels when a dose is divided by CTDIvol.
    even_current_log
        How much too high, ln, the dose is where the tube current hardly changes along the body; 0
        but for an organ with the narrow kernel. The intervals reach down by it, up if negative.
    air_label
        Knot in HU to the slope, per 100 HU, by which the training label falls below it because
        air in the organ was scored as nearly no dose: an artefact of the label, used when
        predictions are compared with labels and at the low end of the interval, never in a
        patient's dose.
    warn
        True where the training rows are suspect.
    counts
        ``patients``, ``rows``, ``rows_left_out``.
    """

    organ: str
    region: str
    coefficients: Mapping[str, float]
    kernel: Kernel
    wed_cap_mm: Span
    training: Mapping[str, Span]
    patients_wed_mm: Span
    model_log_q90: Mapping[str, float]
    even_current_log: float
    air_label: Mapping[float, float]
    warn: bool
    counts: Mapping[str, int]

    def log_factor(self, sizes_mm: np.ndarray) -> np.ndarray:
        """Return f of the organ's slices, [n]; `sizes_mm`, [n, 2], are `RegionModel.sizes_mm`."""
        coefficients = np.array([self.coefficients[term] for term in TERMS])
        return np.asarray(design(sizes_mm, self.wed_cap_mm) @ coefficients)

    def label_artefact(self, hu: np.ndarray) -> np.ndarray:
        """Return the logarithm of what the training label shows of the dose, [n]; 0 without air."""
        terms = air_terms(hu, tuple(self.air_label), self.training["hu"].low)
        return np.asarray(terms @ np.array(list(self.air_label.values())))


@dataclass(frozen=True)
class RegionModel:
    """The organs of one region, in the model file's order, and what they share.

    Attributes
    ----------
    kernel
        That of all organs but those with a narrower one of their own.
    size_kernels
        With which the water equivalent diameter is smoothed along the body: a short one, a long.
    ctdivol_per_mas
        c, the CTDIvol (32 cm, mGy) that the training scanner is taken to give per effective mAs:
        one scanner, so the same in all regions.
    """

    region: str
    kernel: Kernel
    size_kernels: tuple[Kernel, Kernel]
    ctdivol_per_mas: float
    organs: Mapping[str, OrganModel]

    def sizes_mm(self, z_mm: np.ndarray, wed_mm: np.ndarray) -> np.ndarray:
        """Return the water equivalent diameter smoothed with both kernels, [k, 2]."""
        return np.column_stack([smooth(z_mm, wed_mm, kernel) for kernel in self.size_kernels])


@dataclass(frozen=True)
class DoseModel:
    """All regions; `card` is what travels with every result: name, SHA-256, training, figures."""

    regions: Mapping[str, RegionModel]
    not_predicted: Mapping[str, str]
    card: Mapping[str, Any]


def design(sizes_mm: np.ndarray, wed_cap_mm: Span) -> np.ndarray:
    """Return the columns of `TERMS` for slices with both smoothed sizes, [n, 3]."""
    held = np.clip(sizes_mm, wed_cap_mm.low, wed_cap_mm.high)
    return np.column_stack((np.ones(len(held)), (held - WED_ORIGIN_MM) / WED_SCALE_MM))


def air_terms(hu: np.ndarray, knots_hu: tuple[float, ...], lowest_hu: float) -> np.ndarray:
    """Return how far, in 100 HU, the organ lies below each knot, [n, knots].

    HU below `lowest_hu` count as that.
    """
    capped = np.maximum(hu, lowest_hu)
    columns = [np.minimum(capped - knot, 0.0) / 100.0 for knot in knots_hu]
    return np.column_stack(columns) if columns else np.zeros((len(hu), 0))


def load_model(path: str | Path | None = None) -> DoseModel:
    """Read a dose model: the bundled one, or the folder that `ctdoseseg train-dose` wrote.

    Raises
    ------
    ModelError
        If a file is missing, damaged, not of this version, or not the one that its card describes
        (SHA-256).
    """
    if path is None:
        folder = files("CTDoseSegLib.models").joinpath("dose")
    else:
        folder = Path(path)
    try:
        content = folder.joinpath(MODEL_FILE).read_bytes()
        card = folder.joinpath(CARD_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"The dose model's {MODEL_FILE} or {CARD_FILE} cannot be read; install CTDoseSeg "
            "again, or give the folder that ctdoseseg train-dose wrote."
        ) from error
    # A checkout on Windows may have changed the line ends, which are not part of the model.
    digest = sha256(content.replace(b"\r\n", b"\n"))
    if f"sha256: {digest}\n" not in card.replace("\r\n", "\n"):
        raise ModelError(
            f"{MODEL_FILE} of the dose model is not the file that its {CARD_FILE} describes "
            f"(SHA-256 {digest}); install CTDoseSeg again, or repeat ctdoseseg train-dose."
        )
    return parse_model(content, digest)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content`, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def parse_model(content: bytes, digest: str) -> DoseModel:
    """Make a `DoseModel` of the JSON text of a model file.

    Raises
    ------
    ModelError
        If the text is not a dose model of this version, or a WED coefficient is positive.
    """
    try:
        data = json.loads(content)
        version = data["schema_version"]
        if version != SCHEMA_VERSION:
            raise ModelError(
                f"The dose model has schema version {version}, and this CTDoseSeg reads "
                f"{SCHEMA_VERSION}; repeat ctdoseseg train-dose."
            )
        regions = {name: _region(name, value) for name, value in data["regions"].items()}
        card = {"sha256": digest, **data["card"]}
        return DoseModel(frozen(regions), frozen(data["not_predicted"]), frozen(card))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{MODEL_FILE} is not a dose model ({type(error).__name__}: {error}); repeat "
            "ctdoseseg train-dose."
        ) from error


def _region(name: str, value: Mapping[str, Any]) -> RegionModel:
    kernels = {kind: parse_kernel(v) for kind, v in value["kernels"].items()}
    organs = {organ: _organ(organ, name, v, kernels) for organ, v in value["organs"].items()}
    near, far = (parse_kernel(v) for v in value["size_kernels"])
    return RegionModel(
        region=name,
        kernel=kernels[WIDE],
        size_kernels=(near, far),
        ctdivol_per_mas=float(value["ctdivol_per_mas"]),
        organs=frozen(organs),
    )


def parse_kernel(value: Mapping[str, Any]) -> Kernel:
    """Return the kernel of a model file; ValueError if it is none."""
    kernel = tuple(
        (float(weight), float(length))
        for weight, length in zip(value["weights"], value["lengths_mm"], strict=True)
    )
    if min(min(part) for part in kernel) <= 0 or abs(sum(w for w, _ in kernel) - 1) > 1e-9:
        raise ValueError("the kernel's weights and lengths must be positive, its weights sum to 1")
    return kernel


def _organ(
    organ: str, region: str, value: Mapping[str, Any], kernels: Mapping[str, Kernel]
) -> OrganModel:
    coefficients = {term: float(value["coefficients"][term]) for term in TERMS}
    if not max(coefficients["wed"], coefficients["wed_wide"]) <= 0:
        raise ModelError(
            f"The WED coefficient of {organ} ({region}) is positive: a larger patient would get "
            "more dose. Repeat ctdoseseg train-dose."
        )
    return OrganModel(
        organ=organ,
        region=region,
        coefficients=frozen(coefficients),
        kernel=kernels[value["kernel"]],
        wed_cap_mm=Span(*value["wed_cap_mm"]),
        training=frozen({name: Span(*span) for name, span in value["training_p1_p99"].items()}),
        patients_wed_mm=Span(*value["patients_wed_mm"]),
        model_log_q90=frozen({basis: float(value["model_log_q90"][basis]) for basis in BASES}),
        even_current_log=float(value["even_current_log"]),
        air_label=frozen({float(knot): float(v) for knot, v in value["air_label"].items()}),
        warn=bool(value["warn"]),
        counts=frozen({name: int(count) for name, count in value["counts"].items()}),
    )


def frozen(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a mapping that cannot be changed."""
    return MappingProxyType(dict(mapping))
