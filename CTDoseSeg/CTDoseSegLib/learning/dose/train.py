"""The law from the table of simulated bodies, with its card."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ...dosimetry.fast.model import CARD_FILE, MODEL_FILE, sha256
from ...tasks.progress import Progress
from ..files import write_files
from .baselines import score_baselines
from .beam_scores import score_beams
from .card import card_text
from .model import model_json, train_law
from .scores import ALL, Score, score_law, score_parts, score_real, score_reverse
from .table import LearnedBody, read_table

EVALUATION_FILE = "evaluation.csv"
BUNDLED_TABLE = "learning_set.npz"


def train(
    table: str | Path | None, output_folder: str | Path, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Fit the law and write ``model.json``, ``model_card.md`` and ``evaluation.csv``.

    Parameters
    ----------
    table
        Of `Testing/Training/dose_learning_set.py`; None: the one that the package ships.
    output_folder
        For the model.

    Returns
    -------
    dict
        ``files``, ``sha256``, ``bodies`` and ``lines`` (a summary to read).

    Raises
    ------
    InputError
        If it is no such table.
    OutputError
        If the files cannot be written.
    """
    progress = progress or Progress()
    progress.update(0.0, "reading the table")
    bodies = read_table(bundled_table() if table is None else table)
    simulated = [body for body in bodies if not body.about.get("real")]
    real = [body for body in bodies if body.about.get("real")]
    trained = train_law(simulated, progress=progress)
    scores = [
        *score_law(trained),
        *score_beams(trained),
        *score_parts(trained),
        *score_baselines(simulated),
    ]
    of_real = [*score_real(trained, real), *score_reverse(simulated, real)]
    figures = {"bodies": len(simulated), "real_scans": len(real), **_figures(scores)}
    model = model_json(trained, {"training_data": _data(simulated), **figures})
    digest = sha256(model)
    texts = {
        MODEL_FILE: model,
        EVALUATION_FILE: _csv([*scores, *of_real]),
        CARD_FILE: card_text(trained, simulated, scores, of_real, digest).encode("ascii"),
    }
    progress.update(0.98, "writing")
    write_files(Path(output_folder), texts)
    return {
        "files": sorted(texts),
        "sha256": digest,
        "bodies": len(simulated),
        "lines": [one.line() for one in scores if one.organ == ALL],
    }


def bundled_table() -> Path:
    """Return the table that the package ships."""
    return Path(str(files("CTDoseSegLib.models").joinpath("dose", BUNDLED_TABLE)))


def _data(bodies: list[LearnedBody]) -> str:
    histories = np.median([body.about["histories"] for body in bodies])
    return f"{len(bodies)} simulated bodies, {histories:.1e} photons each"


def _figures(scores: list[Score]) -> Mapping[str, Any]:
    return {
        "figures": {
            one.stratum: {
                "median_error_pct": one.median_pct,
                **({} if math.isnan(one.coverage_pct) else {"coverage_pct": one.coverage_pct}),
            }
            for one in scores
            if one.organ == ALL
        }
    }


def _csv(scores: list[Score]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Score.FIELDS)
    for one in scores:
        writer.writerow(one.row())
    return stream.getvalue().encode("ascii")
