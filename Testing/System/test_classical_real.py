"""The engine without a network on real CT.

The label maps beside the CT are machine-made: what is asserted is agreement of two machines, not
accuracy. Tumour and effusion are no lung there, and 255 is undecided.
"""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from CTDoseSegLib.flags import codes
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.threshold.engine import segment

SETS = {
    "lungdx_A0001_thorax": ("lung_left", "lung_right", "trachea"),
    "lungdx_A0002_thorax": ("lung_left", "lung_right", "trachea"),
    "acrin_flt_013_chest": ("lung_left", "lung_right"),
    "cptac_C3L-00189_upper_abdomen": ("lung_left", "lung_right"),
    "crlm_1006_abdomen": ("lung_left", "lung_right"),
    "lidc_0314_thorax": ("lung_left", "lung_right", "trachea"),
    "example_ct_dicom": (),
}
VALUES = {"lung_left": 3, "lung_right": 4, "trachea": 5}
LEAST = {"lung_left": 0.99, "lung_right": 0.99, "trachea": 0.85}


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def expected_flags(series) -> str:
    """What is doubtful of bone where contrast agent is stated; else nothing is."""
    return "bone_by_thresholds" if series.acquisition.contrast else ""


@pytest.mark.parametrize("name", SETS)
def test_agrees_with_the_machine_made_labels(name, data_dir, unpack):
    ct = data_dir / "ct"
    if name.startswith("lidc"):
        series = read_series(ct / "lidc_0314_thorax_derived.nii.gz")
    elif name.startswith("example"):
        series = read_series(ct / "totalsegmentator_reference" / name)
    else:
        series = read_series(unpack(name))
    made = segment(series)
    other = sitk.GetArrayFromImage(sitk.ReadImage(str(data_dir / "labels" / f"{name}.nii.gz")))
    decided = other != 255
    assert "brain" not in made.groups
    assert codes(made.flags) == expected_flags(series)
    body = made.mask("body")
    assert dice(body & decided, np.isin(other, (0, 2, 255), invert=True)) > 0.993
    assert (body & (other == 2)).sum() <= 0.002 * body.sum()
    for organ in SETS[name]:
        assert dice(made.mask(organ) & decided, other == VALUES[organ]) > LEAST[organ]


def test_skin_has_the_density_that_the_dose_models_learned(unpack):
    """Mean -54 HU (chest) and -47 (abdomen) there; scans and their kernels differ by 30 HU."""
    for name in ("lungdx_A0002_thorax", "acrin_flt_013_chest", "cptac_C3L-00189_upper_abdomen"):
        series = read_series(unpack(name))
        assert -80 < series.hu[segment(series).mask("skin")].mean() < -25


def test_single_slices_have_a_body_and_what_lung_there_is(unpack):
    """Fourteen slices of seven patients, some with consolidated lungs, arms or a cut body."""
    with_lung = {"A002304", "A046441", "A048383", "A056642", "A067967"}
    files = sorted(p for p in unpack("covid19_ny_sbu_single_slices").rglob("*") if p.is_file())
    assert len(files) == 14
    for file in files:
        series = read_series(file)
        made = segment(series)
        area_cm2 = made.mask("body").sum() * series.pixel_area_mm2 / 100
        assert 400 < area_cm2 < 1600
        assert ("lung" in made.groups) == (file.parts[-3] in with_lung), file.name
        assert "brain" not in made.groups
        assert codes(made.flags) == expected_flags(series)


def test_the_brain_of_a_real_head_is_in_most_of_its_slices(unpack):
    """A tilted scan with uneven slices, whose distances are not the slices' thickness."""
    made = segment(read_series(unpack("qa_ct_ge_tilt_variable_spacing")))
    pixels = made.mask("brain").sum(axis=(1, 2))
    assert 20 <= (pixels > 0).sum() <= 26
    assert [one.code for one in made.flags] == ["slices_not_regular"]
