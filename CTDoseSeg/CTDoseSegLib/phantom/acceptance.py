"""The phantoms that segmentation is accepted on."""

from __future__ import annotations

from .phantom import Phantom

_SMALL, _SMALL_MM = (256, 256, 60), (1.7, 1.7, 8.0)
# Fixed: neither they nor the generator behind them are changed to make segmentation easier.
ACCEPTANCE_SEEDS: tuple[Phantom, ...] = (
    Phantom(seed=101, noise_hu=20, shape=_SMALL, spacing_mm=_SMALL_MM),
    Phantom(seed=102, arms="down", noise_hu=28, shape=(256, 256, 60), spacing_mm=(2.2, 2.2, 8.0)),
    Phantom(seed=103, blanket=True, noise_hu=30, shape=_SMALL, spacing_mm=_SMALL_MM),
    Phantom(
        seed=104,
        scale=1.1,
        fat_mm=42,
        noise_hu=35,
        shape=(256, 256, 60),
        spacing_mm=(2.0, 2.0, 8.0),
    ),
    Phantom(seed=105, scale=0.84, fat_mm=6, noise_hu=22, shape=_SMALL, spacing_mm=_SMALL_MM),
    Phantom(
        seed=106,
        arms="down",
        blanket=True,
        noise_hu=30,
        shape=(256, 256, 60),
        spacing_mm=(2.3, 2.3, 8.0),
    ),
    Phantom(seed=107, position="FFP", noise_hu=25, shape=_SMALL, spacing_mm=_SMALL_MM),
    Phantom(
        seed=108,
        variant="chest",
        offset_mm=(-110, 0, 0),
        noise_hu=25,
        shape=(256, 256, 40),
        spacing_mm=(1.3, 1.3, 7.5),
    ),
    Phantom(
        seed=109, variant="head", noise_hu=20, shape=(256, 256, 48), spacing_mm=(0.98, 0.98, 4.0)
    ),
    Phantom(
        seed=110, variant="head", noise_hu=30, shape=(256, 256, 48), spacing_mm=(0.98, 0.98, 4.0)
    ),
)
