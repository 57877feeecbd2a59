"""`ctdoseseg train-unet`: from labelled scans to a network, its card and its history.

Every batch is drawn from a generator seeded by (seed, epoch, step), and a checkpoint holds weights
and optimiser, so that a run that was ended anywhere goes on to the same weights as one that was
not (on one machine, with one number of threads).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ...errors import InputError, ModelError, OutputError
from ...segmentation.unet.engine import best_device, half
from ...segmentation.unet.finer import decide
from ...segmentation.unet.images import network_input, value_scale
from ...segmentation.unet.network import UNet, load_unet, sha256, weights_bytes
from ...segmentation.unet.spec import (
    CARD_FILE,
    SPEC_FILE,
    WEIGHTS_FILE,
    UNetSpec,
    neighbours,
)
from ...tasks.progress import Progress, Stage
from ..files import write_whole
from .batches import Batch, Batches
from .card import write_card
from .cases import Case, identities, read_cases, split
from .config import MADE_HERE, Config, read_config
from .history import Epoch, History, add_frame, write_preview
from .loss import loss
from .start import BUNDLED, begin_with

CHECKPOINT_FILE, STATE_FILE = "checkpoint.safetensors", "checkpoint.json"
GRADIENT_LIMIT = 5.0
# The best network is that of the smoothed weights: an average over the last steps.
AVERAGING = 0.995


def train(
    config_file: str | Path, output: str | Path, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Train as `config_file` states and write the network to `output`; continue a run that ended.

    Returns
    -------
    dict
        ``sha256`` of the weights, ``files``, ``dice`` by class (validation), ``epochs``.

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
    config = read_config(config_file)
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder.name} cannot be made ({error.strerror}).") from error
    former = _former(config)  # before cases are made, which takes minutes
    for sentence in identities(config):
        progress.warning("identity", sentence)
    kept = folder / "phantoms" if any(s.kind in MADE_HERE for s in config.data) else None
    if kept is not None:
        kept.mkdir(exist_ok=True)
    cases, sentences = read_cases(config, Stage(progress, 0.0, 0.1), kept)
    for sentence in sentences:
        progress.warning("training_data", sentence)
    trainer = Trainer(config, *split(cases, config))
    if not trainer.resume(folder) and former is not None:
        trainer.begin_with(*former)
    if trainer.epoch == 0:
        inputs, labels = trainer.batches[0, 0][:2]
        write_preview(folder, inputs.numpy(), labels.numpy(), config.network)
    return trainer.run(folder, Stage(progress, 0.1, 1.0))


class Trainer:
    """Network, optimiser and place in the schedule.

    Parameters
    ----------
    config
        What to train.
    cases, held
        To train on and to validate with.
    """

    def __init__(self, config: Config, cases: Sequence[Case], held: Sequence[Case]) -> None:
        self.config, self.cases, self.held = config, list(cases), list(held)
        training = config.training
        torch.manual_seed(training.seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        self.device = best_device()
        self.network = UNet(config.network).to(self.device, memory_format=torch.channels_last)
        self.average = {n: v.detach().clone() for n, v in self.network.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), training.learning_rate, weight_decay=training.weight_decay
        )
        self.epoch = 0
        self.history = History(config.network.classes)
        self.seconds = 0.0
        self.batches = Batches(self.cases, config)

    # Training ----------------------------------------------------------------------------

    def run(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """Train to the end of the schedule, of patience or of time."""
        training = self.config.training
        batches = self.batches.stream(self.epoch)
        while self.epoch < training.epochs and not self._over():
            started = time.monotonic()
            mean = self._one_epoch(batches, progress)
            dice = self.validate()
            self.seconds += time.monotonic() - started
            self.epoch += 1
            epoch = self.history.add(self.epoch, mean, dice, self.seconds)
            if epoch is self.history.best:
                self._write_network(folder, epoch)
            self._picture(folder)
            self._checkpoint(folder)
            self.history.write(folder)
            message = f"epoch {self.epoch} of {training.epochs}, loss {mean:.3f}"
            progress.update(self._fraction(), f"{message}, Dice {np.nanmean(dice):.3f}")
        best = self.history.best
        if best is None:
            raise InputError("Nothing was trained: the schedule has no epoch left.")
        digest = sha256((folder / WEIGHTS_FILE).read_bytes())
        return {
            "sha256": digest,
            "files": sorted(p.name for p in folder.iterdir() if p.is_file()),
            "epochs": self.epoch,
            "best_epoch": best.epoch,
            "dice": dict(zip(self.config.network.classes, best.dice, strict=True)),
        }

    def _fraction(self, step: float = 0.0) -> float:
        training = self.config.training
        done = (self.epoch + step) / training.epochs
        if training.minutes:
            done = max(done, self.seconds / 60 / training.minutes)
        return min(done, 1.0)

    def _over(self) -> bool:
        training = self.config.training
        late = training.minutes and self.seconds > 60 * training.minutes
        best = self.history.best
        stuck = best is not None and self.epoch - best.epoch >= training.patience
        return bool(late or stuck)

    def _one_epoch(self, batches: Iterator[Batch], progress: Progress) -> float:
        training = self.config.training
        weights = torch.ones(1 + len(self.config.network.classes), device=self.device)
        for name, value in training.class_weights.items():
            weights[1 + self.config.network.classes.index(name)] = float(value)
        self.network.train()
        total = 0.0
        for step in range(training.steps):
            for group in self.optimiser.param_groups:
                share = self._fraction(step / training.steps)
                group["lr"] = training.learning_rate * (
                    0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))
                )
            inputs, labels, missing, stands = (
                t.to(self.device, non_blocking=True) for t in next(batches)
            )
            with torch.autocast(self.device, torch.bfloat16, enabled=half(self.device)):
                logits = self.network(inputs)
            value = loss(
                logits.float()[..., : labels.shape[1], : labels.shape[2]],
                labels,
                missing,
                stands,
                cross_entropy=training.cross_entropy,
                dice=training.dice,
                class_weights=weights,
            )
            if not torch.isfinite(value):
                raise ModelError(
                    f"The loss is not a number any more (epoch {self.epoch + 1}, step {step + 1}); "
                    "the best network so far is kept. Try a smaller learning_rate, or look for "
                    "images whose values are not HU."
                )
            self.optimiser.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
            self.optimiser.step()
            self._average(self.epoch * training.steps + step)
            total += float(value.detach())
            if step % 5 == 0:
                progress.update(
                    self._fraction(step / training.steps),
                    f"training, epoch {self.epoch + 1}, step {step} of {training.steps}",
                )
        return total / training.steps

    def _average(self, step: int) -> None:
        """Take the moving average of weights; short at first."""
        keep = min(AVERAGING, (1 + step) / (10 + step))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - keep)
            else:
                self.average[name].copy_(value)

    # Validation --------------------------------------------------------------------------

    def averaged(self) -> UNet:
        """Return the network with the averaged weights."""
        network = UNet(self.config.network).to(self.device, memory_format=torch.channels_last)
        network.load_state_dict(self.average)
        return network.eval()

    def validate(self) -> np.ndarray:
        """Return each class's Dice over all held cases on the working grid; NaN: in no case."""
        spec = self.config.network
        network = self.averaged()
        sums = np.zeros((3, 1 + len(spec.classes)))
        for case in self.held:
            shown = neighbours(case.z_mm, spec.context, spec.context_mm)
            scale = value_scale(case.volume, spec)
            source = self.config.data[case.source]
            skipped = [1 + spec.classes.index(name) for name in source.not_drawn]
            for start in range(0, len(shown), 8):
                some = shown[start : start + 8]
                with torch.inference_mode():
                    logits = network(network_input(case.volume, some, spec, scale).to(self.device))
                rows, columns = case.labels.shape[1:]
                predicted = decide(logits[..., :rows, :columns].float(), spec.threshold)
                truth = case.labels[start : start + 8]
                known = truth != 255
                for value in range(1, 1 + len(spec.classes)):
                    if value in skipped:
                        continue
                    a, b = (predicted == value) & known, truth == value
                    sums[:, value] += ((a & b).sum(), a.sum(), b.sum())
        both, predicted_voxels, true_voxels = sums[:, 1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(true_voxels > 0, 2 * both / (predicted_voxels + true_voxels), np.nan)

    def begin_with(self, former: UNet, former_spec: UNetSpec) -> None:
        """Begin with the weights of a former network, as far as they fit."""
        begin_with(self.network, self.config.network, former, former_spec)
        self.average = {n: v.detach().clone() for n, v in self.network.state_dict().items()}

    # Files -------------------------------------------------------------------------------

    def _picture(self, folder: Path) -> None:
        """Draw what the averaged network makes of the first batch, as one more frame."""
        spec = self.config.network
        inputs, labels = self.batches[0, 0][:2]
        with torch.inference_mode():
            logits = self.averaged()(inputs.to(self.device)).float()
        rows, columns = labels.shape[1:]
        predicted = decide(logits[..., :rows, :columns], spec.threshold)
        add_frame(folder, self.epoch, inputs.numpy(), labels.numpy(), predicted, spec)

    def _write_network(self, folder: Path, best: Epoch) -> None:
        content = weights_bytes(self.averaged())
        card = write_card(sha256(content), self.config, self.cases, self.held, best)
        write_whole(folder / CARD_FILE, card.encode())
        write_whole(folder / SPEC_FILE, self.config.network.to_json().encode())
        write_whole(folder / WEIGHTS_FILE, content)

    def _checkpoint(self, folder: Path) -> None:
        """Write the weights first, the state that names them last."""
        tensors = {f"network.{n}": v for n, v in self.network.state_dict().items()}
        tensors |= {f"average.{n}": v for n, v in self.average.items()}
        for n, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{n}.{key}": torch.as_tensor(v) for key, v in state.items()}
        content = save({n: v.detach().cpu().contiguous() for n, v in tensors.items()})
        write_whole(folder / CHECKPOINT_FILE, content)
        state = {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "history": self.history.to_list(),
            "config": _fingerprint(self.config),
            "sha256": sha256(content),
        }
        write_whole(folder / STATE_FILE, json.dumps(state, indent=1).encode())

    def resume(self, folder: Path) -> bool:
        """Go on from the checkpoint in `folder`, if there is one.

        Raises
        ------
        InputError
            If it is of another configuration or damaged.
        """
        try:
            state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
            content = (folder / CHECKPOINT_FILE).read_bytes()
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            raise InputError(f"The checkpoint in {folder.name} cannot be read.") from error
        if state.get("config") != _fingerprint(self.config):
            raise InputError(
                f"The checkpoint in {folder.name} is of another configuration: give an empty "
                "output folder, or the former configuration."
            )
        if state.get("sha256") != sha256(content):
            raise InputError(
                f"{CHECKPOINT_FILE} and {STATE_FILE} in {folder.name} do not belong together: "
                "remove both to start again."
            )
        try:
            tensors = load(content)
        except SafetensorError as error:
            raise InputError(f"{CHECKPOINT_FILE} is damaged; remove it to start again.") from error
        self.network.load_state_dict(_under(tensors, "network."))
        self.average = {n: v.to(self.device) for n, v in _under(tensors, "average.").items()}
        template = self.optimiser.state_dict()
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under(tensors, "optimiser.").items():
            number, key = name.split(".", 1)
            entries.setdefault(int(number), {})[key] = value
        self.optimiser.load_state_dict({**template, "state": entries})
        self.epoch, self.seconds = int(state["epoch"]), float(state["seconds"])
        self.history = History.from_list(self.config.network.classes, state["history"])
        return True


def _former(config: Config) -> tuple[UNet, UNetSpec] | None:
    """Return the network that a run begins with; None for random weights."""
    name = config.training.start_from
    if not name:
        return None
    return load_unet(None if name == BUNDLED else config.folder / name)[:2]


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {n[len(prefix) :]: v for n, v in tensors.items() if n.startswith(prefix)}


def _fingerprint(config: Config) -> str:
    """Return the hash of what must not change between the parts of one run."""
    training = asdict(config.training)
    del training["workers"]
    parts = [asdict(config.network), training, [asdict(s) for s in config.data]]
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode())
