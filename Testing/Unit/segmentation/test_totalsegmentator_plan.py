"""What the engine asks of TotalSegmentator, and what is refused before a run.

The package's tables are the real ones.
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib import metadata, util

import numpy as np
import pytest
from network_scans import body_mask, needs_package, series

from CTDoseSegLib.cli.command_line import make_parser
from CTDoseSegLib.cli.weights import weights as weights_command
from CTDoseSegLib.ct.organs import organs
from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.errors import DependencyError, ModelError, SegmentationError
from CTDoseSegLib.segmentation import engines
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.totalsegmentator import weights
from CTDoseSegLib.segmentation.totalsegmentator.engine import TotalSegmentatorEngine
from CTDoseSegLib.segmentation.totalsegmentator.phase import PHASE
from CTDoseSegLib.segmentation.totalsegmentator.plan import (
    EXTRAS,
    dose_organs,
    make_plan,
    offered_extras,
)
from CTDoseSegLib.tasks.progress import Progress

pytestmark = pytest.mark.slow


@needs_package
@pytest.mark.parametrize("quality", ["full", "fast", "fastest"])
def test_every_organ_with_a_dose_model_is_asked_for_once(quality):
    plan = make_plan(quality, ("lung_vessels", "heart_chambers", "body"))
    asked = [name for run in plan.runs for name in run.names.values()]
    assert len(asked) == len(set(asked))
    assert set(asked) - {"body_rest", "skin"} == dose_organs()


@needs_package
def test_what_is_asked_for_is_what_the_dose_model_knows_and_the_package_has():
    from totalsegmentator.map_to_binary import class_map

    model = {organ for region in load_model().regions.values() for organ in region.organs}
    tasks = ("total", "lung_vessels_LEGACY", "heartchambers_highres")
    has = set().union(*(class_map[task].values() for task in tasks))
    # Trachea and bronchi are those of the task `total`.
    assert dose_organs() == (model & has) - {"lung_trachea_bronchia"}


@needs_package
def test_nothing_that_needs_a_licence_is_asked_for_unless_it_is_wanted():
    assert [run.task for run in make_plan("full").runs] == ["total"]
    licensed = {r.task: r.licensed for r in make_plan("fast", ("heart_chambers", "body")).runs}
    assert licensed == {"body": False, "total": False, "heartchambers_highres": True}


@needs_package
def test_full_quality_needs_the_parts_and_the_network_that_finds_the_place():
    folders = [w.folder[:10] for w in make_plan("full").weights]
    assert folders == [f"Dataset{n}" for n in (291, 292, 293, 294, 295, 298)]
    assert [w.folder[:10] for w in make_plan("fast").weights] == ["Dataset297"]


@needs_package
def test_the_extras_ask_for_what_package_and_table_of_organs_both_know():
    from totalsegmentator.map_to_binary import class_map

    plan = make_plan("fast", ("head_glands", "tissue_types", "breasts"))
    assert [run.task for run in plan.runs] == [
        *("tissue_types", "total", "breasts", "head_glands_cavities")
    ]
    asked = {run.task: dict(run.names) for run in plan.runs}
    for task in ("tissue_types", "breasts", "head_glands_cavities"):
        both = {v: n for v, n in class_map[task].items() if n in organs()}
        assert asked[task] == both
    # What effective dose and the lens need of them.
    head = set(asked["head_glands_cavities"].values())
    assert {f"eye_lens_{side}" for side in ("left", "right")} <= head
    assert {
        f"{n}_gland_{s}" for n in ("parotid", "submandibular") for s in ("left", "right")
    } <= head
    assert set(asked["breasts"].values()) == {"breast"}
    model = {organ for region in load_model().regions.values() for organ in region.organs}
    assert (head | {"breast", "thyroid_gland"}) <= model
    assert {run.task for run in plan.runs if run.licensed} == {"tissue_types"}
    assert {run.quality for run in plan.runs if run.task != "total"} == {"full"}


@needs_package
def test_an_older_package_offers_what_it_has_and_refuses_the_rest_in_a_sentence(monkeypatch):
    from totalsegmentator import map_to_binary

    assert set(offered_extras()) == set(EXTRAS)
    assert {e for e, licensed in offered_extras().items() if licensed} == {
        *("heart_chambers", "tissue_types")
    }
    older = {t: c for t, c in map_to_binary.class_map.items() if t != "breasts"}
    monkeypatch.setattr(map_to_binary, "class_map", older)
    assert "breasts" not in offered_extras()
    with pytest.raises(SegmentationError, match=r"has no task breasts.*leave that task out"):
        make_plan("fast", ("breasts",))


def test_the_command_offers_the_extras():
    (group,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for command in ("analyze", "segment", "weights"):
        actions = group.choices[command]._actions
        (extra,) = (a for a in actions if a.dest == "extra")
        assert set(extra.choices) == {*EXTRAS, PHASE}


def weights_summary() -> dict:
    return weights_command("status", (), "fast", (), Progress())


@needs_package
def test_the_contrast_phase_without_its_package_is_refused_with_what_to_do(monkeypatch):
    find_spec = util.find_spec

    def without(name, *more):
        return None if name == "xgboost" else find_spec(name, *more)

    monkeypatch.setattr(util, "find_spec", without)
    able, reason = TotalSegmentatorEngine("fast", "cpu", (PHASE,)).available()
    assert not able
    (line,) = (s for s in weights_summary()["lines"] if "for --extra:" in s)
    assert "breasts, head_glands, tissue_types (licence)." in line
    assert "pip install xgboost" in reason


@needs_package
@pytest.mark.parametrize("what", ["task", "organ"])
def test_a_renamed_task_or_organ_is_an_error_that_names_it(monkeypatch, what):
    from totalsegmentator import map_to_binary

    changed = {**map_to_binary.class_map}
    if what == "task":
        changed["lung_vessels_OLD"] = changed.pop("lung_vessels_LEGACY")
        expected = "no task lung_vessels_LEGACY"
    else:
        changed["total"] = {**changed["total"], 5: "hepar"}
        expected = "no label liver in task total"
    monkeypatch.setattr(map_to_binary, "class_map", changed)
    with pytest.raises(SegmentationError, match=expected):
        make_plan("fast", ("lung_vessels",))
    able, reason = TotalSegmentatorEngine("fast", "cpu", ("lung_vessels",)).available()
    assert not able
    assert expected in reason


@pytest.mark.parametrize("version", ["2.12.1", "1.5.7"])
def test_a_version_that_is_too_old_is_refused_with_what_to_do(monkeypatch, version):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    with pytest.raises(DependencyError, match=rf"{version} is too old, 2\.13 or newer"):
        make_plan()


def test_without_the_package_auto_takes_another_engine_and_reports_why(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert "pip install ctdoseseg[totalsegmentator]" in engines.choose("auto").reason
    with pytest.raises(SegmentationError, match="not installed"):
        engines.choose("totalsegmentator")


@needs_package
def test_a_version_without_a_table_of_weights_is_asked_at_run_time(monkeypatch, tmp_path):
    """2.13, which Slicer's extension installs, has no map_tasks_config."""
    monkeypatch.setitem(sys.modules, "totalsegmentator.map_tasks_config", None)
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    plan = make_plan("fast")
    assert plan.weights is None
    assert not TotalSegmentatorEngine().available()[0]
    (tmp_path / "Dataset297_x").mkdir()
    assert TotalSegmentatorEngine().available()[0]
    # It may load any network that is there: all of them are looked at.
    with pytest.raises(ModelError, match="Dataset297_x lack"):
        weights.check(plan)


