"""The engine without a network, on tiny volumes whose truth is plain."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import Cancelled, SegmentationError
from CTDoseSegLib.flags import codes, flag, organ_place
from CTDoseSegLib.segmentation import engines
from CTDoseSegLib.segmentation.atoms import named_atom
from CTDoseSegLib.segmentation.combining import combine
from CTDoseSegLib.segmentation.labelmap import Labelmap
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.segmentation.unet import doubts
from CTDoseSegLib.segmentation.unet import engine as unet_engine
from CTDoseSegLib.segmentation.working_grid import canonical_axes
from CTDoseSegLib.tasks.progress import Collected

# Columns run to the patient's left, rows to the back, slices to the head: as most CT are stored.
SPACING = 2.0
AFFINE = np.diag([-SPACING, -SPACING, 5.0, 1.0])
ROW, COLUMN = np.ogrid[:160, :200]


def ellipse(j, i, half_j, half_i):
    return ((ROW - j) / half_j) ** 2 + ((COLUMN - i) / half_i) ** 2 <= 1


BODY = ellipse(75, 100, 48, 70)
LEFT, RIGHT = ellipse(72, 132, 30, 20), ellipse(72, 68, 30, 20)
TRACHEA = ellipse(62, 100, 4, 4)
SPINE, MARROW = ellipse(108, 100, 10, 10), ellipse(108, 100, 8, 8)
COUCH = ((ROW > 128) & (ROW < 132) | (ROW > 146) & (ROW < 148)) & (COLUMN > 10) & (COLUMN < 190)


def chest(slices=12, noise=15.0) -> np.ndarray:
    """[k, j, i]: body with lungs, trachea, spine and a couch below; lungs end in slice 2."""
    hu = np.full((slices, 160, 200), -1000.0)
    hu[:, BODY] = 30
    hu[min(2, slices - 1) :, LEFT | RIGHT] = -850
    hu[min(2, slices - 1) :, TRACHEA] = -1000
    hu[:, SPINE] = 600
    hu[:, MARROW] = 220
    hu[:, COUCH] = -100
    hu += np.random.default_rng(0).normal(0, noise, hu.shape)
    return np.rint(hu).astype(np.int16)


def series(hu, affine=AFFINE) -> CTSeries:
    slices = tuple(SliceInfo(z_mm=5.0 * k) for k in range(len(hu)))
    return CTSeries(np.ascontiguousarray(hu), affine, slices, Acquisition(), "test")


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_body_lungs_trachea_bone_and_couch_are_found():
    made = segment(series(chest()))
    assert dice(made.mask("body"), np.broadcast_to(BODY, made.labels.shape)) > 0.995
    inner = slice(3, 11)
    for name, truth in (("lung_left", LEFT), ("lung_right", RIGHT)):
        assert dice(made.mask(name)[inner], np.broadcast_to(truth, (8, 160, 200))) > 0.98
    assert dice(made.mask("trachea")[inner], np.broadcast_to(TRACHEA, (8, 160, 200))) > 0.8
    assert dice(made.mask("bone"), np.broadcast_to(SPINE, made.labels.shape)) > 0.95
    assert not (made.mask("body") & COUCH).any()
    assert not (made.mask("couch") & BODY).any()
    assert made.mask("couch")[:, COUCH].mean() > 0.99


def test_bone_in_a_scan_with_contrast_agent_is_flagged_unless_it_is_the_users():
    scan = series(chest(4))
    enhanced = replace(scan, acquisition=Acquisition(contrast=True))
    places = {one.code: one.place for one in segment(enhanced).flags}
    assert places["bone_by_thresholds"] == organ_place("bone")
    for acquisition in (Acquisition(), Acquisition(contrast=False)):
        made = segment(replace(scan, acquisition=acquisition))
        assert "bone_by_thresholds" not in codes(made.flags)
    made = segment(enhanced)
    own = np.where(made.mask("bone"), 1, 0).astype(np.uint8)
    bone = Labelmap(own, AFFINE, (named_atom(1, "bone", "user"),), {"bone": ("bone",)}, "user")
    assert "bone_by_thresholds" not in codes(combine(made, bone).flags)


def test_atoms_have_codes_colors_and_origin():
    made = segment(series(chest()))
    assert {a.name for a in made.atoms} == {
        *("body_rest", "skin", "couch", "lung_left", "lung_right", "trachea", "bone")
    }
    assert {a.origin for a in made.atoms} == {"classical"}
    assert made.groups["lung"] == ("lung_left", "lung_right")
    assert "couch" not in made.groups["body"]


def test_skin_is_a_shell_at_the_surface():
    made = segment(series(chest()))
    skin = made.mask("skin")
    assert not skin[:, ellipse(75, 100, 44, 66)].any()
    assert skin[:, BODY & ~ellipse(75, 100, 46, 68)].mean() > 0.9


@pytest.mark.parametrize("slices", [1, 2])
def test_a_single_slice_is_enough(slices):
    made = segment(series(chest(slices)))
    assert dice(made.mask("body"), np.broadcast_to(BODY, made.labels.shape)) > 0.995


def test_a_single_slice_through_the_chest_has_both_lungs():
    made = segment(series(chest(6)[4:5]))
    assert dice(made.mask("lung_left")[0], LEFT) > 0.97
    assert dice(made.mask("lung_right")[0], RIGHT) > 0.97


@pytest.mark.parametrize("turned", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_any_order_of_axes_gives_the_same_labels(order, turned):
    hu = chest(8)
    expected = segment(series(hu)).labels
    other = np.flip(hu.transpose(order), turned)
    affine = AFFINE.copy()
    affine[:3, :3] = AFFINE[:3, [2 - order[2], 2 - order[1], 2 - order[0]]]
    for axis in turned:
        affine[:3, 3] += affine[:3, 2 - axis] * (other.shape[axis] - 1)
        affine[:3, 2 - axis] *= -1
    made = segment(series(other, affine))
    assert (np.flip(made.labels, turned).transpose(np.argsort(order)) == expected).all()


def test_left_is_the_patients_left_whatever_the_columns_do():
    mirrored = segment(series(chest()[:, :, ::-1], np.diag([SPACING, -SPACING, 5.0, 1.0])))
    assert mirrored.mask("lung_left")[5, 72, 199 - 132]
    assert mirrored.mask("lung_right")[5, 72, 199 - 68]


def test_joined_lungs_are_parted():
    hu = chest()
    hu[4:9, 45:50, 85:116] = -850
    made = segment(series(hu))
    assert made.mask("lung_left")[6, 72, 132]
    assert made.mask("lung_right")[6, 72, 68]
    sizes = made.mask("lung_left").sum(), made.mask("lung_right").sum()
    assert 0.85 < sizes[0] / sizes[1] < 1.18


def test_bowel_gas_is_body_but_not_lung():
    hu = chest()
    hu[:, LEFT | RIGHT | TRACHEA] = 30
    hu[3:9, ellipse(60, 110, 12, 25)] = -1000
    made = segment(series(hu))
    assert made.mask("body")[5, 60, 110]
    assert "lung" not in made.groups


def test_dense_contrast_is_not_bone():
    hu = chest()
    vessel = ellipse(85, 100, 9, 9)
    hu[:, vessel] = 350
    made = segment(series(hu))
    assert not (made.mask("bone") & vessel).any()
    assert made.mask("bone")[:, SPINE].mean() > 0.95


def test_a_body_cut_by_the_image_keeps_its_lung():
    hu = chest()[:, :, 60:]
    made = segment(series(hu))
    assert made.mask("lung_right")[6, 72, 5]
    assert dice(made.mask("body"), np.broadcast_to(BODY[:, 60:], hu.shape)) > 0.99


def test_padding_outside_the_circle_of_the_scanner_is_no_skin():
    size = 200
    j, i = np.ogrid[:size, :size]
    inside = (j - 99.5) ** 2 + (i - 99.5) ** 2 <= 99.0**2
    hu = np.random.default_rng(0).normal(20, 15, (4, size, size))
    hu[:, :60] -= 1020
    hu[:, ~inside] = -2000
    made = segment(series(np.rint(hu).astype(np.int16)))
    assert made.mask("body")[:, 150, 100].all()
    assert not made.mask("body")[:, ~inside].any()
    assert not made.mask("skin")[:, 190, 60:140].any()
    assert made.mask("skin")[:, 61, 60:140].all()


def test_arms_beside_the_trunk_are_body():
    hu = chest()
    arms = ellipse(100, 14, 11, 11) | ellipse(100, 187, 11, 11)
    hu[:, arms] = 30
    made = segment(series(hu))
    assert dice(made.mask("body"), np.broadcast_to(BODY | arms, hu.shape)) > 0.99


@pytest.mark.parametrize("prone", [False, True])
def test_a_couch_that_touches_the_skin_is_not_body(prone):
    # A shell of two pixels, 460 mm in radius, in which the flattened back lies; foam below it.
    depth = 120 - (230 - np.sqrt(230.0**2 - (COLUMN - 100.0) ** 2))
    lying = ellipse(75, 100, 60, 70) & (depth > ROW)
    shell, foam = (depth <= ROW) & (depth + 2 > ROW), (depth + 2 <= ROW) & (depth + 18 > ROW)
    hu = np.full((10, 160, 200), -1000.0)
    hu[:, lying], hu[:, np.broadcast_to(shell, lying.shape)] = 20, -20
    hu[:, np.broadcast_to(foam, lying.shape)] = -930
    hu += np.random.default_rng(0).normal(0, 20, hu.shape)
    hu = np.rint(hu).astype(np.int16)[:, :: -1 if prone else 1]
    body = segment(series(hu)).mask("body")[:, :: -1 if prone else 1]
    assert (body & shell).sum() < 0.002 * body.sum()
    assert dice(body, np.broadcast_to(lying, body.shape)) > 0.995


def test_cloth_on_the_skin_is_not_body():
    hu = np.full((6, 160, 200), -1000.0)
    cloth = ellipse(75, 100, 52, 74) & (ROW < 75)
    hu[:, cloth], hu[:, BODY] = -350, 20
    hu += np.random.default_rng(0).normal(0, 20, hu.shape)
    body = segment(series(np.rint(hu).astype(np.int16))).mask("body")
    assert dice(body, np.broadcast_to(BODY, body.shape)) > 0.99


def test_a_surface_that_fades_out_through_a_thick_slice_is_cut_at_half():
    hu = np.full((4, 160, 200), -1000.0)
    distance = np.hypot(ROW - 80.0, COLUMN - 100.0)
    hu[:] = np.interp(distance, [50, 70], [20, -1000])
    body = segment(series(np.rint(hu).astype(np.int16))).mask("body")
    assert np.sqrt(body[1].sum() / np.pi) == pytest.approx(60, abs=0.7)


def test_two_bodies_are_flagged():
    hu = np.full((6, 160, 200), -1000, np.int16)
    hu[:, ellipse(75, 50, 45, 40)] = 30
    hu[:, ellipse(75, 150, 45, 40)] = 30
    assert [f.code for f in segment(series(hu)).flags] == ["several_bodies"]


def test_raised_arms_beside_a_head_are_no_bodies():
    """Each has more than half of the head's volume, as it runs through all slices."""
    hu = np.full((24, 160, 200), -1000, np.int16)
    for k in range(6, 18):
        hu[k, ellipse(75, 100, 45, 36)] = 30
    for k in range(24):
        for side in (-1, 1):
            hu[k, ellipse(75, 100 + side * (66 - k // 4), 26, 24)] = 30
    made = segment(series(hu))
    assert made.flags == ()
    assert made.mask("body")[2].any()


def test_uneven_slices_are_segmented_and_flagged():
    made = segment(replace(series(chest(6)), regular=False))
    assert [f.code for f in made.flags] == ["slices_not_regular"]
    assert made.mask("lung").any()


def test_air_alone_is_refused_in_a_sentence():
    with pytest.raises(SegmentationError, match="No body was found"):
        segment(series(np.full((3, 64, 64), -1000, np.int16)))


def test_float_volumes_are_segmented_alike():
    hu = chest(6)
    assert (segment(series(hu.astype(np.float32))).labels == segment(series(hu)).labels).all()


def test_the_task_reports_and_can_be_cancelled():
    progress = Collected()
    segment(series(chest(4)), progress)
    fractions = [e["fraction"] for e in progress.log if e["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert len(fractions) >= 5
    progress.cancel()
    with pytest.raises(Cancelled):
        segment(series(chest(4)), progress)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((-1, 1), repeat=3)))
def test_every_axis_finds_its_place(order, signs):
    """Array axes point where the canonical view says: superior, posterior, left."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) * signs)[:, list(order)]
    permutation, turned = canonical_axes(affine)
    wanted = {0: (2, 1.0), 1: (1, -1.0), 2: (0, -1.0)}
    for place, axis in enumerate(permutation):
        column = affine[:3, 2 - axis] * (-1.0 if place in turned else 1.0)
        world, sign = wanted[place]
        assert column[world] == sign


@pytest.fixture(params=["", "torch"])
def lacking(request, monkeypatch):
    """Without TotalSegmentator, and with and without torch."""
    monkeypatch.setattr(
        engines.TotalSegmentatorEngine, "available", lambda self: (False, "no weights")
    )
    if request.param:
        monkeypatch.setattr(
            unet_engine, "find_spec", lambda name: None if name == "torch" else name
        )
    else:
        pytest.importorskip("torch", reason="the bundled UNet runs on it")
    return request.param


def test_auto_takes_the_bundled_unet_or_thresholds_and_flags_what_is_missing(lacking):
    engine = engines.choose("auto")
    assert engine.available() == (True, "")
    made = engine.segment(series(chest(4)), Collected())
    (choice,) = [f for f in made.flags if f.code in ("bundled_network", "no_network")]
    assert choice.code == ("no_network" if lacking else "bundled_network")
    assert made.engine == ("classical" if lacking else "unet")
    assert "no weights" in choice.message
    assert "pancreas" in choice.message
    assert ("liver" in choice.message, "torch is not installed" in choice.message) == (
        bool(lacking),
        bool(lacking),
    )


def rods(middles, radius) -> np.ndarray:
    """[k, j, i]: rods of PMMA in air, as a dosimetry phantom, or two of water side by side."""
    hu = np.full((6, 160, 200), -1000.0)
    for middle in middles:
        hu[:, ellipse(80, middle, radius, radius)] = 120
    return (hu + np.random.default_rng(0).normal(0, 10, hu.shape)).astype(np.int16)


@pytest.mark.parametrize("how", ["no body", "left out", "out of memory", "damaged weights"])
def test_where_the_unet_fails_auto_takes_thresholds_and_flags_why(monkeypatch, tmp_path, how):
    pytest.importorskip("torch", reason="the bundled UNet runs on it")
    hu = rods([100], 40)
    if how == "no body":
        expected = "found no body"
        monkeypatch.setattr(unet_engine, "predict", lambda *_: np.zeros(hu.shape, np.uint8))
    elif how == "left out":
        expected = "left out much"
        drawn = segment(series(hu))
        doubtful = replace(drawn, flags=(flag(doubts.LEFT_OUT, "79 % of it"),))
        monkeypatch.setattr(engines.UNetEngine, "segment", lambda *_: doubtful)
    elif how == "out of memory":
        expected = "CUDA out of memory"

        def fail(*_):
            raise RuntimeError(expected)

        monkeypatch.setattr(unet_engine, "predict", fail)
    else:
        expected = "damaged"
        shutil.copytree(unet_engine.bundled_folder(), tmp_path / "unet")
        weights = tmp_path / "unet" / unet_engine.WEIGHTS_FILE
        weights.write_bytes(weights.read_bytes()[:-1000])
        monkeypatch.setattr(
            "CTDoseSegLib.segmentation.unet.engine.bundled_folder", lambda: tmp_path
        )
        monkeypatch.setattr(
            "CTDoseSegLib.segmentation.unet.network.bundled_folder", lambda: tmp_path / "unet"
        )
        monkeypatch.setattr(engines.UNetEngine, "available", lambda self: (True, ""))
    made = engines.Automatic("no weights").segment(series(hu), Collected())
    assert made.engine == "classical"
    assert dice(made.mask("body"), np.broadcast_to(ellipse(80, 100, 40, 40), hu.shape)) > 0.99
    (reason,) = [f.message for f in made.flags if f.code == "no_network"]
    assert expected in reason
    assert "liver, kidneys, spleen" in reason


def test_a_cancelled_unet_is_no_reason_to_go_on_with_thresholds(monkeypatch):
    pytest.importorskip("torch", reason="the bundled UNet runs on it")
    cancelled = Collected()
    cancelled.cancel()
    monkeypatch.setattr(engines.ClassicalEngine, "segment", lambda *_: pytest.fail("went on"))
    with pytest.raises(Cancelled):
        engines.Automatic("no weights").segment(series(chest(4)), cancelled)


def test_the_classical_engine_asked_for_gives_no_reason():
    assert engines.choose("classical").segment(series(chest(4)), Collected()).flags == ()


@pytest.mark.parametrize("name", ["unet", "totalsegmentator"])
def test_an_engine_that_is_not_there_is_refused_in_a_sentence(name, tmp_path):
    with pytest.raises(SegmentationError, match=f"engine {name} cannot be used.*classical"):
        engines.choose(name, unet=tmp_path)


def test_auto_takes_the_unet_of_the_user(tmp_path):
    assert engines.choose("auto", unet=tmp_path) == engines.UNetEngine(tmp_path)


def test_an_unknown_engine_is_refused_with_the_known_ones():
    with pytest.raises(SegmentationError, match=r"'magic'.*totalsegmentator"):
        engines.choose("magic")
