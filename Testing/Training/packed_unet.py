"""The bundled UNet on a machine with a GPU that has neither the data nor the packages.

    python Testing/Training/packed_unet.py pack WORK PACK    # here, after bundled_unet.py laid out
    python Testing/Training/packed_unet.py train PACK RUN [FORMER]   # there: torch, scipy, pydicom

With FORMER, a former run's folder, training starts from its weights.
PACK holds the cases on the working grid and the configuration. Training is that of
`ctdoseseg train-unet`; only where the cases come from differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "CTDoseSeg"))

from CTDoseSegLib.learning.unet.cases import Case, read_cases, split
from CTDoseSegLib.learning.unet.config import read_config
from CTDoseSegLib.tasks.progress import Progress

CONFIG = "bundled_unet.toml"


def pack(work: Path, place: Path) -> None:
    config = read_config(work / CONFIG)
    cases, _ = read_cases(config, Progress(), work / "run" / "phantoms")
    place.mkdir(parents=True)
    (place / CONFIG).write_text((work / CONFIG).read_text(encoding="utf-8"), encoding="utf-8")
    index = []
    for n, case in enumerate(cases):
        np.savez_compressed(
            place / f"{n}.npz", volume=case.volume, labels=case.labels, z_mm=case.z_mm
        )
        index.append({"name": case.name, "patient": case.patient, "source": case.source})
    (place / "cases.json").write_text(json.dumps(index), encoding="utf-8")


def train(place: Path, run: Path, former: Path | None = None) -> None:
    from CTDoseSegLib.learning.unet.train import Trainer
    from CTDoseSegLib.segmentation.unet.network import load_unet

    config = read_config(place / CONFIG)
    cases = []
    for n, entry in enumerate(json.loads((place / "cases.json").read_text(encoding="utf-8"))):
        with np.load(place / f"{n}.npz", allow_pickle=False) as arrays:
            cases.append(
                Case(**entry, **{key: arrays[key] for key in ("volume", "labels", "z_mm")})
            )
    run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, *split(cases, config))
    if not trainer.resume(run) and former is not None:
        trainer.network.load_state_dict(load_unet(former)[0].state_dict())
    print(json.dumps(trainer.run(run, Progress())))


if __name__ == "__main__":
    {"pack": pack, "train": train}[sys.argv[1]](*map(Path, sys.argv[2:]))
