"""What the law's table keeps of a body's responses."""

from __future__ import annotations

import numpy as np
from dose_responses import MODELS, Responses, all_beams, model

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.montecarlo.beams import model_of
from CTDoseSegLib.learning.dose.organs import is_learned
from CTDoseSegLib.learning.dose.table import LearnedBody

REFERENCE = (MODELS[0], model_of(MODELS[0]).hvl_mm, 120)


def summary(found: Responses) -> LearnedBody:
    """Return the slabs of a body, and the beam's part as few terms."""
    beams = all_beams()
    first = beams.names.index(REFERENCE)
    edges = found.z_edges_mm
    z = (edges[1:] + edges[:-1]) / 2
    images = found.profiles["z_mm"]
    low, high = found.image_range_mm
    inside = (z > low) & (z < high)
    wed, area = (
        np.where(inside, np.interp(z, images, found.profiles[name]), np.nan)
        for name in ("wed_mm", "area_mm2")
    )
    cells = np.searchsorted(edges, images) - 1
    share = np.zeros((len(found.names), len(z)))
    np.add.at(share.T, cells, found.organ_area_mm2.T)
    total = share.sum(axis=1, keepdims=True)
    weighted = (found.organ_area_mm2 * found.organ_depth_mm).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.nan_to_num(share / total)
        depth = np.nan_to_num(weighted / found.organ_area_mm2.sum(axis=1))
        by_beam = np.log(found.dose[:, inside].sum(axis=1))
        medium = np.log(found.medium_ratio)
        noise = np.linalg.norm(found.se, axis=1) / found.dose[:, :, first].sum(axis=1)
    # Few bins describe a beam's CTDI less well than a dose over it: the terms are those of the
    # beam as it is, at the distance of the focus that was simulated.
    terms = np.array([beam_terms(model(*name[:2]), name[2]).values for name in beams.names])
    change = by_beam - by_beam[:, first][:, None]
    ends = np.argmin(images), np.argmax(images)
    kept = [n for n, organ in enumerate(found.names) if is_learned(organ, found.about["region"])]
    return LearnedBody(
        about=found.about,
        z_mm=z,
        wed_mm=wed,
        area_mm2=area,
        organs=tuple(found.names[n] for n in kept),
        response=found.dose[kept, :, first].astype(float),
        share=share[kept],
        noise=np.nan_to_num(noise, nan=1.0, posinf=1.0)[kept],
        beam_terms=_fitted(change[kept], terms),
        medium_terms=np.column_stack(
            (medium[:, first], _fitted(medium - medium[:, first][:, None], terms))
        )[kept],
        depth_mm=depth[kept],
        cut=(found.organ_area_mm2[:, ends] > 0).any(axis=1)[kept],
        iodine_mg_ml=found.iodine_mg_ml[kept],
        mass_g=found.mass_g[kept],
    )


def _fitted(values: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Return coefficients of the terms, [score, term], of values by beam, [score, beam]."""
    known = np.isfinite(values).all(axis=1)
    fitted = np.zeros((len(values), terms.shape[1]))
    fitted[known] = np.linalg.lstsq(terms, values[known].T, rcond=None)[0].T
    return fitted
