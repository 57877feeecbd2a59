"""The UNet that ships: what its card says, a phantom that it never saw, the held-out slab."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.ct.organs import OUTSIDE_BODY, is_bone
from CTDoseSegLib.phantom.acceptance import ACCEPTANCE_SEEDS
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.unet.engine import UNetEngine
from CTDoseSegLib.segmentation.unet.spec import WEIGHTS_FILE, bundled_folder
from CTDoseSegLib.tasks.progress import Progress

pytestmark = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("safetensors")), reason="the UNet runs on torch"
)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_the_shipped_weights_are_small_and_those_of_the_card():
    from CTDoseSegLib.segmentation.unet.network import load_unet

    _, spec, digest = load_unet()
    card = bundled_folder().joinpath("model_card.md").read_text(encoding="utf-8")
    assert len(bundled_folder().joinpath(WEIGHTS_FILE).read_bytes()) <= 8_000_000
    assert digest in card
    assert "not for clinical use" in card
    for name in spec.withheld:
        assert f"| {name} |" in card.partition("**Withheld.**")[2]


@pytest.mark.parametrize(
    "phantom",
    # A thin body, arms down beneath a blanket, a head in its headrest.
    [ACCEPTANCE_SEEDS[n] for n in (4, 5, 9)],
    ids=lambda phantom: f"{phantom.variant}_{phantom.seed}",
)
def test_a_phantom_that_it_never_saw(phantom):
    series, truth = phantom_series(phantom)
    made = UNetEngine().segment(series, Progress())

    def true(names):
        return np.isin(truth.labels, [phantom.names[n] for n in names if n in phantom.names])

    body = made.mask("body")
    assert dice(body, true(phantom.groups["body"])) >= 0.995
    assert (body & true(OUTSIDE_BODY)).sum() <= 0.001 * body.sum()
    for lung in {"lung_left", "lung_right"} & set(phantom.groups):
        assert dice(made.mask(lung), true(phantom.groups[lung])) >= 0.98
    assert dice(made.mask("bone"), true([n for n in phantom.names if is_bone(n)])) >= 0.90
    goals = {"liver": 0.93, "spleen": 0.93, "heart": 0.93, "aorta": 0.88, "kidney_left": 0.93}
    for organ in goals.keys() & set(phantom.groups):
        assert dice(made.mask(organ), true(phantom.groups[organ])) >= goals[organ], organ


def test_liver_and_spleen_of_the_slab_that_was_held_out(data_dir):
    import SimpleITK as sitk

    series = read_series(data_dir / "ct" / "totalsegmentator_reference" / "example_ct_dicom")
    labels = sitk.GetArrayFromImage(
        sitk.ReadImage(str(data_dir / "labels" / "example_ct_dicom.nii.gz"))
    )
    made = UNetEngine().segment(series, Progress())
    assert dice(made.mask("liver"), labels == 7) >= 0.95
    assert dice(made.mask("spleen"), labels == 8) >= 0.927


def test_blood_full_of_contrast_is_heart_and_no_bone():
    body = Body(person=Person.of(60, "female"), seed=20, phase="arterial")
    series, truth = phantom_series(
        Phantom.of_body(body, "chest", pixels=192, slice_mm=10.0, seed=20)
    )
    made = UNetEngine().segment(series, Progress())
    true = {
        name: np.isin(truth.labels, [truth.names[atom] for atom in truth.groups[name]])
        for name in ("heart", "aorta")
    }
    assert dice(made.mask("heart"), true["heart"]) >= 0.93
    blood = true["heart"] | true["aorta"]
    assert (made.mask("bone") & blood).sum() <= 0.005 * blood.sum()


def test_the_command_line_takes_it_where_it_is_named(tmp_path):
    phantom = replace(ACCEPTANCE_SEEDS[4], shape=(256, 256, 6), spacing_mm=(1.7, 1.7, 24.0))
    write_dicom(phantom, tmp_path / "ct")
    done = command_line.main(
        ["analyze", str(tmp_path / "ct"), "--engine", "unet", "--output", str(tmp_path / "out")]
    )
    assert done == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert result["segmentation"]["engine"] == "unet"
