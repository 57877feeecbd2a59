"""Organ doses of a body for any beam and any place of the tube, from one simulation.

Photons start in strata of z, fan angle and energy, as many as a mixture of all beams would send;
what a beam gives is a weighted sum of the strata (importance sampling).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from dose_bodies import LearningBody
from scipy import ndimage

from CTDoseSegLib.ct.organs import organs
from CTDoseSegLib.dosimetry.montecarlo.beams import BeamModel, beam_of, model_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history
from CTDoseSegLib.dosimetry.montecarlo.patient import Patient, patient_of
from CTDoseSegLib.dosimetry.montecarlo.response import BIN_MM, MGY_PER_KEV_PER_G
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.tally import MEDIUM, RED_MARROW, SOFT_TISSUE
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam
from CTDoseSegLib.segmentation.labelmap import Labelmap

VOLTAGES_KV = (70, 80, 100, 120, 140, 150)
# Half-value layers at 120 kV, mm Al, which the generic beams get besides their own.
OTHER_HVL_MM = (6.5, 7.0, 8.3, 9.0)
MODELS = (
    "generic body",
    "generic head",
    "GE VCT-like large",
    "GE VCT-like medium",
    "GE VCT-like small",
    "Siemens Definition Flash W2",
    "Siemens Definition Flash W3",
    "Siemens Force W2",
    "Siemens Force W3",
    "Canon Aquilion ONE S",
    "Canon Aquilion ONE M",
    "Canon Aquilion ONE L",
)
# Where most photons are, and where a bowtie filter changes, bins are narrow.
_HALF_FAN = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.31, 0.39, 0.5)
ENERGY_EDGES = (9, 20, 28, 34, 39, 44, 49, 54, 59, 64, 70, 77, 86, 97, 110, 128, 150)
_FOCUS_MM = 570.0
_BEYOND_MM = 100.0
# Parts of organs that nobody asks a dose for.
_LEFT_OUT = ("rib_", "vertebrae_", "_cortex", "_spongiosa", "_wall", "_contents", "_medullary")
_OUTSIDE = ("couch", "blanket", "headrest")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Beams:
    """All beams on the same few fan bins and energies.

    Attributes
    ----------
    names
        Model, half-value layer and voltage of each.
    beams
        Each of them; `mixture` is what is sampled.
    kerma_mGy_cm
        [beam, 2]: c in the 16 and in the 32 cm phantom, per photon.
    """

    names: tuple[tuple[str, float, int], ...]
    beams: tuple[XRayBeam, ...]
    mixture: XRayBeam
    kerma_mGy_cm: np.ndarray


def model(name: str, hvl_mm: float) -> BeamModel:
    """Return a beam with this half-value layer at 120 kV, at the distance that is simulated."""
    return replace(model_of(name), hvl_mm=hvl_mm, focus_isocentre_mm=_FOCUS_MM)


@lru_cache(maxsize=1)
def all_beams() -> Beams:
    """Return every model at every voltage."""
    names, fine = [], []
    for name in MODELS:
        own = model_of(name).hvl_mm
        values = (own, *OTHER_HVL_MM) if name.startswith("generic") else (own,)
        for hvl in values:
            for voltage in VOLTAGES_KV:
                names.append((name, hvl, voltage))
                fine.append(beam_of(model(name, hvl), voltage))
    edges = np.array((*(-np.array(_HALF_FAN[:0:-1])), *_HALF_FAN))
    numbers = np.array([_binned(beam, edges) for beam in fine])
    spectra = sum(_spectrum(beam) for beam in fine)
    middles = _mean_energies(spectra)
    beams = tuple(
        _coarse(beam, part, edges, middles) for beam, part in zip(fine, numbers, strict=True)
    )
    # Some photons everywhere, so that no beam needs a great weight.
    mixture = _coarse(fine[0], 0.9 * numbers.mean(axis=0) + 0.1 / numbers[0].size, edges, middles)
    kerma = [[ctdi_weighted_per_history(beam, cm)[0] for cm in (16, 32)] for beam in beams]
    return Beams(tuple(names), beams, mixture, np.array(kerma))


def _binned(beam: XRayBeam, edges: np.ndarray) -> np.ndarray:
    middles = (beam.fan_tangent_edges[1:] + beam.fan_tangent_edges[:-1]) / 2
    fan = np.clip(np.digitize(middles, edges) - 1, 0, len(edges) - 2)
    energy = np.digitize(beam.energies_keV, ENERGY_EDGES) - 1
    energy = np.clip(energy, 0, len(ENERGY_EDGES) - 2)
    numbers = np.zeros((len(edges) - 1, len(ENERGY_EDGES) - 1))
    np.add.at(numbers, np.ix_(fan, energy), beam.probabilities())
    return numbers


def _spectrum(beam: XRayBeam) -> np.ndarray:
    """Return shares of photons in steps of 0.5 keV from 0 to 150."""
    steps = np.zeros(302)
    steps[np.round(2 * beam.energies_keV).astype(int)] = beam.probabilities().sum(axis=0)
    return steps


def _mean_energies(steps: np.ndarray) -> np.ndarray:
    energies = np.arange(302) / 2
    inside = np.clip(np.digitize(energies, ENERGY_EDGES) - 1, 0, len(ENERGY_EDGES) - 2)
    number = np.bincount(inside, steps, len(ENERGY_EDGES) - 1)
    return np.bincount(inside, steps * energies, len(number)) / number


def _coarse(
    beam: XRayBeam, numbers: np.ndarray, edges: np.ndarray, energies: np.ndarray
) -> XRayBeam:
    few = replace(
        beam, energies_keV=energies, fan_tangent_edges=edges, photons=np.ones_like(numbers)
    )
    return replace(few, photons=numbers / few.solid_angles_sr()[:, None])


@dataclass(frozen=True, eq=False)
class Responses:
    """What a body's simulation found.

    Attributes
    ----------
    about
        Plain values: the body, histories.
    names
        Scores: organs, and the marrow spaces of bones.
    z_edges_mm
        [z + 1] of the tube's path, at equal steps; `image_range_mm` are the images' ends.
    dose
        float32 [score, z, beam]: dose to soft tissue (to red marrow in its spaces) by 1 mGy of
        CTDIvol of the 32 cm phantom over one bin of z.
    se
        float32 [score, z]: standard error of the first beam's at 120 kV.
    medium_ratio
        float32 [score, beam]: dose to the medium over that to soft tissue, tube over the images.
    profiles
        Name to [k]: z_mm, wed_mm, area_mm2, width_mm, height_mm of the body in each image.
    organ_area_mm2, organ_depth_mm
        float32 [score, k]: area in the image and mean distance from the skin in it.
    organ_hu, iodine_mg_ml, mass_g
        [score].
    """

    about: dict[str, Any]
    names: tuple[str, ...]
    z_edges_mm: np.ndarray
    image_range_mm: np.ndarray
    dose: np.ndarray
    se: np.ndarray
    medium_ratio: np.ndarray
    profiles: dict[str, np.ndarray]
    organ_area_mm2: np.ndarray
    organ_depth_mm: np.ndarray
    organ_hu: np.ndarray
    iodine_mg_ml: np.ndarray
    mass_g: np.ndarray

    def write(self, path: Path) -> None:
        """Write an ``.npz`` without pickles, whole or not at all."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values["about"] = np.array(json.dumps(values["about"]))
        values["names"] = np.array(values["names"])
        profiles = values.pop("profiles")
        values |= {f"profile_{name}": array for name, array in profiles.items()}
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **values)
        part.replace(path)


