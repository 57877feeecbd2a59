"""Labels in colour: the same in pictures, curves and tables."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageSequence

from CTDoseSegLib.ct.organs import organ
from CTDoseSegLib.learning.unet.label_colours import OPACITY, blended, coloured, write_gif
from CTDoseSegLib.segmentation.unet.spec import UNetSpec

SPEC = UNetSpec(classes=("label_1", "label_2", "liver", "label_9"))


def test_a_label_has_the_colour_of_the_organ_table_and_unknown_one_of_its_own():
    picture = coloured(np.array([[0, 1, 2, 3, 4, 255]]), SPEC)[0]
    for pixel, name in zip(picture[1:5], SPEC.classes, strict=True):
        assert "#" + bytes(pixel).hex() == organ(name).color
    assert len({bytes(pixel) for pixel in picture}) == 6


def test_numbered_labels_are_far_apart():
    colours = [np.array(list(bytes.fromhex(organ(f"label_{n}").color[1:]))) for n in range(1, 9)]
    apart = [abs(a - b).max() for n, a in enumerate(colours) for b in colours[:n]]
    assert min(apart) > 50


def test_colour_lies_over_the_image_and_only_where_a_label_is():
    values = np.array([[-500.0, 0.0, 0.0, 500.0]])
    picture = blended(values, np.array([[0, 0, 1, 0]]), SPEC, (-100.0, 100.0))[0]
    assert picture[[0, 1, 3]].tolist() == [[0] * 3, [127] * 3, [255] * 3]
    colour = np.array(list(bytes.fromhex(organ("label_1").color[1:])))
    assert picture[2] == pytest.approx((1 - OPACITY) * 127.5 + OPACITY * colour, abs=1)


def test_frames_with_a_palette_are_written_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 4, (8, 8)) for _ in range(3)]
    frames = [Image.fromarray(coloured(one, SPEC)).quantize(256) for one in drawn]
    write_gif(tmp_path / "a.gif", frames, 100)
    with Image.open(tmp_path / "a.gif") as animation:
        read = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(animation)]
    assert all((a == coloured(b, SPEC)).all() for a, b in zip(read, drawn, strict=True))
