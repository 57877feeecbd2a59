"""A simulation ends when the organs that decide are certain enough, or when its time is over."""

from __future__ import annotations

import numpy as np
import pytest
from dose_scans import make, scan_of
from hand_made_tallies import exposure_between, response_of

from CTDoseSegLib.dosimetry.montecarlo.response import Response
from CTDoseSegLib.dosimetry.montecarlo.stopping import (
    StopRule,
    deciding_organs,
    histories_to,
)
from CTDoseSegLib.errors import Cancelled
from CTDoseSegLib.tasks.progress import Collected

EXPOSURE = exposure_between(0.0, 200.0)
NAMES = ("quiet", "noisy")


def rule(**changes):
    """A rule of two organs, its progress and its clock, which the test winds."""
    seconds = [0.0]
    progress = Collected()
    made = response_of(EXPOSURE, NAMES, 1.0)

    def of(tally):
        return Response(tally, made.path, made.mass_g, made.kerma_mGy_cm, 0.0)

    settings = {"relative_se": 0.01, "max_seconds": 60.0, **changes}
    asked = StopRule(
        organs={name: n for n, name in enumerate(NAMES)},
        response_of=of,
        exposure=EXPOSURE,
        progress=progress,
        clock=lambda: seconds[0],
        **settings,
    )
    return asked, progress, seconds


def tally(noise):
    """Both organs' energy, the second's histories scattering by `noise` times its mean."""
    made = response_of(EXPOSURE, NAMES, 1.0, scatter=0.1).tally
    made.squares_keV2[:, 1] = made.histories + (made.histories - 1) * noise**2
    return made


def test_the_least_certain_organ_decides():
    asked, progress, _ = rule()
    n = 1000 * 20 * 16
    assert not asked(tally(0.02 * np.sqrt(n)))
    assert "2.0 % in noisy" in progress.log[-1]["message"]
    assert progress.log[-1]["fraction"] == pytest.approx(0.25, abs=0.01)
    assert asked(tally(0.009 * np.sqrt(n)))


def test_time_that_is_over_ends_it_whatever_it_reached():
    asked, progress, seconds = rule(max_seconds=10.0)
    noise = 0.5 * np.sqrt(1000 * 20 * 16)
    seconds[0] = 9.0
    assert not asked(tally(noise))
    assert progress.log[-1]["fraction"] == pytest.approx(0.9)
    seconds[0] = 10.0
    assert asked(tally(noise))


def test_a_cancelled_progress_ends_it_with_the_question():
    asked, progress, _ = rule()
    progress.cancel()
    with pytest.raises(Cancelled):
        asked(tally(1.0))


def test_without_an_organ_that_decides_the_first_answer_is_enough():
    asked, _, _ = rule()
    asked.organs = {}
    assert asked(tally(100.0))


def test_the_lens_of_an_eye_decides_although_it_is_small_but_is_asked_for_less():
    scan = scan_of(*make(organs=("eye_lens_left",), organ_slices=(5, 7)))
    assert set(deciding_organs(scan, EXPOSURE, {"eye_lens_left": 0})) == {"eye_lens_left"}
    asked, _, _ = rule()
    n = 1000 * 20 * 16
    asked.organs = {"quiet": 0, "eye_lens_left": 1}
    assert asked(tally(0.029 * np.sqrt(n)))
    assert not asked(tally(0.031 * np.sqrt(n)))
    rough, _, _ = rule(relative_se=0.1)
    rough.organs = {"eye_lens_left": 1}
    assert rough(tally(0.09 * np.sqrt(n)))


def test_small_organs_and_those_out_of_the_beam_do_not_decide():
    scan = scan_of(*make(organs=("liver", "aorta"), organ_slices=(5, 21)))
    scores = {"liver": 0, "aorta": 1, "body": 2}
    # 4 x 4 pixels of 5 mm on 16 slices of 5 mm are 32 ml.
    assert deciding_organs(scan, exposure_between(0.0, 200.0), scores) == scores
    half_out = exposure_between(70.0, 200.0)
    assert set(deciding_organs(scan, half_out, scores)) == {"body"}
    small = scan_of(*make(organs=("liver",), organ_slices=(12, 20)))
    assert set(deciding_organs(small, exposure_between(0.0, 200.0), scores)) == {"body"}
    assert deciding_organs(scan, exposure_between(0.0, 200.0), {"liver": 0}) == {"liver": 0}


def test_half_the_error_takes_four_times_the_histories():
    assert histories_to(0.01, 0.02, 10**6) == pytest.approx(4 * 10**6)
