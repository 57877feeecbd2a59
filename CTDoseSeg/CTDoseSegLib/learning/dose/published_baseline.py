"""The published network, trained anew on our folds and rows, to stand beside our figures.

Recipe of the published training notebook: mean HU, SD HU, mA, WED and SliceLocation of a slice,
standardised; 5-512-256-128-64-1 with ReLU and dropout 0.1 after layers 2 to 4; mean squared error,
Adam at 0.001, batches of 64. Its authors trained for 2,000 epochs, which takes hours for all
organs and folds: so long only the organs are trained whose errors the authors' abstract states.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ...errors import DependencyError, InputError
from ...tasks.progress import Progress
from ..folds import FOLDS, folds_of
from .arrays import Patient, RegionArrays
from .coefficients import organs_to_fit

EPOCHS = 30
LONG_EPOCHS = 1000
LONG_ORGANS = (
    *("lung_vessels", "pulmonary_artery"),
    *("small_bowel", "colon", "pancreas", "spleen"),
)
HELD_FILE = "baseline_patients.csv"
_HIDDEN = (512, 256, 128, 64)
_DROPOUT = 0.1
_BATCH = 64
_LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class BaselineDose:
    """Mean over the interior slices of an organ of a patient left out, label and network."""

    epochs: int
    region: str
    organ: str
    fold: int
    patient: int
    label_mGy: float
    predicted_mGy: float

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the values, as the CSV has them."""
        return tuple(f.name for f in fields(cls))

    @property
    def log_error(self) -> float:
        """ln(predicted / label); the network can predict nothing or less, which counts as 1 %."""
        return float(np.log(max(self.predicted_mGy / self.label_mGy, 0.01)))


def train_published(
    all_arrays: Mapping[str, RegionArrays],
    file: Path,
    epochs: Iterable[int],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> None:
    """Train every organ and fold that `file` does not hold yet, and add its patients to it.

    An interrupted run goes on where it was: a fold is written when it is done.

    Raises
    ------
    DependencyError
        If torch is not installed.
    InputError
        If `file` is not a table of this form.
    """
    progress = progress or Progress()
    done = {(d.epochs, d.region, d.organ, d.fold) for d in read_held(file)}
    jobs = [job for count in epochs for job in _jobs(all_arrays, count) if job not in done]
    for number, (count, region, organ, fold) in enumerate(jobs):
        progress.update(
            number / len(jobs), f"training the published network, {count} epochs: {organ}"
        )
        _append(file, _left_out(all_arrays[region], organ, fold, count, seed))


def read_held(file: Path) -> list[BaselineDose]:
    """Read the doses that earlier runs left; none without the file.

    Raises
    ------
    InputError
        If the file is not a table of this form.
    """
    if not file.is_file():
        return []
    try:
        with file.open(newline="", encoding="ascii") as stream:
            return [
                BaselineDose(
                    epochs=int(row["epochs"]),
                    region=row["region"],
                    organ=row["organ"],
                    fold=int(row["fold"]),
                    patient=int(row["patient"]),
                    label_mGy=float(row["label_mGy"]),
                    predicted_mGy=float(row["predicted_mGy"]),
                )
                for row in csv.DictReader(stream)
            ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file.name} is not a table of the published network's doses "
            f"({type(error).__name__}: {error}); remove it, and train with --baseline."
        ) from error


def _jobs(
    all_arrays: Mapping[str, RegionArrays], epochs: int
) -> Iterator[tuple[int, str, str, int]]:
    """Yield (epochs, region, organ, fold); long trainings do one fold of every organ first."""
    organs = [(r, o) for r, arrays in all_arrays.items() for o in organs_to_fit(arrays)]
    if epochs < LONG_EPOCHS:
        yield from ((epochs, r, o, fold) for r, o in organs for fold in range(FOLDS))
    else:
        for fold in range(FOLDS):
            yield from ((epochs, r, o, fold) for r, o in organs if o in LONG_ORGANS)


def _left_out(
    arrays: RegionArrays, organ: str, fold: int, epochs: int, seed: int
) -> list[BaselineDose]:
    folds = folds_of(len(arrays.patients), seed)
    tables = {n: _table(p, organ) for n, p in enumerate(arrays.patients)}
    tables = {n: table for n, table in tables.items() if len(table)}
    fitted = np.concatenate([table for n, table in tables.items() if folds[n] != fold])
    network = _train(fitted, epochs, seed)
    return [
        BaselineDose(
            *(epochs, arrays.region, organ, fold, n),
            label_mGy=float(table[:, -1].mean()),
            predicted_mGy=float(network(table[:, :-1]).mean()),
        )
        for n, table in tables.items()
        if folds[n] == fold
    ]


def _append(file: Path, doses: list[BaselineDose]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = not file.is_file()
    with file.open("a", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if new:
            writer.writerow(BaselineDose.columns())
        writer.writerows(
            [f"{v:.6g}" if isinstance(v, float) else v for v in vars(dose).values()]
            for dose in doses
        )


def _table(patient: Patient, organ: str) -> np.ndarray:
    """Return interior rows of the organ: five features and the dose, [n, 6]."""
    if organ not in patient.organs:
        return np.empty((0, 6))
    rows = patient.organs[organ]
    at = rows.slices
    columns = (rows.hu, rows.sd, patient.tube_current_mA[at], patient.wed_mm[at])
    table = np.column_stack((*columns, patient.z_mm[at], rows.dose_mGy))
    return table[patient.interior[at]]


def _train(table: np.ndarray, epochs: int, seed: int):
    """Train a network; return it as a function from features, [n, 5], to doses, [n]."""
    try:
        import torch
    except ImportError as error:
        raise DependencyError(
            "Training the published network needs PyTorch; install the package torch, or leave "
            "--baseline out."
        ) from error
    torch.manual_seed(seed)
    mean, sd = table[:, :-1].mean(axis=0), table[:, :-1].std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    x = torch.tensor((table[:, :-1] - mean) / sd, dtype=torch.float32)
    y = torch.tensor(table[:, -1:], dtype=torch.float32)
    layers: list[torch.nn.Module] = []
    width = x.shape[1]
    for number, size in enumerate(_HIDDEN):
        layers += [torch.nn.Linear(width, size), torch.nn.ReLU()]
        if number > 0:
            layers.append(torch.nn.Dropout(_DROPOUT))
        width = size
    network = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE, fused=True)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(_BATCH):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(network(x[batch]), y[batch]).backward()
            optimizer.step()
    network.eval()

    def predict(features: np.ndarray) -> np.ndarray:
        scaled = torch.tensor((features - mean) / sd, dtype=torch.float32)
        with torch.no_grad():
            return network(scaled).numpy().ravel().astype(float)

    return predict
