"""Facial bones, jaws and teeth, orbits with the eyes, nose and sinuses.

Points are mm from the brain's centre in the reference adult's head, drawn after atlases of CT.
"""

from __future__ import annotations

import numpy as np

from .head_part import HeadPart, by_age, cortex_share, face_depth, free_soft, soft_fat
from .painter import Painter

# Adult's masses of the template at size 1, g: set a child's first size.
_EYES_G, _LENSES_G = 15.5, 0.456
_SIDES = ((1, "right"), (-1, "left"))
# Middle of each tooth from the first incisor to the third molar: x, y; upper and lower alike.
_ARCH = ((3.5, 83), (10, 80), (15.5, 75), (19.5, 69), (22.5, 62), (25, 54), (26.5, 45), (27.5, 36))
# Age at which each tooth shows: five of the first set, then the molars of the second.
_ERUPTS_Y = (0.7, 0.9, 1.6, 1.3, 2.3, 6.3, 12.2, 19.0)
_BITE = -83.0


def paint_face(b: Painter) -> None:
    """Paint all of the face; the braincase is there."""
    part = HeadPart.begin(b, "face", (0.0, 60.0, -50.0))
    bone = b.material("skull_cortex", "cortical_bone", mass="bone_cortical")
    marrow = b.material("skull_spongiosa", "spongiosa_cranium", mass="bone_spongiosa")
    _paint_middle_face(b, part, bone, marrow)
    _paint_mandible(b, part)
    _paint_teeth(b, part)
    _paint_orbits(b, bone, marrow)
    _paint_nose(b, part, bone, marrow)


def _paint_middle_face(b: Painter, part: HeadPart, bone: int, marrow: int) -> None:
    """Paint upper jaw, cheekbones, palate, rims of the orbits and the pterygoid plates."""
    free = free_soft(b)
    inner = -1.3 * b.frame.head_scale * cortex_share(b)
    for material, grow, over in ((bone, 0.0, free), (marrow, inner, (bone,))):
        part.blob(material, (0, 62, -20), (13, 28, 14), over=over, grow=grow)  # ethmoid
        arch = [(side * x, y, -71) for side in (1, -1) for x, y in _ARCH[:7]]
        path = [*reversed(arch[7:]), *arch[:7]]
        part.tube(material, path, 6.5, over, step_mm=5, grow=grow)
        for side, _ in _SIDES:
            part.blob(material, (side * 25, 58, -48), (17, 22, 20), over=over, grow=grow)
            part.blob(material, (side * 44, 60, -42), (8.5, 11, 10), (0, 0, 0), over, grow=grow)
            zygoma = [(side * 48, 55, -42), (side * 58, 36, -38), (side * 58, 8, -33)]
            part.tube(material, zygoma, [5, 3.5, 3.5], over, step_mm=4, grow=grow)
            rim = [(side * 10, 85, -16), (side * 28, 86, -3), (side * 44, 70, -14)]
            part.tube(material, rim, [4, 4, 4.5], over, step_mm=4, grow=grow)
            rim = [(side * 44, 70, -14), (side * 42, 68, -36), (side * 22, 78, -36)]
            part.tube(material, rim, [4.5, 4.5, 3], over, step_mm=4, grow=grow)
            plate = [(side * 15, 30, -34), (side * 16, 30, -60)]
            part.tube(material, plate, [4, 3], over, grow=grow)
    part.blob(bone, (0, 60, -66), (22, 28, 3.5), over=free)
    part.tube(bone, [(0, 91, -22), (0, 97, -34)], [5, 3.5], free)


