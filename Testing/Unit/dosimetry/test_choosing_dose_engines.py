"""Which dose engine a name and a dose model stand for, and what does not go together."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys

import pytest
from dose_folders import published_folder, trained_folder
from dose_scans import MODEL, make

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.cli.arguments import chooses_doses
from CTDoseSegLib.dosimetry.engines import NAMES, DoseEngine, choose_engine
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.model import MODEL_FILE
from CTDoseSegLib.dosimetry.published.engine import PublishedEngine
from CTDoseSegLib.errors import (
    DoseEngineChoiceError,
    DoseEngineError,
    InputError,
    ModelError,
)
from CTDoseSegLib.files.codec import plain

needs_networks = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "sklearn")),
    reason="the published networks need torch and scikit-learn",
)


@pytest.mark.parametrize("name", ["auto", "fast"])
def test_the_bundled_model_is_for_the_fast_engine(name):
    engine = choose_engine(name, region="chest")
    assert isinstance(engine, FastEngine)
    assert engine.region == "chest"
    assert engine.model.card == MODEL.card


@pytest.mark.parametrize("name", ["auto", "fast"])
def test_a_folder_of_train_dose_is_for_the_fast_engine(name, tmp_path):
    series, labelmap = make()
    folder = trained_folder(tmp_path / "mine", factor=2.0)
    bundled = analyze(series, labelmap)
    mine = analyze(series, labelmap, dose_engine=name, dose_model=folder)
    pairs = list(zip(bundled.doses.organs, mine.doses.organs, strict=True))
    assert len(pairs) >= 4
    for one, other in pairs:
        assert other.dose_mGy == pytest.approx(2 * one.dose_mGy, rel=1e-9)
    parameters = mine.provenance.parameters
    assert (parameters["dose_engine"], parameters["dose_model"]) == ("fast", "trained")
    assert str(tmp_path) not in json.dumps(plain(mine.provenance))


@needs_networks
@pytest.mark.parametrize("name", ["auto", "published"])
def test_a_published_folder_is_for_the_published_engine(name, tmp_path):
    folder = published_folder(tmp_path / "repository")
    engine = choose_engine(name, str(folder), region="abdomen")
    assert engine == PublishedEngine(str(folder), "abdomen")


@pytest.mark.parametrize("kind", ["fast", "published"])
def test_the_engines_of_this_package_follow_the_protocol(kind, tmp_path):
    engine = FastEngine(MODEL) if kind == "fast" else PublishedEngine(tmp_path)
    assert isinstance(engine, DoseEngine)
    assert engine.name == kind
    assert kind in NAMES


def test_the_command_line_offers_the_engines_there_are():
    parser = argparse.ArgumentParser()
    chooses_doses(parser)
    (action,) = [a for a in parser._actions if a.dest == "dose_engine"]
    assert tuple(action.choices) == NAMES
    assert action.default == "auto"


@pytest.mark.parametrize(
    ("name", "make_folder", "holds", "other"),
    [
        ("fast", published_folder, "the published networks", "published"),
        ("published", trained_folder, "a model of ctdoseseg train-dose", "fast"),
    ],
)
def test_a_folder_of_the_other_kind_is_wrong_usage(name, make_folder, holds, other, tmp_path):
    folder = make_folder(tmp_path / "of the other kind")
    with pytest.raises(DoseEngineChoiceError) as caught:
        choose_engine(name, folder)
    sentence = str(caught.value)
    assert sentence.startswith(f"The dose engine {name} cannot use the folder of the other kind")
    assert holds in sentence
    assert f"the engine {other}" in sentence
    assert str(tmp_path) not in sentence
    assert caught.value.exit_code == 2
    with pytest.raises(DoseEngineChoiceError):
        analyze(*make(slices=4), dose_engine=name, dose_model=folder)


def test_the_published_engine_asks_for_its_folder():
    with pytest.raises(DoseEngineChoiceError, match="published needs a dose model") as caught:
        choose_engine("published")
    assert caught.value.exit_code == 2


@needs_networks
def test_a_folder_that_holds_both_is_the_published_one_as_it_always_was(tmp_path):
    folder = published_folder(trained_folder(tmp_path / "both"))
    assert choose_engine("auto", folder).name == "published"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_a_dose_model_is_refused_by_its_name(name, there, tmp_path):
    folder = tmp_path / "holiday"
    if there:
        folder.mkdir()
        (folder / "beach.jpg").write_bytes(b"")
    said = r"holiday holds no dose model.*model\.json" if there else "There is no folder holiday"
    with pytest.raises(ModelError, match=said) as caught:
        choose_engine(name, folder)
    assert caught.value.exit_code == 3
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["auto", "published"])
def test_without_torch_the_published_networks_are_not_replaced_by_other_doses(
    name, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    folder = published_folder(tmp_path / "repository")
    with pytest.raises(DoseEngineError, match="published cannot be used: the package torch is not"):
        analyze(*make(slices=6), dose_engine=name, dose_model=folder)


@needs_networks
def test_a_folder_too_deep_is_answered_with_the_one_above_it(tmp_path):
    folder = published_folder(tmp_path / "published")
    with pytest.raises(
        ModelError, match=r"chest_models holds the networks.* give the folder above"
    ):
        choose_engine(dose_model=folder / "chest_models")
    arrays = folder / "training_arrays" / "chest_merged_training_arrays"
    with pytest.raises(ModelError, match="arrays of one region itself; give the folder above it"):
        choose_engine(dose_model=folder, dose_arrays=arrays)
    choose_engine(dose_model=folder, dose_arrays=arrays.parent)


def test_a_region_without_arrays_is_refused_before_a_ct_is_read(tmp_path):
    folder = published_folder(tmp_path / "published")
    (folder / "abdomen_models").mkdir()
    (folder / "abdomen_models" / "liver_model.pth").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"training_arrays/abdomen_merged_training_arrays/"):
        choose_engine(dose_model=folder, region="abdomen")
    choose_engine(dose_model=folder, region="chest")


def test_arrays_that_are_missing_are_known_before_a_ct_is_read(tmp_path):
    folder = published_folder(tmp_path / "repository")
    (folder / "training_arrays").rename(tmp_path / "arrays")
    with pytest.raises(ModelError, match="repository holds no published arrays") as caught:
        choose_engine("auto", folder)
    assert caught.value.exit_code == 3
    assert str(tmp_path) not in str(caught.value)
    engine = choose_engine("auto", folder, dose_arrays=tmp_path / "arrays")
    assert engine == PublishedEngine(folder, arrays=tmp_path / "arrays")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make_folder", [None, trained_folder])
def test_arrays_go_with_the_published_networks_alone(name, make_folder, tmp_path):
    model = make_folder(tmp_path / "mine") if make_folder else "bundled"
    with pytest.raises(DoseEngineChoiceError, match="Arrays go with the published networks"):
        choose_engine(name, model, dose_arrays=tmp_path)


@needs_networks
def test_damaged_networks_are_refused_by_the_name_of_their_file(tmp_path):
    folder = published_folder(tmp_path / "repository")
    with pytest.raises(ModelError, match=r"heart_model\.pth"):
        analyze(*make(slices=6), dose_model=folder)


def test_a_model_that_was_changed_by_hand_is_refused(tmp_path):
    folder = trained_folder(tmp_path / "mine")
    path = folder / MODEL_FILE
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6", 1))
    with pytest.raises(ModelError, match="not the file that its"):
        choose_engine("auto", folder)


@pytest.mark.parametrize("name", ["Fast", "law", "bundled", ""])
def test_an_engine_that_there_is_not_is_refused_with_those_that_there_are(name):
    with pytest.raises(DoseEngineChoiceError, match="choose one of auto, fast, published"):
        choose_engine(name)


def test_a_region_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="'leg'"):
        choose_engine(region="leg")


class Nameless:
    def available(self, scan):
        return True, ""

    def estimate(self, scan, progress=None):
        raise AssertionError("never asked")


@pytest.mark.parametrize("given", [42, None, object(), Nameless(), FastEngine, {"name": "fast"}])
def test_what_is_no_engine_is_refused_in_one_sentence(given):
    with pytest.raises(DoseEngineChoiceError, match="is no dose engine; give one of auto, fast"):
        choose_engine(given)


@pytest.mark.parametrize(
    "changes", [{"dose_model": "/models"}, {"dose_arrays": "/arrays"}, {"region": "chest"}]
)
def test_an_engine_of_your_own_has_its_model_and_region_already(changes):
    with pytest.raises(DoseEngineChoiceError, match="make the engine fast with what it needs"):
        choose_engine(FastEngine(MODEL), **changes)
    assert choose_engine(FastEngine(MODEL)) == FastEngine(MODEL)
