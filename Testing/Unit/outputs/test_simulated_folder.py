"""A simulated result in a folder gives the doses of organs that are edited later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import make, scan_of

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.montecarlo.edits import EditedEngine
from CTDoseSegLib.dosimetry.montecarlo.organs import with_dose
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.outputs.dose_maps import BATCHES, read_dose_map, write_dose_map
from CTDoseSegLib.outputs.simulated import read_simulation, write_simulation
from CTDoseSegLib.result_folder import write_result

LIVER = 3


def dose_map():
    rng = np.random.default_rng(3)
    batches = rng.uniform(3.0, 5.0, (20, 20, 40, 40)).astype(np.float32)
    dose = batches.mean(axis=0)
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = 2.5
    return DoseMap(dose, affine, 0.1 * dose, 2_000_000, batches)


@pytest.fixture
def simulated():
    """A scan whose doses are those of a simulation, and its map."""
    series, labelmap = make(organs=("liver", "kidney_left"))
    scan = scan_of(series, labelmap)
    slices = np.where(scan.measurements.occupied("liver"), 4.2, np.nan)
    components = {"statistics": 0.01, "ctdivol_display": 0.1}
    liver = with_dose(scan.without_dose("liver"), 4.2, components, slices)
    card = {"histories": 2_000_000, "kerma_relative_se": 0.002}
    engine = EditedEngine(scan, dose_map(), (liver,), model_card=card)
    return analyze(series, labelmap, dose_engine=engine)


def doses(analysis):
    return {organ.organ: organ.dose_mGy for organ in analysis.doses.organs}


def test_a_map_comes_back_with_its_batches_to_half_precision(tmp_path):
    made = dose_map()
    names = {path.name for path in write_dose_map(made, tmp_path, batches=True)}
    assert BATCHES in names
    read = read_dose_map(tmp_path, histories=made.histories)
    assert np.array_equal(read.dose_mGy, made.dose_mGy)
    assert np.array_equal(read.statistical_sd_mGy, made.statistical_sd_mGy)
    assert read.affine == pytest.approx(made.affine)
    batches = made.soft_tissue_batches_mGy
    assert read.soft_tissue_batches_mGy == pytest.approx(batches, rel=6e-4)


def test_batches_are_written_where_they_are_asked_for_alone(tmp_path):
    write_dose_map(dose_map(), tmp_path)
    assert not (tmp_path / BATCHES).exists()
    assert read_dose_map(tmp_path, histories=1).soft_tissue_batches_mGy is None


def test_a_folder_without_a_map_has_none(tmp_path):
    assert read_dose_map(tmp_path, histories=1) is None


def test_damaged_batches_are_refused_with_their_name(tmp_path):
    write_dose_map(dose_map(), tmp_path, batches=True)
    path = tmp_path / BATCHES
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=BATCHES):
        read_dose_map(tmp_path, histories=1)


def test_the_same_label_map_gets_the_same_doses(simulated, tmp_path):
    write_simulation(simulated, simulated.doses.dose_map, tmp_path)
    engine = read_simulation(tmp_path, simulated.series)
    again = analyze(simulated.series, simulated.labelmap, dose_engine=engine)
    assert doses(again) == doses(simulated)
    assert doses(again)["liver"] == 4.2
    assert again.doses.dose_map is not None


def test_an_edited_organ_gets_its_dose_from_the_map_in_the_folder(simulated, tmp_path):
    write_simulation(simulated, simulated.doses.dose_map, tmp_path)
    engine = read_simulation(tmp_path, simulated.series)
    labels = simulated.labelmap.labels.copy()
    labels[:20][labels[:20] == LIVER] = 1
    half = replace(simulated.labelmap, labels=labels)
    edited = analyze(simulated.series, half, dose_engine=engine)
    assert doses(edited)["liver"] != 4.2
    assert doses(edited)["liver"] == pytest.approx(4.2, rel=0.1)
    assert doses(edited)["kidney_left"] == doses(simulated)["kidney_left"]


def test_a_result_of_the_fast_law_or_without_batches_is_refused(simulated, tmp_path):
    fast = analyze(simulated.series, simulated.labelmap)
    write_result(fast, tmp_path / "fast")
    with pytest.raises(InputError, match="not those of a simulation"):
        read_simulation(tmp_path / "fast", simulated.series)
    write_result(simulated, tmp_path / "bare")
    with pytest.raises(InputError, match="--keep-batches"):
        read_simulation(tmp_path / "bare", simulated.series)
    write_result(simulated, tmp_path / "kept", dose_batches=True)
    assert read_simulation(tmp_path / "kept", simulated.series).name == "montecarlo"


def test_another_ct_is_refused(simulated, tmp_path):
    write_simulation(simulated, simulated.doses.dose_map, tmp_path)
    other, _ = make(slices=30)
    with pytest.raises(InputError, match="give the CT that was simulated"):
        read_simulation(tmp_path, other)