def _paint_mandible(b: Painter, part: HeadPart) -> None:
    """Paint the lower jaw; a newborn's has no angle yet, which its low face gives by itself.

    A child's jaw is thick for its low face: it is raised, so that its border keeps its place.
    """
    free = free_soft(b)
    bone = b.material("mandible_cortex", "cortical_bone", mass="bone_cortical")
    marrow = b.material("mandible_spongiosa", "spongiosa_mandible", mass="bone_spongiosa")
    grow = -by_age(b, (0.0, 20.0), (0.8, 2.2)) * cortex_share(b)
    up = jaw_lift(part)
    for material, less, over in ((bone, 0.0, free), (marrow, grow, (bone,))):
        body = [(46, 14, -88), (39, 42, -101 + up), (21, 66, -107 + up), (0, 76, -108 + up)]
        body = [*body, *((-x, y, z) for x, y, z in reversed(body[:-1]))]
        part.tube(material, body, [8, 7.5, 7, 7.5, 7, 7.5, 8], over, step_mm=4, grow=less)
        row = [(x, y, -97) for x, y in reversed(_ARCH)]
        row = [*row, *((-x, y, z) for x, y, z in reversed(row))]
        part.tube(material, row, 6.0, over, step_mm=4, grow=less)
        for side, _ in _SIDES:
            ramus = [(side * 52, 10, -38), (side * 50, 13, -62), (side * 47, 16, -88)]
            part.tube(material, ramus, [5.5, 7, 8.5], over, step_mm=4, grow=less)
            crest = [(side * 47, 33, -48), (side * 48, 24, -70), (side * 46, 24, -86)]
            part.tube(material, crest, [3, 6, 8], over, step_mm=4, grow=less)


def jaw_lift(part: HeadPart) -> float:
    """Return how far the lower jaw is raised for its thickness, mm of the reference adult."""
    return 8.0 * (part.mean / part.painter.frame.face_scale - 1.0)


def _visible(b: Painter) -> list[int]:
    """Return the places along the arch whose teeth the person has."""
    return [n for n, age in enumerate(_ERUPTS_Y) if b.frame.person.age_y >= age]


def _paint_teeth(b: Painter, part: HeadPart) -> None:
    """Paint each tooth with its root in the jaw's bone."""
    tooth = b.material("teeth", "teeth")
    jaws = (*free_soft(b), *b.of_atoms("skull_*", "mandible_*"))
    for n in _visible(b):
        x, y = _ARCH[n]
        wide = 3.2 if n < 5 else 4.6
        for side, _ in _SIDES:
            for up in (1, -1):
                neck, tip = _BITE + up * 8.0, _BITE + up * 18.0
                crown = [(side * x, y, _BITE + up * (wide + 0.4)), (side * x, y, neck)]
                part.tube(tooth, crown, [wide, wide], jaws)
                part.tube(tooth, [crown[1], (side * x, y - 1, tip)], [wide - 0.4, 1.5], jaws)


def paint_dental_fillings(b: Painter) -> None:
    """Paint metal in two to five of the back teeth; a person without back teeth gets none."""
    part = HeadPart.begin(b, "dental_fillings", (0.0, 60.0, -50.0))
    places = [n for n in _visible(b) if n >= 3]
    if not places:
        return
    # Amalgam is denser still; steel is the metal of the table that comes near a crown's.
    metal = b.material("dental_fillings", "steel")
    rng = part.rng
    for _ in range(int(rng.integers(2, 6))):
        x, y = _ARCH[int(rng.choice(places))]
        side, up = rng.choice((1, -1)), rng.choice((1, -1))
        half = np.array([2.2, 2.6, 1.8])
        at = (side * x, y, _BITE + up * 2.6)
        part.blob(metal, at, half, over=b.of_atoms("teeth", "dental_fillings"))


