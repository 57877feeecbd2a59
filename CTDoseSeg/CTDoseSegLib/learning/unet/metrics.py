"""How well labels agree with the truth: per case and per slice, right where an organ is absent."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ...errors import DependencyError

UNKNOWN = 255
# Distance within which two surfaces count as the same.
TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class CaseScore:
    """One label in one case.

    Attributes
    ----------
    state
        ``both`` (in truth and result), ``absent`` (in neither: right), ``missed`` or ``invented``.
    dice
        Dice coefficient; None where it is in neither.
    accuracy
        Part of the voxels that are decided rightly, this label against all else.
    surface_dice
        Part of both surfaces that lies within 2 mm of the other; None without both.
    hd95_mm
        95 % Hausdorff distance; None without both.
    true_ml, found_ml
        Volumes.
    part
        As in `judged.Judged.part`.
    """

    case: str
    label: str
    state: str
    dice: float | None
    accuracy: float
    surface_dice: float | None
    hd95_mm: float | None
    true_ml: float
    found_ml: float
    part: str = ""

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the values, as a CSV has them."""
        return tuple(f.name for f in fields(cls))


def score(
    case: str,
    label: str,
    predicted: np.ndarray,
    truth: np.ndarray,
    known: np.ndarray,
    spacing_kji_mm: tuple[float, float, float],
) -> CaseScore:
    """Score one label; masks [k, j, i], `known` False where the truth is not decided."""
    a, b = predicted & known, truth & known
    predicted_voxels, true_voxels = int(a.sum()), int(b.sum())
    agreed, accuracy = _agreement(predicted[None], truth[None], known[None])
    voxel_ml = float(np.prod(spacing_kji_mm)) / 1000.0
    surface = hd95 = None
    if predicted_voxels and true_voxels:
        surface, hd95 = _surfaces(a, b, spacing_kji_mm)
    return CaseScore(
        case=case,
        label=label,
        state=state(predicted_voxels, true_voxels),
        dice=None if np.isnan(agreed[0]) else float(agreed[0]),
        accuracy=float(accuracy[0]),
        surface_dice=surface,
        hd95_mm=hd95,
        true_ml=true_voxels * voxel_ml,
        found_ml=predicted_voxels * voxel_ml,
    )


def decided(
    predicted: np.ndarray, truth: np.ndarray, not_drawn: Sequence[int] = (), drawn_as: int = 0
) -> np.ndarray:
    """Return where the truth tells right from wrong, boolean of the shape of both.

    It does not where it is 255; nor where a class that nobody drew is predicted and the truth has
    what stands for it: the prediction may be right.

    Examples
    --------
    >>> truth = np.array([0, 0, 1, 255])
    >>> decided(np.array([0, 2, 2, 1]), truth, not_drawn=(2,)).tolist()
    [True, False, True, False]
    """
    return (truth != UNKNOWN) & ~(np.isin(predicted, list(not_drawn)) & (truth == drawn_as))


def dice(both: int, predicted_voxels: int, true_voxels: int) -> float | None:
    """Return the Dice coefficient of numbers of voxels; None where result and truth are empty.

    Examples
    --------
    >>> dice(80, 100, 100)
    0.8
    """
    total = predicted_voxels + true_voxels
    return 2.0 * both / total if total else None


def state(predicted_voxels: int, true_voxels: int) -> str:
    """Return in words where a label is, by its numbers of voxels in result and truth."""
    if true_voxels:
        return "both" if predicted_voxels else "missed"
    return "invented" if predicted_voxels else "absent"


def _surfaces(
    a: np.ndarray, b: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[float, float]:
    """Return surface Dice and 95 % Hausdorff distance, by MONAI."""
    try:
        import torch
        from monai.metrics import compute_hausdorff_distance, compute_surface_dice
    except ImportError as error:
        raise DependencyError(
            "Surface distances need the package monai; install it with: pip install "
            "ctdoseseg[evaluation]"
        ) from error
    where = np.nonzero(a | b)
    box = tuple(slice(max(int(w.min()) - 1, 0), int(w.max()) + 2) for w in where)
    pair = [torch.from_numpy(np.ascontiguousarray(m[box], np.float32))[None, None] for m in (a, b)]
    options = {"include_background": True, "spacing": list(spacing_mm)}
    with warnings.catch_warnings():
        # Of an argument that MONAI 1.5 passes to itself.
        warnings.filterwarnings("ignore", r"[\s\S]*always_return_as_numpy", FutureWarning)
        surface = compute_surface_dice(*pair, class_thresholds=[TOLERANCE_MM], **options)
        distance = compute_hausdorff_distance(*pair, percentile=95, **options)
    return float(surface[0, 0]), float(distance[0, 0])


def slice_agreement(
    predicted: np.ndarray, truth: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return Dice and accuracy of one label on each slice, [k]; masks [k, j, i].

    Dice is not defined, NaN, where the label is neither in truth nor result.

    Examples
    --------
    >>> truth = np.zeros((2, 4, 4), bool)
    >>> truth[0, :2] = True
    >>> dice, accuracy = slice_agreement(truth, truth, np.ones(truth.shape, bool))
    >>> dice.tolist(), accuracy.tolist()
    ([1.0, nan], [1.0, 1.0])
    """
    return _agreement(predicted, truth, known)


def _agreement(
    predicted: np.ndarray, truth: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return Dice and accuracy of each of n masks, [n].

    Dice is torchmetrics', of the box that holds the label: over whole scans it takes 45 times as
    long as counting, and so accuracy, to which all voxels belong, is counted.
    """
    try:
        import torch
        from torchmetrics.functional.classification import binary_f1_score
    except ImportError as error:
        raise DependencyError(
            "Dice needs the package torchmetrics; install it with: pip install ctdoseseg[networks]"
        ) from error
    a, b = predicted & known, truth & known
    axes = tuple(range(1, a.ndim))
    accuracy = 1.0 - (a ^ b).sum(axis=axes) / np.maximum(known.sum(axis=axes), 1)
    there = np.nonzero((a | b).any(axis=0))
    if not there[0].size:
        return np.full(len(a), np.nan), accuracy
    box = (slice(None), *(slice(int(n.min()), int(n.max()) + 1) for n in there))
    pair = [torch.from_numpy(np.ascontiguousarray(mask[box], np.int8)) for mask in (a, b)]
    dice = binary_f1_score(
        *pair, multidim_average="samplewise", zero_division=float("nan"), validate_args=False
    )
    # Of one mask it returns no axis.
    return np.atleast_1d(dice.double().numpy()), accuracy
