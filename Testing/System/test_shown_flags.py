"""What the terminal shows of flags for `make demo`: few notices, all flags on demand."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.flags import FLAGS
from CTDoseSegLib.phantom import phantom as phantoms

SMALL = {"shape": (128, 128, 60), "spacing_mm": (3.4, 3.4, 8.0)}
NOTICE = re.compile(r"^(refusal|warning|info): ", re.MULTILINE)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder with what `make demo` analyses.

    The phantom's pixels are coarser than the demo's, its slices the same.
    """
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantoms, "Phantom", partial(phantoms.Phantom, **SMALL))
        assert command_line.main(["phantom", str(folder / "phantom"), "--events", "none"]) == 0
        yield folder


def shown(folder, capfd, *options: str) -> str:
    phantom = folder / "phantom"
    capfd.readouterr()
    arguments = [
        *("analyze", phantom / "dicom", "--output", folder / "results", *options),
        *("--segmentation", phantom / "truth" / "segmentation.nii.gz"),
    ]
    assert command_line.main([str(argument) for argument in arguments]) == 0
    return capfd.readouterr().out


def flags_in(value) -> list[dict]:
    """All flags anywhere in a result, with the message of each."""
    if isinstance(value, dict):
        if {"code", "severity", "message"} <= value.keys():
            return [value]
        value = list(value.values())
    return [found for one in value for found in flags_in(one)] if isinstance(value, list) else []


def test_the_demo_shows_at_most_eight_notices_those_that_change_a_number_first(demo, capfd):
    printed = shown(demo, capfd)
    severities = NOTICE.findall(printed)
    assert 3 <= len(severities) <= 8
    assert set(severities) == {"warning"}  # nothing of the demo is refused; the rest on demand
    text = re.sub(r"\s+", " ", printed)
    assert "Iodine raises the dose" in text
    assert "mSv (published values" in text
    assert "body_part" not in text
    assert re.search(r"\d more: --all-flags", text)
    assert "no label tells the bones apart" in text  # it is a part of the body's marrow only


def test_all_flags_of_the_demo_are_shown_on_demand_and_stand_in_the_result(demo, capfd):
    printed = shown(demo, capfd, "--all-flags")
    result = json.loads((demo / "results" / "result.json").read_text(encoding="utf-8"))
    found = flags_in(result)
    assert not NOTICE.search(printed)
    assert "no label tells the bones apart" in re.sub(r"\s+", " ", printed)
    for one in found:
        assert f" {one['code']}: " in printed
        assert one["code"] in FLAGS
        assert one["place"]
        assert not re.search(r"--|\btype ", one["message"], re.IGNORECASE), one
        assert set(one["mends"]) <= set(FLAGS[one["code"]].mends)
        assert one["detail"] in one["message"]
    for organ in result["organs"]:
        if organ["flags"]:
            assert f"organ {organ['organ'].replace('_', ' ')}:" in printed
            assert {f["place"] for f in organ["flags"]} == {f"organ {organ['organ']}"}
    effective = [f for f in result["flags"] if f["place"] == "effective_dose"]
    assert effective == result["effective_dose"]["flags"] != []