def read_responses(path: Path) -> Responses:
    """Read what `Responses.write` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        values = {name: stored[name] for name in stored.files}
    values["about"] = json.loads(str(values["about"]))
    values["names"] = tuple(str(name) for name in values["names"])
    profiles = {key[8:]: values.pop(key) for key in list(values) if key.startswith("profile_")}
    return Responses(profiles=profiles, **values)


def responses_of(body: LearningBody, histories: int, seed: int) -> Responses:
    """Simulate a body."""
    beams = all_beams()
    scan = body.scan
    patient = patient_of(scan)
    keep = _kept(patient)
    scores = Scores(
        tuple(patient.scores.names[n] for n in keep), tuple(patient.scores.members[n] for n in keep)
    )
    low, high = patient.image_range_mm
    bins = int(np.ceil((high - low + 2 * _BEYOND_MM) / BIN_MM))
    middle, half = (low + high) / 2, bins * BIN_MM / 2
    edges = np.linspace(middle - half, middle + half, bins + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    share = np.where((centres > low - 20) & (centres < high + 20), 1.0, 0.5)
    path = SourcePath(edges, share / share.sum(), angle_bins=1)
    tally = simulate(
        patient.voxels, beams.mixture, path, scores, histories=histories, seed=seed,
        batches=4, by_fan_and_energy=True, threads=1,
    )  # fmt: skip
    mass = patient.mass_g[keep]
    detector = np.array(
        [RED_MARROW if name.startswith("red_marrow_") else SOFT_TISSUE for name in scores.names]
    )
    which = np.arange(len(scores))
    soft, squares = tally.sums_keV[detector, which], tally.squares_keV2[detector, which]
    numbers = np.array([beam.probabilities() for beam in beams.beams])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Photons of a beam over photons sampled, each bin of z as if it were the whole path.
        weight = numbers / (
            tally.probability[:, 0, None] / path.probability[:, None, None, None]
        )  # [z, beam, f, e]
    weight = np.nan_to_num(weight) / (tally.total_histories * path.probability)[:, None, None, None]
    scale = MGY_PER_KEV_PER_G * (BIN_MM / 10) / beams.kerma_mGy_cm[:, 1] / mass[:, None]
    energy = np.einsum("szfe,zbfe->szb", soft[:, :, 0], weight, optimize=True)
    medium = np.einsum("szfe,zbfe->szb", tally.sums_keV[MEDIUM, :, :, 0], weight, optimize=True)
    inside = (centres > low) & (centres < high)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = medium[:, inside].sum(axis=1) / energy[:, inside].sum(axis=1)
    first = beams.names.index((MODELS[0], model_of(MODELS[0]).hvl_mm, 120))
    variance = np.einsum("szfe,zfe->sz", squares[:, :, 0], weight[:, first] ** 2)
    about = {**body.about, "histories": tally.total_histories,
             "voxel_mm": list(patient.voxels.spacing_mm)}  # fmt: skip
    profiles, area, depth, hu = _geometry(scan, scores.names, _atoms_of(patient, scan.labelmap))
    return Responses(
        about=about,
        names=scores.names,
        z_edges_mm=edges,
        image_range_mm=np.array(patient.image_range_mm),
        dose=(energy * scale[:, None]).astype(np.float32),
        se=(np.sqrt(variance) * scale[:, first][:, None]).astype(np.float32),
        medium_ratio=ratio.astype(np.float32),
        profiles=profiles,
        organ_area_mm2=area,
        organ_depth_mm=depth,
        organ_hu=hu,
        iodine_mg_ml=np.array([patient.iodine_mg_ml.get(n, 0.0) for n in scores.names]),
        mass_g=mass,
    )


def _kept(patient: Patient) -> list[int]:
    """Return the scores that are organs of the table, and the marrow spaces of bones."""
    known = set(organs())
    kept = []
    for n, name in enumerate(patient.scores.names):
        of_bone = any(part in name for part in _LEFT_OUT)
        extra = name.startswith(("red_marrow_", "anterior_eye_"))
        asked = extra or (name in known and not of_bone and name not in _OUTSIDE)
        if asked and patient.mass_g[n] > 0:
            kept.append(n)
    return kept


def _atoms_of(patient: Patient, labelmap: Labelmap) -> dict[str, tuple[str, ...]]:
    """Return the labels of every score: of marrow those of its bone, of a lens its eye's."""
    atoms = {name: tuple(members) for name, members in labelmap.groups.items()}
    for site in patient.marrow:
        inner = tuple(atom for atom in site.atoms if atom.endswith("_spongiosa"))
        atoms[site.score] = inner or site.atoms
    for side in ("left", "right"):
        atoms[f"anterior_eye_{side}"] = atoms.get(f"eye_{side}", (f"eye_{side}",))
    return atoms


