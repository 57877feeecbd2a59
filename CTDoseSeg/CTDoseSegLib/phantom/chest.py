"""The phantom's lungs, airways, heart and great vessels, in mm of a reference adult."""

from __future__ import annotations

import numpy as np

from ..ct.organs import LUNG_LOBES
from .builder import Builder
from .shapes import Both, HalfSpace, Superellipsoid


def paint_lungs(b: Builder) -> dict[str, int]:
    """Paint both lungs and their lobes, and return the lobes' materials."""
    hu = float(b.rng.uniform(-875, -800))
    lobe = {name: b.material(name, hu) for name in LUNG_LOBES}
    for left, cx in ((True, -67), (False, 67)):
        name = "left" if left else "right"
        whole = lobe[f"lung_upper_lobe_{name}"]
        lung = Superellipsoid(
            b.point(cx, 0, 20),
            tuple(np.array([65.5, 80, 214]) * b.scale),
            128 * b.scale[2],
            2.4,
        )
        b.canvas.paint(lung, whole)
        # The anterior tongue: the two lungs nearly meet behind the sternum.
        gap = float(b.rng.uniform(1.2, 4.0))
        b.blob(whole, (np.sign(cx) * (24 + gap), 56, 105), (24, 20, 62))
        below = Both(lung, HalfSpace((0.0, 190.0, 130.0), float(b.rng.uniform(60, 90)) * 130))
        b.canvas.paint(below, lobe[f"lung_lower_lobe_{name}"], over=(whole,))
    middle = HalfSpace((0.05, 0.0, 1.0), 66 * b.scale[2])
    right = HalfSpace((-1.0, 0.0, 0.0), 0.0)
    b.canvas.paint(
        Both(right, middle), lobe["lung_middle_lobe_right"], over=(lobe["lung_upper_lobe_right"],)
    )
    return lobe


def paint_mediastinum(b: Builder, blood_hu: float) -> None:
    """Paint mediastinal fat, heart with its chambers, pulmonary artery, trachea, esophagus."""
    fat, soft = b.material("body_rest", -75), b.material("body_rest", 42)
    between = b.column(
        [(240, 40, 44, 0, -6), (150, 38, 56, 0, -8), (60, 40, 60, 0, -8), (-90, 40, 60, 0, -8)],
        z_range=(-90, 245),
    )
    b.canvas.paint(between, fat)
    for x in (-34, 34):
        b.blob(soft, (x, -8, 118), (15, 16, 24), jitter=1.5)  # hilum
    turn = (0.0, 32.0, -28.0)
    heart = (-24, 30, 48)
    b.blob(fat, heart, (52, 45, 60), turn)
    muscle = b.material("heart_myocardium", max(70.0, 0.65 * blood_hu))
    b.blob(muscle, heart, (48, 41, 56), turn)
    for name, centre, axes in (
        ("heart_atrium_right", (14, 26, 56), (21, 23, 30)),
        ("heart_ventricle_right", (-16, 53, 34), (31, 15, 30)),
        ("heart_atrium_left", (-8, 2, 72), (28, 17, 22)),
        ("heart_ventricle_left", (-44, 24, 34), (21, 21, 34)),
    ):
        b.blob(b.material(name, blood_hu), centre, axes, (0.0, 20.0, -15.0), over=(muscle,))
    artery = b.material("pulmonary_artery", blood_hu)
    b.tube(artery, [(-18, 44, 80), (-20, 34, 112), (-26, 8, 128), (-44, -10, 124)], [14, 14, 12, 8])
    b.tube(artery, [(-20, 26, 120), (4, 8, 118), (36, -4, 114)], [13, 12, 8])
    veins = b.material("body_rest", blood_hu)
    b.tube(veins, [(24, 12, 205), (26, 20, 130), (18, 22, 80)], [8, 10, 10])  # superior vena cava
    wall = b.material("body_rest", 30)
    air = b.material("trachea", -985)
    gullet = b.material("esophagus", 38)
    b.tube(gullet, [(2, -26, 260), (-4, -26, 150), (-10, -24, 60), (-14, -6, -12)], 9)
    if b.rng.random() < 0.5:
        b.tube(b.material("esophagus", -950), [(-6, -25, 120), (-9, -24, 80)], 3.5, step=4)
    wind = [(2, 4, 300), (2, -4, 200), (0, -10, 146)]
    bronchi = (
        [(0, -10, 146), (18, -12, 126), (44, -14, 108)],
        [(0, -10, 146), (-22, -12, 122), (-48, -16, 104)],
    )
    tube = b.material("bronchi", -975)
    for material, grow in ((wall, 1.6), (None, 0.0)):
        for points in bronchi:
            b.tube(
                tube if material is None else material,
                points,
                [7 + grow, 6 + grow, 4 + grow],
                step=4,
            )
        b.tube(air if material is None else material, wind, 8.5 + grow)


