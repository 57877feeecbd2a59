"""What an engine knows of its own doubt goes with its organs, and only with those."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.flags import flag, organ_place
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.certainty import certainty_of, flags_of_group
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.doubt import Doubt, OrganDoubt, unsure_flag
from CTDoseSegLib.segmentation.edited import with_what_holds
from CTDoseSegLib.segmentation.known import with_known, write_known
from CTDoseSegLib.segmentation.labelmap import Labelmap

NAMES = ("body_rest", "lung_left", "lung_right", "liver")


def organ_doubt(both=90, more=5.0):
    none = np.zeros(4)
    return OrganDoubt(100, 100, both, none, none + more, none)


def label_map(names=NAMES, flags=(), doubt=None):
    """A block of each atom beside the next, [4, 8, 4 n]."""
    labels = np.repeat(np.arange(1, len(names) + 1, dtype=np.uint8), 4)
    labels = np.broadcast_to(labels, (4, 8, labels.size)).copy()
    atoms = tuple(named_atom(v, name, "test") for v, name in enumerate(names, start=1))
    return Labelmap(labels, np.eye(4), atoms, groups_of(names), "test", flags, doubt=doubt)


def users_liver(beneath):
    labels = np.where(beneath.labels == 4, 1, 0).astype(np.uint8)
    atoms = (named_atom(1, "liver", "given"),)
    return Labelmap(labels, np.eye(4), atoms, groups_of(("liver",)), "given")


def places(flags):
    return sorted(one.place for one in flags if one.code == "organ_unsure")


def test_a_group_has_the_doubt_of_its_atoms_together():
    doubt = Doubt({"lung_left": organ_doubt(90, 5.0), "lung_right": organ_doubt(50, 2.0)})
    lung = doubt.of(("lung_left", "lung_right", "lung_vessels"))
    assert lung.agreement == pytest.approx(0.7)
    assert lung.more_mm2.tolist() == [7.0] * 4
    assert doubt.of(("skin",)) is None


def test_the_users_organ_has_no_doubt_and_no_flag_of_the_network():
    doubt = Doubt({name: organ_doubt() for name in NAMES})
    flags = tuple(unsure_flag(name, 0.9) for name in NAMES[1:])
    beneath = label_map(flags=flags, doubt=doubt)
    both = combine(beneath, users_liver(beneath))
    assert places(both.flags) == ["organ lung_left", "organ lung_right"]
    assert sorted(both.doubt.atoms) == ["body_rest", "lung_left", "lung_right"]


def test_flags_of_the_scan_stay_when_label_maps_are_put_together():
    beneath = label_map(flags=(flag("several_bodies", "2"),))
    both = combine(beneath, users_liver(beneath))
    assert [one.code for one in both.flags] == ["several_bodies"]
    assert both.doubt is None


def test_after_an_edit_what_was_not_touched_keeps_flag_and_doubt():
    doubt = Doubt({name: organ_doubt() for name in NAMES})
    corrected = flag("organ_corrected").at(organ_place("lung_left"))
    flags = (
        *(unsure_flag(name, 0.9) for name in ("lung_left", "liver")),
        corrected,
        flag("bundled_network"),
        flag("tissue_left_out"),
        flag("mirrored"),
        flag("organ_doubtful", "30 % of it had to be taken away").at(corrected.place),
        flag("organ_doubtful", "too large").at(organ_place("lung_right")),
    )
    held = with_what_holds(label_map(), flags, doubt, {"lung_left", "lung_right", "body"})
    assert places(held.flags) == ["organ lung_left"]
    assert sorted(one.code for one in held.flags) == sorted(
        ["organ_unsure", "organ_corrected", "bundled_network", "tissue_left_out", "organ_doubtful"]
    )
    assert sorted(held.doubt.atoms) == ["lung_left", "lung_right"]
    edited = with_what_holds(label_map(), flags, None, set())
    assert [one.code for one in edited.flags] == ["bundled_network"]
    assert edited.doubt is None


def test_the_word_of_a_group_goes_by_its_atoms_together():
    def word(left, right, flags=()):
        doubt = Doubt({"lung_left": organ_doubt(left), "lung_right": organ_doubt(right)})
        made = label_map(doubt=doubt)
        flags = (*flags, *flags_of_group(made, "lung"))
        return certainty_of(made, "lung", flags), [one.code for one in flags]

    assert word(97, 99) == ("certain", [])
    assert word(80, 99) == ("uncertain", ["organ_unsure"])
    contradicted = (flag("organ_doubtful", "too small"),)
    assert word(97, 99, contradicted) == ("uncertain", ["organ_doubtful"])


def test_an_engine_that_does_not_know_its_doubt_gives_no_word():
    made = label_map()
    assert flags_of_group(made, "lung") == ()
    assert certainty_of(made, "lung", ()) is None
    assert certainty_of(made, "lung", (flag("organ_doubtful"),)) == "uncertain"
    # Of two lungs that are sure together, one is not.
    sure = Doubt({"lung_left": organ_doubt(99), "lung_right": organ_doubt(94)})
    one_is_not = label_map(flags=(unsure_flag("lung_right", 0.94),), doubt=sure)
    assert certainty_of(one_is_not, "lung", flags_of_group(one_is_not, "lung")) == "uncertain"
    assert certainty_of(label_map(doubt=sure), "lung", ()) == "certain"
    doubt = Doubt({"lung_left": organ_doubt()})
    assert certainty_of(label_map(doubt=doubt), "liver", ()) is None


def test_a_task_hands_flags_and_doubt_to_another_beside_the_label_map(tmp_path):
    doubt = Doubt({"liver": organ_doubt(80, 3.0)})
    flags = (unsure_flag("liver", 0.8), flag("bundled_network", "no weights"), flag("mirrored"))
    write_known(label_map(flags=flags, doubt=doubt), tmp_path)
    read = with_known(label_map(), tmp_path)
    assert read.flags == flags[:2]
    liver = read.doubt.atoms["liver"]
    assert liver.agreement == pytest.approx(0.8)
    assert liver.more_mm2.tolist() == [3.0] * 4
    given = label_map()
    assert with_known(given, tmp_path / "elsewhere") is given
