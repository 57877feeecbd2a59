"""What a network is far too unsure of is drawn by thresholds, organ by organ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.errors import SegmentationError
from CTDoseSegLib.phantom.phantom import Phantom, phantom_series
from CTDoseSegLib.segmentation import engines
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.certainty import flags_of_group
from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt, unsure_flag
from CTDoseSegLib.segmentation.redrawing import to_redraw
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.tasks.progress import Collected

NAMES = ("body_rest", "couch", "lung_left", "lung_right", "bone", "liver", "skin")


@pytest.fixture(scope="module")
def scan():
    """A chest, and what thresholds draw of it."""
    series, _ = phantom_series(Phantom(shape=(96, 96, 12), spacing_mm=(4.5, 4.5, 25.0)))
    return series, segment(series)


def by_network(rules, **agreement):
    """A network's drawing of a scan: its left lung is shifted, and it draws a liver."""
    value = {name: n for n, name in enumerate(NAMES, start=1)}
    lookup = np.zeros(256, np.uint8)
    for atom in rules.atoms:
        lookup[atom.value] = value.get(atom.name, value["body_rest"])
    labels = lookup[rules.labels]
    lung = labels == value["lung_left"]
    labels[lung] = value["body_rest"]
    body = labels == value["body_rest"]
    labels[np.roll(lung, 6, axis=1) & body] = value["lung_left"]
    k, j, i = np.argwhere(lung)[0]
    labels[k, j, i] = value["liver"]
    atoms = tuple(named_atom(n, name, "unet") for name, n in value.items())
    none = np.zeros(len(labels))
    doubt = {
        name: OrganDoubt(100, 100, round(100 * agreement.get(name, 0.99)), none, none, none)
        for name in NAMES[:-1]
    }
    flags = tuple(unsure_flag(name, value) for name, value in agreement.items())
    made = replace(rules, labels=labels, atoms=atoms, groups=groups_of(NAMES), engine="unet")
    return replace(made, flags=flags, doubt=Doubt(doubt))


def automatic(monkeypatch, series, network, rules):
    """What `auto` makes of it, and how often thresholds ran."""
    runs = []

    def thresholds(*_):
        runs.append(1)
        if rules is None:
            raise SegmentationError("No body was found.")
        return rules

    monkeypatch.setattr(engines.UNetEngine, "available", lambda self: (True, ""))
    monkeypatch.setattr(engines.UNetEngine, "segment", lambda *_: network)
    monkeypatch.setattr(engines.ClassicalEngine, "segment", thresholds)
    return engines.Automatic("no weights").segment(series, Collected()), len(runs)


def flagged(labelmap):
    kinds = ("organ_unsure", "organ_by_thresholds")
    return sorted((one.code, one.place) for one in labelmap.flags if one.code in kinds)


def test_a_sure_network_costs_no_thresholds(monkeypatch, scan):
    series, rules = scan
    network = by_network(rules, lung_left=0.8)
    made, runs = automatic(monkeypatch, series, network, rules)
    assert runs == 0
    assert np.array_equal(made.labels, network.labels)
    assert flagged(made) == [("organ_unsure", "organ lung_left")]


def test_the_lung_of_thresholds_takes_the_place_of_one_that_is_far_too_unsure(monkeypatch, scan):
    series, rules = scan
    network = by_network(rules, lung_left=0.3, liver=0.3)
    made, runs = automatic(monkeypatch, series, network, rules)
    assert runs == 1
    liver = network.mask("liver")
    assert made.mask("liver").sum() == liver.sum() == 1
    assert np.array_equal(made.mask("lung_left"), rules.mask("lung_left") & ~liver)
    for name in ("lung_right", "bone", "body", "couch"):
        assert np.array_equal(made.mask(name), network.mask(name))
    assert flagged(made) == [
        ("organ_by_thresholds", "organ lung_left"),
        ("organ_unsure", "organ liver"),
    ]
    assert "lung_left" not in made.doubt.atoms
    assert "liver" in made.doubt.atoms
    origins = {atom.name: atom.origin for atom in made.atoms}
    assert (origins["lung_left"], origins["lung_right"]) == ("classical", "unet")
    assert [one.place for one in flags_of_group(made, "lung")] == ["organ lung"]


def test_an_organ_that_thresholds_do_not_find_stays_and_is_flagged(monkeypatch, scan):
    series, rules = scan
    network = by_network(rules, bone=0.2)
    lookup = np.arange(256, dtype=np.uint8)
    lookup[rules.value_of("bone")] = rules.value_of("body_rest")
    atoms = tuple(atom for atom in rules.atoms if atom.name != "bone")
    groups = groups_of(atom.name for atom in atoms)
    without = replace(rules, labels=lookup[rules.labels], atoms=atoms, groups=groups)
    for found in (without, None):
        made, runs = automatic(monkeypatch, series, network, found)
        assert runs == 1
        assert np.array_equal(made.labels, network.labels)
        assert flagged(made) == [("organ_unsure", "organ bone")]


def test_a_body_that_is_far_too_unsure_is_that_of_thresholds_with_the_networks_organs(
    monkeypatch, scan
):
    series, rules = scan
    network = by_network(rules, body_rest=0.4)
    made, _ = automatic(monkeypatch, series, network, rules)
    assert np.array_equal(made.mask("body"), rules.mask("body") | network.mask("body"))
    assert np.array_equal(made.mask("skin"), rules.mask("skin"))
    assert np.array_equal(made.mask("liver"), network.mask("liver"))
    assert flagged(made) == [("organ_by_thresholds", "organ body")]


def test_what_thresholds_cannot_draw_is_never_drawn_by_them(scan):
    _, rules = scan
    network = by_network(rules, liver=0.1, couch=0.1, lung_right=0.49, bone=0.5)
    assert to_redraw(network) == ("lung_right",)
    assert to_redraw(rules) == ()
