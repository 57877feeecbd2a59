"""`SampleData`: remembers what is registered and loads what needs no network."""

from __future__ import annotations

import hashlib
import logging
import types
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

import slicer


@dataclass(frozen=True)
class SampleDataSource:
    """One entry of the Sample Data module."""

    sampleName: str
    category: str
    uris: tuple[str, ...] = ()
    fileNames: tuple[str, ...] = ()
    nodeNames: tuple[str, ...] = ()
    checksums: tuple[str, ...] = ()
    thumbnailFileName: str | None = None
    loadFileTypes: tuple[str, ...] = ()
    loadFiles: tuple[bool, ...] = ()
    loadFileProperties: dict = field(default_factory=dict)
    customDownloader: object = None


def _several(value) -> tuple:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def registerCustomSampleDataSource(
    category="Custom",
    sampleName=None,
    uris=None,
    fileNames=None,
    nodeNames=None,
    customDownloader=None,
    thumbnailFileName=None,
    loadFileTypes=None,
    loadFiles=None,
    loadFileProperties=None,
    checksums=None,
    loadFileType=None,
):
    """Remember an entry; what Slicer would need and is not given raises."""
    source = SampleDataSource(
        sampleName,
        category,
        _several(uris),
        _several(fileNames),
        _several(nodeNames),
        _several(checksums),
        thumbnailFileName,
        _several(loadFileTypes or loadFileType),
        _several(loadFiles),
        dict(loadFileProperties or {}),
        customDownloader,
    )
    # As Slicer's own class, which counts the addresses even where there is a downloader.
    for name, value in (("uris", uris), ("fileNames", fileNames)):
        if value is None:
            raise TypeError(f"{name} of sample data has no length; give an empty list.")
    if not sampleName or not (source.uris or customDownloader):
        raise ValueError("Sample data need a name, and addresses or a downloader.")
    if source.uris and len(source.fileNames) != len(source.uris):
        raise ValueError(f"{sampleName}: each address needs a file name.")
    if source.uris and len(source.checksums) != len(source.uris):
        raise ValueError(f"{sampleName}: each address needs a checksum.")
    entries = slicer.modules.sampleDataSources.setdefault(category, [])
    if source.sampleName not in [entry.sampleName for entry in entries]:
        entries.append(source)


def downloadSamples(sampleName):
    """Load an entry from its file: addresses; returns all that came of it."""
    for entries in slicer.modules.sampleDataSources.values():
        for source in entries:
            if source.sampleName == sampleName:
                return _load(source)
    return []


def downloadSample(sampleName):
    """Return the first that came of it; IndexError where that is nothing, as in Slicer."""
    return downloadSamples(sampleName)[0]


def _load(source: SampleDataSource):
    # Slicer's own ignores `customDownloader` here: only the button of its panel calls it.
    nodes = []
    for index, uri in enumerate(source.uris):
        address = urlparse(uri)
        if address.scheme != "file":
            raise RuntimeError(f"The test host downloads nothing: {uri}")
        path = Path(unquote(address.path))
        if source.checksums and not _is_the_file_of(path, source.checksums[index]):
            logging.error("Checksum verification failed: %s", path.name)
            continue
        if source.fileNames[index].endswith(".zip") and not source.nodeNames:
            nodes.append(_extracted(path, source.fileNames[index]))
            continue
        kind = source.loadFileTypes[index] if source.loadFileTypes else None
        nodes.append(slicer.util.loadNodeFromFile(str(path), kind, dict(source.loadFileProperties)))
    return nodes


def _is_the_file_of(path: Path, checksum: str) -> bool:
    algorithm, digest = checksum.split(":")
    return hashlib.new(algorithm, path.read_bytes()).hexdigest() == digest


def _extracted(path: Path, name: str) -> str:
    """Folder in the cache with an archive's files; as in Slicer, nothing of it is loaded."""
    cache = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
    folder = cache / name.removesuffix(".zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return str(folder)


class SampleDataLogic:
    """The logic of the Sample Data module."""

    registerCustomSampleDataSource = staticmethod(registerCustomSampleDataSource)

    def downloadSample(self, sampleName):
        return downloadSample(sampleName)

    def downloadSamples(self, sampleName):
        return downloadSamples(sampleName)


def make_module() -> types.ModuleType:
    """`SampleData` for sys.modules."""
    module = types.ModuleType("SampleData")
    module.SampleDataLogic = SampleDataLogic
    module.SampleDataSource = SampleDataSource
    module.downloadSample = downloadSample
    module.downloadSamples = downloadSamples
    return module
