"""The dose model: D(z) = (K * CTDIvol)(z) exp(f), its numbers and its file.

K is the organ's kernel, with which CTDIvol is convolved along the body (`kernel`): one of small
bodies, one of large ones, a mean of both between; what comes from below may reach an organ more or
less than what comes from above. f depends on the organ, on the water-equivalent diameter smoothed
along the body over a short and a long way, capped, with which it falls or stays, and on the beam
(`beam_terms`), whose effect changes with the size. It knows no HU, no position, no mean over the
scan and no end of the images. CTDIvol is that of the 32 cm phantom; the dose is that to the organ's
tissue without contrast agent.
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
from .beam_terms import TERMS as BEAM_TERMS
from .kernel import LENGTHS_MM, SIDES, Kernel, smooth

SCHEMA_VERSION = 5
MODEL_FILE = "model.json"
CARD_FILE = "model_card.md"
HEAD = "head"
# f is linear in these. The last ones bend it: they begin to grow at these diameters.
BENDS_MM = (180.0, 300.0)
TERMS = ("intercept", "wed", "wed_wide", *(f"wed_over_{bend:.0f}" for bend in BENDS_MM))
# Smoothed sizes up to which the kernel is that of small bodies, and from which that of large ones.
KERNELS_MM = (120.0, 350.0)
# Names in the model file.
AGES = ("adults", "children")
BODIES = ("small", "large")
WED_ORIGIN_MM = 280.0
WED_SCALE_MM = 100.0


@dataclass(frozen=True)
class Span:
    """Low and high end of what a quantity was in training."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class OrganModel:
    """One organ.

    Attributes
    ----------
    region
        Part of the body: ``head``, ``chest``, ``abdomen``, ``pelvis`` or ``trunk``.
    kernels
        K of small and of large bodies: weights of what arrives from below, then from above, by
        length (`kernel.arriving`), each kernel's adding up to 1, [2, 2 l].
    coefficients
        Of `TERMS`; those of the diameter are not positive.
    beam, beam_by_wed
        Of `beam_terms.TERMS`, and of these times the smoothed diameter (from `WED_ORIGIN_MM`, in
        `WED_SCALE_MM`), [b].
    wed_cap_mm
        Both smoothed sizes are held within it, so that exp(f) stays bounded.
    usual_wed_mm
        From the fifth to the 95th percentile of the bodies' smoothed size at the organ.
    bodies_wed_mm
        From the smallest to the largest of them.
    law_log_q90
        Of adults and of children (`AGES`): 90 % quantile, over bodies left out (conformal), of
        |ln(dose by the law / simulated)| where the beam is known and the organ is inside the
        irradiated range.
    scatter_log_q90
        The same where scatter alone reaches the organ, from up to 60 mm away, less what the law is
        off by inside the range.
    body_model_log
        Standard deviation of what the bodies' anatomy, unlike that of patients, does to ln(dose).
    counts
        ``bodies``: those that it was fitted to.
    """

    organ: str
    region: str
    kernels: np.ndarray
    coefficients: Mapping[str, float]
    beam: np.ndarray
    beam_by_wed: np.ndarray
    wed_cap_mm: Span
    usual_wed_mm: Span
    bodies_wed_mm: Span
    law_log_q90: Mapping[str, float]
    scatter_log_q90: float
    body_model_log: float
    counts: Mapping[str, int]

    def reached_mGy(self, arriving_mGy: np.ndarray, sizes_mm: np.ndarray) -> np.ndarray:
        """Return (K * CTDIvol) of slices, mGy, [n].

        Parameters
        ----------
        arriving_mGy
            `kernel.arriving` of CTDIvol, [2 l, n].
        sizes_mm
            Smoothed sizes of the slices, [n, 2].
        """
        return reached(self.kernels, arriving_mGy, sizes_mm)

    def kernel_at(self, size_mm: float) -> np.ndarray:
        """Return the weights of K in a body of this smoothed size, [2 l]."""
        small, large = self.kernels
        return np.asarray(small + large_share(np.array([size_mm])) * (large - small))

    def log_factor(self, sizes_mm: np.ndarray, beam: np.ndarray) -> np.ndarray:
        """Return f of the organ's slices, [n].

        Parameters
        ----------
        sizes_mm
            `RegionModel.sizes_mm` of the slices, [n, 2].
        beam
            `BeamTerms.values`, [b].
        """
        held = design(sizes_mm, self.wed_cap_mm)
        coefficients = np.array([self.coefficients[term] for term in TERMS])
        of_size = held @ coefficients
        return np.asarray(of_size + self.beam @ beam + held[:, 1] * (self.beam_by_wed @ beam))


@dataclass(frozen=True)
class RegionModel:
    """The organs of one region, in the model file's order, and what they share.

    Attributes
    ----------
    size_kernels
        With which the water-equivalent diameter is smoothed along the body: a short one, a long.
    """

    region: str
    size_kernels: tuple[Kernel, Kernel]
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


