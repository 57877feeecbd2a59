"""The rotation time is read from a tag that means it, else it is not known."""

from __future__ import annotations

import pytest
from dicom_files import write_series

from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.reading.exposure import read_exposure
from CTDoseSegLib.reading.reader import read_series


def read(maker, *, currents=(300.0, 200.0), exposures=(), **values):
    """Exposure of slices of `maker`; `exposures` are mAs of each slice, or none are written."""
    headers = []
    for k, current in enumerate(currents):
        own = {"Manufacturer": maker, "XRayTubeCurrent": current, "KVP": 120.0, **values}
        if exposures:
            own["Exposure"] = exposures[k]
        headers.append(Header("a.dcm", {name: (v,) for name, v in own.items()}, ""))
    return read_exposure(headers, [10.0 * k for k in range(len(headers))])


def rotation(*args, **kwargs):
    return read(*args, **kwargs).acquisition.rotation_time_s


@pytest.mark.parametrize(
    ("maker", "time_ms", "pitch", "exposures", "seconds"),
    [
        ("SIEMENS", 330.0, 0.8, (615.0 * 0.33 / 0.8,) * 2, 0.33),
        ("SIEMENS", 500.0, 0.8, (), 0.5),
        ("Philips Medical Systems", 1277.0, 0.391, (143.0, 143.0), 0.5),
        ("Philips", 1277.0, 0.391, (), 0.5),
        ("TOSHIBA", 350.0, 1.388, (43.0, 43.0), 0.35),
        ("Canon Medical Systems", 500.0, 0.806, (187.0, 187.0), 0.5),
        ("UIH", 400.0, 0.8, (100.0, 100.0), 0.4),
        ("UIH", 500.0, 0.8, (100.0, 100.0), 0.4),
    ],
)
def test_exposure_time_is_the_rotation_where_a_maker_or_exposure_shows_it(
    maker, time_ms, pitch, exposures, seconds
):
    currents = {43.0: 123.0, 143.0: 112.0, 187.0: 375.0, 100.0: 200.0}.get(
        exposures[0] if exposures else 0.0, 615.0
    )
    found = rotation(
        maker,
        currents=(currents, currents),
        exposures=exposures,
        ExposureTime=time_ms,
        SpiralPitchFactor=pitch,
    )
    assert found == pytest.approx(seconds, rel=2e-3)


@pytest.mark.parametrize(
    ("maker", "time_ms", "pitch", "exposures"),
    [
        # GE: the time that the tube was on, whatever else fits.
        ("GE MEDICAL SYSTEMS", 500.0, 1.0, (150.0, 100.0)),
        ("GE MEDICAL SYSTEMS", 1325.0, 1.375, ()),
        # The whole scan, with its own mAs and without.
        ("SIEMENS", 5000.0, 1.0, (1500.0, 1000.0)),
        ("SIEMENS", 5000.0, 1.0, ()),
        ("Philips", 2600.0, 0.9, (780.0, 520.0)),
        ("TOSHIBA", 9000.0, 0.8, (2700.0, 1800.0)),
        ("UIH", 5000.0, 1.0, ()),
        # Nothing says what it is.
        ("UIH", 500.0, 0.8, ()),
        ("TOSHIBA", 500.0, 0.8, ()),
        ("UIH", 500.0, None, (150.0, 100.0)),
        ("Philips", 875.0, None, (262.0, 175.0)),
        # Tube current and Exposure contradict it.
        ("UIH", 500.0, 0.8, (300.0, 50.0)),
        ("Philips", 1280.0, 0.391, (253.0, 253.0)),
        # So small an exposure, in whole mAs, fits both.
        ("UIH", 500.0, 0.8, (4.0, 4.0)),
    ],
)
def test_an_exposure_time_that_may_be_of_the_whole_scan_is_no_rotation(
    maker, time_ms, pitch, exposures
):
    currents = (7.0, 7.0) if exposures == (4.0, 4.0) else (300.0, 200.0)
    tags = {} if pitch is None else {"SpiralPitchFactor": pitch}
    exposed = read(maker, currents=currents, exposures=exposures, ExposureTime=time_ms, **tags)
    assert exposed.acquisition.rotation_time_s is None


@pytest.mark.parametrize(
    ("seconds", "known"), [(0.28, True), (4.0, True), (0.05, False), (6.0, False), (500.0, False)]
)
def test_a_revolution_time_stands_alone_and_only_where_a_gantry_can_turn_so(seconds, known):
    found = rotation("SIEMENS", ExposureTime=500.0, RevolutionTime=seconds, SpiralPitchFactor=1.0)
    assert found == (seconds if known else None)


@pytest.mark.parametrize("maker", ["SIEMENS", "Philips"])
@pytest.mark.parametrize(
    ("pitch", "known", "exposures"),
    [
        (None, (240.0, 160.0), (240.0, 160.0)),
        (None, None, (1500.0, 1000.0)),
        (1.2, None, (750.0, 500.0)),
    ],
)
def test_mas_as_written_is_effective_unless_it_is_that_of_the_whole_scan(
    maker, pitch, known, exposures
):
    tags = {} if pitch is None else {"SpiralPitchFactor": pitch}
    exposed = read(maker, exposures=exposures, **tags)
    assert [item.effective_mAs for item in exposed.slices] == list(known or (None, None))
    details = [f.detail for f in exposed.flags if f.code == "effective_mas_unknown"]
    assert details == ([] if known else ["Exposure is that of the whole scan"])


def test_an_unknown_rotation_names_the_time_that_was_not_taken(tmp_path):
    folder = write_series(
        tmp_path, Manufacturer="GE MEDICAL SYSTEMS", ExposureTime=5000, CTDIvol=None
    )
    series = read_series(folder)
    assert all(item.effective_mAs is None for item in series.slices)
    (unknown,) = [f for f in series.flags if f.code == "effective_mas_unknown"]
    assert "5000 ms" in unknown.message
    assert "(0018,1150)" in unknown.message
