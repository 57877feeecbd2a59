"""How fast a trunk of 60 x 512 x 512 becomes the patient that Monte Carlo simulates, and how true.

    python Testing/Benchmarks/benchmark_patient.py

Prints the time, how the attenuation of its voxels compares with the HU of the images, organ by
organ, and how much mass the organs keep.

Target: 3 s of CPU; attenuation of every organ of 20 ml within 3 %, its mass within 15 %.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.attenuation import hounsfield
from CTDoseSegLib.dosimetry.montecarlo.materials import MATERIALS
from CTDoseSegLib.dosimetry.montecarlo.patient import Patient, patient_of
from CTDoseSegLib.dosimetry.scan import Scan
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

TARGET_S, KVP, LEAST_ML = 3.0, 120.0, 20.0
# Thin structures of tissue in air, or of air in tissue, whose voxels hold both.
MIXED = ("vessels", "trachea")
MASS_WITHIN, ATTENUATION_WITHIN = 0.15, 0.03


def make_scan() -> Scan:
    """The demo's trunk with its true label map."""
    series, truth = phantom_series(Phantom())
    series = replace(series, acquisition=Acquisition(kvp_kV=KVP))
    atoms = tuple(named_atom(value, name, "truth") for name, value in truth.names.items())
    labelmap = Labelmap(truth.labels, truth.affine, atoms, truth.groups, "truth")
    measured = measure(series, labelmap)
    return Scan.of(series, labelmap, measured, measure_size(series, labelmap, measured))


def attenuation(patient: Patient, organ: str) -> float:
    """Sum over an organ's voxels of attenuation relative to water, in ml of water."""
    voxels = patient.voxels
    where = np.isin(voxels.region, patient.scores.members[patient.scores.index_of(organ)])
    # Iodine adds to a ml of tissue whose density is that without it.
    per_gram = np.array([hounsfield(m.mass_fractions, 1.0, KVP) / 1000.0 + 1.0 for m in MATERIALS])
    density = voxels.density_g_cm3[where]
    total = float((density * per_gram[voxels.material[where]]).sum())
    return total * float(np.prod(voxels.spacing_mm)) / 1000.0


def main() -> None:
    scan = make_scan()
    started, cpu = time.perf_counter(), time.process_time()
    patient = patient_of(scan)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    grid = " x ".join(str(n) for n in patient.voxels.material.shape)
    print(f"{scan.series.hu.shape} to {grid} voxels: {wall:.2f} s, {cpu:.2f} s of CPU")
    voxel_ml = float(np.prod(scan.series.spacing_mm)) / 1000.0
    worst = [0.0, 0.0]
    for organ, in_voxels, in_images in zip(
        patient.scores.names, patient.mass_g, patient.image_mass_g, strict=True
    ):
        if not in_images > 0:
            continue
        slices = scan.measurements.of(organ)
        volume_ml = float(slices.count.sum()) * voxel_ml
        if volume_ml < LEAST_ML or any(part in organ for part in MIXED):
            continue
        water_ml = float(np.nansum((slices.mean_hu / 1000.0 + 1.0) * slices.count)) * voxel_ml
        mass = in_voxels / in_images - 1.0
        per_mass = attenuation(patient, organ) / water_ml / (1.0 + mass) - 1.0
        worst = [max(worst[0], abs(mass)), max(worst[1], abs(per_mass))]
        print(f"{organ:30s} mass {100 * mass:+5.1f} %  attenuation of it {100 * per_mass:+5.1f} %")
    print(f"worst: mass {100 * worst[0]:.1f} %, attenuation {100 * worst[1]:.1f} %")
    if cpu > TARGET_S or worst[0] > MASS_WITHIN or worst[1] > ATTENUATION_WITHIN:
        sys.exit("The target was missed.")


if __name__ == "__main__":
    main()
