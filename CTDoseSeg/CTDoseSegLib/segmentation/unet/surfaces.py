"""What a network at 2 mm leaves to the image's own pixels: the lungs' edge, and the couch's shell.

The network knows where a thing is. Its pixels are too coarse for where a lung's surface runs, and
for a shell of a millimetre that lies along the skin; one is an edge between two densities, the
other has one shape in all slices. Only a CT with a body among its classes has this to offer.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..labelmap import BODY_REST, COUCH
from ..morphology import dilated
from ..slice_threads import for_each_slice
from ..threshold.body import surface_threshold
from ..threshold.contact import Couch, without_couch
from ..working_grid import Canonical, field_of_view
from .spec import UNetSpec

# An edge between lung and tissue lies in here, whatever the lung's own density.
LUNG_EDGE_HU = (-500.0, -300.0)
# Beside bone, a pixel is bone from half of the density of the densest bone near to it on: there
# half of it is bone. Below the other limit it may be contrast agent or cartilage. Both were chosen
# on phantoms, bodies and the scans that were held out.
HALF, NEAR_MM, LEAST_BONE_HU = 0.5, 4.0, 250.0
# Of the rest of the body, ordered by density, about half is fat.
MUSCLE_PERCENT = 75
BONE, LUNGS = "bone", ("lung_left", "lung_right")
# A separate piece of body is a limb: as dense as tissue. Foam and blankets are not.
TISSUE_HU = 150.0
SECOND_BODY = 0.5
# A piece of couch that has more body than this round it lies in the body.
IN_BODY, FAT_HU = 0.5, -200.0
# What is couch in a smaller part of the slices is not the couch: it has one place in all.
# Its edge wavers by so much.
OFTEN, WAVERS_MM = 0.1, 2.0
# A hollow with more couch than this round it is the couch's.
COUCH_RIM = 0.1


def draw_surfaces(
    labels: np.ndarray, coarse: np.ndarray, small: np.ndarray, view: Canonical, spec: UNetSpec
) -> None:
    """Draw lungs and couch anew where they meet the rest of the body, in place.

    Parameters
    ----------
    labels
        uint8 [k, j, i] on the view's grid.
    coarse, small
        Labels (uint8) and HU on the working grid, [k, rows, columns].
    view
        The slices.
    spec
        Of the network.
    """
    if not spec.windows or BODY_REST not in spec.classes:
        return
    pixels = nearest_pixels(labels.shape[1:], coarse.shape[1:])
    value = {name: number for number, name in enumerate(spec.classes, start=1)}
    if COUCH in value:
        _part_pieces(labels, coarse, small, pixels, value[COUCH])
        _return_pieces(labels, coarse, small, pixels, value)
        _part_couch(labels, coarse, small, pixels, view, value)
    if BONE in value:
        _draw_bone(labels, coarse, small, pixels, view, value)
    edge = _lung_edge(small, coarse, value)
    for name in LUNGS:
        if name in value:
            lung = coarse == value[name]
            _draw_lung(labels, lung, pixels, view.hu, edge, value[name], value[BODY_REST])


def fill_cavities(labels: np.ndarray, coarse: np.ndarray, spec: UNetSpec) -> None:
    """Give to the rest of the body what belongs to nothing and is enclosed by the body, in place.

    Gas in stomach or bowel that the network leaves out is inside the patient. What is open to the
    end of the scan or enclosed by a couch is not.

    Parameters
    ----------
    labels
        uint8 [k, j, i].
    coarse
        uint8 on the working grid, [k, rows, columns].
    spec
        Of the network.
    """
    if BODY_REST not in spec.classes:
        return
    rest = spec.classes.index(BODY_REST) + 1
    couch = spec.classes.index(COUCH) + 1 if COUCH in spec.classes else 0
    regions, _ = ndimage.label(coarse == 0)
    faces = (regions[[0, -1]], regions[:, [0, -1]], regions[:, :, [0, -1]])
    outside = {int(v) for face in faces for v in np.unique(face)}
    enclosed = []
    for number, window in enumerate(ndimage.find_objects(regions), start=1):
        if number in outside:
            continue
        k, j, i = (slice(max(0, part.start - 1), part.stop + 1) for part in window)
        cavity = regions[k, j, i] == number
        rim = coarse[k, j, i][ndimage.binary_dilation(cavity) & ~cavity]
        if (rim == couch).mean() < COUCH_RIM:
            enclosed.append(number)
    if not enclosed:
        return
    cavities = np.isin(regions, enclosed)
    coarse[cavities] = rest
    pixels = nearest_pixels(labels.shape[1:], coarse.shape[1:])
    for n in np.flatnonzero(cavities.any(axis=(1, 2))):
        image = labels[n]
        # Finer pixels of a cavity lie in the working pixels around it too.
        reach = _around(cavities[n]) & ((regions[n] == 0) | cavities[n])
        image[(image == 0) & enlarged(reach, pixels)] = rest


def nearest_pixels(fine: tuple[int, int], coarse: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column of the coarse grid for each row and column of the fine one."""
    rows, columns = (
        np.minimum((np.arange(n) + 0.5) * m / n, m - 1).astype(int)
        for n, m in zip(fine, coarse, strict=True)
    )
    return rows, columns


