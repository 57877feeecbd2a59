"""Phantoms with random anatomy and couch, as training cases with exact labels."""

from __future__ import annotations

import numpy as np

from ...ct.organs import OUTSIDE_BODY, is_bone
from ...ct.series import CTSeries
from ...phantom.phantom import Phantom, PhantomTruth, phantom_series
from ...segmentation.atoms import groups_of
from ...segmentation.labelmap import BODY, BODY_REST, COUCH

# Counts up when the phantoms below change, so that kept ones of another form are not used.
PHANTOM_FORM = 3
_AIRWAYS = ("trachea", "bronchi", "lung_trachea_bronchia")
# The great vessels but for the aorta.
_VESSELS = (
    *("vessels", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava"),
    *("portal_vein_and_splenic_vein", "iliac_artery_left", "iliac_artery_right"),
    *("iliac_vena_left", "iliac_vena_right"),
)
_BOWEL = ("duodenum", "small_bowel", "colon", "bowel_gas")


def training_phantom(seed: int, classes: tuple[str, ...]) -> tuple[CTSeries, np.ndarray]:
    """Make a phantom; return it with its labels, uint8 [k, j, i], by the order of `classes`.

    It has no noise: augmentation draws other noise for every batch.
    """
    rng = np.random.default_rng([seed, 3])
    variant = str(rng.choice(["trunk", "chest", "abdomen", "head"], p=[0.5, 0.15, 0.15, 0.2]))
    pixel = float(rng.uniform(1.2, 2.3))
    step = float(rng.uniform(5.0, 11.0))
    length = {"trunk": 540.0, "chest": 300.0, "abdomen": 350.0, "head": 185.0}[variant]
    if variant == "head":
        pixel, step = 0.55 * pixel, 0.6 * step
    phantom = Phantom(
        seed=seed,
        variant=variant,
        shape=(256, 256, max(8, round(length / step))),
        spacing_mm=(pixel, pixel, step),
        position=str(rng.choice(["HFS", "HFP"], p=[0.85, 0.15])),
        arms=str(rng.choice(["up", "down"])),
        blanket=bool(rng.random() < 0.4),
        couch=bool(rng.random() < 0.9),
        scale=float(rng.uniform(0.78, 1.2)),
        fat_mm=float(rng.uniform(3.0, 45.0)),
        noise_hu=0.0,
        offset_mm=tuple(rng.normal(0.0, 12.0, 3)),
    )
    series, truth = phantom_series(phantom)
    return series, truth_classes(truth, classes)


def truth_classes(truth: PhantomTruth, classes: tuple[str, ...]) -> np.ndarray:
    """Return the phantom's exact labels as `classes`, uint8 [k, j, i]."""
    groups = groups_of(truth.names) | dict(truth.groups)
    lookup = np.zeros(max(truth.names.values()) + 1, np.uint8)
    number = {name: n for n, name in enumerate(classes, start=1)}
    for name, value in truth.names.items():
        if name in OUTSIDE_BODY:
            lookup[value] = number.get(COUCH, 0)
        elif name in groups[BODY]:
            lookup[value] = number.get(BODY_REST, number.get(BODY, 0))
    for name, n in number.items():
        members = groups.get(name, ())
        if name == "trachea":
            members = tuple(m for m in truth.names if m in _AIRWAYS)
        elif name == "vessels":
            members = tuple(m for m in truth.names if m in _VESSELS)
        elif name == "bowel":
            members = tuple(m for m in truth.names if m.startswith(_BOWEL))
        elif name == "bone":
            members = (*members, *(m for m in truth.names if is_bone(m)))
        if name not in (BODY, BODY_REST, COUCH):
            for member in members:
                lookup[truth.names[member]] = n
    return lookup[truth.labels]
