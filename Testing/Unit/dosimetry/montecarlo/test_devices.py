"""Where photons are followed, and what is said where there is no GPU."""

from __future__ import annotations

import types

import pytest
from dose_scans import make, scan_of
from photon_scenes import box, each, fan, path

from CTDoseSegLib import MonteCarloEngine
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.montecarlo import devices
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
from CTDoseSegLib.errors import DependencyError, DoseEngineError, InputError


@pytest.fixture
def with_driver(monkeypatch):
    monkeypatch.setattr(devices, "_has_driver", lambda: True)


@pytest.fixture
def without_warp(monkeypatch, with_driver):
    def refuse(name):
        raise ModuleNotFoundError("no warp", name=name)

    monkeypatch.setattr(devices, "importlib", types.SimpleNamespace(import_module=refuse))


@pytest.fixture
def with_one_gpu(monkeypatch, with_driver):
    package = types.SimpleNamespace(get_cuda_device_count=lambda: 1)
    monkeypatch.setattr(devices, "warp", lambda: package)


def test_a_gpu_without_warp_is_a_typed_error_that_says_what_to_install(without_warp):
    assert not devices.available("gpu")[0]
    sentence = r'ctdoseseg\[montecarlo-gpu\]".*the device auto or cpu'
    with pytest.raises(DependencyError, match=sentence):
        simulate(box("water"), fan(), path(), each(1), histories=100, device="gpu")
    with pytest.raises(DoseEngineError, match=f"montecarlo cannot be used: .*{sentence}"):
        estimate(MonteCarloEngine(device="gpu"), scan_of(*make()))


def test_a_computer_without_a_driver_is_told_apart(monkeypatch):
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    usable, reason = devices.available("gpu")
    assert not usable
    assert "found no driver" in reason


def test_a_warp_that_does_not_start_is_a_typed_error(monkeypatch, with_driver):
    def broken(name):
        raise OSError("libwarp.so: wrong ELF class")

    monkeypatch.setattr(devices, "importlib", types.SimpleNamespace(import_module=broken))
    assert "wrong ELF class" in devices.available("gpu")[1]


def test_auto_takes_a_gpu_where_there_is_one_and_the_processor_otherwise(monkeypatch, with_one_gpu):
    assert devices.chosen("auto") == "gpu"
    assert devices.available("auto") == (True, "")
    monkeypatch.setattr(devices, "_has_driver", lambda: False)
    assert devices.chosen("auto") == "cpu"
    assert devices.available("auto") == devices.available("cpu")


def test_one_gpu_of_several_is_named_by_its_number(with_one_gpu):
    assert devices.chosen("gpu:0") == "gpu:0"
    with pytest.raises(DependencyError, match=r"finds 1 GPUs with CUDA.* gpu:1 is none"):
        devices.chosen("gpu:1")


@pytest.mark.parametrize("name", ["tpu", "cuda", "gpu:x", "", devices.WARP_ON_PROCESSOR])
def test_another_device_is_refused_with_the_names(name):
    with pytest.raises(InputError, match="give auto, cpu, gpu or gpu:N"):
        MonteCarloEngine(device=name)
