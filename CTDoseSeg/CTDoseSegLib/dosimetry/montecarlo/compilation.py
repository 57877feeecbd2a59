"""Whether the kernel can be compiled here, and the kernel, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType

from ...errors import DependencyError

KERNEL = "photon_kernel"
_LOCK = threading.Lock()
_EXTRA = 'pip install "ctdoseseg[montecarlo]"'


def available() -> tuple[bool, str]:
    """Return whether the Monte Carlo engine can run here, and a sentence that says why not.

    numba is imported, not just looked up: it refuses to work beside a numpy that it does not know.

    Examples
    --------
    >>> usable, reason = available()
    >>> usable or "numba" in reason
    True
    """
    try:
        importlib.import_module("numba")
    except ModuleNotFoundError as error:
        if error.name != "numba":
            return False, f"numba, which the Monte Carlo engine needs, lacks {error.name}."
        if reason := without_wheel():
            return False, reason
        return False, f"The Monte Carlo engine needs numba, which is not installed: {_EXTRA}."
    except Exception as error:  # noqa: BLE001 - numba raises whatever its own parts raise
        return False, (
            f"numba, which the Monte Carlo engine needs, cannot be used here ({error}); install a "
            f"version that goes with this numpy: {_EXTRA}."
        )
    return True, ""


def kernel(*, cached: bool = True, name: str = KERNEL) -> ModuleType:
    """Return the module of compiled functions; the first call in a process takes a second or two.

    The very first on a computer compiles for some 20 s. What was compiled is kept where
    NUMBA_CACHE_DIR points, else in the user's cache folder, else nowhere: an installation may not
    be writable, and Slicer's should not be written to.

    Parameters
    ----------
    cached
        False compiles once more and keeps nothing, where the cache could not be written.
    name
        Of the file: ``photon_kernel``, or ``ctdi_kernel``.

    Raises
    ------
    DependencyError
        If numba cannot be used here; the sentence says why.
    """
    name = f"{__package__}.{name}"
    with _LOCK:
        if cached and name in sys.modules:
            return sys.modules[name]
        usable, reason = available()
        if not usable:
            raise DependencyError(reason)
        from numba import config

        before = config.CACHE_DIR
        config.CACHE_DIR = str(writable(cache_folder(before)) or "") if cached else ""
        try:
            if name in sys.modules:
                return importlib.reload(sys.modules[name])
            return importlib.import_module(name)
        finally:
            config.CACHE_DIR = before


def cache_folder(stated: str = "") -> Path:
    """Return the folder for code that numba compiled, in the one that is stated or the user's own.

    numba compares the kernel's file alone, not what it imports: a name of the folder by both keeps
    code apart that was compiled with other inputs.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in ("photon_kernel.py", "ctdi_kernel.py", "kernel_inputs.py"):
        digest.update((here / name).read_bytes())
    base = Path(stated) if stated else user_cache()
    return base / "ctdoseseg" / f"numba-{digest.hexdigest()[:12]}"


def user_cache() -> Path:
    """Return the user's folder for what can be made again."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def writable(folder: Path) -> Path | None:
    """Return the folder, made where it is missing, if it can be written to; else None."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def without_wheel() -> str:
    """Return why numba cannot be installed on this computer; empty where it can."""
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return (
            "The Monte Carlo engine needs numba, which is no longer made for Macs with an "
            "Intel processor; use the fast dose engine or another computer."
        )
    return ""