@needs_package
def test_auto_takes_it_where_its_weights_are(monkeypatch):
    monkeypatch.setattr(weights, "missing", lambda plan: ())
    assert engines.choose("auto").name == "totalsegmentator"


# What is refused before a run --------------------------------------------------------------


def test_uneven_slices_and_voxels_that_are_no_numbers_are_refused():
    engine = TotalSegmentatorEngine(body_mask=body_mask)
    with pytest.raises(SegmentationError, match="not equally spaced"):
        engine.segment(series(regular=False), Progress())
    bad = series(dtype=np.float32)
    bad.hu[0, 0, 0] = np.nan
    with pytest.raises(SegmentationError, match="no numbers"):
        engine.segment(bad, Progress())


@needs_package
@pytest.mark.parametrize("table", [True, False], ids=["2.18", "2.13: no table of weights"])
def test_missing_weights_are_reported_with_what_to_do_before_anything_runs(
    monkeypatch, tmp_path, table
):
    def never(ct: CTSeries, progress: Progress) -> Labelmap:
        raise AssertionError("the body_mask was drawn for nothing")

    if not table:
        monkeypatch.setitem(sys.modules, "totalsegmentator.map_tasks_config", None)
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "Gewichte"))
    with pytest.raises(ModelError, match=r"weights fetch.*unet and classical") as error:
        TotalSegmentatorEngine(body_mask=never).segment(series(), Progress())
    if table:
        text = str(error.value)
        assert re.search(r"Dataset297\S*\.zip .*weights import", text)
        assert str(tmp_path / "Gewichte") in text


@needs_package
def test_without_a_licence_the_heart_chambers_are_refused_with_what_to_do_before_anything_runs(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path))
    engine = TotalSegmentatorEngine("fast", "cpu", ("heart_chambers",), body_mask=body_mask)
    with pytest.raises(ModelError, match=r"needs a licence.*totalseg_set_license"):
        engine.segment(series(), Progress())
