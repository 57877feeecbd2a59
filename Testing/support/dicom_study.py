"""A CT of `tiny_analysis` as DICOM, with free text that no object made of it may take over.

Also what a structured report made of it holds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from dicom_files import UID, make_slice, save
from tiny_analysis import AFFINE, tiny_analysis, tiny_series

from CTDoseSegLib.analysis import Analysis
from CTDoseSegLib.reading.reader import read_series

SECRETS = ("ALLERGY-PENICILLIN", "COMMENT-OF-A-PATIENT", "DESCRIPTION-OF-A-STUDY")


def write_ct(folder: Path, slices: int = 4, **tags) -> Path:
    """Write the CT of `tiny_series`; free text that may hold anything stands in it."""
    hu = tiny_series(slices).hu
    steps = np.linalg.norm(AFFINE[:3, :3], axis=0)
    for k in range(slices):
        place = AFFINE[:3, 3] + k * AFFINE[:3, 2]
        values = {
            "ImagePositionPatient": [-place[0], -place[1], place[2]],
            "PixelSpacing": [steps[1], steps[0]],
            "SliceThickness": steps[2],
            "FrameOfReferenceUID": f"{UID}.3",
            "PatientBirthDate": "19500101",
            "PatientSex": "F",
            "StudyDate": "20200102",
            "StudyTime": "101112",
            "StudyID": "S1",
            "AccessionNumber": "A1",
            "ReferringPhysicianName": "Doctor^Own",
            "Allergies": SECRETS[0],
            "PatientComments": SECRETS[1],
            "StudyDescription": SECRETS[2],
        } | tags
        save(make_slice(k, (hu[k] + 1024).astype(np.uint16), **values), folder / f"{k:03d}.dcm")
    return folder


def dicom_analysis(folder: Path, slices: int = 4, **tags) -> Analysis:
    """`tiny_analysis` of a CT that was read from DICOM files in `folder`."""
    series = read_series(write_ct(folder, slices, **tags))
    made = tiny_analysis(slices)
    np.testing.assert_allclose(series.affine, AFFINE)
    np.testing.assert_array_equal(series.hu, made.series.hu)
    return replace(made, series=series)


def numbers_of(group: pydicom.Dataset) -> dict[str, tuple[float, str]]:
    """Return the numbers of a group of a structured report by name, with their units."""
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


def groups_of(sr: pydicom.Dataset) -> dict[str, pydicom.Dataset]:
    """Return the measurement groups of a structured report by tracking identifier."""
    (measurements,) = (
        item
        for item in sr.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    named = {}
    for group in measurements.ContentSequence:
        (text,) = (
            item.TextValue
            for item in group.ContentSequence
            if item.ConceptNameCodeSequence[0].CodeMeaning == "Tracking Identifier"
        )
        named[text] = group
    return named
