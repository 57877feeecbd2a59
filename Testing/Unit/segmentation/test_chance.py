"""What a network does not draw again is taken away, and the result says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.flags import SCAN
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation import segmenting
from CTDoseSegLib.segmentation.chance import without_chance
from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt, unsure_flag
from CTDoseSegLib.segmentation.edited import with_what_holds
from CTDoseSegLib.segmentation.threshold.engine import segment


def doubted(labelmap, **agreement):
    none = np.zeros(len(labelmap.labels))
    doubt = {
        name: OrganDoubt(100, 100, round(100 * value), none, none, none)
        for name, value in agreement.items()
    }
    flags = tuple(unsure_flag(name, value) for name, value in agreement.items())
    return replace(labelmap, doubt=Doubt(doubt), flags=flags)


@pytest.fixture(scope="module")
def scan():
    series, _ = phantom_series(Phantom(shape=(96, 96, 12), spacing_mm=(4.5, 4.5, 25.0)))
    return series, segment(series)


def test_what_is_hardly_drawn_again_becomes_the_rest_of_the_body(scan):
    _, labelmap = scan
    network = doubted(labelmap, lung_left=0.49, lung_right=0.5, body_rest=0.2, skin=0.2)
    made = without_chance(network)
    left, right = labelmap.mask("lung_left"), labelmap.mask("lung_right")
    assert left.any()
    assert (made.labels[left] == made.value_of("body_rest")).all()
    assert np.array_equal(made.mask("lung"), right)
    assert np.array_equal(made.mask("body"), labelmap.mask("body"))
    assert "lung_left" not in made.groups
    assert "lung_left" not in made.doubt.atoms
    (said,) = (one for one in made.flags if one.code == "drawn_by_chance")
    volume = left.sum() * 4.5 * 4.5 * 25.0 / 1000.0
    assert (said.place, said.detail) == (SCAN, f"lung left ({volume:.0f} ml, 49 % drawn again)")
    places = [one.place for one in made.flags if one.code == "organ_unsure"]
    assert places == ["organ lung_right", "organ body_rest", "organ skin"]


def test_of_an_engine_without_doubt_nothing_is_taken(scan):
    _, labelmap = scan
    assert without_chance(labelmap) is labelmap
    sure = doubted(labelmap, lung_left=0.9)
    assert without_chance(sure) is sure


def test_a_segmentation_goes_through_it(monkeypatch, scan):
    series, labelmap = scan

    class Network:
        name = "unet"

        def segment(self, series, progress):
            return doubted(labelmap, lung_left=0.1)

    monkeypatch.setattr(segmenting, "choose", lambda *_, **__: Network())
    made = segmenting.segment(series, "unet")
    assert not labelmap.mask("lung_left")[made.mask("lung")].any()


def test_it_is_still_said_after_an_edit(scan):
    _, labelmap = scan
    flags = without_chance(doubted(labelmap, lung_left=0.1)).flags
    edited = with_what_holds(labelmap, flags, None, set())
    assert [one.code for one in edited.flags if one.code == "drawn_by_chance"]
