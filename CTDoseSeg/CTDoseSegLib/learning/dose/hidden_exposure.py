"""The hidden factor of exposure that some training patients share over all organs.

Its cause is not known. As it is common to all organs of a patient it is a scale of the exposure,
which cancels when a dose is divided by CTDIvol, and does not by effective mAs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .coefficients import HIDDEN_FACTOR_LOG, SUSPECT
from .held import Held


def hidden_exposure(tables: Mapping[str, Held]) -> dict[str, np.ndarray]:
    """Return, by organ, the factor (ln) that the patients' other organs share where it is large.

    It is the median of ln(label / predicted) over the patient's other organs, never of the one
    that is scored, so that an organ's own error cannot hide in it; 0 up to `HIDDEN_FACTOR_LOG`: an
    ordinary deviation may be the model's, of size say, and stays in the interval.
    """
    rests = {organ: _log_errors(h) for organ, h in tables.items()}
    out = {}
    for organ, h in tables.items():
        others = [rests[o] for o in rests if o != organ and o not in SUSPECT]
        shared = np.zeros(len(h.patient))
        for n, patient in enumerate(h.patient.tolist()):
            values = [own[patient] for own in others if patient in own]
            shared[n] = np.median(values) if values else 0.0
        out[organ] = np.where(np.abs(shared) > HIDDEN_FACTOR_LOG, shared, 0.0)
    return out


def hidden_share(tables: Mapping[str, Held]) -> dict[str, float]:
    """Return the mixture behind the errors: patients whose organs share a factor over 12 %."""
    rests: dict[int, list[float]] = {}
    for organ, h in tables.items():
        if organ not in SUSPECT:
            for patient, value in _log_errors(h).items():
                rests.setdefault(patient, []).append(value)
    medians = np.array([np.median(values) for values in rests.values()])
    return {
        "patients": len(medians),
        "hidden_low": int((medians < -HIDDEN_FACTOR_LOG).sum()),
        "hidden_high": int((medians > HIDDEN_FACTOR_LOG).sum()),
    }


def drawn_coverage(seeds: Sequence[Mapping[str, Held]], draws: np.ndarray) -> np.ndarray:
    """Return how many labels the intervals for CTDIvol hold in each draw of patients, per cent.

    Means over organs and seeds; `draws`, [draws, patients], is how often a patient is drawn.
    """
    shares = []
    for h in (h for seed in seeds for h in seed.values()):
        times = draws[:, h.patient]
        held = (times * h.covered_ctdivol).sum(axis=1)
        shares.append(100 * held / np.maximum(times.sum(axis=1), 1))
    return np.asarray(np.mean(shares, axis=0))


def _log_errors(h: Held) -> dict[int, float]:
    """Return ln(label / predicted) by patient; a label of 0 mGy has none."""
    return {
        int(patient): float(np.log(label / labelled))
        for patient, label, labelled in zip(h.patient, h.label, h.labelled, strict=True)
        if label > 0
    }
