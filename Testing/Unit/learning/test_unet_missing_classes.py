"""Training on sources of which one lacks a class: what counts as agreement."""

from __future__ import annotations

import numpy as np
import pytest
from labelled_scans import write_scan

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.learning.unet import evaluate as evaluate_module  # noqa: E402
from CTDoseSegLib.learning.unet.cases import read_cases  # noqa: E402
from CTDoseSegLib.learning.unet.config import read_config  # noqa: E402
from CTDoseSegLib.learning.unet.split import split  # noqa: E402
from CTDoseSegLib.learning.unet.trainer import Trainer  # noqa: E402
from CTDoseSegLib.tasks.progress import Progress  # noqa: E402

pytestmark = pytest.mark.slow

CONFIG = """
[network]
classes = ["liver", "bone"]
widths = [4, 8]
context = 0
pixel_mm = 0
windows = [[-1000, 1000]]
[[data]]
kind = "volumes"
folder = "whole"
[[data]]
kind = "volumes"
folder = "lacking"
not_drawn = ["bone"]
[training]
steps = 6
batch = 4
augment = false
"""


class ByValue(torch.nn.Module):
    """Knows each class by its value, so that its drawing is perfect."""

    def __init__(self):
        super().__init__()
        self.values = torch.nn.Parameter(torch.tensor([-0.9, 0.0, 0.7]))

    def forward(self, images):
        return -100 * (images - self.values[:, None, None]).abs()


def test_a_perfect_drawing_has_a_training_dice_of_one_where_a_class_was_not_drawn(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("whole", "lacking"):
        for name in "ab":
            labels = np.zeros((4, 16, 16), np.uint8)
            j, i = rng.integers(1, 5, 2)
            labels[:, j : j + 4, i : i + 4], labels[:, j + 5 : j + 10, i : i + 4] = 1, 2
            hu = np.array([-900, 0, 700], np.int16)[labels]
            if folder == "lacking":
                labels[labels == 2] = 0
            write_scan(tmp_path / folder, folder + name, hu, labels)
    (tmp_path / "config.toml").write_text(CONFIG)
    config = read_config(tmp_path / "config.toml")
    trainer = Trainer(config, split(read_cases(config)[0], config))
    trainer.network = ByValue().to(trainer.device)
    trainer.average = {"values": trainer.network.values.detach().clone()}
    trained = trainer._one_epoch(trainer.batches.stream(0), Progress())[1]
    assert trained.dice.tolist() == [1.0, 1.0]
    assert trained.accuracy == 1.0


def test_a_class_that_nobody_drew_makes_no_slice_less_right(tmp_path, monkeypatch):
    labels = np.zeros((3, 16, 16), np.uint8)
    labels[:, 2:6, 2:6], labels[:, 8:12, 2:6] = 1, 2
    hu = np.array([-900, 0, 700], np.int16)[labels]
    write_scan(tmp_path / "whole", "a", hu, labels)
    write_scan(tmp_path / "lacking", "b", hu, np.where(labels == 2, 0, labels))
    (tmp_path / "config.toml").write_text(CONFIG)
    spec = read_config(tmp_path / "config.toml").network
    wrong = labels.copy()
    wrong[0, 0, 0] = 1  # one pixel of liver in the air is wrong, also where bone was not drawn
    monkeypatch.setattr(evaluate_module, "load_unet", lambda _: (ByValue(), spec, ""))
    monkeypatch.setattr(evaluate_module, "for_inference", lambda network, _: network)
    monkeypatch.setattr(evaluate_module, "predict", lambda *_: wrong)
    pages = []
    monkeypatch.setattr(evaluate_module, "write_figures", lambda *given: pages.extend(given[2]))
    evaluate_module.evaluate(tmp_path / "config.toml", None, tmp_path / "out")
    assert [page.accuracy for page in pages[:3]] == [255 / 256, 1.0, 1.0]
    assert [page.accuracy for page in pages[3:]] == [239 / 240, 1.0, 1.0]
