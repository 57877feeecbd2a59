"""A network that begins with the weights of another one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the UNet needs torch")
pytest.importorskip("safetensors", reason="the UNet needs safetensors")

from CTDoseSegLib.learning.unet.start import begin_with  # noqa: E402
from CTDoseSegLib.segmentation.unet.network import UNet  # noqa: E402
from CTDoseSegLib.segmentation.unet.spec import UNetSpec  # noqa: E402

FORMER = UNetSpec(classes=("liver", "spleen"), widths=(4, 8), context=1)


def made(spec, seed):
    torch.manual_seed(seed)
    return UNet(spec).eval()


def test_more_slices_and_other_classes_leave_the_known_ones_as_they_were():
    spec = UNetSpec(classes=("bone", "spleen", "liver"), widths=(4, 8), context=2)
    former, network = made(FORMER, 1), made(spec, 2)
    begin_with(network, spec, former, FORMER)
    # Two windows of five slices; the former network saw the three in the middle.
    shown = torch.rand(1, 10, 16, 16)
    seen = torch.cat((shown[:, 1:4], shown[:, 6:9]), dim=1)
    with torch.inference_mode():
        logits, before = network(shown), former(seen)
    torch.testing.assert_close(logits[:, [0, 3, 2]], before)


def test_a_coarser_level_leaves_the_finer_ones_their_weights():
    spec = UNetSpec(classes=FORMER.classes, widths=(4, 8, 12), context=1)
    former, network = made(FORMER, 1), made(spec, 2)
    begin_with(network, spec, former, FORMER)
    assert torch.equal(network.up[1].weight, former.up[0].weight)
    assert torch.equal(network.join[1].first.weight, former.join[0].first.weight)
    assert torch.equal(network.down[1].second.weight, former.down[1].second.weight)
    assert network.up[0].weight.shape == (12, 8, 2, 2)


def test_of_a_network_of_other_widths_nothing_but_the_classes_fits():
    spec = UNetSpec(classes=FORMER.classes, widths=(6, 10), context=1)
    network = made(spec, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    begin_with(network, spec, made(FORMER, 1), FORMER)
    for name, value in network.state_dict().items():
        if name != "head.bias" and not name.endswith("num_batches_tracked"):
            assert torch.equal(value, before[name]), name
