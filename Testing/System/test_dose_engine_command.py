"""The dose engine that the command is asked for, and the folder of its dose model."""

from __future__ import annotations

import pytest
from command_run import result_of, rows, run
from Corpus.base import FAMILY_NAME
from dose_folders import published_folder, trained_folder

from CTDoseSegLib.dosimetry.montecarlo.devices import available


def analyzed(ct, output, *arguments):
    """The result of `analyze` with these arguments."""
    done = run("analyze", ct, "--output", output, *arguments, "--events", "none")
    assert done.returncode == 0, done.stderr
    return result_of(output)


@pytest.fixture(scope="module")
def by_default(base, ct, tmp_path_factory):
    output = tmp_path_factory.mktemp("default") / "o"
    return analyzed(ct, output, "--segmentation", base.truth())


def test_the_fast_engine_is_the_one_that_is_taken_by_itself(base, ct, by_default, tmp_path):
    arguments = ("--segmentation", base.truth(), "--dose-engine", "fast")
    fast = analyzed(ct, tmp_path / "o", *arguments)
    assert any(organ["dose_mGy"] for organ in fast["organs"])
    for key in ("organs", "dose_flags", "dose_model", "flags"):
        assert fast[key] == by_default[key]
    for result in (fast, by_default):
        parameters = result["provenance"]["parameters"]
        assert (parameters["dose_engine"], parameters["dose_model"]) == ("fast", "bundled")


@pytest.mark.parametrize("engine", ["auto", "fast"])
def test_a_model_of_train_dose_gives_its_own_doses(base, ct, by_default, engine, tmp_path):
    folder = trained_folder(tmp_path / FAMILY_NAME, factor=3.0)
    arguments = ("--segmentation", base.truth(), "--dose-engine", engine, "--dose-model", folder)
    trained = analyzed(ct, tmp_path / "o", *arguments)
    pairs = list(zip(by_default["organs"], trained["organs"], strict=True))
    assert sum(one["dose_mGy"] is not None for one, _ in pairs) > 10
    for one, other in pairs:
        if one["dose_mGy"] is not None:
            assert other["dose_mGy"] == pytest.approx(3 * one["dose_mGy"])
    parameters = trained["provenance"]["parameters"]
    assert (parameters["dose_engine"], parameters["dose_model"]) == ("fast", "trained")
    assert FAMILY_NAME not in (tmp_path / "o" / "result.json").read_text(encoding="utf-8")


def test_the_published_engine_takes_its_folder(base, ct, published_models, tmp_path):
    arguments = ("--segmentation", base.truth(), "--dose-model", published_models)
    named = analyzed(ct, tmp_path / "a", *arguments, "--dose-engine", "published")
    automatic = analyzed(ct, tmp_path / "b", *arguments)
    assert any(organ["dose_mGy"] for organ in named["organs"])
    assert named["organs"] == automatic["organs"]
    parameters = named["provenance"]["parameters"]
    assert (parameters["dose_engine"], parameters["dose_model"]) == ("published", "published")


@pytest.mark.parametrize("command", ["analyze", "batch"])
@pytest.mark.parametrize(
    ("engine", "make_folder", "sentence"),
    [
        ("fast", published_folder, "choose the engine published for it"),
        ("published", trained_folder, "choose the engine fast for it"),
        ("published", None, "needs a dose model"),
    ],
)
def test_an_engine_that_cannot_use_the_folder_is_wrong_usage(
    command, engine, make_folder, sentence, tmp_path
):
    """Before anything is read: the input is not even there."""
    arguments = ["--dose-engine", engine]
    if make_folder:
        arguments += ["--dose-model", make_folder(tmp_path / "models")]
    output = tmp_path / "o"
    done = run(command, tmp_path / "no_ct", "--output", output, *arguments, "--events", "none")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"ctdoseseg: The dose engine {engine} ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not output.exists()


