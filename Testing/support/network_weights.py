"""Folders and archives of TotalSegmentator's weights: real files of torch, without a network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

NAME = "Dataset297_TotalSegmentator_total_3mm_1559subj"
PLACE = "nnUNetTrainer__nnUNetPlans__3d_fullres"


def network(folder: Path, name: str = NAME, labels: int = 3, content=None) -> Path:
    """A folder as TotalSegmentator's archives hold it."""
    torch = pytest.importorskip("torch", reason="a checkpoint is a file of torch")
    place = folder / name / PLACE
    (place / "fold_0").mkdir(parents=True)
    named = {"background": 0, **{f"organ_{n}": n for n in range(1, labels + 1)}}
    (place / "dataset.json").write_text(json.dumps({"labels": named}))
    (place / "plans.json").write_text("{}")
    content = content or {
        # What nnU-Net's trainer puts into a checkpoint.
        "network_weights": torch.nn.Conv3d(1, 2, 1).state_dict(),
        "logging": {"ema_fg_dice": [np.float64(0.5), np.float32(0.25)]},
        "_best_ema": np.float64(0.5),
        "init_args": {"device": torch.device("cpu"), "configuration": "3d_fullres"},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
    }
    torch.save(content, place / "fold_0" / "checkpoint_final.pth")
    return folder / name


def packed(folder: Path, archive: Path, extra=()) -> Path:
    """Pack a folder as a ZIP file; `extra` members are (name or ZipInfo, text)."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            out.write(path, path.relative_to(folder.parent))
        for info, text in extra:
            out.writestr(info, text)
    return archive