def _paint_orbits(b: Painter, bone: int, marrow: int) -> None:
    """Paint the orbits' walls and fat, the eyes with lenses, optic nerves and eye muscles.

    Nothing cuts eyes and lenses, so their volumes are known and need not be solved.
    """
    fat, muscle = soft_fat(b), b.material("skeletal_muscle", "muscle", mass="muscle")
    skin = b.material("skin", "skin", mass="skin")
    nerve = b.material("optic_nerve", "brain")
    frame = b.frame
    grown = by_age(b, (0.0, 5.0, 20.0), (1.12, 1.05, 1.0))  # an infant's orbits are wide
    for side, name in _SIDES:
        orbit = HeadPart.begin(b, "orbits", (side * 30.0, 62.0, -20.0))
        wall = np.array([18.3, 32 * face_depth(frame), 19]) * grown
        free = (*free_soft(b), bone, marrow)
        # The roof is domed: it rises into the cavity beside the lower plate of the nose.
        over = (*free_soft(b), marrow, *b.of_atoms("cerebrospinal_fluid", "brain"))
        orbit.blob(bone, (side * 29, 51, -20), wall, (0, 0, side * 12), over)
        thin = -1.5 * frame.head_scale
        orbit.blob(fat, (side * 30, 53, -20), wall, (0, 0, side * 12), free, grow=thin)
        volume = b.masses_g.get("eyes", _EYES_G) / _EYES_G / frame.head_scale**3
        # A child's eyes are larger for its head; the cornea keeps its place behind the lids.
        wider = 12.25 * (volume ** (1 / 3) - 1.0)
        centre = (side * 31.0, 70.9 - wider, max(-20.4 - 0.5 * wider, -21.8))
        eye = HeadPart.begin(b, "eyes", centre, first=volume ** (1 / 3))
        back, over = eye.size, (fat, muscle, skin, *b.of_atoms("subcutaneous_fat"))
        for dx, dz in ((11, 0), (-11, 0), (0, 10), (0, -10)):
            strap = [(side * 22, 36, -18), (side * 31 + dx * back, 66, -20 + dz * back)]
            orbit.tube(muscle, strap, [1.6, 1.8], over)
        course = [(side * 31, 60, -20), (side * 24, 40, -17), (side * 10, 22, -14)]
        orbit.tube(nerve, course, 2.0, (*over, bone, marrow), step_mm=4)
        globe = eye.material(f"eye_{name}", "eye", mass="eyes")
        eye.blob(globe, centre, np.full(3, 12.25), over=(*over, nerve, *free))
        volume = b.masses_g.get("eye_lenses", _LENSES_G) / _LENSES_G / frame.head_scale**3
        at = (centre[0], centre[1] + 7.6 * back, centre[2])
        lens = HeadPart.begin(b, "eye_lenses", at, first=volume ** (1 / 3))
        # 0.228 g of 1.07 g/ml: 9.2 mm across and 4.8 mm thick.
        clear = lens.material(f"eye_lens_{name}", "lens", mass="eye_lenses")
        lens.blob(clear, at, (4.6, 2.4, 4.6), over=(globe,))


def _paint_nose(b: Painter, part: HeadPart, bone: int, marrow: int) -> None:
    """Paint the nasal cavity with septum and conchae, ethmoid cells and maxillary sinuses."""
    over = (*free_soft(b), bone, marrow)
    air, sinus = b.material("nasal_cavity", "air"), b.material("air_sinuses", "air")
    soft = b.material("connective_tissue", "soft")
    grown = by_age(b, (0.0, 1.0, 5.0, 16.0), (0.30, 0.45, 0.75, 1.0))
    cells = by_age(b, (0.0, 5.0, 12.0), (0.6, 0.85, 1.0))
    skin = (*over, soft, *b.of_atoms("skin"))
    for side, _ in _SIDES:
        part.blob(air, (side * 6.2, 62, -46), (5.4, 33, 17), over=over)
        part.tube(air, [(side * 5, 84, -55), (side * 6, 104, -60), (side * 6, 106, -72)],
                  [3.5, 3.5, 3], skin, step_mm=4)  # fmt: skip
        for z, half in ((-55, (2.6, 22, 4)), (-43, (2.0, 18, 4))):
            part.blob(soft, (side * 8.5, 60, z), half, over=(air,))
        room = np.array([13.5, 18, 16]) * grown
        middle = (side * (26 - 6 * (1 - grown)), 58, -48 - 7 * (1 - grown))
        part.blob(sinus, middle, room, over=over)
        for y in (46, 59, 72):
            part.blob(sinus, (side * 6.5, y, -20), np.array([4, 5.5, 9]) * cells, over=over)
    part.blob(bone, (0, 60, -44), (0.6, 26, 16), over=(air,))
