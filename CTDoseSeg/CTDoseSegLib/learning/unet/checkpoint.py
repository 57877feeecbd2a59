"""The state of a training run on disk, from which it goes on to the same weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ...errors import InputError
from ...segmentation.unet.network import sha256
from ..files import write_whole
from .config import Config

CHECKPOINT_FILE, STATE_FILE = "checkpoint.safetensors", "checkpoint.json"
# What may change between the parts of one run, and what later versions added: without a value it
# leaves the hash as it was.
_MAY_CHANGE = ("workers", "print_every", "save_every")


def write_checkpoint(
    folder: Path, tensors: dict[str, torch.Tensor], state: dict[str, Any], config: Config
) -> None:
    """Write the weights first, the state that names them last."""
    content = save({n: v.detach().cpu().contiguous() for n, v in tensors.items()})
    write_whole(folder / CHECKPOINT_FILE, content)
    state = state | {"config": _fingerprint(config), "sha256": sha256(content)}
    write_whole(folder / STATE_FILE, json.dumps(state, indent=1).encode())


def read_checkpoint(
    folder: Path, config: Config
) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Return tensors and state of the checkpoint in a folder; None where there is none.

    Raises
    ------
    InputError
        If it is of another configuration or damaged.
    """
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        content = (folder / CHECKPOINT_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"The checkpoint in {folder.name} cannot be read.") from error
    if state.get("config") != _fingerprint(config):
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
        return load(content), state
    except SafetensorError as error:
        raise InputError(f"{CHECKPOINT_FILE} is damaged; remove it to start again.") from error


def _fingerprint(config: Config) -> str:
    """Return the hash of what must not change between the parts of one run."""
    training = {k: v for k, v in asdict(config.training).items() if k not in _MAY_CHANGE}
    parts = [config.network.values(), training, [asdict(s) for s in config.data]]
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode())