def paint_vessels(b: Builder, hu: float) -> None:
    """Paint the aorta from its root to the bifurcation, and the inferior vena cava."""
    blood = b.material("aorta", hu)
    arch = [
        (-2, 24, 84),
        (10, 26, 118),
        (8, 16, 158),
        (-8, -10, 172),
        (-20, -34, 154),
        (-22, -40, 100),
    ]
    down = [(-22, -40, 100), (-18, -38, 20), (-8, -32, -80), (-4, -30, -205)]
    b.tube(blood, arch, [15, 15, 14, 13, 12, 12], step=6)
    b.tube(blood, down, [12, 11, 10, 8])
    for left in (-1, 1):
        b.tube(
            b.material("body_rest", hu),
            [(-4, -30, -205), (left * 22, -30, -250), (left * 52, 0, -330)],
            6,
        )
    cava = b.material("inferior_vena_cava", 0.8 * hu)
    b.tube(cava, [(14, 10, 34), (20, -8, -20), (20, -22, -100), (16, -26, -210)], [11, 12, 11, 9])
    portal = b.material("portal_vein_and_splenic_vein", 0.9 * hu)
    b.tube(portal, [(34, 12, -70), (14, 14, -86), (-20, 8, -84), (-70, -14, -60)], [7, 7, 5, 4])


def paint_lung_trees(b: Builder, lobes: dict[str, int], blood_hu: float) -> None:
    """Paint branching vessels inside the lobes, each an atom of its lobe's own."""
    vessels = {
        lobe: b.material(name.replace("lung_", "lung_vessels_"), blood_hu)
        for name, lobe in lobes.items()
    }
    table = np.arange(len(b.canvas.materials))
    table[list(vessels)] = list(vessels.values())
    grown = Builder(b.rng, tuple(b.scale))
    for left in (-1, 1):
        for target in b.rng.uniform((20, -70, -80), (125, 70, 215), (26, 3)):
            hilum = np.array(b.point(left * 38, -8 + b.rng.normal(0, 6), 114 + b.rng.normal(0, 10)))
            end = np.array(b.point(left * target[0], target[1], target[2]))
            _branch(grown, b.rng, hilum, end, float(b.rng.uniform(2.6, 5.0)), 2)
    for shape in grown.canvas.shapes:
        b.canvas.repaint(shape, table)


def _branch(b: Builder, rng, start: np.ndarray, end: np.ndarray, radius: float, depth: int) -> None:
    """Paint a bent vessel from start to end, thinning, with side branches to a depth."""
    middle = (start + end) / 2 + rng.normal(0, 8, 3)
    t = np.linspace(0, 1, 7)[:, None]
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    b.chain(1, path, [radius, max(0.35 * radius, 0.8)])
    if depth:
        for at in (3, 5):
            aside = path[at] + rng.normal(0, 22, 3) + 0.35 * (end - start)
            _branch(b, rng, path[at], aside, 0.6 * radius, depth - 1)
