"""A network that begins with the weights of another one, as far as they fit."""

from __future__ import annotations

from itertools import pairwise

import torch

from ...segmentation.unet.network import UNet
from ...segmentation.unet.spec import UNetSpec

BUNDLED = "bundled"


def begin_with(network: UNet, spec: UNetSpec, former: UNet, former_spec: UNetSpec) -> int:
    """Copy what fits from a former network, in place; return how many tensors.

    Levels of the same widths keep their weights wherever they are counted from the finest one.
    Classes are matched by name, and the slices shown about the middle one; what is new begins as
    it is.

    Parameters
    ----------
    network, spec
        To begin, with random weights.
    former, former_spec
        To begin with.

    Returns
    -------
    int
        Tensors that were copied.
    """
    state, source = network.state_dict(), former.state_dict()
    copied = 0
    for name, value in source.items():
        target = _place(name, former_spec, spec)
        if target is None or target not in state:
            continue
        new = state[target]
        if name.startswith("head.") and value.shape[1:] == new.shape[1:]:
            rows = _same_classes(former_spec, spec)
            new[rows[:, 1]] = value[rows[:, 0]]
        elif name == "down.0.first.weight" and _same_first_level(former_spec, spec):
            new.copy_(_more_slices(value, former_spec, spec))
        elif value.shape == new.shape:
            new.copy_(value)
        else:
            continue
        copied += 1
    network.load_state_dict(state)
    return copied


def _place(name: str, former: UNetSpec, spec: UNetSpec) -> str | None:
    """Return the name in the new network: the way up is counted from the coarsest level."""
    part, _, rest = name.partition(".")
    if part not in ("up", "join"):
        return name
    number, _, rest = rest.partition(".")
    pair = list(pairwise(former.widths))[::-1][int(number)]
    level = len(former.widths) - 2 - int(number)
    if level + 1 >= len(spec.widths) or (spec.widths[level], spec.widths[level + 1]) != pair:
        return None
    return f"{part}.{len(spec.widths) - 2 - level}.{rest}"


def _same_classes(former: UNetSpec, spec: UNetSpec) -> torch.Tensor:
    """Return (former row, new row) of the background and of each class that both have."""
    rows = [(0, 0)]
    rows += [
        (n, 1 + spec.classes.index(name))
        for n, name in enumerate(former.classes, start=1)
        if name in spec.classes
    ]
    return torch.tensor(rows)


def _same_first_level(former: UNetSpec, spec: UNetSpec) -> bool:
    same = former.windows == spec.windows and former.widths[0] == spec.widths[0]
    return same and former.context <= spec.context


def _more_slices(value: torch.Tensor, former: UNetSpec, spec: UNetSpec) -> torch.Tensor:
    """Return the first convolution's weights for more slices: the new ones count nothing yet."""
    had, have = 2 * former.context + 1, 2 * spec.context + 1
    windows = value.shape[1] // had
    new = torch.zeros(value.shape[0], windows * have, *value.shape[2:])
    first = spec.context - former.context
    for n in range(windows):
        start = n * have + first
        new[:, start : start + had] = value[:, n * had : (n + 1) * had]
    return new
