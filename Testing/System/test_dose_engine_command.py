"""The dose engine that the command is asked for, and the folder of its dose model."""

from __future__ import annotations

import pytest
from command_run import result_of, rows, run
from Corpus.base import FAMILY_NAME
from dose_folders import published_folder, trained_folder


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
    done = run("analyze", ct, "--output", tmp_path / "o", "--dose-engine", "montecarlo")
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
