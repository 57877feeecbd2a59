"""How slices come to a network: on its working grid, with their neighbours, scaled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..slice_threads import for_each_slice, workers
from .spec import AIR_HU, UNetSpec

if TYPE_CHECKING:
    import torch

# Fat and what is denser.
FAT_HU = -200


def working_volume(hu: np.ndarray, pixel_mm: tuple[float, float], spec: UNetSpec) -> np.ndarray:
    """Return the slices on the working grid: means over the finer pixels.

    The outer edges of the grid are those of the image.

    Parameters
    ----------
    hu
        int16 or float32, [k, j, i].
    pixel_mm
        Pixel size along j and i.
    spec
        Of the network.

    Returns
    -------
    numpy.ndarray
        Of the type of `hu`, [k, rows, columns].
    """
    import torch

    shape = _working_shape(hu, pixel_mm, spec)
    if shape == hu.shape[1:]:
        return np.ascontiguousarray(np.maximum(hu, AIR_HU).astype(hu.dtype) if spec.windows else hu)
    out = np.empty((len(hu), *shape), hu.dtype)

    def average(k: int) -> None:
        plane = torch.from_numpy(np.ascontiguousarray(hu[k], dtype=np.float32))[None, None]
        if spec.windows:
            plane = plane.clamp(min=AIR_HU)  # a copy: float32 planes share the volume's memory
        plane = torch.nn.functional.interpolate(
            plane, shape, mode="bilinear", align_corners=False, antialias=True
        )[0, 0].numpy()
        out[k] = np.rint(plane) if hu.dtype == np.int16 else plane

    threads = workers(torch.get_num_threads())
    with torch_threads(torch.get_num_threads() // threads):
        for_each_slice(average, range(len(hu)), threads=threads)
    return out


def _working_shape(
    hu: np.ndarray, pixel_mm: tuple[float, float], spec: UNetSpec
) -> tuple[int, int]:
    """Return rows and columns of the working grid; by `pixel_mm` never finer than the image."""
    if spec.input_shape:
        return spec.input_shape, spec.input_shape
    if spec.pixel_mm <= 0:
        return hu.shape[1], hu.shape[2]
    working_mm = spec.pixel_mm
    if spec.across and spec.windows and (across_mm := _across_mm(hu, pixel_mm)) > 0:
        working_mm = min(working_mm, across_mm / spec.across)
    rows, columns = (
        max(1, min(n, round(n * size / working_mm)))
        for n, size in zip(hu.shape[1:], pixel_mm, strict=True)
    )
    return rows, columns


def _across_mm(hu: np.ndarray, pixel_mm: tuple[float, float]) -> float:
    """Return how wide what is as dense as fat is, mm: a disc of its area, in the large slices."""
    few = hu[:: max(1, len(hu) // 16), ::4, ::4]
    areas = (few > FAT_HU).mean(axis=(1, 2)) * hu.shape[1] * hu.shape[2] * pixel_mm[0] * pixel_mm[1]
    return float(np.sqrt(4.0 / np.pi * np.quantile(areas, 0.9)))


def value_scale(volume: np.ndarray, spec: UNetSpec) -> tuple[tuple[float, float], ...]:
    """Return (low, high) of each channel: the windows, or an MR volume's own percentiles."""
    if spec.windows:
        return spec.windows
    low, high = np.percentile(volume[:: max(1, len(volume) // 32)], (1, 99))
    return ((float(low), float(max(high, low + 1e-6))),)


def network_input(
    volume: np.ndarray, shown: np.ndarray, spec: UNetSpec, scale: tuple[tuple[float, float], ...]
) -> torch.Tensor:
    """Return slices with their neighbours as the network takes them.

    Rows and columns are filled up with air to the network's multiple, below and to the right.

    Parameters
    ----------
    volume
        On the working grid, [k, rows, columns].
    shown
        Indices of the slices that are shown with each of n slices, [n, neighbours].
    spec
        Of the network.
    scale
        As `value_scale` returns it.

    Returns
    -------
    torch.Tensor
        float32 [n, channels, rows, columns], from -1 to 1.
    """
    import torch

    slices = torch.from_numpy(volume[shown].astype(np.float32))  # [n, neighbours, j, i]
    channels = torch.cat(
        [((slices - low) * (2.0 / (high - low)) - 1.0).clamp_(-1.0, 1.0) for low, high in scale], 1
    )
    rows, columns = (-n % spec.multiple for n in channels.shape[2:])
    channels = torch.nn.functional.pad(channels, (0, columns, 0, rows), value=-1.0)
    return channels.contiguous(memory_format=torch.channels_last)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute in so many threads for each thread that is started in here."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)
