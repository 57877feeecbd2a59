"""A fixed sample of mutated inputs: none crashes, none leaks, none gives a silent number."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from CTDoseSegLib.flags import FLAGS

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kinds import KINDS
from oracle import ANY, EXPLAINS, LEFT_OUT, Reading, Tally, compare

COUNTS = {
    "dicom": 600,
    "nifti": 400,
    "nrrd": 300,
    "labels": 200,
    "report": 200,
    "result": 300,
    "typed": 400,
    "plan": 300,
}
FIRST_SEED = 1_000_000


def test_what_may_explain_a_number_is_a_flag_that_exists():
    codes = ANY.union(*EXPLAINS.values()) - {LEFT_OUT}
    assert codes <= set(FLAGS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.filterwarnings("ignore")
def test_no_mutated_input_gives_a_silent_number(kind, tmp_path):
    made, tally = KINDS[kind](tmp_path), Tally()
    for seed in range(FIRST_SEED, FIRST_SEED + COUNTS[kind]):
        words, verdict = made.judge(np.random.default_rng(seed))
        tally.add(f"{kind} {seed}: {words}", verdict)
    assert not tally.faults, "\n".join(tally.faults)
    # Neither all refused nor all the same: the mutations reach the reader.
    assert len(tally.outcomes) > 1


@pytest.mark.parametrize(
    ("numbers", "codes", "outcome"),
    [
        ({"wed_mm": 304.0}, set(), "same"),
        ({"wed_mm": 310.0}, set(), "silent"),
        ({"wed_mm": 310.0}, {"thickness_varies"}, "silent"),  # a flag of something else
        ({"wed_mm": 310.0}, {"tilted"}, "flagged"),
        ({"wed_mm": None}, {"not_hu"}, "flagged"),
        ({"wed_mm": None}, set(), "silent"),
    ],
)
def test_the_oracle_finds_a_silent_number(numbers, codes, outcome):
    base, found = Reading({"wed_mm": 300.0}), Reading(numbers, frozenset(codes))
    assert compare(found, base).outcome == outcome


@pytest.mark.parametrize(
    ("after", "codes", "outcome"),
    [
        (None, set(), "same"),
        (1.2, set(), "silent"),
        (1.2, {"effective_mas_unknown"}, "flagged"),
    ],
)
def test_the_oracle_judges_a_number_that_appears(after, codes, outcome):
    base, found = Reading({"pitch": None}), Reading({"pitch": after}, frozenset(codes))
    assert compare(found, base).outcome == outcome
