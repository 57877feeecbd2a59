"""The UNet as a torch module, and its files. Imported only where a network runs."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...errors import ModelError
from .spec import CARD_FILE, SPEC_FILE, WEIGHTS_FILE, UNetSpec, bundled_folder


class UNet(nn.Module):
    """Encoder and decoder with skip connections (Ronneberger et al. 2015, arXiv 1505.04597).

    Two 3 x 3 convolutions with batch normalisation a level, pooling down, transposed convolutions
    up; in training a part of the channels is left out after each pooling (``spec.dropout``).
    Input [n, channels, rows, columns], rows and columns a multiple of ``spec.multiple``;
    output logits [n, 1 + classes, rows, columns].
    """

    def __init__(self, spec: UNetSpec) -> None:
        super().__init__()
        widths, self.dropout = spec.widths, spec.dropout
        self.down = nn.ModuleList(
            _Block(before, width)
            for before, width in zip((spec.channels, *widths[:-1]), widths, strict=True)
        )
        pairs = list(pairwise(widths))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, fine, 2, 2) for fine, deep in pairs)
        self.join = nn.ModuleList(_Block(2 * fine, fine) for fine, _ in pairs)
        self.head = nn.Conv2d(widths[0], 1 + len(spec.classes), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        skips = []
        for level, block in enumerate(self.down):
            if level:
                x = nn.functional.max_pool2d(x, 2)
                if self.dropout:
                    x = nn.functional.dropout2d(x, self.dropout, self.training)
            x = block(x)
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat((skips.pop(), up(x)), dim=1))
        return self.head(x)


class _Block(nn.Module):
    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu(self.first_norm(self.first(x)))
        return nn.functional.relu(self.second_norm(self.second(x)))


def for_inference(network: UNet, device: torch.device | str = "cpu") -> UNet:
    """Fold the normalisation into the convolutions, in place, and return the network."""
    network.eval()
    for block in (*network.down, *network.join):
        for name in ("first", "second"):
            convolution, norm = getattr(block, name), getattr(block, f"{name}_norm")
            if isinstance(norm, nn.BatchNorm2d):
                setattr(block, name, fuse_conv_bn_eval(convolution, norm))
                setattr(block, f"{name}_norm", nn.Identity())
    return network.to(device, memory_format=torch.channels_last).requires_grad_(False)


def weights_bytes(network: UNet) -> bytes:
    """Return the weights as a safetensors file."""
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    return save(state)


def sha256(content: bytes) -> str:
    """Return the SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def load_unet(folder: str | Path | None = None) -> tuple[UNet, UNetSpec, str]:
    """Read a network.

    Parameters
    ----------
    folder
        Of the network, as `ctdoseseg train-unet` writes it; None for the bundled one.

    Returns
    -------
    network : UNet
    spec : UNetSpec
    digest : str
        SHA-256 of the weights.

    Raises
    ------
    ModelError
        If a file is missing, damaged, or the weights are not those that the card names.
    """
    place = bundled_folder() if folder is None else Path(folder)
    try:
        content = place.joinpath(WEIGHTS_FILE).read_bytes()
        text = place.joinpath(SPEC_FILE).read_text(encoding="utf-8")
        card = place.joinpath(CARD_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"A UNet needs {WEIGHTS_FILE}, {SPEC_FILE} and {CARD_FILE} in its folder, and one of "
            "them cannot be read; give the folder that ctdoseseg train-unet wrote."
        ) from error
    spec = UNetSpec.from_json(text)
    digest = sha256(content)
    if f"sha256: {digest}\n" not in card.replace("\r\n", "\n"):
        raise ModelError(
            f"{WEIGHTS_FILE} is not the file that its {CARD_FILE} describes (SHA-256 {digest}): it "
            "was changed or damaged; copy the folder again."
        )
    network = UNet(spec)
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{WEIGHTS_FILE} does not hold the weights of the network that {SPEC_FILE} describes."
        ) from error
    return network, spec, digest
