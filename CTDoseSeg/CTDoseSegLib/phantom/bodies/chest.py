"""A body's lungs, airways, heart, great vessels, esophagus and thymus.

Points, half axes and radii are mm of the reference adult (`frame`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...ct.organs import LUNG_LOBES as LOBES
from ..shapes import Both, Column, HalfSpace, Shape, Superellipsoid
from .lining import WALL_MM, line
from .outside import Build, chest_knots
from .painter import Goal, Painter, Part

# Density of air-filled lung before it is solved for the lungs' mass, g/ml.
_LUNG_DENSITY = 0.27
# Density of the lungs with their blood in a CT scan, g/ml, by age; judgement between ICRP 143
# (0.59 at birth, 0.39 at 1 and 5 years), children's CT (Stein 2016, PMC5116406: 0.62 in a newborn
# with 0.10 l, 0.35 at 2 years with 0.47 l, 0.14 in the end; de Jong 2003, Eur Respir J 22:235: 0.36
# at 15 days, 0.57 at 2 years, 0.17 at 17 years) and adults who hold their breath (4.5 l, SD 1.3).
_DENSITY_AGES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
_DENSITY_G_ML = (0.50, 0.40, 0.35, 0.26, 0.24, 0.225)
_BREATH = 0.66, 1.3  # least and most
_BREATH_SD = 0.12  # of the density's logarithm among breaths (judgement)


def cavity(b: Painter, build: Build, inset_mm: float = 1.0) -> Column:
    """Return the inside of the rib cage."""
    knots = chest_knots(b.frame, build, _breath(b))
    return Column.smooth(knots, 2.3, (float(b.frame.z(-125.0)), float(b.frame.z(246.0))), -inset_mm)


def _breath(b: Painter) -> float:
    """Return how far the chest is filled: it widens the rib cage and lowers the diaphragm."""
    return float(np.clip(b.sizes.get("breath", 1.0), *_BREATH))


def lung_density_g_ml(b: Painter) -> float:
    """Return the density that the lungs are to have in this person's breath, g/ml."""
    usual = float(np.interp(b.frame.person.age_y, _DENSITY_AGES, _DENSITY_G_ML))
    drawn = b.variation * float(b.rng("breath").standard_normal())
    return usual * float(np.exp(_BREATH_SD * drawn))


def diaphragm(b: Painter, build: Build, grow_mm: float) -> list[Shape]:
    """Return the domes under lungs and heart, `grow_mm` wider, cut by the rib cage.

    Breath lowers them; a liver large for the body, as a child's, lifts the right one (judgement).
    """
    lifted = 55.0 * float(np.clip(b.sizes.get("liver", 1.0) - 1.2, 0.0, 1.4))
    part = b.part("diaphragm", (0.0, 0.0, -84.0))
    inside = cavity(b, build, -grow_mm)
    high = _breath(b) ** -1.3
    domes = (((62, 4, -84), (68, 76, 104 * high + lifted)), ((-62, 2, -84), (64, 72, 90 * high)),
             ((0, 16, -84), (50, 60, 60 * high)))  # fmt: skip
    return [Both(part.ellipsoid(c, h, grow=grow_mm), inside) for c, h in domes]


def paint_chest(b: Painter, build: Build) -> None:
    """Paint all organs of the chest; the diaphragm and the fat under it too."""
    muscle = b.material("skeletal_muscle", "muscle", mass="muscle")
    # Fat of the chest is a material of its own: no organ of the belly is painted into it.
    belly = b.material("torso_fat", "adipose", mass="adipose")
    fat = b.material("torso_fat", "adipose", mass="adipose", layer="chest")
    b.canvas.paint(cavity(b, build), fat, over=(muscle,))
    lobes = _paint_lungs(b, build, fat, belly)
    thin = 2.5 * b.frame.scale(0.0)[1]
    for dome in diaphragm(b, build, thin):
        b.canvas.paint(dome, muscle, over=(fat, *lobes.values()))
    for dome in diaphragm(b, build, 0.0):
        b.canvas.paint(dome, belly)
    free = (fat, *lobes.values())
    _paint_mediastinum(b, fat, tuple(lobes.values()))
    _paint_airways(b, free)
    _paint_esophagus(b, (*free, belly))
    _paint_great_vessels(b, (*free, belly))
    _paint_heart(b, free)
    _paint_thymus(b, free)
    _paint_lung_vessels(b, lobes)


