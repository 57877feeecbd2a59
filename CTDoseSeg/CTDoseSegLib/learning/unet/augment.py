"""Random variations of labelled slices: geometry, couch, arms' absence, noise, contrast, cuts.

All of it is drawn from the generator that it is given, so that a batch is the same for the same
seed, epoch and step.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from ...segmentation.atoms import is_number
from ...segmentation.labelmap import BODY_REST, COUCH
from ...segmentation.unet.spec import AIR_HU, UNetSpec, mirrored_classes

# Judgement: the most that blood and organs gain by contrast agent at low voltages, HU.
_BLOOD_HU = {"heart": 450.0, "aorta": 450.0, "vessels": 400.0}
_ENHANCED_HU = {
    "liver": 90.0,
    "spleen": 180.0,
    "kidney_left": 280.0,
    "kidney_right": 280.0,
    "pancreas": 110.0,
    "thyroid_gland": 150.0,
    "urinary_bladder": 400.0,
    "stomach": 250.0,
    "small_bowel": 300.0,
    "colon": 300.0,
    "brain": 15.0,
}
# Blood and organs without contrast agent, HU.
_UNENHANCED_HU = (25.0, 65.0)
UNKNOWN = 255


def augment(
    slices: np.ndarray,
    labels: np.ndarray,
    spec: UNetSpec,
    pixel_mm: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return one sample varied.

    Parameters
    ----------
    slices
        HU, float32 [neighbours, rows, columns].
    labels
        uint8 [rows, columns] of the slice in the middle.
    pixel_mm
        Of the working grid.

    Returns
    -------
    slices, labels
        Of the same shapes.
    """
    if spec.windows:
        slices, labels = _objects(slices, labels, spec, pixel_mm, rng)
        slices = _contrast(slices, labels, spec, rng)
    slices, labels = _geometry(slices, labels, spec, rng)
    if spec.windows:
        slices, labels = _field_of_view(slices, labels, spec, rng)
    return _values(slices, spec, rng), labels


def _objects(slices, labels, spec, pixel_mm, rng):
    """Take the couch away, or put another below the body, touching it, or beside it."""
    couch = spec.classes.index(COUCH) + 1 if COUCH in spec.classes else None
    rest = spec.classes.index(BODY_REST) + 1 if BODY_REST in spec.classes else None
    if couch is None or rest is None or UNKNOWN in labels[0]:
        return slices, labels
    body = (labels > 0) & (labels != couch) & (labels != UNKNOWN)
    if not body.any():
        return slices, labels
    if rng.random() < 0.25:
        gone = labels == couch
        slices = np.where(gone & ~body, AIR_HU + rng.normal(0, 8, labels.shape), slices)
        labels = np.where(gone, 0, labels).astype(np.uint8)
    if rng.random() < 0.5:
        drawn = _plate(body, pixel_mm, rng)
        if rng.random() < 0.12:  # prone: the couch is in front
            drawn = _plate(body[::-1], pixel_mm, rng)[::-1]
        hu = rng.choice([-900.0, -750.0, -500.0, -120.0, 60.0, 250.0])
        free = drawn & (labels == 0)
        slices = np.where(free, hu + rng.normal(0, 15, labels.shape), slices)
        labels = np.where(free, couch, labels).astype(np.uint8)
    return slices.astype(np.float32), labels