def enlarged(image: np.ndarray, pixels: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return an image of the coarse grid at the `nearest_pixels` of the fine one."""
    return image.take(pixels[0], axis=0).take(pixels[1], axis=1)


def _around(mask: np.ndarray) -> np.ndarray:
    """Return a mask [j, i] with the pixels that it shares a side with."""
    return dilated(mask, 1, 1, square=False)


def _part_pieces(
    labels: np.ndarray,
    coarse: np.ndarray,
    small: np.ndarray,
    pixels: tuple[np.ndarray, np.ndarray],
    couch: int,
) -> None:
    """Give to the couch the separate pieces of body that are not as dense as tissue."""
    pieces, count = ndimage.label((coarse > 0) & (coarse != couch))
    if count < 2:
        return
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    lesser = np.flatnonzero(sizes < SECOND_BODY * sizes.max(initial=0)) + 1
    if not lesser.size:
        return
    density = np.asarray(ndimage.median(small, pieces, lesser))
    gone = np.isin(pieces, lesser[np.abs(density) > TISSUE_HU])
    coarse[gone] = couch
    for k in np.flatnonzero(gone.any(axis=(1, 2))):
        image = labels[k]
        # Finer pixels of a piece lie in the working pixels around it too.
        reach = _around(gone[k]) & (gone[k] | (pieces[k] == 0))
        image[(image > 0) & enlarged(reach, pixels)] = couch


def _return_pieces(
    labels: np.ndarray,
    coarse: np.ndarray,
    small: np.ndarray,
    pixels: tuple[np.ndarray, np.ndarray],
    value: dict[str, int],
) -> None:
    """Give to the body what is as dense as fat of separate pieces of couch that lie in it."""
    couch, rest = value[COUCH], value[BODY_REST]
    pieces, count = ndimage.label(coarse == couch)
    if count < 2:
        return
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    returned = np.zeros(coarse.shape, bool)
    for number, window in enumerate(ndimage.find_objects(pieces), start=1):
        around = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in window)
        piece = pieces[around] == number
        rim = coarse[around][ndimage.binary_dilation(piece) & ~piece]
        in_body = (rim > 0) & (rim != couch)
        if number != largest and in_body.mean() > IN_BODY:
            returned[around] |= piece & (small[around] > FAT_HU)
    coarse[returned] = rest
    for k in np.flatnonzero(returned.any(axis=(1, 2))):
        image = labels[k]
        reach = _around(returned[k]) & (returned[k] | (pieces[k] == 0))
        image[(image == couch) & enlarged(reach, pixels)] = rest


def _part_couch(
    labels: np.ndarray,
    coarse: np.ndarray,
    small: np.ndarray,
    pixels: tuple[np.ndarray, np.ndarray],
    view: Canonical,
    value: dict[str, int],
) -> None:
    """Take the shell of couch or headrest out of the body where the body lies on it.

    Skin can follow the shell's circle by chance. A couch has the same place in all slices: it is
    taken out only where the network drew it in one slice at least. What a body hides in all
    slices, or in the only one, stays in the body.
    """
    couch_value, rest = value[COUCH], value[BODY_REST]
    threshold = surface_threshold(small)
    seen = field_of_view(view.hu)
    slices = (
        (hu > threshold, enlarged(_around((one > 0) & (one != couch_value)), pixels) | ~seen)
        for hu, one in zip(view.hu, coarse, strict=True)
    )
    couch = Couch.of(slices, view.spacing_mm[1:])
    everywhere = coarse == couch_value
    drawn = enlarged(_around(everywhere.any(axis=0)), pixels)
    often = everywhere.sum(axis=0) > max(1, OFTEN * len(coarse))
    pixel_mm = view.spacing_mm[1] * view.hu.shape[1] / coarse.shape[1]
    if pixel_mm < 1.5 * WAVERS_MM:  # else within a pixel
        often = _around(often)
    steady = enlarged(often, pixels)

    def part(k: int) -> None:
        hu, image = view.hu[k], labels[k]
        body = (image > 0) & (image != couch_value)
        parted = without_couch(body, (hu > threshold) & seen, couch, view.spacing_mm[1:])
        # Fat beside the body that is couch in hardly another slice is the body's.
        fat = (image == couch_value) & ~steady & (hu > FAT_HU) & dilated(body, 2, 2)
        image[(image == rest) & ~parted & drawn] = couch_value
        image[fat] = rest

    for_each_slice(part, range(len(labels)))


def _draw_bone(
    labels: np.ndarray,
    coarse: np.ndarray,
    small: np.ndarray,
    pixels: tuple[np.ndarray, np.ndarray],
    view: Canonical,
    value: dict[str, int],
) -> None:
    """Give to bone the pixels of the rest of the body beside it of which half is bone."""
    bone, rest = value[BONE], value[BODY_REST]
    pixel_mm = view.spacing_mm[1] * view.hu.shape[1] / coarse.shape[1]
    window = 2 * max(1, round(NEAR_MM / pixel_mm)) + 1

    def draw(k: int) -> None:
        own = coarse[k] == bone
        densest = ndimage.maximum_filter(np.where(own, small[k], LEAST_BONE_HU), window)
        least = enlarged(np.maximum(HALF * densest, LEAST_BONE_HU), pixels)
        image = labels[k]
        image[enlarged(_around(own), pixels) & (image == rest) & (view.hu[k] > least)] = bone

    for_each_slice(draw, np.flatnonzero((coarse == bone).any(axis=(1, 2))))


def _lung_edge(small: np.ndarray, coarse: np.ndarray, value: dict[str, int]) -> float:
    """Return the HU halfway between lung and what is around it: muscle, not the fat of the skin."""
    lung = np.isin(coarse, [value[name] for name in LUNGS if name in value])
    tissue = coarse == value[BODY_REST]
    if not lung.any() or not tissue.any():
        return float(np.mean(LUNG_EDGE_HU))
    muscle = np.percentile(small[tissue], MUSCLE_PERCENT)
    return float(np.clip(0.5 * (np.median(small[lung]) + muscle), *LUNG_EDGE_HU))


def _draw_lung(
    labels: np.ndarray,
    lung: np.ndarray,
    pixels: tuple[np.ndarray, np.ndarray],
    hu: np.ndarray,
    edge: float,
    value: int,
    rest: int,
) -> None:
    """Draw a lung's surface against the rest of the body by the density of the pixels."""

    def draw(k: int) -> None:
        near = enlarged(_around(lung[k]) & _around(~lung[k]), pixels)
        image = labels[k]
        near &= (image == value) | (image == rest)
        image[near] = np.where(hu[k][near] < edge, value, rest)

    for_each_slice(draw, np.flatnonzero(lung.any(axis=(1, 2))))