def _paint_lungs(b: Painter, build: Build, fat: int, belly: int) -> dict[str, int]:
    part = b.part("lung_density", (0.0, 0.0, 80.0), ("lungs",), power=1)
    density = float(np.clip(_LUNG_DENSITY * part.size, 0.12, 0.9))
    # The chest's room follows from the mass and the density that is wanted; where it cannot, the
    # density gives way.
    b.goals["breath"] = Goal(("lungs",), 3.5, times=density / lung_density_g_ml(b))
    lobe = {name: b.material(name, "lung", mass="lungs", density_g_ml=density) for name in LOBES}
    inside = cavity(b, build)
    place = b.part("lungs_place", (0.0, 0.0, 80.0))
    wide, deep, tall = place.local
    behind = HalfSpace((0.0, 1.0, 0.0), 0.0)
    for side, name in ((-1, "left"), (1, "right")):
        upper, lower = lobe[f"lung_upper_lobe_{name}"], lobe[f"lung_lower_lobe_{name}"]
        whole = Superellipsoid(
            place.point(side * 68, 0, 20), (66 * wide, 84 * deep, 218 * tall), 140 * tall, 2.6
        )
        b.canvas.paint(Both(whole, inside), upper, over=(fat,))
        # Behind the domes the lungs reach down beside the belly.
        b.canvas.paint(Both(Both(whole, inside), behind), upper, over=(belly,))
        # The anterior tongue: the two lungs nearly meet behind the sternum.
        tongue = place.ellipsoid((side * 26, 54, 105), (24, 24, 64))
        b.canvas.paint(Both(tongue, inside), upper, over=(fat,))
        centre = np.array(place.point(side * 68, 0, 20))
        slope = np.array([0.0, 190.0 / deep, 130.0 / tall])
        fissure = HalfSpace(tuple(slope), float(slope @ centre + 130.0 * 55.0))
        b.canvas.paint(Both(Both(whole, inside), fissure), lower, over=(upper,))
    level = place.point(0, 0, 66)[2]
    flat = Both(HalfSpace((-1.0, 0.0, 0.0), 0.0), HalfSpace((0.05, 0.0, 1.0), level))
    b.canvas.paint(flat, lobe["lung_middle_lobe_right"], over=(lobe["lung_upper_lobe_right"],))
    return lobe


def _paint_mediastinum(b: Painter, fat: int, lungs: tuple[int, ...]) -> None:
    part = b.part("mediastinum", (0.0, 0.0, 80.0))
    knots = [(243, 40, 40, 0, -8), (200, 34, 50, 0, -6), (150, 30, 62, 0, -6),
             (60, 36, 66, -3, -6), (-70, 40, 62, -4, -6)]  # fmt: skip
    b.canvas.paint(part.column(knots, z_range=(-70, 243)), fat, over=lungs)
    soft = b.material("connective_tissue", "soft")
    for x in (-36, 36):
        part.blob(soft, (x, -8, 118), (13, 14, 20), over=(fat, *lungs))  # hilum