def test_an_engine_that_there_is_not_is_wrong_usage(ct, tmp_path):
    done = run("analyze", ct, "--output", tmp_path / "o", "--dose-engine", "analytic")
    assert done.returncode == 2
    assert "auto" in done.stderr
    assert not (tmp_path / "o").exists()


def test_a_batch_estimates_doses_with_the_engine_and_model_that_were_chosen(base, ct, tmp_path):
    folder = trained_folder(tmp_path / "models")
    arguments = ("--engine", "classical", "--dose-engine", "fast", "--dose-model", folder)
    output = tmp_path / "o"
    done = run("batch", ct, "--output", output, *arguments, "--events", "none", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert rows(output / "failures.csv") == []
    (study,) = (output / "studies").iterdir()
    parameters = result_of(study)["provenance"]["parameters"]
    assert (parameters["dose_engine"], parameters["dose_model"]) == ("fast", "trained")
    arguments = ("--engine", "classical", "--dose-model", folder)
    again = run("batch", ct, "--output", output, *arguments, "--events", "none", "--workers", 1)
    assert again.returncode == 3, "one run has one set of choices"
    assert "--dose-engine fast" in again.stderr


def test_monte_carlo_gives_doses_a_map_and_what_it_was_asked_for(base, ct, tmp_path):
    pytest.importorskip("numba")
    arguments = ("--segmentation", base.truth(), "--dose-engine", "montecarlo")
    asked = ("--relative-se", "0.1", "--max-minutes", "1", "--beam", "generic body")
    asked += ("--device", "cpu")
    result = analyzed(ct, tmp_path / "o", *arguments, *asked)
    assert {"dose_map.nii.gz", "dose_map_sd.nii.gz"} <= {p.name for p in (tmp_path / "o").iterdir()}
    dosed = [one for one in rows(tmp_path / "o" / "organ_doses.csv") if one["dose_mGy"]]
    assert {one["route"] for one in dosed} == {"montecarlo"}
    assert "red_marrow" in {one["organ"] for one in dosed}
    parameters = result["provenance"]["parameters"]
    assert (parameters["dose_engine"], parameters["relative_se"]) == ("montecarlo", 0.1)
    assert (parameters["beam"], parameters["device"]) == ("generic body", "cpu")
    assert result["dose_model"]["device"] == "cpu"
    assert result["dose_model"]["largest_relative_se"] <= 0.1


@pytest.mark.parametrize("command", ["analyze", "batch"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--relative-se", "0.02"), "--relative-se is for Monte Carlo"),
        (("--dose-engine", "montecarlo", "--region", "chest"), "no region"),
        (("--dose-engine", "montecarlo", "--relative-se", "2"), "at most 0.2"),
    ],
)
def test_settings_of_monte_carlo_that_make_no_sense_are_wrong_usage(
    command, arguments, sentence, tmp_path
):
    done = run(command, tmp_path / "no_ct", "--output", tmp_path / "o", *arguments)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr


@pytest.mark.skipif(available("gpu")[0], reason="there is a GPU")
def test_a_gpu_that_there_is_not_is_refused_with_what_to_do(tmp_path):
    """Before anything is read: the input is not even there."""
    arguments = ("--dose-engine", "montecarlo", "--device", "gpu", "--events", "none")
    done = run("analyze", tmp_path / "no_ct", "--output", tmp_path / "o", *arguments)
    assert done.returncode == 3, done.stderr
    assert "choose the device auto or cpu" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_beam_of_another_name_is_refused_with_the_names(tmp_path):
    """Before anything is read: the input is not even there."""
    arguments = ("--dose-engine", "montecarlo", "--beam", "best", "--events", "none")
    done = run("analyze", tmp_path / "no_ct", "--output", tmp_path / "o", *arguments)
    assert done.returncode == 3, done.stderr
    assert "generic body" in done.stderr
    assert not (tmp_path / "o").exists()
