"""The largest mean dose over 1 cm2 of skin: where it lies, how high it is, and how sure it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib import MonteCarloEngine
from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent
from CTDoseSegLib.dosimetry import peak_skin_dose
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.examination import examine
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of
from CTDoseSegLib.dosimetry.montecarlo.exposure import exposure_of
from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
from CTDoseSegLib.dosimetry.montecarlo.skin import (
    SkinSurface,
    skin_dose_of,
    skin_over_soft_tissue,
)
from CTDoseSegLib.dosimetry.montecarlo.skin_interval import helix_peak
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally
from CTDoseSegLib.dosimetry.montecarlo.voxels import Voxels
from CTDoseSegLib.dosimetry.peak_skin_dose import SkinDose, peak_of
from CTDoseSegLib.files.codec import plain, read_dataclass
from CTDoseSegLib.reading.dose_matching import RANGE, MatchedReport, PlacedEvent
from CTDoseSegLib.reporting.terminal import peak_skin_words

STEP_MM, ROWS, COLUMNS, BATCHES = 4.0, 30, 60, 20


def sheet(dose_of_xz, *, noise=0.0, seed=0, **more) -> SkinDose:
    """A plane of skin, 240 x 120 mm, whose dose is a function of x and z; noise of each element."""
    z, x = np.mgrid[:ROWS, :COLUMNS] * STEP_MM
    dose = np.broadcast_to(dose_of_xz(x, z), x.shape).ravel().astype(float)
    of_batch = noise * np.sqrt(BATCHES) * np.random.default_rng(seed).normal(size=(BATCHES, x.size))
    place = np.stack((x, 0 * x, z), axis=-1).reshape(-1, 3)
    area = np.full(x.size, STEP_MM**2)
    return SkinDose(place, area, dose * (1 + of_batch), 1_000_000, **more)


def cylinder(voxel_mm, *, radius_mm=40.0, length_mm=40.0, dose_at_depth=None):
    """Water on voxels, those at the surface partly filled, and a tally with a dose by depth."""
    across, parts = 2 * int(radius_mm / voxel_mm + 3), 8
    fine = ((np.arange(across * parts) + 0.5) / parts - across / 2) * voxel_mm
    radius = np.hypot(*np.meshgrid(fine, fine))
    shape = (across, parts, across, parts)
    share = (radius <= radius_mm).reshape(shape).mean(axis=(1, 3))
    body = np.repeat((share > 0.5)[None], round(length_mm / voxel_mm), 0)
    density = np.broadcast_to(share, body.shape).astype(np.float32)
    material = np.full(body.shape, index_of("water"), np.uint8)
    corner = (-across / 2 * voxel_mm,) * 2
    size = (voxel_mm,) * 3
    voxels = Voxels(material, density, body.astype(np.uint16), size, (*corner, 0.0), (0.0, 0.0))
    # What tissue in front of each point leaves of the dose; in air that of the surface.
    dose = dose_at_depth(np.maximum(radius_mm - radius, 0.0)).reshape(shape).mean(axis=(1, 3))
    energy = np.broadcast_to(dose, body.shape) * voxels.voxel_mass_g()
    two = np.broadcast_to(energy, (2, 2, *body.shape)).astype(np.float32)
    one = np.ones((1, 1))
    sums = np.zeros((3, 1, 1, 1))
    number = np.array([500, 500])
    return voxels, body, Tally(("x",), one, one.astype(int), sums, sums, two, number, 1.0, 0.0)


# The surface


@pytest.mark.parametrize("voxel_mm", [2.0, 4.0])
def test_the_surface_has_the_area_and_the_places_of_a_cylinder(voxel_mm):
    voxels, body, _ = cylinder(voxel_mm, dose_at_depth=np.ones_like)
    surface = SkinSurface.of(voxels, body, np.zeros_like(body))
    assert surface.area_mm2.sum() == pytest.approx(2 * np.pi * 40 * 40, rel=0.08)
    radius = np.hypot(surface.place_mm[:, 0], surface.place_mm[:, 1])
    assert np.abs(radius - 40).max() < 1.5 * voxel_mm
    assert surface.place_mm[:, 2].min() == pytest.approx(voxel_mm / 2)


def test_neither_air_inside_the_body_nor_what_was_added_to_the_images_makes_skin():
    voxels, body, _ = cylinder(4.0, dose_at_depth=np.ones_like)
    whole = SkinSurface.of(voxels, body, np.zeros_like(body))
    holed = body.copy()
    holed[2:4, 12:14, 12:14] = False
    with_gas = SkinSurface.of(voxels, holed, np.zeros_like(body))
    assert np.array_equal(with_gas.voxel, whole.voxel)
    completed = np.zeros_like(body)
    completed[:3] = True  # repeated slabs, and the air beside them
    shorter = SkinSurface.of(voxels, body & ~completed, completed)
    assert len(shorter.voxel) == round(len(whole.voxel) * (len(body) - 3) / len(body))
    assert shorter.place_mm[:, 2].min() > whole.place_mm[:, 2].min()


@pytest.mark.parametrize("voxel_mm", [1.0, 2.0, 4.0])
def test_the_dose_is_that_at_the_surface_whatever_the_voxels(voxel_mm):
    """A dose that falls by 1 % in a millimetre: 4 mm voxels alone would be 2 % low."""
    falls = {"dose_at_depth": lambda depth_mm: 10.0 * np.exp(-0.01 * depth_mm)}
    voxels, body, tally = cylinder(voxel_mm, **falls)
    surface = SkinSurface.of(voxels, body, np.zeros_like(body))
    beam = beam_of("generic head", 120)
    skin = skin_dose_of(tally, voxels, surface, beam, 1.0)
    at_surface = skin.dose_mGy.mean() / skin_over_soft_tissue(beam)
    assert at_surface == pytest.approx(10.0, rel=0.008)


def test_skin_takes_a_little_more_than_soft_tissue_and_most_at_low_voltage():
    soft, hard = (skin_over_soft_tissue(beam_of("generic head", kV)) for kV in (80, 140))
    assert 1.0 < hard < soft < 1.05


# The peak


def test_a_hot_square_centimetre_is_found_where_it_is():
    peak = peak_of([sheet(lambda x, z: 100 + 50 * (np.hypot(x - 80, z - 60) < 12))])
    assert peak.dose_mGy == pytest.approx(150)
    assert np.hypot(peak.place_ras_mm[0] - 80, peak.z_mm - 60) < 6
    assert peak.area_cm2 == 1.0


def test_a_peak_smaller_than_a_square_centimetre_is_averaged_over_one():
    peak = peak_of([sheet(lambda x, z: 100.0 + 1000.0 * ((x == 80) & (z == 60)))])
    assert peak.dose_mGy == pytest.approx(100 + 1000 * STEP_MM**2 / 100, rel=0.01)


def test_a_fine_surface_has_fewer_patches_and_the_same_peak(monkeypatch):
    skin = sheet(lambda x, z: 100 + 50 * (np.hypot(x - 80, z - 60) < 16))
    whole = peak_of([skin])
    monkeypatch.setattr(peak_skin_dose, "_MOST_WEIGHTS", 20_000)
    fewer = peak_of([skin])
    assert fewer.dose_mGy == pytest.approx(whole.dose_mGy, rel=0.02)


def test_twice_the_dose_is_twice_the_peak_at_the_same_place():
    once = sheet(lambda x, z: 100 + 0.1 * x, noise=0.05)
    twice = replace(once, dose_mGy=2 * once.dose_mGy)
    assert peak_of([twice]).dose_mGy == pytest.approx(2 * peak_of([once]).dose_mGy)
    assert peak_of([twice]).place_ras_mm == peak_of([once]).place_ras_mm


def test_noise_does_not_raise_the_peak():
    """Of 40 noisy runs of an even dose; the largest mean of each is some 9 % too high."""
    peaks = [peak_of([sheet(lambda x, z: 100.0, noise=0.08, seed=n)]) for n in range(40)]
    values = np.array([one.dose_mGy for one in peaks])
    assert values.mean() == pytest.approx(100.0, abs=1.5)
    naive = 100 * np.exp(np.sqrt(3) * np.array([one.budget["peak_place"] for one in peaks]))
    assert naive.mean() > 105.0
    errors = np.array([one.statistical_sd_mGy for one in peaks])
    assert 0.7 < np.std(values) / errors.mean() < 1.4


def test_the_interval_holds_the_true_peak_of_an_uneven_dose():
    held = 0
    for n in range(40):
        peak = peak_of([sheet(lambda x, z: 100 - 15 * np.cos(x / 40), noise=0.08, seed=n)])
        held += peak.low_mGy <= 115.0 <= peak.high_mGy
    assert held >= 34  # 90 % of 40, less three standard deviations


def test_exposures_that_overlap_add_up_where_they_do():
    low = sheet(lambda x, z: 100.0 * (z < 72))
    high = sheet(lambda x, z: 80.0 * (z > 48))
    alone, both = peak_of([low]), peak_of([low, high])
    assert alone.dose_mGy == pytest.approx(100)
    assert both.dose_mGy == pytest.approx(180)
    assert 48 <= both.z_mm <= 72
    assert (alone.events, both.events) == (1, 2)
    apart = peak_of([sheet(lambda x, z: 100.0 * (z < 40)), sheet(lambda x, z: 80.0 * (z > 80))])
    assert apart.dose_mGy == pytest.approx(100)


def test_the_same_error_in_both_exposures_is_that_of_their_sum():
    even = {"log_sd": {"ctdivol_display": 0.1}}
    low, high = (sheet(lambda x, z, d=d: d, **even) for d in (100.0, 300.0))
    assert peak_of([low, high]).budget["ctdivol_display"] == pytest.approx(0.1)
    unlike = replace(high, log_sd={})
    assert peak_of([low, unlike]).budget["ctdivol_display"] == pytest.approx(0.025)


def test_other_surfaces_do_not_add_up():
    whole = sheet(lambda x, z: 1.0)
    part = SkinDose(whole.place_mm[:9], whole.area_mm2[:9], whole.dose_mGy[:, :9], 1)
    with pytest.raises(ValueError, match="do not add up"):
        peak_of([whole, part])


def test_too_few_photons_give_no_dose_and_say_how_many_it_takes():
    peak = peak_of([sheet(lambda x, z: 100.0, noise=1.0)])
    assert peak.dose_mGy is None
    assert codes(peak.flags) == {"peak_skin_noisy"}
    # 1 cm2 holds 6.25 elements, so that its error is 40 %: 16 times the photons bring it to 10 %.
    assert peak.photons == pytest.approx(16e6, rel=0.8)
    assert "too few photons" in peak_skin_words(peak)


@pytest.mark.parametrize(
    ("dose_mGy", "code"),
    [
        (900.0, None),
        (1990.0, "peak_skin_near"),
        (2000.0, "peak_skin_erythema"),
        (3100.0, "peak_skin_substantial"),
    ],
)
def test_thresholds_are_flagged_the_highest_alone(dose_mGy, code):
    peak = peak_of([sheet(lambda x, z: dose_mGy, log_sd={"beam": 0.05})])
    assert codes(peak.flags) == ({code} if code else set())


def test_a_peak_is_written_and_read_back_and_worded():
    peak = peak_of([sheet(lambda x, z: 250 + 0 * x, log_sd={"beam": 0.05})])
    assert read_dataclass(type(peak), plain(peak), "peak") == peak
    words = peak_skin_words(replace(peak, events=3))
    assert words.startswith("250 mGy (90 % interval ")
    assert "over 1 cm2" in words
    assert "3 events added up" in words


# The beam that made it


def test_a_helix_leaves_stripes_which_its_pitch_and_the_narrow_near_side_make():
    by_pitch = [helix_peak(pitch * 40.0, 40.0, 100.0, 600.0) for pitch in (0.1, 1.0, 1.5)]
    assert by_pitch[0] == pytest.approx(1.0, abs=0.05)
    assert by_pitch[0] < by_pitch[1] < by_pitch[2]
    # Without a body in front the beam is as wide as at the isocentre: pitch 1 leaves no gap.
    assert helix_peak(40.0, 40.0, 1.0, 600.0) == pytest.approx(1.0, abs=0.03)


RESTING = IrradiationEvent(
    uid="1",
    kind="stationary",
    kvp_kV=80.0,
    ctdivol_mGy=300.0,
    phantom_cm=16,
    dlp_mGy_cm=300.0 * 4,
    total_collimation_mm=40.0,
)


def resting(event=RESTING, **changes):
    series, labelmap = make(
        slices=8, organ_slices=(0, 8), total_collimation_mm=40.0, phantom_cm=16, **changes
    )
    placed = PlacedEvent(event, True, (0.0, 40.0), RANGE)
    report = DoseReport((event,), 1200.0, 1)
    return scan_of(
        replace(series, dose_report=MatchedReport(report, (placed,), "event UID")), labelmap
    )


def test_a_stationary_event_stands_at_one_place_with_all_of_its_photons():
    exposure = exposure_of(resting(irradiated_range_mm=(0.0, 40.0), sources={}))
    assert exposure.at_rest
    assert "monte_carlo_at_rest" in codes(exposure.flags)
    assert np.mean(exposure.range_mm) == pytest.approx(20.0)
    assert np.ptp(exposure.range_mm) <= 1.0
    # CTDIvol of all rotations, by the report, times the width that it counts.
    assert exposure.dose_length_mGy_cm == pytest.approx(300.0 * 4.0)
    assert exposure.covered_mm == pytest.approx((0.0, 40.0), abs=0.5)
    assert exposure.feed_mm is None


def test_a_spiral_event_moves():
    exposure = exposure_of(resting(replace(RESTING, kind="spiral")))
    assert not exposure.at_rest
    assert "monte_carlo_at_rest" not in codes(exposure.flags)


def test_without_a_report_short_images_and_dlp_tell_that_the_table_stood_still():
    series, labelmap = make(
        slices=8,
        organ_slices=(0, 8),
        ctdivol_mGy=9.0,
        dlp_mGy_cm=36.0,
        total_collimation_mm=40.0,
        pitch=None,
    )
    assert exposure_of(scan_of(series, labelmap)).at_rest
    moved = replace(series, acquisition=replace(series.acquisition, pitch=1.0))
    assert not exposure_of(scan_of(moved, labelmap)).at_rest
    longer = replace(series, acquisition=replace(series.acquisition, dlp_mGy_cm=90.0))
    assert not exposure_of(scan_of(longer, labelmap)).at_rest


# From end to end, few photons

WHOLE = (0.0, 75.0)
SPIRAL = replace(
    RESTING,
    kind="spiral",
    kvp_kV=120.0,
    ctdivol_mGy=9.0,
    phantom_cm=32,
    dlp_mGy_cm=9.0 * 7.5,
    scanning_length_mm=75.0,
    modulation="NONE",
    dual_source=False,
)


def with_events(series, *others):
    events = (PlacedEvent(SPIRAL, True, WHOLE, RANGE), *others)
    report = DoseReport(tuple(one.event for one in events), 500.0, len(events))
    return replace(series, dose_report=MatchedReport(report, events, "event UID"))


def other(range_mm, **changes):
    return PlacedEvent(replace(SPIRAL, uid="2", **changes), False, range_mm, RANGE)


@pytest.fixture(scope="module")
def run():
    """A scan of a piece of a trunk, its engine after a run, and the doses."""
    pytest.importorskip("numba")
    series, labelmap = make(
        slices=16,
        organ_slices=(4, 12),
        irradiated_range_mm=WHOLE,
        sources={"irradiated_range_mm": RANGE},
        modulation="NONE",
        total_collimation_mm=40.0,
    )
    scan = scan_of(with_events(series), labelmap)
    engine = MonteCarloEngine(histories=600_000, dose_map=False)
    return scan, engine, estimate(engine, scan)


def of_examination(run, *others):
    scan, engine, doses = run
    scan = replace(scan, series=with_events(scan.series, *others))
    return examine(scan, doses, engine).peak_skin_dose


def test_the_engine_gives_a_peak_near_what_the_skin_gets_on_average(run):
    scan, _, doses = run
    peak = doses.peak_skin_dose
    skin = doses.skin_dose
    inside = np.abs(skin.place_mm[:, 2] - 37) < 20
    mean = float(skin.dose_mGy[:, inside].mean())
    assert mean < peak.dose_mGy < 1.4 * mean
    assert peak.low_mGy < peak.dose_mGy < peak.high_mGy
    assert scan.series.z_mm.min() <= peak.z_mm <= scan.series.z_mm.max()
    # It lies on the surface of the ellipse of 32 x 24 cm.
    x, y, _ = peak.place_ras_mm
    assert np.hypot((x - middle_mm(scan)[0]) / 160, (y - middle_mm(scan)[1]) / 120) == (
        pytest.approx(1.0, abs=0.05)
    )
    assert {"statistics", "peak_place", "beam", "ctdivol_display"} <= set(peak.budget)


def middle_mm(scan):
    last = np.array(scan.series.hu.shape[::-1]) - 1
    return (scan.series.affine @ np.array([*(last / 2), 1.0]))[:2]


def test_the_same_exposure_again_doubles_the_peak(run):
    own = run[2].peak_skin_dose
    both = of_examination(run, other(WHOLE))
    assert both.events == 2
    assert both.dose_mGy == pytest.approx(2 * own.dose_mGy, rel=0.15)
    assert codes(both.flags) <= codes(own.flags)


def test_a_resting_beam_adds_where_it_stands(run):
    resting = other((18.0, 22.0), kind="stationary", ctdivol_mGy=90.0, dlp_mGy_cm=360.0)
    own, both = run[2].peak_skin_dose, of_examination(run, resting)
    assert both.z_mm == pytest.approx(20.0, abs=15.0)
    # Ten times the CTDIvol of the scan: without the scatter of rotations beside it, but no wider
    # on the tube's side than 44 of 60 cm, where a helix leaves gaps between its turns.
    added = (both.dose_mGy - own.dose_mGy) / own.dose_mGy
    assert 6.0 < added < 10.0 * 60 / 44 * 1.1


def test_an_event_that_cannot_be_placed_is_flagged(run):
    peak = of_examination(run, PlacedEvent(replace(SPIRAL, uid="3"), False, None, "no range"))
    assert "peak_skin_events" in codes(peak.flags)
    assert peak.dose_mGy == pytest.approx(run[2].peak_skin_dose.dose_mGy)
    far = of_examination(run, other((900.0, 1200.0)))
    assert "peak_skin_events" not in codes(far.flags)
    assert far.dose_mGy == pytest.approx(run[2].peak_skin_dose.dose_mGy)
