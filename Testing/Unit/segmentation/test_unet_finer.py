"""Labels on the image's pixels from logits on a coarser grid."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")

from CTDoseSegLib.segmentation.unet.finer import Finer, decide  # noqa: E402


@pytest.mark.parametrize(("coarse", "fine"), [((20, 26), (51, 64)), ((9, 9), (9, 9))])
def test_labels_are_those_of_logits_interpolated_everywhere(coarse, fine):
    rng = np.random.default_rng(3)
    rough = torch.from_numpy(rng.normal(0, 4, (1, 6, 5, 6)).astype(np.float32))
    logits = torch.nn.functional.interpolate(rough, coarse, mode="bicubic")
    whole = torch.nn.functional.interpolate(logits, fine, mode="bilinear", align_corners=False)
    made = Finer.of(coarse, fine).labels(logits[0], decide(logits, 0.5)[0], 0.5)
    assert len(np.unique(made)) > 3
    # Between four labelled pixels their sum may fall below the threshold: there the label stays.
    assert (made != decide(whole, 0.5)[0]).mean() < 0.002


def test_an_image_of_one_label_is_that_label():
    logits = torch.zeros(3, 4, 4)
    logits[2] = 9.0
    made = Finer.of((4, 4), (10, 10)).labels(logits, decide(logits[None], 0.5)[0], 0.5)
    assert made.shape == (10, 10)
    assert (made == 2).all()


def test_what_is_known_of_a_box_gives_the_labels_of_its_window():
    rough = torch.from_numpy(np.random.default_rng(4).normal(0, 4, (1, 6, 5, 6)).astype(np.float32))
    logits = torch.nn.functional.interpolate(rough, (20, 26), mode="bicubic")
    decided = decide(logits, 0.5)[0]
    whole = Finer.of((20, 26), (51, 64)).labels(logits[0], decided, 0.5)
    box = (slice(8, 20), slice(0, 16))
    finer = Finer.of((20, 26), (51, 64), box)
    part = finer.labels(logits[0][:, box[0], box[1]], decided[box], 0.5)
    assert np.array_equal(part, whole[finer.window])
    assert len(np.unique(part)) > 3
    rows, columns = finer.window
    assert (rows.stop, columns.start) == (51, 0)  # up to the image's edges
    # A pixel between the box and what is beyond it belongs to neither.
    assert 20 < rows.start < 23
    assert 37 < columns.stop < 40