def large_share(size_mm: np.ndarray) -> np.ndarray:
    """Return the share of the kernel of large bodies at smoothed sizes, 0 to 1, [n]."""
    low, high = KERNELS_MM
    return np.clip((size_mm - low) / (high - low), 0.0, 1.0)


def reached(kernels: np.ndarray, arriving: np.ndarray, sizes_mm: np.ndarray) -> np.ndarray:
    """Return what arrives by length, [2 l, n], weighted by the kernel of each slice's size, [n]."""
    small, large = kernels @ arriving
    return np.asarray(small + large_share(sizes_mm[:, 0]) * (large - small))


def design(sizes_mm: np.ndarray, wed_cap_mm: Span) -> np.ndarray:
    """Return the columns of `TERMS` for slices with both smoothed sizes, [n, t]."""
    held = np.clip(sizes_mm, wed_cap_mm.low, wed_cap_mm.high)
    bends = np.maximum(held[:, :1] - np.array(BENDS_MM), 0.0) / WED_SCALE_MM
    return np.column_stack((np.ones(len(held)), (held - WED_ORIGIN_MM) / WED_SCALE_MM, bends))


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
        data = json.loads(content, parse_constant=_refuse)
        version = data["schema_version"]
        if version != SCHEMA_VERSION:
            raise ModelError(
                f"The dose model has schema version {version}, and this CTDoseSeg reads "
                f"{SCHEMA_VERSION}; repeat ctdoseseg train-dose."
            )
        if tuple(data["kernel_lengths_mm"]) != LENGTHS_MM:
            raise ValueError(f"kernel_lengths_mm are not {LENGTHS_MM}")
        regions = {name: _region(name, value) for name, value in data["regions"].items()}
        card = {"sha256": digest, **data["card"]}
        return DoseModel(frozen(regions), frozen(data["not_predicted"]), frozen(card))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{MODEL_FILE} is not a dose model ({type(error).__name__}: {error}); repeat "
            "ctdoseseg train-dose."
        ) from error


def _region(name: str, value: Mapping[str, Any]) -> RegionModel:
    near, far = (_size_kernel(one) for one in value["size_kernels"])
    return RegionModel(
        region=name,
        size_kernels=(near, far),
        organs=frozen({organ: _organ(organ, name, v) for organ, v in value["organs"].items()}),
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _weights(value: Mapping[str, Any]) -> np.ndarray:
    sides = [np.array(value[side], float) for side in SIDES]
    weights = np.concatenate(sides)
    if any(side.shape != (len(LENGTHS_MM),) for side in sides) or not (weights >= 0).all():
        raise ValueError("a kernel has a weight, 0 or more, of each length on each side")
    if abs(weights.sum() - 1) > 1e-5:
        raise ValueError("the weights of a kernel must add up to 1")
    return np.asarray(weights / weights.sum())  # the file's are rounded


def _size_kernel(value: Mapping[str, Any]) -> Kernel:
    """Return a kernel that sizes are smoothed with; ValueError if it is none."""
    kernel = tuple(
        (float(weight), float(length))
        for weight, length in zip(value["weights"], value["lengths_mm"], strict=True)
    )
    if min(min(part) for part in kernel) <= 0 or abs(sum(w for w, _ in kernel) - 1) > 1e-9:
        raise ValueError("the kernel's weights and lengths must be positive, its weights sum to 1")
    return kernel


def _organ(organ: str, region: str, value: Mapping[str, Any]) -> OrganModel:
    coefficients = {term: float(value["coefficients"][term]) for term in TERMS}
    if max(coefficients[term] for term in TERMS[1:]) > 0:
        raise ModelError(
            f"A WED coefficient of {organ} ({region}) is positive: a larger patient would get "
            "more dose. Repeat ctdoseseg train-dose."
        )
    return OrganModel(
        organ=organ,
        region=region,
        kernels=np.array([_weights(value["kernels"][size]) for size in BODIES]),
        coefficients=frozen(coefficients),
        beam=np.array([float(value["beam"][term]) for term in BEAM_TERMS]),
        beam_by_wed=np.array([float(value["beam_by_wed"][term]) for term in BEAM_TERMS]),
        wed_cap_mm=Span(*map(float, value["wed_cap_mm"])),
        usual_wed_mm=Span(*map(float, value["usual_wed_mm"])),
        bodies_wed_mm=Span(*map(float, value["bodies_wed_mm"])),
        law_log_q90=frozen({age: float(value["law_log_q90"][age]) for age in AGES}),
        scatter_log_q90=float(value["scatter_log_q90"]),
        body_model_log=float(value["body_model_log"]),
        counts=frozen({name: int(count) for name, count in value["counts"].items()}),
    )


def frozen(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a mapping that cannot be changed."""
    return MappingProxyType(dict(mapping))