def _plate(body: np.ndarray, pixel_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Add a flat or curved plate below the body, a blanket around it, or a cushion beside it."""
    rows, columns = body.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    where = np.flatnonzero(body.any(axis=1))
    bottom = where[-1] + rng.uniform(-4, 25) / pixel_mm
    middle = np.flatnonzero(body.any(axis=0)).mean()
    kind = rng.random()
    if kind < 0.65:
        thick = rng.uniform(2, 35) / pixel_mm
        curve = rng.choice([0.0, rng.uniform(0, 0.0022) * pixel_mm])
        top = bottom - curve * (x - middle) ** 2
        inside = (
            (y >= top) & (y < top + thick) & (abs(x - middle) < rng.uniform(80, 300) / pixel_mm)
        )
        if rng.random() < 0.5:  # a shell
            skin = max(1.0, rng.uniform(1.5, 4) / pixel_mm)
            inside &= (y < top + skin) | (y > top + thick - skin)
        return inside
    grown = ndimage.binary_dilation(body, iterations=int(rng.integers(1, 5)))
    if kind < 0.85:
        near = ndimage.binary_dilation(grown, iterations=int(rng.integers(1, 4)))
        return near & ~grown & (y < np.quantile(where, rng.uniform(0.3, 1.0)))
    side = rng.choice([-1, 1])
    edge = np.flatnonzero(body.any(axis=0))[0 if side < 0 else -1]
    height, width = rng.uniform(20, 80, 2) / pixel_mm
    inside = (abs(y - bottom + height) < height) & (side * (x - edge) > -width / 2)
    return inside & (side * (x - edge) < width)


def _contrast(slices, labels, spec, rng):
    """Fill vessels and organs with contrast agent, or take it away; add it anywhere in tissue."""
    if rng.random() < 0.4:
        return slices
    slices = slices.copy()
    washed = rng.random() < 0.15
    blood, uptake = rng.beta(1.2, 1.6), rng.beta(1.2, 1.6)
    for most, share in ((_BLOOD_HU, blood), (_ENHANCED_HU, uptake)):
        for name, limit in most.items():
            if name not in spec.classes:
                continue
            inside = labels == spec.classes.index(name) + 1
            if not inside.any():
                continue
            values = slices[:, inside]
            middle = float(np.median(values))
            if washed and middle > _UNENHANCED_HU[1]:
                # What is left of its texture is that of noise.
                low = rng.uniform(*_UNENHANCED_HU)
                slices[:, inside] = np.where(values > -50, low + 0.4 * (values - middle), values)
            elif not washed:
                # Each organ differs a little, and so does each part of it.
                gain = limit * share * rng.uniform(0.6, 1.1)
                texture = ndimage.gaussian_filter(rng.normal(0, 1, labels.shape), rng.uniform(2, 8))
                texture *= rng.choice([0.0, 0.15, 0.4]) / max(texture.std(), 1e-6)
                gained = gain * np.clip(1 + texture[inside], 0, 2)
                slices[:, inside] = np.where(values > -150, values + gained, values)
    if rng.random() < 0.25:
        rest = spec.classes.index(BODY_REST) + 1 if BODY_REST in spec.classes else 0
        blobs = ndimage.gaussian_filter(rng.normal(0, 1, labels.shape), rng.uniform(2, 7))
        bright = (blobs > rng.uniform(1.2, 2.0) * blobs.std()) & (slices > 0) & (slices < 150)
        slices += np.float32(rng.uniform(60, 350)) * (bright & (labels == rest))
    return slices


def _geometry(slices, labels, spec, rng):
    """Rotate, scale, shift, mirror (left and right change names) and deform elastically."""
    angle = np.deg2rad(rng.normal(0, 8))
    scale_x, scale_y = np.exp(rng.normal(0, 0.14)) * np.exp(rng.normal(0, 0.06, 2))
    # Now and then so far that the body is cut.
    shift = rng.normal(0, 0.07 if rng.random() < 0.85 else 0.3, 2)
    mirror = bool(rng.random() < 0.1) and not any(map(is_number, spec.classes))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array(
        [[cos / scale_x, -sin / scale_x, shift[0]], [sin / scale_y, cos / scale_y, shift[1]]]
    )
    if mirror:
        matrix[:, 0] *= -1
    shape = (1, 1, *labels.shape)
    theta = torch.tensor(matrix[None], dtype=torch.float32)
    grid = torch.nn.functional.affine_grid(theta, shape, align_corners=False)
    if rng.random() < 0.6:
        coarse = torch.from_numpy(rng.normal(0, 0.02, (1, 2, 5, 5)).astype(np.float32))
        bend = torch.nn.functional.interpolate(
            coarse, labels.shape, mode="bicubic", align_corners=True
        )
        grid = grid + bend.permute(0, 2, 3, 1)
    filled = torch.from_numpy(np.ascontiguousarray(slices))[None] - AIR_HU
    moved = torch.nn.functional.grid_sample(filled, grid, align_corners=False)[0] + AIR_HU
    names = torch.nn.functional.grid_sample(
        torch.from_numpy(labels.astype(np.float32))[None, None],
        grid,
        mode="nearest",
        align_corners=False,
    )
    labels = names[0, 0].numpy().astype(np.uint8)
    return moved.numpy(), mirrored_classes(spec.classes)[labels] if mirror else labels


def _field_of_view(slices, labels, spec, rng):
    """Cut by a circle as a scanner's reconstruction does; outside is padding."""
    if rng.random() > 0.25:
        return slices, labels
    rows, columns = labels.shape
    radius = rng.uniform(0.3, 0.5) * min(rows, columns)
    centre = np.array([rows, columns]) / 2 + rng.normal(0, 0.03 * rows, 2)
    y, x = np.ogrid[:rows, :columns]
    out = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 > radius**2
    value = rng.choice([AIR_HU, -1000.0])
    return np.where(out, value, slices).astype(np.float32), np.where(out, 0, labels).astype(
        np.uint8
    )


def _values(slices, spec, rng):
    """Add noise, blur, metal streaks, gain and offset."""
    out = np.array(slices, dtype=np.float32)
    scale = 1.0
    if not spec.windows:
        scale = float(np.ptp(out)) / 2000.0 or 1.0
    if rng.random() < 0.8:
        noise = rng.normal(0, 1, out.shape).astype(np.float32)
        noise = ndimage.gaussian_filter(noise, (0, *[rng.uniform(0, 0.8)] * 2))
        out += noise / noise.std() * scale * abs(rng.standard_t(4) * 24)
    kernel = rng.random()
    if kernel < 0.2:
        out = ndimage.gaussian_filter(out, (0, *[rng.uniform(0.3, 1.0)] * 2))
    elif kernel < 0.35:  # an edge-enhancing kernel, as for lungs
        smooth = ndimage.gaussian_filter(out, (0, *[rng.uniform(0.6, 1.2)] * 2))
        out += rng.uniform(0.3, 1.2) * (out - smooth)
    if spec.windows and rng.random() < 0.08:
        out += _streaks(out.shape[1:], rng)
    if rng.random() < 0.4:
        out = out + np.float32(scale * np.clip(10 * rng.standard_t(2), -120, 120))
    if rng.random() < 0.3:
        out = (out + 1000.0) * np.float32(np.exp(rng.normal(0, 0.02))) - 1000.0
    return out.astype(np.float32)


def _streaks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    centre = rng.uniform(0.3, 0.7, 2) * shape
    angle = np.arctan2(y - centre[0], x - centre[1])
    away = np.hypot(y - centre[0], x - centre[1])
    rays = sum(np.cos(n * angle + rng.uniform(0, 6.3)) for n in rng.integers(4, 22, 4))
    return (rng.uniform(40, 220) * rays * np.exp(-away / (0.25 * shape[0]))).astype(np.float32)
