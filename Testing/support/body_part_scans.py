"""Scans of parts of the body, marked by the organs on their slices."""

from __future__ import annotations

from dataclasses import replace

from dose_scans import make

from CTDoseSegLib.dosimetry.effective_dose import effective_dose
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.segmentation.labelmap import Atom

# 40 slices of 5 mm: name of an organ to the slices that it is on, foot to head.
CHEST = {"lung": (0, 40)}
ABDOMEN = {"liver": (5, 40), "kidney_left": (0, 20)}
ABDOMEN_PELVIS = {"hip_left": (0, 18), "liver": (20, 40)}
TRUNK = {"sacrum": (0, 12), "liver": (14, 28), "lung": (25, 40)}
HEAD = {"brain": (0, 40)}
NECK = {"thyroid_gland": (5, 12), "vertebrae_C5": (0, 40)}


def scan(organs, **changes):
    """Series and measurements with `organs` on their slices, lungs a third of the body."""
    series, labelmap = make(organs=(), **changes)
    atoms, groups = list(labelmap.atoms), dict(labelmap.groups)
    for value, (name, (first, last)) in enumerate(organs.items(), start=3):
        columns = slice(16, 30) if name == "lung" else slice(34, 38)
        rest = labelmap.labels[first:last, 24:56, columns]
        rest[rest > 0] = value
        atoms.append(Atom(value, name, "", "#aa0000", "test"))
        groups[name] = (name,)
    names = tuple(atom.name for atom in atoms)
    labelmap = replace(labelmap, atoms=tuple(atoms), groups={**groups, "body": names})
    return series, measure(series, labelmap)


def dose(organs, **changes):
    """Effective dose of a scan, of a person of normal size unless stated otherwise."""
    return effective_dose(*scan(organs, **{"half_axes_mm": (140.0, 110.0), **changes}))