def _paint_airways(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("airways", (0.0, 0.0, 146.0))
    wall = b.material("connective_tissue", "cartilage", mass="cartilage")
    inside = {"trachea": b.material("trachea", "air"), "bronchi": b.material("bronchi", "air")}
    wind = [(0, 6, 292), (0, -4, 200), (0, -10, 146)]
    right = [(0, -10, 146), (18, -12, 126), (46, -14, 106)]
    left = [(0, -10, 146), (-22, -12, 124), (-50, -16, 104)]
    for name, over, grow in (("", free, 1.6), ("in", (wall, *free), 0.0)):
        for points in (right, left):
            radii = np.array([7, 6, 4]) + grow
            part.tube(inside["bronchi"] if name else wall, points, radii, over, step_mm=4)
        top = (*over, *b.of_atoms("skeletal_muscle"))
        part.tube(inside["trachea"] if name else wall, wind, 8.5 + grow, top)


def _paint_esophagus(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("esophagus", (-4.0, -26.0, 100.0), ("esophagus",), power=2)
    over = (*free, *b.of_atoms("skeletal_muscle"))
    path = [(0, -24, 286), (2, -28, 230), (-4, -28, 150), (-10, -26, 60), (-16, -12, -4),
            (-28, 0, -24)]  # fmt: skip
    wall = part.material("esophagus", "oesophagus_wall")
    part.tube(wall, path, [7, 7, 7, 7.5, 8, 8], over)
    if part.rng.random() < 0.5:
        gas = part.material("esophagus", "air", mass="")
        part.tube(gas, [(-6, -27, 120), (-10, -25, 76)], 2.8, over=(wall,), step_mm=4)


def _paint_great_vessels(b: Painter, free: tuple[int, ...]) -> None:
    """Paint pulmonary artery, ascending aorta, arch and descending aorta, and the caval veins."""
    part = b.part("vessels", (0.0, 0.0, 100.0), wander=1.5)
    lungs = free
    artery = b.material("aorta", "blood", mass="large_vessel_blood", blood="aorta")
    arch = [(-2, 24, 92), (12, 27, 122), (8, 14, 160), (-8, -12, 170), (-20, -34, 152),
            (-23, -40, 100)]  # fmt: skip
    down = [(-23, -40, 100), (-18, -40, 20), (-8, -32, -80), (-4, -28, -205)]
    part.tube(artery, arch, [15, 15, 14, 13, 12, 12], lungs, step_mm=6)
    part.tube(artery, down, [12, 11, 10, 8], lungs)
    other = b.material("vessels", "blood", mass="large_vessel_blood", blood="aorta")
    for path, radius in (
        ([(9, 20, 165), (20, 8, 215), (26, 2, 270), (26, 0, 340)], 5.0),
        ([(-6, 2, 172), (-22, 0, 220), (-26, 0, 270), (-26, 0, 340)], 4.5),
        ([(18, 10, 212), (60, 8, 222), (120, 0, 205)], 5.0),
        ([(-14, -4, 176), (-40, 0, 222), (-110, 0, 208)], 5.0),
    ):
        part.tube(other, path, radius, (*lungs, *b.of_atoms("skeletal_muscle")))
    pulmonary = b.material(
        "pulmonary_artery", "blood", mass="large_vessel_blood", blood="pulmonary_artery"
    )
    part.tube(pulmonary, [(-18, 44, 86), (-21, 34, 112), (-26, 8, 128), (-46, -10, 122)],
              [14, 14, 12, 8], lungs)  # fmt: skip
    part.tube(pulmonary, [(-20, 26, 120), (4, 6, 118), (38, -4, 114)], [13, 12, 8], lungs)
    upper = b.material("superior_vena_cava", "blood", mass="large_vessel_blood", blood="veins")
    part.tube(upper, [(25, 12, 205), (27, 20, 130), (20, 22, 84)], [8, 10, 10], lungs)
    veins = b.material("vessels", "blood", mass="large_vessel_blood", blood="veins")
    neck = (*lungs, *b.of_atoms("skeletal_muscle"))
    part.tube(veins, [(25, 12, 205), (34, 14, 240), (36, 6, 340)], [7, 7, 6], neck)
    part.tube(veins, [(25, 14, 200), (-10, 24, 205), (-36, 12, 240), (-36, 6, 340)], 6.5, neck)
    lower = b.material("inferior_vena_cava", "blood", mass="large_vessel_blood", blood="veins")
    cava = [(16, 10, 30), (20, -6, -20), (22, -22, -100), (16, -26, -212)]
    part.tube(lower, cava, [11, 12, 11, 9], lungs)


def _paint_heart(b: Painter, free: tuple[int, ...]) -> None:
    whole = ("heart_myocardium", "heart_blood")
    heart = b.part("heart", (-24.0, 28.0, 46.0), whole, wander=3.0)
    b.goals["heart_chambers"] = Goal(("heart_blood",), of=whole)
    chambers = replace(heart, size=heart.size * float(b.sizes.get("heart_chambers", 1.0)))
    turn = (0.0, 32.0, -28.0)
    muscle = heart.material("heart_myocardium", "heart_muscle")
    core, inner = (
        heart.material("heart_myocardium", "heart_muscle", layer=layer)
        for layer in ("core", "inner")
    )
    centre, half, start = (-24, 30, 46), (48, 41, 56), len(b.canvas.shapes)
    heart.blob(muscle, centre, half, turn, free)
    heart.blob(core, centre, half, turn, (muscle,), grow=-WALL_MM)
    # Valves and the mouths of the veins are not painted: the chambers may touch the vessels.
    vessels = b.of_atoms("aorta", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava")
    line(b, start, core, inner, free, vessels)
    for name, at, axes, blood in (
        ("heart_atrium_right", (8, 28, 56), (21, 24, 30), "heart_right"),
        ("heart_ventricle_right", (-20, 48, 34), (31, 18, 30), "heart_right"),
        ("heart_atrium_left", (-10, 7, 66), (28, 16, 22), "heart_left"),
        ("heart_ventricle_left", (-40, 22, 36), (17, 17, 30), "heart_left"),
    ):
        material = heart.material(name, "blood", mass="heart_blood", blood=blood)
        chambers.blob(material, at, axes, (0.0, 20.0, -15.0), over=(inner,))


def _paint_thymus(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("thymus", (0.0, 54.0, 150.0), ("thymus",), wander=2.0)
    gland = part.material("thymus", "thymus")
    for x in (-9, 9):
        part.blob(gland, (x, 54, 150), (11, 7, 24), over=free)


def _paint_lung_vessels(b: Painter, lobes: dict[str, int]) -> None:
    """Paint branching vessels inside the lobes, each an atom of its lobe's own."""
    table = np.arange(max(lobes.values()) + 1)
    for name, lobe in lobes.items():
        vessel = name.replace("lung_", "lung_vessels_")
        table[lobe] = b.material(vessel, "blood", mass="lungs", blood="pulmonary_artery")
    part = b.part("lung_vessels", (0.0, 0.0, 100.0))
    rng = part.rng
    for side in (-1, 1):
        for x, y, z in rng.uniform((22, -70, -70), (125, 72, 215), (20, 3)):
            hilum = (side * 40, -8 + rng.normal(0, 6), 114 + rng.normal(0, 10))
            ends = np.array(part.point(*hilum)), np.array(part.point(side * x, y, z))
            _branch(part, table, rng, *ends, float(rng.uniform(2.6, 4.6)), 2)


def _branch(
    part: Part,
    table: np.ndarray,
    rng: np.random.Generator,
    start: np.ndarray,
    end: np.ndarray,
    radius: float,
    depth: int,
) -> None:
    """Paint a bent vessel from start to end, thinning, with side branches to a depth."""
    scale = np.array(part.local)
    middle = (start + end) / 2 + rng.normal(0, 8, 3) * scale
    t = np.linspace(0, 1, 6)[:, None]
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    thin = max(0.35 * radius, 0.8)
    for piece in part.pieces(path, [radius, thin]):
        part.painter.canvas.repaint(piece, table)
    if depth:
        for at in (2, 4):
            aside = path[at] + rng.normal(0, 22, 3) * scale + 0.35 * (end - start)
            _branch(part, table, rng, path[at], aside, 0.6 * radius, depth - 1)
