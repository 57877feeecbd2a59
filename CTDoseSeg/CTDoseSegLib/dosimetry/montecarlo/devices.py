"""Where photons can be followed: on the processor by numba, or on a GPU by NVIDIA Warp."""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import sys
import tempfile
from types import ModuleType

from ...errors import DependencyError
from .compilation import available as processor_available
from .compilation import user_cache, writable

AUTO, CPU, GPU = "auto", "cpu", "gpu"
# Warp's own processor device runs the GPU's kernel without a GPU: for tests, not for users.
WARP_ON_PROCESSOR = "warp-cpu"
_NAME = re.compile(r"auto|cpu|gpu(:\d+)?")
_EXTRA = 'pip install "ctdoseseg[montecarlo-gpu]"'
# Holds Warp's compiled code where the user's cache folder cannot be written to.
_TEMPORARY: list[tempfile.TemporaryDirectory[str]] = []


def is_device(name: str) -> bool:
    """Return whether this names a device: ``auto``, ``cpu``, ``gpu``, or ``gpu:N`` of several.

    Examples
    --------
    >>> is_device("gpu:1"), is_device("tpu")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def available(device: str = AUTO) -> tuple[bool, str]:
    """Return whether photons can be followed on a device, and a sentence that says why not.

    Parameters
    ----------
    device
        ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.

    Returns
    -------
    usable, reason

    Examples
    --------
    >>> usable, reason = available("gpu")
    >>> usable or "the device auto or cpu" in reason
    True
    """
    if device == CPU:
        return processor_available()
    if device == AUTO:
        return (True, "") if _gpu_available(GPU)[0] else processor_available()
    return _gpu_available(device)


def chosen(device: str) -> str:
    """Return the device to use: for ``auto`` a GPU where Warp finds one, else the processor.

    Raises
    ------
    DependencyError
        If the device cannot be used here.
    """
    if device == AUTO:
        return GPU if _gpu_available(GPU)[0] else CPU
    if device == WARP_ON_PROCESSOR:
        return device
    usable, reason = available(device)
    if not usable:
        raise DependencyError(reason)
    return device


def warp_device(device: str) -> str:
    """Return Warp's name of a device.

    Examples
    --------
    >>> warp_device("gpu"), warp_device("gpu:1")
    ('cuda:0', 'cuda:1')
    """
    if device == WARP_ON_PROCESSOR:
        return "cpu"
    return f"cuda:{device.partition(':')[2] or 0}"


def warp() -> ModuleType:
    """Return NVIDIA Warp, started.

    Its compiled code is kept where WARP_CACHE_PATH points, else in the user's cache folder beside
    numba's, else for this process alone. Of its messages, which go to standard output, it keeps
    all but warnings to itself. Where the process uses Warp already, both stay as they are.

    Raises
    ------
    DependencyError
        If Warp is not installed or does not start.
    """
    try:
        package = importlib.import_module("warp")
        if package.config.kernel_cache_dir is None:
            package.config.log_level = package.LOG_WARNING
            if "WARP_CACHE_PATH" not in os.environ:
                package.config.kernel_cache_dir = _cache_folder()
        package.init()
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"The Monte Carlo engine on a GPU needs NVIDIA Warp, which is not installed: {_EXTRA}, "
            "or choose the device auto or cpu."
        ) from error
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise DependencyError(
            f"NVIDIA Warp, which the Monte Carlo engine needs on a GPU, does not start ({error}); "
            f"{_EXTRA}, or choose the device auto or cpu."
        ) from error
    return package


def _gpu_available(device: str) -> tuple[bool, str]:
    if not _has_driver():
        return False, (
            "The Monte Carlo engine needs an NVIDIA GPU with its driver for the device "
            f"{device}, and found no driver; choose the device auto or cpu."
        )
    try:
        count = warp().get_cuda_device_count()
    except DependencyError as error:
        return False, str(error)
    if int(device.partition(":")[2] or 0) < count:
        return True, ""
    return False, (
        f"NVIDIA Warp finds {count} GPUs with CUDA on this computer, and the device {device} is "
        "none of them; update the driver, or choose the device auto or cpu."
    )


def _has_driver() -> bool:
    """Return whether there is a CUDA driver; Warp is slow to start and complains where not."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _cache_folder() -> str:
    folder = writable(user_cache() / "ctdoseseg" / "warp")
    if folder is None:
        _TEMPORARY.append(tempfile.TemporaryDirectory(prefix="ctdoseseg-warp-"))
        return _TEMPORARY[-1].name
    return str(folder)
