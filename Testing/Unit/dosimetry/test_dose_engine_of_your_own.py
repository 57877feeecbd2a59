"""An engine of your own through the whole analysis, and what happens where it is wrong."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from dose_scans import MODEL, codes, make, scan_of

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport, PlacedEvent
from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.doses import DoseResult
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.errors import Cancelled, DoseEngineError, InputError, ModelError
from CTDoseSegLib.flags import flag, organ_place
from CTDoseSegLib.outputs.result_json import write_result_json
from CTDoseSegLib.outputs.tables import write_tables
from CTDoseSegLib.result import Result, read_result
from CTDoseSegLib.tasks.progress import Collected

UNKNOWN = "the engine knows the liver alone"


@dataclass
class Own:
    """The liver gets CTDIvol, other organs nothing; keeps the scans that it was asked for."""

    name: str = "my own"
    organs: tuple[str, ...] = ("liver", "aorta")
    change: dict = field(default_factory=dict)
    dose_map: DoseMap | None = None
    asked: list = field(default_factory=list)

    def available(self, scan):
        return scan.series.acquisition.phantom_cm is not None, "the phantom is not known"

    def estimate(self, scan, progress=None):
        self.asked.append(scan)
        per_slice = np.array([s.ctdivol_mGy for s in scan.series.slices])
        liver = replace(
            scan.without_dose("liver"),
            dose_mGy=float(per_slice.mean()),
            total_low_mGy=4.0,
            total_high_mGy=14.0,
            route=self.name,
            by_route={self.name: float(per_slice.mean())},
            slice_dose_mGy=np.where(scan.organs["liver"].count > 0, per_slice, np.nan),
            budget={"model": 0.3},
        )
        liver = replace(liver, **self.change)
        others = [
            scan.without_dose(organ, [flag("no_dose_model", UNKNOWN)])
            for organ in self.organs
            if organ != "liver"
        ]
        return DoseResult((liver, *others), (), {"name": "CTDIvol"}, self.dose_map)


def test_an_engine_of_your_own_gives_the_doses_of_an_analysis(tmp_path):
    engine = Own()
    analysis = analyze(*make(organs=("liver", "aorta")), dose_engine=engine)
    liver, aorta = analysis.doses.organs
    assert liver.dose_mGy == 9.0
    assert (liver.n_slices, liver.coverage) == (16, 1.0)
    assert liver.volume_ml == pytest.approx(16 * 16 * 5 * 5 * 5 / 1000)
    assert aorta.dose_mGy is None
    assert UNKNOWN in aorta.flags[0].message
    assert aorta.flags[0].place == organ_place("aorta")
    (scan,) = engine.asked
    assert scan.own_exposure
    assert analysis.provenance.parameters == {"dose_engine": "my own"}

    write_result_json(Result.of(analysis), tmp_path / "result.json")
    again = read_result(tmp_path)
    assert [(o.organ, o.dose_mGy) for o in again.organs] == [("liver", 9.0), ("aorta", None)]
    assert again.dose_model == {"name": "CTDIvol"}
    write_tables(again, tmp_path)
    with (tmp_path / "organ_doses.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["organ"], row["dose_mGy"]) for row in rows] == [("liver", "9"), ("aorta", "")]
    assert "no_dose_model" in rows[1]["flags"]


def test_the_fast_engine_gives_the_same_numbers_by_name_and_by_hand():
    scan = make(irradiated_range_mm=(-20.0, 230.0), ctdivol=np.linspace(5, 12, 40))
    by_name, by_hand = (
        Result.of(analyze(*scan, dose_engine=engine)).to_json()
        for engine in ("auto", FastEngine(MODEL))
    )
    assert any(organ["dose_mGy"] for organ in by_name["organs"])
    for key in ("organs", "dose_flags", "dose_model", "effective_dose", "slices"):
        assert by_name[key] == by_hand[key]


def test_an_engine_that_cannot_run_is_not_asked_and_its_reason_is_shown():
    engine = Own()
    with pytest.raises(DoseEngineError) as caught:
        analyze(*make(phantom_cm=None, pitch=None), dose_engine=engine)
    assert str(caught.value) == (
        "The dose engine my own cannot be used: the phantom is not known. "
        "Choose another dose engine."
    )
    assert caught.value.exit_code == 3
    assert engine.asked == []


class Failing(Own):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def estimate(self, scan, progress=None):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("spleen"),
        RuntimeError("CUDA error:\n  out of memory"),
        ZeroDivisionError(),
        ValueError("a\tb"),
        AssertionError(),
    ],
)
def test_an_engine_that_fails_is_named_in_one_sentence(error):
    with pytest.raises(DoseEngineError) as caught:
        analyze(*make(slices=6), dose_engine=Failing(error))
    sentence = str(caught.value)
    assert sentence.startswith(f"The dose engine my own failed ({type(error).__name__}:")
    assert sentence.endswith("; choose another dose engine.")
    assert "\n" not in sentence
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [ModelError("Its file is gone."), InputError("x"), Cancelled("x"), MemoryError()]
)
def test_errors_that_have_a_sentence_of_their_own_keep_it(error):
    with pytest.raises(type(error)) as caught:
        analyze(*make(slices=6), dose_engine=Failing(error))
    assert caught.value is error


class Mute(Own):
    """Does not answer whether it is available."""

    def available(self, scan):
        return None


def test_an_engine_that_does_not_answer_is_named():
    with pytest.raises(DoseEngineError, match=r"my own failed \(TypeError"):
        analyze(*make(slices=6), dose_engine=Mute())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dose_mGy": float("nan")}, "dose_mGy of liver is nan"),
        ({"dose_mGy": np.float32("inf")}, "dose_mGy of liver is"),
        ({"dose_mGy": -0.1}, "dose_mGy of liver is -0.1"),
        ({"dose_mGy": "9.0"}, "dose_mGy of liver is '9.0'"),
        ({"dose_mGy": True}, "dose_mGy of liver is True"),
        ({"dose_mGy": np.array([9.0])}, "dose_mGy of liver is array"),
        ({"dose_mGy": None}, "liver has neither a dose nor a flag with the reason"),
        ({"total_high_mGy": float("inf")}, "total_high_mGy of liver is inf"),
        ({"whole_organ_dose_mGy": float("nan")}, "whole_organ_dose_mGy of liver is nan"),
        ({"by_route": {"mas": float("nan")}}, "by_route mas of liver is nan"),
        ({"budget": {"model": float("nan")}}, "budget model of liver is nan"),
        ({"slice_dose_mGy": np.zeros(3)}, "slice_dose_mGy of liver must be an array of 8"),
        ({"slice_dose_mGy": [1.0] * 8}, "slice_dose_mGy of liver must be an array of 8"),
        ({"slice_dose_mGy": np.full(8, np.inf)}, "slice_dose_mGy of liver is infinite"),
        ({"flags": ("organ_cut",)}, "the flags of liver must be a tuple of Flag"),
        ({"organ": "unicorn"}, "unicorn is no organ of the label map"),
        ({"organ": "aorta"}, "aorta is in it twice"),
    ],
)
def test_an_organ_dose_that_cannot_be_is_refused_and_the_engine_named(change, problem):
    with pytest.raises(DoseEngineError) as caught:
        analyze(*make(slices=8, organ_slices=(2, 6)), dose_engine=Own(change=change))
    sentence = str(caught.value)
    assert sentence.startswith(f"The dose engine my own gave no usable result: {problem}")
    assert sentence.endswith("correct the engine, or choose another one.")


class Returning(Own):
    def __init__(self, returned):
        super().__init__()
        self.returned = returned

    def estimate(self, scan, progress=None):
        return self.returned


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (None, "it returned NoneType, not a DoseResult"),
        ({"liver": 9.0}, "it returned dict"),
        (DoseResult(["liver"]), "its organs and flags must be tuples"),
        (DoseResult((), ["mas_only"]), "its organs and flags must be tuples"),
        (DoseResult(("liver",)), "among its organs is str"),
        (DoseResult((), (), "card"), "its model_card is str"),
        (DoseResult((), (), {}, np.zeros((2, 2, 2))), "its dose_map is ndarray"),
    ],
)
def test_a_result_of_another_type_is_refused_and_the_engine_named(returned, problem):
    with pytest.raises(DoseEngineError, match=f"my own gave no usable result: {problem}"):
        analyze(*make(slices=6), dose_engine=Returning(returned))


def test_no_organ_at_all_is_a_result():
    analysis = analyze(*make(slices=6), dose_engine=Returning(DoseResult(())))
    assert analysis.doses.organs == ()


class Slow(Own):
    def estimate(self, scan, progress=None):
        progress.update(0.5, "following photons")
        return super().estimate(scan)


def test_an_engine_reports_its_progress_within_the_analysis():
    progress = Collected()
    analyze(*make(slices=6, organ_slices=(1, 4)), dose_engine=Slow(), progress=progress)
    fractions = {e["message"]: e["fraction"] for e in progress.log}
    before, after = fractions["predicting organ doses"], fractions["analysed"]
    assert before < fractions["following photons"] < after


def test_an_engine_can_be_cancelled():
    class CancelledInside(Slow):
        def estimate(self, scan, progress=None):
            progress.cancel()
            return super().estimate(scan, progress)

    progress = Collected()
    with pytest.raises(Cancelled):
        analyze(*make(slices=6), dose_engine=CancelledInside(), progress=progress)


def test_a_dose_map_stays_with_the_analysis():
    series, labelmap = make(slices=8, organ_slices=(2, 6))
    dose = np.full(series.hu.shape, 9, np.float32)
    dose_map = DoseMap(dose, series.affine, dose / 100, 10**6)
    analysis = analyze(series, labelmap, dose_engine=Own(dose_map=dose_map))
    assert analysis.doses.dose_map is dose_map
    assert analyze(series, labelmap).doses.dose_map is None


# The other events of an examination ---------------------------------------------------------


def reported(**changes):
    """A scan whose dose report has a second spiral, of 4.5 mGy."""
    own = IrradiationEvent(kind="spiral", ctdivol_mGy=9.0, phantom_cm=32)
    placed = (
        PlacedEvent(own, True, (-60.0, 260.0), "rdsr"),
        PlacedEvent(replace(own, ctdivol_mGy=4.5), False, (0.0, 100.0), "rdsr"),
    )
    report = DoseReport(tuple(p.event for p in placed), 500.0, 2)
    series, labelmap = make(**changes)
    return replace(series, dose_report=MatchedReport(report, placed, "values")), labelmap


def test_an_engine_is_asked_for_the_other_events_with_their_exposure_and_range():
    engine = Own()
    analysis = analyze(*reported(), dose_engine=engine)
    own, other = engine.asked
    assert (own.own_exposure, other.own_exposure) == (True, False)
    assert {s.ctdivol_mGy for s in other.series.slices} == {4.5}
    assert other.series.acquisition.irradiated_range_mm == (0.0, 100.0)
    assert other.beam.known
    assert not own.beam.known
    assert other.measurements is own.measurements
    assert other.series.hu is own.series.hu
    assert analysis.examination.of("liver", "").examination_dose_mGy == 13.5
    assert analysis.examination.of("aorta", "").examination_dose_mGy is None


class OwnExposureAlone(Own):
    def available(self, scan):
        return scan.own_exposure, "it knows no other exposure"


def test_an_engine_that_knows_its_images_alone_gives_no_total_and_the_reason():
    analysis = analyze(*reported(), dose_engine=OwnExposureAlone())
    assert analysis.doses.organs[0].dose_mGy == 9.0
    assert analysis.examination.organs == ()
    (why,) = analysis.examination.flags
    assert why.code == "examination_not_given"
    assert "it knows no other exposure" in why.message


class FailingOnOthers(Own):
    def estimate(self, scan, progress=None):
        if not scan.own_exposure:
            return Own(change={"dose_mGy": float("nan")}).estimate(scan)
        return super().estimate(scan)


def test_a_nan_for_another_event_never_gets_into_a_total():
    with pytest.raises(DoseEngineError, match="my own gave no usable result"):
        analyze(*reported(), dose_engine=FailingOnOthers())


# ----------------------------------------------------------------------------------------------


def test_what_the_fast_engine_returns_passes_the_check_unchanged():
    scan = scan_of(*make())
    checked, plain = estimate(FastEngine(MODEL), scan), FastEngine(MODEL).estimate(scan)
    assert codes(checked.flags) == codes(plain.flags)
    for one, other in zip(checked.organs, plain.organs, strict=True):
        assert one.dose_mGy == other.dose_mGy
        assert codes(one.flags) == codes(other.flags)
        assert {entry.place for entry in one.flags} <= {organ_place(one.organ)}
