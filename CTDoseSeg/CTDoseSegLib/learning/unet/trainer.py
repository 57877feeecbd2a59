"""A network in training: its optimiser, its place in the schedule, its checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import InputError, ModelError
from ...files.staging import staged_folder
from ...segmentation.unet.engine import best_device, half
from ...segmentation.unet.finer import decide
from ...segmentation.unet.network import UNet, sha256, weights_bytes
from ...segmentation.unet.spec import CARD_FILE, SPEC_FILE, WEIGHTS_FILE, UNetSpec
from ...tasks.progress import Progress
from ..files import write_whole
from .batches import Batch, Batches
from .card import write_card
from .checkpoint import read_checkpoint, write_checkpoint
from .config import Config
from .guidance import GUIDANCE_FILE, guidance
from .history import Epoch, History
from .loss import loss
from .previews import add_frame, write_epochs
from .split import Split
from .start import begin_with
from .validation import Agreement, validate

GRADIENT_LIMIT = 5.0
# The best network is that of the smoothed weights: an average over the last steps.
AVERAGING = 0.995
# Epochs between two animations of a run: each is made of the pictures of all epochs.
ANIMATED_EVERY = 10


class Trainer:
    """Network, optimiser and place in the schedule.

    Parameters
    ----------
    config
        What to train.
    parts
        Cases to train on and to validate with.
    """

    def __init__(self, config: Config, parts: Split) -> None:
        self.config, self.parts = config, parts
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
        self.history = History(config.network.classes, parts.validated_on)
        self.seconds = 0.0
        self.batches = Batches(parts.train, config)

    # Training ----------------------------------------------------------------------------

    def run(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """Train to the end of the schedule, of patience or of time."""
        training = self.config.training
        batches = self.batches.stream(self.epoch)
        while not self._over():
            started = time.monotonic()
            mean, trained = self._one_epoch(batches, progress)
            judged = validate(self.averaged(), self.parts.held, self.config, self.device)
            self.seconds += time.monotonic() - started
            self.epoch += 1
            epoch = self.history.add(self.epoch, mean, trained, judged, self.seconds)
            if epoch is self.history.best:
                self._write_network(folder, epoch)
            if training.save_every and self.epoch % training.save_every == 0:
                self._keep_epoch(folder, epoch)
                progress.note(f"Kept the network of epoch {self.epoch}.")
            self._picture(folder)
            if self.epoch % ANIMATED_EVERY == 0 or self._over():
                write_epochs(folder, self.epoch)
            self._checkpoint(folder)
            self.history.write(folder)
            progress.update(self._fraction(), epoch.line(training.epochs))
            if self._is_printed():
                progress.note(epoch.line(training.epochs))
        best = self.history.best
        if best is None:
            raise InputError("Nothing was trained: the schedule has no epoch left.")
        advice = guidance(self.history, self.parts, self.config)
        write_whole(folder / GUIDANCE_FILE, ("\n".join(advice) + "\n").encode())
        digest = sha256((folder / WEIGHTS_FILE).read_bytes())
        return {
            "sha256": digest,
            "files": sorted(p.name for p in folder.iterdir() if p.is_file()),
            "epochs": self.epoch,
            "best_epoch": best.epoch,
            "dice": dict(zip(self.config.network.classes, best.dice, strict=True)),
            "validated_on": self.parts.validated_on,
            "guidance": advice,
        }

    def _is_printed(self) -> bool:
        """Return whether a line is due: of the first epoch, every n-th, and the last."""
        every = self.config.training.print_every
        return bool(every) and (self.epoch % every == 0 or self.epoch == 1 or self._over())

    def _fraction(self, step: float = 0.0) -> float:
        training = self.config.training
        done = (self.epoch + step) / training.epochs
        if training.minutes:
            done = max(done, self.seconds / 60 / training.minutes)
        return min(done, 1.0)

    def _over(self) -> bool:
        """Return whether the schedule, the time or the patience is at its end."""
        training = self.config.training
        late = training.minutes and self.seconds > 60 * training.minutes
        best = self.history.best
        stuck = best is not None and self.epoch - best.epoch >= training.patience
        return bool(self.epoch >= training.epochs or late or stuck)

    def _one_epoch(self, batches: Iterator[Batch], progress: Progress) -> tuple[float, Agreement]:
        """Return the mean loss and how well the varied slices were drawn meanwhile."""
        training = self.config.training
        weights = torch.ones(1 + len(self.config.network.classes), device=self.device)
        for name, value in training.class_weights.items():
            weights[1 + self.config.network.classes.index(name)] = float(value)
        self.network.train()
        total = 0.0
        agreement = Agreement(len(self.config.network.classes))
        for step in range(training.steps):
            for group in self.optimiser.param_groups:
                share = self._fraction(step / training.steps)
                group["lr"] = training.learning_rate * (
                    0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))
                )
            inputs, labels, missing, stands = (
                t.to(self.device, non_blocking=True) for t in next(batches)
            )
            if self.config.network.dropout:
                torch.manual_seed(self._seed(step))  # a run that goes on leaves out the same
            with torch.autocast(self.device, torch.bfloat16, enabled=half(self.device)):
                logits = self.network(inputs)
            logits = logits.float()[..., : labels.shape[1], : labels.shape[2]]
            value = loss(
                logits,
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
            # The most probable class, whatever the threshold: it is found where the logits are.
            drawn = logits.detach().argmax(dim=1).to("cpu", torch.uint8).numpy()
            truth, skipped = labels.cpu().numpy(), missing.cpu().numpy()
            for n, stand in enumerate(stands.tolist()):
                agreement.add(drawn[n], truth[n], np.flatnonzero(skipped[n]).tolist(), stand)
            if step % 5 == 0:
                progress.update(
                    self._fraction(step / training.steps),
                    f"training, epoch {self.epoch + 1}, step {step} of {training.steps}",
                )
        return total / training.steps, agreement

    def _seed(self, step: int) -> int:
        place = [self.config.training.seed, self.epoch, step, 5]
        return int(np.random.SeedSequence(place).generate_state(1)[0])

    def _average(self, step: int) -> None:
        """Take the moving average of weights; short at first."""
        keep = min(AVERAGING, (1 + step) / (10 + step))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - keep)
            else:
                self.average[name].copy_(value)

    def averaged(self) -> UNet:
        """Return the network with the averaged weights."""
        network = UNet(self.config.network).to(self.device, memory_format=torch.channels_last)
        network.load_state_dict(self.average)
        return network.eval()

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

    def _write_network(self, folder: Path, epoch: Epoch) -> None:
        content = weights_bytes(self.averaged())
        card = write_card(sha256(content), self.config, self.parts, epoch)
        write_whole(folder / CARD_FILE, card.encode())
        write_whole(folder / SPEC_FILE, self.config.network.to_json().encode())
        write_whole(folder / WEIGHTS_FILE, content)

    def _keep_epoch(self, folder: Path, epoch: Epoch) -> None:
        """Write the network to a folder of its own, which any command takes as a network."""
        with staged_folder(folder / f"unet_epoch_{epoch.epoch:04d}") as kept:
            self._write_network(kept, epoch)

    def _checkpoint(self, folder: Path) -> None:
        tensors = {f"network.{n}": v for n, v in self.network.state_dict().items()}
        tensors |= {f"average.{n}": v for n, v in self.average.items()}
        for n, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{n}.{key}": torch.as_tensor(v) for key, v in state.items()}
        state = {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "history": self.history.to_list(),
        }
        write_checkpoint(folder, tensors, state, self.config)

    def resume(self, folder: Path) -> bool:
        """Go on from the checkpoint in `folder`, if there is one.

        Raises
        ------
        InputError
            If it is of another configuration or damaged.
        """
        read = read_checkpoint(folder, self.config)
        if read is None:
            return False
        tensors, state = read
        self.network.load_state_dict(_under(tensors, "network."))
        self.average = {n: v.to(self.device) for n, v in _under(tensors, "average.").items()}
        template = self.optimiser.state_dict()
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under(tensors, "optimiser.").items():
            number, key = name.split(".", 1)
            entries.setdefault(int(number), {})[key] = value
        self.optimiser.load_state_dict({**template, "state": entries})
        self.epoch, self.seconds = int(state["epoch"]), float(state["seconds"])
        self.history.restore(state["history"])
        return True


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {n[len(prefix) :]: v for n, v in tensors.items() if n.startswith(prefix)}
