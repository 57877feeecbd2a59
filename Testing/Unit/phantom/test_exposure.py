"""How a body is scanned: tube current and voltage by size, and what its dose report states."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.dicom_files import _dose_report
from CTDoseSegLib.phantom.exposure import PhantomExposure, exposure, usual_kvp
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.dose_report_file import read_dose_report

# CTDIvol, mGy, of the chest: European Commission, Radiation Protection 185, 2018.
CHEST_REFERENCE_MGY = {(0, 3.5): 1.4, (1, 10.0): 1.8, (5, 19.0): 2.7, (10, 32.0): 3.7}


def scanned(age: float, variant: str, wed_mm: list[float], **of_body) -> PhantomExposure:
    return exposure(phantom(age, variant, len(wed_mm), **of_body), np.array(wed_mm))


@cache
def phantom(age: float, variant: str, slices: int = 5, **of_body) -> Phantom:
    """Not rendered, nor is its body solved."""
    body = Body(person=Person.of(age, "female"), **of_body)
    return Phantom(body=body, variant=variant, shape=(8, 8, slices), spacing_mm=(50, 50, 40))


@pytest.mark.parametrize(
    ("age", "wed_mm"), [(0, 107.0), (1, 147.0), (5, 167.0), (10, 194.0)], ids=str
)
def test_a_child_gets_a_dose_near_the_european_reference_level(age, wed_mm):
    person = Person.of(age, "female")
    made = scanned(age, "chest", [wed_mm] * 5, kvp=usual_kvp(person, "chest"))
    level = {of: mGy for (of, _), mGy in CHEST_REFERENCE_MGY.items()}[age]
    assert 0.5 * level < made.ctdivol_mGy.mean() < 1.15 * level


@pytest.mark.parametrize("kvp", [70.0, 80.0, 100.0, 120.0])
def test_the_tube_current_of_a_child_follows_its_size_along_z(kvp):
    made = scanned(0, "chest", [70.0, 90.0, 100.0, 110.0, 115.0], kvp=kvp)
    assert (np.diff(made.tube_current_mA) > 0).all()
    assert made.ctdivol_mGy == pytest.approx(
        scanned(0, "chest", [70.0, 90.0, 100.0, 110.0, 115.0]).ctdivol_mGy, rel=0.03
    )


def test_no_tube_gives_more_than_its_power():
    made = scanned(40, "abdomen", [500.0] * 3, kvp=100.0)
    assert made.tube_current_mA == pytest.approx([720.0] * 3)


@pytest.mark.parametrize(
    ("age", "region", "kvp"),
    [(0, "chest", 80), (1, "trunk", 80), (1, "head", 100), (5, "chest", 100), (15, "chest", 120)],
)
def test_children_are_scanned_at_80_to_100_kv(age, region, kvp):
    assert usual_kvp(Person.of(age, "female"), region) == kvp


def test_a_light_adult_is_scanned_at_120_kv():
    assert usual_kvp(Person.of(30, "female", weight_kg=45), "chest") == 120


def report(tmp_path, age: float, variant: str, **of_body):
    scan = phantom(age, variant, **of_body)
    made = exposure(scan, np.full(5, 160.0))
    _dose_report(scan, made).save_as(tmp_path / "report.dcm", enforce_file_format=True)
    return read_dose_report(tmp_path / "report.dcm"), made


def test_a_head_without_contrast_agent_has_no_bolus_tracking(tmp_path):
    read, made = report(tmp_path, 30, "head")
    assert [event.protocol for event in read.events] == ["Localizer", "Phantom head"]
    assert {event.phantom_cm for event in read.events} == {16}
    assert read.events[0].ctdivol_mGy == pytest.approx(
        made.nctdiw_mGy_per_mAs * 35 * 0.036, abs=1e-4
    )
    assert read.flags == ()


@pytest.mark.parametrize(("variant", "phantom_cm"), [("head", 16), ("chest", 32)])
@pytest.mark.parametrize("kvp", [80.0, 120.0])
def test_every_event_has_voltage_and_phantom_of_the_scan(tmp_path, variant, phantom_cm, kvp):
    read, made = report(tmp_path, 5, variant, phase="portal", kvp=kvp)
    assert len(read.events) == 3
    assert {(e.kvp_kV, e.phantom_cm) for e in read.events} == {(kvp, phantom_cm)}
    bolus = next(event for event in read.events if event.protocol == "Bolus tracking")
    # Ten rotations of half a second with 20 mA, at one place.
    assert bolus.ctdivol_mGy == pytest.approx(made.nctdiw_mGy_per_mAs * 100, abs=1e-4)
    dlp = [event.dlp_mGy_cm for event in read.events]
    assert read.dlp_total_mGy_cm == pytest.approx(sum(dlp), abs=1e-3)
    assert bolus.dlp_mGy_cm == pytest.approx(bolus.ctdivol_mGy, abs=1e-3)  # over 1 cm


def test_an_adult_without_a_body_states_what_it_always_did(tmp_path):
    scan = Phantom(variant="head", shape=(8, 8, 5), spacing_mm=(50, 50, 40))
    made = exposure(scan, np.full(5, 60.0))
    assert made.tube_current_mA.min() >= 80
    _dose_report(scan, made).save_as(tmp_path / "report.dcm", enforce_file_format=True)
    read = read_dose_report(tmp_path / "report.dcm")
    assert [e.ctdivol_mGy for e in read.events][:2] == [0.12, 4.5]
