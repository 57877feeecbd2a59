"""The table that the law is fitted to: bodies, and the doses that were simulated in them.

`Testing/Training/dose_learning_set.py` simulates the bodies and writes the table: every body in
slabs of 10 mm, and of each organ what a tube in any of the slabs gives it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError

SLAB_MM = 10.0
# Below this part of its greatest, a response is written as 0.
_LEAST = 5e-4
# Arrays of a body by slab, of an organ by slab, and of an organ.
_OF_SLABS = ("z_mm", "wed_mm", "area_mm2")
_OF_ORGAN_SLABS = ("response", "share")
_OF_ORGANS = ("noise", "beam_terms", "medium_terms", "depth_mm", "cut", "iodine_mg_ml", "mass_g")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class LearnedBody:
    """A body, and what was simulated in it.

    Attributes
    ----------
    about
        Seed, region, age, sex, height, weight, phase of contrast, arms, number of histories; the
        name of a real scan.
    z_mm
        Middles of the slabs, 10 mm apart, 100 mm beyond the images at both ends, [z].
    wed_mm, area_mm2
        Water-equivalent diameter and area of the body in each slab; NaN beyond the images, [z].
    organs
        Names, [o].
    response
        Dose to soft tissue in the organ by 1 mGy of CTDIvol (32 cm) over each slab with the
        reference beam, mGy, [o, z]. In the marrow spaces of a bone, to red marrow.
    share
        Part of the organ in each slab, adding up to 1, [o, z].
    noise
        Relative standard error of the sum of `response`, [o].
    beam_terms
        Of ln(dose by another beam / dose by the reference beam), [o, b]; the terms are those of
        `dosimetry.fast.beam_terms`.
    medium_terms
        Of ln(dose to the organ's own medium, iodine included / dose to soft tissue), the first for
        the reference beam, [o, 1 + b].
    depth_mm
        Mean distance of the organ from the skin in the plane of the slices, [o].
    cut
        Whether an end of the images cuts it, [o].
    iodine_mg_ml, mass_g
        Of the organ in the images, [o].
    """

    about: Mapping[str, Any]
    z_mm: np.ndarray
    wed_mm: np.ndarray
    area_mm2: np.ndarray
    organs: tuple[str, ...]
    response: np.ndarray
    share: np.ndarray
    noise: np.ndarray
    beam_terms: np.ndarray
    medium_terms: np.ndarray
    depth_mm: np.ndarray
    cut: np.ndarray
    iodine_mg_ml: np.ndarray
    mass_g: np.ndarray


def write_table(path: Path, bodies: Sequence[LearnedBody]) -> None:
    """Write a table as ``.npz``; doses are rounded to three digits (float16)."""
    organs = sorted({name for body in bodies for name in body.organs})
    arrays: dict[str, np.ndarray] = {
        "about": np.array(json.dumps([dict(body.about) for body in bodies])),
        "organs": np.array(organs),
        "slabs": np.array([len(body.z_mm) for body in bodies], np.int32),
        "numbers": np.array([len(body.organs) for body in bodies], np.int32),
        "organ": np.concatenate([[organs.index(n) for n in b.organs] for b in bodies]).astype(
            np.int16
        ),
    }
    for name in _OF_SLABS:
        arrays[name] = np.concatenate([getattr(b, name) for b in bodies]).astype(np.float32)
    first, scale = [], []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in _OF_ORGAN_SLABS}
    for body in bodies:
        for response, share in zip(body.response, body.share, strict=True):
            greatest = float(response.max())
            kept = np.flatnonzero((response > _LEAST * greatest) | (share > 0))
            span = slice(int(kept[0]), int(kept[-1]) + 1) if kept.size else slice(0, 1)
            first.append((span.start, span.stop))
            scale.append(greatest)
            parts["response"].append(response[span] / (greatest or 1.0))
            parts["share"].append(share[span])
    arrays["span"] = np.array(first, np.int16)
    arrays["scale"] = np.array(scale, np.float32)
    for name, pieces in parts.items():
        arrays[name] = np.concatenate(pieces).astype(np.float16)
    for name in _OF_ORGANS:
        values = np.concatenate([getattr(body, name) for body in bodies])
        arrays[name] = values.astype(bool if name == "cut" else np.float32)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, allow_pickle=False, **arrays)
    part.replace(path)


def read_table(path: str | Path) -> list[LearnedBody]:
    """Read what `write_table` wrote.

    Raises
    ------
    InputError
        If it is no such table.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return list(_bodies(arrays))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{Path(path).name} is no table of simulated bodies ({type(error).__name__}); give "
            "the one that Testing/Training/dose_learning_set.py writes."
        ) from error


def _bodies(arrays: Mapping[str, np.ndarray]) -> list[LearnedBody]:
    about = json.loads(str(arrays["about"]))
    names = [str(name) for name in arrays["organs"]]
    spans = arrays["span"].astype(int)
    starts = np.concatenate(([0], np.cumsum(spans[:, 1] - spans[:, 0])))
    bodies, slab, row = [], 0, 0
    for one, slabs, number in zip(about, arrays["slabs"], arrays["numbers"], strict=True):
        along = slice(slab, slab + int(slabs))
        rows = slice(row, row + int(number))
        full = {name: np.zeros((int(number), int(slabs))) for name in _OF_ORGAN_SLABS}
        for n, index in enumerate(range(rows.start, rows.stop)):
            kept = slice(*spans[index])
            for name, array in full.items():
                array[n, kept] = arrays[name][starts[index] : starts[index + 1]]
            full["response"][n] *= arrays["scale"][index]
            full["share"][n] /= full["share"][n].sum() or 1.0
        bodies.append(
            LearnedBody(
                about=one,
                organs=tuple(names[n] for n in arrays["organ"][rows]),
                **{name: arrays[name][along].astype(float) for name in _OF_SLABS},
                **full,
                **{name: arrays[name][rows] for name in _OF_ORGANS},
            )
        )
        slab, row = along.stop, rows.stop
    return bodies
