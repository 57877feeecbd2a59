"""`ctdoseseg train-unet`: from labelled scans to a network, its card and its history.

Every batch is drawn from a generator seeded by (seed, epoch, step), and a checkpoint holds weights
and optimiser, so that a run that was ended anywhere goes on to the same weights as one that was
not (on one machine, with one number of threads).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import OutputError
from ...files.staging import writing_to
from ...segmentation.unet.network import UNet, load_unet
from ...segmentation.unet.spec import UNetSpec
from ...tasks.progress import Progress, Stage
from .case import Case
from .cases import identities, pairs_of, read_cases
from .config import MADE_HERE, Config, read_config
from .previews import write_check, write_preview
from .split import split, write_split
from .start import BUNDLED
from .system import system_line
from .trainer import Trainer


def train(
    data: str | Path | Config, output: str | Path, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Train as a configuration states and write the network to `output`; continue a run that ended.

    Parameters
    ----------
    data
        A configuration, or the file of one.
    output
        Gets the network, its history and pictures.
    progress
        Receives progress, warnings and lines; may cancel.

    Returns
    -------
    dict
        ``sha256`` of the weights, ``files``, ``dice`` by class (validation), ``epochs``,
        ``validated_on`` and ``guidance`` (sentences).

    Raises
    ------
    InputError
        If the configuration or the data cannot be used.
    ModelError
        If the loss is not a number any more; the best weights so far are kept.
    OutputError
        If a file cannot be written; the last checkpoint is kept.
    """
    progress = progress or Progress()
    config = data if isinstance(data, Config) else read_config(data)
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder.name} cannot be made ({error.strerror}).") from error
    former = _former(config)  # before cases are made, which takes minutes
    pairs = pairs_of(config, Stage(progress, 0.0, 0.01))
    for sentence in identities(pairs, Stage(progress, 0.01, 0.02)):
        progress.warning("identity", sentence)
    kept = folder / "phantoms" if any(s.kind in MADE_HERE for s in config.data) else None
    if kept is not None:
        kept.mkdir(exist_ok=True)
    cases, sentences = read_cases(config, Stage(progress, 0.02, 0.1), kept, pairs)
    for sentence in sentences:
        progress.warning("training_data", sentence)
    parts = split(cases, config)
    if parts.warning:
        progress.warning("validation", parts.warning)
    trainer = Trainer(config, parts)
    progress.note(system_line(trainer.device))
    progress.note(f"In pictures and advice: {_numbered(cases)}.")
    if not trainer.resume(folder) and former is not None:
        trainer.begin_with(*former)
    if trainer.epoch == 0:
        inputs, labels = trainer.batches[0, 0][:2]
        with writing_to(folder):
            write_preview(folder, inputs.numpy(), labels.numpy(), config.network)
            write_check(folder, cases, config.network)
    write_split(folder, parts)
    return trainer.run(folder, Stage(progress, 0.1, 1.0))


def _numbered(cases: Sequence[Case]) -> str:
    return ", ".join(f"scan {case.number} is {case.name}" for case in cases)


def _former(config: Config) -> tuple[UNet, UNetSpec] | None:
    """Return the network that a run begins with; None for random weights."""
    name = config.training.start_from
    if not name:
        return None
    return load_unet(None if name == BUNDLED else config.folder / name)[:2]
