"""How far the UNet agrees with itself, which a label map does not keep: for measuring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from CTDoseSegLib.segmentation.unet import engine


@contextmanager
def recorded_agreement() -> Iterator[dict[str, float]]:
    """Yield what gets, by class, the agreement of what the UNet segments meanwhile.

    NaN where a class was not drawn; empty where no UNet ran.
    """
    kept: dict[str, float] = {}
    unsure = engine.unsure

    def recording(certainty, spec, *more):
        kept.update(zip(spec.classes, map(float, certainty.agreement()), strict=True))
        return unsure(certainty, spec, *more)

    with mock.patch.object(engine, "unsure", recording):
        yield kept