def _geometry(
    scan: Any, names: tuple[str, ...], atoms: dict[str, tuple[str, ...]]
) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray]:
    """Return the body's profiles; area and depth of scores by image; their mean HU."""
    labelmap, series = scan.labelmap, scan.series
    size = scan.size
    outside = _values(labelmap, [n for n in ("couch", "blanket", "headrest") if n in
                                 {a.name for a in labelmap.atoms}])  # fmt: skip
    body = (labelmap.labels > 0) & ~np.isin(labelmap.labels, outside)
    dy, dx = abs(series.affine[1, 1]), abs(series.affine[0, 0])
    depth = np.zeros(body.shape, np.float32)
    width, height = np.zeros(len(body)), np.zeros(len(body))
    for k, plane in enumerate(body):
        filled = ndimage.binary_fill_holes(plane)
        depth[k] = ndimage.distance_transform_edt(filled, sampling=(dy, dx))
        rows, columns = np.flatnonzero(plane.any(1)), np.flatnonzero(plane.any(0))
        if len(rows):
            height[k] = (rows[-1] - rows[0] + 1) * dy
            width[k] = (columns[-1] - columns[0] + 1) * dx
    profiles = {
        "z_mm": series.z_mm,
        "wed_mm": size.wed_mm,
        "area_mm2": size.body_area_mm2,
        "width_mm": width,
        "height_mm": height,
    }
    most = int(labelmap.labels.max()) + 1
    slices = len(body)
    index = (np.arange(slices)[:, None, None] * most + labelmap.labels).ravel()
    count = np.bincount(index, minlength=slices * most).reshape(slices, most)
    depths = np.bincount(index, depth.ravel(), slices * most).reshape(slices, most)
    sums = np.bincount(index, series.hu.ravel(), slices * most).reshape(slices, most)
    area = np.zeros((len(names), slices), np.float32)
    mean_depth, hu = np.zeros_like(area), np.zeros(len(names), np.float32)
    for n, name in enumerate(names):
        values = _values(labelmap, atoms.get(name, (name,)))
        number = count[:, values].sum(axis=1)
        area[n] = number * dx * dy
        with np.errstate(invalid="ignore", divide="ignore"):
            mean_depth[n] = np.nan_to_num(depths[:, values].sum(axis=1) / number)
            hu[n] = np.nan_to_num(sums[:, values].sum() / number.sum())
    return profiles, area, mean_depth, hu


def _values(labelmap: Labelmap, names: Any) -> list[int]:
    return [atom.value for atom in labelmap.atoms if atom.name in set(names)]
